// Signals by id: each is shown once and executed once, whatever is repeated, also after a restart.
#ifndef FKS_SIGNALS_MQH
#define FKS_SIGNALS_MQH

#include <FKS/Files.mqh>
#include <FKS/Json.mqh>
#include <FKS/Voice.mqh>

#define FKS_SIGNALS_KEPT 1000

struct Signal
{
   string id;
   string symbol;
   string action;      // BUY, SELL, CLOSE, NONE
   double entry;       // 0: not given
   double stopLoss;
   double takeProfit;
   double confidence;
   string note;
   string source;
   long expiresMs;     // UTC; 0: never
   bool execute;
};

enum SignalStage
{
   STAGE_RECEIVED,
   STAGE_SHOWN,
   STAGE_SENDING,   // an order is on its way: never to be sent again
   STAGE_EXECUTED,
   STAGE_REJECTED,
   STAGE_EXPIRED
};

struct SignalLife
{
   Signal signal;
   SignalStage stage;
   string detail;
   string ticket;
   double price;
   long toldAt;        // the ping whose answer proves that the bridge has heard it
   bool confirmed;
   bool drawn;
};

Signal SignalOf(const CJson &message)
{
   Signal signal;
   signal.id = message.Name(0, "id");
   signal.symbol = message.Text(0, "symbol");
   signal.action = message.Text(0, "action");
   signal.entry = message.Number(0, "entry");
   signal.stopLoss = message.Number(0, "stop_loss");
   signal.takeProfit = message.Number(0, "take_profit");
   signal.confidence = message.Number(0, "confidence");
   signal.note = message.Text(0, "note");
   signal.source = message.Text(0, "source");
   signal.expiresMs = message.Whole(0, "expires_ms");
   signal.execute = message.Flag(0, "execute");
   return signal;
}

class CSignalBook
{
private:
   SignalLife m_lives[];
   int m_count;
   int m_file;
   string m_name;

   string StageName(const SignalStage stage) const
   {
      if(stage == STAGE_RECEIVED)
         return "received";
      if(stage == STAGE_SHOWN || stage == STAGE_SENDING)
         return "shown";
      if(stage == STAGE_EXECUTED)
         return "executed";
      return stage == STAGE_REJECTED ? "rejected" : "expired";
   }

   int Add(const Signal &signal)
   {
      if(m_count >= FKS_SIGNALS_KEPT)
      {
         // MetaTrader 4 has no ArrayRemove.
         for(int i = 1; i < m_count; i++)
            m_lives[i - 1] = m_lives[i];
         m_count--;
      }
      ArrayResize(m_lives, m_count + 1, 64);
      SignalLife life;
      life.signal = signal;
      life.stage = STAGE_RECEIVED;
      life.detail = "";
      life.ticket = "";
      life.price = 0;
      life.toldAt = 0;
      life.confirmed = false;
      life.drawn = false;
      m_lives[m_count] = life;
      m_count++;
      return m_count - 1;
   }

   // One line a step: id, stage, whether confirmed, expiry, ticket, price, symbol, detail.
   string LineOf(const SignalLife &life) const
   {
      string detail = life.detail;
      StringReplace(detail, "\t", " ");
      StringReplace(detail, "\n", " ");
      return life.signal.id + "\t" + IntegerToString(life.stage) + "\t" + IntegerToString(life.confirmed ? 1 : 0) +
             "\t" + IntegerToString(life.signal.expiresMs) + "\t" + life.ticket + "\t" + NumberText(life.price) + "\t" +
             life.signal.symbol + "\t" + detail + "\n";
   }

   // On the disk before anything follows from it: a crash must not make an order go out twice.
   bool Write(const SignalLife &life)
   {
      uchar bytes[];
      AppendUtf8(LineOf(life), bytes);
      bool written = FileWriteArray(m_file, bytes) == (uint)ArraySize(bytes);
      FileFlush(m_file);
      return written;
   }

   void ReadLine(const string line)
   {
      string parts[];
      if(StringSplit(line, '\t', parts) != 8)
         return;
      int at = Find(parts[0]);
      if(at < 0)
      {
         Signal signal;
         signal.id = parts[0];
         signal.action = "NONE";
         signal.entry = 0;
         signal.stopLoss = 0;
         signal.takeProfit = 0;
         signal.confidence = 0;
         signal.execute = false;
         signal.expiresMs = 0;
         at = Add(signal);
      }
      m_lives[at].stage = (SignalStage)StringToInteger(parts[1]);
      m_lives[at].confirmed = parts[2] == "1";
      m_lives[at].signal.expiresMs = StringToInteger(parts[3]);
      m_lives[at].ticket = parts[4];
      m_lives[at].price = StringToDouble(parts[5]);
      m_lives[at].signal.symbol = parts[6];
      m_lives[at].detail = parts[7];
      m_lives[at].drawn = m_lives[at].stage != STAGE_RECEIVED;
   }

   void Load()
   {
      string text;
      string lines[];
      ReadText(m_name, text);
      int count = StringSplit(text, '\n', lines);
      for(int i = 0; i < count; i++)
         ReadLine(lines[i]);
   }

   bool Compact() const
   {
      string text = "";
      for(int i = 0; i < m_count; i++)
         text += LineOf(m_lives[i]);
      return WriteText(m_name, text);
   }

public:
   CSignalBook() : m_count(0), m_file(INVALID_HANDLE), m_name("") {}

   // Reads what earlier runs did. False when the file can't be written: nothing may be executed then.
   bool Open(const string name)
   {
      m_count = 0;
      ArrayResize(m_lives, 0);
      m_name = name;
      Load();
      if(!Compact())
         return false;
      m_file = FileOpen(name, FILE_READ | FILE_WRITE | FILE_BIN);
      return m_file != INVALID_HANDLE && FileSeek(m_file, 0, SEEK_END);
   }

   void Close()
   {
      if(m_file != INVALID_HANDLE)
         FileClose(m_file);
      m_file = INVALID_HANDLE;
   }

   int Count() const { return m_count; }
   SignalLife Life(const int at) const { return m_lives[at]; }

   int Find(const string id) const
   {
      for(int i = m_count - 1; i >= 0; i--)
         if(m_lives[i].signal.id == id)
            return i;
      return -1;
   }

   // A signal has come. True when it is new; a repeat is only told again what became of it.
   bool Arrive(const Signal &signal, const long nowMs, int &at)
   {
      at = Find(signal.id);
      if(at >= 0)
      {
         m_lives[at].confirmed = false;
         // After a restart the book knows the signal's fate but not what it said.
         if(m_lives[at].stage == STAGE_RECEIVED || m_lives[at].stage == STAGE_SHOWN)
            m_lives[at].signal = signal;
         return false;
      }
      at = Add(signal);
      bool late = signal.expiresMs > 0 && signal.expiresMs <= nowMs;
      if(late)
         m_lives[at].stage = STAGE_EXPIRED;
      Write(m_lives[at]);
      return !late;
   }

   // Takes a signal a step further; false when that could not be written down.
   bool Move(const int at, const SignalStage stage, const string detail = "", const string ticket = "",
             const double price = 0)
   {
      m_lives[at].stage = stage;
      m_lives[at].detail = detail;
      m_lives[at].ticket = ticket;
      m_lives[at].price = price;
      m_lives[at].confirmed = false;
      m_lives[at].toldAt = 0;
      return Write(m_lives[at]);
   }

   void SetDrawn(const int at, const bool drawn)
   {
      m_lives[at].drawn = drawn;
   }

   // Says to the bridge what became of a signal.
   void Tell(const int at, CVoice &voice)
   {
      SignalLife life = m_lives[at];
      string line = "{\"type\":\"signal_ack\",\"id\":" + JsonQuoted(life.signal.id) + ",\"state\":\"" +
                    StageName(life.stage) + "\"";
      if(life.detail != "")
         line += ",\"detail\":" + JsonQuoted(StringSubstr(life.detail, 0, 300));
      if(life.ticket != "")
         line += ",\"ticket\":" + JsonQuoted(life.ticket);
      if(life.price > 0)
         line += ",\"price\":" + NumberText(life.price);
      if(voice.Say(line + "}"))
         m_lives[at].toldAt = voice.Pings() + 1;
   }

   // In a new session everything that the bridge may have missed is said again.
   void TellAll(CVoice &voice)
   {
      for(int i = 0; i < m_count; i++)
         if(!m_lives[i].confirmed)
            Tell(i, voice);
   }

   // A ping that was said after an acknowledgement has been answered: the bridge has heard it.
   void Confirm(const long answered)
   {
      for(int i = 0; i < m_count; i++)
      {
         if(m_lives[i].confirmed || m_lives[i].toldAt == 0 || m_lives[i].toldAt > answered)
            continue;
         m_lives[i].confirmed = true;
         Write(m_lives[i]);
      }
   }
};

#endif
