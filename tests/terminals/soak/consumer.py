"""Takes what the producer writes, checks each record, and notes it down before it frees it.

    python -m tests.terminals.soak.consumer NAME CAPACITY TOTAL LOG

A line of the log is `first count`. Ends with 1 at the first record that is not what it should be.
"""

from __future__ import annotations

import os
import struct
import sys

from agent.shm.layout import memory_bytes
from agent.shm.memory import open_memory
from agent.shm.pair import Pair

_RECORD = struct.Struct("<IIQ40xQ")
_KIND, _MIX, _MOST = 100, 0x9E3779B97F4A7C15, 16_384


def main(name: str, capacity: str, total: str, log: str) -> int:
    pair = Pair(open_memory(name, memory_bytes(int(capacity))), int(capacity))
    notes = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    while pair.cursor < int(total):
        if not pair.wait(5_000):
            continue
        first = pair.cursor
        records = pair.read_raw(_MOST)
        for number, found in enumerate(_RECORD.iter_unpack(records), first):
            if found != (number + 1, _KIND, number, number * _MIX % 2**64):
                sys.stderr.write(f"record {number} is {found}\n")
                return 1
        os.write(notes, b"%d %d\n" % (first, pair.cursor - first))
        pair.free(pair.cursor)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
