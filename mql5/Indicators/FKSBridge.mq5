// FKS Bridge as an indicator: sends the chart's ticks and the values of average, relative strength and
// volatility, and draws signals. Indicators may not trade and have no sockets of MetaTrader's, so this
// one uses Windows' (allow DLL imports) and talks to a bridge on this machine.
#property copyright "FKS Bridge"
#property version "1.00"
#property indicator_chart_window
#property indicator_buffers 1
#property indicator_plots 1
#property indicator_label1 "FKS average"
#property indicator_type1 DRAW_LINE
#property indicator_color1 clrSilver

#include <FKS/Bridge.mqh>
#include <FKS/Measures.mqh>
#include <FKS/Socket.mqh>

input group "Bridge"
input string InpHost = "127.0.0.1";     // Address of the bridge, in digits
input int InpPort = 8888;               // Its plain port
input string InpClient = "";            // Client's name on the bridge
input string InpKey = "";               // Its key
input string InpSecret = "";            // Its signing secret, or nothing
input string InpInstance = "indicator"; // Different on each chart with the same client

input group "Values"
input int InpAverage = 20;              // Bars of the simple average
input int InpStrength = 14;             // Bars of the relative strength
input int InpVolatility = 20;           // Bars of the volatility
input int InpTimerMs = 50;              // Look for ticks so often, ms

// Adds the values of each closed bar.
class CIndicatorBridge : public CBridge
{
private:
   void Tell(const string name, const double value, const datetime time)
   {
      m_session.Append("indicator", "\"symbol\":" + JsonQuoted(_Symbol) + ",\"name\":\"" + name + "\",\"value\":" +
                       NumberText(value) + ",\"time_ms\":" + IntegerToString(time * 1000));
   }

public:
   void TellValues(const double &closes[], const datetime time)
   {
      if(SimpleAverage(closes, InpAverage) > 0)
         Tell("sma_" + IntegerToString(InpAverage), SimpleAverage(closes, InpAverage), time);
      if(RelativeStrength(closes, InpStrength) >= 0)
         Tell("rsi_" + IntegerToString(InpStrength), RelativeStrength(closes, InpStrength), time);
      if(Volatility(closes, InpVolatility) >= 0)
         Tell("volatility_" + IntegerToString(InpVolatility), Volatility(closes, InpVolatility), time);
   }
};

CWinsockLink g_link;
CIndicatorBridge g_bridge;
double g_average[];
datetime g_told = 0;   // opening time of the last bar whose values were sent
bool g_running = false;

// Once per closed bar; the values are of closing prices.
void TellClosedBar()
{
   datetime closed = iTime(_Symbol, _Period, 1);
   int wanted = MathMax(InpAverage, MathMax(InpStrength, InpVolatility) + 1);
   MqlRates bars[];
   double closes[];
   if(closed == 0 || closed == g_told || CopyRates(_Symbol, _Period, 1, wanted, bars) <= 0)
      return;
   int count = ArraySize(bars);
   ArrayResize(closes, count);
   for(int i = 0; i < count; i++)
      closes[i] = bars[i].close;
   g_told = closed;
   g_bridge.TellValues(closes, closed);
}

int OnInit()
{
   g_running = false;
   SetIndexBuffer(0, g_average, INDICATOR_DATA);
   IndicatorSetString(INDICATOR_SHORTNAME, "FKS Bridge");
   if(InpClient == "" || InpKey == "")
   {
      Alert("FKS Bridge: enter InpClient and InpKey; the bridge's page Clients shows both");
      return INIT_PARAMETERS_INCORRECT;
   }
   if(TerminalInfoInteger(TERMINAL_DLLS_ALLOWED) == 0 && MQLInfoInteger(MQL_DLLS_ALLOWED) == 0)
   {
      Alert("FKS Bridge: tick Allow DLL imports in the indicator's properties");
      return INIT_FAILED;
   }
   g_link.Configure(InpHost, InpPort);

   BridgeSettings settings;
   settings.who.client = InpClient;
   settings.who.key = InpKey;
   settings.who.secret = InpSecret;
   settings.who.platform = "mt5";
   settings.who.version = FKS_VERSION;
   settings.who.instance = InpInstance;
   settings.who.account = IntegerToString(AccountInfoInteger(ACCOUNT_LOGIN));
   settings.who.offsetSeconds = 0;
   settings.symbols = _Symbol;
   settings.periods = "";
   settings.capacity = 20000;
   settings.budgetMs = 5;
   g_running = g_bridge.Start(settings);
   EventSetMillisecondTimer(InpTimerMs);
   return g_running ? INIT_SUCCEEDED : INIT_FAILED;
}

void OnDeinit(const int reason)
{
   EventKillTimer();
   if(g_running)
      g_bridge.Stop(g_link);
   g_link.Release();
}

void OnTimer()
{
   TellClosedBar();
   g_bridge.Work(g_link);
}

// The line on the chart: the average of prices up to each bar.
int OnCalculate(const int total, const int previous, const int begin, const double &price[])
{
   double sum = 0;
   for(int i = MathMax(0, previous - InpAverage); i < total; i++)
   {
      sum = 0;
      for(int k = MathMax(0, i - InpAverage + 1); k <= i; k++)
         sum += price[k];
      g_average[i] = i + 1 >= InpAverage ? sum / InpAverage : EMPTY_VALUE;
   }
   return total;
}
