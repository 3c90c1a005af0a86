// All that a program of FKS Bridge does on a chart, save trading: ticks and bars out, signals in and
// drawn, settings and commands of the bridge, and a memory that outlives restarts.
#ifndef FKS_BRIDGE_MQH
#define FKS_BRIDGE_MQH

#include <FKS/Backfill.mqh>
#include <FKS/Desk.mqh>
#include <FKS/Execution.mqh>
#include <FKS/Feed.mqh>
#include <FKS/Session.mqh>

#define FKS_VERSION "1.0"
#define FKS_STATUS_MS 5000
#define FKS_TEND_MS 1000
#define FKS_POLL_TICKS 500
#define FKS_MAX_SYMBOLS 500

struct BridgeSettings
{
   Identity who;
   string symbols;     // "EURUSD,GBPUSD", or "" for the chart's own
   string periods;     // of closed bars: "M1,H1", or "" for none
   int capacity;       // items kept while the bridge is away
   int budgetMs;       // the longest one call may take
};

// The server's clock minus UTC, in whole quarters of an hour.
int ServerOffset()
{
   return (int)MathRound((double)(TimeTradeServer() - TimeGMT()) / 900) * 900;
}

class CBridge : public CDesk
{
protected:
   CSession m_session;

private:
   BridgeSettings m_settings;
   CFeed m_feeds[];
   CBars m_bars[];
   CBackfill m_backfill;
   string m_name;       // of this program's files
   int m_lock;
   int m_turn;          // the feed that is asked first
   ulong m_tendedMs;
   ulong m_statusMs;
   long m_welcomes;
   long m_pongs;

   // Symbols and bars.

   int FindFeed(const string symbol) const
   {
      for(int i = 0; i < ArraySize(m_feeds); i++)
         if(m_feeds[i].Name() == symbol)
            return i;
      return -1;
   }

   void AddSymbol(const string symbol)
   {
      int count = ArraySize(m_feeds);
      if(symbol == "" || FindFeed(symbol) >= 0 || count >= FKS_MAX_SYMBOLS)
         return;
      ArrayResize(m_feeds, count + 1, 16);
      if(!m_feeds[count].Open(symbol))
      {
         ArrayResize(m_feeds, count, 16);
         Print("FKS Bridge: the broker has no symbol ", symbol, "; look it up in Market Watch, its case counts");
         return;
      }
      AddBars(symbol);
   }

   void AddBars(const string symbol)
   {
      string periods[];
      int count = StringSplit(m_settings.periods, ',', periods);
      for(int i = 0; i < count; i++)
      {
         ENUM_TIMEFRAMES period = PeriodOf(periods[i]);
         if(period == PERIOD_CURRENT)
         {
            Print("FKS Bridge: ", periods[i], " is no period; use M1, M5, M15, M30, H1, H4, D1 or W1");
            continue;
         }
         int at = ArraySize(m_bars);
         ArrayResize(m_bars, at + 1, 16);
         m_bars[at].Open(symbol, period, periods[i]);
      }
   }

   void AddSymbols(const string list)
   {
      string names[];
      int count = StringSplit(list, ',', names);
      for(int i = 0; i < count; i++)
      {
         StringTrimLeft(names[i]);
         StringTrimRight(names[i]);
         AddSymbol(names[i]);
      }
   }

   // Every symbol in turn, until all are read or half of the time is used up.
   void PollFeeds(const ulong untilUs)
   {
      int count = ArraySize(m_feeds);
      for(int i = 0; i < count && GetMicrosecondCount() < untilUs; i++)
      {
         m_turn = (m_turn + 1) % count;
         m_feeds[m_turn].Poll(m_session, FKS_POLL_TICKS);
      }
   }

   // Messages of the bridge.

   void Handle(const string line)
   {
      CJson message;
      message.Parse(line);
      string type = message.Text(0, "type");
      if(type == "signal")
         HandleSignal(message, m_session);
      else if(type == "command")
         HandleCommand(message);
      else if(type == "welcome")
         Configure(message, message.Find(0, "config"));
      else
         HandleConfig(message);
   }

   void HandleConfig(const CJson &message)
   {
      Configure(message, SettingsOf(message));
      m_session.Say(ConfigAck(message));
   }

   void Configure(const CJson &message, const int settings)
   {
      int symbols = message.Find(settings, "symbols");
      for(int node = message.First(symbols); node >= 0; node = message.Next(node))
         if(message.Is(node, JSON_TEXT))
            AddSymbol(message.Value(node));
      long batch = message.Whole(settings, "batch");
      if(batch > 0)
         m_session.SetBatch((int)MathMin(batch, 1000));
      long interval = message.Whole(settings, "interval_ms");
      if(interval > 0)
         EventSetMillisecondTimer((int)MathMin(interval, 10000));
   }

   void HandleCommand(const CJson &message)
   {
      string name = message.Text(0, "name");
      string id = message.Name(0, "id");
      int args = message.Find(0, "args");
      if(name == "backfill")
         StartBackfill(message, id, args);
      else if(name == "resubscribe")
         Answer(id, Resubscribe() == 0, "");
      else if(name == "rotate_key")
         Answer(id, RotateKey(message.Text(args, "key")), "");
      else
         Answer(id, false, "this terminal does not know the command " + name);
   }

   void Answer(const string id, const bool done, const string detail)
   {
      m_session.Say(CommandAck(id, done, detail));
   }

   void StartBackfill(const CJson &message, const string id, const int args)
   {
      string problem = m_backfill.Start(id, message.Text(args, "symbol"), message.Text(args, "period"),
                                        message.Whole(args, "from_ms"), message.Whole(args, "to_ms"));
      if(problem != "")
         Answer(id, false, problem);
   }

   // Asks for all symbols again; returns how many the broker refused.
   int Resubscribe()
   {
      int refused = 0;
      for(int i = 0; i < ArraySize(m_feeds); i++)
         if(!SymbolSelect(m_feeds[i].Name(), true))
            refused++;
      return refused;
   }

   // Kept beside the input, which a program can't change; used from the next hello on.
   bool RotateKey(const string key)
   {
      return key != "" && WriteText(m_name + ".key", m_settings.who.key + "\n" + key);
   }

   string CurrentKey() const
   {
      string text;
      string parts[];
      // A new key in the input outdates the one that once replaced the old input.
      if(ReadText(m_name + ".key", text) && StringSplit(text, '\n', parts) == 2 && parts[0] == m_settings.who.key)
         return parts[1];
      return m_settings.who.key;
   }

   // Heartbeat.

   void SayStatus()
   {
      string ping = m_session.PingTime() >= 0 ? ",\"ping_ms\":" + IntegerToString(m_session.PingTime()) : "";
      bool allowed = TerminalInfoInteger(TERMINAL_TRADE_ALLOWED) != 0 && MQLInfoInteger(MQL_TRADE_ALLOWED) != 0;
      m_session.Say("{\"type\":\"status\",\"produced\":" + IntegerToString(m_session.Next() - 1) + ",\"buffered\":" +
                    IntegerToString(m_session.Buffered()) + ",\"dropped\":" + IntegerToString(m_session.Dropped()) +
                    ",\"trade_allowed\":" + FlagText(allowed) + ",\"broker_connected\":" +
                    FlagText(TerminalInfoInteger(TERMINAL_CONNECTED) != 0) + ",\"market_open\":" +
                    FlagText(IsMarketOpen(_Symbol, TimeTradeServer())) + ping + "}");
      m_session.Ping();
   }

   // What has to be done once a second.
   void Tend(CLink &link)
   {
      for(int i = 0; i < ArraySize(m_bars); i++)
         m_bars[i].Poll(m_session);
      TendSignals(m_session);
      ShowState();
      int offset = ServerOffset();
      if(offset != m_session.Offset())
      {
         m_session.SetOffset(offset);
         m_session.Reconnect(link, "the server's clock has moved against UTC");
      }
   }

   void ShowState()
   {
      Comment("FKS Bridge ", m_session.State() == SESSION_OPEN ? "connected" : "not connected", ", ",
              IntegerToString(m_session.Buffered()), " waiting, ", IntegerToString(m_session.Dropped()), " dropped",
              m_session.Problem() == "" ? "" : "\n" + m_session.Problem());
   }

   void BeginSession()
   {
      ShowState();
      SayStatus();
      m_book.TellAll(m_session);
   }

   // Memory.

   string StateText() const
   {
      string text = "stream\t" + m_session.Stream() + "\t" + IntegerToString(m_session.First()) + "\t" +
                    IntegerToString(m_session.Acked()) + "\t" + IntegerToString(m_session.Dropped()) + "\n";
      for(int i = 0; i < ArraySize(m_feeds); i++)
      {
         TickPlace place = m_feeds[i].Place();
         if(m_feeds[i].IsPlaced())
            text += "place\t" + m_feeds[i].Name() + "\t" + IntegerToString(place.msc) + "\t" +
                    IntegerToString(place.sent) + "\n";
      }
      for(long seq = m_session.First(); seq < m_session.Next(); seq++)
      {
         RingItem item = m_session.Held(seq);
         text += item.symbol == "" ? "item\t" + item.kind + "\t" + item.text + "\n" : RecordLine(item);
      }
      return text;
   }

   string RecordLine(const RingItem &item) const
   {
      return "tick\t" + item.symbol + "\t" + IntegerToString(item.digits) + "\t" + IntegerToString(item.tick.timeUs) +
             "\t" + NumberText(item.tick.bid) + "\t" + NumberText(item.tick.ask) + "\t" +
             NumberText(item.tick.volume) + "\n";
   }

   void RestoreRecord(const string &parts[])
   {
      TickRecord tick;
      tick.timeUs = StringToInteger(parts[3]);
      tick.bid = StringToDouble(parts[4]);
      tick.ask = StringToDouble(parts[5]);
      tick.volume = StringToDouble(parts[6]);
      m_session.AppendTick(parts[1], tick, (int)StringToInteger(parts[2]));
   }

   // One line of the state that an orderly end has left.
   void Restore(const string line)
   {
      string parts[];
      int count = StringSplit(line, '\t', parts);
      if(count == 5 && parts[0] == "stream")
         m_session.Begin(m_settings.who, m_settings.capacity, parts[1], StringToInteger(parts[2]),
                         StringToInteger(parts[3]), StringToInteger(parts[4]));
      else if(count == 3 && parts[0] == "item")
         m_session.Append(parts[1], parts[2]);
      else if(count == 7 && parts[0] == "tick")
         RestoreRecord(parts);
      else if(count == 4 && parts[0] == "place")
      {
         int at = FindFeed(parts[1]);
         TickPlace place;
         place.msc = StringToInteger(parts[2]);
         place.sent = (int)StringToInteger(parts[3]);
         if(at >= 0)
            m_feeds[at].SetPlace(place);
      }
   }

   void LoadState()
   {
      string text;
      string lines[];
      m_session.Begin(m_settings.who, m_settings.capacity);
      if(!ReadText(m_name + ".state", text))
         return;
      // From now on a crash must not find numbers that have been given out again.
      FileDelete(m_name + ".state");
      int count = StringSplit(text, '\n', lines);
      for(int i = 0; i < count; i++)
         Restore(lines[i]);
   }

   bool Lock()
   {
      m_lock = FileOpen(m_name + ".lock", FILE_WRITE | FILE_BIN);
      if(m_lock == INVALID_HANDLE)
         Alert("FKS Bridge: another chart runs instance ", m_settings.who.instance, " of ", m_settings.who.client,
               "; give this one another InpInstance");
      return m_lock != INVALID_HANDLE;
   }

   void Unlock()
   {
      FileClose(m_lock);
      m_lock = INVALID_HANDLE;
   }

protected:
   virtual datetime ServerNow() const override { return TimeTradeServer(); }

   // Nothing here, a trading program overrides it.
   virtual void Act(const int at, const Signal &signal) override
   {
      Step(at, STAGE_REJECTED, "this program does not trade");
   }

   // At each call in a session, for those who build on this.
   virtual void Look() {}

   // Before a signal of an earlier run is told: its fate may have to be found out.
   virtual void Recall() {}

   bool Step(const int at, const SignalStage stage, const string detail = "", const string ticket = "",
             const double price = 0)
   {
      return Take(m_session, at, stage, detail, ticket, price);
   }

public:
   CBridge() : m_lock(INVALID_HANDLE), m_turn(0), m_tendedMs(0), m_statusMs(0), m_welcomes(0), m_pongs(0) {}

   // False, with the reason said, when the program can't run.
   bool Start(const BridgeSettings &settings)
   {
      m_settings = settings;
      m_name = "FKS\\" + FileNameOf(settings.who.client + "-" + settings.who.instance + "-" + settings.who.account);
      MathSrand((int)(GetMicrosecondCount() % 32768));
      if(!Lock())
         return false;
      if(!m_book.Open(m_name + ".signals"))
      {
         Alert("FKS Bridge: can't write to the folder MQL5\\Files\\FKS (error ", GetLastError(), ")");
         Unlock();
         return false;
      }
      m_settings.who.key = CurrentKey();
      m_settings.who.offsetSeconds = ServerOffset();
      ArrayResize(m_feeds, 0);
      ArrayResize(m_bars, 0);
      AddSymbols(settings.symbols == "" ? _Symbol : settings.symbols);
      LoadState();
      Recall();
      return true;
   }

   void Work(CLink &link)
   {
      ulong startUs = GetMicrosecondCount();
      PollFeeds(startUs + (ulong)m_settings.budgetMs * 500);
      AnswerBackfill();
      m_session.Work(link);
      if(m_session.Welcomes() != m_welcomes)
      {
         m_welcomes = m_session.Welcomes();
         BeginSession();
      }
      string line;
      while(m_session.TakeMessage(line))
         Handle(line);
      if(m_session.Pongs() != m_pongs)
      {
         m_pongs = m_session.Pongs();
         m_book.Confirm(m_pongs);
      }
      if(m_session.State() == SESSION_OPEN)
         Look();
      Heartbeat(link);
      m_session.Push(link);
   }

   // Writes down what the next start needs and closes; the terminal waits 2.5 s at most.
   void Stop(CLink &link)
   {
      link.Close();
      if(m_lock == INVALID_HANDLE)
         return;
      if(!WriteText(m_name + ".state", StateText()))
         Print("FKS Bridge: can't write ", m_name, ".state: what was not acknowledged is lost");
      m_book.Close();
      Unlock();
      Comment("");
   }

private:
   void AnswerBackfill()
   {
      string detail;
      if(m_backfill.Work(m_session, m_session.Room() > m_settings.capacity / 2, detail))
         Answer(m_backfill.Id(), true, detail);
   }

   void Heartbeat(CLink &link)
   {
      ulong now = GetTickCount64();
      if(now - m_statusMs >= FKS_STATUS_MS)
      {
         m_statusMs = now;
         SayStatus();
      }
      if(now - m_tendedMs < FKS_TEND_MS)
         return;
      m_tendedMs = now;
      Tend(link);
   }
};

#endif
