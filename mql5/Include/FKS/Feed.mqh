// One symbol's ticks and bars, read so that none is lost and none is sent twice.
#ifndef FKS_FEED_MQH
#define FKS_FEED_MQH

#include <FKS/Json.mqh>
#include <FKS/Session.mqh>

// A place in a symbol's ticks: `sent` of those with `msc` have been taken. Many ticks may share one
// millisecond, so asking from the next one would lose some.
struct TickPlace
{
   long msc;
   int sent;
};

TickRecord RecordOf(const MqlTick &tick, const int digits)
{
   TickRecord record;
   record.timeUs = tick.time_msc * 1000;
   record.bid = Plain(tick.bid, digits);
   record.ask = Plain(tick.ask, digits);
   record.volume = Plain(tick.volume_real, 8);
   return record;
}

// The fields of a tick that has a last price, which a batch can't carry.
string FieldsOf(const string symbol, const MqlTick &tick, const int digits)
{
   return "\"symbol\":" + JsonQuoted(symbol) + ",\"bid\":" + NumberText(tick.bid, digits) + ",\"ask\":" +
          NumberText(tick.ask, digits) + ",\"last\":" + NumberText(tick.last, digits) + ",\"volume\":" +
          NumberText(tick.volume_real) + ",\"flags\":" + IntegerToString(tick.flags) + ",\"time_ms\":" +
          IntegerToString(tick.time_msc);
}

class CFeed
{
private:
   string m_symbol;
   int m_digits;
   TickPlace m_place;
   bool m_placed;

   // Where the stream of a symbol begins that was never read before: behind its newest tick.
   void StartHere()
   {
      MqlTick ticks[];
      int count = CopyTicks(m_symbol, ticks, COPY_TICKS_ALL, 0, 1);
      if(count < 0)
         return;
      m_place.msc = count > 0 ? ticks[0].time_msc : (long)TimeTradeServer() * 1000;
      m_place.sent = count > 0 ? MathMax(0, CopyTicks(m_symbol, ticks, COPY_TICKS_ALL, (ulong)m_place.msc, 10000)) : 0;
      m_placed = true;
   }

   void Take(const MqlTick &tick, CSession &session)
   {
      if(tick.last > 0)
         session.Append("tick", FieldsOf(m_symbol, tick, m_digits));
      else
         session.AppendTick(m_symbol, RecordOf(tick, m_digits), m_digits);
      if(tick.time_msc != m_place.msc)
      {
         m_place.msc = tick.time_msc;
         m_place.sent = 0;
      }
      m_place.sent++;
   }

public:
   CFeed() : m_symbol(""), m_digits(0), m_placed(false) {}

   // False when the broker has no such symbol.
   bool Open(const string symbol)
   {
      m_symbol = symbol;
      m_placed = false;
      if(!SymbolSelect(symbol, true))
         return false;
      m_digits = (int)SymbolInfoInteger(symbol, SYMBOL_DIGITS);
      return true;
   }

   string Name() const { return m_symbol; }
   bool IsPlaced() const { return m_placed; }
   TickPlace Place() const { return m_place; }

   // Goes on where an earlier run ended.
   void SetPlace(const TickPlace &place)
   {
      m_place = place;
      m_placed = true;
   }

   // Takes at most `limit` new ticks; returns how many, or -1 while the terminal has none to give.
   int Poll(CSession &session, const int limit)
   {
      if(!m_placed)
         StartHere();
      if(!m_placed)
         return -1;
      MqlTick ticks[];
      int count = CopyTicks(m_symbol, ticks, COPY_TICKS_ALL, (ulong)m_place.msc, (uint)(limit + m_place.sent));
      int skip = m_place.sent;
      long from = m_place.msc;
      int taken = 0;
      for(int i = 0; i < count; i++)
      {
         if(ticks[i].time_msc == from && skip > 0)
            skip--;
         else
         {
            Take(ticks[i], session);
            taken++;
         }
      }
      return count < 0 ? -1 : taken;
   }
};

// Closed bars of one symbol and period.
class CBars
{
private:
   string m_symbol;
   int m_digits;
   ENUM_TIMEFRAMES m_period;
   string m_periodText;
   datetime m_last;   // opening time of the newest bar that was sent or need not be

public:
   CBars() : m_symbol(""), m_digits(0), m_period(PERIOD_M1), m_periodText(""), m_last(0) {}

   void Open(const string symbol, const ENUM_TIMEFRAMES period, const string periodText)
   {
      m_symbol = symbol;
      m_digits = (int)SymbolInfoInteger(symbol, SYMBOL_DIGITS);
      m_period = period;
      m_periodText = periodText;
      m_last = 0;
   }

   string Fields(const MqlRates &bar) const
   {
      return "\"symbol\":" + JsonQuoted(m_symbol) + ",\"period\":\"" + m_periodText + "\",\"time_ms\":" +
             IntegerToString(bar.time * 1000) + ",\"open\":" + NumberText(bar.open, m_digits) + ",\"high\":" +
             NumberText(bar.high, m_digits) + ",\"low\":" + NumberText(bar.low, m_digits) + ",\"close\":" +
             NumberText(bar.close, m_digits) + ",\"volume\":" + IntegerToString(bar.tick_volume) +
             ",\"stamp\":\"open\",\"closed\":true";
   }

   // Sends the bars that have closed since the last call.
   void Poll(CSession &session)
   {
      datetime closed = iTime(m_symbol, m_period, 1);
      if(closed == 0 || closed <= m_last)
         return;
      MqlRates bars[];
      if(m_last > 0)
      {
         int count = CopyRates(m_symbol, m_period, m_last + 1, closed, bars);
         for(int i = 0; i < count; i++)
            session.Append("bar", Fields(bars[i]));
      }
      m_last = closed;
   }
};

// The periods of the protocol; 0 for any other.
ENUM_TIMEFRAMES PeriodOf(const string text)
{
   if(text == "M1")
      return PERIOD_M1;
   if(text == "M5")
      return PERIOD_M5;
   if(text == "M15")
      return PERIOD_M15;
   if(text == "M30")
      return PERIOD_M30;
   if(text == "H1")
      return PERIOD_H1;
   if(text == "H4")
      return PERIOD_H4;
   if(text == "D1")
      return PERIOD_D1;
   return text == "W1" ? PERIOD_W1 : PERIOD_CURRENT;
}

#endif
