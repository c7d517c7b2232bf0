"""A webhook receiver that behaves as it is told: well, slowly, badly, or as a captive portal; it notes what it took."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A caller that was killed while it was answered is nobody's error."""


class Receiver:
    """`mood` is what it does: ok, 500, 429, page (a captive portal), redirect, drop (no answer at all), slow."""

    def __init__(self) -> None:
        self.mood = "ok"
        self.slow_s = 0.2
        self.took: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.calls = 0
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                receiver.calls += 1
                self.send_response(204)
                self.end_headers()

            def do_POST(self) -> None:
                receiver.answer(self)

            def log_message(self, *_: object) -> None: ...

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def answer(self, call: BaseHTTPRequestHandler) -> None:
        body = call.rfile.read(int(call.headers["Content-Length"]))
        with self._lock:
            self.calls += 1
            mood = self.mood
        if mood == "drop":
            call.close_connection = True
            return
        if mood == "slow":
            time.sleep(self.slow_s)  # so slow it is
        if mood in ("ok", "slow"):
            with self._lock:
                self.took.append(json.loads(body) | {"came_ms": time.time_ns() // 1_000_000})
                self.headers.append(dict(call.headers))
        status = {"500": 500, "429": 429, "redirect": 302, "page": 200}.get(mood, 204)
        call.send_response(status)
        if mood == "429":
            call.send_header("Retry-After", "7")
        if mood == "redirect":
            call.send_header("Location", self.url)
        page = b"<!DOCTYPE html><title>Welcome to our Wi-Fi</title>" if mood == "page" else b""
        if page:
            call.send_header("Content-Type", "text/html; charset=utf-8")
        call.send_header("Content-Length", str(len(page)))
        call.end_headers()
        call.wfile.write(page)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
