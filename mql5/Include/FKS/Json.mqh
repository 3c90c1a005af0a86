// JSON: a reader that keeps all nodes in one flat array, and quoting for what is written.
#ifndef FKS_JSON_MQH
#define FKS_JSON_MQH

#include <FKS/Text.mqh>

enum JsonKind
{
   JSON_OBJECT,
   JSON_ARRAY,
   JSON_TEXT,
   JSON_NUMBER,
   JSON_FLAG,
   JSON_NOTHING
};

struct JsonNode
{
   JsonKind kind;
   string key;    // in an object
   string text;   // of a string, a number, true or false
   int from;      // its place in the document
   int to;
   int first;     // child, or -1
   int next;      // sibling, or -1
};

string JsonQuoted(const string text)
{
   string out = "\"";
   int start = 0;
   int length = StringLen(text);
   for(int i = 0; i < length; i++)
   {
      ushort unit = StringGetCharacter(text, i);
      if(unit != '"' && unit != '\\' && unit >= 32)
         continue;
      out += StringSubstr(text, start, i - start);
      if(unit < 32)
         out += StringFormat("\\u%04x", unit);
      else
         out += "\\" + ShortToString(unit);
      start = i + 1;
   }
   return out + StringSubstr(text, start) + "\"";
}

// Reads one document. Nodes are named by their number; 0 is the outermost, -1 is none.
class CJson
{
private:
   JsonNode m_nodes[];
   int m_count;
   string m_text;
   int m_at;
   int m_depth;

   ushort Here() const
   {
      return StringGetCharacter(m_text, m_at);
   }

   void SkipBlanks()
   {
      while(Here() == ' ' || Here() == '\t' || Here() == '\r' || Here() == '\n')
         m_at++;
   }

   int Add(const JsonKind kind)
   {
      if(m_count >= ArraySize(m_nodes))
         ArrayResize(m_nodes, m_count + 1, 64);
      m_nodes[m_count].kind = kind;
      m_nodes[m_count].key = "";
      m_nodes[m_count].text = "";
      m_nodes[m_count].first = -1;
      m_nodes[m_count].next = -1;
      m_count++;
      return m_count - 1;
   }

   int HexDigit(const ushort unit) const
   {
      if(unit >= '0' && unit <= '9')
         return unit - '0';
      if(unit >= 'a' && unit <= 'f')
         return unit - 'a' + 10;
      if(unit >= 'A' && unit <= 'F')
         return unit - 'A' + 10;
      return -1;
   }

   // After the backslash; the text of the escape, or "" when it is none.
   string ReadEscape()
   {
      ushort unit = Here();
      m_at++;
      if(unit == '"' || unit == '\\' || unit == '/')
         return ShortToString(unit);
      if(unit == 'n' || unit == 't' || unit == 'r' || unit == 'b' || unit == 'f')
         return unit == 'n' ? "\n" : " ";
      if(unit != 'u')
         return "";
      int code = 0;
      for(int i = 0; i < 4; i++)
      {
         int digit = HexDigit(Here());
         if(digit < 0)
            return "";
         code = code * 16 + digit;
         m_at++;
      }
      return ShortToString((ushort)code);
   }

   // From the opening to after the closing quote; false when there is none.
   bool ReadText(string &text)
   {
      text = "";
      m_at++;
      while(true)
      {
         int start = m_at;
         while(Here() != '"' && Here() != '\\' && Here() >= 32)
            m_at++;
         text += StringSubstr(m_text, start, m_at - start);
         ushort unit = Here();
         if(unit != '"' && unit != '\\')
            return false;
         m_at++;
         if(unit == '"')
            return true;
         string escaped = ReadEscape();
         if(escaped == "")
            return false;
         text += escaped;
      }
      return false;
   }

   bool IsPlain(const ushort unit) const
   {
      return (unit >= '0' && unit <= '9') || (unit >= 'a' && unit <= 'z') || unit == '-' || unit == '+' ||
             unit == '.' || unit == 'E';
   }

   // A number, true, false or null.
   int ReadPlain()
   {
      int start = m_at;
      while(IsPlain(Here()))
         m_at++;
      string text = StringSubstr(m_text, start, m_at - start);
      if(text == "true" || text == "false")
         return AddPlain(JSON_FLAG, text);
      if(text == "null")
         return AddPlain(JSON_NOTHING, text);
      ushort unit = StringGetCharacter(text, 0);
      if(unit == '-' || (unit >= '0' && unit <= '9'))
         return AddPlain(JSON_NUMBER, text);
      return -1;
   }

   int AddPlain(const JsonKind kind, const string text)
   {
      int node = Add(kind);
      m_nodes[node].text = text;
      return node;
   }

   int ReadString()
   {
      string text;
      if(!ReadText(text))
         return -1;
      return AddPlain(JSON_TEXT, text);
   }

   bool ReadKey(string &key)
   {
      SkipBlanks();
      if(Here() != '"' || !ReadText(key))
         return false;
      SkipBlanks();
      if(Here() != ':')
         return false;
      m_at++;
      return true;
   }

   int ReadMany(const JsonKind kind, const ushort closing)
   {
      int node = Add(kind);
      int last = -1;
      m_at++;
      SkipBlanks();
      if(Here() == closing)
      {
         m_at++;
         return node;
      }
      while(true)
      {
         string key = "";
         if(kind == JSON_OBJECT && !ReadKey(key))
            return -1;
         int child = ReadValue();
         if(child < 0)
            return -1;
         m_nodes[child].key = key;
         if(last < 0)
            m_nodes[node].first = child;
         else
            m_nodes[last].next = child;
         last = child;
         SkipBlanks();
         ushort unit = Here();
         m_at++;
         if(unit == closing)
            return node;
         if(unit != ',')
            return -1;
      }
      return -1;
   }

   int ReadValue()
   {
      if(m_depth >= 32)
         return -1;
      m_depth++;
      SkipBlanks();
      int start = m_at;
      int node = -1;
      if(Here() == '{')
         node = ReadMany(JSON_OBJECT, '}');
      else if(Here() == '[')
         node = ReadMany(JSON_ARRAY, ']');
      else if(Here() == '"')
         node = ReadString();
      else
         node = ReadPlain();
      m_depth--;
      if(node >= 0)
      {
         m_nodes[node].from = start;
         m_nodes[node].to = m_at;
      }
      return node;
   }

public:
   CJson() : m_count(0), m_at(0), m_depth(0) {}

   // False when the text is no JSON document.
   bool Parse(const string text)
   {
      m_count = 0;
      m_depth = 0;
      m_at = 0;
      m_text = text;
      if(ReadValue() != 0)
         return false;
      SkipBlanks();
      return m_at == StringLen(m_text);
   }

   // The child with this key, or -1.
   int Find(const int parent, const string key) const
   {
      if(parent < 0)
         return -1;
      for(int node = m_nodes[parent].first; node >= 0; node = m_nodes[node].next)
         if(m_nodes[node].key == key)
            return node;
      return -1;
   }

   int First(const int parent) const
   {
      return parent < 0 ? -1 : m_nodes[parent].first;
   }

   int Next(const int node) const
   {
      return m_nodes[node].next;
   }

   string Value(const int node) const
   {
      return m_nodes[node].text;
   }

   // The node as it stands in the document.
   string Raw(const int node) const
   {
      return StringSubstr(m_text, m_nodes[node].from, m_nodes[node].to - m_nodes[node].from);
   }

   bool Is(const int node, const JsonKind kind) const
   {
      return node >= 0 && m_nodes[node].kind == kind;
   }

   string Text(const int parent, const string key) const
   {
      int node = Find(parent, key);
      return Is(node, JSON_TEXT) ? m_nodes[node].text : "";
   }

   // A string, or a number as it stands there: identifiers may be either.
   string Name(const int parent, const string key) const
   {
      int node = Find(parent, key);
      return Is(node, JSON_TEXT) || Is(node, JSON_NUMBER) ? m_nodes[node].text : "";
   }

   double Number(const int parent, const string key) const
   {
      int node = Find(parent, key);
      return Is(node, JSON_NUMBER) ? StringToDouble(m_nodes[node].text) : 0;
   }

   long Whole(const int parent, const string key) const
   {
      int node = Find(parent, key);
      return Is(node, JSON_NUMBER) ? StringToInteger(m_nodes[node].text) : 0;
   }

   bool Flag(const int parent, const string key) const
   {
      int node = Find(parent, key);
      return Is(node, JSON_FLAG) && m_nodes[node].text == "true";
   }
};

#endif
