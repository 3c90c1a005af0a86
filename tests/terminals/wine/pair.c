/* Drives the real DLL on (a stand-in for) Windows, by the names that MetaTrader imports.
 *
 *   pair.exe DLL host NAME COUNT PEER_EXE PEER_DLL   round trips, bursts and a killed peer, as JSON
 *   pair.exe DLL peer NAME                           sends back what comes, until told to end
 *   pair.exe DLL open NAME                           ends with what opening gives, without its sign
 *   pair.exe DLL write PATH COUNT                    writes ticks and texts into a file that is mapped
 *   pair.exe DLL hear PATH                           prints the texts that lie in such a file
 */
#include <windows.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../../mql4/native/bridge.h"

#define CAPACITY 1024
#define ECHO 1
#define COUNT_IT 2
#define REPORT 3
#define END 4

static int(BR_CALL *open_pair)(const uint16_t *, uint32_t, int);
static void(BR_CALL *close_pair)(int);
static int(BR_CALL *push)(int, br_record *, uint32_t);
static int(BR_CALL *peek)(int, br_record *, uint32_t);
static int(BR_CALL *take)(int, uint32_t);
static int(BR_CALL *await)(int, uint32_t);
static int(BR_CALL *tick)(int, const uint8_t *, uint32_t, int64_t, double, double);
static int(BR_CALL *say)(int, const uint8_t *, uint32_t, int);
static int(BR_CALL *hear)(int, uint8_t *, uint32_t);
static void(BR_CALL *utc_offset)(int, int);
static int(BR_CALL *peer_alive)(int);
static int64_t(BR_CALL *now_ms)(void);
static uint64_t(BR_CALL *number)(int);

static void fail(const char *what) {
  printf("{\"failed\":\"%s\",\"error\":%lu}\n", what, GetLastError());
  fflush(stdout);
  ExitProcess(1);
}

static void check(int good, const char *what) {
  if (!good) fail(what);
}

static void get(HMODULE library, const char *name, void *function) {
  FARPROC found = GetProcAddress(library, name);
  check(found != NULL, name);
  memcpy(function, &found, sizeof found);
}

static void load(const char *dll) {
  HMODULE library = LoadLibraryA(dll);
  check(library != NULL, "LoadLibrary");
  get(library, "BrOpen", &open_pair);
  get(library, "BrClose", &close_pair);
  get(library, "BrPush", &push);
  get(library, "BrPeek", &peek);
  get(library, "BrTake", &take);
  get(library, "BrWait", &await);
  get(library, "BrTick", &tick);
  get(library, "BrSay", &say);
  get(library, "BrHear", &hear);
  get(library, "BrUtcOffset", &utc_offset);
  get(library, "BrPeerAlive", &peer_alive);
  get(library, "BrNowMs", &now_ms);
  get(library, "BrNumber", &number);
}

static int opened(const char *name, int role) {
  uint16_t wide[260];
  size_t i = 0;
  for (; name[i] && i < 259; i++) wide[i] = (unsigned char)name[i];
  wide[i] = 0;
  return open_pair(wide, CAPACITY, role);
}

static PROCESS_INFORMATION start(const char *exe, const char *dll, const char *what, const char *name) {
  char line[1024];
  STARTUPINFOA how = {.cb = sizeof how};
  PROCESS_INFORMATION made;
  snprintf(line, sizeof line, "%s %s %s %s", exe, dll, what, name);
  check(CreateProcessA(exe, line, NULL, NULL, FALSE, 0, NULL, NULL, &how, &made), "CreateProcess");
  return made;
}

static void await_peer(int handle, int alive) {
  for (int tries = 0; peer_alive(handle) != alive; tries++) {
    check(tries < 2000, alive ? "the peer did not come" : "the peer did not go");
    Sleep(5);
  }
}

static uint32_t ask(int handle, uint32_t kind, uint32_t value) {
  br_record record = {.kind = kind};
  memcpy(record.body, &value, sizeof value);
  while (push(handle, &record, 1) == 0) Sleep(1);
  check(await(handle, 10000) == 1, "no answer");
  check(peek(handle, &record, 1) == 1 && take(handle, 1) == 1, "no record");
  memcpy(&value, record.body, sizeof value);
  return value;
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static double *round_trips(int handle, uint32_t count) {
  LARGE_INTEGER frequency, before, after;
  double *took = malloc(count * sizeof *took);
  QueryPerformanceFrequency(&frequency);
  for (uint32_t i = 0; i < count; i++) {
    QueryPerformanceCounter(&before);
    check(ask(handle, ECHO, i) == i, "another echo");
    QueryPerformanceCounter(&after);
    took[i] = (double)(after.QuadPart - before.QuadPart) * 1e6 / (double)frequency.QuadPart;
  }
  qsort(took, count, sizeof *took, by_size);
  return took;
}

/* Bursts of 1 to 17 records; a full ring refuses some, which are tried again. Returns how many refusals. */
static uint32_t burst(int handle, uint32_t first, uint32_t count) {
  br_record records[17];
  uint32_t refused = 0;
  for (uint32_t sent = 0; sent < count;) {
    uint32_t size = 1 + (first + sent) % 17;
    if (size > count - sent) size = count - sent;
    for (uint32_t i = 0; i < size; i++) {
      uint32_t value = first + sent + i;
      records[i].kind = COUNT_IT;
      memcpy(records[i].body, &value, sizeof value);
    }
    if (push(handle, records, size) == 1) sent += size;
    else refused++, SwitchToThread();
  }
  return refused;
}

static void check_taken(const char *exe, const char *dll, const char *name) {
  PROCESS_INFORMATION other = start(exe, dll, "open", name);
  DWORD result = 0;
  check(WaitForSingleObject(other.hProcess, 20000) == WAIT_OBJECT_0, "the other terminal hangs");
  check(GetExitCodeProcess(other.hProcess, &result) && result == -BR_E_TAKEN, "another terminal was let in");
}

static int host(const char *name, uint32_t count, const char *exe, const char *dll) {
  int handle = opened(name, BR_TERMINAL);
  check(handle > 0, "BrOpen");
  PROCESS_INFORMATION peer = start(exe, dll, "peer", name);
  await_peer(handle, 1);
  check_taken(exe, dll, name);
  double *took = round_trips(handle, count);
  uint32_t refused = burst(handle, 0, count);
  check(ask(handle, REPORT, 0) == count, "bursts lost a record");
  check(TerminateProcess(peer.hProcess, 9), "TerminateProcess");
  await_peer(handle, 0);
  burst(handle, 0, CAPACITY - 1); /* nobody takes them */
  start(exe, dll, "peer", name);
  check(ask(handle, REPORT, 0) == CAPACITY - 1, "a killed peer lost a record");
  ask(handle, END, 0);
  printf("{\"round_trips\":%u,\"refused\":%u,\"median_us\":%.1f,\"p99_us\":%.1f}\n", count, refused, took[count / 2],
         took[count - 1 - count / 100]);
  free(took);
  close_pair(handle);
  return 0;
}

/* What is counted must come in its order. An answer says that its question is taken, so that one who is
 * killed after it leaves none behind. */
static int peer(const char *name) {
  int handle = opened(name, BR_AGENT);
  check(handle > 0, "the peer's BrOpen");
  for (uint32_t counted = 0;;) {
    br_record record;
    check(await(handle, 20000) == 1 && peek(handle, &record, 1) == 1, "the peer waited in vain");
    uint32_t value, kind = record.kind;
    memcpy(&value, record.body, sizeof value);
    if (kind == COUNT_IT) check(value == counted++, "a record out of order");
    if (kind == REPORT) memcpy(record.body, &counted, sizeof counted);
    take(handle, 1);
    if (kind != COUNT_IT) check(push(handle, &record, 1) == 1, "the peer's push");
    if (kind == END) break;
  }
  close_pair(handle);
  return 0;
}

static int write_file(const char *path, uint32_t count) {
  static const uint8_t symbol[BR_SYMBOL_BYTES] = "EURUSD";
  uint8_t text[200];
  int handle = opened(path, BR_TERMINAL);
  check(handle > 0, "BrOpen of a file");
  utc_offset(handle, 7200);
  for (uint32_t i = 1; i <= count; i++) {
    check(tick(handle, symbol, 1700000000 + i, now_ms(), 1 + i / 1e5, 2 + i / 1e5) == 1, "BrTick");
    memset(text, 'a' + i % 26, sizeof text);
    check(say(handle, text, i % sizeof text + 1, i % 2) == 1, "BrSay");
  }
  printf("{\"number\":%lu}\n", (unsigned long)number(handle));
  close_pair(handle);
  return 0;
}

static int hear_file(const char *path) {
  uint8_t text[BR_TEXT_BYTES];
  int handle = opened(path, BR_TERMINAL), size;
  check(handle > 0, "BrOpen of a file");
  while ((size = hear(handle, text, sizeof text)) > 0) printf("%.*s\n", size, (char *)text);
  close_pair(handle);
  return 0;
}

int main(int count, char **words) {
  if (count < 4) fail("too few words");
  load(words[1]);
  if (strcmp(words[2], "host") == 0 && count == 7) return host(words[3], (uint32_t)atoi(words[4]), words[5], words[6]);
  if (strcmp(words[2], "peer") == 0) return peer(words[3]);
  if (strcmp(words[2], "write") == 0 && count == 5) return write_file(words[3], (uint32_t)atoi(words[4]));
  if (strcmp(words[2], "hear") == 0) return hear_file(words[3]);
  return abs(opened(words[3], BR_TERMINAL));
}
