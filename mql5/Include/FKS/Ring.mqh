// What the terminal can still send: numbered items, kept until the bridge has acknowledged them.
// At every moment produced = acked + buffered + dropped.
#ifndef FKS_RING_MQH
#define FKS_RING_MQH

#include <FKS/Records.mqh>

struct RingItem
{
   string kind;     // "ticks" for a record that may travel in a batch
   string symbol;   // of a record, else ""
   string text;     // the fields behind type and seq; of a record nothing
   TickRecord tick; // a record, and its symbol's digits
   int digits;
};

struct RingSpan
{
   long from;
   long to;
};

class CRing
{
private:
   RingItem m_slots[];
   RingSpan m_told[];   // numbers given up by `gap` and not yet acknowledged
   long m_first;
   long m_next;
   long m_acked;
   long m_dropped;
   long m_through;

   int Slot(const long seq) const
   {
      return (int)(seq % ArraySize(m_slots));
   }

   void Free(const long count)
   {
      for(long seq = m_first; seq < m_first + count; seq++)
         m_slots[Slot(seq)].text = "";
      m_first += count;
   }

   // How many dropped numbers up to `through` no `gap` gave up.
   long Untold(const long through) const
   {
      long start = m_through + 1;
      long count = MathMax(0, through - start + 1);
      for(int i = 0; i < ArraySize(m_told); i++)
         count -= MathMax(0, MathMin(m_told[i].to, through) - MathMax(m_told[i].from, start) + 1);
      return count;
   }

   void ForgetTold()
   {
      int kept = 0;
      for(int i = 0; i < ArraySize(m_told); i++)
         if(m_told[i].to > m_through)
         {
            m_told[kept] = m_told[i];
            kept++;
         }
      ArrayResize(m_told, kept);
   }

public:
   CRing() : m_first(1), m_next(1), m_acked(0), m_dropped(0), m_through(0) {}

   // An empty numbering with room for `capacity` items, which goes on at `next`.
   void Begin(const int capacity, const long next = 1, const long acked = 0, const long dropped = 0)
   {
      ArrayResize(m_slots, 0);
      ArrayResize(m_slots, capacity);
      ArrayResize(m_told, 0);
      m_first = next;
      m_next = next;
      m_acked = acked;
      m_dropped = dropped;
      m_through = next - 1;
   }

   long First() const { return m_first; }
   long Next() const { return m_next; }
   long Acked() const { return m_acked; }
   long Dropped() const { return m_dropped; }
   long Through() const { return m_through; }
   long Produced() const { return m_next - 1; }
   long Buffered() const { return m_next - m_first; }
   long Room() const { return ArraySize(m_slots) - Buffered(); }

   // Numbers an item and keeps it; the oldest is dropped when there is no room.
   long Append(const string kind, const string symbol, const string text)
   {
      if(Room() <= 0)
         DropOldest(1);
      int slot = Slot(m_next);
      m_slots[slot].digits = 0;
      m_slots[slot].kind = kind;
      m_slots[slot].symbol = symbol;
      m_slots[slot].text = text;
      m_next++;
      return m_next - 1;
   }

   long AppendTick(const string symbol, const TickRecord &tick, const int digits)
   {
      long seq = Append("ticks", symbol, "");
      m_slots[Slot(seq)].tick = tick;
      m_slots[Slot(seq)].digits = digits;
      return seq;
   }

   // Keeps what another numbering held.
   void Take(const RingItem &item)
   {
      long seq = Append(item.kind, item.symbol, item.text);
      m_slots[Slot(seq)] = item;
   }

   // The item with a number that is held.
   RingItem At(const long seq) const
   {
      return m_slots[Slot(seq)];
   }

   // Everything up to `through` is durable. A dropped number that no gap gave up turns out safe.
   void Ack(const long through)
   {
      if(through <= m_through)
         return;
      long held = MathMax(0, MathMin(through, m_next - 1) - m_first + 1);
      long rescued = Untold(MathMin(through, m_first - 1));
      Free(held);
      m_acked += held + rescued;
      m_dropped -= rescued;
      m_through = through;
      ForgetTold();
   }

   void DropOldest(const long count)
   {
      long gone = MathMin(count, Buffered());
      Free(gone);
      m_dropped += gone;
   }

   // The bridge was told that these numbers will not come; spans may overlap.
   void GiveUp(const long from, const long to)
   {
      RingSpan span;
      span.from = MathMax(from, m_through + 1);
      span.to = to;
      int kept = 0;
      for(int i = 0; i < ArraySize(m_told); i++)
      {
         if(m_told[i].from <= span.to + 1 && m_told[i].to >= span.from - 1)
         {
            span.from = MathMin(span.from, m_told[i].from);
            span.to = MathMax(span.to, m_told[i].to);
            continue;
         }
         m_told[kept] = m_told[i];
         kept++;
      }
      ArrayResize(m_told, kept + 1);
      m_told[kept] = span;
   }
};

#endif
