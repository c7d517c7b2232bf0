"""The explanation of the levels: every standard that a station reports by, with the numbers of its own table."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest

from collector.config import Config, SqliteStore, Station
from collector.numbers.reporting import Reporting, Standard
from collector.web import summary
from collector.web.levels import of_standard
from collector.web.scales import Scale, scale_of
from measures import china_aqi, eu_aqi, uk_daqi, us_aqi
from measures.index import Band, Concentration
from tests.web.test_map import SHANGHAI, served_with

TODAY = date(2026, 11, 26)
READ = {
    "china": lambda given: china_aqi.sub_index(given, TODAY),
    "us": us_aqi.sub_index,
    "eu": eu_aqi.sub_index,
    "uk": uk_daqi.sub_index,
}


@pytest.mark.parametrize("standard", READ)
@pytest.mark.parametrize("pollutant", ["PM2.5", "PM10"])
def test_the_numbers_shown_are_those_that_the_index_is_made_of(standard: Any, pollutant: str) -> None:
    averaging = "1h" if standard == "eu" else "24h"
    scale = scale_of(standard, TODAY)
    for step in scale.steps:
        shown = dict(step.ugm3)[pollutant]
        for number in shown.removeprefix("> ").split("–"):
            value = float(number) + (1 if shown.startswith(">") else 0)
            index = READ[standard](Concentration(pollutant, averaging, value, "ug/m3"))
            assert index is not None
            first, _, last = step.level.mark.partition("–")
            assert int(first) <= index.level <= int(last or first), (step, number)
            if step.values:
                low, _, high = step.values.removesuffix("+").partition("–")
                assert int(low) <= index.value <= int(high or 10_000)


@pytest.mark.parametrize("standard", get_args(Standard))
def test_every_level_says_what_to_do_in_both_languages(standard: Standard) -> None:
    for step in scale_of(standard, TODAY).steps:
        assert step.level.advice_zh
        assert step.level.advice_en


@pytest.mark.parametrize(
    ("standards", "told", "not_told"),
    [
        ({}, ["under HJ 633-2026", "sub-index 51–100", "PM2.5 36–60 · PM10 51–120 µg/m³"], ["<h3>", "EPA"]),
        (
            {f"lp-000{n}": ("us",) for n in (1, 2, 3)},
            ["NowCast", "AQI 51–100", "PM2.5 9.1–35.4 · PM10 55–154 µg/m³", "Hazardous", "older adults"],
            ["<h3>", "HJ 633"],
        ),
        (
            {"lp-0001": ("eu", "china")},
            ["<h3>EEA EAQI 2024</h3>", "<h3>HJ 633-2026</h3>", "PM2.5 16–50 · PM10 46–120 µg/m³", "Extremely poor"],
            ["EPA"],
        ),
        ({"lp-0001": ("uk",)}, ["<h3>UK DAQI 2013</h3>", "PM2.5 54–70 · PM10 76–100 µg/m³"], []),
    ],
)
def test_the_page_explains_the_standards_that_its_stations_report_by(
    tmp_path: Path, standards: dict[str, Any], told: list[str], not_told: list[str]
) -> None:
    served = served_with(tmp_path, reports={node: Reporting(SHANGHAI, some) for node, some in standards.items()})
    try:
        page = served.get("/en/").text
        part = page[page.index('aria-labelledby="levels"') : page.index('aria-labelledby="measured"')]
        assert [text for text in told if text not in part] == []
        assert [text for text in not_told if text in part] == []
    finally:
        served.server.stop()
        served.city.close()


def test_a_city_of_thousands_has_as_many_scales_as_ways_of_reporting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each reader's page waits for it: made once for each station it took half a minute."""
    china, europe = Reporting(SHANGHAI), Reporting(ZoneInfo("Europe/Berlin"), ("eu",))
    made: list[str] = []

    def counted(standard: Standard, on: date) -> Scale:
        made.append(standard)
        return scale_of(standard, on)

    monkeypatch.setattr(summary, "scale_of", counted)
    site: Any = SimpleNamespace(
        reporting=lambda node: europe if node.endswith("7") else china, now_ms=lambda: 1_790_000_000_000
    )
    views: Any = [
        SimpleNamespace(station=SimpleNamespace(node=f"lp-{n:05d}"), now_ms=1_790_000_000_000) for n in range(5_000)
    ]
    found = summary.Summary(views, site).scales
    assert [scale.standard for scale in found] == ["china", "eu"]
    assert made == ["china", "eu"]


def test_listed_stations_that_report_alike_share_one_way_of_reporting(tmp_path: Path) -> None:
    both: list[Standard] = ["china", "eu"]
    stations = [Station(node=f"lp-{n}", zh="站", en="Station", standards=both[n // 2 :]) for n in range(3)]
    store = SqliteStore(kind="sqlite", path=tmp_path / "readings.db")
    reporting = Config(store=store, state_file=tmp_path / "state.db", stations=stations).reporting()
    assert reporting("lp-0") is reporting("lp-1")
    assert reporting("lp-2").standards == ("eu",)


def test_colours_are_those_of_the_standards() -> None:
    """HJ 633-2026 Table A.1; EPA-454/B-24-002 with ColorVision-Assist; ETC HE 2024/17; UK-AIR, a colour a value."""
    css = (Path(summary.__file__).parent / "static" / "page.css").read_text()

    def colours(selector: str) -> list[str]:
        block = re.search(rf"^{re.escape(selector)} {{([^}}]*)}}", css, re.MULTILINE)
        assert block is not None
        return re.findall(r"--l[1-6]: (#[0-9a-f]{6})", block[1])

    def of(bands: tuple[Band, ...]) -> list[str]:
        return [band.colour.lower() for band in bands]

    assert colours(":root") == of(china_aqi.HJ_633_2026.bands)
    assert colours(":root")[:4] + colours(".official .us") + colours(":root")[5:] == of(us_aqi.SCALE.bands)
    assert colours(".safe .us") == [colour.lower() for colour in us_aqi.COLOUR_ASSIST]
    assert colours(".official .eu") == of(eu_aqi.SCALE.bands)
    shared = dict(zip((1, 3, 4, 6), colours(".official .uk"), strict=True))
    own = {int(value): colour for value, colour in re.findall(r"\.uk\.v(\d+) \{ --l\d: (#[0-9a-f]{6})", css)}
    uk = [of_standard("UK DAQI", value) for value in range(1, 11)]
    assert [own.get(int(one.mark), shared[one.number]) for one in uk] == of(uk_daqi.SCALE.bands)
    assert {one.palette for one in uk} == {f"uk v{value}" for value in range(1, 11)}
