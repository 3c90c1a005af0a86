// A relay that trades: executes signals when the input and the signal both say so, each id once, and
// tells the state of account, orders and positions.
#ifndef FKS_ORDERS_MQH
#define FKS_ORDERS_MQH

#include <FKS/Relay.mqh>

// MetaTrader 4's own names of these stand in a file of its standard library.
#define FKS_ERR_NO_CONNECTION 6
#define FKS_ERR_TRADE_TIMEOUT 128
#define FKS_ERR_INVALID_STOPS 130
#define FKS_ERR_NOT_ENOUGH_MONEY 134
#define FKS_ERR_PRICE_CHANGED 135
#define FKS_ERR_OFF_QUOTES 136
#define FKS_ERR_REQUOTE 138
#define FKS_ERR_TRADE_CONTEXT_BUSY 146

struct OrderSettings
{
   bool execute;
   double volume;
   int slippage;       // in points
   int magic;
   bool tellState;     // account, orders and positions
};

class CTradingRelay : public CRelay
{
private:
   OrderSettings m_trade;
   CTold m_orders;
   CTold m_positions;
   string m_account;
   bool m_refused;     // this session's bridge takes no orders
   bool m_looked;      // since all was forgotten

   bool Step(const int at, const SignalStage stage, const string detail = "", const string ticket = "",
             const double price = 0)
   {
      return Take(m_memory, at, stage, detail, ticket, price);
   }

   // Execution.

   string WhyRefused(const int error) const
   {
      if(error == FKS_ERR_REQUOTE || error == FKS_ERR_OFF_QUOTES || error == FKS_ERR_PRICE_CHANGED)
         return "the price has moved beyond InpSlippage";
      if(error == FKS_ERR_NOT_ENOUGH_MONEY)
         return "not enough money";
      if(error == FKS_ERR_INVALID_STOPS)
         return "stop or target is on the wrong side, or too close";
      if(error == FKS_ERR_TRADE_CONTEXT_BUSY)
         return "another program of this terminal was trading";
      return "the trade server refused";
   }

   // The order may have been filled all the same.
   bool IsOpen(const int error) const
   {
      return error == FKS_ERR_TRADE_TIMEOUT || error == FKS_ERR_NO_CONNECTION;
   }

   void Fail(const int at, const Signal &signal)
   {
      int error = GetLastError();
      Print("FKS Bridge: order in ", signal.symbol, " not done, error ", error);
      if(IsOpen(error))
         Resolve(at, signal);
      else
         Step(at, STAGE_REJECTED, WhyRefused(error) + " (error " + IntegerToString(error) + ")");
   }

   // Waits for the trade server's answer; only this program's own thread waits with it.
   void OpenPosition(const int at, const Signal &signal)
   {
      bool buys = signal.action == "BUY";
      int digits = (int)SymbolInfoInteger(signal.symbol, SYMBOL_DIGITS);
      double price = SymbolInfoDouble(signal.symbol, buys ? SYMBOL_ASK : SYMBOL_BID);
      int ticket = OrderSend(signal.symbol, buys ? OP_BUY : OP_SELL, VolumeFor(signal.symbol, m_trade.volume), price,
                             m_trade.slippage, NormalizeDouble(signal.stopLoss, digits),
                             NormalizeDouble(signal.takeProfit, digits), CommentOf(signal.id), m_trade.magic);
      if(ticket > 0 && OrderSelect(ticket, SELECT_BY_TICKET))
         Step(at, STAGE_EXECUTED, "", IntegerToString(ticket), OrderOpenPrice());
      else
         Fail(at, signal);
   }

   // Selects the first of this program's positions in the symbol; 0 for none, else its ticket.
   int OwnPosition(const string symbol) const
   {
      for(int i = 0; i < OrdersTotal(); i++)
         if(OrderSelect(i, SELECT_BY_POS, MODE_TRADES) && OrderType() <= OP_SELL && OrderSymbol() == symbol &&
            OrderMagicNumber() == m_trade.magic)
            return OrderTicket();
      return 0;
   }

   // Closes what this program has opened in the symbol, and nothing else.
   void ClosePositions(const int at, const Signal &signal)
   {
      int ticket = OwnPosition(signal.symbol);
      int last = 0;
      if(ticket == 0)
      {
         Step(at, STAGE_REJECTED, "there is no position of this program to close");
         return;
      }
      while(ticket != 0 && ticket != last)
      {
         double price = SymbolInfoDouble(signal.symbol, OrderType() == OP_BUY ? SYMBOL_BID : SYMBOL_ASK);
         if(!OrderClose(ticket, OrderLots(), price, m_trade.slippage))
         {
            Fail(at, signal);
            return;
         }
         last = ticket;
         ticket = OwnPosition(signal.symbol);
      }
      double closed = OrderSelect(last, SELECT_BY_TICKET) ? OrderClosePrice() : 0;
      Step(at, STAGE_EXECUTED, "", IntegerToString(last), closed);
   }

   // Whether the selected order carries out this signal. A broker may write behind the comment.
   bool CarriesOut(const Signal &signal) const
   {
      return OrderMagicNumber() == m_trade.magic && StringFind(OrderComment(), CommentOf(signal.id)) == 0;
   }

   // What became of an order whose answer never came: looked up by its comment, never sent again.
   void Resolve(const int at, const Signal &signal)
   {
      for(int pool = 0; pool < 2; pool++)
      {
         int mode = pool == 0 ? MODE_TRADES : MODE_HISTORY;
         int total = pool == 0 ? OrdersTotal() : OrdersHistoryTotal();
         for(int i = total - 1; i >= 0; i--)
         {
            if(!OrderSelect(i, SELECT_BY_POS, mode) || !CarriesOut(signal))
               continue;
            Step(at, STAGE_EXECUTED, "found in the account", IntegerToString(OrderTicket()), OrderOpenPrice());
            return;
         }
      }
      Step(at, STAGE_REJECTED, "the trade server did not answer and no order was found; look at the account");
   }

   // State of orders, positions and the account.

   string Now() const
   {
      return ",\"time_ms\":" + IntegerToString((long)ServerNow() * 1000);
   }

   // What a position and an order have in common, of the selected one.
   string Common() const
   {
      bool buys = OrderType() == OP_BUY || OrderType() == OP_BUYLIMIT || OrderType() == OP_BUYSTOP;
      return "\"ticket\":" + IntegerToString(OrderTicket()) + ",\"symbol\":" + JsonQuoted(OrderSymbol()) +
             ",\"side\":\"" + (buys ? "buy" : "sell") + "\",\"volume\":" + NumberText(OrderLots()) + ",\"price\":" +
             NumberText(OrderOpenPrice()) + ",\"stop_loss\":" + NumberText(OrderStopLoss()) + ",\"take_profit\":" +
             NumberText(OrderTakeProfit()) + ",\"magic\":" + IntegerToString(OrderMagicNumber()) + ",\"comment\":" +
             JsonQuoted(OrderComment());
   }

   string Kind() const
   {
      bool limit = OrderType() == OP_BUYLIMIT || OrderType() == OP_SELLLIMIT;
      return ",\"kind\":\"" + (limit ? "limit" : "stop") + "\"";
   }

   // A pending order is filled whole, if at all.
   string Left(const bool filled) const
   {
      return ",\"volume_left\":" + (filled ? "0" : NumberText(OrderLots()));
   }

   // An event only where this program has seen it happen.
   void Tell(const string kind, const string text, const string event)
   {
      string happened = m_looked ? ",\"event\":\"" + event + "\"" : "";
      m_memory.Append("{\"type\":\"" + kind + "\"," + text + happened + Now() + "}");
   }

   // Of the selected order.
   void TellIfNew()
   {
      ulong ticket = (ulong)OrderTicket();
      bool known = false;
      string text = Common();
      if(OrderType() <= OP_SELL)
      {
         if(m_positions.IsNews(ticket, text, known))
            Tell("position", text, known ? "modified" : "filled");
         return;
      }
      text += Kind();
      if(m_orders.IsNews(ticket, text, known))
         Tell("order", text + Left(false), known ? "modified" : "placed");
   }

   void TellGone()
   {
      ToldState gone;
      while(m_orders.TakeGone(gone))
      {
         bool found = OrderSelect((int)gone.ticket, SELECT_BY_TICKET);
         bool filled = found && OrderType() <= OP_SELL;
         Tell("order", gone.text + (found ? Left(filled) : ""), filled ? "filled" : "cancelled");
      }
      // A position without volume is closed.
      while(m_positions.TakeGone(gone))
         m_memory.Append("{\"type\":\"position\",\"ticket\":" + IntegerToString((long)gone.ticket) + ",\"volume\":0" +
                         Now() + "}");
   }

   // With the tickets of all that stands: what is not among them has ended, even if nobody saw how.
   void TellAccount()
   {
      string text = AccountText() + ",\"orders\":" + m_orders.Tickets() + ",\"positions\":" + m_positions.Tickets();
      if(text == m_account)
         return;
      m_account = text;
      m_memory.Append("{\"type\":\"account\"," + text + Now() + "}");
   }

   void ForgetTold()
   {
      m_account = "";
      m_orders.Forget();
      m_positions.Forget();
      m_looked = false;
   }

protected:
   virtual void Act(const int at, const Signal &signal)
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
         Step(at, STAGE_REJECTED, "can't write to the folder MQL4\\Files\\FKS");
         return;
      }
      if(signal.action == "CLOSE")
         ClosePositions(at, signal);
      else
         OpenPosition(at, signal);
   }

   virtual void Recall()
   {
      for(int i = 0; i < m_book.Count(); i++)
      {
         SignalLife life = m_book.Life(i);
         if(life.stage == STAGE_SENDING)
            Resolve(i, life.signal);
      }
   }

   // MetaTrader 4 has no event for trades: what stands there is looked at.
   virtual void Beat()
   {
      if(!m_trade.tellState || m_refused || !Connected())
         return;
      m_orders.BeginLook();
      m_positions.BeginLook();
      for(int i = 0; i < OrdersTotal(); i++)
         if(OrderSelect(i, SELECT_BY_POS, MODE_TRADES))
            TellIfNew();
      TellGone();
      TellAccount();
      m_looked = true;
   }

   // The bridge of a later session may take them, and is then told all anew.
   virtual void SetTradesWanted(const bool wanted)
   {
      if(m_refused || !wanted)
         ForgetTold();
      m_refused = !wanted;
   }

public:
   CTradingRelay() : m_account(""), m_refused(false), m_looked(false) {}

   void ConfigureTrade(const OrderSettings &settings)
   {
      m_trade = settings;
      m_refused = false;
      ForgetTold();
   }
};

#endif
