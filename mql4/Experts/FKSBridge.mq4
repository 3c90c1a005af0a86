// FKS Bridge: passes this chart's ticks to the agent on this machine through shared memory, draws the
// bridge's signals and, where allowed, executes them.
#property copyright "FKS Bridge"
#property version "1.00"
#property description "Needs fksbridge.dll in MQL4\Libraries, and the agent: python -m agent shm"
#property strict

#include <FKS/Orders.mqh>

input string InpName = "1";           // Name of the shared memory: another on each chart
input string InpSymbols = "";         // Symbols, separated by commas; nothing: the chart's
input int InpCapacity = 131072;       // Records kept while agent or bridge are away
input int InpTimerMs = 20;            // Look for signals and other symbols so often, ms
input bool InpTellTrades = true;      // Tell account, orders and positions

input bool InpExecute = false;        // Execute signals that ask for it
input double InpVolume = 0.01;        // Lots of each order
input int InpSlippage = 10;           // Largest slippage, points
input int InpMagic = 20261121;        // Marks this program's orders

CTradingRelay g_relay;

int OnInit()
{
   if(MQLInfoInteger(MQL_DLLS_ALLOWED) == 0)
   {
      Alert("FKS Bridge: tick Allow DLL imports on the page Common of this program's properties");
      return INIT_FAILED;
   }
   OrderSettings trade;
   trade.execute = InpExecute;
   trade.volume = InpVolume;
   trade.slippage = InpSlippage;
   trade.magic = InpMagic;
   trade.tellState = InpTellTrades;
   g_relay.ConfigureTrade(trade);

   RelaySettings settings;
   settings.name = InpName;
   settings.symbols = InpSymbols;
   settings.capacity = InpCapacity;
   if(!g_relay.Start(settings))
      return INIT_FAILED;
   EventSetMillisecondTimer(InpTimerMs);
   return INIT_SUCCEEDED;
}

void OnDeinit(const int reason)
{
   EventKillTimer();
   g_relay.Stop();
}

void OnTick()
{
   g_relay.OnChartTick();
}

void OnTimer()
{
   g_relay.Work();
}
