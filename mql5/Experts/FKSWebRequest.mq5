// FKS Bridge, the simplest setup: one web request a second, no sockets and no DLL. Slower than
// FKSBridgeEA, and signals wait for the next request.
#property copyright "FKS Bridge"
#property version "1.00"
#property description "Add the bridge's URL under Tools > Options > Expert Advisors first."

#include <FKS/Bridge.mqh>
#include <FKS/HttpLink.mqh>

input group "Bridge"
input string InpUrl = "http://127.0.0.1:8001";  // URL of the bridge, without a path
input string InpClient = "";                    // Client's name on the bridge
input string InpKey = "";                       // Its key
input string InpSecret = "";                    // Its signing secret, or nothing
input string InpInstance = "web";               // Different on each chart with the same client
input int InpTimeoutMs = 3000;                  // Longest wait for an answer, ms

input group "Data"
input string InpSymbols = "";                   // Symbols, separated by commas; nothing: the chart's
input int InpIntervalMs = 1000;                 // One request in so many ms
input int InpCapacity = 100000;                 // Items kept while the bridge is away

CHttpLink g_link;
CBridge g_bridge;

int OnInit()
{
   if(InpClient == "" || InpKey == "")
   {
      Alert("FKS Bridge: enter InpClient and InpKey; the bridge's page Clients shows both");
      return INIT_PARAMETERS_INCORRECT;
   }
   g_link.Configure(InpUrl, InpKey, InpSecret, InpIntervalMs, InpTimeoutMs);

   BridgeSettings settings;
   settings.who.client = InpClient;
   settings.who.key = InpKey;
   settings.who.secret = "";   // the request is signed, not each line
   settings.who.platform = "mt5";
   settings.who.version = FKS_VERSION;
   settings.who.instance = InpInstance;
   settings.who.account = IntegerToString(AccountInfoInteger(ACCOUNT_LOGIN));
   settings.who.offsetSeconds = 0;
   settings.symbols = InpSymbols;
   settings.periods = "";
   settings.capacity = InpCapacity;
   settings.budgetMs = 50;
   if(!g_bridge.Start(settings))
      return INIT_FAILED;
   EventSetMillisecondTimer(MathMax(50, InpIntervalMs));
   return INIT_SUCCEEDED;
}

void OnDeinit(const int reason)
{
   EventKillTimer();
   g_bridge.Stop(g_link);
}

void OnTimer()
{
   g_bridge.Work(g_link);
}
