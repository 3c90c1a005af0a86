"""Between web requests and the gateway: late, and once an answer is lost on its way back."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

from tests.e2e.bridge import LiveBridge


class WebDoor(HTTPServer):
    """The first `refuse` requests are not answered, nor is the one that passes `cut_at` ticks.

    That one has reached the gateway, which the terminal can't know.
    """

    def __init__(self, bridge: LiveBridge, refuse: int, cut_at: int) -> None:
        self.bridge, self.refuse, self.cut_at = bridge, refuse, cut_at
        self.requests = self.ticks = self.cuts = 0
        super().__init__(("127.0.0.1", 0), _Request)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @contextlib.contextmanager
    def serving(self) -> Iterator[WebDoor]:
        thread = threading.Thread(target=self.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            thread.join()
            self.server_close()

    def passes_cut(self, body: bytes) -> bool:
        """Whether this body holds the tick at which an answer is lost."""
        lines = map(json.loads, body.splitlines())
        before, self.ticks = self.ticks, self.ticks + sum(len(m.get("ticks", ())) for m in lines)
        return before < self.cut_at <= self.ticks


class _Request(BaseHTTPRequestHandler):
    server: WebDoor

    def do_POST(self) -> None:
        door = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        door.requests += 1
        if door.requests <= door.refuse:
            return
        given = {name: self.headers[name] for name in ("Authorization", "Content-Type")}
        status, answer = door.bridge.post(self.path, body, **given)
        if door.passes_cut(body):
            door.cuts += 1
            return
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name is given
        """Nothing on the test run's screen."""
