"""Concentrations and indices of the open API: from roll-ups and stored indices, by what the station reports."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from collector.numbers.reporting import Reporting
from collector.numbers.windows import day_of
from collector.stations.station_query import concentrations
from collector.stores.store import Table
from tests.web.city import City
from tests.web.served import Served
from wire.times import DAY_MS, HOUR_MS, MINUTE_MS

ROOT = "/api/v1"
MIDNIGHT_MS = 1_772_294_400_000  # 2026-03-01T00:00+08:00
NOW_MS = MIDNIGHT_MS + 2 * DAY_MS + 5 * HOUR_MS


@pytest.fixture(scope="module")
def reporting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two days of minutes at two stations, one of which reports as the US do too."""
    city = City(tmp_path_factory.mktemp("reporting"), NOW_MS)
    city.reports["lp-0002"] = Reporting(ZoneInfo("Asia/Shanghai"), ("us", "china"))
    times = list(range(MIDNIGHT_MS, MIDNIGHT_MS + 2 * DAY_MS, MINUTE_MS))
    for node in ("lp-0001", "lp-0002"):
        pm25 = [80.0 if time_ms < MIDNIGHT_MS + DAY_MS else 40.0 for time_ms in times]
        gone = [
            None if MIDNIGHT_MS + 90 * MINUTE_MS <= t < MIDNIGHT_MS + 2 * HOUR_MS else v
            for t, v in zip(times, pm25, strict=True)
        ]
        city.write(node, "air-1", "air_quality", times, {"pm25_ugm3": gone, "pm10_ugm3": [120.0] * len(times)})
    city.roll_up()
    served = Served(city)
    yield served
    served.server.stop()
    city.close()


def rows(served: Served, path: str) -> list[dict[str, Any]]:
    answer = served.get(f"{ROOT}/{path}")
    assert answer.status == 200, answer.text
    found: list[dict[str, Any]] = json.loads(answer.text)["rows"]
    return found


def at(text: str) -> str:
    return quote(text, safe="")


FROM = f"from={at('2026-03-01T00:00:00+08:00')}"


def test_a_concentration_has_unit_extremes_completeness_and_flags(reporting: Served) -> None:
    found = rows(reporting, f"concentrations?node=lp-0001&quantity=pm25_ugm3&{FROM}&limit=3")
    assert [row["mean"] for row in found] == [80.0] * 3
    assert [(row["n"], row["completeness"]) for row in found] == [(60, 1.0), (30, 0.5), (60, 1.0)], (
        "its own, beside PM10"
    )
    assert found[0] == {
        "time": "2026-03-01T00:00:00+08:00",
        "node": "lp-0001",
        "sensor": "air-1",
        "quantity": "pm25_ugm3",
        "mean": 80.0,
        "low": 80.0,
        "high": 80.0,
        "unit": "µg/m³",
        "n": 60,
        "completeness": 1.0,
        "qc": None,
        "flags": "",
    }
    days = rows(reporting, f"concentrations?node=lp-0001&every=1d&quantity=pm25_ugm3&{FROM}")
    assert [(row["time"][:10], row["mean"], row["n"], row["completeness"]) for row in days] == [
        ("2026-03-01", 80.0, 23, 0.958),
        ("2026-03-02", 40.0, 24, 1.0),
    ]


def test_a_day_of_23_hours_is_whole_with_23(tmp_path: Path) -> None:
    city, zone = City(tmp_path, NOW_MS), ZoneInfo("America/New_York")
    start_ms, _ = day_of(NOW_MS + 6 * DAY_MS, zone)
    assert datetime.fromtimestamp(start_ms / 1000, zone).isoformat() == "2026-03-08T00:00:00-05:00"
    tags = (("node", "lp-0001"), ("sensor", "air-1"), ("site", "s"))
    fields: dict[str, list[Any]] = {
        "pm25_ugm3_mean": [9.0],
        "pm25_ugm3_n": [23],
        "no2_ugm3_mean": [9.0],
        "no2_ugm3_n": [5],
    }
    city.store.write(city.store.render(Table("air_quality_1d", tags, [start_ms], fields)))
    found = concentrations(city.store, "lp-0001", zone, "1d", start_ms, start_ms + DAY_MS)
    assert [(row.quantity, row.completeness) for row in found] == [("pm25_ugm3", 1.0), ("no2_ugm3", 0.217391)]
    city.close()


def test_an_hour_that_jumps_is_told_with_its_doubt(reporting: Served) -> None:
    found = rows(reporting, f"concentrations?node=lp-0001&quantity=pm25_ugm3,pm10_ugm3&{FROM}&limit=48")
    assert {row["quantity"] for row in found} == {"pm25_ugm3", "pm10_ugm3"}
    assert {row["flags"] for row in found if row["quantity"] == "pm10_ugm3"} >= {"flat?"}


def test_an_index_names_standard_and_edition_and_its_parts(reporting: Served) -> None:
    day = rows(reporting, f"indices?node=lp-0001&period=1d&{FROM}&limit=1")
    assert day == [
        {
            "time": "2026-03-01T00:00:00+08:00",
            "node": "lp-0001",
            "sensor": "air-1",
            "standard": "HJ 633",
            "edition": "2026",
            "period": "1d",
            "value": 119,
            "level": 3,
            "category": "轻度污染",
            "primary": "PM2.5",
            "completeness": 0.958,
            "pm25_index": 119,
            "pm10_index": 100,
            "no2_index": None,
            "o3_index": None,
            "so2_index": None,
            "co_index": None,
        }
    ]


def test_a_station_gives_what_it_reports_unless_asked_otherwise(reporting: Served) -> None:
    whole = f"indices?node=lp-0002&{FROM}&limit=30"
    assert {row["standard"] for row in rows(reporting, whole)} == {"US EPA AQI", "HJ 633"}
    assert {row["standard"] for row in rows(reporting, whole + "&standard=us")} == {"US EPA AQI"}
    assert rows(reporting, whole + "&standard=uk") == []
    assert {row["standard"] for row in rows(reporting, f"indices?node=lp-0001&{FROM}&standard=all")} == {"HJ 633"}
    stations = json.loads(reporting.get(f"{ROOT}/stations").text)["stations"]
    assert [(station["standards"], station["gas_state"]) for station in stations[:2]] == [
        (["china"], "25C"),
        (["us", "china"], "25C"),
    ]


@pytest.mark.parametrize("path", ["concentrations?quantity=pm25_ugm3", "indices?standard=china", "readings?every=1h"])
def test_pages_of_windows_join_without_gap_or_double(reporting: Served, path: str) -> None:
    question = (
        f"{path}&node=lp-0001&from={at('2026-02-28T23:59:59.250+08:00')}&to={at('2026-03-02T00:00:00.750+08:00')}"
    )
    joined, following = [], f"{ROOT}/{question}&limit=7"
    while following:
        page = json.loads(reporting.get(following).text)
        joined += page["rows"]
        following = page["next"]
    assert [row["time"] for row in joined] == sorted({row["time"] for row in joined})
    assert joined == rows(reporting, f"{question}&limit=900")
    assert len(joined) == 25


@pytest.mark.parametrize("path", ["concentrations", "indices"])
def test_csv_has_the_same_columns_as_json(reporting: Served, path: str) -> None:
    text = reporting.get(f"{ROOT}/{path}?node=lp-0001&{FROM}&format=csv&limit=2").text
    found = list(csv.DictReader(text.splitlines()[1:]))
    assert list(found[0]) == list(rows(reporting, f"{path}?node=lp-0001&{FROM}&limit=2")[0])


@pytest.mark.parametrize(
    "question",
    ["quantity=pm25", "quantity=pm25_ugm3,pm25_ugm3", "every=15m", "standard=mars", "period=1m"],
)
def test_what_is_not_there_is_refused(reporting: Served, question: str) -> None:
    path = "indices" if question.startswith(("standard", "period")) else "concentrations"
    answer = reporting.get(f"{ROOT}/{path}?node=lp-0001&{question}")
    assert (answer.status, json.loads(answer.text)["error"]["reason"]) == (400, "bad-value")


@pytest.mark.parametrize(
    ("path", "words"),
    [("", ("对敏感人群不健康", "中等")), ("/en", ("unhealthy for sensitive groups", "moderate"))],
)
def test_a_page_says_stored_indices_in_its_own_language(tmp_path: Path, path: str, words: tuple[str, ...]) -> None:
    """An hour whose PM10 is missing is NA under HJ 633, with the sub-index that there is."""
    city = City(tmp_path, NOW_MS)
    city.reports["lp-0001"] = Reporting(ZoneInfo("Asia/Shanghai"), ("us", "eu", "china"))
    hour_ms = NOW_MS - 2 * HOUR_MS
    times = list(range(hour_ms - 2 * HOUR_MS, hour_ms + HOUR_MS, MINUTE_MS))
    pm10 = [60.0 if time_ms < hour_ms else None for time_ms in times]
    city.write("lp-0001", "air-1", "air_quality", times, {"pm25_ugm3": [40.0] * len(times), "pm10_ugm3": pm10})
    city.roll_up()
    served = Served(city)
    told = served.get(f"{path}/station/lp-0001").text.partition('class="indices"')[2].partition("</ul>")[0]
    served.server.stop()
    city.close()
    assert all(f"</b> {word} (PM2.5)" in told for word in words)
    assert "NA" in told
    assert "PM2.5 60" in told
    assert "PM25" not in told
