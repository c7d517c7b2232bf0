"""A web server that never says nothing for long, and never ends."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Trickle(ThreadingHTTPServer):
    """Answers with `begins`, and then a byte again and again. `calls` is how often it was called."""

    daemon_threads = True

    def __init__(self, begins: bytes, takes_after_s: float = 0.0) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.begins, self.takes_after_s, self.calls = begins, takes_after_s, 0
        self.ending = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def handle_error(self, *_: object) -> None:
        """Whoever hangs up is right."""

    def __exit__(self, *error: Any) -> None:
        self.ending.set()
        self.shutdown()
        super().__exit__(*error)


class _Session(BaseHTTPRequestHandler):
    server: Trickle

    def do_POST(self) -> None:
        time.sleep(self.server.takes_after_s)  # so slow it is
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_GET(self) -> None:
        self.server.calls += 1
        self.wfile.write(self.server.begins)
        while not self.server.ending.wait(0.05):
            self.wfile.write(b"a")

    def log_message(self, *_: object) -> None: ...
