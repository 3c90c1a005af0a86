// fksbridge.dll: the POSIX build of its source, named by the environment (MQL_FKSBRIDGE), behind checks
// of every length.
#include <cstdlib>
#include <dlfcn.h>

#include "terminal.hpp"

namespace fksbridge {

namespace {
int open_handles = 0;

template <class Function> Function real(const char *name, Function) {
  static void *library = nullptr;
  const char *path = std::getenv("MQL_FKSBRIDGE");
  if (!terminal.dlls_allowed) mql_fatal("a DLL is called without permission");
  if (!library && path) library = dlopen(path, RTLD_NOW);
  void *found = library ? dlsym(library, name) : nullptr;
  if (!found) mql_fatal("%s is not in fksbridge: %s", name, dlerror());
  return reinterpret_cast<Function>(found);
}

template <class Bytes> void check(const Bytes &bytes, uint length) {
  if (length > bytes.size()) mql_fatal("fksbridge is given %u of %zu bytes", length, bytes.size());
}

struct AtTheEnd {
  ~AtTheEnd() {
    if (open_handles) mql_fatal("left open: %d shared memories", open_handles);
  }
} at_the_end;
}  // namespace

#define REAL(name, result, ...) real(#name, static_cast<result (*)(__VA_ARGS__)>(nullptr))

int BrOpen(string name, uint capacity, int role) {
  auto open = REAL(BrOpen, int, const char16_t *, uint, int);
  const char *others = std::getenv("MQL_FKSBRIDGE_OTHERS");  // programs of this terminal that were first
  for (int i = 0; others && i < std::atoi(others); i++) open((name.units + char16_t(u'A' + i)).c_str(), 2, role);
  int handle = open(name.units.c_str(), capacity, role);
  open_handles += handle > 0;
  return handle;
}

void BrClose(int handle) {
  open_handles--;
  REAL(BrClose, void, int)(handle);
}

int BrTick(int handle, const Array<uchar> &symbol, uint time_s, long received_ms, double bid, double ask) {
  check(symbol, 12);
  return REAL(BrTick, int, int, const uchar *, uint, long, double, double)(handle, symbol.data(), time_s, received_ms,
                                                                         bid, ask);
}

int BrSay(int handle, const Array<uchar> &text, uint size, int numbered) {
  check(text, size);
  return REAL(BrSay, int, int, const uchar *, uint, int)(handle, text.data(), size, numbered);
}

int BrHear(int handle, Array<uchar> &text, uint most) {
  check(text, most);
  return REAL(BrHear, int, int, uchar *, uint)(handle, text.data(), most);
}

void BrUtcOffset(int handle, int seconds) { REAL(BrUtcOffset, void, int, int)(handle, seconds); }

int BrAbout(int handle, const Array<uchar> &text, uint size) {
  check(text, size);
  return REAL(BrAbout, int, int, const uchar *, uint)(handle, text.data(), size);
}

ulong BrNumber(int handle) { return REAL(BrNumber, ulong, int)(handle); }

// The machine's clock, ahead by as much as the test has let time pass.
long BrNowMs() { return REAL(BrNowMs, long)() + terminal.clock_shift_us / 1000; }

uint BrDropped(int handle) { return REAL(BrDropped, uint, int)(handle); }
uint BrWaiting(int handle) { return REAL(BrWaiting, uint, int)(handle); }
int BrPeerAlive(int handle) { return REAL(BrPeerAlive, int, int)(handle); }
int BrSystemError() { return REAL(BrSystemError, int)(); }

}  // namespace fksbridge
