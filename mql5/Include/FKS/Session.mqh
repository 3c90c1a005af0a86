// Bridge Protocol 1 from the terminal's side, over any link: hello, numbers, acknowledgements,
// resuming after a cut, pauses that grow. Call Work from the timer; it never waits.
#ifndef FKS_SESSION_MQH
#define FKS_SESSION_MQH

#include <FKS/Answers.mqh>
#include <FKS/Json.mqh>
#include <FKS/Link.mqh>
#include <FKS/Outgoing.mqh>

#define FKS_MAX_INCOMING 1048576
#define FKS_HELLO_MS 10000
#define FKS_SILENCE_MS 45000
#define FKS_PAUSE_MS 200
#define FKS_PAUSE_LIMIT_MS 10000

enum SessionState
{
   SESSION_WAITING,   // for the next attempt
   SESSION_OPENING,   // connecting
   SESSION_GREETED,   // hello is said
   SESSION_OPEN,
   SESSION_REFUSED    // for good, until the program is started anew
};

class CSession : public COutgoing
{
private:
   SessionState m_state;
   string m_problem;
   string m_said;       // the last problem in the journal
   uchar m_in[];
   string m_inbox[];    // signals, settings and commands for the owner
   int m_failures;
   ulong m_sinceMs;     // when the state began
   ulong m_retryMs;
   ulong m_heardMs;
   ulong m_pingMs;
   long m_pings;
   long m_pongs;
   long m_pingTime;     // -1: not known
   long m_welcomes;
   long m_rejects;
   long m_aheadMs;      // the bridge's clock minus this terminal's tick count
   bool m_tradesRefused;

   void Enter(const SessionState state)
   {
      m_state = state;
      m_sinceMs = GetTickCount64();
   }

   // Ends this connection; the next attempt follows after a pause that grows and is never the same
   // for two terminals, so that a restarted bridge is not met by all at once.
   void Drop(CLink &link, const string problem)
   {
      link.Close();
      m_problem = problem;
      // Every attempt may fail for the same reason: it is said once.
      if(problem != m_said)
         Print("FKS Bridge: ", problem);
      m_said = problem;
      double ceiling = MathMin((double)FKS_PAUSE_LIMIT_MS, FKS_PAUSE_MS * MathPow(2, MathMin(m_failures, 10)));
      m_retryMs = GetTickCount64() + (ulong)(ceiling * (0.5 + MathRand() / 65536.0));
      m_failures++;
      Enter(SESSION_WAITING);
   }

   void Refuse(CLink &link, const string problem)
   {
      Drop(link, problem);
      Enter(SESSION_REFUSED);
      Alert("FKS Bridge: ", problem);
   }

   bool IsFinal(const string code) const
   {
      return code == "auth" || code == "revoked" || code == "expired" || code == "ip" || code == "tls_required" ||
             code == "protocol" || code == "superseded";
   }

   string Remedy(const string code) const
   {
      if(code == "auth" || code == "revoked" || code == "expired")
         return ". Issue a key on the bridge's page Clients and enter it in the inputs";
      if(code == "tls_required")
         return ". Set InpTls to true and InpPort to the bridge's TLS port";
      if(code == "superseded")
         return ". The same instance runs twice: give each chart its own InpInstance";
      return "";
   }

   // A connection that fails here is found lost at the next Hear.
   void Flush(CLink &link)
   {
      if(ArraySize(m_out) > 0)
         link.Send(m_out);
   }

   // In.

   string WhyLost(const CLink &link) const
   {
      return link.Problem() == "" ? "the connection was lost" : link.Problem();
   }

   void Hear(CLink &link)
   {
      int had = ArraySize(m_in);
      bool alive = link.Receive(m_in);
      if(ArraySize(m_in) > had)
         m_heardMs = GetTickCount64();
      ReadLines(link);
      if(!alive && (m_state == SESSION_OPEN || m_state == SESSION_GREETED))
         Drop(link, WhyLost(link));
      else if(ArraySize(m_in) > FKS_MAX_INCOMING)
         Drop(link, "the bridge sent over 1 MiB without a line's end");
   }

   void ReadLines(CLink &link)
   {
      int start = 0;
      int size = ArraySize(m_in);
      for(int i = 0; i < size; i++)
      {
         if(m_in[i] != '\n')
            continue;
         HandleLine(link, TextOf(m_in, start, i - start));
         start = i + 1;
         if(m_state != SESSION_OPEN && m_state != SESSION_GREETED)
         {
            ArrayResize(m_in, 0);
            return;
         }
      }
      if(start > 0)
         CutFront(m_in, start);
   }

   void HandleLine(CLink &link, const string line)
   {
      CJson message;
      if(!message.Parse(line))
      {
         Drop(link, "the bridge sent a line that cannot be read: " + StringSubstr(line, 0, 80));
         return;
      }
      string type = message.Text(0, "type");
      if(type == "error")
         HandleError(link, message);
      else if(type == "welcome")
         HandleWelcome(link, message, line);
      else if(m_state != SESSION_OPEN)
         Drop(link, "the bridge answered hello with " + type);
      else
         HandleWork(link, type, message, line);
   }

   void HandleWork(CLink &link, const string type, const CJson &message, const string line)
   {
      if(type == "ack")
         HandleAck(link, message.Whole(0, "seq"));
      else if(type == "resend")
         m_cursor = MathMin(m_cursor, message.Whole(0, "from"));
      else if(type == "reject")
         HandleReject(message);
      else if(type == "ping")
         Queue("{\"type\":\"pong\",\"t\":" + PingMark(message) + "}");
      else if(type == "pong")
         HandlePong();
      else if(type == "signal" || type == "config" || type == "command")
         Keep(line);
   }

   string PingMark(const CJson &message) const
   {
      int node = message.Find(0, "t");
      if(message.Is(node, JSON_TEXT))
         return JsonQuoted(message.Value(node));
      return message.Is(node, JSON_NUMBER) ? message.Value(node) : "null";
   }

   void Keep(const string line)
   {
      int count = ArraySize(m_inbox);
      ArrayResize(m_inbox, count + 1, 16);
      m_inbox[count] = line;
   }

   void HandleError(CLink &link, const CJson &message)
   {
      string code = message.Text(0, "code");
      string problem = "the bridge ended the session: " + message.Text(0, "reason") + " (" + code + ")" + Remedy(code);
      if(IsFinal(code))
         Refuse(link, problem);
      else
         Drop(link, problem);
   }

   void HandleWelcome(CLink &link, const CJson &message, const string line)
   {
      long resume = message.Whole(0, "resume");
      if(m_state == SESSION_OPEN || resume < 1)
      {
         Drop(link, "the bridge's welcome makes no sense");
         return;
      }
      if(resume > m_ring.Next())
      {
         Renumber();
         Drop(link, "the bridge knows numbers that this terminal never gave out: a new numbering begins");
         return;
      }
      ResumeAt(resume);
      m_aheadMs = message.Whole(0, "server_time_ms") - (long)GetTickCount64();
      m_binary = AgreesOn(message, "binary");
      m_failures = 0;
      m_problem = "";
      m_said = "";
      m_welcomes++;
      Print("FKS Bridge: connected");
      Enter(SESSION_OPEN);
      if(message.First(message.Find(0, "config")) >= 0)
         Keep(line);
   }

   bool AgreesOn(const CJson &welcome, const string feature) const
   {
      for(int node = welcome.First(welcome.Find(0, "features")); node >= 0; node = welcome.Next(node))
         if(welcome.Value(node) == feature)
            return true;
      return false;
   }

   void HandleAck(CLink &link, const long seq)
   {
      if(seq > m_reached)
      {
         Drop(link, "the bridge acknowledged number " + IntegerToString(seq) + ", sent is " +
              IntegerToString(m_reached));
         return;
      }
      Acknowledge(seq);
   }

   void HandleReject(const CJson &message)
   {
      m_rejects++;
      if(IsUnsupported(message))
         m_tradesRefused = true;
      NoteRefusal(message, m_rejects);
   }

   void HandlePong()
   {
      m_pongs = m_pings;
      m_pingTime = (long)(GetTickCount64() - m_pingMs);
   }

   void Greet()
   {
      ArrayResize(m_in, 0);
      ForgetConnection();
      m_heardMs = GetTickCount64();
      SayHello();
      Enter(SESSION_GREETED);
   }

   void Connect(CLink &link)
   {
      if(GetTickCount64() < m_retryMs)
         return;
      if(link.Open() == LINK_CLOSED)
         Drop(link, link.Problem());
      else
         Enter(SESSION_OPENING);
   }

   void AwaitConnection(CLink &link)
   {
      LinkState state = link.State();
      if(state == LINK_OPEN)
         Greet();
      else if(state == LINK_CLOSED || GetTickCount64() - m_sinceMs > FKS_HELLO_MS)
         Drop(link, state == LINK_CLOSED ? link.Problem() : "the connection took over 10 s");
   }

   void Converse(CLink &link)
   {
      Hear(link);
      if(m_state == SESSION_GREETED && GetTickCount64() - m_sinceMs > FKS_HELLO_MS)
         Drop(link, "the bridge did not answer hello within 10 s");
      if(m_state == SESSION_OPEN && GetTickCount64() - m_heardMs > FKS_SILENCE_MS)
         Drop(link, "the bridge has been silent for 45 s");
      if(m_state == SESSION_OPEN)
         Compose();
      if(m_state == SESSION_OPEN || m_state == SESSION_GREETED)
         Flush(link);
   }

public:
   CSession() : m_state(SESSION_WAITING), m_failures(0), m_sinceMs(0), m_retryMs(0), m_heardMs(0), m_pingMs(0),
                m_pings(0), m_pongs(0), m_pingTime(-1), m_welcomes(0), m_rejects(0), m_aheadMs(0),
                m_tradesRefused(false) {}

   // A numbering of its own, empty, or going on where an earlier run ended.
   void Begin(const Identity &who, const int capacity, const string stream = "", const long next = 1,
              const long acked = 0, const long dropped = 0)
   {
      Number(who, capacity, stream, next, acked, dropped);
      m_retryMs = 0;
      m_failures = 0;
      m_problem = "";
      m_said = "";
      ArrayResize(m_inbox, 0);
      Enter(SESSION_WAITING);
   }

   void Work(CLink &link)
   {
      if(m_state == SESSION_WAITING)
         Connect(link);
      if(m_state == SESSION_OPENING)
         AwaitConnection(link);
      if(m_state == SESSION_GREETED || m_state == SESSION_OPEN)
         Converse(link);
   }

   // Sends at once what was said since Work.
   void Push(CLink &link)
   {
      if(m_state == SESSION_OPEN)
         Flush(link);
   }

   // Says something without a number; not kept when there is no session.
   virtual bool Say(const string line) override
   {
      if(m_state != SESSION_OPEN)
         return false;
      Queue(line);
      return true;
   }

   void Ping()
   {
      m_pingMs = GetTickCount64();
      if(Say("{\"type\":\"ping\",\"t\":" + IntegerToString((long)m_pingMs) + "}"))
         m_pings++;
   }

   // The next signal, settings or command; false when there is none.
   bool TakeMessage(string &line)
   {
      int count = ArraySize(m_inbox);
      if(count == 0)
         return false;
      line = m_inbox[0];
      for(int i = 1; i < count; i++)
         m_inbox[i - 1] = m_inbox[i];
      ArrayResize(m_inbox, count - 1, 16);
      return true;
   }

   // Starts anew with another hello, for example when the server's clock has changed.
   void Reconnect(CLink &link, const string why)
   {
      Drop(link, why);
      m_retryMs = 0;
   }

   SessionState State() const { return m_state; }
   string Problem() const { return m_problem; }
   long Welcomes() const { return m_welcomes; }
   long Rejects() const { return m_rejects; }
   virtual long Pings() const override { return m_pings; }
   long Pongs() const { return m_pongs; }
   long PingTime() const { return m_pingTime; }
   bool TradesRefused() const { return m_tradesRefused; }

   // The bridge's clock, milliseconds since 1970 UTC; before the first welcome the terminal's.
   virtual long BridgeNowMs() const override
   {
      if(m_welcomes == 0)
         return (long)TimeGMT() * 1000;
      return m_aheadMs + (long)GetTickCount64();
   }
};

#endif
