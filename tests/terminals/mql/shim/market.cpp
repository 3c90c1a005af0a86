// Symbols, ticks, bars and a trade server that fills what it is sent.
#include <csignal>
#include <unistd.h>

#include "terminal.hpp"

Instrument *mql_find(const string &name) {
  auto found = terminal.symbols.find(name.utf8());
  if (found != terminal.symbols.end()) return &found->second;
  mql_error(ERR_MARKET_UNKNOWN_SYMBOL);
  return nullptr;
}

int SymbolsTotal(bool selected) {
  int count = 0;
  for (const std::string &name : terminal.symbol_order) count += !selected || terminal.symbols[name].selected;
  return count;
}

string SymbolName(int at, bool selected) {
  for (const std::string &name : terminal.symbol_order)
    if ((!selected || terminal.symbols[name].selected) && at-- == 0) return string::from_utf8(name);
  return string();
}

bool SymbolSelect(const string &name, bool select) {
  Instrument *found = mql_find(name);
  if (found) found->selected = select;
  return found != nullptr;
}

bool SymbolExist(const string &name, bool &custom) {
  custom = false;
  return terminal.symbols.count(name.utf8()) > 0;
}

long SymbolInfoInteger(const string &name, ENUM_SYMBOL_INFO_INTEGER property) {
  Instrument *found = mql_find(name);
  if (!found) return 0;
  if (property == SYMBOL_DIGITS) return found->digits;
  if (property == SYMBOL_FILLING_MODE) return terminal.filling;
  return 1;
}

double SymbolInfoDouble(const string &name, ENUM_SYMBOL_INFO_DOUBLE property) {
  Instrument *found = mql_find(name);
  if (!found) return 0;
  switch (property) {
    case SYMBOL_POINT: return found->point;
    case SYMBOL_BID: return found->ticks.empty() ? 0 : found->ticks.back().bid;
    case SYMBOL_ASK: return found->ticks.empty() ? 0 : found->ticks.back().ask;
    case SYMBOL_VOLUME_MIN: case SYMBOL_VOLUME_STEP: return 0.01;
    case SYMBOL_VOLUME_MAX: return 50;
  }
  mql_fatal("SymbolInfoDouble %d", property);
}

bool SymbolInfoTick(const string &name, MqlTick &tick) {
  Instrument *found = mql_find(name);
  if (!found || found->ticks.empty()) return false;
  tick = found->ticks.back();
  return true;
}

bool SymbolInfoSessionQuote(const string &name, ENUM_DAY_OF_WEEK day, uint index, datetime &from, datetime &to) {
  Instrument *found = mql_find(name);
  bool closed = found && !found->weekend && (day == SATURDAY || day == SUNDAY);
  if (!found || index > 0 || closed) return false;
  from = 0;
  to = 86400;
  return true;
}

// As documented: without `from` the newest ticks, with it those from that millisecond on, oldest
// first; `count` 0 stands for 2,000; never more than what is held.
int CopyTicks(const string &name, Array<MqlTick> &ticks, uint, ulong from_msc, uint count) {
  Instrument *found = mql_find(name);
  if (!found || !found->selected || found->loading) return -1;
  const std::vector<MqlTick> &all = found->ticks;
  size_t limit = count ? count : 2000, first = 0;
  if (from_msc == 0) first = all.size() > limit ? all.size() - limit : 0;
  else while (first < all.size() && all[first].time_msc < static_cast<long>(from_msc)) first++;
  size_t taken = MathMin(limit, all.size() - first);
  ArrayResize(ticks, static_cast<int>(taken));
  for (size_t i = 0; i < taken; i++) ticks[static_cast<long>(i)] = all[first + i];
  return static_cast<int>(taken);
}

static std::vector<MqlRates> *rates_of(const string &name, ENUM_TIMEFRAMES period) {
  Instrument *found = mql_find(name);
  if (!found || found->rates[period].empty()) {
    mql_error(ERR_HISTORY_NOT_FOUND);
    return nullptr;
  }
  return &found->rates[period];
}

datetime iTime(const string &name, ENUM_TIMEFRAMES period, int shift) {
  std::vector<MqlRates> *all = rates_of(name, period);
  if (!all || shift < 0 || static_cast<size_t>(shift) >= all->size()) return 0;
  return (*all)[all->size() - 1 - static_cast<size_t>(shift)].time;
}

int CopyRates(const string &name, ENUM_TIMEFRAMES period, int start, int count, Array<MqlRates> &rates) {
  std::vector<MqlRates> *all = rates_of(name, period);
  if (!all) return -1;
  if (start < 0 || count < 0) mql_fatal("CopyRates from %d count %d", start, count);
  int end = static_cast<int>(all->size()) - start, first = MathMax(0, end - count);
  if (end <= 0) return -1;
  ArrayResize(rates, end - first);
  for (int i = first; i < end; i++) rates[i - first] = (*all)[static_cast<size_t>(i)];
  return end - first;
}

int CopyRates(const string &name, ENUM_TIMEFRAMES period, datetime from, datetime to, Array<MqlRates> &rates) {
  std::vector<MqlRates> *all = rates_of(name, period);
  if (!all) return -1;
  ArrayResize(rates, 0);
  for (const MqlRates &bar : *all) {
    if (bar.time < from || bar.time > to) continue;
    ArrayResize(rates, ArraySize(rates) + 1);
    rates[ArraySize(rates) - 1] = bar;
  }
  return ArraySize(rates);
}

// Trade

namespace {

Position *chosen_position = nullptr;
ulong chosen_position_ticket = 0;
Order *chosen_order = nullptr;
ulong chosen_order_ticket = 0;

template <class Map> auto key_at(const Map &map, int at) {
  if (at < 0 || static_cast<size_t>(at) >= map.size()) mql_fatal("entry %d of %zu", at, map.size());
  return std::next(map.begin(), at)->first;
}

template <class Map> auto &value_at(Map &map, ulong ticket) {
  auto found = map.find(ticket);
  if (found == map.end()) mql_fatal("ticket %lu is not there", ticket);
  return found->second;
}

Position &position() {
  if (!chosen_position) mql_fatal("no position is selected");
  return *chosen_position;
}

void check_request(const MqlTradeRequest &request) {
  if (request.action != TRADE_ACTION_DEAL) mql_fatal("only market orders are in the subset");
  if (StringLen(request.comment) > 31) mql_fatal("an order's comment of over 31 characters");
  if (!mql_find(request.symbol)) mql_fatal("an order for an unknown symbol");
  double steps = request.volume / 0.01;
  if (request.volume < 0.01 || std::fabs(steps - std::round(steps)) > 1e-6) mql_fatal("a volume of %g", request.volume);
}

void fill(const MqlTradeRequest &request, MqlTradeResult &result) {
  ulong order = terminal.next_ticket++, deal = terminal.next_ticket++;
  bool buys = request.type == ORDER_TYPE_BUY;
  double price = SymbolInfoDouble(request.symbol, buys ? SYMBOL_ASK : SYMBOL_BID);
  long now_ms = mql_now_us() / 1000 + terminal.server_offset_s * 1000;
  if (request.position) terminal.positions.erase(request.position);
  else
    terminal.positions[order] = {request.symbol, request.comment, buys ? POSITION_TYPE_BUY : POSITION_TYPE_SELL,
                                 request.magic, request.volume, price, request.sl, request.tp, now_ms};
  terminal.deals[deal] = {order, request.magic, request.symbol, request.comment, price, request.volume, now_ms};
  terminal.history[order] = {request.symbol, request.comment, request.type, ORDER_STATE_FILLED, request.magic,
                             request.volume, 0, price, request.sl, request.tp, now_ms};
  for (auto type : {TRADE_TRANSACTION_ORDER_ADD, TRADE_TRANSACTION_ORDER_DELETE, TRADE_TRANSACTION_HISTORY_ADD,
                    TRADE_TRANSACTION_DEAL_ADD})
    terminal.transactions.push_back({deal, order, request.symbol, type});
  result.deal = deal;
  result.order = order;
  result.price = price;
  result.volume = request.volume;
}

}  // namespace

bool OrderSend(const MqlTradeRequest &request, MqlTradeResult &result) {
  mql_not_in_indicators("OrderSend");
  check_request(request);
  terminal.sends++;
  terminal.filled_how = request.type_filling;
  if (terminal.die_in_order_send) kill(getpid(), SIGKILL);
  result = MqlTradeResult{};
  result.retcode = terminal.next_retcode;
  bool done = result.retcode == TRADE_RETCODE_DONE || result.retcode == TRADE_RETCODE_DONE_PARTIAL;
  if (done) fill(request, result);
  if (!done) mql_error(ERR_TRADE_SEND_FAILED);
  return done || result.retcode == TRADE_RETCODE_PLACED;
}

int PositionsTotal() { return static_cast<int>(terminal.positions.size()); }

ulong PositionGetTicket(int at) {
  ulong ticket = key_at(terminal.positions, at);
  PositionSelectByTicket(ticket);
  return ticket;
}

bool PositionSelectByTicket(ulong ticket) {
  auto found = terminal.positions.find(ticket);
  chosen_position = found == terminal.positions.end() ? nullptr : &found->second;
  chosen_position_ticket = ticket;
  return chosen_position != nullptr;
}

long PositionGetInteger(ENUM_POSITION_PROPERTY_INTEGER property) {
  switch (property) {
    case POSITION_TICKET: case POSITION_IDENTIFIER: return static_cast<long>(chosen_position_ticket);
    case POSITION_TIME_MSC: return position().time_msc;
    case POSITION_TYPE: return position().type;
    case POSITION_MAGIC: return static_cast<long>(position().magic);
  }
  mql_fatal("PositionGetInteger %d", property);
}

double PositionGetDouble(ENUM_POSITION_PROPERTY_DOUBLE property) {
  switch (property) {
    case POSITION_VOLUME: return position().volume;
    case POSITION_PRICE_OPEN: return position().price;
    case POSITION_SL: return position().sl;
    case POSITION_TP: return position().tp;
    case POSITION_PROFIT: return 0;
  }
  mql_fatal("PositionGetDouble %d", property);
}

string PositionGetString(ENUM_POSITION_PROPERTY_STRING property) {
  return property == POSITION_SYMBOL ? position().symbol : position().comment;
}

int OrdersTotal() { return static_cast<int>(terminal.orders.size()); }

ulong OrderGetTicket(int at) {
  ulong ticket = key_at(terminal.orders, at);
  OrderSelect(ticket);
  return ticket;
}

bool OrderSelect(ulong ticket) {
  auto found = terminal.orders.find(ticket);
  chosen_order = found == terminal.orders.end() ? nullptr : &found->second;
  chosen_order_ticket = ticket;
  return chosen_order != nullptr;
}

static long order_integer(const Order &order, ulong ticket, ENUM_ORDER_PROPERTY_INTEGER property) {
  switch (property) {
    case ORDER_TICKET: return static_cast<long>(ticket);
    case ORDER_TIME_SETUP_MSC: return order.time_msc;
    case ORDER_TYPE: return order.type;
    case ORDER_MAGIC: return static_cast<long>(order.magic);
    case ORDER_STATE: return order.state;
  }
  mql_fatal("OrderGetInteger %d", property);
}

static Order &order() {
  if (!chosen_order) mql_fatal("no order is selected");
  return *chosen_order;
}

long OrderGetInteger(ENUM_ORDER_PROPERTY_INTEGER property) { return order_integer(order(), chosen_order_ticket, property); }

static double order_real(const Order &order, ENUM_ORDER_PROPERTY_DOUBLE property) {
  switch (property) {
    case ORDER_VOLUME_INITIAL: return order.volume;
    case ORDER_VOLUME_CURRENT: return order.volume_left;
    case ORDER_PRICE_OPEN: return order.price;
    case ORDER_SL: return order.sl;
    case ORDER_TP: return order.tp;
  }
  mql_fatal("OrderGetDouble %d", property);
}

double OrderGetDouble(ENUM_ORDER_PROPERTY_DOUBLE property) { return order_real(order(), property); }

string OrderGetString(ENUM_ORDER_PROPERTY_STRING property) {
  return property == ORDER_SYMBOL ? order().symbol : order().comment;
}

bool HistorySelect(datetime from, datetime to) {
  if (from > to) mql_fatal("HistorySelect ends before it begins");
  return terminal.history_selected = true;
}

bool HistoryOrderSelect(ulong ticket) { return terminal.history.count(ticket) > 0; }

long HistoryOrderGetInteger(ulong ticket, ENUM_ORDER_PROPERTY_INTEGER property) {
  return order_integer(value_at(terminal.history, ticket), ticket, property);
}

double HistoryOrderGetDouble(ulong ticket, ENUM_ORDER_PROPERTY_DOUBLE property) {
  return order_real(value_at(terminal.history, ticket), property);
}

string HistoryOrderGetString(ulong ticket, ENUM_ORDER_PROPERTY_STRING property) {
  const Order &ended = value_at(terminal.history, ticket);
  return property == ORDER_SYMBOL ? ended.symbol : ended.comment;
}

int HistoryDealsTotal() {
  if (!terminal.history_selected) mql_fatal("HistoryDealsTotal before HistorySelect");
  return static_cast<int>(terminal.deals.size());
}
ulong HistoryDealGetTicket(int at) { return key_at(terminal.deals, at); }

long HistoryDealGetInteger(ulong ticket, ENUM_DEAL_PROPERTY_INTEGER property) {
  Deal &deal = value_at(terminal.deals, ticket);
  switch (property) {
    case DEAL_ORDER: return static_cast<long>(deal.order);
    case DEAL_MAGIC: return static_cast<long>(deal.magic);
    case DEAL_TIME_MSC: return deal.time_msc;
  }
  mql_fatal("HistoryDealGetInteger %d", property);
}

double HistoryDealGetDouble(ulong ticket, ENUM_DEAL_PROPERTY_DOUBLE property) {
  Deal &deal = value_at(terminal.deals, ticket);
  return property == DEAL_PRICE ? deal.price : deal.volume;
}

string HistoryDealGetString(ulong ticket, ENUM_DEAL_PROPERTY_STRING property) {
  Deal &deal = value_at(terminal.deals, ticket);
  return property == DEAL_SYMBOL ? deal.symbol : deal.comment;
}
