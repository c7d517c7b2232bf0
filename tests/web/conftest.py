"""A served city and, where a page must be seen, a real browser: Debian's chromium, which may reach nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.web import live
from tests.web.city import City
from tests.web.seen import Seen
from tests.web.served import Served
from tests.web.year import write_minutes, write_year

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


@pytest.fixture(autouse=True)
def _news_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an open page shows anew, it was told: however long a busy machine takes, the round of all is later."""
    monkeypatch.setattr(live, "REFRESH_S", 600.0)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A city that the tests of a module share: to be looked at, not to be changed."""
    city = City(tmp_path_factory.mktemp("city"))
    city.fill_an_hour()
    served = Served(city)
    yield served
    served.server.stop()
    city.close()


@pytest.fixture(scope="module")
def aged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A city with a year behind it."""
    city = City(tmp_path_factory.mktemp("aged"))
    city.fill_an_hour()
    write_year(city.store, "lp-0001", city.started_ms)
    write_minutes(city.store, "lp-0001", city.started_ms)
    served = Served(city)
    yield served
    served.server.stop()
    city.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A city of the test's own."""
    city = City(tmp_path)
    city.fill_an_hour()
    served = Served(city)
    yield served
    served.server.stop()
    served.city.close()


@pytest.fixture(scope="module")  # its event loop would stand in the way of other files in the same worker
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.fail(f"{CHROMIUM} is missing: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def seen(browser: Any, served: Served) -> Iterator[Seen]:
    context = browser.new_context(viewport={"width": 360, "height": 740})
    yield Seen(context.new_page(), served)
    context.close()
