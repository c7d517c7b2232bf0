"""The pages in a real browser, on a phone's width: what people see, and that it moves by itself."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from collector.report.page import render
from collector.report.summary import Hours, Index, StationReport
from collector.web import live
from collector.web.words import Words
from tests.servers import wait_for
from tests.web.city import City
from tests.web.seen import WIDTHS, Seen
from tests.web.served import Served
from wire.times import DAY_MS

pytestmark = pytest.mark.real
T0 = 1_772_294_400_000  # 2026-03-01 00:00 in Shanghai
PAGES = ("/", "/station/lp-0001", "/station/lp-0001?span=year", "/data", "/wall", "/nowhere")


@pytest.mark.parametrize("path", ["/", "/en/", "/en/station/lp-0001", "/en/data", "/en/wall"])
def test_letters_twice_as_big_push_no_page_wide(browser: Any, aged: Served, path: str) -> None:
    page = browser.new_page(viewport={"width": 320, "height": 740})
    page.goto(aged.url(path))
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.close()


@pytest.mark.parametrize("root", ["", "/en"])
@pytest.mark.parametrize("path", PAGES)
def test_every_public_page_fits_keeps_to_itself_and_has_no_violation(
    browser: Any, aged: Served, root: str, path: str
) -> None:
    context = browser.new_context()
    Seen(context.new_page(), aged).look_at(root + path)
    context.close()


def test_a_chinese_name_in_a_table_does_not_stand_on_end_on_a_phone(seen: Seen) -> None:
    seen.go("/data")
    name = seen.page.locator("th[scope=row] a", has_text="建国路东口")
    assert name.bounding_box()["height"] < 2 * name.evaluate("one => parseFloat(getComputedStyle(one).lineHeight)")
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_name_that_has_no_place_to_break_pushes_no_page_wide(seen: Seen, served: Served) -> None:
    long = "Supercalifragilisticexpialidocious" * 3
    served.city.stations = [replace(one, name_zh="长" * 80, name_en=long) for one in served.city.stations]
    served.city.alerts = [replace(one, text_en=long) for one in served.city.alerts]
    seen.enter()
    for width in WIDTHS:
        seen.page.set_viewport_size({"width": width, "height": 800})
        for path in ("/", "/en/", "/en/wall", "/en/station/lp-0001", "/en/ops", "/en/ops/stations", "/en/ops/alert/f1"):
            seen.go(path)
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_a_time_in_a_table_takes_one_line(seen: Seen, served: Served) -> None:
    other = {"pm25_raw_ugm3": [9.0], "pm25_ugm3": [9.0]}  # two columns leave the first one little room
    served.city.write("lp-0001", "air-second", "air_quality", [served.city.now_ms() - 1000], other)
    seen.page.set_viewport_size({"width": 360, "height": 800})
    seen.go("/en/")
    lines = """times => times.map(th => { th.closest('details').open = true; const text = document.createRange();
        text.selectNodeContents(th); return text.getClientRects().length })"""
    found = seen.page.eval_on_selector_all("#lp-0001 .tables table:first-child th:first-child", lines)
    assert len(found) > 3
    assert set(found) == {1}


@pytest.mark.parametrize("path", ["/", "/en/station/lp-0001"])
def test_without_javascript_axe_finds_nothing_either(browser: Any, aged: Served, path: str) -> None:
    """The pages' own scripts are kept away; axe is one itself and needs the browser's."""
    context = browser.new_context()
    context.route("**/static/*.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    Seen(context.new_page(), aged).look_at(path)
    context.close()


def test_a_reading_is_on_the_page_within_two_seconds(seen: Seen, served: Served) -> None:
    seen.go("/en/")
    seen.page.wait_for_selector(".link[data-state=connected]")
    minutes = [served.city.now_ms() - minute * 60_000 for minute in reversed(range(60))]
    served.city.write("lp-0003", "air-1", "air_quality", minutes, {"pm25_raw_ugm3": [321.0] * 60})
    told_s = time.monotonic()
    served.city.feed.publish({"node": "lp-0003"})
    seen.page.wait_for_selector("#lp-0003 .number:text('321')")
    assert time.monotonic() - told_s < 2
    assert "Chaoyang Gate, 321" in seen.page.inner_text(".headline")


def test_an_alert_appears_by_itself(seen: Seen, served: Served) -> None:
    alerts, served.city.alerts = served.city.alerts, []
    seen.go("/")
    seen.page.wait_for_selector(".link[data-state=connected]")
    assert "现在没有告警" in seen.page.inner_text("main")
    served.city.alerts = alerts
    served.city.feed.publish({"type": "alert", "fingerprint": "f1"})
    seen.page.wait_for_selector(".alert.firing")


def test_a_station_s_page_tells_of_its_own_alerts_only(seen: Seen, served: Served) -> None:
    seen.go("/en/station/lp-0001")
    seen.page.wait_for_selector(".link[data-state=connected]")
    served.city.alerts = [replace(served.city.alerts[0], value=123.0), *served.city.alerts[1:]]
    served.city.feed.publish({"type": "alert", "fingerprint": "f1"})
    seen.page.wait_for_selector(".alert >> text=123")
    assert seen.page.locator(".alert").count() == 1


def test_big_numbers_leave_the_level_its_place(seen: Seen, served: Served) -> None:
    seen.go("/en/")
    seen.page.wait_for_selector(".link[data-state=connected]")
    served.city.write("lp-0003", "air-1", "air_quality", [served.city.now_ms()], {"pm25_ugm3": [1406.0]})
    served.city.feed.publish({"node": "lp-0003"})
    seen.page.wait_for_selector("#lp-0003 .number:text('1406')")
    for width in (360, 1100):
        seen.page.set_viewport_size({"width": width, "height": 800})
        unit, badge = (seen.page.locator(f"#lp-0003 {what}").bounding_box() for what in (".unit", ".lead .badge"))
        assert unit is not None
        assert badge is not None
        apart = unit["x"] + unit["width"] <= badge["x"] or unit["y"] + unit["height"] <= badge["y"]
        assert apart, f"they overlap at {width}"


def test_a_station_s_page_that_is_left_open_over_night_says_nothing_of_yesterday(seen: Seen, served: Served) -> None:
    """Beside "8 µg/m³, good" stood that children should do less outdoors, and under "24 hours" those of yesterday."""
    seen.page.clock.install()
    seen.go("/en/station/lp-0001")
    seen.page.wait_for_selector(".link[data-state=connected]")
    assert "Lightly polluted" in seen.page.inner_text(".advice")
    now_ms = served.city.now_ms()
    minutes = [now_ms - minute * 60_000 for minute in reversed(range(60))]
    few = {"pm25_ugm3": [8.0] * 60, "pm10_ugm3": [8.0] * 60}
    served.city.write("lp-0001", "air-0", "air_quality", minutes, few)  # the first of them is the one that leads
    served.city.roll_up()
    served.city.feed.publish({"node": "lp-0001"})
    seen.page.wait_for_selector(".advice:has-text('Good')")
    seen.page.click("#past-air summary")
    assert "air-0" not in seen.page.inner_text("#past-air")
    wait_for("a page of now", lambda: "µg/m³ air-0" in served.get("/en/station/lp-0001").text)
    seen.page.clock.fast_forward(600_000)
    seen.page.wait_for_selector("#past-air[open] th:has-text('air-0')")


def test_an_open_table_stays_open_while_it_is_renewed(seen: Seen, served: Served) -> None:
    seen.go("/en/station/lp-0001")
    seen.page.wait_for_selector(".link[data-state=connected]")
    seen.page.click("summary")
    now_ms = served.city.now_ms() // 60_000 * 60_000
    served.city.write("lp-0001", "air-9", "air_quality", [now_ms], {"pm25_ugm3": [777.0]})
    served.city.feed.publish({"node": "lp-0001"})
    seen.page.wait_for_selector("td:text('777')")
    assert seen.page.is_visible("td:text('777')")


def test_what_a_reader_has_marked_stays_until_it_is_copied(seen: Seen, served: Served) -> None:
    """The first sentence is renewed each second: nobody could mark it for as long as it takes to copy it."""
    seen.go("/en/")
    seen.page.wait_for_selector(".link[data-state=connected]")
    seen.page.evaluate("getSelection().selectAllChildren(document.querySelector('.headline'))")
    marked = seen.page.evaluate("getSelection().toString()")  # but for the age, which is counted on
    assert "62 µg/m³" in marked
    now_ms = served.city.now_ms()
    minutes = [now_ms - minute * 60_000 for minute in reversed(range(60))]
    served.city.write("lp-0003", "air-1", "air_quality", minutes, {"pm25_raw_ugm3": [321.0] * 60})
    served.city.feed.publish({"node": "lp-0003"})
    seen.page.wait_for_selector("#lp-0003 .number:text('321')")
    assert seen.page.evaluate("getSelection().toString()").partition("Updated")[0] == marked.partition("Updated")[0]
    seen.page.evaluate("getSelection().removeAllRanges()")
    seen.page.wait_for_selector(".headline:has-text('321')")


def test_ages_are_counted_from_when_the_page_was_made_however_old_the_data_is(browser: Any, tmp_path: Path) -> None:
    city = City(tmp_path)
    city.stations = [replace(one, last_ms=None) for one in city.stations]
    long_ago_ms = city.started_ms - 25 * 60_000 - 30_000
    city.write("lp-0001", "air-1", "air_quality", [long_ago_ms], {"pm25_ugm3": [33.0]})
    served = Served(city)
    seen = Seen(browser.new_page(), served)
    seen.go("/en/")
    seen.page.evaluate("tellAges()")
    assert "25 min ago" in seen.page.inner_text(".headline")
    seen.page.close()
    served.server.stop()
    city.close()


def test_a_page_that_the_browser_had_kept_over_night_is_as_old_as_it_is(browser: Any, tmp_path: Path) -> None:
    city = City(tmp_path)
    city.fill_an_hour()
    served = Served(city)
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(served.url("/en/"))
    page.wait_for_selector(".link[data-state=connected]")
    page.goto("about:blank")
    served.server.stop()  # and the phone has no network
    page.add_init_script("const now = Date.now.bind(Date); Date.now = () => now() + 8 * 3600e3")
    page.go_back()
    page.wait_for_selector("#lp-0001 time:text('8 h ago')")
    page.wait_for_selector(".link[data-state=disconnected]")
    assert page.evaluate("document.querySelector('.link').getBoundingClientRect().bottom") == 740, "in sight"
    context.close()
    city.close()


def test_a_page_that_was_told_to_come_later_comes_again(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser gives up for good upon a 503, or the 502 of a proxy whose collector is being started anew."""
    monkeypatch.setattr(live, "READERS_MAX", 0)
    seen.page.clock.install()
    seen.go("/en/")
    seen.page.wait_for_selector(".link[data-state=disconnected]")
    monkeypatch.setattr(live, "READERS_MAX", 1)
    seen.page.clock.fast_forward(15_000)
    seen.page.wait_for_selector(".link[data-state=connected]")


def test_a_page_that_one_comes_back_to_goes_on_moving(seen: Seen, served: Served) -> None:
    seen.go("/en/")
    seen.page.wait_for_selector(".link[data-state=connected]")
    restored = (
        "for (const name of ['pagehide', 'pageshow']) dispatchEvent(new PageTransitionEvent(name, {persisted: true}))"
    )
    with seen.page.expect_response("**/events?*"):  # as browsers do that keep a page they leave; it listens again then
        seen.page.evaluate(restored)
    served.city.write("lp-0003", "air-1", "air_quality", [served.city.now_ms()], {"pm25_raw_ugm3": [321.0]})
    served.city.feed.publish({"node": "lp-0003"})
    seen.page.wait_for_selector("#lp-0003 .number:text('321')")


def test_a_page_whose_collector_hangs_says_so_and_comes_back(seen: Seen, served: Served) -> None:
    """Stopped, or behind a line that was cut without a word: the page went on saying that it updates by itself."""
    seen.page.clock.install()
    seen.go("/en/")
    seen.page.wait_for_selector(".link[data-state=connected]")
    goes_on, loop = threading.Event(), served.app.state.live._loop
    loop.call_soon_threadsafe(goes_on.wait, 20)
    seen.page.clock.fast_forward(50_000)
    said = seen.page.get_attribute(".link", "data-state")
    goes_on.set()
    assert said == "disconnected"
    seen.page.wait_for_selector(".link[data-state=connected]")


def test_a_page_that_nobody_sees_leaves_its_connection_to_others_and_catches_up(seen: Seen, served: Served) -> None:
    """A browser has six for one address: the seventh page of a city did not open."""
    seen.page.add_init_script("Object.defineProperty(document, 'hidden', { get: () => window.unseen })")
    seen.go("/en/")
    seen.page.wait_for_selector(".link[data-state=connected]")
    readers = served.app.state.live.readers
    turn = "away => { window.unseen = away; document.dispatchEvent(new Event('visibilitychange')) }"
    seen.page.evaluate(turn, True)
    wait_for("the page to let go", lambda: not readers)
    served.city.alerts, none = [], "No alerts at the moment"
    wait_for("a page of now", lambda: none in served.get("/en/").text)
    seen.page.evaluate(turn, False)
    seen.page.wait_for_selector(f"text={none}")
    wait_for("the page to listen again", lambda: len(readers) == 1)


@pytest.mark.parametrize("path", ["/en/", "/en/ops"])
def test_a_screen_reader_hears_of_an_alert_once_and_of_no_ages(seen: Seen, served: Served, path: str) -> None:
    seen.enter()
    seen.go(path)
    seen.page.wait_for_selector(".link[data-state=connected]")
    seen.page.evaluate(
        """() => {
          window.said = [];
          const heard = new MutationObserver(([change]) => said.push(change.target.textContent.trim()));
          const parts = {childList: true, subtree: true, characterData: true};
          for (const one of document.querySelectorAll('[role=status], [role=alert], [aria-live]'))
            heard.observe(one, parts);
        }"""
    )
    first = served.city.alerts[0]
    for number in (1, 2):
        more = replace(first, fingerprint="f9", node="lp-0003", since_ms=first.since_ms + 1000, value=120.0 + number)
        served.city.alerts = [first, more]
        served.city.feed.publish({"type": "alert", "fingerprint": "f9"})
        seen.page.wait_for_selector(f".alert >> text={120 + number}")
    seen.page.evaluate("document.querySelectorAll('time[data-ms]').forEach(one => one.dataset.ms -= 60000), tellAges()")
    assert seen.page.evaluate("said") == ["Alerts firing: 2; PM2.5 hourly mean too high, Chaoyang Gate"]


def test_without_javascript_everything_is_there(browser: Any, standing: Served) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(standing.url("/en/"))
    assert page.is_visible("#lp-0001 svg.chart .line")
    page.click("#lp-0001 summary")
    assert page.is_visible("#lp-0001 table")
    assert page.is_visible("svg.map:visible")
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.is_visible("#lp-0001")
    assert page.is_visible("svg.map:visible")
    context.close()


def test_a_printed_city_has_its_map_and_nothing_to_press(seen: Seen) -> None:
    """A sheet was taken for a phone: buttons in the map's place."""
    seen.page.set_viewport_size({"width": 718, "height": 1000})  # A4, as browsers reckon it
    seen.go("/en/")
    assert seen.page.is_visible(".tabs")
    assert not seen.page.is_visible(".mapped")
    seen.page.emulate_media(media="print")
    assert not seen.page.is_visible(".tabs")
    assert seen.page.is_visible(".map.wide")


def test_what_a_dark_screen_prints_is_printed_as_by_day(browser: Any, served: Served) -> None:
    """An alert was pale red on white paper, and the second sensor's line pale orange."""
    context = browser.new_context(java_script_enabled=False)  # nothing moves meanwhile
    page = context.new_page()
    page.goto(served.url("/en/station/lp-0001"))
    colours = "one => Object.values(getComputedStyle(one)).filter(said => said.startsWith?.('rgb')).join()"
    looks: list[str] = []
    for scheme in ("light", "dark"):
        page.emulate_media(media="print", color_scheme=scheme)
        looks.append(page.eval_on_selector_all("body *", f"all => all.map({colours}).join()"))
    context.close()
    assert looks[0] == looks[1]


def test_a_report_that_is_read_on_a_phone_is_no_wider(browser: Any) -> None:
    """It is sent by mail; the table of its indices stood out of the screen, and everything moved with it."""
    index = Index(T0, "EEA EAQI", "2024", 4, "Poor", "NO2,PM10,PM2.5", 4)
    station = StationReport("lp-1", 0.5, {"pm25_ugm3": [Hours("air-1", [(T0, 12.0)])]}, indices=[index])
    words = Words("en", "Asia/Shanghai", lambda: T0)
    html = render([station], (T0, T0 + DAY_MS), words, lambda _: None, "City", {})
    page = browser.new_page(viewport={"width": 320, "height": 740})
    page.set_content(html)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.close()


def test_who_has_colours_of_their_own_sees_which_span_is_shown_and_the_level_of_each_day(
    browser: Any, aged: Served
) -> None:
    """High contrast takes every background away: the span that is shown looked like the others."""
    context = browser.new_context(forced_colors="active")
    page = context.new_page()
    page.goto(aged.url("/en/station/lp-0001?span=year"))
    grounds = "one => getComputedStyle(one).backgroundColor"
    shown = page.eval_on_selector(".spans a[aria-current]", grounds)
    assert shown != page.eval_on_selector(".spans a:not([aria-current])", grounds)
    assert page.eval_on_selector(".day.level-1", grounds) == "rgb(0, 228, 0)"
    context.close()


@pytest.mark.parametrize("path", ["/station/lp-0001?span=year", "/en/data"])
def test_nothing_is_cut_from_a_printed_page(browser: Any, aged: Served, path: str) -> None:
    """The calendar ended with the 29th of each month, and a command in its middle: nobody scrolls on paper."""
    page = browser.new_page(viewport={"width": 703, "height": 1000})  # A4 with a margin of 12 mm
    page.emulate_media(media="print")
    page.goto(aged.url(path))
    cut = "[...document.querySelectorAll('main *')].filter(one => one.getBoundingClientRect().right > innerWidth)"
    assert page.evaluate(f"{cut}.map(one => one.outerHTML.slice(0, 80))") == []
    boxes = "[...document.querySelectorAll('.scroll, .tables, pre')]"
    assert page.evaluate(f"{boxes}.every(one => getComputedStyle(one).maxHeight === 'none')")
    page.close()


@pytest.mark.parametrize(
    ("path", "scheme"), [("/", "dark"), ("/en/?colours=safe", "dark"), ("/?colours=safe", "light")]
)
def test_other_colours_have_no_violation_either(browser: Any, standing: Served, path: str, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme)
    Seen(context.new_page(), standing).look_at(path)
    context.close()


def test_the_keyboard_goes_past_a_map_of_many_stations_in_one_step(browser: Any, standing: Served) -> None:
    """Of 300 markers each was a step on the way to the alerts and the list."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(standing.url("/en/"))
    page.focus("text=Skip the map")
    assert page.locator("text=Skip the map").bounding_box()["x"] >= 0, "in sight, while it has the focus"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.alerted') !== null")
    page.close()


def test_a_phone_shows_the_list_or_the_map(browser: Any, standing: Served) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(standing.url("/en/"))
    assert page.is_visible("#lp-0001")
    assert not page.is_visible("svg.map:visible")
    page.click("button:text('Map')")
    assert page.is_visible("svg.map:visible")
    assert not page.is_visible("#lp-0001")
    context.close()


def test_a_phone_s_page_does_not_jump_when_its_script_comes(browser: Any, standing: Served) -> None:
    """On a slow line it comes seconds later: the map stood there by then, and what one read went up by its height."""
    tops = []
    for script in ("", None):
        context = browser.new_context(viewport={"width": 360, "height": 740})
        if script is not None:
            context.route("**/page.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
        page = context.new_page()
        page.goto(standing.url("/en/"))
        tops.append(page.eval_on_selector(".listed", "one => one.getBoundingClientRect().top"))
        context.close()
    assert tops[0] == tops[1]


def test_the_wall_moves_by_itself(seen: Seen, served: Served) -> None:
    seen.go("/wall")
    seen.page.wait_for_selector(".link[data-state=connected]")
    served.city.write("lp-0003", "air-1", "air_quality", [served.city.now_ms()], {"pm25_raw_ugm3": [321.0]})
    served.city.feed.publish({"node": "lp-0003"})
    seen.page.wait_for_selector(".tile .number:text('321')")
