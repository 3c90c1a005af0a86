// FKS Bridge over ZeroMQ: what FKSBridgeEA does, through libzmq.dll, for those who run ZeroMQ already.
// MetaTrader's own sockets need no DLL.
#property copyright "FKS Bridge"
#property version "1.00"
#property description "Copy libzmq.dll (64 bit) to MQL5\\Libraries and allow DLL imports."

#include <FKS/Zmq.mqh>
#include <FKS/Trade.mqh>

input group "Bridge"
input string InpEndpoint = "tcp://127.0.0.1:5555";  // ZeroMQ address of the bridge
input string InpServerKey = "";       // Its CURVE key, needed from anywhere but this machine
input string InpClient = "";          // Client's name on the bridge
input string InpKey = "";             // Its key
input string InpSecret = "";          // Its signing secret, or nothing
input string InpInstance = "1";       // Different on each chart with the same client

input group "Data"
input string InpSymbols = "";         // Symbols, separated by commas; nothing: the chart's
input string InpPeriods = "M1";       // Closed bars of these periods; nothing: none
input int InpCapacity = 100000;       // Items kept while the bridge is away
input int InpTimerMs = 20;            // Look for ticks so often, ms
input int InpBudgetMs = 20;           // Longest time a look may take, ms
input bool InpTellTrades = true;      // Tell account, orders and positions

input group "Execution"
input bool InpExecute = false;        // Execute signals that ask for it
input double InpVolume = 0.01;        // Lots of each order
input int InpDeviation = 10;          // Largest slippage, points
input long InpMagic = 20261121;       // Marks this program's orders

CZmqLink g_link;
CTradingBridge g_bridge;

int OnInit()
{
   if(InpClient == "" || InpKey == "")
   {
      Alert("FKS Bridge: enter InpClient and InpKey; the bridge's page Clients shows both");
      return INIT_PARAMETERS_INCORRECT;
   }
   if(TerminalInfoInteger(TERMINAL_DLLS_ALLOWED) == 0 && MQLInfoInteger(MQL_DLLS_ALLOWED) == 0)
   {
      Alert("FKS Bridge: tick Allow DLL imports in the program's properties");
      return INIT_FAILED;
   }
   g_link.Configure(InpEndpoint, InpServerKey);

   TradeSettings trade;
   trade.execute = InpExecute;
   trade.volume = InpVolume;
   trade.deviation = InpDeviation;
   trade.magic = InpMagic;
   trade.tellState = InpTellTrades;
   g_bridge.ConfigureTrade(trade);

   BridgeSettings settings;
   settings.who.client = InpClient;
   settings.who.key = InpKey;
   settings.who.secret = InpSecret;
   settings.who.platform = "mt5";
   settings.who.version = FKS_VERSION;
   settings.who.instance = InpInstance;
   settings.who.account = IntegerToString(AccountInfoInteger(ACCOUNT_LOGIN));
   settings.who.offsetSeconds = 0;
   settings.symbols = InpSymbols;
   settings.periods = InpPeriods;
   settings.capacity = InpCapacity;
   settings.budgetMs = InpBudgetMs;
   if(!g_bridge.Start(settings))
      return INIT_FAILED;
   EventSetMillisecondTimer(InpTimerMs);
   return INIT_SUCCEEDED;
}

void OnDeinit(const int reason)
{
   EventKillTimer();
   g_bridge.Stop(g_link);
   g_link.Release();
}

void OnTimer()
{
   g_bridge.Work(g_link);
}

// The timer alone would do; this saves up to a timer's period for the chart's own symbol.
void OnTick()
{
   g_bridge.Work(g_link);
}

void OnTradeTransaction(const MqlTradeTransaction &transaction, const MqlTradeRequest &request,
                        const MqlTradeResult &result)
{
   g_bridge.OnTrade(transaction);
}
