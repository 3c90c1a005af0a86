// What the parts of the shim share: the scripted terminal behind the functions of api.hpp.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>

#include "api.hpp"

struct Instrument {
  int digits = 5;
  double point = 0.00001;
  bool selected = true;
  bool loading = false;  // its history comes later
  bool weekend = false;  // quoted on Saturdays and Sundays too
  std::vector<MqlTick> ticks;
  std::map<int, std::vector<MqlRates>> rates;  // by the period's seconds
};

struct ChartObject {
  int type;
  datetime time1, time2;
  double price1, price2;
  std::map<int, long> integers;
  std::map<int, string> strings;
};

struct Position {
  string symbol, comment;
  int type;
  ulong magic;
  double volume, price, sl, tp;
  long time_msc;
};
struct Order {
  string symbol, comment;
  int type, state;
  ulong magic;
  double volume, volume_left, price, sl, tp;
  long time_msc;
};
struct Deal {
  ulong order, magic;
  string symbol, comment;
  double price, volume;
  long time_msc;
};

struct Terminal {
  std::string folder;  // of files
  std::string ca_file;
  std::set<std::string> allowed;  // addresses under Tools > Options > Expert Advisors
  std::set<std::string> allowed_urls;
  bool connected = true, trade_allowed = true, expert_trade_allowed = true;
  bool account_trade_allowed = true, dlls_allowed = true, tester = false;
  long login = 5001;
  long server_offset_s = 0;
  std::vector<std::string> journal, alerts;
  std::string comment;
  int redraws = 0;
  std::vector<Array<double> *> buffers;  // an indicator's

  std::string chart_symbol = "EURUSD";
  ENUM_TIMEFRAMES chart_period = PERIOD_M1;
  std::vector<std::string> symbol_order;
  std::map<std::string, Instrument> symbols;
  std::vector<std::string> other_charts;  // their symbols; their numbers are 2, 3, ...
  std::map<std::string, ChartObject> objects;  // by chart and name, "1/FKS_..."

  std::map<ulong, Position> positions;
  std::map<ulong, Order> orders, history;
  std::map<ulong, Deal> deals;
  std::deque<MqlTradeTransaction> transactions;
  uint next_retcode = TRADE_RETCODE_DONE;
  bool disk_full = false;
  int filling = SYMBOL_FILLING_IOC, filled_how = -1;
  bool die_in_order_send = false;
  bool history_selected = false;
  ulong next_ticket = 1001;
  int sends = 0;

  int timer_ms = 0;
  int short_sends = 0;  // the most bytes one SocketSend takes; 0 for no limit
  long clock_shift_us = 0;  // the virtual clock's lead over the machine's
  long wall_shift_us = 0;  // what somebody has set this machine's clock by, without time passing
  std::string dll_fails = "";
  int dll_error = 0;  // the imported function that fails, and with what
  int last_error = 0;
  bool stopped = false;
};

extern Terminal terminal;
extern const ProgramKind mql_program_kind;  // set by the translated program

long mql_now_us();  // virtual UTC, microseconds since 1970
void mql_error(int code);
void mql_not_in_indicators(const char *function);
Instrument *mql_find(const string &name);
void mql_set_input(const std::string &name, const string &value);
void mql_begin_event();  // MetaTrader 4 shows one Bid and Ask during an event
void mql_await_input(int timeout_ms);  // until a socket has something to read
int mql_open_sockets();
int mql_open_files();
int mql_open_winsockets();
int mql_open_zmq();
