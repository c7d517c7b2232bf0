"""A webhook receiver that behaves as it is told: well, slowly, badly, or as a captive portal; it notes what it took."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.answering import Answering, reply


class Receiver(Answering):
    """`mood` is what it does: ok, 500, 429, page (a captive portal), redirect, drop (no answer at all), slow."""

    def __init__(self) -> None:
        self.mood = "ok"
        self.slow_s = 0.2
        self.took: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.calls = 0
        self._lock = threading.Lock()
        super().__init__()
        self.url += "/hook"

    def answer(self, call: BaseHTTPRequestHandler, body: bytes) -> None:
        with self._lock:
            self.calls += 1
            mood = "ok" if call.command == "GET" else self.mood
        if mood == "drop":
            call.close_connection = True
            return
        if mood == "slow":
            time.sleep(self.slow_s)  # so slow it is
        if body and mood in ("ok", "slow"):
            with self._lock:
                self.took.append(json.loads(body) | {"came_ms": time.time_ns() // 1_000_000})
                self.headers.append(dict(call.headers))
        if mood == "page":
            page = b"<!DOCTYPE html><title>Welcome to our Wi-Fi</title>"
            reply(call, 200, page, Content_Type="text/html; charset=utf-8")
        elif mood == "redirect":
            reply(call, 302, Location=self.url)
        elif mood == "429":
            reply(call, 429, Retry_After="7")
        else:
            reply(call, 500 if mood == "500" else 204)
