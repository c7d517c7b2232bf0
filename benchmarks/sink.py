"""A database that takes every write and knows nothing: the cheapest there can be, to see a collector's own limit.

    python -m benchmarks.sink PORT

It answers as InfluxDB 1 does: 204 to a write, an empty result to a question. A stand-in, for rates alone.
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from simulator.servers import Server

EMPTY = b'{"results":[{"statement_id":0}]}'


class Sink(Server):
    """The stand-in as a server of its own."""

    def command(self) -> list[str]:
        return [sys.executable, "-m", "benchmarks.sink", str(self.port)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer(200, EMPTY)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/write"):
            self._answer(204, b"")
        else:
            self._answer(200, EMPTY)

    def _answer(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("X-Influxdb-Version", "sink")
        if body:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()
