/* What Windows and POSIX do differently. */
#include "internal.h"

#ifdef _WIN32

#define EPOCH_100NS 116444736000000000ull /* 1970 in Windows' own count, which begins with 1601 */

uint32_t own_pid(void) { return GetCurrentProcessId(); }

int is_alive(uint32_t pid) {
  HANDLE process = OpenProcess(SYNCHRONIZE, FALSE, pid);
  if (!process) return 0;
  int alive = WaitForSingleObject(process, 0) == WAIT_TIMEOUT;
  CloseHandle(process);
  return alive;
}

void yield_once(void) { SwitchToThread(); }

static void name_of(wchar_t *out, const uint16_t *name, const wchar_t *suffix) {
  wcscpy(out, L"Local\\FKS-");
  wcsncat(out, (const wchar_t *)name, BR_NAME);
  wcscat(out, suffix);
}

void unmap_memory(br_handle *h) {
  if (h->shared) UnmapViewOfFile(h->shared);
  for (int i = 0; i < 2; i++)
    if (h->events[i]) CloseHandle(h->events[i]);
  if (h->mapping) CloseHandle(h->mapping);
  if (h->file && h->file != INVALID_HANDLE_VALUE) CloseHandle(h->file);
  memset(h, 0, sizeof *h);
}

int map_memory(br_handle *h, const uint16_t *name, size_t bytes) {
  wchar_t full[BR_NAME + 32], event[BR_NAME + 32];
  int is_path = wcschr((const wchar_t *)name, L':') != NULL;
  HANDLE backing = INVALID_HANDLE_VALUE;
  if (is_path) {
    h->file = backing = CreateFileW((const wchar_t *)name, GENERIC_READ | GENERIC_WRITE,
                                    FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    if (backing == INVALID_HANDLE_VALUE) return 0;
  }
  name_of(full, name, L"");
  h->mapping = CreateFileMappingW(backing, NULL, PAGE_READWRITE, 0, (DWORD)bytes, is_path ? NULL : full);
  if (!h->mapping) return 0;
  h->shared = MapViewOfFile(h->mapping, FILE_MAP_ALL_ACCESS, 0, 0, bytes);
  for (int i = 0; i < 2; i++) {
    name_of(event, name, i ? L"-agent" : L"-terminal");
    for (wchar_t *at = event + 10; *at; at++)
      if (*at == L'\\' || *at == L':') *at = L'_'; /* a path can't name an event */
    h->events[i] = CreateEventW(NULL, FALSE, FALSE, event);
  }
  return h->shared && h->events[0] && h->events[1];
}

void wake(br_handle *h, int ring) { SetEvent(h->events[ring]); }

void sleep_on(br_handle *h, int ring, uint32_t timeout_ms) { WaitForSingleObject(h->events[ring], timeout_ms); }

uint32_t ticking_ms(void) { return GetTickCount(); }

uint64_t now_ns(void) {
  FILETIME now;
  GetSystemTimeAsFileTime(&now);
  return ((((uint64_t)now.dwHighDateTime << 32) | now.dwLowDateTime) - EPOCH_100NS) * 100;
}

int last_system_error(void) { return (int)GetLastError(); }

#else

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

uint32_t own_pid(void) { return (uint32_t)getpid(); }

int is_alive(uint32_t pid) { return kill((pid_t)pid, 0) == 0 || errno == EPERM; }

void yield_once(void) { usleep(0); }

void unmap_memory(br_handle *h) {
  if (h->shared) munmap(h->shared, h->bytes);
  memset(h, 0, sizeof *h);
}

int map_memory(br_handle *h, const uint16_t *name, size_t bytes) {
  char path[BR_NAME + 32] = "/fks-";
  size_t at = strlen(path);
  for (size_t i = 0; name[i]; i++) {
    int plain = name[i] > 32 && name[i] < 127 && name[i] != '/';
    path[at++] = plain ? (char)name[i] : '_';
  }
  path[at] = 0;
  int file = shm_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  struct stat now;
  if (file < 0) return 0;
  int sized = fstat(file, &now) == 0 && ((size_t)now.st_size >= bytes || ftruncate(file, (off_t)bytes) == 0);
  void *memory = sized ? mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) : MAP_FAILED;
  close(file);
  if (memory == MAP_FAILED) return 0;
  h->shared = memory;
  h->bytes = bytes;
  return 1;
}

void wake(br_handle *h, int ring) {
  syscall(SYS_futex, &h->shared->rings[ring].sleeping, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void sleep_on(br_handle *h, int ring, uint32_t timeout_ms) {
  struct timespec limit = {timeout_ms / 1000, (long)(timeout_ms % 1000) * 1000000};
  syscall(SYS_futex, &h->shared->rings[ring].sleeping, FUTEX_WAIT, 1, &limit, NULL, 0);
}

static uint64_t clock_ns(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint32_t ticking_ms(void) { return (uint32_t)(clock_ns(CLOCK_MONOTONIC) / 1000000); }

uint64_t now_ns(void) { return clock_ns(CLOCK_REALTIME); }

int last_system_error(void) { return errno; }

#endif
