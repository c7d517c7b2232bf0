"""Dust comes over the city: one rule fires at forty stations, and the pages still show the stations."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from collector.web.alert_lists import ALERTS_FIRST, DESK_ALERTS_MAX, entries
from collector.web.site import AlertView, Station
from collector.web.views import ROUND_S
from tests.servers import wait_for
from tests.web.operator import Operator
from tests.web.seen import Seen
from tests.web.served import Served

STATIONS = [Station(f"lp-1{n:03d}", f"s-{n}", f"站{n}", f"Stop {n}") for n in range(40)]


def too_high(first: AlertView, number: int) -> AlertView:
    """The same rule at another station, its value behind its words."""
    value = 84.0 + number
    words: dict[str, Any] = {"text_zh": "颗粒物: 过高", "text_en": "PM2.5 (8:00-20:00): too high"}
    words |= {"detail_zh": f"：{value:.0f}", "detail_en": f": {value:.0f}"}
    return replace(first, fingerprint=f"h{number}", node=STATIONS[number].node, value=value, **words)


@pytest.fixture
def storm(served: Served) -> Served:
    """Forty stations above one level, and five other rules at the first station."""
    first = served.city.alerts[0]
    others = [
        replace(first, fingerprint=f"o{n}", rule=f"o{n}", text_zh=f"其他 {n}", text_en=f"Other {n}") for n in range(5)
    ]
    served.city.stations += STATIONS
    served.city.alerts = [*(too_high(first, number) for number in range(40)), *others]
    return served


def wall_that_says(served: Served, words: str) -> str:
    """The wall once it says so: stations that were added after a round are looked at in the next."""
    pages: list[str] = []

    def says() -> bool:
        pages.append(served.get("/en/wall").text)
        return words in pages[-1]

    wait_for(f"the wall to say {words}", says, 2 * ROUND_S)
    return pages[-1]


def test_a_rule_at_many_stations_is_one_entry_with_the_highest_first(storm: Served) -> None:
    found = entries(storm.city.alerts)
    assert [len(some) for some in found] == [40, 1, 1, 1, 1, 1]
    assert found[0][0][0].value == 123.0
    page = storm.get("/en/").text
    assert "<b>PM2.5 (8:00-20:00): too high</b> · 40 stations" in page
    assert "84–123 µg/m³ (limit 75)" in page
    assert f'<a href="/en/station/{STATIONS[39].node}">Stop 39</a>' in page  # without a script all of it is there
    assert "2 more" in page


def test_one_value_at_all_stations_is_told_once(storm: Served) -> None:
    storm.city.alerts = [replace(alert, value=90.0) for alert in storm.city.alerts[:3]]
    assert "began at 90 µg/m³ (limit 75)" in storm.get("/en/").text


def test_what_ended_tells_the_limit_of_its_end_as_such(storm: Served) -> None:
    """The same alert had a limit of 75 while it fired."""
    ended = [replace(alert, state="resolved", value=55.0, threshold=60.0) for alert in storm.city.alerts[:3]]
    storm.city.alerts = ended
    assert "55 µg/m³ (clears at 60)" in storm.get("/en/").text
    assert "55 µg/m³（解除阈值 60）" in storm.get("/").text
    desk = Operator(storm).get("/en/ops").text
    assert desk.count("55 µg/m³ (clears at 60)") == 3
    assert "Threshold 60" not in desk


def test_a_rule_at_two_stations_is_two_entries(storm: Served) -> None:
    assert [len(some) for some in entries(storm.city.alerts[:2])] == [1, 1]
    assert entries([]) == []


def test_what_the_words_of_an_alert_say_is_not_said_again_below_them(served: Served) -> None:
    detail = ": PM2.5 10s mean began at 91.4 µg/m³ (limit > 75)"
    served.city.alerts[0] = replace(served.city.alerts[0], text_en="PM2.5 too high", detail_en=detail)
    for page in (served.get("/en/").text, Operator(served).get("/en/ops").text):
        assert page.count("began at 91.4") == 1
    served.city.alerts[0] = replace(served.city.alerts[0], detail_en="")
    assert "began at 91.4 µg/m³ (limit 75)" in served.get("/en/station/lp-0001").text


def test_the_screen_on_the_wall_shows_the_stations_in_a_storm(storm: Served) -> None:
    page = wall_that_says(storm, "More stations: 31.")
    assert page.count('<li class="alert') == 3
    assert "3 more" in page
    assert "<details" not in page  # nobody can click there
    assert page.count('<article class="tile') == 12


def test_the_desk_lists_so_many_alerts_and_those_that_nobody_has_are_among_them(storm: Served) -> None:
    first = storm.city.alerts[0]
    storm.city.alerts += [
        replace(
            first, fingerprint=f"m{n}", rule=f"m{n}", severity="minor", acked_by="" if n > 950 else "wang", acked_ms=1
        )
        for n in range(1000)
    ]
    page = Operator(storm).get("/en/ops").text
    assert page.count('<li class="alert') == DESK_ALERTS_MAX
    assert 'id="alert-m999"' in page
    assert f"{1045 - DESK_ALERTS_MAX} more: <code>lamppost alerts list</code>" in page
    assert len(page) < 700_000


def test_what_nobody_has_stands_before_what_is_worse_and_somebody_has(storm: Served) -> None:
    worse = replace(storm.city.alerts[0], fingerprint="w", severity="critical", acked_by="wang", acked_ms=1)
    storm.city.alerts.append(worse)
    page = Operator(storm).get("/en/ops").text
    assert page.index('id="alert-o4"') < page.index('id="alert-w"')
    assert "Acknowledge all 40 <b>PM2.5 (8:00-20:00): too high</b> · major <code>" in page
    assert "<b>PM2.5 (8:00-20:00): too high: 123</b>" in page


@pytest.mark.real
@pytest.mark.usefixtures("storm")
def test_on_a_phone_the_map_is_where_its_button_says_and_the_list_is_short(seen: Seen) -> None:
    seen.page.set_viewport_size({"width": 360, "height": 740})
    seen.go("/")
    assert seen.page.locator(".alerts > .alert:visible").count() == ALERTS_FIRST
    seen.page.click("[data-show=map]")
    box = seen.page.locator(".mapped").bounding_box()
    assert box is not None
    assert box["y"] < 500


@pytest.mark.real
def test_what_a_reader_has_opened_stays_open_and_is_kept_current(storm: Served, seen: Seen) -> None:
    page = seen.page
    seen.go("/en/")
    page.wait_for_selector(".link[data-state=connected]")
    page.click("#at-pm25-hourly-high-firing summary")
    storm.city.alerts[39] = replace(storm.city.alerts[39], value=321.0)
    storm.city.feed.publish({"type": "alert", "fingerprint": "h39"})
    page.wait_for_selector("#at-pm25-hourly-high-firing[open] >> text=321")


def test_the_wall_says_how_many_stations_it_does_not_show(served: Served) -> None:
    first = served.city.stations[0]
    served.city.stations += [replace(first, node=f"lp-1{number:03}") for number in range(30)]
    assert wall_that_says(served, "More stations: 21.").count('class="tile ') == 12


def test_the_wall_shows_those_first_that_need_somebody(served: Served) -> None:
    first, alert = served.city.stations[0], served.city.alerts[0]
    served.city.stations += [replace(first, node=f"lp-1{number:03}") for number in range(30)]
    served.city.alerts = [
        replace(alert, fingerprint="g1", node="lp-1020", severity="minor"),
        replace(alert, fingerprint="g2", node="lp-1028", severity="minor"),
        replace(alert, fingerprint="g3", node="lp-1028", severity="critical"),
        replace(alert, fingerprint="g4", node="lp-1029", state="resolved"),
    ]
    served.city.write("lp-1028", "air-1", "air_quality", [served.city.now_ms()], {"pm25_raw_ugm3": [328.0]})
    served.city.write("lp-1020", "air-1", "air_quality", [served.city.now_ms()], {"pm25_raw_ugm3": [320.0]})

    def tiles() -> list[str]:
        for node in ("lp-1020", "lp-1028"):
            served.get(f"/en/station/{node}")  # from now on it is known how it is there
        return re.findall(r'<span class="number">(\d+)</span>', served.get("/en/wall").text)

    wait_for("those that need somebody to stand first", lambda: tiles()[:2] == ["328", "320"], 10)
