// The functions of the terminal that FKS Bridge uses. Numeric values of identifiers are this shim's
// own: programs may only use the names.
#pragma once

#include <cstdio>  // SEEK_SET, SEEK_END

#include "mql5.hpp"

enum class ProgramKind { Expert, Indicator, Script };

// Events a program may handle; the driver calls those that are there.
int OnInit() __attribute__((weak));
void OnDeinit(const int reason) __attribute__((weak));
void OnTick() __attribute__((weak));
void OnTimer() __attribute__((weak));
void OnStart() __attribute__((weak));
int OnCalculate(const int total, const int previous, const int begin, const Array<double> &price)
    __attribute__((weak));

enum ENUM_INIT_RETCODE { INIT_SUCCEEDED = 0, INIT_FAILED = 1, INIT_PARAMETERS_INCORRECT = 2 };
enum {
  REASON_PROGRAM, REASON_REMOVE, REASON_RECOMPILE, REASON_CHARTCHANGE, REASON_CHARTCLOSE,
  REASON_PARAMETERS, REASON_ACCOUNT, REASON_TEMPLATE, REASON_INITFAILED, REASON_CLOSE
};

// Errors: 4014 is the documented one for a call that a program or an address does not have.
enum {
  ERR_SUCCESS = 0, ERR_FUNCTION_NOT_ALLOWED = 4014, ERR_MARKET_UNKNOWN_SYMBOL = 4301,
  ERR_HISTORY_NOT_FOUND = 4401, ERR_TRADE_SEND_FAILED = 4756, ERR_CANNOT_OPEN_FILE = 5004,
  ERR_WEBREQUEST_CONNECT_FAILED = 5201, ERR_WEBREQUEST_TIMEOUT = 5202,
  ERR_WEBREQUEST_REQUEST_FAILED = 5203, ERR_NETSOCKET_INVALIDHANDLE = 5270,
  ERR_NETSOCKET_TOO_MANY_OPENED = 5271, ERR_NETSOCKET_CANNOT_CONNECT = 5272,
  ERR_NETSOCKET_IO_ERROR = 5273, ERR_NETSOCKET_HANDSHAKE_FAILED = 5274
};
int GetLastError();
void ResetLastError();
bool IsStopped();

// Time

struct MqlDateTime { int year, mon, day, hour, min, sec, day_of_week, day_of_year; };
enum { TIME_DATE = 1, TIME_MINUTES = 2, TIME_SECONDS = 4 };
datetime TimeCurrent();
datetime TimeTradeServer();
datetime TimeGMT();
datetime TimeLocal();
ulong GetTickCount64();
ulong GetMicrosecondCount();
bool TimeToStruct(datetime moment, MqlDateTime &parts);
string TimeToString(datetime moment, int mode = TIME_DATE | TIME_MINUTES);
bool EventSetMillisecondTimer(int milliseconds);
void EventKillTimer();
void Sleep(int milliseconds);

// The terminal, the account, the chart

enum ENUM_TERMINAL_INFO_INTEGER {
  TERMINAL_CONNECTED, TERMINAL_TRADE_ALLOWED, TERMINAL_PING_LAST, TERMINAL_DLLS_ALLOWED,
  TERMINAL_BUILD
};
enum ENUM_MQL_INFO_INTEGER { MQL_TRADE_ALLOWED, MQL_DLLS_ALLOWED, MQL_TESTER };
enum ENUM_ACCOUNT_INFO_INTEGER {
  ACCOUNT_LOGIN, ACCOUNT_TRADE_ALLOWED, ACCOUNT_TRADE_EXPERT, ACCOUNT_LEVERAGE,
  ACCOUNT_MARGIN_MODE
};
enum ENUM_ACCOUNT_INFO_DOUBLE {
  ACCOUNT_BALANCE, ACCOUNT_EQUITY, ACCOUNT_MARGIN, ACCOUNT_MARGIN_FREE
};
enum ENUM_ACCOUNT_INFO_STRING { ACCOUNT_CURRENCY, ACCOUNT_SERVER, ACCOUNT_COMPANY };
enum { ACCOUNT_MARGIN_MODE_RETAIL_NETTING, ACCOUNT_MARGIN_MODE_EXCHANGE,
       ACCOUNT_MARGIN_MODE_RETAIL_HEDGING };
long TerminalInfoInteger(ENUM_TERMINAL_INFO_INTEGER property);
int MQLInfoInteger(ENUM_MQL_INFO_INTEGER property);
long AccountInfoInteger(ENUM_ACCOUNT_INFO_INTEGER property);
double AccountInfoDouble(ENUM_ACCOUNT_INFO_DOUBLE property);
string AccountInfoString(ENUM_ACCOUNT_INFO_STRING property);

enum ENUM_TIMEFRAMES {
  PERIOD_CURRENT = 0, PERIOD_M1 = 60, PERIOD_M5 = 300, PERIOD_M15 = 900, PERIOD_M30 = 1800,
  PERIOD_H1 = 3600, PERIOD_H4 = 14400, PERIOD_D1 = 86400, PERIOD_W1 = 604800
};
#define _Symbol Symbol()
#define _Period Period()
string Symbol();
ENUM_TIMEFRAMES Period();
long ChartID();
long ChartFirst();
long ChartNext(long chart);
string ChartSymbol(long chart);

// Symbols and prices

enum ENUM_SYMBOL_INFO_INTEGER {
  SYMBOL_DIGITS, SYMBOL_SELECT, SYMBOL_FILLING_MODE, SYMBOL_TRADE_MODE
};
enum ENUM_SYMBOL_INFO_DOUBLE {
  SYMBOL_POINT, SYMBOL_BID, SYMBOL_ASK, SYMBOL_VOLUME_MIN, SYMBOL_VOLUME_MAX, SYMBOL_VOLUME_STEP
};
enum { SYMBOL_FILLING_FOK = 1, SYMBOL_FILLING_IOC = 2 };
enum ENUM_DAY_OF_WEEK { SUNDAY, MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY };
struct MqlTick {
  datetime time;
  double bid, ask, last;
  ulong volume;
  long time_msc;
  uint flags;
  double volume_real;
};
struct MqlRates {
  datetime time;
  double open, high, low, close;
  long tick_volume;
  int spread;
  long real_volume;
};
enum { TICK_FLAG_BID = 2, TICK_FLAG_ASK = 4, TICK_FLAG_LAST = 8, TICK_FLAG_VOLUME = 16,
       TICK_FLAG_BUY = 32, TICK_FLAG_SELL = 64 };
enum { COPY_TICKS_INFO = 6, COPY_TICKS_TRADE = 24, COPY_TICKS_ALL = -1 };
int SymbolsTotal(bool selected);
string SymbolName(int at, bool selected);
bool SymbolSelect(const string &name, bool select);
bool SymbolExist(const string &name, bool &custom);
long SymbolInfoInteger(const string &name, ENUM_SYMBOL_INFO_INTEGER property);
double SymbolInfoDouble(const string &name, ENUM_SYMBOL_INFO_DOUBLE property);
bool SymbolInfoTick(const string &name, MqlTick &tick);
bool SymbolInfoSessionQuote(const string &name, ENUM_DAY_OF_WEEK day, uint index, datetime &from,
                            datetime &to);
int CopyTicks(const string &name, Array<MqlTick> &ticks, uint flags = COPY_TICKS_ALL,
              ulong from_msc = 0, uint count = 0);
datetime iTime(const string &name, ENUM_TIMEFRAMES period, int shift);
int CopyRates(const string &name, ENUM_TIMEFRAMES period, int start, int count,
              Array<MqlRates> &rates);
int CopyRates(const string &name, ENUM_TIMEFRAMES period, datetime from, datetime to,
              Array<MqlRates> &rates);

// Files, below the terminal's own folder

constexpr int INVALID_HANDLE = -1;
enum { FILE_READ = 1, FILE_WRITE = 2, FILE_BIN = 4, FILE_SHARE_READ = 128, FILE_SHARE_WRITE = 256,
       FILE_COMMON = 4096, FILE_REWRITE = 512 };
int FileOpen(const string &name, int flags);
void FileClose(int handle);
void FileFlush(int handle);
ulong FileSize(int handle);
bool FileSeek(int handle, long offset, int origin);
bool FileIsExist(const string &name, int common = 0);
bool FileDelete(const string &name, int common = 0);
bool FileMove(const string &name, int common, const string &to, int flags);
uint mql_file_write(int handle, const uchar *data, size_t size);
uint mql_file_read(int handle, Array<uchar> &bytes);
inline uint FileWriteArray(int handle, const Array<uchar> &bytes, int start = 0, int count = -1) {
  if (count < 0) count = ArraySize(bytes) - start;
  if (start < 0 || start + count > ArraySize(bytes)) mql_fatal("FileWriteArray beyond the array");
  return mql_file_write(handle, bytes.data() + start, static_cast<size_t>(count));
}
inline uint FileReadArray(int handle, Array<uchar> &bytes) {
  return mql_file_read(handle, bytes);
}

// Sockets and the web, refused in indicators

int SocketCreate();
bool SocketConnect(int handle, const string &host, uint port, uint timeout_ms);
bool SocketClose(int handle);
bool SocketIsConnected(int handle);
uint SocketIsReadable(int handle);
bool SocketIsWritable(int handle);
int SocketRead(int handle, Array<uchar> &bytes, uint max, uint timeout_ms);
int SocketSend(int handle, const Array<uchar> &bytes, uint length);
bool SocketTimeouts(int handle, uint send_ms, uint receive_ms);
bool SocketTlsHandshake(int handle, const string &host);
int SocketTlsReadAvailable(int handle, Array<uchar> &bytes, uint max);
int SocketTlsSend(int handle, const Array<uchar> &bytes, uint length);
int WebRequest(const string &method, const string &url, const string &headers, int timeout_ms,
               const Array<uchar> &data, Array<uchar> &result, string &result_headers);
int WebRequest(const string &method, const string &url, const string &cookie,
               const string &referer, int timeout_ms, const Array<uchar> &data, int data_size,
               Array<uchar> &result, string &result_headers);

enum ENUM_CRYPT_METHOD { CRYPT_HASH_SHA256 };
int CryptEncode(ENUM_CRYPT_METHOD method, const Array<uchar> &data, const Array<uchar> &key,
                Array<uchar> &result);

// Objects on the chart

enum ENUM_OBJECT {
  OBJ_ARROW_BUY, OBJ_ARROW_SELL, OBJ_ARROW_STOP, OBJ_ARROW_CHECK, OBJ_TREND, OBJ_TEXT, OBJ_LABEL
};
enum ENUM_OBJECT_PROPERTY_INTEGER {
  OBJPROP_COLOR, OBJPROP_STYLE, OBJPROP_WIDTH, OBJPROP_SELECTABLE, OBJPROP_HIDDEN,
  OBJPROP_RAY_RIGHT, OBJPROP_ANCHOR, OBJPROP_CORNER, OBJPROP_XDISTANCE, OBJPROP_YDISTANCE,
  OBJPROP_FONTSIZE
};
enum ENUM_OBJECT_PROPERTY_DOUBLE { OBJPROP_PRICE };
enum ENUM_OBJECT_PROPERTY_STRING { OBJPROP_TEXT, OBJPROP_TOOLTIP, OBJPROP_FONT };
enum { STYLE_SOLID, STYLE_DASH, STYLE_DOT };
enum { ANCHOR_LEFT, ANCHOR_LEFT_UPPER, ANCHOR_RIGHT };
enum { CORNER_LEFT_UPPER };
constexpr color clrNONE = -1, clrDodgerBlue = 0x1E90FF, clrTomato = 0xFF6347, clrGray = 0x808080,
                clrSeaGreen = 0x2E8B57, clrFireBrick = 0xB22222, clrSilver = 0xC0C0C0;
bool ObjectCreate(long chart, const string &name, ENUM_OBJECT type, int window, datetime time1,
                  double price1, datetime time2 = 0, double price2 = 0);
bool ObjectDelete(long chart, const string &name);
int ObjectFind(long chart, const string &name);
int ObjectsDeleteAll(long chart, const string &prefix, int window = -1, int type = -1);
bool ObjectSetInteger(long chart, const string &name, ENUM_OBJECT_PROPERTY_INTEGER property,
                      long value);
bool ObjectSetString(long chart, const string &name, ENUM_OBJECT_PROPERTY_STRING property,
                     const string &value);
void ChartRedraw(long chart = 0);

// Indicators

enum ENUM_INDEXBUFFER_TYPE { INDICATOR_DATA, INDICATOR_CALCULATIONS };
enum ENUM_CUSTOMIND_PROPERTY_STRING { INDICATOR_SHORTNAME };
bool SetIndexBuffer(int index, Array<double> &buffer, ENUM_INDEXBUFFER_TYPE type);
bool IndicatorSetString(ENUM_CUSTOMIND_PROPERTY_STRING property, const string &value);

#include "trade.hpp"
