// All that the program does on a MetaTrader 4 chart, save trading: ticks out, signals in and drawn. The
// agent on this machine does what needs a network.
#ifndef FKS_RELAY_MQH
#define FKS_RELAY_MQH

#include <FKS/Answers.mqh>
#include <FKS/Desk.mqh>
#include <FKS/Execution.mqh>
#include <FKS/Quotes.mqh>

#define FKS_VERSION "1.0"
#define FKS_STATUS_MS 5000
#define FKS_TEND_MS 1000
#define FKS_MAX_SYMBOLS 500

struct RelaySettings
{
   string name;       // of the shared memory
   string symbols;    // "EURUSD,GBPUSD", or "" for the chart's own
   int capacity;      // records kept while agent or bridge are away
};

class CRelay : public CDesk
{
protected:
   CMemory m_memory;
   CServerClock m_clock;

private:
   CQuotes m_quotes[];
   RelaySettings m_settings;
   string m_name;       // of this program's files
   string m_problem;
   int m_lock;
   bool m_connected;
   bool m_agentRuns;
   uint m_statusMs;
   uint m_tendedMs;
   long m_rejects;

   // Symbols.

   int FindQuotes(const string symbol) const
   {
      for(int i = 0; i < ArraySize(m_quotes); i++)
         if(m_quotes[i].Name() == symbol)
            return i;
      return -1;
   }

   void AddSymbol(const string symbol)
   {
      int count = ArraySize(m_quotes);
      if(symbol == "" || FindQuotes(symbol) >= 0 || count >= FKS_MAX_SYMBOLS)
         return;
      ArrayResize(m_quotes, count + 1, 16);
      string problem = m_quotes[count].Open(symbol);
      if(problem == "")
         return;
      ArrayResize(m_quotes, count, 16);
      Print("FKS Bridge: ", problem);
   }

   void AddSymbols(const string list)
   {
      string names[];
      int count = StringSplit(list, ',', names);
      for(int i = 0; i < count; i++)
         AddSymbol(StringTrimLeft(StringTrimRight(names[i])));
   }

   // Asks for all symbols again; false when the broker refuses one.
   bool Resubscribe()
   {
      bool all = true;
      for(int i = 0; i < ArraySize(m_quotes); i++)
         all = SymbolSelect(m_quotes[i].Name(), true) && all;
      return all;
   }

   // Messages of the agent and, through it, of the bridge.

   void Handle(const string line)
   {
      CJson message;
      if(!message.Parse(line))
         Print("FKS Bridge: the agent sent what can't be read: ", StringSubstr(line, 0, 80));
      string type = message.Text(0, "type");
      if(type == "signal")
         HandleSignal(message, m_memory);
      else if(type == "welcome")
         HandleWelcome(message);
      else if(type == "away")
         HandleAway(message);
      else if(type == "pong")
         HandlePong(message);
      else if(type == "reject")
         HandleReject(message);
      else if(type == "command")
         HandleCommand(message);
      else if(type == "config")
         HandleConfig(message);
   }

   void HandleWelcome(const CJson &message)
   {
      m_connected = true;
      m_problem = "";
      m_memory.SetAhead(message.Whole(0, "ahead_ms"));
      Print("FKS Bridge: connected");
      Configure(message, message.Find(0, "config"));
      SetTradesWanted(true);
      ShowState();
      SayStatus();
      m_book.TellAll(m_memory);
   }

   void HandleAway(const CJson &message)
   {
      m_connected = false;
      m_problem = message.Text(0, "reason");
      if(message.Flag(0, "final"))
         Alert("FKS Bridge: the bridge turned this terminal away: ", m_problem,
               ". Mend it there, then start the agent again");
      else if(m_problem != "")
         Print("FKS Bridge: ", m_problem);
      ShowState();
   }

   void HandlePong(const CJson &message)
   {
      m_memory.Pong(message.Name(0, "t"));
      m_book.Confirm(m_memory.Answered());
   }

   void HandleReject(const CJson &message)
   {
      m_rejects++;
      if(IsUnsupported(message))
         SetTradesWanted(false);
      NoteRefusal(message, m_rejects);
   }

   void HandleCommand(const CJson &message)
   {
      string name = message.Text(0, "name");
      bool done = name == "resubscribe" && Resubscribe();
      string detail = name == "resubscribe" ? "" : "MetaTrader 4's program does not know the command " + name;
      m_memory.Say(CommandAck(message.Name(0, "id"), done, detail));
   }

   void HandleConfig(const CJson &message)
   {
      Configure(message, SettingsOf(message));
      m_memory.Say(ConfigAck(message));
   }

   void Configure(const CJson &message, const int settings)
   {
      int symbols = message.Find(settings, "symbols");
      for(int node = message.First(symbols); node >= 0; node = message.Next(node))
         if(message.Is(node, JSON_TEXT))
            AddSymbol(message.Value(node));
      long interval = message.Whole(settings, "interval_ms");
      if(interval > 0)
         EventSetMillisecondTimer((int)MathMin(interval, 10000));
   }

   // Heartbeat.

   void SayStatus()
   {
      bool allowed = TerminalInfoInteger(TERMINAL_TRADE_ALLOWED) != 0 && MQLInfoInteger(MQL_TRADE_ALLOWED) != 0;
      m_memory.Say("{\"type\":\"status\",\"trade_allowed\":" + FlagText(allowed) + ",\"broker_connected\":" +
                   FlagText(TerminalInfoInteger(TERMINAL_CONNECTED) != 0) + ",\"market_open\":" +
                   FlagText(IsMarketOpen(_Symbol, ServerNow())) + "}");
      m_memory.Ping();
   }

   void ShowState()
   {
      Comment("FKS Bridge ", m_connected ? "connected" : "not connected", ", ", IntegerToString(m_memory.Waiting()),
              " waiting, ", IntegerToString(m_memory.Dropped()), " dropped", m_problem == "" ? "" : "\n" + m_problem);
   }

   // What has to be done once a second.
   void Tend()
   {
      bool runs = m_memory.AgentRuns();
      if(!runs)
      {
         m_connected = false;
         m_problem = "the agent is not running: start \"python -m agent shm\" with the name " + m_settings.name;
      }
      if(m_agentRuns && !runs)
         Print("FKS Bridge: ", m_problem);
      m_agentRuns = runs;
      Beat();
      TendSignals(m_memory);
      ShowState();
   }

   bool Lock()
   {
      m_lock = FileOpen(m_name + ".lock", FILE_WRITE | FILE_BIN);
      if(m_lock == INVALID_HANDLE)
         Alert("FKS Bridge: another chart uses the InpName ", m_settings.name, "; give this one another");
      return m_lock != INVALID_HANDLE;
   }

   void Unlock()
   {
      FileClose(m_lock);
      m_lock = INVALID_HANDLE;
   }

   bool OpenBook()
   {
      bool open = m_book.Open(m_name + ".signals");
      if(!open)
         Alert("FKS Bridge: can't write to the folder MQL4\\Files\\FKS (error ", GetLastError(), ")");
      return open;
   }

   bool OpenMemory()
   {
      string problem = m_memory.Open(m_settings.name, m_settings.capacity);
      if(problem != "")
         Alert("FKS Bridge: ", problem);
      return problem == "";
   }

protected:
   virtual datetime ServerNow() const { return TimeGMT() + m_clock.Offset(); }

   // Once a second.
   virtual void Beat() = 0;

   // A session begins, or its bridge says that it takes no orders.
   virtual void SetTradesWanted(const bool wanted) = 0;

   // Before a signal of an earlier run is told: its fate may have to be found out.
   virtual void Recall() = 0;

   bool Connected() const { return m_connected; }

public:
   CRelay() : m_lock(INVALID_HANDLE), m_connected(false), m_agentRuns(true), m_statusMs(0), m_tendedMs(0), m_rejects(0) {}

   // False, with the reason said, when the program can't run.
   bool Start(const RelaySettings &settings)
   {
      m_settings = settings;
      string account = IntegerToString(AccountInfoInteger(ACCOUNT_LOGIN));
      m_name = "FKS\\" + FileNameOf(settings.name + "-" + account);
      m_connected = false;
      m_agentRuns = true;
      m_problem = "";
      if(!Lock())
         return false;
      if(!OpenBook() || !OpenMemory())
      {
         m_book.Close();
         Unlock();
         return false;
      }
      m_memory.SayAbout("{\"account\":\"" + account + "\",\"version\":\"" + FKS_VERSION + "\"}");
      m_clock.Guess(TimeCurrent(), m_memory.NowMs());
      m_memory.SetOffset(m_clock.Offset());
      ArrayResize(m_quotes, 0);
      AddSymbols(settings.symbols == "" ? _Symbol : settings.symbols);
      Recall();
      SayStatus();
      m_statusMs = GetTickCount();
      return true;
   }

   // The chart's symbol has a new tick: the same price may have come again.
   void OnChartTick()
   {
      int at = FindQuotes(_Symbol);
      if(at >= 0)
         m_quotes[at].Poll(m_memory, m_clock, true);
   }

   void Work()
   {
      for(int i = 0; i < ArraySize(m_quotes); i++)
         if(m_quotes[i].Name() != _Symbol)
            m_quotes[i].Poll(m_memory, m_clock, false);
      string line;
      while(m_memory.Hear(line))
         Handle(line);
      uint now = GetTickCount();
      if(now - m_statusMs >= FKS_STATUS_MS)
      {
         m_statusMs = now;
         SayStatus();
      }
      if(now - m_tendedMs >= FKS_TEND_MS)
      {
         m_tendedMs = now;
         Tend();
      }
   }

   void Stop()
   {
      if(m_lock == INVALID_HANDLE)
         return;
      m_memory.Close();
      m_book.Close();
      Unlock();
      Comment("");
   }
};

#endif
