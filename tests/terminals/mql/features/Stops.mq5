// What MetaTrader stops a program for, or lets pass though it is wrong: here each stops the run.
#include <FKS/Text.mqh>

input string InpCase = "";

int Zero()
{
   return StringLen("");
}

void Arrays()
{
   int numbers[];
   int fixed[2];
   ArrayResize(numbers, 3);
   if(InpCase == "index")
      Print(numbers[3 + Zero()]);
   if(InpCase == "negative index")
      Print(numbers[Zero() - 1]);
   if(InpCase == "fixed resize")
      ArrayResize(fixed, 3);
   if(InpCase == "remove")
      ArrayRemove(numbers, 2, 2);
}

void Formats()
{
   long wide = 5;
   if(InpCase == "format width")
      Print(StringFormat("%d", wide));
   if(InpCase == "format kind")
      Print(StringFormat("%s", 5));
   if(InpCase == "format double")
      Print(StringFormat("%d", 1.5));
   if(InpCase == "format few")
      Print(StringFormat("%d %d", 1));
   if(InpCase == "format many")
      Print(StringFormat("%d", 1, 2));
}

void Numbers()
{
   double nothing = Zero();
   int most = INT_MAX - Zero();
   if(InpCase == "integer division")
      Print(5 / Zero());
   if(InpCase == "real division")
      Print(5.0 / nothing);
   if(InpCase == "overflow")
      Print(most + 1);
   if(InpCase == "root")
      Print(MathSqrt(nothing - 1));
}

void Platform()
{
   uchar bytes[];
   if(InpCase == "code page")
      StringToCharArray("x", bytes);
   if(InpCase == "sandbox")
      FileOpen("..\\x", FILE_WRITE | FILE_BIN);
   if(InpCase == "file left open")
      FileOpen("x", FILE_WRITE | FILE_BIN);
   if(InpCase == "socket left open")
      SocketCreate();
   if(InpCase == "sleep")
      Sleep(1);
   if(InpCase == "long name")
      ObjectCreate(0, "0123456789012345678901234567890123456789012345678901234567890123", OBJ_TEXT, 0, 0, 1);
   if(InpCase == "substring")
      Print(StringSubstr("ab", 3 + Zero()));
   if(InpCase == "volume")
   {
      MqlTradeRequest request;
      MqlTradeResult result;
      ZeroMemory(request);
      request.action = TRADE_ACTION_DEAL;
      request.symbol = _Symbol;
      request.volume = 0.015;
      if(!OrderSend(request, result))
         Print("not sent");
   }
}

int OnInit()
{
   Arrays();
   Formats();
   Numbers();
   Platform();
   return INIT_SUCCEEDED;
}
