"""A served city, and a page seen in a browser, as tests use them."""

from __future__ import annotations

import http.client
from typing import Any, NamedTuple

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


class Seen:
    """A page with everything it asked for and everything it complained of."""

    def __init__(self, page: Any, served: Served) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self._served = served

    def go(self, path: str) -> None:
        self.page.goto(self._served.url(path))

    def outside_requests(self) -> list[str]:
        return [url for url in self.requests if not url.startswith(self._served.url("/"))]
