// FKS Bridge self-test: drag it onto a chart; each step says OK, or what to do.
#property copyright "FKS Bridge"
#property version "1.00"
#property script_show_inputs

#include <FKS/Feed.mqh>
#include <FKS/NativeLink.mqh>
#include <FKS/Signals.mqh>

input string InpHost = "127.0.0.1";   // Address of the bridge
input int InpPort = 8888;             // Port: 8888, or 8889 with TLS
input bool InpTls = false;            // TLS, needed from anywhere but this machine
input string InpClient = "";          // Client's name on the bridge
input string InpKey = "";             // Its key
input string InpSecret = "";          // Its signing secret, or nothing
input int InpSignalS = 30;            // Wait so long for a signal that you push, s; 0: do not

CNativeLink g_link;
CSession g_session;
int g_failed = 0;

// One line in the journal; a step that failed says its remedy.
bool Check(const string what, const bool good, const string remedy)
{
   if(good)
      Print("FKS Bridge test: OK      ", what);
   else
      Print("FKS Bridge test: FAILED  ", what, ": ", remedy);
   if(!good)
      g_failed++;
   return good;
}

bool WorkUntilOpen(const int seconds)
{
   ulong end = GetTickCount64() + (ulong)seconds * 1000;
   while(GetTickCount64() < end && !IsStopped() && g_link.Problem() == "" &&
         g_session.State() != SESSION_OPEN && g_session.State() != SESSION_REFUSED)
   {
      g_session.Work(g_link);
      Sleep(20);
   }
   return g_session.State() == SESSION_OPEN;
}

bool CheckInputs()
{
   return Check("inputs", InpClient != "" && InpKey != "",
                "enter InpClient and InpKey; the bridge's page Clients shows both");
}

// Only indicators and ZeroMQ need DLLs, so this never fails.
void TellDlls()
{
   bool allowed = TerminalInfoInteger(TERMINAL_DLLS_ALLOWED) != 0;
   Print("FKS Bridge test: note    DLL imports are ", allowed ? "allowed" : "not allowed",
         "; only the indicator and the ZeroMQ program need them");
}

bool CheckSession()
{
   Identity who;
   who.client = InpClient;
   who.key = InpKey;
   who.secret = InpSecret;
   who.platform = "mt5";
   who.version = "1.0";
   who.instance = "test";
   who.account = IntegerToString(AccountInfoInteger(ACCOUNT_LOGIN));
   who.offsetSeconds = (int)MathRound((double)(TimeTradeServer() - TimeGMT()) / 900) * 900;
   g_link.Configure(InpHost, InpPort, InpTls, 3000);
   g_session.Begin(who, 100);
   bool open = WorkUntilOpen(10);
   bool reached = open || g_link.Problem() == "";
   if(!Check("connection to " + InpHost + ":" + IntegerToString(InpPort), reached, g_link.Problem()))
      return false;
   return Check("key of " + InpClient, open, g_session.Problem());
}

void CheckClock()
{
   long apartMs = MathAbs(g_session.BridgeNowMs() - (long)TimeGMT() * 1000);
   Check("clock", apartMs < 5000, "this machine's clock and the bridge's are " + IntegerToString(apartMs / 1000) +
         " s apart: let Windows set its time from the internet");
}

bool WorkUntilAcknowledged()
{
   ulong end = GetTickCount64() + 10000;
   while(g_session.Buffered() > 0 && GetTickCount64() < end && !IsStopped())
   {
      g_session.Work(g_link);
      Sleep(20);
   }
   return g_session.Buffered() == 0;
}

void CheckTick()
{
   MqlTick tick;
   if(!Check("a quote of " + _Symbol, SymbolInfoTick(_Symbol, tick), "open Market Watch and wait for a quote"))
      return;
   g_session.Append("tick", FieldsOf(_Symbol, tick, (int)SymbolInfoInteger(_Symbol, SYMBOL_DIGITS)));
   Check("one tick acknowledged", WorkUntilAcknowledged() && g_session.Rejects() == 0,
         "see the refusal above, or the page Refusals of the bridge");
}

bool TakeSignal(string &id)
{
   string line;
   CJson message;
   while(g_session.TakeMessage(line))
   {
      message.Parse(line);
      if(message.Text(0, "type") != "signal")
         continue;
      id = message.Name(0, "id");
      g_session.Say("{\"type\":\"signal_ack\",\"id\":" + JsonQuoted(id) +
                    ",\"state\":\"received\",\"detail\":\"self-test\"}");
      g_session.Work(g_link);
      return true;
   }
   return false;
}

void CheckSignal()
{
   if(InpSignalS <= 0)
      return;
   Print("FKS Bridge test: note    push a signal to ", InpClient, " now, on the bridge's page Signals");
   ulong end = GetTickCount64() + (ulong)InpSignalS * 1000;
   string id = "";
   while(id == "" && GetTickCount64() < end && !IsStopped())
   {
      g_session.Work(g_link);
      TakeSignal(id);
      Sleep(20);
   }
   Check("a signal", id != "", "none came: did you push one, has the key the scope signals, and does another chart of " +
         "this client run?");
}

void OnStart()
{
   TellDlls();
   if(CheckInputs() && CheckSession())
   {
      CheckClock();
      CheckTick();
      CheckSignal();
   }
   g_link.Close();
   Print("FKS Bridge test: ", g_failed == 0 ? "all is well" : IntegerToString(g_failed) + " failed");
}
