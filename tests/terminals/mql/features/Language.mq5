// Every feature of the language that the programs use, with the value it must have in MetaTrader 5.
#property copyright "FKS Bridge"

#include <FKS/Backfill.mqh>
#include <FKS/Hmac.mqh>
#include <FKS/Json.mqh>
#include <FKS/Measures.mqh>
#include <FKS/Ring.mqh>

input group "One of each kind"
input int InpNumber = 7;            // with a comment
input double InpReal = 0.25;
input bool InpFlag = true;
input string InpText = "a\tb";
input long InpLong = -5000000000;

#define TWICE 2
#define GREETING "hello"
#ifdef NEVER_DEFINED
Never_read;
#endif

enum Colour
{
   RED,
   GREEN = 5,
   BLUE
};

struct Pair
{
   string name;
   int values[3];
   double real;
};

class CShape
{
protected:
   int m_size;

public:
   CShape() : m_size(2) {}
   virtual int Area() const = 0;
   int Doubled() const { return Area() * TWICE; }
   void Resize(const int size, const int more = 1) { m_size = size + more; }
};

class CSquare : public CShape
{
public:
   virtual int Area() const override { return m_size * m_size; }
};

int g_static[];
int g_wrong = 0;

void Expect(const string what, const bool good)
{
   if(good)
      return;
   g_wrong++;
   Print("wrong: ", what);
}

void Fill(int &numbers[], const int count)
{
   ArrayResize(numbers, count);
   for(int i = 0; i < count; i++)
      numbers[i] = i * i;
}

int Sum(const int &numbers[])
{
   int sum = 0;
   for(int i = 0; i < ArraySize(numbers); i++)
      sum += numbers[i];
   return sum;
}

int AreaOf(const CShape &shape)
{
   return shape.Area();
}

int Count()
{
   static int calls = 0;
   calls++;
   return calls;
}

void CheckArrays()
{
   int dynamic[];
   int fixed[4];
   int listed[] = {3, 4, 5};
   const int sized[2] = {8, 9};
   Fill(dynamic, 5);
   Expect("by reference", Sum(dynamic) == 30);
   ArrayInitialize(fixed, 2);
   Expect("fixed", ArraySize(fixed) == 4 && Sum(fixed) == 8);
   Expect("initialised", listed[2] == 5 && Sum(sized) == 17);
   ArrayCopy(fixed, listed, 1, 0, 2);
   Expect("copied into", fixed[0] == 2 && fixed[1] == 3 && fixed[2] == 4);
   ArrayCopy(dynamic, dynamic, 0, 2, 3);
   Expect("copied over itself", dynamic[0] == 4 && dynamic[2] == 16 && ArraySize(dynamic) == 5);
   ArrayRemove(dynamic, 0, 2);
   Expect("removed", ArraySize(dynamic) == 3 && dynamic[0] == 16);
   ArrayCopy(g_static, listed);
   Expect("global", Sum(g_static) == 12);
   ArrayFree(dynamic);
   Expect("freed", ArraySize(dynamic) == 0);
}

void CheckClasses()
{
   CSquare square;
   CSquare many[];
   Pair pair;
   pair.name = "p";
   ArrayInitialize(pair.values, 6);
   Pair copy = pair;
   copy.values[0] = 1;
   Expect("array in a structure is copied", pair.values[0] == 6 && copy.values[0] == 1);
   square.Resize(3);
   Expect("default argument and virtual call", AreaOf(square) == 16 && square.Doubled() == 32);
   ArrayResize(many, 2);
   many[1].Resize(0, 5);
   Expect("array of objects", many[0].Area() == 4 && many[1].Area() == 25);
   Count();
   Expect("static", Count() == 2);
   ZeroMemory(pair);
   Expect("zeroed", pair.name == "");
}

void CheckNumbers()
{
   Colour colour = BLUE;
   uchar small = (uchar)300;
   ulong big = 0xFFFFFFFFFFFFFFFF;
   Expect("enumeration", (int)colour == 6);
   Expect("8 bits", small == 44);
   Expect("64 bits", big > 1 && StringFormat("%I64u", big) == "18446744073709551615");
   Expect("64 bits signed", InpLong == -5000000000 && 3000000000 > 0);
   Expect("shifts", ((1 << 10) | 1) == 1025 && (0x36 ^ 0x5C) == 106);
   Expect("rounding", MathRound(2.5) == 3 && MathRound(-2.5) == -3 && MathFloor(-0.5) == -1);
   Expect("normalized", NormalizeDouble(1.234567, 3) == 1.235);
   Expect("division of integers", 7 / 2 == 3 && -7 / 2 == -3 && -7 % 3 == -1);
   Expect("mixed maximum", MathMax(1, 2.5) == 2.5 && MathMin((long)4, 9) == 4);
   Expect("conditional", (InpFlag ? 1 : 2) == 1);
}

void CheckStrings()
{
   string text = "Kurs";
   string parts[];
   uchar bytes[];
   text += "\x20AC " + GREETING;
   Expect("escapes and macros", StringLen(text) == 11 && StringGetCharacter(text, 4) == 0x20AC);
   Expect("found", StringFind(text, "hello") == 6 && StringFind(text, "none") == -1);
   Expect("part", StringSubstr(text, 6, 2) == "he" && StringSubstr(text, 6) == "hello");
   Expect("past the end is zero", StringGetCharacter("a", 1) == 0);
   Expect("split nothing", StringSplit("", ',', parts) == 0);
   Expect("split", StringSplit("a,,b", ',', parts) == 3 && parts[1] == "");
   Expect("replaced", StringReplace(text, "l", "L") == 2);
   Expect("bytes with the closing zero", StringToCharArray("\xE9", bytes, 0, -1, CP_UTF8) == 3 && bytes[1] == 0xA9);
   Expect("bytes back", CharArrayToString(bytes, 0, 2, CP_UTF8) == "\xE9");
   Expect("letters", 'A' == 65 && '\n' == 10 && ShortToString('x') == "x");
   Expect("trimmed", StringTrimLeft(parts[0]) == 0);
   Expect("input's escape", StringLen(InpText) == 3);
}

void CheckFormats()
{
   Expect("format", StringFormat("%d %05d %.2f %s %I64d %x %%", 5, 42, 1.005, "s", InpLong, 255) ==
          "5 00042 1.00 s -5000000000 ff %");
   Expect("width by argument", StringFormat("%.*f", 3, 1.5) == "1.500");
   Expect("number to text", IntegerToString(5, 3, '0') == "005" && DoubleToString(1.1, 5) == "1.10000");
   Expect("text to number", StringToInteger("12x") == 12 && StringToDouble("1e3") == 1000);
   Expect("time", TimeToString(1700000000, TIME_DATE | TIME_SECONDS) == "2023.11.14 22:13:20");
   Expect("shortest", NumberText(1.10000) == "1.1" && NumberText(5) == "5" && NumberText(0.00001) == "0.00001" &&
          NumberText(100, 0) == "100" && NumberText(DBL_MAX * 10) == "0" && NumberText(-0.5) == "-0.5");
}

void CheckJson()
{
   CJson json;
   Expect("object", json.Parse(" {\"a\":[1,-2.5e3,true,null,\"x\\n\\u20ac\\\"\"],\"b\":{\"c\":false}} "));
   int first = json.First(json.Find(0, "a"));
   Expect("number", json.Value(first) == "1" && json.Is(first, JSON_NUMBER));
   Expect("text", json.Value(json.Next(json.Next(json.Next(json.Next(first))))) == "x\n\x20AC\"");
   Expect("nested", !json.Flag(json.Find(0, "b"), "c") && json.Find(0, "d") == -1);
   Expect("raw", json.Raw(json.Find(0, "b")) == "{\"c\":false}");
   Expect("capitals", json.Parse("[\"\\u20AC\"]") && json.Value(json.First(0)) == "\x20AC");
   Expect("nothing in nothing", json.Find(-1, "a") == -1);
   Expect("empty", json.Parse("{}") && json.First(0) == -1 && json.Parse("[ ]"));
   string bad[] = {"", "{", "{\"a\"}", "{\"a\":1,}", "[1 2]", "\"x", "\"\\q\"", "\"\\u12g4\"", "tru", "{} {}", "nan",
                   "{a:1}", "{\"a\":\"\t\"}"};
   for(int i = 0; i < ArraySize(bad); i++)
      Expect("refused: " + bad[i], !json.Parse(bad[i]));
   string deep = "";
   for(int i = 0; i < 40; i++)
      deep += "[";
   Expect("too deep", !json.Parse(deep));
   Expect("quoted", JsonQuoted("a\"\\\n\xE9") == "\"a\\\"\\\\\\u000a\xE9\"");
}

// Vectors of FIPS 180-4 and RFC 4231 (2); the long key's was computed with Python's hmac.
void CheckHmac()
{
   uchar data[];
   uchar digest[];
   AppendUtf8("abc", data);
   Sha256(data, digest);
   Expect("sha256", HexOf(digest) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
   ArrayResize(data, 0);
   AppendUtf8("what do ya want for nothing?", data);
   Expect("hmac", HmacSha256Hex("Jefe", data) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
   string key = "";
   for(int i = 0; i < 131; i++)
      key += "k";
   Expect("hmac with a long key",
          HmacSha256Hex(key, data) == "ac392e02db84d07ccef2ec61fe41ed21f8176cf691c2cf82b98cf53270ce263e");
}

void CheckMeasures()
{
   double prices[] = {1, 2, 3, 2, 4};
   double flat[] = {1, 1, 1, 1};
   Expect("average", SimpleAverage(prices, 2) == 3 && SimpleAverage(prices, 6) == 0);
   Expect("strength", RelativeStrength(prices, 4) == 80 && RelativeStrength(flat, 3) == 50 &&
          RelativeStrength(prices, 5) == -1);
   Expect("volatility", Volatility(flat, 3) == 0 && Volatility(prices, 9) == -1 &&
          MathAbs(Volatility(prices, 4) - 0.5194) < 0.001);
   flat[2] = 0;
   Expect("no volatility of nothing", Volatility(flat, 3) == -1);
}

void CheckRing()
{
   CRing ring;
   ring.Begin(3);
   for(int i = 0; i < 5; i++)
      ring.Append("ticks", "S", IntegerToString(i));
   Expect("overflow", ring.First() == 3 && ring.Dropped() == 2 && ring.Buffered() == 3 && ring.At(3).text == "2");
   ring.Ack(1);
   Expect("a dropped number that arrived after all", ring.Acked() == 1 && ring.Dropped() == 1);
   ring.GiveUp(2, 2);
   ring.GiveUp(2, 2);
   ring.Ack(4);
   Expect("a gap stays a loss", ring.Acked() == 3 && ring.Dropped() == 1 && ring.Buffered() == 1);
   ring.Append("ticks", "S", "5");
   ring.Append("ticks", "S", "6");
   ring.DropOldest(3);
   ring.GiveUp(7, 7);
   ring.GiveUp(5, 5);
   ring.GiveUp(6, 6);
   ring.Ack(7);
   Expect("spans that touch are one", ring.Dropped() == 4 && ring.Acked() == 3 && ring.Produced() == 7);
   ring.Ack(3);
   Expect("acknowledgements only rise", ring.Through() == 7);
   ring.Begin(3);
   for(int i = 0; i < 9; i++)
      ring.Append("bar", "", "x");
   ring.GiveUp(1, 2);
   ring.GiveUp(4, 6);
   ring.Ack(3);
   ring.Ack(9);
   Expect("a gap behind an acknowledgement stays", ring.Dropped() == 5 && ring.Acked() == 4);
   ring.Begin(2, 10, 4, 5);
   Expect("goes on", ring.Append("bar", "", "x") == 10 && ring.Acked() == 4 && ring.Produced() == 10);
}

void CheckPeriods()
{
   string names[] = {"M1", "M5", "M15", "M30", "H1", "H4", "D1", "W1"};
   for(int i = 0; i < ArraySize(names); i++)
      Expect("period " + names[i], PeriodOf(names[i]) != PERIOD_CURRENT);
   Expect("no period", PeriodOf("M2") == PERIOD_CURRENT);
}

void OnStart()
{
   CheckArrays();
   CheckClasses();
   CheckNumbers();
   CheckStrings();
   CheckFormats();
   CheckJson();
   CheckHmac();
   CheckMeasures();
   CheckRing();
   CheckPeriods();
   Print("inputs ", InpNumber, " ", InpReal, " ", InpFlag ? "true" : "false");
   Print(g_wrong == 0 ? "all as expected" : "wrong");
}
