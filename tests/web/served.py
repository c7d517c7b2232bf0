"""A served city, as tests ask it."""

from __future__ import annotations

import http.client
from typing import NamedTuple

from collector.web.app import create_app
from collector.web.server import WebServer
from tests.web.city import City


class Answer(NamedTuple):
    """What the server said."""

    status: int
    headers: dict[str, str]
    text: str


class Served:
    """A city and its web server."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.app = create_app(city.site())
        self.server = WebServer(self.app, "127.0.0.1", 0)
        self.server.start()
        self.port = int(self.server.url.rstrip("/").rpartition(":")[2])

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def get(self, path: str, method: str = "GET", body: str | None = None, **headers: str) -> Answer:
        return self.ask(self.port, path, method, body, **headers)

    @staticmethod
    def ask(port: int, path: str, method: str = "GET", body: str | None = None, **headers: str) -> Answer:
        """What a server on this machine says."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, headers=named)
            answer = connection.getresponse()
            got = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, got, answer.read().decode())
        finally:
            connection.close()
