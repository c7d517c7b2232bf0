"""The map: what lies under the stations, whose levels its legend shows, and by which names stations go."""

from __future__ import annotations

import json
import random
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from collector.config import Config
from collector.numbers.reporting import Reporting
from collector.stations.names import SCHEMA, Names, rename
from collector.web import map
from collector.web.backdrop import PICTURE_BYTES_MAX, BadBackdrop, load, picture
from common.strict_model import fit
from common.strict_yaml import parse
from tests.web.city import City
from tests.web.served import Served
from tests.web.streets import LAT, LON, streets

FRAME = map.Frame(LAT, LON, 0.02, map.WIDE)  # 50 m a unit
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "streets.geojson"
    path.write_text(streets())
    return path


def test_roads_water_and_green_are_drawn_where_they_are(file: Path) -> None:
    backdrop = load(file, "© nobody")
    assert {style: len(lines) for style, lines in backdrop.shapes.items()} == {
        "green": 1, "lake": 0, "river": 1, "minor": 50, "major": 3
    }  # fmt: skip
    east_west = [[LON - 0.2, LAT], [LON + 0.2, LAT]]
    drawn = picture({"minor": [[(lon, lat) for lon, lat in east_west]]}, FRAME)
    found = re.search(r'd="M(-?[\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"', drawn)
    assert found is not None
    assert float(found[2]) == float(found[4]) == 200  # the middle's latitude is the picture's middle
    half_m = 0.2 * 111_320 * 0.7667  # at 39.95 north
    assert float(found[3]) == pytest.approx(320 + half_m * 0.02, abs=0.5)


def test_what_the_map_does_not_show_costs_nothing() -> None:
    far = [(LON + 3, LAT), (LON + 4, LAT)]
    assert "<path" not in picture({"minor": [far]}, FRAME)


def test_a_large_city_becomes_a_coarser_picture_not_a_larger_one() -> None:
    dice = random.Random(7)
    lines = []
    for _ in range(2000):
        lat, lon = LAT + dice.uniform(-0.05, 0.05), LON + dice.uniform(-0.05, 0.05)
        line = []
        for _ in range(40):
            lat, lon = lat + dice.gauss(0, 0.0008), lon + dice.gauss(0, 0.0008)
            line.append((lon, lat))
        lines.append(line)
    assert len(picture({"minor": lines}, FRAME)) < PICTURE_BYTES_MAX + 300


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "no lines or areas"),
        ('{"type": "FeatureCollection", "features": []}', "no lines or areas"),
        ('{"type": "LineString", "coordinates": [[500000, 4400000], [1, 2]]}', "feature 0: not degrees"),
        ('{"type": "LineString", "coordinates": [1, 2]}', "not as GeoJSON has them"),
        ('{"type": "Polygon", "coordinates": [[["a", 2], [1, 2]]]}', "not as GeoJSON has them"),
        ('{"type": "LineString", "coordinates": [[1, 2], [1%s, 2]]}' % ("0" * 400), "not as GeoJSON has them"),
        ('{"type": "Feature", "properties": "", "geometry": ["LineString"]}', "no lines or areas"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_place(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "bad.geojson"
    file.write_text(text)
    with pytest.raises(BadBackdrop, match=said) as refused:
        load(file, "x")
    assert str(file) in str(refused.value)


def served_with(tmp_path: Path, **more: Any) -> Served:
    city = City(tmp_path)
    city.fill_an_hour()
    for name, value in more.items():
        setattr(city, name, value)
    return Served(city)


def test_the_page_names_the_picture_and_its_licence_and_live_messages_stay_small(tmp_path: Path, file: Path) -> None:
    served = served_with(tmp_path, backdrop=load(file, "© 某市测绘院 <b>"))
    try:
        page = served.get("/en/").text
        assert "Background: © 某市测绘院 &lt;b&gt;" in page
        addresses = set(re.findall(r'<image href="(/map/[0-9a-f]{16}\.svg)"', page))
        assert len(addresses) == 2  # wide and narrow
        for address in addresses:
            answer = served.get(address)
            assert answer.status == 200
            assert answer.headers["content-type"] == "image/svg+xml"
            assert "max-age" in answer.headers["cache-control"]
            assert "<path" in answer.text
            assert "style" not in answer.text  # the pages' policy allows none
        assert served.get("/map/0123456789abcdef.svg").status == 404
    finally:
        served.server.stop()
        served.city.close()


def test_without_a_file_nothing_is_said_of_one(standing: Served) -> None:
    page = standing.get("/").text
    assert "<image" not in page
    assert "底图" not in page


@pytest.mark.parametrize(
    ("standards", "told", "words"),
    [
        ({}, ["60 min mean · HJ 633-2026"], ["lightly polluted"]),
        ({"lp-0001": ("us",), "lp-0002": ("us",), "lp-0003": ("us",)}, ["full hour · US EPA AQI 2024"], ["hazardous"]),
        ({"lp-0001": ("eu", "china")}, ["EEA EAQI", "HJ 633-2026"], ["extremely poor", "severely polluted"]),
        ({"lp-0001": ("uk",)}, ["UK DAQI", "HJ 633-2026"], ["very high"]),
        ({"lp-0001": ("china-2012",)}, ["HJ 633-2012", "HJ 633-2026"], ["lightly polluted"]),
    ],
)
def test_the_legend_shows_the_scales_that_the_stations_are_known_by(
    tmp_path: Path, standards: dict[str, Any], told: list[str], words: list[str]
) -> None:
    served = served_with(tmp_path, reports={node: Reporting(SHANGHAI, some) for node, some in standards.items()})
    try:
        page = served.get("/en/").text
        legend = page[page.index('<ul class="legend"') : page.index('class="alerted"')]
        assert all(text in legend for text in (*told, *words)), legend
        assert legend.count("out of date or no data") == 1
        assert ("HJ 633" in legend) == any("HJ 633" in text for text in told)
    finally:
        served.server.stop()
        served.city.close()


def test_what_is_said_twice_of_a_station_is_said_once(tmp_path: Path) -> None:
    served = served_with(tmp_path)
    try:
        first = served.city.alerts[0]
        served.city.alerts.insert(1, replace(first, fingerprint="f3", value=112.0))
        page = served.get("/en/").text
        listed = page[page.index('data-live="alerts"') : page.index('class="listed"')]
        assert listed.count("PM2.5 hourly mean too high") == 1
        assert "112 µg/m³ (limit 75) · 2 sensors or lanes" in listed
        assert len(json.loads(served.get("/api/v1/alerts").text)["alerts"]) == 3  # the open data has them apart
    finally:
        served.server.stop()
        served.city.close()


def test_a_station_goes_by_the_name_it_was_given_last(tmp_path: Path) -> None:
    text = (
        f"store: {{kind: sqlite}}\nstate_file: {tmp_path}/state.db\n"
        "stations:\n  - {node: lp-1, zh: 旧名, en: Old name}\n"
    )
    config = fit(Config, parse(text))
    assert Names(config).of("lp-1") == ("旧名", "Old name")
    assert Names(config).of("lp-2") is None
    with closing(sqlite3.connect(config.state_file, isolation_level=None)) as db:
        db.executescript(SCHEMA)
        rename(db, "lp-1", "", "New name")
        rename(db, "lp-2", "新站", "")
    names = Names(config)
    assert names.of("lp-1") == ("旧名", "New name")
    assert names.of("lp-2") == ("新站", "新站")
