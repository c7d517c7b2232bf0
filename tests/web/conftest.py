"""A served city and, where a page must be seen, a real browser: Debian's chromium, which may reach nothing else."""

from __future__ import annotations

import http.client
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from city import City

from collector.web.app import create_app
from collector.web.server import WebServer

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Answer(NamedTuple):
    """What the server said."""

    status: int
    headers: dict[str, str]
    text: str


class Served:
    """A city and its web server."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.server = WebServer(create_app(city.site()), "127.0.0.1", 0)
        self.server.start()
        self.port = int(self.server.url.rstrip("/").rpartition(":")[2])

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def get(self, path: str, method: str = "GET", body: str | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, headers=named)
            answer = connection.getresponse()
            got = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, got, answer.read().decode())
        finally:
            connection.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(City(tmp_path))
    yield served
    served.server.stop()
    served.city.store.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.fail(f"{CHROMIUM} is missing: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        chromium.close()


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


@pytest.fixture
def seen(browser: Any, served: Served) -> Iterator[Seen]:
    context = browser.new_context(viewport={"width": 360, "height": 740})
    yield Seen(context.new_page(), served)
    context.close()
