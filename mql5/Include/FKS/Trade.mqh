// A bridge that trades: executes signals when the input and the signal both say so, each id once,
// and tells the state of account, orders and positions.
#ifndef FKS_TRADE_MQH
#define FKS_TRADE_MQH

#include <FKS/Bridge.mqh>

// Without any event the account is looked at so often: equity moves with prices, and events can be missed.
#define FKS_LOOK_MS 60000
#define FKS_ENDED_KEPT 1000

struct TradeSettings
{
   bool execute;
   double volume;
   int deviation;      // in points
   long magic;
   bool tellState;     // account, orders and positions
};

class CTradingBridge : public CBridge
{
private:
   TradeSettings m_trade;
   string m_account;
   CTold m_orders;
   CTold m_positions;
   CTold m_left;       // of orders: the volume that is not filled yet
   ulong m_ended[];    // orders that have gone to the history since the last look
   bool m_dirty;
   long m_welcomes;    // the session to which the account was told
   ulong m_lookedMs;

   ENUM_ORDER_TYPE_FILLING FillingFor(const string symbol) const
   {
      long modes = SymbolInfoInteger(symbol, SYMBOL_FILLING_MODE);
      if((modes & SYMBOL_FILLING_FOK) != 0)
         return ORDER_FILLING_FOK;
      return (modes & SYMBOL_FILLING_IOC) != 0 ? ORDER_FILLING_IOC : ORDER_FILLING_RETURN;
   }

   void Prepare(MqlTradeRequest &request, const Signal &signal, const bool buys, const double volume) const
   {
      ZeroMemory(request);
      request.action = TRADE_ACTION_DEAL;
      request.symbol = signal.symbol;
      request.volume = volume;
      request.type = buys ? ORDER_TYPE_BUY : ORDER_TYPE_SELL;
      request.price = SymbolInfoDouble(signal.symbol, buys ? SYMBOL_ASK : SYMBOL_BID);
      request.deviation = (ulong)m_trade.deviation;
      request.magic = (ulong)m_trade.magic;
      request.type_filling = FillingFor(signal.symbol);
      request.comment = CommentOf(signal.id);
   }

   bool IsDone(const MqlTradeResult &result) const
   {
      return result.retcode == TRADE_RETCODE_DONE || result.retcode == TRADE_RETCODE_DONE_PARTIAL ||
             result.retcode == TRADE_RETCODE_PLACED;
   }

   string WhyRefused(const uint retcode) const
   {
      if(retcode == TRADE_RETCODE_REQUOTE)
         return "the price has moved beyond InpDeviation";
      if(retcode == TRADE_RETCODE_NO_MONEY)
         return "not enough money";
      return "the trade server refused";
   }

   void Report(const int at, const Signal &signal, const MqlTradeResult &result)
   {
      if(IsDone(result))
         Step(at, STAGE_EXECUTED, "", IntegerToString((long)result.order), result.price);
      else if(result.retcode == TRADE_RETCODE_TIMEOUT)
         Resolve(at, signal);
      else
         Step(at, STAGE_REJECTED,
              WhyRefused(result.retcode) + " (retcode " + IntegerToString(result.retcode) + ") " + result.comment);
   }

   // Waits for the trade server's answer; only this program's own thread waits with it.
   void Send(const MqlTradeRequest &request, MqlTradeResult &result) const
   {
      ZeroMemory(result);
      if(!OrderSend(request, result))
         Print("FKS Bridge: order in ", request.symbol, " not done, retcode ", result.retcode);
   }

   void OpenPosition(const int at, const Signal &signal)
   {
      MqlTradeRequest request;
      MqlTradeResult result;
      Prepare(request, signal, signal.action == "BUY", VolumeFor(signal.symbol, m_trade.volume));
      request.sl = signal.stopLoss;
      request.tp = signal.takeProfit;
      Send(request, result);
      Report(at, signal, result);
   }

   // The first of this program's positions in the symbol; 0 for none.
   ulong OwnPosition(const string symbol) const
   {
      for(int i = 0; i < PositionsTotal(); i++)
      {
         ulong ticket = PositionGetTicket(i);
         if(PositionGetString(POSITION_SYMBOL) == symbol && PositionGetInteger(POSITION_MAGIC) == m_trade.magic)
            return ticket;
      }
      return 0;
   }

   // Closes what this program has opened in the symbol, and nothing else.
   void ClosePositions(const int at, const Signal &signal)
   {
      MqlTradeRequest request;
      MqlTradeResult result;
      ZeroMemory(result);
      result.retcode = TRADE_RETCODE_DONE;
      ulong ticket = OwnPosition(signal.symbol);
      if(ticket == 0)
      {
         Step(at, STAGE_REJECTED, "there is no position of this program to close");
         return;
      }
      while(ticket != 0 && IsDone(result))
      {
         bool buys = PositionGetInteger(POSITION_TYPE) == POSITION_TYPE_SELL;
         Prepare(request, signal, buys, PositionGetDouble(POSITION_VOLUME));
         request.position = ticket;
         Send(request, result);
         ulong next = OwnPosition(signal.symbol);
         // An accepted order that is not filled yet leaves its position where it is.
         ticket = next == ticket ? 0 : next;
      }
      Report(at, signal, result);
   }

   // What became of an order whose answer never came: looked up by its comment, never sent again.
   void Resolve(const int at, const Signal &signal)
   {
      string comment = CommentOf(signal.id);
      HistorySelect(TimeCurrent() - 7 * 86400, TimeCurrent() + 86400);
      for(int i = HistoryDealsTotal() - 1; i >= 0; i--)
      {
         ulong deal = HistoryDealGetTicket(i);
         if(HistoryDealGetInteger(deal, DEAL_MAGIC) != m_trade.magic ||
            HistoryDealGetString(deal, DEAL_COMMENT) != comment)
            continue;
         Step(at, STAGE_EXECUTED, "found in the history", IntegerToString(HistoryDealGetInteger(deal, DEAL_ORDER)),
              HistoryDealGetDouble(deal, DEAL_PRICE));
         return;
      }
      Step(at, STAGE_REJECTED, "the trade server did not answer and no deal was found; look at the account");
   }

   // State of orders, positions and the account.

   string SideOf(const long type) const
   {
      bool buys = type == ORDER_TYPE_BUY || type == ORDER_TYPE_BUY_LIMIT || type == ORDER_TYPE_BUY_STOP ||
                  type == ORDER_TYPE_BUY_STOP_LIMIT;
      return buys ? "buy" : "sell";
   }

   string KindOf(const long type) const
   {
      if(type == ORDER_TYPE_BUY || type == ORDER_TYPE_SELL)
         return "market";
      if(type == ORDER_TYPE_BUY_LIMIT || type == ORDER_TYPE_SELL_LIMIT)
         return "limit";
      return type == ORDER_TYPE_BUY_STOP || type == ORDER_TYPE_SELL_STOP ? "stop" : "stop_limit";
   }

   string Now() const
   {
      return ",\"time_ms\":" + IntegerToString((long)TimeTradeServer() * 1000);
   }

   string OrderFields(const ulong ticket, const string symbol, const long type, const double volume, const double left,
                      const double price, const double stop, const double target, const long magic,
                      const string comment) const
   {
      return "\"ticket\":" + IntegerToString((long)ticket) + ",\"symbol\":" + JsonQuoted(symbol) + ",\"side\":\"" +
             SideOf(type) + "\",\"kind\":\"" + KindOf(type) + "\",\"volume\":" + NumberText(volume) +
             ",\"volume_left\":" + NumberText(left) + ",\"price\":" + NumberText(price) + ",\"stop_loss\":" +
             NumberText(stop) + ",\"take_profit\":" + NumberText(target) + ",\"magic\":" + IntegerToString(magic) +
             ",\"comment\":" + JsonQuoted(comment);
   }

   // Of the order that is selected.
   string OrderText(const ulong ticket) const
   {
      return OrderFields(ticket, OrderGetString(ORDER_SYMBOL), OrderGetInteger(ORDER_TYPE),
                         OrderGetDouble(ORDER_VOLUME_INITIAL), OrderGetDouble(ORDER_VOLUME_CURRENT),
                         OrderGetDouble(ORDER_PRICE_OPEN), OrderGetDouble(ORDER_SL), OrderGetDouble(ORDER_TP),
                         OrderGetInteger(ORDER_MAGIC), OrderGetString(ORDER_COMMENT));
   }

   // Of an order that is history.
   string EndedText(const ulong ticket) const
   {
      return OrderFields(ticket, HistoryOrderGetString(ticket, ORDER_SYMBOL),
                         HistoryOrderGetInteger(ticket, ORDER_TYPE),
                         HistoryOrderGetDouble(ticket, ORDER_VOLUME_INITIAL),
                         HistoryOrderGetDouble(ticket, ORDER_VOLUME_CURRENT),
                         HistoryOrderGetDouble(ticket, ORDER_PRICE_OPEN), HistoryOrderGetDouble(ticket, ORDER_SL),
                         HistoryOrderGetDouble(ticket, ORDER_TP), HistoryOrderGetInteger(ticket, ORDER_MAGIC),
                         HistoryOrderGetString(ticket, ORDER_COMMENT));
   }

   string PositionText(const ulong ticket) const
   {
      bool buys = PositionGetInteger(POSITION_TYPE) == POSITION_TYPE_BUY;
      return "\"ticket\":" + IntegerToString((long)ticket) + ",\"symbol\":" +
             JsonQuoted(PositionGetString(POSITION_SYMBOL)) + ",\"side\":\"" + (buys ? "buy" : "sell") +
             "\",\"volume\":" + NumberText(PositionGetDouble(POSITION_VOLUME)) + ",\"price\":" +
             NumberText(PositionGetDouble(POSITION_PRICE_OPEN)) + ",\"stop_loss\":" +
             NumberText(PositionGetDouble(POSITION_SL)) + ",\"take_profit\":" +
             NumberText(PositionGetDouble(POSITION_TP)) + ",\"magic\":" +
             IntegerToString(PositionGetInteger(POSITION_MAGIC)) + ",\"comment\":" +
             JsonQuoted(PositionGetString(POSITION_COMMENT));
   }

   string EndOf(const ulong ticket) const
   {
      long state = HistoryOrderGetInteger(ticket, ORDER_STATE);
      if(state == ORDER_STATE_FILLED)
         return "filled";
      if(state == ORDER_STATE_PARTIAL)
         return "part_filled";
      return state == ORDER_STATE_REJECTED ? "rejected" : "cancelled";
   }

   string ChangeOf(const ulong ticket, const bool known)
   {
      bool hadVolume = false;
      bool filled = m_left.IsNews(ticket, NumberText(OrderGetDouble(ORDER_VOLUME_CURRENT)), hadVolume);
      if(!known)
         return "placed";
      return filled && hadVolume ? "part_filled" : "modified";
   }

   void TellOrder(const string text, const string happened)
   {
      m_session.Append("order", text + ",\"event\":\"" + happened + "\"" + Now());
   }

   void TellEnd(const ulong ticket, const string lastText)
   {
      if(HistoryOrderSelect(ticket))
         TellOrder(EndedText(ticket), EndOf(ticket));
      else if(lastText != "")
         TellOrder(lastText, "cancelled");
   }

   // What stood and stands no more, and what came and went between two looks.
   void Ended(const ulong ticket, const string lastText)
   {
      for(int i = 0; i < ArraySize(m_ended); i++)
         if(m_ended[i] == ticket)
            m_ended[i] = 0;
      TellEnd(ticket, lastText);
   }

   void TellEnded()
   {
      for(int i = 0; i < ArraySize(m_ended); i++)
         if(m_ended[i] > 0)
            TellEnd(m_ended[i], "");
      ArrayResize(m_ended, 0);
   }

   void TellOrders()
   {
      m_orders.BeginLook();
      m_left.BeginLook();
      for(int i = 0; i < OrdersTotal(); i++)
      {
         ulong ticket = OrderGetTicket(i);
         string text = OrderText(ticket);
         bool known = false;
         bool isNews = m_orders.IsNews(ticket, text, known);
         string happened = ChangeOf(ticket, known);
         if(isNews)
            TellOrder(text, happened);
      }
      ToldState gone;
      while(m_left.TakeGone(gone))
         ;
      while(m_orders.TakeGone(gone))
         Ended(gone.ticket, gone.text);
      TellEnded();
   }

   void TellPositions()
   {
      m_positions.BeginLook();
      for(int i = 0; i < PositionsTotal(); i++)
      {
         ulong ticket = PositionGetTicket(i);
         string text = PositionText(ticket);
         bool known = false;
         if(m_positions.IsNews(ticket, text, known))
            m_session.Append("position", text + ",\"event\":\"" + (known ? "modified" : "filled") + "\"" + Now());
      }
      // A position without volume is closed.
      ToldState gone;
      while(m_positions.TakeGone(gone))
         m_session.Append("position", "\"ticket\":" + IntegerToString((long)gone.ticket) + ",\"volume\":0" + Now());
   }

   // With all that stands, so that the bridge can put right what it has missed.
   void TellAccount(const bool begins)
   {
      string text = AccountText() + ",\"orders\":" + m_orders.Tickets() + ",\"positions\":" + m_positions.Tickets();
      if(text == m_account && !begins)
         return;
      m_account = text;
      m_session.Append("account", text + Now());
   }

protected:
   virtual void Act(const int at, const Signal &signal) override
   {
      string obstacle = WhyNotTrade(m_trade.execute, signal.symbol);
      if(obstacle != "")
      {
         Step(at, STAGE_REJECTED, obstacle);
         return;
      }
      if(signal.action == "NONE")
         return;
      // Written down before the order goes out: after a crash it is looked up, not sent again.
      if(!m_book.Move(at, STAGE_SENDING))
      {
         Step(at, STAGE_REJECTED, "can't write to the folder MQL5\\Files\\FKS");
         return;
      }
      if(signal.action == "CLOSE")
         ClosePositions(at, signal);
      else
         OpenPosition(at, signal);
   }

   virtual void Recall() override
   {
      for(int i = 0; i < m_book.Count(); i++)
      {
         SignalLife life = m_book.Life(i);
         if(life.stage == STAGE_SENDING)
            Resolve(i, life.signal);
      }
   }

   // Events say when to look; what is told is what stands there. Looked at after each event, at the
   // beginning of a session, and once a minute.
   virtual void Look() override
   {
      if(!m_trade.tellState || m_session.TradesRefused())
         return;
      bool begins = m_session.Welcomes() != m_welcomes;
      if(!m_dirty && !begins && GetTickCount64() - m_lookedMs < FKS_LOOK_MS)
         return;
      m_dirty = false;
      m_welcomes = m_session.Welcomes();
      m_lookedMs = GetTickCount64();
      TellOrders();
      TellPositions();
      TellAccount(begins);
   }

public:
   CTradingBridge() : m_dirty(true), m_welcomes(0), m_lookedMs(0) {}

   void ConfigureTrade(const TradeSettings &settings)
   {
      m_trade = settings;
      m_account = "";
      m_orders.Forget();
      m_positions.Forget();
      m_left.Forget();
      ArrayResize(m_ended, 0);
      m_dirty = true;
   }

   void OnTrade(const MqlTradeTransaction &transaction)
   {
      m_dirty = true;
      int count = ArraySize(m_ended);
      if(transaction.type != TRADE_TRANSACTION_HISTORY_ADD || count >= FKS_ENDED_KEPT)
         return;
      ArrayResize(m_ended, count + 1, 16);
      m_ended[count] = transaction.order;
   }
};

#endif
