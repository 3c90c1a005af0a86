"""A webhook door as most people write it: Flask under two gunicorn workers, parse and answer.

It stores nothing and checks nothing. `python -m bench.webhook_sketch` prints the port it listens
on, and runs until it is killed.
"""

from __future__ import annotations

import json
import os
import socket
import sys

from flask import Flask, Response, request

WORKERS = 2
app = Flask(__name__)


@app.post("/webhook")
def webhook() -> Response:
    """`get_json` would turn away TradingView's text/plain, so the body is parsed by hand."""
    alert = json.loads(request.get_data())
    return Response(json.dumps({"status": "success", "symbol": alert["symbol"]}))


def main() -> None:
    """Become gunicorn, on a socket that is listening already, so that the port is known."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        listener.set_inheritable(True)
        print(listener.getsockname()[1], flush=True)
        sys.stdout.flush()
        command = (
            sys.executable, "-m", "gunicorn", "--workers", str(WORKERS), "--log-level", "error",
            # Its plain workers close every connection: what ours keeps would be held against that.
            "--worker-class", "gthread", "--threads", "8",
            "--bind", f"fd://{listener.fileno()}", "bench.webhook_sketch:app",
        )  # fmt: skip
        os.execv(sys.executable, command)  # noqa: S606 - a program of ours, no shell


if __name__ == "__main__":
    main()
