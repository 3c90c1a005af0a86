/* producer NAME CAPACITY TOTAL: fills the ring in bursts until TOTAL records were ever written to it. A
 * killed one is followed by another, which goes on where the ring stands. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../../mql4/native/internal.h"

#define KIND 100
#define LONGEST 512

static uint32_t dice = 88172645;

static uint32_t throw(uint32_t sides) {
  dice ^= dice << 13, dice ^= dice >> 17, dice ^= dice << 5;
  return dice % sides;
}

int main(int count, char **words) {
  static br_record burst[LONGEST];
  if (count != 4) return 2;
  uint16_t name[BR_NAME + 1] = {0};
  for (size_t i = 0; words[1][i] && i < BR_NAME; i++) name[i] = (unsigned char)words[1][i];
  int handle = BrOpen(name, (uint32_t)atoi(words[2]), BR_TERMINAL);
  if (handle <= 0) return 3;
  uint32_t total = (uint32_t)atoi(words[3]);
  dice ^= head_of(handle_of(handle)) + 1;
  for (uint32_t next; (next = head_of(handle_of(handle))) < total;) {
    uint32_t size = 1 + throw(LONGEST);
    if (size > total - next) size = total - next;
    for (uint32_t i = 0; i < size; i++) {
      uint64_t number = next + i, check = number * 0x9E3779B97F4A7C15ull;
      burst[i].kind = KIND;
      memcpy(burst[i].body, &number, 8);
      memcpy(burst[i].body + 48, &check, 8);
    }
    if (BrPush(handle, burst, size) == 0) usleep(100); /* full: the reader is behind, or dead */
    else if (throw(20) == 0) usleep(throw(2000));
  }
  printf("%u\n", BrDropped(handle));
  return 0;
}
