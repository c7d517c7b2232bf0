"""The report: the same figures in the terminal, as JSON and on a page that needs nothing beside it."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from collector.report.summary import summarise
from collector.report.text import sparkline
from collector.stores.sqlite import Sqlite
from collector.stores.store import Stored, Table
from lamppost import _build
from tests.closes import Closes

HOUR_MS = 3_600_000
T0 = 1_772_294_400_000  # 2026-03-01 00:00 in Shanghai
WEEK = 7 * 24


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    store = Sqlite(folder / "readings.db")
    assert store.prepare() == Stored()
    for table in week("lp-0001"):
        assert store.write(store.render(table)) == Stored()
    store.close()
    file = folder / "collector.yaml"
    station = {"node": "lp-0001", "zh": "建国路东口", "en": "Jianguo Rd East"}
    file.write_text(
        yaml.safe_dump({"store": {"kind": "sqlite", "path": str(folder / "readings.db")}, "stations": [station]})
    )
    return file


def week(node: str) -> list[Table]:
    """A week: a daily wave of particles, nights with hardly a vehicle, an index a day, one alert."""
    hours = [T0 + n * HOUR_MS for n in range(WEEK)]
    pm25 = [60 + 40 * math.sin(n / 24 * 2 * math.pi) for n in range(WEEK)]
    counts = [max(0, round(300 * math.sin((n % 24 - 5) / 19 * math.pi))) for n in range(WEEK)]
    air = {"pm25_ugm3_mean": pm25, "pm10_ugm3_mean": [1.5 * v for v in pm25], "completeness": [0.5] * WEEK}
    place = {"node": node, "site": "jianguo"}
    index = place | {"sensor": "air-1", "standard": "HJ 633", "edition": "2026", "period": "1d"}
    days: dict[str, list[Any]] = {"value": [None, 80], "category": ["NA", "良"], "primary": ["-", "PM2.5"]}
    alert: dict[str, list[Any]] = {
        "node": [node],
        "state": ["firing"],
        "value": [99.0],
        "threshold": [75.0],
        "late": [0],
    }
    of = {"rule": "pm25-hourly-high", "severity": "major", "site": "jianguo"}
    return [
        table("air_quality_1h", place | {"sensor": "air-1"}, hours, air),
        table("traffic_flow_1h", place | {"sensor": "radar-1", "lane": "1", "direction": "in"}, hours,
              {"count_sum": counts, "speed_tms_kmh_mean": [40.0] * WEEK}, "count_sum"),
        table("air_index", index, hours[:48:24], days, "value"),
        table("alerts", of, [hours[7]], alert, "late"),
    ]  # fmt: skip


def table(name: str, tags: dict[str, str], times: list[int], columns: dict[str, Any], *whole: str) -> Table:
    return Table(name, tuple(sorted(tags.items())), times, columns, frozenset(whole))


def run(settings: Path, *words: str) -> str:
    done = CliRunner().invoke(_build("report"), ["report", *words, "--config", str(settings)])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_terminal_shows_it_in_sixty_columns(settings: Path) -> None:
    text = run(settings, "week", "--date", "2026-03-07")
    assert "lp-0001  50% complete" in text
    assert "1 alerts: pm25-hourly-high" in text
    assert "HJ 633 2026: NA NA" in text
    assert max(map(len, text.splitlines())) <= 72
    assert re.search(r"PM2\.5 +60\.0  [▁-█]{28}  max 100", text)


def test_hours_of_few_vehicles_are_masked(settings: Path) -> None:
    (said,) = json.loads(run(settings, "day", "--date", "2026-03-01", "--json"))
    counts = [count for _, count in said["vehicles"]]
    assert len(counts) == 24
    assert None in counts
    assert min(count for count in counts if count is not None) >= 5
    assert {count % 10 for count in counts if count is not None} == {0}, (
        "beside windows an exact hour gives hidden ones away"
    )


def test_the_page_needs_nothing_beside_it_and_is_the_same_twice(settings: Path, tmp_path: Path) -> None:
    for language, name in (("zh", "建国路东口"), ("en", "Jianguo Rd East")):
        pages = [tmp_path / f"{language}-{n}.html" for n in range(2)]
        for page in pages:
            run(settings, "week", "--date", "2026-03-07", "--lang", language, "-o", str(page))
        html = pages[0].read_text()
        assert html == pages[1].read_text()
        assert name in html
        assert not re.search(r"<script|https?://|src=|<link|@import|url\((?!#)", html)


def test_a_day_without_data_says_so(settings: Path) -> None:
    assert "nothing was measured" in run(settings, "day", "lp-0001", "--date", "2026-02-01")


def test_a_sparkline_shows_zero_and_leaves_holes_open() -> None:
    hours = [(n * HOUR_MS, float(n)) for n in (0, 1, 3)]
    assert sparkline(hours, 0, 4 * HOUR_MS) == "▁▃ █"
    assert sparkline([(0, 0.0)], 0, HOUR_MS) == "▁"


def test_summaries_of_stations_without_anything_are_empty(tmp_path: Path, closes: Closes) -> None:
    store = closes(Sqlite(tmp_path / "empty.db"))
    assert store.prepare() == Stored()
    (report,) = summarise(store, ["lp-9"], T0, T0 + HOUR_MS)
    assert (report.air, report.vehicles, report.share) == ({}, [], None)
