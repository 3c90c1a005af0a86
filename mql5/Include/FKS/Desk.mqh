// What becomes of the bridge's signals on a chart: noted, told, drawn, handed on to be executed, erased.
#ifndef FKS_DESK_MQH
#define FKS_DESK_MQH

#include <FKS/Drawing.mqh>
#include <FKS/Signals.mqh>

#define FKS_UNDATED_S 3600

class CDesk
{
private:
   CDrawing m_drawing;

   // Draws on each open chart of the signal's symbol; without one it is tried again later.
   void Show(const int at, CVoice &voice)
   {
      SignalLife life = m_book.Life(at);
      if(life.drawn)
         return;
      long nowMs = voice.BridgeNowMs();
      int seconds = life.signal.expiresMs > nowMs ? (int)((life.signal.expiresMs - nowMs) / 1000) : FKS_UNDATED_S;
      bool drawn = false;
      for(long chart = ChartFirst(); chart >= 0; chart = ChartNext(chart))
      {
         if(ChartSymbol(chart) != life.signal.symbol)
            continue;
         double bid = SymbolInfoDouble(life.signal.symbol, SYMBOL_BID);
         m_drawing.Draw(chart, life.signal, ServerNow(), seconds, bid);
         drawn = true;
      }
      m_book.SetDrawn(at, drawn);
      if(drawn && life.stage == STAGE_RECEIVED)
         Take(voice, at, STAGE_SHOWN);
   }

   void Expire(const int at, const SignalLife &life, CVoice &voice)
   {
      for(long chart = ChartFirst(); chart >= 0 && life.drawn; chart = ChartNext(chart))
         m_drawing.Erase(chart, life.signal.id);
      m_book.SetDrawn(at, false);
      if(life.stage == STAGE_RECEIVED || life.stage == STAGE_SHOWN)
         Take(voice, at, STAGE_EXPIRED);
   }

protected:
   CSignalBook m_book;

   // The trade server's clock, to which charts are drawn.
   virtual datetime ServerNow() const = 0;

   // A signal that is to be executed.
   virtual void Act(const int at, const Signal &signal) = 0;

   // Takes a signal to a stage and tells the bridge; false when it could not be written down.
   bool Take(CVoice &voice, const int at, const SignalStage stage, const string detail = "", const string ticket = "",
             const double price = 0)
   {
      bool written = m_book.Move(at, stage, detail, ticket, price);
      m_book.Tell(at, voice);
      return written;
   }

   void HandleSignal(const CJson &message, CVoice &voice)
   {
      Signal signal = SignalOf(message);
      int at = -1;
      m_book.Arrive(signal, voice.BridgeNowMs(), at);
      m_book.Tell(at, voice);
      SignalLife life = m_book.Life(at);
      if(life.stage != STAGE_RECEIVED && life.stage != STAGE_SHOWN)
         return;
      Show(at, voice);
      // Also when it comes again and a crash was in between: what was sent is past these stages.
      if(signal.execute)
         Act(at, signal);
   }

   void TendSignals(CVoice &voice)
   {
      long nowMs = voice.BridgeNowMs();
      for(int i = 0; i < m_book.Count(); i++)
      {
         SignalLife life = m_book.Life(i);
         bool over = life.signal.expiresMs > 0 && life.signal.expiresMs <= nowMs;
         if(over && (life.drawn || life.stage == STAGE_RECEIVED || life.stage == STAGE_SHOWN))
            Expire(i, life, voice);
         else if(!over && !life.drawn && life.stage == STAGE_RECEIVED && life.signal.action != "NONE")
            Show(i, voice);
      }
   }
};

#endif
