// What MetaTrader 4 does otherwise; prints one line a case.
#property strict

input string InpCase = "";

void Check(const string what, const bool good)
{
   if(!good)
      Print("WRONG ", what);
}

void CheckStrings()
{
   string padded = "  EURUSD ";
   Check("trimmed into a copy", StringTrimLeft(StringTrimRight(padded)) == "EURUSD");
   Check("the original is as it was", StringLen(padded) == 9);
}

void CheckErrors()
{
   Check("an order that is not there", !OrderSelect(99, SELECT_BY_TICKET));
   Check("its error", GetLastError() == 4108);
   Check("reading it forgets it", GetLastError() == 0);
}

void CheckQuotes()
{
   MqlTick tick;
   Check("a tick", SymbolInfoTick(_Symbol, tick));
   Check("Bid and Ask are the event's", Bid == tick.bid && Ask == tick.ask);
   RefreshRates();
   Check("and refreshed", Bid == tick.bid);
   Check("whole seconds", tick.time == TimeCurrent());
}

void CheckOrders()
{
   int ticket = OrderSend(_Symbol, OP_BUY, 0.1, Ask, 3, 0, 0, "mine", 7);
   Check("filled", ticket > 0 && OrdersTotal() == 1 && OrderSelect(0, SELECT_BY_POS));
   Check("selected", OrderTicket() == ticket && OrderType() == OP_BUY && OrderMagicNumber() == 7);
   Check("its comment", OrderComment() == "mine" && OrderSymbol() == _Symbol && OrderLots() == 0.1);
   Check("its price", OrderOpenPrice() == Ask && OrderStopLoss() == 0 && OrderTakeProfit() == 0);
   Check("too far from the market", OrderSend(_Symbol, OP_SELL, 0.1, Bid + 0.1, 3, 0, 0) == -1 && GetLastError() == 138);
   Check("a stop on the wrong side", OrderSend(_Symbol, OP_SELL, 0.1, Bid, 3, 1.0, 0) == -1 && GetLastError() == 130);
   Check("closed", OrderClose(ticket, 0.1, Bid, 3) && OrdersTotal() == 0 && OrdersHistoryTotal() == 1);
   Check("found closed", OrderSelect(ticket, SELECT_BY_TICKET) && OrderClosePrice() == Bid);
   Check("closed once", !OrderClose(ticket, 0.1, Bid, 3));
}

// Each of these stops the program.
void Stop()
{
   if(InpCase == "unselected")
      Print(OrderTicket());
   if(InpCase == "unnormalized")
      OrderSend(_Symbol, OP_BUY, 0.1, Ask, 3, 1.0123456789, 0);
   if(InpCase == "volume")
      OrderSend(_Symbol, OP_BUY, 0.123, Ask, 3, 0, 0);
   if(InpCase == "pending")
      OrderSend(_Symbol, OP_BUYLIMIT, 0.1, Ask, 3, 0, 0);
   if(InpCase == "lots")
      OrderClose(OrderSend(_Symbol, OP_BUY, 0.1, Ask, 3, 0, 0), 0.2, Bid, 3);
   if(InpCase == "comment")
      OrderSend(_Symbol, OP_BUY, 0.1, Ask, 3, 0, 0, "a comment of more than thirty-one characters");
}

int OnInit()
{
   CheckStrings();
   CheckErrors();
   CheckQuotes();
   Stop();
   CheckOrders();
   Print("done");
   return INIT_SUCCEEDED;
}
