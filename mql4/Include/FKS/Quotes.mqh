// Ticks as MetaTrader 4 lets a program see them: the newest of each symbol, in whole seconds.
#ifndef FKS_QUOTES_MQH
#define FKS_QUOTES_MQH

#include <FKS/Memory.mqh>

#define FKS_OFFSET_STEP_S 900
#define FKS_OFFSET_LEAST_S -43200
#define FKS_OFFSET_MOST_S 50400
#define FKS_OFFSET_VOTES 20

// What the trade server's clock is ahead of UTC. MetaTrader 4 tells only the time of the last quote, so
// it follows from fresh ticks and this machine's clock, and stays as it is while there are none.
class CServerClock
{
private:
   int m_offset;
   long m_candidate;
   int m_votes;

   // In seconds, as none but whole quarters of an hour make sense.
   long Apart(const datetime time, const long nowMs) const
   {
      return (long)MathRound((double)((long)time * 1000 - nowMs) / (FKS_OFFSET_STEP_S * 1000)) * FKS_OFFSET_STEP_S;
   }

public:
   CServerClock() : m_offset(0), m_candidate(0), m_votes(0) {}

   int Offset() const { return m_offset; }

   // A first guess; a quote of before the weekend tells nothing.
   void Guess(const datetime lastQuote, const long nowMs)
   {
      long apart = Apart(lastQuote, nowMs);
      m_offset = apart >= FKS_OFFSET_LEAST_S && apart <= FKS_OFFSET_MOST_S ? (int)apart : 0;
      m_votes = 0;
   }

   // A tick has just come. True when the offset is another from now on: one late tick is no proof.
   bool Note(const datetime time, const long nowMs)
   {
      long apart = Apart(time, nowMs);
      if(apart == m_offset)
      {
         m_votes = 0;
         return false;
      }
      m_votes = apart == m_candidate ? m_votes + 1 : 1;
      m_candidate = apart;
      if(m_votes < FKS_OFFSET_VOTES)
         return false;
      m_offset = (int)apart;
      m_votes = 0;
      return true;
   }
};

// The ticks of one symbol.
class CQuotes
{
private:
   string m_symbol;
   uchar m_name[];
   MqlTick m_last;

public:
   CQuotes() : m_symbol("") {}

   string Name() const { return m_symbol; }

   // Begins behind the newest tick there is. Returns the problem, or "".
   string Open(const string symbol)
   {
      m_symbol = symbol;
      ZeroMemory(m_last);
      ArrayResize(m_name, 0);
      int size = AppendUtf8(symbol, m_name);
      if(size == 0 || size > FKS_SYMBOL_BYTES)
         return "the name " + symbol + " has over " + IntegerToString(FKS_SYMBOL_BYTES) + " bytes";
      ArrayResize(m_name, FKS_SYMBOL_BYTES);
      for(int i = size; i < FKS_SYMBOL_BYTES; i++)
         m_name[i] = 0;
      if(!SymbolSelect(symbol, true))
         return "the broker has no symbol " + symbol + "; look it up in Market Watch, its case counts";
      SymbolInfoTick(symbol, m_last);
      return "";
   }

   // Sends the newest tick, if it is another than before, or if it is known that one has come. True when
   // there was one.
   bool Poll(CMemory &memory, CServerClock &clock, const bool hasCome)
   {
      MqlTick tick;
      if(!SymbolInfoTick(m_symbol, tick))
         return false;
      if(!hasCome && tick.time == m_last.time && tick.bid == m_last.bid && tick.ask == m_last.ask)
         return false;
      m_last = tick;
      long nowMs = memory.NowMs();
      if(clock.Note(tick.time, nowMs))
      {
         Print("FKS Bridge: the server's clock is now ", clock.Offset(), " s ahead of UTC");
         memory.SetOffset(clock.Offset());
      }
      memory.Tick(m_name, tick.time, nowMs, tick.bid, tick.ask);
      return true;
   }
};

#endif
