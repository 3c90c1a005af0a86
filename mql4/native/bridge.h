/* The shared memory between MetaTrader 4 and the agent: two rings of 64-byte records, one each way.
 *
 * The bytes are the same for 32-bit and 64-bit peers and for Python (agent/shm/layout.py). Indices are
 * 32 bits wide, free running, and wrap: an aligned 32-bit store is atomic everywhere, a 64-bit one is
 * not on i386. One process produces and one consumes in each direction. */
#ifndef FKS_BRIDGE_H
#define FKS_BRIDGE_H

#include <stdint.h>

#ifdef _WIN32
#define BR_CALL __stdcall
#define BR_API __declspec(dllexport)
#else
#define BR_CALL
#define BR_API __attribute__((visibility("default")))
#endif

#define BR_MAGIC 0x42534B46u /* "FKSB" */
#define BR_VERSION 1u
#define BR_RECORD_BYTES 64u
#define BR_RECORDS_AT 448u
#define BR_SYMBOL_BYTES 12u
#define BR_ABOUT_BYTES 128u
#define BR_TEXT_BYTES 65536u

enum { BR_TERMINAL = 0, BR_AGENT = 1 }; /* roles; the ring numbered so is written by that role */

/* Kinds of records that the functions on messages write. */
enum {
  BR_TICK = 1,  /* a quote, numbered */
  BR_DATUM = 2, /* a text that is numbered, in this record and the BR_MORE behind it */
  BR_SAY = 3,   /* a text without a number, the same way */
  BR_MORE = 4   /* 56 more bytes of a text */
};

/* Results below 0. */
enum {
  BR_E_ARGUMENT = -1, /* a null, an unknown handle or role, a capacity that is no power of two */
  BR_E_SYSTEM = -2,   /* the system refused the memory or the event; BrSystemError says why */
  BR_E_LAYOUT = -3,   /* another version, capacity or record size is there already */
  BR_E_TAKEN = -4,    /* another living process has this role already */
  BR_E_HANDLES = -5   /* over 64 are open in this process */
};

typedef struct {
  uint32_t seq;  /* of its ring, from 1, rising by one and wrapping over 0 */
  uint32_t kind; /* the caller's */
  uint8_t body[56];
} br_record;

/* The first record of a message. `stream` and the memory's birth name one numbering: that of one
 * opening by the terminal. `number` is the message's, or with BR_SAY the last one given out: so the
 * reader learns also of what a full ring refused. */
typedef struct {
  uint32_t seq, kind;
  uint32_t stream;
  int32_t utc_offset_s; /* of the terminal's clock */
  uint64_t number;
  union {
    struct {
      char symbol[BR_SYMBOL_BYTES]; /* UTF-8, zeros behind it */
      uint32_t time_s;              /* the terminal's clock, since 1970 */
      int64_t received_ms;          /* this machine's clock, UTC, since 1970 */
      double bid, ask;
    } tick;
    struct {
      uint32_t size; /* bytes of the whole text */
      char text[36];
    } text;
  };
} br_head;

/* `name` is a word for this pair, of at most 100 units; the namespace is the session's own. On Windows
 * a name with a colon is the path of a file to map. Returns a handle above 0. A process that opens a
 * role again takes it from its own earlier handle, which is dead then: a program that was stopped
 * inside a terminal that lives on has closed nothing. */
BR_API int BR_CALL BrOpen(const uint16_t *name, uint32_t capacity, int role);
BR_API void BR_CALL BrClose(int handle);

/* Writes up to `count` records at once; 1, or 0 when they do not all fit: then none is written and the
 * refused are counted. Sets each record's seq. */
BR_API int BR_CALL BrPush(int handle, br_record *records, uint32_t count);

/* Copies up to `most` waiting records without taking them; BrTake takes `count` of them. What was not
 * taken when this process died is there again for the next one. */
BR_API int BR_CALL BrPeek(int handle, br_record *records, uint32_t most);
BR_API int BR_CALL BrTake(int handle, uint32_t count);

/* Waits until something is there to peek; 1, or 0 when the time is over. */
BR_API int BR_CALL BrWait(int handle, uint32_t timeout_ms);

/* Messages. BrTick and BrSay return as BrPush does; a number is used up also when the ring is full.
 * `symbol` has 12 bytes. */
BR_API int BR_CALL BrTick(int handle, const uint8_t *symbol, uint32_t time_s, int64_t received_ms, double bid,
                          double ask);
BR_API int BR_CALL BrSay(int handle, const uint8_t *text, uint32_t size, int numbered);

/* Takes the next text and returns its size, 0 when there is none; BR_E_ARGUMENT when it has over
 * `most` bytes, and then it is passed over. */
BR_API int BR_CALL BrHear(int handle, uint8_t *text, uint32_t most);

/* What the next messages say of the terminal's clock, and what the memory says of the terminal: a
 * JSON object of at most 127 bytes. */
BR_API void BR_CALL BrUtcOffset(int handle, int seconds);
BR_API int BR_CALL BrAbout(int handle, const uint8_t *text, uint32_t size);

/* The last number given out, and this machine's clock: UTC, milliseconds since 1970. */
BR_API uint64_t BR_CALL BrNumber(int handle);
BR_API int64_t BR_CALL BrNowMs(void);

/* Counts of this handle's own ring: records refused by a full ring, and waiting in it. */
BR_API uint32_t BR_CALL BrDropped(int handle);
BR_API uint32_t BR_CALL BrWaiting(int handle);
BR_API int BR_CALL BrPeerAlive(int handle);
BR_API int BR_CALL BrSystemError(void);

#endif
