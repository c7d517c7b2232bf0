"""Between collector and database: passes everything on, or answers what a case says in the database's place."""

from __future__ import annotations

import http.client
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from tests.answering import Answering


class AnsweringProxy(Answering):
    """`say` plays a case's answer until `hush`; `writes` counts what came while it played, `bodies` keeps them."""

    protocol = "HTTP/1.1"

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        assert parts.hostname is not None
        assert parts.port is not None
        self._target = (parts.hostname, parts.port)
        self._answer: dict[str, Any] | None = None
        self._left = 0
        self._until_s = 0.0
        self._lock = threading.Lock()
        self.bodies: list[bytes] = []
        super().__init__()

    def say(self, answer: dict[str, Any], seconds: float | None, writes: int) -> None:
        with self._lock:
            self.bodies.clear()
            self._answer = answer
            self._left = writes if seconds is None else 10**9
            self._until_s = time.monotonic() + (seconds if seconds is not None else 10**6)

    def hush(self) -> None:
        with self._lock:
            self._answer = None

    @property
    def playing(self) -> bool:
        with self._lock:
            return self._answer is not None and self._left > 0 and time.monotonic() < self._until_s

    def answer(self, call: BaseHTTPRequestHandler, body: bytes) -> None:
        played = self._play(call.path, body) if call.command == "POST" else None
        if played is None:
            self._pass(call, body)
        else:
            self._perform(call, played)

    def _play(self, path: str, body: bytes) -> dict[str, Any] | None:
        if not path.startswith(("/write", "/api/v2/write")) or not self.playing:
            return None
        with self._lock:
            answer = self._answer or {}
            sensor = answer.get("for_sensor")
            concerned = sensor is None or f"sensor={sensor}".encode() in body
            concerned = concerned and len(body) > answer.get("over_bytes", -1)
            if not body:
                concerned = sensor is None and "over_bytes" not in answer
            if not concerned:
                return {"status": 204} if sensor is not None and not body else None
            self._left -= 1
            self.bodies.append(body)
            return answer

    def _perform(self, handler: BaseHTTPRequestHandler, answer: dict[str, Any]) -> None:
        time.sleep(answer.get("delay_s", 0))  # the case: so slow is the database
        if answer.get("close"):
            handler.close_connection = True
            if "middle" in str(answer["close"]):
                handler.wfile.write(b"HTTP/1.1 204 No")
            handler.connection.close()
            return
        body = b"x" * answer["body_len"] if "body_len" in answer else str(answer.get("body", "")).encode()
        handler.send_response_only(answer.get("status", 204))
        for name, value in answer.get("headers", {}).items():
            handler.send_header(name, value)
        if answer.get("status", 204) != 204:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if answer.get("status", 204) != 204:
            handler.wfile.write(body)

    def _pass(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        connection = http.client.HTTPConnection(*self._target, timeout=60)
        try:
            headers = {name: value for name, value in handler.headers.items() if name.lower() != "host"}
            connection.request(handler.command, handler.path, body or None, headers)
            answer = connection.getresponse()
            content = answer.read()
        except OSError:
            handler.close_connection = True
            return
        finally:
            connection.close()
        handler.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                handler.send_header(name, value)
        if answer.status != 204:
            handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        if answer.status != 204:
            handler.wfile.write(content)
