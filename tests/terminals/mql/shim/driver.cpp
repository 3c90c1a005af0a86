// The terminal's loop. Commands come on stdin, one a line, fields separated by TAB; each is answered
// with one line of JSON. Between commands the program's timer fires in real time.
#include <cfenv>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <poll.h>
#include <sstream>
#include <unistd.h>

#include "terminal.hpp"

namespace {

using Fields = std::vector<std::string>;
bool started = false;
long timer_calls = 0, longest_call_us = 0;
ulong next_timer_us = 0;
Array<double> prices;

std::string quoted(const std::string &text) {
  std::string out = "\"";
  char code[8];
  for (char each : text) {
    if (each == '"' || each == '\\') out += '\\', out += each;
    else if (static_cast<unsigned char>(each) < 32) std::snprintf(code, sizeof code, "\\u%04x", each), out += code;
    else out += each;
  }
  return out + "\"";
}

std::string number(double value) {
  char out[40];
  std::snprintf(out, sizeof out, "%.15g", value);
  return out;
}

template <class List, class Each> std::string listed(const List &list, Each each) {
  std::string out = "[";
  for (auto &item : list) out += (out.size() > 1 ? "," : "") + each(item);
  return out + "]";
}

long whole(const std::string &text) { return std::stol(text); }

// Calls into the program, timed: a terminal freezes as long as they take.
template <class Call> void enter(Call call) {
  ulong before = GetMicrosecondCount();
  mql_begin_event();
  call();
  longest_call_us = MathMax(longest_call_us, static_cast<long>(GetMicrosecondCount() - before));
  while (!terminal.transactions.empty()) {
    MqlTradeTransaction event = terminal.transactions.front();
    terminal.transactions.pop_front();
    if (OnTradeTransaction) OnTradeTransaction(event, MqlTradeRequest{}, MqlTradeResult{});
  }
}

std::string init() {
  int result = INIT_SUCCEEDED;
  if (OnStart) enter([] { OnStart(); });
  if (OnInit) enter([&] { result = OnInit(); });
  started = result == INIT_SUCCEEDED;
  if (!started && OnDeinit) enter([] { OnDeinit(REASON_INITFAILED); });
  next_timer_us = GetMicrosecondCount() + static_cast<ulong>(terminal.timer_ms) * 1000;
  return std::to_string(result);
}

std::string deinit(int reason) {
  ulong before = GetMicrosecondCount();
  if (started && OnDeinit) OnDeinit(reason);
  if (GetMicrosecondCount() - before > 2500000) mql_fatal("OnDeinit took over 2.5 s");
  started = false;
  terminal.timer_ms = 0;
  return "null";
}

void call_timer() {
  timer_calls++;
  enter([] { OnTimer(); });
  next_timer_us = GetMicrosecondCount() + static_cast<ulong>(terminal.timer_ms) * 1000;
}

std::string elapse(long seconds, long step_ms) {
  for (long passed = 0; passed < seconds * 1000; passed += step_ms) {
    terminal.clock_shift_us += step_ms * 1000;
    if (terminal.timer_ms && OnTimer) call_timer();
    mql_await_input(500);  // the bridge's answers travel in real time
  }
  return "null";
}

void define_symbol(const Fields &f) {
  if (!terminal.symbols.count(f[1])) terminal.symbol_order.push_back(f[1]);
  Instrument &symbol = terminal.symbols[f[1]];
  symbol.digits = static_cast<int>(whole(f[2]));
  symbol.point = std::pow(10.0, -symbol.digits);
  symbol.selected = f.size() < 4 || f[3] == "1";
}

void add_tick(const Fields &f) {
  Instrument &symbol = terminal.symbols.at(f[1]);
  long time_msc = whole(f[2]);
  double volume = f.size() > 5 ? std::stod(f[5]) : 0, last = f.size() > 6 ? std::stod(f[6]) : 0;
  symbol.ticks.push_back({time_msc / 1000, std::stod(f[3]), std::stod(f[4]), last, static_cast<ulong>(volume),
                          time_msc, static_cast<uint>(TICK_FLAG_BID | TICK_FLAG_ASK), volume});
  if (!started || f[1] != terminal.chart_symbol) return;
  if (OnTick) enter([] { OnTick(); });
  if (OnCalculate) {
    int before = ArraySize(prices);
    ArrayResize(prices, before + 1);
    prices[before] = symbol.ticks.back().bid;
    for (Array<double> *buffer : terminal.buffers) ArrayResize(*buffer, before + 1);
    enter([&] { OnCalculate(before + 1, before, 0, prices); });
  }
}

void add_bar(const Fields &f) {
  std::vector<MqlRates> &bars = terminal.symbols.at(f[1]).rates[static_cast<int>(whole(f[2]))];
  bars.push_back({whole(f[3]), std::stod(f[4]), std::stod(f[5]), std::stod(f[6]), std::stod(f[7]), whole(f[8]), 2, 0});
}

void add_order(const Fields &f) {
  ulong ticket = static_cast<ulong>(whole(f[1]));
  terminal.orders[ticket] = {string::from_utf8(f[2]), string(), static_cast<int>(whole(f[3])), ORDER_STATE_PLACED, 0,
                             std::stod(f[4]), std::stod(f[4]), std::stod(f[5]), 0, 0, mql_now_us() / 1000};
  terminal.transactions.push_back({0, ticket, string::from_utf8(f[2]), TRADE_TRANSACTION_ORDER_ADD});
  enter([] {});
}

void end_order(const Fields &f) {
  ulong ticket = static_cast<ulong>(whole(f[1]));
  Order ended = terminal.orders.at(ticket);
  ended.state = static_cast<int>(whole(f[2]));
  if (ended.state == ORDER_STATE_FILLED) ended.volume_left = 0;
  terminal.orders.erase(ticket);
  terminal.history[ticket] = ended;
  for (auto type : {TRADE_TRANSACTION_ORDER_DELETE, TRADE_TRANSACTION_HISTORY_ADD})
    terminal.transactions.push_back({0, ticket, ended.symbol, type});
  enter([] {});
}

// A part of an order is filled: so much of it is left.
void fill_part(const Fields &f) {
  ulong ticket = static_cast<ulong>(whole(f[1]));
  Order &order = terminal.orders.at(ticket);
  order.volume_left = std::stod(f[2]);
  order.state = ORDER_STATE_PARTIAL;
  terminal.transactions.push_back({0, ticket, order.symbol, TRADE_TRANSACTION_ORDER_UPDATE});
  enter([] {});
}

// Something of the account has changed without the program's doing.
void changed(const std::string &ticket) {
  terminal.transactions.push_back({0, static_cast<ulong>(whole(ticket)), string(), TRADE_TRANSACTION_DEAL_ADD});
  enter([] {});
}

void add_position(const Fields &f) {
  terminal.positions[static_cast<ulong>(whole(f[1]))] = {
      string::from_utf8(f[2]), string::from_utf8(f[6]), static_cast<int>(whole(f[3])),
      static_cast<ulong>(whole(f[5])), std::stod(f[4]), 1.1, 0, 0, mql_now_us() / 1000};
}

void add_deal(const Fields &f) {
  terminal.deals[static_cast<ulong>(whole(f[1]))] = {
      static_cast<ulong>(whole(f[2])), static_cast<ulong>(whole(f[3])), string::from_utf8(f[4]),
      string::from_utf8(f[5]), std::stod(f[6]), 0.1, mql_now_us() / 1000};
}

void set(const std::string &name, const std::string &value) {
  static const std::map<std::string, std::function<void(const std::string &)>> settings = {
      {"connected", [](auto &v) { terminal.connected = v == "1"; }},
      {"trade_allowed", [](auto &v) { terminal.trade_allowed = v == "1"; }},
      {"expert_trade_allowed", [](auto &v) { terminal.expert_trade_allowed = v == "1"; }},
      {"account_trade_allowed", [](auto &v) { terminal.account_trade_allowed = v == "1"; }},
      {"dlls_allowed", [](auto &v) { terminal.dlls_allowed = v == "1"; }},
      {"login", [](auto &v) { terminal.login = whole(v); }},
      {"server_offset_s", [](auto &v) { terminal.server_offset_s = whole(v); }},
      {"allow", [](auto &v) { terminal.allowed.insert(v); }},
      {"allow_url", [](auto &v) { terminal.allowed_urls.insert(v); }},
      {"ca_file", [](auto &v) { terminal.ca_file = v; }},
      {"folder", [](auto &v) { terminal.folder = v; }},
      {"other_chart", [](auto &v) { terminal.other_charts.push_back(v); }},
      {"chart", [](auto &v) { terminal.chart_symbol = v; }},
      {"retcode", [](auto &v) { terminal.next_retcode = static_cast<uint>(whole(v)); }},
      {"die_in_order_send", [](auto &v) { terminal.die_in_order_send = v == "1"; }},
      {"disk_full", [](auto &v) { terminal.disk_full = v == "1"; }},
      {"filling", [](auto &v) { terminal.filling = static_cast<int>(whole(v)); }},
      {"loading", [](auto &v) { terminal.symbols.at(v).loading = true; }},
      {"loaded", [](auto &v) { terminal.symbols.at(v).loading = false; }},
      {"short_sends", [](auto &v) { terminal.short_sends = static_cast<int>(whole(v)); }},
      {"wall_ms", [](auto &v) { terminal.wall_shift_us += whole(v) * 1000; }},
      {"dll_fails", [](auto &v) { terminal.dll_fails = v; }},
      {"dll_error", [](auto &v) { terminal.dll_error = static_cast<int>(whole(v)); }},
      {"delisted", [](auto &v) { terminal.symbols.erase(v); }},
      {"clock_ms", [](auto &v) { terminal.clock_shift_us += whole(v) * 1000; }},
      {"weekend", [](auto &v) { terminal.symbols.at(v).weekend = true; }},
  };
  settings.at(name)(value);
}

std::string object_json(const std::pair<const std::string, ChartObject> &entry) {
  const ChartObject &o = entry.second;
  auto text = [&](int property) {
    auto found = o.strings.find(property);
    return quoted(found == o.strings.end() ? "" : found->second.utf8());
  };
  return "{\"name\":" + quoted(entry.first) + ",\"type\":" + std::to_string(o.type) + ",\"time\":" +
         std::to_string(o.time1) + ",\"price\":" + number(o.price1) + ",\"price2\":" + number(o.price2) +
         ",\"text\":" + text(OBJPROP_TEXT) + ",\"tooltip\":" + text(OBJPROP_TOOLTIP) + "}";
}

std::string position_json(const std::pair<const ulong, Position> &entry) {
  const Position &p = entry.second;
  return "{\"ticket\":" + std::to_string(entry.first) + ",\"symbol\":" + quoted(p.symbol.utf8()) + ",\"type\":" +
         std::to_string(p.type) + ",\"volume\":" + number(p.volume) + ",\"sl\":" + number(p.sl) + ",\"tp\":" +
         number(p.tp) + ",\"magic\":" + std::to_string(p.magic) + ",\"comment\":" + quoted(p.comment.utf8()) + "}";
}

std::string state() {
  auto text = [](const std::string &each) { return quoted(each); };
  return "{\"journal\":" + listed(terminal.journal, text) + ",\"alerts\":" + listed(terminal.alerts, text) +
         ",\"comment\":" + quoted(terminal.comment) + ",\"objects\":" + listed(terminal.objects, object_json) +
         ",\"positions\":" + listed(terminal.positions, position_json) + ",\"filled_how\":" + std::to_string(terminal.filled_how) + ",\"sends\":" +
         std::to_string(terminal.sends) + ",\"sockets\":" + std::to_string(mql_open_sockets()) + ",\"files\":" +
         std::to_string(mql_open_files()) + ",\"timer_calls\":" + std::to_string(timer_calls) +
         ",\"redraws\":" + std::to_string(terminal.redraws) +
         ",\"longest_call_us\":" + std::to_string(longest_call_us) + ",\"started\":" + (started ? "true" : "false") +
         ",\"timer_ms\":" + std::to_string(terminal.timer_ms) + "}";
}

std::string answer(const Fields &f) {
  static const std::map<std::string, std::function<std::string(const Fields &)>> commands = {
      {"input", [](auto &f) { mql_set_input(f[1], string::from_utf8(f[2])); return "null"; }},
      {"set", [](auto &f) { set(f[1], f[2]); return "null"; }},
      {"symbol", [](auto &f) { define_symbol(f); return "null"; }},
      {"tick", [](auto &f) { add_tick(f); return "null"; }},
      {"bar", [](auto &f) { add_bar(f); return "null"; }},
      {"order", [](auto &f) { add_order(f); return "null"; }},
      {"forget_order", [](auto &f) { terminal.orders.erase(static_cast<ulong>(whole(f[1]))); changed(f[1]); return "null"; }},
      {"fill_part", [](auto &f) { fill_part(f); return "null"; }},
      {"lose_position", [](auto &f) { terminal.positions.erase(static_cast<ulong>(whole(f[1]))); return "null"; }},
      {"end_order", [](auto &f) { end_order(f); return "null"; }},
      {"position", [](auto &f) { add_position(f); return "null"; }},
      {"close_position", [](auto &f) { terminal.positions.erase(static_cast<ulong>(whole(f[1]))); changed(f[1]); return "null"; }},
      {"deal", [](auto &f) { add_deal(f); return "null"; }},
      {"init", [](auto &) { return init(); }},
      {"deinit", [](auto &f) { return deinit(static_cast<int>(whole(f[1]))); }},
      {"elapse", [](auto &f) { return elapse(whole(f[1]), whole(f[2])); }},
      {"now_ms", [](auto &) { return std::to_string(mql_now_us() / 1000); }},
      {"state", [](auto &) { return state(); }},
  };
  auto found = commands.find(f[0]);
  if (found == commands.end()) mql_fatal("the driver has no command %s", f[0].c_str());
  return found->second(f);
}

Fields split(const std::string &line) {
  Fields fields;
  std::stringstream rest(line);
  for (std::string field; std::getline(rest, field, '\t');) fields.push_back(field);
  if (!line.empty() && line.back() == '\t') fields.emplace_back();
  return fields;
}

// One read of stdin; false at its end.
bool obey(std::string &pending) {
  char part[65536];
  ssize_t got = read(0, part, sizeof part);
  if (got <= 0) return false;
  pending.append(part, static_cast<size_t>(got));
  for (size_t end; (end = pending.find('\n')) != std::string::npos; pending.erase(0, end + 1))
    std::cout << answer(split(pending.substr(0, end))) << "\n";
  std::cout.flush();
  return true;
}

int wait_ms() {
  if (!started || !terminal.timer_ms || !OnTimer) return -1;
  long left = static_cast<long>(next_timer_us) - static_cast<long>(GetMicrosecondCount());
  return left <= 0 ? 0 : static_cast<int>(left / 1000 + 1);
}

}  // namespace

int main() {
  // A division by zero and an invalid operation stop the program, as in the terminal.
  signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  feenableexcept(FE_DIVBYZERO | FE_INVALID);
  std::string pending;
  for (;;) {
    pollfd commands{0, POLLIN, 0};
    if (poll(&commands, 1, wait_ms()) == 1 && !obey(pending)) break;
    if (wait_ms() == 0) call_timer();
  }
  deinit(REASON_CLOSE);
  int sockets = mql_open_sockets() + mql_open_winsockets() + mql_open_zmq();
  if (sockets || mql_open_files()) mql_fatal("left open: %d sockets, %d files", sockets, mql_open_files());
  return 0;
}
