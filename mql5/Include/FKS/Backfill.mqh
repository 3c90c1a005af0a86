// History that the bridge asks for, a slice at a time, marked with the command's id.
#ifndef FKS_BACKFILL_MQH
#define FKS_BACKFILL_MQH

#include <FKS/Feed.mqh>

#define FKS_BACKFILL_SLICE 1000

class CBackfill
{
private:
   string m_id;
   string m_symbol;
   string m_period;    // "" for ticks
   int m_digits;
   TickPlace m_place;
   long m_toMs;
   long m_count;
   bool m_running;     // until the command is answered
   bool m_taken;       // all of it is numbered
   long m_last;        // its last number

   string Mark() const
   {
      return ",\"backfill\":" + JsonQuoted(m_id);
   }

   // True when all ticks have been taken.
   bool WorkTicks(CSession &session)
   {
      MqlTick ticks[];
      int count = CopyTicks(m_symbol, ticks, COPY_TICKS_ALL, (ulong)m_place.msc,
                            (uint)(FKS_BACKFILL_SLICE + m_place.sent));
      int skip = m_place.sent;
      long from = m_place.msc;
      int taken = 0;
      for(int i = 0; i < count; i++)
      {
         if(ticks[i].time_msc > m_toMs)
            return true;
         if(ticks[i].time_msc == from && skip > 0)
         {
            skip--;
            continue;
         }
         session.Append("tick", FieldsOf(m_symbol, ticks[i], m_digits) + Mark());
         m_place.sent = ticks[i].time_msc == m_place.msc ? m_place.sent + 1 : 1;
         m_place.msc = ticks[i].time_msc;
         m_count++;
         taken++;
      }
      return taken == 0;
   }

   void WorkBars(CSession &session)
   {
      CBars bars;
      MqlRates rates[];
      bars.Open(m_symbol, PeriodOf(m_period), m_period);
      int count = CopyRates(m_symbol, PeriodOf(m_period), (datetime)((m_place.msc + 999) / 1000), (datetime)(m_toMs / 1000),
                            rates);
      // The newest bar may still be open: history is what has closed.
      datetime open = iTime(m_symbol, PeriodOf(m_period), 0);
      for(int i = 0; i < count; i++)
      {
         if(rates[i].time >= open)
            break;
         session.Append("bar", bars.Fields(rates[i]) + Mark());
         m_count++;
      }
   }

public:
   CBackfill() : m_digits(0), m_toMs(0), m_count(0), m_running(false), m_taken(false), m_last(0) {}

   string Id() const { return m_id; }

   // Times are the terminal's, as in its ticks. Returns the problem, or "".
   string Start(const string id, const string symbol, const string period, const long fromMs, const long toMs)
   {
      if(m_running)
         return "another backfill is running";
      if(fromMs <= 0 || toMs < fromMs)
         return "from_ms and to_ms must be given, in this order";
      if(period != "" && PeriodOf(period) == PERIOD_CURRENT)
         return "unknown period " + period;
      if(!SymbolSelect(symbol, true))
         return "the broker has no symbol " + symbol;
      m_id = id;
      m_symbol = symbol;
      m_period = period;
      m_digits = (int)SymbolInfoInteger(symbol, SYMBOL_DIGITS);
      m_place.msc = fromMs;
      m_place.sent = 0;
      m_toMs = toMs;
      m_count = 0;
      m_running = true;
      m_taken = false;
      return "";
   }

   // Takes one slice, if there is room; true once all has been sent, with `detail` saying how much.
   bool Work(CSession &session, const bool room, string &detail)
   {
      if(m_running && !m_taken && room)
      {
         if(m_period != "")
            WorkBars(session);
         m_taken = m_period != "" || WorkTicks(session);
         m_last = session.Next() - 1;
      }
      if(!m_running || !m_taken || session.SentThrough() < m_last)
         return false;
      m_running = false;
      detail = IntegerToString(m_count) + (m_period == "" ? " ticks" : " bars");
      return true;
   }
};

#endif
