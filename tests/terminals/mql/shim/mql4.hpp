// What MetaTrader 4's language and terminal do otherwise than MetaTrader 5's. Names that mean another
// thing there are other functions here; what MetaTrader 4 lacks does not compile.
#pragma once

#include "api.hpp"

#define __MQL4__ 1

// Quotes: a tick has whole seconds, and its newest is all that can be asked for.

struct Mql4Tick {
  datetime time;
  double bid, ask, last;
  ulong volume;
};
#define MqlTick Mql4Tick
#define SymbolInfoTick mql4_SymbolInfoTick
#define Bid mql4_bid()
#define Ask mql4_ask()
bool mql4_SymbolInfoTick(const string &name, Mql4Tick &tick);
double mql4_bid();  // as they were when the event began, or RefreshRates was called
double mql4_ask();
bool RefreshRates();
uint GetTickCount();

// Strings are trimmed into a copy; reading the last error forgets it.

#define StringTrimLeft mql4_StringTrimLeft
#define StringTrimRight mql4_StringTrimRight
#define GetLastError mql4_GetLastError
string mql4_StringTrimLeft(const string &text);
string mql4_StringTrimRight(const string &text);
int mql4_GetLastError();

// Orders: positions and pending orders are one list, a selected one answers for all questions.

enum { OP_BUY, OP_SELL, OP_BUYLIMIT, OP_SELLLIMIT, OP_BUYSTOP, OP_SELLSTOP };
enum { SELECT_BY_POS, SELECT_BY_TICKET };
enum { MODE_TRADES, MODE_HISTORY };
#define OrderSend mql4_OrderSend
#define OrderSelect mql4_OrderSelect
#define OrdersTotal mql4_OrdersTotal
int mql4_OrderSend(const string &symbol, int operation, double volume, double price, int slippage, double stop_loss,
                   double take_profit, const string &comment = string(), int magic = 0, datetime expiration = 0,
                   color arrow = clrNONE);
bool OrderClose(int ticket, double lots, double price, int slippage, color arrow = clrNONE);
bool mql4_OrderSelect(int index, int select, int pool = MODE_TRADES);
int mql4_OrdersTotal();
int OrdersHistoryTotal();
int OrderTicket();
int OrderType();
int OrderMagicNumber();
string OrderSymbol();
string OrderComment();
double OrderLots();
double OrderOpenPrice();
double OrderClosePrice();
double OrderStopLoss();
double OrderTakeProfit();

#pragma GCC poison TimeTradeServer GetTickCount64 ArrayRemove CopyTicks SymbolExist StructToCharArray
#pragma GCC poison MqlTradeRequest MqlTradeResult MqlTradeTransaction OnTradeTransaction
#pragma GCC poison PositionsTotal PositionGetTicket PositionGetInteger PositionGetDouble PositionGetString
#pragma GCC poison OrderGetTicket OrderGetInteger OrderGetDouble OrderGetString
#pragma GCC poison HistorySelect HistoryOrderSelect HistoryOrderGetInteger HistoryDealsTotal HistoryDealGetTicket
#pragma GCC poison SocketCreate SocketConnect SocketClose SocketIsConnected SocketIsReadable SocketIsWritable
#pragma GCC poison SocketRead SocketSend SocketTimeouts SocketTlsHandshake SocketTlsReadAvailable SocketTlsSend
