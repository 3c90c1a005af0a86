/* Opening and closing, and the rings. */
#include "internal.h"

static br_handle handles[BR_HANDLES];
static _Atomic uint32_t table_lock;
static int system_error, openings;

/* Opening. */

static void lock_table(void) {
  while (atomic_exchange_explicit(&table_lock, 1, memory_order_acquire)) yield_once();
}

static void unlock_table(void) { atomic_store_explicit(&table_lock, 0, memory_order_release); }

br_handle *handle_of(int number) {
  br_handle *h = number > 0 ? &handles[(number - 1) % BR_HANDLES] : NULL;
  return h && h->shared && h->opening == number ? h : NULL;
}

/* The first to come lays out the memory; a new mapping is all zeros. */
static int settle_layout(br_shared *shared, uint32_t capacity) {
  uint32_t nobody = 0;
  if (atomic_load_explicit(&shared->magic, memory_order_acquire) == 0 &&
      atomic_compare_exchange_strong(&shared->magic, &nobody, 1)) {
    uint64_t born = now_ns();
    shared->version = BR_VERSION;
    shared->capacity = capacity;
    shared->record_bytes = BR_RECORD_BYTES;
    shared->born[0] = (uint32_t)born;
    shared->born[1] = (uint32_t)(born >> 32);
    atomic_store_explicit(&shared->magic, BR_MAGIC, memory_order_release);
  }
  for (int tries = 0; tries < 10000; tries++) {
    if (atomic_load_explicit(&shared->magic, memory_order_acquire) == BR_MAGIC) break;
    yield_once();
  }
  return atomic_load_explicit(&shared->magic, memory_order_acquire) == BR_MAGIC && shared->version == BR_VERSION &&
         shared->capacity == capacity && shared->record_bytes == BR_RECORD_BYTES;
}

/* A role is one living process's; what a dead one held is taken over with its indices. */
static int take_role(br_shared *shared, int role) {
  uint32_t owner = atomic_load(&shared->owner[role]);
  if (owner && owner != own_pid() && is_alive(owner)) return 0;
  return atomic_compare_exchange_strong(&shared->owner[role], &owner, own_pid());
}

static int open_into(br_handle *h, const uint16_t *name, size_t length, uint32_t capacity, int role) {
  size_t bytes = BR_RECORDS_AT + 2u * (size_t)capacity * BR_RECORD_BYTES;
  if (!map_memory(h, name, bytes)) {
    system_error = last_system_error();
    return BR_E_SYSTEM;
  }
  if (!settle_layout(h->shared, capacity)) return BR_E_LAYOUT;
  if (!take_role(h->shared, role)) return BR_E_TAKEN;
  h->capacity = capacity;
  h->role = role;
  memcpy(h->name, name, length * sizeof *name);
  h->stream = head_of(h); /* no earlier opening can have begun at this index */
  return 0;
}

/* An earlier handle of this process on the same role: its program is gone without closing it. */
static void forget_earlier(const uint16_t *name, size_t length, int role) {
  for (int i = 0; i < BR_HANDLES; i++)
    if (handles[i].shared && handles[i].role == role && handles[i].name[length] == 0 &&
        memcmp(handles[i].name, name, length * sizeof *name) == 0)
      unmap_memory(&handles[i]);
}

BR_API int BR_CALL BrOpen(const uint16_t *name, uint32_t capacity, int role) {
  int is_power = capacity >= 2 && capacity <= 1u << 20 && (capacity & (capacity - 1)) == 0;
  size_t length = 0;
  while (name && length <= BR_NAME && name[length]) length++;
  if (length == 0 || length > BR_NAME || !is_power || (role != BR_TERMINAL && role != BR_AGENT)) return BR_E_ARGUMENT;
  int result = BR_E_HANDLES;
  lock_table();
  forget_earlier(name, length, role);
  for (int i = 0; i < BR_HANDLES && result == BR_E_HANDLES; i++) {
    if (handles[i].shared) continue;
    result = open_into(&handles[i], name, length, capacity, role);
    if (result < 0) unmap_memory(&handles[i]);
    else result = handles[i].opening = ++openings % (INT32_MAX / BR_HANDLES) * BR_HANDLES + i + 1;
  }
  unlock_table();
  return result;
}

BR_API void BR_CALL BrClose(int handle) {
  br_handle *h = handle_of(handle);
  if (!h) return;
  atomic_store(&h->shared->owner[h->role], 0);
  lock_table();
  unmap_memory(h);
  unlock_table();
}

/* The rings. */

br_record *slot(br_handle *h, int ring, uint32_t index) {
  br_record *records = (br_record *)((char *)h->shared + BR_RECORDS_AT) + (size_t)ring * h->capacity;
  return &records[index & (h->capacity - 1)];
}

uint32_t head_of(br_handle *h) {
  return atomic_load_explicit(&h->shared->rings[h->role].head, memory_order_relaxed);
}

uint32_t tail_of(br_handle *h) {
  return atomic_load_explicit(&h->shared->rings[1 - h->role].tail, memory_order_relaxed);
}

int reserve(br_handle *h, uint32_t count) {
  br_ring *ring = &h->shared->rings[h->role];
  uint32_t used = head_of(h) - atomic_load_explicit(&ring->tail, memory_order_acquire);
  if (count <= h->capacity - used) return 1;
  atomic_fetch_add_explicit(&ring->dropped, count, memory_order_relaxed);
  return 0;
}

void publish(br_handle *h, uint32_t count) {
  br_ring *ring = &h->shared->rings[h->role];
  atomic_store_explicit(&ring->head, head_of(h) + count, memory_order_release);
  /* Store then load on both sides: either the sleeper sees the record, or we see the sleeper. */
  atomic_thread_fence(memory_order_seq_cst);
  if (atomic_load_explicit(&ring->sleeping, memory_order_relaxed)) {
    atomic_store_explicit(&ring->sleeping, 0, memory_order_relaxed);
    wake(h, h->role);
  }
}

BR_API int BR_CALL BrPush(int handle, br_record *records, uint32_t count) {
  br_handle *h = handle_of(handle);
  if (!h || !records) return BR_E_ARGUMENT;
  if (!reserve(h, count)) return 0;
  uint32_t head = head_of(h);
  for (uint32_t i = 0; i < count; i++) {
    records[i].seq = head + i + 1;
    *slot(h, h->role, head + i) = records[i];
  }
  publish(h, count);
  return 1;
}

uint32_t waiting_in(br_handle *h, int ring) {
  br_ring *r = &h->shared->rings[ring];
  return atomic_load_explicit(&r->head, memory_order_acquire) - atomic_load_explicit(&r->tail, memory_order_acquire);
}

BR_API int BR_CALL BrPeek(int handle, br_record *records, uint32_t most) {
  br_handle *h = handle_of(handle);
  if (!h || !records) return BR_E_ARGUMENT;
  int ring = 1 - h->role;
  uint32_t there = waiting_in(h, ring);
  uint32_t count = there < most ? there : most;
  for (uint32_t i = 0; i < count; i++) records[i] = *slot(h, ring, tail_of(h) + i);
  return (int)count;
}

BR_API int BR_CALL BrTake(int handle, uint32_t count) {
  br_handle *h = handle_of(handle);
  if (!h || count > waiting_in(h, 1 - h->role)) return BR_E_ARGUMENT;
  atomic_store_explicit(&h->shared->rings[1 - h->role].tail, tail_of(h) + count, memory_order_release);
  return (int)count;
}

BR_API int BR_CALL BrWait(int handle, uint32_t timeout_ms) {
  br_handle *h = handle_of(handle);
  if (!h) return BR_E_ARGUMENT;
  int number = 1 - h->role;
  br_ring *ring = &h->shared->rings[number];
  uint32_t start = ticking_ms();
  while (waiting_in(h, number) == 0) {
    uint32_t passed = ticking_ms() - start;
    if (passed >= timeout_ms) return 0;
    atomic_store_explicit(&ring->sleeping, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    if (waiting_in(h, number) == 0) sleep_on(h, number, timeout_ms - passed);
    atomic_store_explicit(&ring->sleeping, 0, memory_order_relaxed);
  }
  return 1;
}

BR_API uint32_t BR_CALL BrDropped(int handle) {
  br_handle *h = handle_of(handle);
  return h ? atomic_load(&h->shared->rings[h->role].dropped) : 0;
}

BR_API uint32_t BR_CALL BrWaiting(int handle) {
  br_handle *h = handle_of(handle);
  return h ? waiting_in(h, h->role) : 0;
}

BR_API int BR_CALL BrPeerAlive(int handle) {
  br_handle *h = handle_of(handle);
  uint32_t owner = h ? atomic_load(&h->shared->owner[1 - h->role]) : 0;
  return owner && is_alive(owner);
}

BR_API int BR_CALL BrSystemError(void) { return system_error; }
