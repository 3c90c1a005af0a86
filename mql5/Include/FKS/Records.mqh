// A tick as it travels in a batch: as a JSON array, or in the binary form that hello may agree on.
#ifndef FKS_RECORDS_MQH
#define FKS_RECORDS_MQH

#include <FKS/Text.mqh>

#define FKS_BATCH_MAGIC 0xF1
#define FKS_BATCH_VERSION 1
#define FKS_HEAD_BYTES 16
#define FKS_RECORD_BYTES 32

// Both lie in memory as they go over the wire: MQL5 packs structures, and Windows is little-endian.
struct BatchHead
{
   uchar magic;
   uchar version;
   ushort symbol;   // its number, given beforehand by `symbols`
   uint count;
   ulong seq;       // of the first record
};

struct TickRecord
{
   long timeUs;
   double bid;
   double ask;
   double volume;
};

// What is no number becomes 0, which the bridge refuses by name.
double Plain(const double value, const int digits)
{
   return MathIsValidNumber(value) ? NormalizeDouble(value, digits) : 0;
}

string RecordText(const TickRecord &record, const int digits)
{
   return "[" + IntegerToString(record.timeUs / 1000) + "," + NumberText(record.bid, digits) + "," +
          NumberText(record.ask, digits) + "," + NumberText(record.volume) + "]";
}

void AppendHead(const BatchHead &head, uchar &bytes[])
{
   int before = ArraySize(bytes);
   ArrayResize(bytes, before + FKS_HEAD_BYTES, 4096);
   StructToCharArray(head, bytes, (uint)before);
}

void AppendRecord(const TickRecord &record, uchar &bytes[])
{
   int before = ArraySize(bytes);
   ArrayResize(bytes, before + FKS_RECORD_BYTES, 4096);
   StructToCharArray(record, bytes, (uint)before);
}

// Where the message from `from` on ends, its LF included; -1 when there is none. `size` is without the LF.
int MessageEnd(const uchar &bytes[], const int from, int &size)
{
   if(from < ArraySize(bytes) && bytes[from] == FKS_BATCH_MAGIC)
   {
      int count = bytes[from + 4] + 256 * bytes[from + 5];
      size = FKS_HEAD_BYTES + FKS_RECORD_BYTES * count;
      return from + size;
   }
   for(int i = from; i < ArraySize(bytes); i++)
   {
      size = i - from;
      if(bytes[i] == '\n')
         return i + 1;
   }
   return -1;
}

// The numbers that binary batches call symbols by, as named in this connection.
class CSymbolNumbers
{
private:
   string m_names[];

public:
   void Forget() { ArrayResize(m_names, 0); }

   // From 1 on; `isNew` when the bridge has to be told first.
   int NumberOf(const string symbol, bool &isNew)
   {
      int count = ArraySize(m_names);
      isNew = false;
      for(int i = 0; i < count; i++)
         if(m_names[i] == symbol)
            return i + 1;
      ArrayResize(m_names, count + 1, 16);
      m_names[count] = symbol;
      isNew = true;
      return count + 1;
   }
};

#endif
