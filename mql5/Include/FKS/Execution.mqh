// What trading is made of on either MetaTrader: permissions, volumes, comments, and what is news.
#ifndef FKS_EXECUTION_MQH
#define FKS_EXECUTION_MQH

#include <FKS/Json.mqh>

#ifdef __MQL4__
#define FKS_TRADE_BUTTON "AutoTrading"
#define FKS_TRADE_OPTION "Allow live trading"
#else
#define FKS_TRADE_BUTTON "Algo Trading"
#define FKS_TRADE_OPTION "Allow Algo Trading"
#endif

// The order's comment names the signal, so that its fate can be found after a crash.
string CommentOf(const string id)
{
   string text = id;
   StringReplace(text, "-", "");
   return "FKS" + StringSubstr(text, 0, 24);
}

// The reason why an order in the symbol can't be sent, or "".
string WhyNotTrade(const bool execute, const string symbol)
{
   if(!execute)
      return "InpExecute is off";
   if(TerminalInfoInteger(TERMINAL_TRADE_ALLOWED) == 0)
      return "the button " + FKS_TRADE_BUTTON + " is off";
   if(MQLInfoInteger(MQL_TRADE_ALLOWED) == 0)
      return "this program may not trade: tick " + FKS_TRADE_OPTION + " in its properties";
   if(AccountInfoInteger(ACCOUNT_TRADE_ALLOWED) == 0 || AccountInfoInteger(ACCOUNT_TRADE_EXPERT) == 0)
      return "the account does not allow trading by programs";
   if(!SymbolSelect(symbol, true))
      return "the broker has no symbol " + symbol;
   return "";
}

// The wanted volume as the symbol's steps and limits allow it.
double VolumeFor(const string symbol, const double wanted)
{
   double step = SymbolInfoDouble(symbol, SYMBOL_VOLUME_STEP);
   double least = SymbolInfoDouble(symbol, SYMBOL_VOLUME_MIN);
   double most = SymbolInfoDouble(symbol, SYMBOL_VOLUME_MAX);
   double volume = step > 0 ? MathFloor(wanted / step + 0.0000001) * step : wanted;
   return NormalizeDouble(MathMin(MathMax(volume, least), most), 8);
}

// Whether the symbol is quoted at this moment of the trade server's clock.
bool IsMarketOpen(const string symbol, const datetime moment)
{
   MqlDateTime now;
   TimeToStruct(moment, now);
   int second = now.hour * 3600 + now.min * 60 + now.sec;
   datetime from = 0;
   datetime to = 0;
   for(uint i = 0; SymbolInfoSessionQuote(symbol, (ENUM_DAY_OF_WEEK)now.day_of_week, i, from, to); i++)
      if(second >= from && second < to)
         return true;
   return false;
}

// The fields of an account message, save its time.
string AccountText()
{
   return "\"login\":" + IntegerToString(AccountInfoInteger(ACCOUNT_LOGIN)) + ",\"server\":" +
          JsonQuoted(AccountInfoString(ACCOUNT_SERVER)) + ",\"currency\":" +
          JsonQuoted(AccountInfoString(ACCOUNT_CURRENCY)) + ",\"balance\":" +
          NumberText(AccountInfoDouble(ACCOUNT_BALANCE)) + ",\"equity\":" +
          NumberText(AccountInfoDouble(ACCOUNT_EQUITY)) + ",\"margin\":" +
          NumberText(AccountInfoDouble(ACCOUNT_MARGIN)) + ",\"free_margin\":" +
          NumberText(AccountInfoDouble(ACCOUNT_MARGIN_FREE)) + ",\"leverage\":" +
          IntegerToString(AccountInfoInteger(ACCOUNT_LEVERAGE));
}

// An entity as it was told last.
struct ToldState
{
   ulong ticket;
   string text;
   bool seen;
};

// Orders or positions that were told: only what is new or has changed is told again.
class CTold
{
private:
   ToldState m_told[];

public:
   void Forget() { ArrayResize(m_told, 0); }

   // The tickets of all that stand, as JSON.
   string Tickets() const
   {
      string text = "";
      for(int i = 0; i < ArraySize(m_told); i++)
         text += (i > 0 ? "," : "") + IntegerToString((long)m_told[i].ticket);
      return "[" + text + "]";
   }

   void BeginLook()
   {
      for(int i = 0; i < ArraySize(m_told); i++)
         m_told[i].seen = false;
   }

   // True when the entity is new or has changed since it was told.
   bool IsNews(const ulong ticket, const string text, bool &known)
   {
      int count = ArraySize(m_told);
      for(int i = 0; i < count; i++)
      {
         if(m_told[i].ticket != ticket)
            continue;
         bool changed = m_told[i].text != text;
         m_told[i].text = text;
         m_told[i].seen = true;
         known = true;
         return changed;
      }
      ArrayResize(m_told, count + 1, 16);
      m_told[count].ticket = ticket;
      m_told[count].text = text;
      m_told[count].seen = true;
      known = false;
      return true;
   }

   // The next entity that was not seen in this look, which is then forgotten; false when there is none.
   bool TakeGone(ToldState &gone)
   {
      int count = ArraySize(m_told);
      for(int i = count - 1; i >= 0; i--)
      {
         if(m_told[i].seen)
            continue;
         gone = m_told[i];
         m_told[i] = m_told[count - 1];
         ArrayResize(m_told, count - 1, 16);
         return true;
      }
      return false;
   }
};

#endif
