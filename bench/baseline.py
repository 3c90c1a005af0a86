"""The founding sketch: a thread per client, `recv(1024)`, `json.loads`, one log line for each tick.

It takes what one `recv` brings for one message, so it works only while each client sends one
message and waits for the answer before it sends the next. That is how `bench.feeder` feeds it.
`python -m bench.baseline LOGFILE` prints the port it listens on, and runs until it is killed.
"""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading

RECV_BYTES = 1024
ANSWER = b'{"action":"NONE"}'

logger = logging.getLogger("sketch")


def keep_log(file: str) -> None:
    logging.basicConfig(
        filename=file, level=logging.INFO, format="%(asctime)s - %(levelname)s - %(message)s"
    )


def stop_log() -> None:
    logging.shutdown()
    logging.getLogger().handlers.clear()


def decode(data: bytes) -> None:
    """What the sketch did with one message."""
    tick = json.loads(data.decode())
    logger.info(f"{tick['symbol']} bid={tick['bid']} ask={tick['ask']} t={tick['time']}")  # noqa: G004


def serve(client: socket.socket) -> None:
    with client:
        while data := client.recv(RECV_BYTES):
            decode(data)
            client.sendall(ANSWER)


def main() -> None:
    keep_log(sys.argv[1])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client,), daemon=True).start()


if __name__ == "__main__":
    main()
