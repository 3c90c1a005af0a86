/* Messages in records: quotes, and texts of any length that are published whole. */
#include "internal.h"

#define FIRST_BYTES sizeof(((br_head *)0)->text.text)
#define MORE_BYTES sizeof(((br_record *)0)->body)

static uint32_t records_for(uint32_t size) {
  return size <= FIRST_BYTES ? 1 : 1 + (uint32_t)((size - FIRST_BYTES + MORE_BYTES - 1) / MORE_BYTES);
}

static uint32_t least(uint32_t a, size_t b) { return a < b ? a : (uint32_t)b; }

static br_head begin(br_handle *h, uint32_t kind) {
  br_head head;
  memset(&head, 0, sizeof head);
  head.seq = head_of(h) + 1;
  head.kind = kind;
  head.stream = h->stream;
  head.utc_offset_s = h->utc_offset_s;
  head.number = h->number;
  return head;
}

static void write_head(br_handle *h, const br_head *head) { memcpy(slot(h, h->role, head_of(h)), head, sizeof *head); }

BR_API int BR_CALL BrTick(int handle, const uint8_t *symbol, uint32_t time_s, int64_t received_ms, double bid,
                          double ask) {
  br_handle *h = handle_of(handle);
  if (!h || !symbol || !symbol[0]) return BR_E_ARGUMENT;
  h->number++;
  if (!reserve(h, 1)) return 0;
  br_head head = begin(h, BR_TICK);
  memcpy(head.tick.symbol, symbol, BR_SYMBOL_BYTES);
  head.tick.time_s = time_s;
  head.tick.received_ms = received_ms;
  head.tick.bid = bid;
  head.tick.ask = ask;
  write_head(h, &head);
  publish(h, 1);
  return 1;
}

BR_API int BR_CALL BrSay(int handle, const uint8_t *text, uint32_t size, int numbered) {
  br_handle *h = handle_of(handle);
  if (!h || !text || size == 0 || size > BR_TEXT_BYTES) return BR_E_ARGUMENT;
  uint32_t count = records_for(size), at = least(size, FIRST_BYTES);
  h->number += numbered ? 1 : 0;
  if (!reserve(h, count)) return 0;
  br_head head = begin(h, numbered ? BR_DATUM : BR_SAY);
  head.text.size = size;
  memcpy(head.text.text, text, at);
  write_head(h, &head);
  for (uint32_t i = 1; i < count; i++) {
    br_record *more = slot(h, h->role, head_of(h) + i);
    uint32_t part = least(size - at, MORE_BYTES);
    memset(more, 0, sizeof *more);
    more->seq = head.seq + i;
    more->kind = BR_MORE;
    memcpy(more->body, text + at, part);
    at += part;
  }
  publish(h, count);
  return 1;
}

/* The text whose first record lies at the tail; `count` is that of its records. */
static void copy_text(br_handle *h, const br_head *head, uint8_t *text, uint32_t count) {
  uint32_t at = least(head->text.size, FIRST_BYTES);
  memcpy(text, head->text.text, at);
  for (uint32_t i = 1; i < count; i++) {
    uint32_t part = least(head->text.size - at, MORE_BYTES);
    memcpy(text + at, slot(h, 1 - h->role, tail_of(h) + i)->body, part);
    at += part;
  }
}

BR_API int BR_CALL BrHear(int handle, uint8_t *text, uint32_t most) {
  br_handle *h = handle_of(handle);
  if (!h || !text) return BR_E_ARGUMENT;
  uint32_t there;
  while ((there = waiting_in(h, 1 - h->role)) > 0) {
    br_head head;
    memcpy(&head, slot(h, 1 - h->role, tail_of(h)), sizeof head);
    int is_text = (head.kind == BR_SAY || head.kind == BR_DATUM) && head.text.size <= BR_TEXT_BYTES;
    uint32_t count = is_text ? records_for(head.text.size) : 1;
    int fits = is_text && head.text.size > 0 && head.text.size <= most && count <= there;
    if (fits) copy_text(h, &head, text, count);
    BrTake(handle, least(count, there));
    if (is_text) return fits ? (int)head.text.size : BR_E_ARGUMENT;
  }
  return 0;
}

BR_API void BR_CALL BrUtcOffset(int handle, int seconds) {
  br_handle *h = handle_of(handle);
  if (h) h->utc_offset_s = seconds;
}

BR_API int BR_CALL BrAbout(int handle, const uint8_t *text, uint32_t size) {
  br_handle *h = handle_of(handle);
  if (!h || !text || size >= BR_ABOUT_BYTES) return BR_E_ARGUMENT;
  memset(h->shared->about, 0, BR_ABOUT_BYTES);
  memcpy(h->shared->about, text, size);
  return 1;
}

BR_API uint64_t BR_CALL BrNumber(int handle) {
  br_handle *h = handle_of(handle);
  return h ? h->number : 0;
}

BR_API int64_t BR_CALL BrNowMs(void) { return (int64_t)(now_ns() / 1000000); }
