// What a terminal says to the bridge: hello, numbered items from the ring as JSON or as binary
// batches, gaps, and lines without a number, signed where there is a secret.
#ifndef FKS_OUTGOING_MQH
#define FKS_OUTGOING_MQH

#include <FKS/Hmac.mqh>
#include <FKS/Json.mqh>
#include <FKS/Ring.mqh>
#include <FKS/Voice.mqh>

#define FKS_MAX_LINE 65536
#define FKS_SEND_AHEAD 131072

// What hello says of this terminal.
struct Identity
{
   string client;
   string key;
   string secret;     // signs each line when not empty
   string platform;
   string version;
   string instance;
   string account;
   int offsetSeconds; // of the server's clock to UTC
};

// 128 bits from clocks, account and chart: unique among the numberings of one client.
string RandomId()
{
   string seed = StringFormat("%I64u %I64u %I64d %I64d %I64d %d", GetMicrosecondCount(), GetTickCount64(),
                              TimeLocal(), ChartID(), AccountInfoInteger(ACCOUNT_LOGIN), MathRand());
   uchar data[];
   uchar none[];
   uchar digest[];
   AppendUtf8(seed, data);
   CryptEncode(CRYPT_HASH_SHA256, data, none, digest);
   return StringSubstr(HexOf(digest), 0, 32);
}

class COutgoing : public CVoice
{
protected:
   Identity m_who;
   string m_stream;
   CRing m_ring;
   uchar m_out[];
   bool m_binary;       // agreed on with the bridge
   CSymbolNumbers m_numbers;
   int m_batch;
   long m_cursor;       // the number that goes out next on this connection
   long m_reached;      // the highest number ever sent or given up

   void Number(const Identity &who, const int capacity, const string stream, const long next, const long acked,
               const long dropped)
   {
      m_who = who;
      m_stream = stream == "" ? RandomId() : stream;
      m_ring.Begin(capacity, next, acked, dropped);
      m_cursor = next;
      m_reached = next - 1;
   }

   // What is held goes out under a new stream's numbers.
   void Renumber()
   {
      RingItem held[];
      int count = (int)m_ring.Buffered();
      ArrayResize(held, count);
      for(int i = 0; i < count; i++)
         held[i] = m_ring.At(m_ring.First() + i);
      int capacity = (int)(m_ring.Room() + m_ring.Buffered());
      m_stream = RandomId();
      m_ring.Begin(capacity);
      for(int i = 0; i < count; i++)
         m_ring.Take(held[i]);
      m_reached = 0;
   }

   void ForgetConnection()
   {
      ArrayResize(m_out, 0);
      m_numbers.Forget();
   }

   // The first number that the bridge has not.
   void ResumeAt(const long resume)
   {
      m_ring.Ack(resume - 1);
      m_cursor = resume;
      m_reached = MathMax(m_reached, resume - 1);
   }

   void Acknowledge(const long seq)
   {
      m_ring.Ack(seq);
      m_cursor = MathMax(m_cursor, seq + 1);
   }

   void Queue(const string line)
   {
      if(m_who.secret == "")
      {
         AppendUtf8(line + "\n", m_out);
         return;
      }
      uchar bytes[];
      AppendUtf8(line, bytes);
      AppendUtf8(line + "\thmac:" + HmacSha256Hex(m_who.secret, bytes) + "\n", m_out);
   }

   // A binary batch has no room for a digest.
   string Features() const
   {
      return m_who.secret == "" ? ",\"features\":[\"binary\"]" : "";
   }

   void SayHello()
   {
      Queue("{\"type\":\"hello\",\"protocol\":1,\"client\":" + JsonQuoted(m_who.client) + ",\"key\":" +
            JsonQuoted(m_who.key) + ",\"platform\":\"" + m_who.platform + "\",\"stream\":\"" + m_stream +
            "\",\"version\":" + JsonQuoted(m_who.version) + ",\"instance\":" + JsonQuoted(m_who.instance) +
            ",\"account\":" + JsonQuoted(m_who.account) + ",\"utc_offset_s\":" +
            IntegerToString(m_who.offsetSeconds) + Features() + "}");
   }

   void SayGap()
   {
      long last = m_ring.First() - 1;
      m_ring.GiveUp(m_cursor, last);
      Queue("{\"type\":\"gap\",\"from\":" + IntegerToString(m_cursor) + ",\"to\":" + IntegerToString(last) + "}");
      m_cursor = last + 1;
      m_reached = MathMax(m_reached, last);
   }

   // One numbered message from the cursor: ticks of one symbol, or a single other item.
   void SayNext()
   {
      RingItem item = m_ring.At(m_cursor);
      long end = m_cursor + 1;
      if(item.symbol == "")
         Queue("{\"type\":\"" + item.kind + "\",\"seq\":" + IntegerToString(m_cursor) + "," + item.text + "}");
      else
         end = m_binary ? SayBatch(item.symbol) : SayTicks(item);
      m_cursor = end;
      m_reached = MathMax(m_reached, end - 1);
   }

   // Whether the item may travel in a message that began at the cursor.
   bool IsMore(const long seq, const string symbol) const
   {
      return seq < m_ring.Next() && seq < m_cursor + m_batch && m_ring.At(seq).symbol == symbol;
   }

   // Ticks of a symbol as JSON; returns the number behind the last one.
   long SayTicks(const RingItem &item)
   {
      string records = RecordText(item.tick, item.digits);
      long end = m_cursor + 1;
      while(IsMore(end, item.symbol) && StringLen(records) < FKS_MAX_LINE - 1024)
      {
         RingItem more = m_ring.At(end);
         records += "," + RecordText(more.tick, more.digits);
         end++;
      }
      Queue("{\"type\":\"ticks\",\"seq\":" + IntegerToString(m_cursor) + ",\"symbol\":" + JsonQuoted(item.symbol) +
            ",\"ticks\":[" + records + "]}");
      return end;
   }

   // The same as a binary batch.
   long SayBatch(const string symbol)
   {
      BatchHead head;
      head.magic = FKS_BATCH_MAGIC;
      head.version = FKS_BATCH_VERSION;
      head.symbol = (ushort)NumberOf(symbol);
      head.count = 1;
      head.seq = (ulong)m_cursor;
      while(IsMore(m_cursor + head.count, symbol))
         head.count++;
      AppendHead(head, m_out);
      for(uint i = 0; i < head.count; i++)
         AppendRecord(m_ring.At(m_cursor + i).tick, m_out);
      return m_cursor + head.count;
   }

   int NumberOf(const string symbol)
   {
      bool isNew = false;
      int number = m_numbers.NumberOf(symbol, isNew);
      if(isNew)
         Queue("{\"type\":\"symbols\",\"map\":{\"" + IntegerToString(number) + "\":" + JsonQuoted(symbol) + "}}");
      return number;
   }

   void Compose()
   {
      while(m_cursor < m_ring.Next() && ArraySize(m_out) < FKS_SEND_AHEAD)
      {
         if(m_cursor < m_ring.First())
            SayGap();
         else
            SayNext();
      }
   }

public:
   COutgoing() : m_stream(""), m_binary(false), m_batch(500), m_cursor(1), m_reached(0) {}

   // Numbers one datum; `text` holds the fields behind type and seq.
   void Append(const string kind, const string text)
   {
      m_ring.Append(kind, "", text);
   }

   // The same for a tick that may travel in a batch.
   void AppendTick(const string symbol, const TickRecord &tick, const int digits)
   {
      m_ring.AppendTick(symbol, tick, digits);
   }

   void SetBatch(const int batch) { m_batch = MathMax(1, MathMin(batch, 1000)); }
   void SetOffset(const int seconds) { m_who.offsetSeconds = seconds; }
   int Offset() const { return m_who.offsetSeconds; }
   string Stream() const { return m_stream; }
   long Room() const { return m_ring.Room(); }
   long First() const { return m_ring.First(); }
   long Next() const { return m_ring.Next(); }
   long Acked() const { return m_ring.Acked(); }
   long Dropped() const { return m_ring.Dropped(); }
   long SentThrough() const { return m_cursor - 1; }
   long Buffered() const { return m_ring.Buffered(); }
   RingItem Held(const long seq) const { return m_ring.At(seq); }
};

#endif
