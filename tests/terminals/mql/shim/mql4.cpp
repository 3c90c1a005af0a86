// MetaTrader 4's orders, quotes and the functions that differ, over the same scripted terminal.
#include <csignal>
#include <unistd.h>

#include "terminal.hpp"

#include "mql4.hpp"

#undef StringTrimLeft
#undef StringTrimRight
#undef GetLastError

// Codes that the trade server answers with.
enum { INVALID_PRICE = 129, INVALID_STOPS = 130, REQUOTE = 138, INVALID_TICKET = 4108 };
// Scripted: the order is filled, but its answer is lost on the way.
enum { ANSWER_LOST = 1128, TIMEOUT = 128 };

namespace {

struct Shown {
  int ticket, type, magic;
  string symbol, comment;
  double lots, open, close, stop_loss, take_profit;
};
Shown selected;
bool is_selected = false;
std::vector<Shown> closed;

Shown &chosen() {
  if (!is_selected) mql_fatal("no order is selected");
  return selected;
}

template <class Held> Shown shown(ulong ticket, const Held &held) {
  return {static_cast<int>(ticket), held.type, static_cast<int>(held.magic), held.symbol, held.comment,
          held.volume, held.price, 0, held.sl, held.tp};
}

std::vector<Shown> pool_of(int pool) {
  std::vector<Shown> found;
  if (pool == MODE_TRADES) {
    for (auto &[ticket, position] : terminal.positions) found.push_back(shown(ticket, position));
    for (auto &[ticket, order] : terminal.orders) found.push_back(shown(ticket, order));
    return found;
  }
  found = closed;
  for (auto &[ticket, order] : terminal.history) found.push_back(shown(ticket, order));
  for (auto &[number, deal] : terminal.deals)
    found.push_back({static_cast<int>(deal.order), OP_BUY, static_cast<int>(deal.magic), deal.symbol, deal.comment,
                     deal.volume, deal.price, deal.price, 0, 0});
  return found;
}

bool select(const Shown &order) {
  selected = order;
  return is_selected = true;
}

double price_of(const string &symbol, bool ask) { return SymbolInfoDouble(symbol, ask ? SYMBOL_ASK : SYMBOL_BID); }

void check_normalized(const string &symbol, double price) {
  double scaled = price * std::pow(10.0, mql_find(symbol)->digits);
  if (std::fabs(scaled - std::round(scaled)) > 1e-4) mql_fatal("a price that is not normalized: %.12g", price);
}

bool refuse(int code) {
  mql_error(code);
  return false;
}

// The server takes a price that is at most `slippage` points off.
bool is_quoted(const string &symbol, double price, bool ask, int slippage) {
  check_normalized(symbol, price);
  double off = std::fabs(price - price_of(symbol, ask));
  return off <= (slippage + 0.5) * mql_find(symbol)->point || refuse(REQUOTE);
}

bool stops_make_sense(bool buys, double price, double stop_loss, double take_profit) {
  double below = buys ? stop_loss : take_profit, above = buys ? take_profit : stop_loss;
  return ((below == 0 || below < price) && (above == 0 || above > price)) || refuse(INVALID_STOPS);
}

void check_order(const string &symbol, int operation, double volume, const string &comment) {
  mql_not_in_indicators("OrderSend");
  if (operation != OP_BUY && operation != OP_SELL) mql_fatal("only market orders are in the subset");
  if (StringLen(comment) > 31) mql_fatal("an order's comment of over 31 characters");
  if (!mql_find(symbol)) mql_fatal("an order for an unknown symbol");
  double steps = volume / 0.01;
  if (volume < 0.01 || std::fabs(steps - std::round(steps)) > 1e-6) mql_fatal("a volume of %g", volume);
}

// Whether the scripted server fills it; the error is set when the program hears of none.
bool is_filled() {
  terminal.sends++;
  if (terminal.die_in_order_send) kill(getpid(), SIGKILL);
  uint code = terminal.next_retcode;
  if (code != TRADE_RETCODE_DONE) mql_error(code == ANSWER_LOST ? TIMEOUT : static_cast<int>(code));
  return code == TRADE_RETCODE_DONE || code == ANSWER_LOST;
}

bool is_answered() { return terminal.next_retcode == TRADE_RETCODE_DONE; }

}  // namespace

int mql4_OrderSend(const string &symbol, int operation, double volume, double price, int slippage, double stop_loss,
                   double take_profit, const string &comment, int magic, datetime, color) {
  check_order(symbol, operation, volume, comment);
  check_normalized(symbol, stop_loss);
  check_normalized(symbol, take_profit);
  bool buys = operation == OP_BUY;
  if (!is_quoted(symbol, price, buys, slippage) || !stops_make_sense(buys, price, stop_loss, take_profit)) return -1;
  if (!is_filled()) return -1;
  ulong ticket = terminal.next_ticket++;
  terminal.positions[ticket] = {symbol, comment, operation, static_cast<ulong>(magic), volume,
                                price_of(symbol, buys), stop_loss, take_profit, mql_now_us() / 1000};
  return is_answered() ? static_cast<int>(ticket) : -1;
}

bool OrderClose(int ticket, double lots, double price, int slippage, color) {
  auto found = terminal.positions.find(static_cast<ulong>(ticket));
  if (found == terminal.positions.end()) return refuse(INVALID_TICKET);
  const Position &held = found->second;
  if (lots != held.volume) mql_fatal("closing %g of %g lots", lots, held.volume);
  bool at_ask = held.type == OP_SELL;
  if (!is_quoted(held.symbol, price, at_ask, slippage) || !is_filled()) return false;
  Shown order = shown(found->first, held);
  order.close = price_of(held.symbol, at_ask);
  closed.push_back(order);
  terminal.positions.erase(found);
  return is_answered();
}

bool mql4_OrderSelect(int index, int select_by, int pool) {
  is_selected = false;
  if (select_by == SELECT_BY_POS) {
    std::vector<Shown> found = pool_of(pool);
    return index >= 0 && static_cast<size_t>(index) < found.size() && select(found[static_cast<size_t>(index)]);
  }
  // By its ticket an order is found in whichever pool it is.
  for (int each : {MODE_TRADES, MODE_HISTORY})
    for (const Shown &order : pool_of(each))
      if (order.ticket == index) return select(order);
  return refuse(INVALID_TICKET);
}

int mql4_OrdersTotal() { return static_cast<int>(pool_of(MODE_TRADES).size()); }
int OrdersHistoryTotal() { return static_cast<int>(pool_of(MODE_HISTORY).size()); }
int OrderTicket() { return chosen().ticket; }
int OrderType() { return chosen().type; }
int OrderMagicNumber() { return chosen().magic; }
string OrderSymbol() { return chosen().symbol; }
string OrderComment() { return chosen().comment; }
double OrderLots() { return chosen().lots; }
double OrderOpenPrice() { return chosen().open; }
double OrderClosePrice() { return chosen().close; }
double OrderStopLoss() { return chosen().stop_loss; }
double OrderTakeProfit() { return chosen().take_profit; }

bool mql4_SymbolInfoTick(const string &name, Mql4Tick &tick) {
  Instrument *found = mql_find(name);
  if (!found || found->ticks.empty()) return false;
  const auto &newest = found->ticks.back();
  tick = {newest.time, newest.bid, newest.ask, newest.last, newest.volume};
  return true;
}

namespace {
double event_bid = 0, event_ask = 0;
}

bool RefreshRates() {
  event_bid = price_of(Symbol(), false);
  event_ask = price_of(Symbol(), true);
  return true;
}
void mql_begin_event() {
  if (terminal.symbols.count(terminal.chart_symbol)) RefreshRates();
}
double mql4_bid() { return event_bid; }
double mql4_ask() { return event_ask; }

uint GetTickCount() { return static_cast<uint>((static_cast<long>(GetMicrosecondCount()) + terminal.clock_shift_us) / 1000); }

string mql4_StringTrimLeft(const string &text) {
  string copy = text;
  StringTrimLeft(copy);
  return copy;
}

string mql4_StringTrimRight(const string &text) {
  string copy = text;
  StringTrimRight(copy);
  return copy;
}

int mql4_GetLastError() {
  int code = GetLastError();
  ResetLastError();
  return code;
}
