/* What the parts of the DLL share. */
#ifndef FKS_INTERNAL_H
#define FKS_INTERNAL_H

#include "bridge.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>
#endif

#define BR_HANDLES 64
#define BR_NAME 100

/* The producer's and the consumer's indices lie on cache lines of their own. */
typedef struct {
  _Alignas(64) _Atomic uint32_t head; /* the number of the next record to write */
  _Atomic uint32_t dropped;
  _Alignas(64) _Atomic uint32_t tail; /* the number of the next record to take */
  _Atomic uint32_t sleeping;
} br_ring;

typedef struct {
  _Alignas(64) _Atomic uint32_t magic; /* stored last */
  uint32_t version, capacity, record_bytes;
  _Atomic uint32_t owner[2]; /* process ids by role */
  uint32_t born[2];          /* nanoseconds since 1970, low half first: tells one memory from the next */
  br_ring rings[2];
  char about[BR_ABOUT_BYTES];
} br_shared;

_Static_assert(sizeof(br_record) == BR_RECORD_BYTES, "a record has 64 bytes");
_Static_assert(sizeof(br_head) == BR_RECORD_BYTES, "so has the first one of a message");
_Static_assert(sizeof(br_ring) == 128, "a ring's indices have two cache lines");
_Static_assert(offsetof(br_shared, rings) == 64, "the header has one cache line");
_Static_assert(offsetof(br_shared, about) == 320, "what the terminal says of itself lies behind the indices");
_Static_assert(sizeof(br_shared) == BR_RECORDS_AT, "and the records behind that");

typedef struct {
  br_shared *shared; /* null: free */
  int opening; /* the handle that was given out, unlike any before it */
  uint32_t capacity;
  int role;
  uint16_t name[BR_NAME + 1];
  uint32_t stream;
  int32_t utc_offset_s;
  uint64_t number;
#ifdef _WIN32
  HANDLE mapping, file, events[2];
#else
  size_t bytes;
#endif
} br_handle;

br_handle *handle_of(int number);

/* The rings. `reserve` is 1 when so many records fit, which are then written to `slot` and published. */
int reserve(br_handle *h, uint32_t count);
br_record *slot(br_handle *h, int ring, uint32_t index);
void publish(br_handle *h, uint32_t count);
uint32_t head_of(br_handle *h);
uint32_t tail_of(br_handle *h);
uint32_t waiting_in(br_handle *h, int ring);

/* The system. */
uint32_t own_pid(void);
int is_alive(uint32_t pid);
void yield_once(void);
int map_memory(br_handle *h, const uint16_t *name, size_t bytes);
void unmap_memory(br_handle *h);
void wake(br_handle *h, int ring);
void sleep_on(br_handle *h, int ring, uint32_t timeout_ms);
uint32_t ticking_ms(void); /* never set; wraps */
uint64_t now_ns(void);     /* UTC, since 1970 */
int last_system_error(void);

#endif
