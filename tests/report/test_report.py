"""The report: the same figures in the terminal, as JSON and on a page that needs nothing beside it."""

from __future__ import annotations

import json
import math
import re
from contextlib import closing
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from typer.testing import CliRunner

from collector.files.statedb import open_state
from collector.numbers.calibration import Calibrations, Record
from collector.report.page import TABLED_MAX, render
from collector.report.summary import Hours, StationReport, summarise
from collector.report.text import lines, sparkline
from collector.stores.sqlite import Sqlite
from collector.stores.store import Stored, Table
from collector.web.desk.file import DeskFile
from collector.web.desk.reports import Reports
from collector.web.words import Words
from lamppost import _build
from tests.rules.high import PM25_HIGH
from tests.stored import put
from wire.exits import Failure
from wire.times import HOUR_MS

T0 = 1_772_294_400_000  # 2026-03-01 00:00 in Shanghai
WEEK = 7 * 24
ENGLISH = Words("en", "Asia/Shanghai", lambda: T0)
PM25: dict[str, Any] = {
    "alert": "pm25-hourly-high",
    "kind": "air_quality",
    "window": {"mean": "pm25_ugm3", "over": "1h"},
    "raise": "> 75",
    "clear": "< 60",
    "text": {"zh": "PM2.5 小时均值过高", "en": "PM2.5 hourly mean too high"},
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    store = Sqlite(folder / "readings.db")
    assert store.prepare() == Stored()
    put(store, *week("lp-0001"))
    store.close()
    file = folder / "collector.yaml"
    station = {"node": "lp-0001", "zh": "建国路东口", "en": "Jianguo Rd East"}
    rules = folder / "rules.yaml"
    rules.write_text(yaml.safe_dump([PM25], allow_unicode=True))
    kept = {"kind": "sqlite", "path": str(folder / "readings.db")}
    file.write_text(yaml.safe_dump({"store": kept, "stations": [station], "rules": [str(rules)]}))
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
    days["level"] = [None, 2]
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
        table("air_index", index, hours[:48:24], days, "value", "level"),
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
    assert "1 alert: pm25-hourly-high" in text
    assert "HJ 633 2026: NA\n" in text
    assert "HJ 633 2026: 80 moderate\n" in text, "a terminal speaks English"
    assert text.splitlines()[0] == "2026-03-01 to 2026-03-07, Asia/Shanghai"
    assert "PM2.5" in text.splitlines()[1].partition(" in µg/m³")[0], "a number has a unit"
    assert re.search(r"PM2\.5 +60\.0  [▁-█]{21}  max 100 \d\d\. \d\d:00\n", text)
    assert max(map(len, text.splitlines())) <= 60


def test_a_report_tells_of_all_that_is_measured_and_of_which_sensor(store: Sqlite) -> None:
    """A station of CO2 and noise was complete, and nothing was measured there; of two PM2.5 nobody said whose."""
    means = {
        "air-1": {"co2_ppm_mean": [1000.0, 1200.0], "noise_db_mean": [80.0, 60.0]},
        "air-2": {"pm25_ugm3_mean": [7.0, 7.0]},
        "air-3": {"pm25_ugm3_mean": [9.0, 9.0]},
    }
    for sensor, columns in means.items():
        tags = {"node": "lp-1", "site": "s", "sensor": sensor}
        put(store, table("air_quality_1h", tags, [T0, T0 + HOUR_MS], columns))
    span = T0, T0 + 168 * HOUR_MS
    told = list(lines(summarise(store, ["lp-1"], *span), *span, ZoneInfo("Asia/Shanghai")))
    assert told[1:4] == ["PM2.5 in µg/m³", "CO2 in ppm", "NOISE in dB"]
    assert [line.split()[:2] for line in told[5:]] == [
        ["PM2.5", "air-2"], ["7.0", "█"], ["PM2.5", "air-3"], ["9.0", "█"], ["CO2", "1100.0"], ["NOISE", "77.0"],
    ]  # fmt: skip
    assert max(map(len, told)) <= 60


def test_nitrogen_dioxide_is_not_called_nitrogen() -> None:
    station = StationReport("lp-1", air={"no2_ugm3": [Hours("air-1", [(T0, 32.0)])]})
    _, units, _, told = lines([station], T0, T0 + 24 * HOUR_MS, ZoneInfo("Asia/Shanghai"))
    assert (units, told.split()[:2]) == ("NO2 in µg/m³", ["NO2", "32.0"])


def test_hours_of_few_vehicles_are_masked(settings: Path) -> None:
    (said,) = json.loads(run(settings, "day", "--date", "2026-03-01", "--json"))
    counts = [count for _, count in said["vehicles"]]
    assert len(counts) == 24
    assert None in counts
    assert min(count for count in counts if count is not None) >= 5
    assert {count % 10 for count in counts if count is not None} == {0}, (
        "beside windows an exact hour gives hidden ones away"
    )


def test_a_mean_is_of_valid_hours_and_what_is_missing_is_not_complete(store: Sqlite) -> None:
    """GB 3095-2026 Table 4: an hour is valid from 45 minutes on. `air-2` tells less often, and is told all the same."""
    hours = [T0 + n * HOUR_MS for n in range(12)]
    tags = {"node": "lp-1", "site": "s"}
    means, minutes = [500.0] + [20.0] * 11, [44] + [45] * 11
    for sensor, n in (("air-1", minutes), ("air-2", [24] * 12)):
        columns = {"pm25_ugm3_mean": means, "pm25_ugm3_n": n, "completeness": [value / 60 for value in n]}
        told = table("air_quality_1h", tags | {"sensor": sensor}, hours, columns, "pm25_ugm3_n")
        put(store, told)
    (report,) = summarise(store, ["lp-1"], T0, T0 + 24 * HOUR_MS)
    first, second = report.air["pm25_ugm3"]
    assert (first.mean, first.highest) == (20.0, (hours[1], 20.0))
    assert (second.mean, second.highest) == (60.0, (hours[0], 500.0))
    assert report.share == pytest.approx((44 + 11 * 45) / 60 / 24)


def test_lanes_add_up_and_their_speeds_weigh_as_many_as_had_one(store: Sqlite) -> None:
    """Hour 0: 100 vehicles at 40 km/h beside 60 at 61: (100·40 + 60·61) / 160 = 47.875. A lidar tells no speeds."""
    hours = [T0 + n * HOUR_MS for n in range(3)]
    lanes = {
        ("1", 1): ([3, 2], [50.0, 50.0], [3, 2]),  # hours 1 and 2
        ("2", 0): ([120, 2, 2], [40.0, 60.0, None], [100, 1, None]),
        ("3", 0): ([81], [61.0], [60]),
        ("4", 0): ([40], [None], [None]),
    }
    for (lane, first), (counts, speeds, timed) in lanes.items():
        tags = {"node": "lp-1", "site": "s", "sensor": "radar-1", "direction": "in", "lane": lane}
        columns = {"count_sum": counts, "speed_tms_kmh_mean": speeds, "speed_tms_kmh_n": timed}
        told = table(
            "traffic_flow_1h", tags, hours[first : first + len(counts)], columns, "count_sum", "speed_tms_kmh_n"
        )
        put(store, told)
    (report,) = summarise(store, ["lp-1"], T0, T0 + 24 * HOUR_MS)
    assert report.vehicles == [(hours[0], 240), (hours[1], 10), (hours[2], None)]
    assert report.vehicles_total == 250
    assert report.speed == [(hours[0], 48)]


def test_an_hour_that_was_watched_in_part_is_told_as_on_the_page_of_the_station(store: Sqlite) -> None:
    """A radar off for forty minutes of the rush hour was a street that became empty, and nobody said it was off."""
    tags = {"node": "lp-1", "site": "s", "sensor": "radar-1", "direction": "in", "lane": "1"}
    columns = {"count_sum": [300, 100], "flow_vph_mean": [300.0, 300.0], "completeness": [1.0, 1 / 3]}
    hours = table("traffic_flow_1h", tags, [T0, T0 + HOUR_MS], columns, "count_sum")
    put(store, hours)
    (report,) = summarise(store, ["lp-1"], T0, T0 + 2 * HOUR_MS)
    assert report.vehicles == [(T0, 300), (T0 + HOUR_MS, 300)]
    assert report.vehicles_total == 400
    assert report.share == pytest.approx(2 / 3)
    assert report.percent == 66
    assert StationReport("lp-1", share=167 / 168).percent == 99, "with an hour missing it is not complete"


def test_the_hour_in_which_a_station_moved_is_one_hour(store: Sqlite) -> None:
    """It lies at both places: a street of 600 an hour had 1,200, and half of the hour was missing."""
    for site, count, share in (("old", 150, 0.25), ("new", 450, 0.75)):
        tags = {"node": "lp-1", "site": site, "sensor": "radar-1", "direction": "in", "lane": "1"}
        columns = {"count_sum": [count], "flow_vph_mean": [600.0], "completeness": [share]}
        put(store, table("traffic_flow_1h", tags, [T0], columns, "count_sum"))
    (report,) = summarise(store, ["lp-1"], T0, T0 + HOUR_MS)
    assert (report.vehicles, report.vehicles_total, report.percent) == ([(T0, 600)], 600, 100)
    for site, share in (("old", 0.25), ("new", 0.5)):
        tags = {"node": "lp-2", "site": site, "sensor": "air-1"}
        columns = {"pm25_ugm3_mean": [9.0], "completeness": [share]}
        put(store, table("air_quality_1h", tags, [T0], columns))
    (report,) = summarise(store, ["lp-2"], T0, T0 + HOUR_MS)
    assert report.percent == 75


@pytest.mark.parametrize("cleaner_first", [False, True])
def test_the_index_of_a_day_is_that_of_the_worst_sensor_and_zero_is_worse_than_none(
    cleaner_first: bool, store: Sqlite
) -> None:
    tags = {"node": "lp-1", "site": "s", "standard": "HJ 633", "edition": "2026", "period": "1d"}
    days = [([None, 0], ["NA", "优"], [None, 1]), ([0, 20], ["优", "优"], [1, 1])]
    for sensor, (values, words, levels) in zip(("air-1", "air-2"), days[::-1] if cleaner_first else days, strict=True):
        columns = {"value": values, "category": words, "primary": ["-", "-"], "level": levels}
        told = table("air_index", tags | {"sensor": sensor}, [T0, T0 + 24 * HOUR_MS], columns, "value", "level")
        put(store, told)
    (report,) = summarise(store, ["lp-1"], T0, T0 + 48 * HOUR_MS)
    assert [(index.value, index.category) for index in report.indices] == [(0, "优"), (20, "优")]


@pytest.mark.parametrize(
    ("edition", "pm25", "gas", "found"),
    [
        ("2026", 80, None, (None, "NA", "-")),
        ("2026", 105, None, (105, "轻度污染", "PM2.5")),
        ("2012", 80, None, (80, "良", "PM2.5")),
        ("2026", 80, 60, (80, "良", "PM2.5")),
        ("2026", 80, 80, (80, "良", "O3,PM2.5")),
    ],
)
def test_a_day_of_which_one_sensor_lacks_its_ozone_is_not_good_by_the_dust_of_another(
    store: Sqlite, edition: str, pm25: int, gas: int | None, found: tuple[int | None, str, str]
) -> None:
    """HJ 633-2026 5.3.1, as the station's page has it while the day lasts; in the calendar and here the day was 良."""
    tags = {"node": "lp-1", "site": "s", "standard": "HJ 633", "edition": edition, "period": "1d"}
    words = {None: "NA", 60: "良", 80: "良", 105: "轻度污染"}
    for sensor, quantity, part, name, value in (
        ("air-1", "pm25_ugm3_mean", "pm25_index", "PM2.5", pm25),
        ("gas-1", "o3_ugm3_mean", "o3_index", "O3", gas),
    ):
        columns: dict[str, list[Any]] = {"category": [words[value]], "primary": ["-" if value is None else name]}
        if value is not None:
            columns |= {"value": [value], part: [value], "level": [2]}
        put(store, table("air_index", tags | {"sensor": sensor}, [T0], columns, "value", part, "level"))
        own = {"node": "lp-1", "site": "s", "sensor": sensor}
        put(store, table("air_quality_1d", own, [T0], {quantity: [50.0]}))
    (report,) = summarise(store, ["lp-1"], T0, T0 + 24 * HOUR_MS)
    assert [(index.value, index.category, index.primary) for index in report.indices] == [found]


def test_the_page_needs_nothing_beside_it_and_is_the_same_twice(settings: Path, tmp_path: Path) -> None:
    for language, name in (("zh", "建国路东口"), ("en", "Jianguo Rd East")):
        pages = [tmp_path / f"{language}-{n}.html" for n in range(2)]
        for page in pages:
            run(settings, "week", "--date", "2026-03-07", "--lang", language, "-o", str(page))
        html = pages[0].read_text()
        assert html == pages[1].read_text()
        assert name in html
        assert all(f">03-{day:02d}<" in html for day in range(2, 8)), "midnights, by the city's clock"
        assert not re.search(r"<script|https?://|src=|<link|@import|url\((?!#)", html)


def test_a_month_is_the_calendar_s(settings: Path, tmp_path: Path) -> None:
    page = tmp_path / "month.html"
    text = run(settings, "month", "--date", "2026-03-08", "-o", str(page))
    assert "2026-03-01 – 2026-03-31" in page.read_text()
    assert re.findall(r">(03-\d\d)<", page.read_text())[:6] == ["03-06", "03-11", "03-16", "03-21", "03-26", "03-31"]
    text = run(settings, "month", "--date", "2026-03-31")
    assert text.splitlines()[0] == "2026-03-01 to 2026-03-31, Asia/Shanghai"
    assert "lp-0001  11% complete" in text, "half of one week in a month of 31 days"
    assert max(map(len, text.splitlines())) <= 60
    before = run(settings, "month").splitlines()[0]
    assert re.fullmatch(r"(\d{4}-\d\d)-01 to \1-(28|29|30|31), Asia/Shanghai", before)


def test_a_page_of_several_stations_begins_with_those_one_must_not_overlook() -> None:
    """A report of a thousand stations had to be read whole to find the one that was silent, or the worst."""
    few, more = ([Hours("air-1", [(T0, value)])] for value in (12.0, 80.0))
    two = [Hours("air-1", [(T0, 20.0)]), Hours("air-2", [(T0, 35.0)])]
    fired: list[dict[str, Any]] = [
        {"rule": "r", "severity": "major", "state": state, "value": 80.0, "time_ms": T0}
        for state in ("firing", "resolved")
    ]
    reports = [
        StationReport("lp-1", 1.0, {"pm25_ugm3": few}),
        StationReport("lp-2", 1.0, {"pm25_ugm3": more}, alerts=fired),
        StationReport("lp-3"),
        StationReport("lp-4", 0.5, {"pm25_ugm3": two}),
    ]
    html = render(reports, (T0, T0 + 24 * HOUR_MS), ENGLISH, lambda _: None, "City", {})
    overview = html.partition("<section")[0]
    assert re.findall(r'href="#([^"]*)"', overview) == ["lp-3", "lp-2", "lp-4", "lp-1"]
    rows = [re.sub(r"<[^>]*>", " ", row).split() for row in overview.split("<tr>")[2:]]
    assert rows[1] == ["lp-2", "100%", "80.0", "80.0", "–", "1"]
    assert rows[2][:4] == ["lp-4", "50%", "35.0", "35.0"]
    assert all(f'id="{report.node}"' in html for report in reports)
    assert "Overview" not in render(reports[:1], (T0, T0 + 24 * HOUR_MS), ENGLISH, lambda _: None, "City", {})


def test_a_page_of_very_many_stations_leaves_the_hours_of_each_to_an_export() -> None:
    """A week of a thousand was 47 MB, over which a browser sat for eighteen seconds."""
    span = (T0, T0 + 24 * HOUR_MS)
    many = [
        StationReport(f"lp-{n}", 1.0, {"pm25_ugm3": [Hours("air-1", [(T0, 12.0)])]}, [(T0, 100)])
        for n in range(TABLED_MAX + 1)
    ]
    pages = [render(some, span, ENGLISH, lambda _: None, "City", {}) for some in (many, many[1:])]
    assert [page.count("<details>") for page in pages] == [0, 2 * TABLED_MAX]
    assert ["lamppost export" in page for page in pages] == [True, False]
    assert pages[0].count("<svg") == 2 * len(many)


def test_the_page_speaks_one_language(settings: Path, tmp_path: Path) -> None:
    said = {}
    for language in ("zh", "en"):
        page = tmp_path / f"{language}.html"
        run(settings, "week", "--date", "2026-03-07", "--lang", language, "-o", str(page))
        said[language] = page.read_text()
    assert "<td>良</td>" in said["zh"]
    assert "<td>moderate</td>" in said["en"]
    assert "重要 告警中" in said["zh"]
    assert "major firing" in said["en"]
    assert "<td>PM2.5 小时均值过高</td>" in said["zh"], "in the rule's words, not by its name"
    assert "<td>PM2.5 hourly mean too high</td>" in said["en"]
    assert '<td class="n">99 µg/m³</td>' in said["en"]


def test_a_page_tells_in_black_and_white_which_line_is_which_sensor_and_its_numbers_have_no_powers_of_ten(
    store: Sqlite,
) -> None:
    """Two lines were blue and red and nothing said which was whose; 12,000 ppm of CO2 were told as 1.2e+04."""
    hours = {"pm25_ugm3_mean": [20.0, 22.0], "completeness": [1.0, 1.0]}
    for sensor in ("air-1", "air-2"):
        tags = {"node": "lp-1", "site": "s", "sensor": sensor}
        put(store, table("air_quality_1h", tags, [T0, T0 + HOUR_MS], hours))
    told: dict[str, list[Any]] = {"node": ["lp-1"], "state": ["firing"], "value": [12_000.0], "late": [0]}
    alert = table("alerts", {"rule": "co2", "severity": "minor", "site": "s"}, [T0], told, "late")
    put(store, alert)
    span = T0, T0 + 24 * HOUR_MS
    html = render(summarise(store, ["lp-1"], *span), span, ENGLISH, lambda _: None, "City", {})
    caption = html.partition("<figcaption>")[2].partition("</figcaption>")[0]
    swatches = re.findall(r'class="line line-(\d)" d="M2 4H26"/></svg>(air-\d):', caption)
    assert swatches == [("1", "air-1"), ("2", "air-2")]
    assert '<td class="n">12000 </td>' in html


def test_the_vehicles_of_each_hour_stand_in_a_table_too(settings: Path, tmp_path: Path) -> None:
    """Who does not see the bars had no number of theirs but the sum."""
    page = tmp_path / "day.html"
    run(settings, "day", "--date", "2026-03-01", "--lang", "en", "-o", str(page))
    row = r'<tr><td>03-01 (\d\d):00</td><td class="n">(&lt;5|\d+)</td>'
    counts = dict(re.findall(row, page.read_text()))
    assert len(counts) == 24
    assert counts["04"] == "&lt;5"
    assert counts["14"] == "300"


def test_what_was_done_at_a_station_stands_beside_what_it_measured(tmp_path: Path) -> None:
    """A line fell in the middle of the week, and the report did not say that the sensor was calibrated."""
    store = Sqlite(tmp_path / "readings.db")
    assert store.prepare() == Stored()
    put(store, week("lp-0001")[0])
    store.close()
    kept = {"kind": "sqlite", "path": str(tmp_path / "readings.db")}
    settings = tmp_path / "collector.yaml"
    settings.write_text(yaml.safe_dump({"store": kept, "state_file": str(tmp_path / "state.db")}))
    day_ms = 24 * HOUR_MS
    with closing(open_state(tmp_path / "state.db")) as state:
        for day in (-1, 2):
            record = Record("lp-0001", "air-1", "pm25_ugm3", T0 + day * day_ms, T0, "li", slope=0.8, offset=-1.0)
            Calibrations(state).add(record)
    with closing(DeskFile(tmp_path / "desk.db")) as file:
        Reports(file).add_change("lp-0001", "moved", "移到路口北侧", "to the north side", T0 + 9 * HOUR_MS)
        Reports(file).add_change("lp-0002", "repaired", "", "", T0)
    text = run(settings, "week", "--date", "2026-03-07")
    assert "  01. 09:00  moved, to the north side\n" in text
    assert "  03. 00:00  recalibrated, air-1 PM2.5: 0.8 × raw − 1 (c2)\n" in text
    assert "(c1)" not in text
    assert "repaired" not in text
    run(settings, "week", "--date", "2026-03-07", "-o", str(tmp_path / "week.html"))
    html = (tmp_path / "week.html").read_text()
    assert "<li>03-01 09:00 · 迁移 · 移到路口北侧</li>" in html
    assert "<li>03-03 00:00 · 重新校准 · air-1 PM2.5：0.8 × 原始值 − 1（c2）</li>" in html
    (tmp_path / "state.db").write_bytes(b"not a database" * 100)
    assert "PM2.5" in run(settings, "week", "--date", "2026-03-07"), "whoever may not read the files has the rest"


def test_a_day_without_data_says_so(settings: Path) -> None:
    assert "no air and no traffic was measured" in run(settings, "day", "lp-0001", "--date", "2026-02-01")


def test_a_station_that_fell_silent_stands_in_the_report_until_it_is_retired(tmp_path: Path) -> None:
    """Of three the morning told two, and nothing of the one that had not measured since the evening before."""
    store = Sqlite(tmp_path / "readings.db")
    assert store.prepare() == Stored()
    for node in ("lp-gone", "lp-silent"):
        put(store, week(node)[0])
    store.close()
    settings = tmp_path / "collector.yaml"
    settings.write_text(yaml.safe_dump({"store": {"kind": "sqlite", "path": str(tmp_path / "readings.db")},
                                        "state_file": str(tmp_path / "state.db")}))  # fmt: skip
    with closing(DeskFile(tmp_path / "desk.db")) as file:
        Reports(file).add_change("lp-gone", "removed", "", "", T0)
    told = run(settings, "day", "--date", "2026-03-09")
    assert told.splitlines()[2:] == ["lp-silent", "  no air and no traffic was measured"]
    assert "lp-gone  50% complete" in run(settings, "day", "--date", "2026-03-07"), "while it was there it measured"
    assert "lp-" not in run(settings, "day", "--date", "2026-06-01"), "who was silent for a month is no news"


def test_a_page_goes_to_stdout_and_into_no_file_that_its_name_calls_something_else(
    settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`-o -` made a file called -, and week.pdf was a page that nothing opened."""
    monkeypatch.chdir(tmp_path)
    assert run(settings, "day", "--date", "2026-03-01", "-o", "-").startswith("<!doctype html>")
    asked = ["report", "day", "--date", "2026-03-01", "-o", "day.pdf", "--config", str(settings)]
    done = CliRunner().invoke(_build("report"), asked)
    assert isinstance(done.exception, Failure)
    assert "a browser prints the page as PDF" in done.exception.line()
    assert list(tmp_path.iterdir()) == []


def test_a_length_that_there_is_not_is_named_and_what_to_say_instead(settings: Path) -> None:
    done = CliRunner().invoke(_build("report"), ["report", "hour", "--config", str(settings)])
    assert isinstance(done.exception, Failure)
    assert done.exception.line() == "there is no report 'hour'. Cure: say day, week or month"


def test_a_station_that_nobody_knows_is_a_slip_of_its_name(settings: Path) -> None:
    asked = ["report", "day", "lp-001", "--config", str(settings)]
    done = CliRunner().invoke(_build("report"), asked)
    assert isinstance(done.exception, Failure)
    assert done.exception.line() == "nothing is known of lp-001. Cure: did you mean lp-0001?"


def test_particles_below_zero_are_shown_as_none_and_nothing_is_minus_zero() -> None:
    assert Hours("air-1", [(T0, -0.3), (T0 + HOUR_MS, -0.1)]).figure(-0.2) == "0.0"
    assert Hours("air-1", [], "no2_ugm3").figure(-0.04) == "0.0"
    assert Hours("air-1", [], "no2_ugm3").figure(-1.04) == "-1.0", "what a gas sensor says of clean air"


def test_a_sparkline_shows_zero_and_leaves_holes_open() -> None:
    hours = [(n * HOUR_MS, float(n)) for n in (0, 1, 3)]
    assert sparkline(hours, 0, 4 * HOUR_MS) == "▁▃ █"
    assert sparkline([(0, 0.0)], 0, HOUR_MS) == "▁"


def test_summaries_of_stations_without_anything_are_empty(store: Sqlite) -> None:
    (report,) = summarise(store, ["lp-9"], T0, T0 + HOUR_MS)
    assert (report.air, report.vehicles, report.share) == ({}, [], None)


def test_what_fired_already_when_the_span_began_is_told(store: Sqlite) -> None:
    """Of an alert that stood for three days the morning's report said nothing."""
    rule = PM25_HIGH.alert
    happened = [  # sensor, what, when in hours, whether it is history
        (1, "firing", -30, 0), (2, "firing", -30, 0), (2, "resolved", -26, 0),
        (3, "firing", -3, 0), (3, "resolved", 2, 1), (4, "firing", -3, 1), (4, "resolved", 2, 1),
    ]  # fmt: skip
    for n, state, hour, late in happened:
        key = f"{rule}@{PM25_HIGH.version}|air_quality,node=lp-1,sensor=air-{n},site=s|{T0}"
        columns = {"node": ["lp-1"], "state": [state], "value": [80.0 + n], "late": [late], "dedup_key": [key]}
        tags = {"rule": rule, "severity": "major", "site": "s", "fingerprint": f"f{n}"}
        told = table("alerts", tags, [T0 + hour * HOUR_MS], columns, "late")
        put(store, told)
    (report,) = summarise(store, ["lp-1"], T0, T0 + 24 * HOUR_MS, rules={rule: PM25_HIGH})
    assert [(one["value"], one["state"], (one["time_ms"] - T0) // HOUR_MS) for one in report.alerts] == [
        (81.0, "firing", -30), (83.0, "firing", -3), (83.0, "resolved", 2)
    ]  # fmt: skip


def test_what_is_sent_tells_no_more_than_the_public_page(tmp_path: Path) -> None:
    """Alerts on traffic without the value, wrong-way driving not at all, and no episode that was taken back."""
    store = Sqlite(tmp_path / "readings.db")
    assert store.prepare() == Stored()
    lane = {"node": "lp-0001", "site": "jianguo", "sensor": "radar-1", "direction": "in"}
    index = {"node": "lp-0001", "site": "jianguo", "standard": "HJ 633", "edition": "2026", "period": "1d"}
    hours = [T0, T0 + HOUR_MS, T0 + 2 * HOUR_MS]
    lanes = [([T0], [100], [50.0], [100]), (hours, [300] * 3, [None, 171.0, 43.0], [None, 4, 5])]
    days = [("air-1", 60, "良", 2), ("air-2", 120, "轻度污染", 3), ("air-3", 180, "NA", 4)]
    alerts = [
        ("speeding", "traffic_flow", 0), ("wrong-way", "traffic_flow", 0), ("long-gone", "traffic_flow_1h", 0),
        ("pm25", "air_quality", 0), ("pm10", "air_quality", 0), ("pm10", "air_quality", 1),
    ]  # fmt: skip
    found = [alert(rule, kind, n, void) for n, (rule, kind, void) in enumerate(alerts)]
    for number, (times, counts, speeds, known) in enumerate(lanes):
        columns = {"count_sum": counts, "speed_tms_kmh_mean": speeds, "speed_tms_kmh_n": known}
        tags = lane | {"lane": str(number)}
        found.append(table("traffic_flow_1h", tags, times, columns, "count_sum", "speed_tms_kmh_n"))
    for sensor, value, word, level in days:
        told = {"value": [value], "category": [word], "primary": ["PM2.5"], "level": [level]}
        found.append(table("air_index", index | {"sensor": sensor}, [T0], told, "value", "level"))
    put(store, *found)
    store.close()
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "- {alert: speeding, kind: traffic_flow, window: {last: v85_kmh}, raise: '> 80',"
        " severity: minor, text: {zh: 快, en: fast}}\n"
        "- {alert: wrong-way, kind: traffic_flow, window: {sum: wrong_way_count, over: 5m}, raise: '> 0',"
        " severity: major, text: {zh: 逆, en: wrong}}\n"
    )
    file = tmp_path / "collector.yaml"
    settings = {"store": {"kind": "sqlite", "path": str(tmp_path / "readings.db")}, "rules": [str(rules)]}
    file.write_text(yaml.safe_dump(settings))
    (said,) = json.loads(run(file, "day", "lp-0001", "--date", "2026-03-01", "--json"))
    assert [(one["rule"], one["value"], one["time_ms"] - T0) for one in said["alerts"]] == [
        ("speeding", None, 0),
        ("pm25", 99.0, 1003),
    ]
    assert said["speed"] == [[T0, 50], [hours[2], 43]], "of four vehicles, and of one, a mean is somebody's"
    assert [(one["value"], one["category"]) for one in said["indices"]] == [(120, "轻度污染")]


def alert(rule: str, kind: str, n: int, void: int) -> Table:
    key = f"{rule}@1|{kind},node=lp-0001|{T0}"
    columns = {
        "node": ["lp-0001"],
        "state": ["firing"],
        "value": [99.0],
        "late": [0],
        "void": [void],
        "dedup_key": [key],
    }
    return table("alerts", {"rule": rule, "severity": "major"}, [T0 + 1000 + n], columns, "late", "void")
