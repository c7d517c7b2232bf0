"""Takes the pictures under docs/pages: python -m tests.web.pictures docs/pages"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import sync_playwright

from tests.web.city import City
from tests.web.conftest import CHROMIUM, FLAGS
from tests.web.served import Served

PUBLIC = {"city": "/", "city-en": "/en/", "station": "/station/lp-0001", "wall": "/wall"}
INSIDE = {"ops": "/ops", "ops-station": "/ops/station/lp-0001"}


def main(folder: Path) -> None:
    """Serve the tests' city and take a picture of every page, of the first one also on a phone and in the dark."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as place, sync_playwright() as driver:
        city = City(Path(place))
        city.fill_an_hour()
        served = Served(city)
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        wide = browser.new_context(viewport={"width": 1100, "height": 800})
        for name, path in PUBLIC.items():
            take(wide, served, path, folder / f"{name}.png")
        take(browser.new_context(viewport={"width": 360, "height": 740}), served, "/", folder / "city-phone.png")
        dark = browser.new_context(viewport={"width": 1100, "height": 800}, color_scheme="dark")
        take(dark, served, "/", folder / "city-dark.png")
        enter(wide, served)
        for name, path in INSIDE.items():
            take(wide, served, path, folder / f"{name}.png")
        browser.close()
        served.server.stop()
        city.close()


def take(context: Any, served: Served, path: str, file: Path) -> None:
    page = context.new_page()
    page.goto(served.url(path))
    page.wait_for_selector(".link[data-state=connected]")
    page.screenshot(path=str(file), full_page=True)
    page.close()


def enter(context: Any, served: Served) -> None:
    page = context.new_page()
    page.goto(served.url(served.app.state.setup_path))
    for following in ("**/login", "**/ops"):
        page.fill("input[name=name]", "li")
        page.fill("input[name=password]", "correct horse battery")
        page.click("main button")
        page.wait_for_url(following)
    page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
