// Bytes and text: what goes over the wire is UTF-8 without MQL's closing zero.
#ifndef FKS_TEXT_MQH
#define FKS_TEXT_MQH

// Appends the text's UTF-8 bytes and returns how many there were.
int AppendUtf8(const string text, uchar &bytes[])
{
   int before = ArraySize(bytes);
   int copied = StringToCharArray(text, bytes, before, -1, CP_UTF8);
   // MetaTrader copies the string's closing zero along; a zero inside a line is none of ours.
   if(copied > 0 && bytes[before + copied - 1] == 0)
      copied--;
   ArrayResize(bytes, before + copied, 4096);
   return copied;
}

string TextOf(const uchar &bytes[], const int start, const int count)
{
   if(count <= 0)
      return "";
   return CharArrayToString(bytes, start, count, CP_UTF8);
}

string HexOf(const uchar &bytes[])
{
   string text = "";
   for(int i = 0; i < ArraySize(bytes); i++)
      text += StringFormat("%02x", bytes[i]);
   return text;
}

// Takes the first `count` bytes away.
void CutFront(uchar &bytes[], const int count)
{
   int left = ArraySize(bytes) - count;
   if(left > 0)
      ArrayCopy(bytes, bytes, 0, count, left);
   ArrayResize(bytes, MathMax(0, left), 4096);
}

// A JSON number: the shortest of at most eight decimals. What is no number becomes 0, which the
// bridge refuses by name where 0 makes no sense.
string NumberText(const double value, const int digits = 8)
{
   if(!MathIsValidNumber(value))
      return "0";
   string text = DoubleToString(value, digits);
   if(StringFind(text, ".") < 0)
      return text;
   int end = StringLen(text);
   while(StringGetCharacter(text, end - 1) == '0')
      end--;
   if(StringGetCharacter(text, end - 1) == '.')
      end--;
   return StringSubstr(text, 0, end);
}

string FlagText(const bool value)
{
   return value ? "true" : "false";
}

#endif
