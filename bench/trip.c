/* trip NAME SECONDS: a record of 64 bytes to another process and back, through the DLL's shared memory, a
 * pipe and a loopback socket, in blocks that take turns. Prints one line of JSON, microseconds. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../mql4/native/bridge.h"

#define BLOCK 500
#define MOST 4000000
#define CAPACITY 1024
#define WAIT_MS 10000

static uint16_t name[101];
static int handle;         /* of the shared memory */
static int in[3], out[3];  /* of pipe and socket, which are kinds 1 and 2 */
static float *took[3];
static size_t count;

static void check(int good, const char *what) {
  if (good) return;
  perror(what);
  exit(1);
}

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int pass_memory(br_record *record) {
  return BrWait(handle, WAIT_MS) == 1 && BrPeek(handle, record, 1) == 1 && BrTake(handle, 1) == 1;
}

static void echo(int kind) {
  br_record record;
  if (kind == 0) {
    handle = BrOpen(name, CAPACITY, BR_AGENT);
    while (pass_memory(&record)) BrPush(handle, &record, 1);
  } else {
    while (read(in[kind], &record, sizeof record) == sizeof record)
      if (write(out[kind], &record, sizeof record) != sizeof record) break;
  }
  _exit(0);
}

static void trip(int kind, uint32_t mark) {
  br_record record = {.kind = mark};
  if (kind == 0) {
    check(BrPush(handle, &record, 1) == 1 && pass_memory(&record), "shared memory");
  } else {
    check(write(out[kind], &record, sizeof record) == sizeof record, "write");
    check(read(in[kind], &record, sizeof record) == sizeof record, "read");
  }
  check(record.kind == mark, "another record came back");
}

/* The ends of a pipe or socket pair: ours stay here, the child has the others. */
static pid_t start(int kind, int ours_in, int ours_out, int theirs_in, int theirs_out) {
  pid_t child = fork();
  check(child >= 0, "fork");
  in[kind] = child ? ours_in : theirs_in;
  out[kind] = child ? ours_out : theirs_out;
  if (!child) echo(kind);
  return child;
}

static pid_t start_pipe(void) {
  int there[2], back[2];
  check(pipe(there) == 0 && pipe(back) == 0, "pipe");
  return start(1, back[0], there[1], there[0], back[1]);
}

static pid_t start_socket(void) {
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof place;
  int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0), ours = socket(AF_INET, SOCK_STREAM, 0);
  check(bind(listener, (struct sockaddr *)&place, size) == 0 && listen(listener, 1) == 0, "listen");
  getsockname(listener, (struct sockaddr *)&place, &size);
  check(connect(ours, (struct sockaddr *)&place, size) == 0, "connect");
  int theirs = accept(listener, NULL, NULL);
  setsockopt(ours, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(theirs, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return start(2, ours, ours, theirs, theirs);
}

static int by_size(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return x < y ? -1 : x > y;
}

static void report(int kind, const char *label, const char *end) {
  qsort(took[kind], count, sizeof(float), by_size);
  printf("\"%s\":{\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}%s", label, took[kind][count / 2],
         took[kind][count * 99 / 100], took[kind][count - 1], end);
}

int main(int words, char **word) {
  check(words == 3, "words");
  for (size_t i = 0; word[1][i] && i < 100; i++) name[i] = (unsigned char)word[1][i];
  pid_t children[3] = {start(0, 0, 0, 0, 0), start_pipe(), start_socket()};
  handle = BrOpen(name, CAPACITY, BR_TERMINAL);
  check(handle > 0, "BrOpen");
  for (int kind = 0; kind < 3; kind++) check((took[kind] = malloc(MOST * sizeof(float))) != NULL, "malloc");
  for (uint32_t i = 0; i < BLOCK; i++)
    for (int kind = 0; kind < 3; kind++) trip(kind, i);
  double ends = now_us() + atof(word[2]) * 1e6;
  for (; now_us() < ends && count + BLOCK <= MOST; count += BLOCK)
    for (int kind = 0; kind < 3; kind++)
      for (uint32_t i = 0; i < BLOCK; i++) {
        double began = now_us();
        trip(kind, i);
        took[kind][count + i] = (float)(now_us() - began);
      }
  printf("{\"count\":%zu,", count);
  report(0, "shm", ","), report(1, "pipe", ","), report(2, "socket", "}\n");
  for (int kind = 0; kind < 3; kind++) kill(children[kind], SIGKILL), waitpid(children[kind], NULL, 0);
  return 0;
}
