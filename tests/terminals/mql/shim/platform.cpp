// Clock, journal, files, objects, account: what the terminal itself offers.
#include <chrono>
#include <ctime>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "terminal.hpp"

void mql_error(int code) { terminal.last_error = code; }
int GetLastError() { return terminal.last_error; }
void ResetLastError() { terminal.last_error = 0; }
bool IsStopped() { return terminal.stopped; }

void mql_not_in_indicators(const char *function) {
  if (mql_program_kind == ProgramKind::Indicator) mql_fatal("%s in an indicator (4014)", function);
}

// Clock

long mql_now_us() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count() + terminal.clock_shift_us;
}

datetime TimeGMT() { return (mql_now_us() + terminal.wall_shift_us) / 1000000; }
datetime TimeLocal() { return TimeGMT(); }
datetime TimeTradeServer() { return TimeGMT() + terminal.server_offset_s; }

datetime TimeCurrent() {
  long last = 0;
  for (auto &[name, symbol] : terminal.symbols)
    if (symbol.selected && !symbol.ticks.empty()) last = MathMax(last, symbol.ticks.back().time_msc);
  return last / 1000;
}

ulong GetMicrosecondCount() {
  auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<ulong>(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

ulong GetTickCount64() {
  return static_cast<ulong>(static_cast<long>(GetMicrosecondCount()) + terminal.clock_shift_us) / 1000;
}

bool TimeToStruct(datetime moment, MqlDateTime &parts) {
  std::tm utc{};
  gmtime_r(&moment, &utc);
  parts = {utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
           utc.tm_min, utc.tm_sec, utc.tm_wday, utc.tm_yday};
  return true;
}

string TimeToString(datetime moment, int mode) {
  std::tm utc{};
  gmtime_r(&moment, &utc);
  char out[40];
  const char *form = mode & TIME_SECONDS ? "%Y.%m.%d %H:%M:%S" : mode & TIME_MINUTES ? "%Y.%m.%d %H:%M" : "%Y.%m.%d";
  std::strftime(out, sizeof out, form, &utc);
  return string::from_utf8(out);
}

bool EventSetMillisecondTimer(int milliseconds) {
  if (milliseconds <= 0) mql_fatal("a timer of %d ms", milliseconds);
  terminal.timer_ms = MathMax(10, milliseconds);  // the terminal's own clock is no finer
  return true;
}
void EventKillTimer() { terminal.timer_ms = 0; }

void Sleep(int milliseconds) {
  if (mql_program_kind != ProgramKind::Script) mql_fatal("Sleep outside a script blocks its chart");
  usleep(static_cast<useconds_t>(milliseconds) * 1000);
}

// Journal

void mql_print(const string &line) { terminal.journal.push_back(line.utf8()); }
void mql_comment(const string &text) { terminal.comment = text.utf8(); }
void mql_alert(const string &text) { terminal.alerts.push_back(text.utf8()); }

// The terminal and the account

long TerminalInfoInteger(ENUM_TERMINAL_INFO_INTEGER property) {
  switch (property) {
    case TERMINAL_CONNECTED: return terminal.connected;
    case TERMINAL_TRADE_ALLOWED: return terminal.trade_allowed;
    case TERMINAL_DLLS_ALLOWED: return terminal.dlls_allowed;
    case TERMINAL_PING_LAST: return 31500;  // microseconds
    case TERMINAL_BUILD: return 4000;
  }
  mql_fatal("TerminalInfoInteger %d", property);
}

int MQLInfoInteger(ENUM_MQL_INFO_INTEGER property) {
  switch (property) {
    case MQL_TRADE_ALLOWED: return terminal.expert_trade_allowed;
    case MQL_DLLS_ALLOWED: return terminal.dlls_allowed;
    case MQL_TESTER: return terminal.tester;
  }
  mql_fatal("MQLInfoInteger %d", property);
}

long AccountInfoInteger(ENUM_ACCOUNT_INFO_INTEGER property) {
  switch (property) {
    case ACCOUNT_LOGIN: return terminal.login;
    case ACCOUNT_TRADE_ALLOWED: case ACCOUNT_TRADE_EXPERT: return terminal.account_trade_allowed;
    case ACCOUNT_LEVERAGE: return 100;
    case ACCOUNT_MARGIN_MODE: return ACCOUNT_MARGIN_MODE_RETAIL_HEDGING;
  }
  mql_fatal("AccountInfoInteger %d", property);
}

double AccountInfoDouble(ENUM_ACCOUNT_INFO_DOUBLE property) {
  return property == ACCOUNT_MARGIN ? 0.0 : 10000.0;
}
string AccountInfoString(ENUM_ACCOUNT_INFO_STRING property) {
  return property == ACCOUNT_CURRENCY ? S(u"EUR") : S(u"Demo");
}

string Symbol() { return string::from_utf8(terminal.chart_symbol); }
ENUM_TIMEFRAMES Period() { return terminal.chart_period; }
long ChartID() { return 1; }
long ChartFirst() { return 1; }
long ChartNext(long chart) { return chart <= static_cast<long>(terminal.other_charts.size()) ? chart + 1 : -1; }

string ChartSymbol(long chart) {
  if (chart == 1) return Symbol();
  if (chart < 1 || chart > static_cast<long>(terminal.other_charts.size()) + 1) mql_fatal("no chart %ld", chart);
  return string::from_utf8(terminal.other_charts[static_cast<size_t>(chart - 2)]);
}

// Files

namespace {

// What is written stays in memory until FileFlush or FileClose, so that a crash loses it.
struct File { int descriptor; int flags; std::string pending; };
std::map<int, File> files;
int next_file = 1;

std::string path_of(const string &name) {
  std::string plain = name.utf8();
  for (char &unit : plain)
    if (unit == '\\') unit = '/';
  if (plain.empty() || plain[0] == '/' || plain.find("..") != std::string::npos || plain.find(':') != std::string::npos)
    mql_fatal("a file outside the terminal's folder: %s", plain.c_str());
  return terminal.folder + "/" + plain;
}

void make_folders(const std::string &path) {
  for (size_t at = terminal.folder.size() + 1; (at = path.find('/', at)) != std::string::npos; at++)
    mkdir(path.substr(0, at).c_str(), 0700);
}

File &file_of(int handle) {
  auto found = files.find(handle);
  if (found == files.end()) mql_fatal("file handle %d is not open", handle);
  return found->second;
}

}  // namespace

int mql_open_files() { return static_cast<int>(files.size()); }

int FileOpen(const string &name, int flags) {
  if (!(flags & FILE_BIN)) mql_fatal("only binary files are in the subset");
  std::string path = path_of(name);
  bool writes = flags & FILE_WRITE;
  if (writes) make_folders(path);
  // Without FILE_READ the terminal empties the file; with both it keeps what is there.
  int mode = !writes ? O_RDONLY : flags & FILE_READ ? O_RDWR | O_CREAT : O_WRONLY | O_CREAT;
  int descriptor = open(path.c_str(), mode | O_CLOEXEC, 0600);
  bool shared = flags & (FILE_SHARE_READ | FILE_SHARE_WRITE);
  if (descriptor >= 0 && flock(descriptor, (writes && !shared ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
    close(descriptor);
    descriptor = -1;
  }
  if (descriptor < 0) {
    mql_error(ERR_CANNOT_OPEN_FILE);
    return INVALID_HANDLE;
  }
  if (writes && !(flags & FILE_READ) && ftruncate(descriptor, 0) != 0) mql_fatal("ftruncate");
  files[next_file] = {descriptor, flags, ""};
  return next_file++;
}

void FileFlush(int handle) {
  File &file = file_of(handle);
  size_t size = file.pending.size();
  if (size && write(file.descriptor, file.pending.data(), size) != static_cast<ssize_t>(size)) mql_fatal("a full disk");
  file.pending.clear();
}

void FileClose(int handle) {
  FileFlush(handle);
  close(file_of(handle).descriptor);
  files.erase(handle);
}

ulong FileSize(int handle) {
  struct stat now{};
  fstat(file_of(handle).descriptor, &now);
  return static_cast<ulong>(now.st_size);
}

bool FileSeek(int handle, long offset, int origin) {
  FileFlush(handle);
  return lseek(file_of(handle).descriptor, offset, origin) >= 0;
}

uint mql_file_write(int handle, const uchar *data, size_t size) {
  File &file = file_of(handle);
  if (!(file.flags & FILE_WRITE)) mql_fatal("writing to a file opened for reading");
  if (terminal.disk_full) return 0;
  file.pending.append(reinterpret_cast<const char *>(data), size);
  return static_cast<uint>(size);
}

uint mql_file_read(int handle, Array<uchar> &bytes) {
  File &file = file_of(handle);
  if (!(file.flags & FILE_READ)) mql_fatal("reading a file opened for writing");
  ArrayResize(bytes, static_cast<int>(FileSize(handle)));
  ssize_t got = read(file.descriptor, bytes.data(), bytes.size());
  ArrayResize(bytes, static_cast<int>(MathMax(got, 0L)));
  return static_cast<uint>(bytes.size());
}

bool FileIsExist(const string &name, int) { return access(path_of(name).c_str(), F_OK) == 0; }
bool FileDelete(const string &name, int) { return unlink(path_of(name).c_str()) == 0; }

bool FileMove(const string &name, int, const string &to, int flags) {
  if (!(flags & FILE_REWRITE) && FileIsExist(to)) return false;
  return rename(path_of(name).c_str(), path_of(to).c_str()) == 0;
}

int CryptEncode(ENUM_CRYPT_METHOD, const Array<uchar> &data, const Array<uchar> &, Array<uchar> &result) {
  ArrayResize(result, SHA256_DIGEST_LENGTH);
  uchar nothing = 0;
  SHA256(data.size() ? data.data() : &nothing, data.size(), result.data());
  return SHA256_DIGEST_LENGTH;
}

// Objects

namespace {

std::string place_of(long chart, const string &name) { return std::to_string(chart ? chart : 1) + "/" + name.utf8(); }

ChartObject *object_of(long chart, const string &name) {
  auto found = terminal.objects.find(place_of(chart, name));
  return found == terminal.objects.end() ? nullptr : &found->second;
}

}  // namespace

bool ObjectCreate(long chart, const string &name, ENUM_OBJECT type, int, datetime time1, double price1,
                  datetime time2, double price2) {
  if (StringLen(name) > 63) mql_fatal("an object's name of over 63 characters: %s", name.utf8().c_str());
  if (!std::isfinite(price1) || !std::isfinite(price2)) mql_fatal("an object without a price");
  if (object_of(chart, name)) mql_fatal("object %s is created twice", name.utf8().c_str());
  terminal.objects[place_of(chart, name)] = {type, time1, time2, price1, price2, {}, {}};
  return true;
}

bool ObjectDelete(long chart, const string &name) { return terminal.objects.erase(place_of(chart, name)) > 0; }
int ObjectFind(long chart, const string &name) { return object_of(chart, name) ? 0 : -1; }

int ObjectsDeleteAll(long chart, const string &prefix, int, int) {
  std::string start = place_of(chart, prefix);
  return static_cast<int>(std::erase_if(terminal.objects, [&](auto &o) { return o.first.rfind(start, 0) == 0; }));
}

bool ObjectSetInteger(long chart, const string &name, ENUM_OBJECT_PROPERTY_INTEGER property, long value) {
  ChartObject *object = object_of(chart, name);
  if (!object) mql_fatal("a property of %s, which is not there", name.utf8().c_str());
  object->integers[property] = value;
  return true;
}

bool ObjectSetString(long chart, const string &name, ENUM_OBJECT_PROPERTY_STRING property, const string &value) {
  ChartObject *object = object_of(chart, name);
  if (!object) mql_fatal("a property of %s, which is not there", name.utf8().c_str());
  if (StringLen(value) > 63 && property == OBJPROP_TEXT) mql_fatal("a text of over 63 characters");
  object->strings[property] = value;
  return true;
}

void ChartRedraw(long) { terminal.redraws++; }

bool SetIndexBuffer(int, Array<double> &buffer, ENUM_INDEXBUFFER_TYPE) {
  if (mql_program_kind != ProgramKind::Indicator) mql_fatal("SetIndexBuffer outside an indicator");
  terminal.buffers.push_back(&buffer);
  return true;
}
bool IndicatorSetString(ENUM_CUSTOMIND_PROPERTY_STRING, const string &) { return true; }
