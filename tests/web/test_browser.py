"""The pages in a real browser, on a phone's width: what people see, and that it moves by itself."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from tests.web.served import Seen, Served

pytestmark = pytest.mark.real
PATHS = ("/", "/en/", "/station/lp-0001", "/en/station/lp-0001")


@pytest.mark.parametrize("path", PATHS)
def test_fits_a_phone_asks_nobody_else_and_complains_of_nothing(seen: Seen, path: str) -> None:
    seen.go(path)
    seen.page.wait_for_selector(".link[data-state=connected]")
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert seen.outside_requests() == []
    assert seen.complaints == []


def test_a_reading_is_on_the_page_within_two_seconds(seen: Seen, served: Served) -> None:
    seen.go("/en/")
    seen.page.wait_for_selector(".link[data-state=connected]")
    now_ms = served.city.now_ms()
    served.city.write("lp-0003", "air-1", "air_quality", [now_ms], {"pm25_raw_ugm3": [321.0]})
    started = time.monotonic()
    served.city.feed.publish({"node": "lp-0003"})
    seen.page.wait_for_selector("#lp-0003 .number:text('321')", timeout=2000)
    assert time.monotonic() - started < 2
    assert "Chaoyang Gate, 321" in seen.page.inner_text(".headline")


def test_an_alert_appears_by_itself(seen: Seen, served: Served) -> None:
    alerts, served.city.alerts = served.city.alerts, []
    seen.go("/")
    seen.page.wait_for_selector(".link[data-state=connected]")
    assert "现在没有告警" in seen.page.inner_text("main")
    served.city.alerts = alerts
    served.city.feed.publish({"type": "alert", "fingerprint": "f1"})
    seen.page.wait_for_selector(".alert.firing", timeout=2000)


def test_an_open_table_stays_open_while_it_is_renewed(seen: Seen, served: Served) -> None:
    seen.go("/en/station/lp-0001")
    seen.page.wait_for_selector(".link[data-state=connected]")
    seen.page.click("summary")
    now_ms = served.city.now_ms() // 60_000 * 60_000
    served.city.write("lp-0001", "air-9", "air_quality", [now_ms], {"pm25_ugm3": [777.0]})
    served.city.feed.publish({"node": "lp-0001"})
    seen.page.wait_for_selector("td:text('777')", timeout=2000)
    assert seen.page.is_visible("td:text('777')")


def test_without_javascript_everything_is_there(browser: Any, standing: Served) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(standing.url("/en/"))
    assert page.is_visible("#lp-0001 svg.chart .line")
    page.click("#lp-0001 summary")
    assert page.is_visible("#lp-0001 table")
    context.close()


@pytest.mark.parametrize(
    ("path", "scheme"),
    [("/", "light"), ("/", "dark"), ("/en/station/lp-0001", "light"), ("/en/?colours=safe", "dark"), ("/no", "light")],
)
def test_axe_finds_no_violation(browser: Any, standing: Served, path: str, scheme: str) -> None:
    """WCAG 2.2 A and AA and best practices, by the axe rules."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(standing.url(path))
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    context.close()


def enter(seen: Seen, served: Served) -> None:
    """Make the first account through the set-up link, and log in, as a person does."""
    seen.go("/en" + served.app.state.setup_path)
    for path in ("setup", "login"):
        seen.page.wait_for_url(f"**/en/ops/{path}*")
        seen.page.fill("input[name=name]", "li")
        seen.page.fill("input[name=password]", "correct horse battery")
        seen.page.click("main button")
    seen.page.wait_for_selector(".link[data-state=connected]")


def test_an_operator_acknowledges_and_silences_by_keyboard_alone(seen: Seen, served: Served) -> None:
    enter(seen, served)
    keyboard = seen.page.keyboard
    keyboard.press("j")
    keyboard.press("a")
    keyboard.type("on my way, j k")
    keyboard.press("Enter")
    seen.page.wait_for_selector("#alert-f1 .word:text('acknowledged')")
    assert "on my way, j k" in seen.page.inner_text("#alert-f1")
    keyboard.press("s")
    keyboard.press("Escape")
    assert seen.page.evaluate("document.activeElement.id") == "alert-f1"
    keyboard.press("s")
    keyboard.press("Enter")
    seen.page.wait_for_selector("#alert-f1 .word:text('silenced')")
    assert seen.complaints == []
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_forms_that_came_by_the_stream_still_work_and_focus_stays(seen: Seen, served: Served) -> None:
    enter(seen, served)
    seen.page.keyboard.press("j")
    served.city.alerts = [replace(served.city.alerts[0], value=123.0), *served.city.alerts[1:]]
    served.city.feed.publish({"type": "alert", "fingerprint": "f1"})
    seen.page.wait_for_selector("#alert-f1 >> text=123", timeout=2000)
    assert seen.page.evaluate("document.activeElement.id") == "alert-f1"
    seen.page.keyboard.press("n")
    seen.page.keyboard.type("sent by the stream's own form")
    with seen.page.expect_navigation():
        seen.page.keyboard.press("Enter")
    seen.go("/en/ops/alert/f1")
    assert "sent by the stream's own form" in seen.page.inner_text("main")


def test_axe_finds_no_violation_behind_the_door(seen: Seen, served: Served) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    enter(seen, served)
    for path in (
        "/en/ops",
        "/en/ops/alert/f1",
        "/ops/station/lp-0001",
        "/ops/reports",
        "/ops/audit",
        "/en/wall",
        "/data",
    ):
        seen.go(path)
        seen.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        found = axe.Axe().run(seen.page)
        assert found.violations_count == 0, path + found.generate_report()


def test_the_wall_moves_by_itself(seen: Seen, served: Served) -> None:
    seen.go("/wall")
    seen.page.wait_for_selector(".link[data-state=connected]")
    served.city.write("lp-0003", "air-1", "air_quality", [served.city.now_ms()], {"pm25_raw_ugm3": [321.0]})
    served.city.feed.publish({"node": "lp-0003"})
    seen.page.wait_for_selector(".tile .number:text('321')", timeout=2000)
