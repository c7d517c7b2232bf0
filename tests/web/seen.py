"""A page in a real browser, and what is true of every page of ours."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.served import Served

WIDTHS = (360, 1280)
RENEWED = "body:not([data-events]), .link[data-state=connected], .link:empty"
"""A page that is not live, one whose stream is up, or one without script."""
BARS_OUTSIDE = """[...document.querySelectorAll('svg rect.bar')].filter(bar => {
  const own = bar.getBoundingClientRect(), all = bar.ownerSVGElement.getBoundingClientRect();
  return own.right > all.right + 2 || own.top < all.top - 2 || own.bottom > all.bottom + 2;
}).length"""
"""A rule of style that is meant for something else can move the bars of a chart."""
BROKEN_WORDS = """[...document.querySelectorAll('.badge')].filter(badge => {
  badge.style.overflowWrap = 'normal';
  const broken = badge.scrollWidth > badge.clientWidth;
  badge.style.overflowWrap = '';
  return broken;
}).map(badge => badge.innerText)"""
"""Levels whose words have not the room to stand whole."""


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

    def look_at(self, path: str) -> None:
        """A page at both widths: it fits, asks nobody else, complains of nothing, and axe finds no violation."""
        axe = pytest.importorskip("axe_playwright_python.sync_playwright")
        self.go(path)
        self.page.wait_for_selector(RENEWED, state="attached")
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 800})
            assert self.page.evaluate("document.documentElement.scrollWidth") <= width, path
            assert self.page.evaluate(BARS_OUTSIDE) == 0, path
            assert self.page.evaluate(BROKEN_WORDS) == [], f"{path} at {width}"
            self.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            found = axe.Axe().run(self.page)
            assert found.violations_count == 0, f"{path} at {width}: {found.generate_report()}"
        assert self.outside_requests() == []
        assert [one for one in self.complaints if "404" not in one] == []

    def enter(self) -> None:
        """Make the first account through the set-up link, and log in, as a person does."""
        self.go("/en" + self._served.app.state.setup_path)
        for path in ("setup", "login"):
            self.page.wait_for_url(f"**/en/ops/{path}*")
            self.page.fill("input[name=name]", "li")
            self.page.fill("input[name=password]", "correct horse battery")
            self.page.click("main button")
        self.page.wait_for_url("**/en/ops")  # the page one leaves is connected as well
        self.page.wait_for_selector(".link[data-state=connected]")
