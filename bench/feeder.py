"""Feeds the founding sketch in the only way it can be fed: a message, its answer, the next message.

`python -m bench.feeder PORT CLIENTS SECONDS` prints `{"ticks": answered, "seconds": ...}`. One
thread for all clients: as many threads would take from the sketch the processor time it needs.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from typing import cast

MESSAGE = b'{"symbol":"EURUSD","bid":1.08123,"ask":1.08125,"time":1700000000,"volume":12}'


def feed(port: int, clients: int, seconds: float) -> tuple[int, float]:
    """Messages answered, and the seconds that took."""
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(clients)]
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ)
        began = time.perf_counter()
        for connection in connections:
            connection.sendall(MESSAGE)
        answered = _exchange(selector, began + seconds)
        elapsed = time.perf_counter() - began
    for connection in connections:
        connection.recv(1024)  # the answer under way, so that the sketch isn't cut off in sending
        connection.close()
    return answered, elapsed


def _exchange(selector: selectors.BaseSelector, ends: float) -> int:
    answered = 0
    while time.perf_counter() < ends:
        for key, _ in selector.select(1.0):
            connection = cast(socket.socket, key.fileobj)
            if not connection.recv(1024):
                raise ConnectionError("the baseline closed a connection")
            answered += 1
            connection.sendall(MESSAGE)
    return answered


def main() -> None:
    port, clients, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    ticks, elapsed = feed(port, clients, seconds)
    print(json.dumps({"ticks": ticks, "seconds": elapsed}))


if __name__ == "__main__":
    main()
