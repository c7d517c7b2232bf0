"""A reader finds a station by a part of its name, among thousands."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from collector.web.find import find
from collector.web.site import Station
from tests.web.served import Served

STATIONS = [
    Station("lp-0001", "jianguo-rd-east", "建国路东口", "Jianguo Rd East"),
    Station("lp-0002", "xueyuan-rd", "学院路", "Xueyuan Rd"),
    Station("lp-0017", "jianguo-rd-west", "建国路西口", "Jianguo Rd West"),
]


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("", ["lp-0001", "lp-0002", "lp-0017"]),
        ("  ", ["lp-0001", "lp-0002", "lp-0017"]),
        ("建国", ["lp-0001", "lp-0017"]),
        ("JIANGUO west", ["lp-0017"]),
        ("ｌｐ－０００２", ["lp-0002"]),
        ("学院 rd", ["lp-0002"]),
        ("长安街", []),
    ],
)
def test_every_word_is_in_a_name_whatever_the_width_of_its_letters(text: str, nodes: list[str]) -> None:
    assert [station.node for station in find(STATIONS, text)] == nodes


@pytest.fixture
def large(served: Served) -> Served:
    served.city.stations[:] = STATIONS + [Station(f"lp-1{n:03d}", f"s-{n}", f"站{n}", f"Stop {n}") for n in range(40)]
    return served


def test_a_large_city_has_a_field_and_shows_whom_it_finds(large: Served) -> None:
    assert 'role="search"' in large.get("/").text
    page = large.get("/en/?find=jianguo").text
    assert "Stations with “jianguo” in their name: 2" in page
    assert page.count('<article class="card') == 2
    assert 'value="jianguo"' in page
    assert "Page 1 of" not in page


def test_the_pages_of_what_was_found_know_what_was_asked(large: Served) -> None:
    first = large.get("/en/?find=stop&page=1").text
    assert "?page=2&amp;find=stop#stations" in first
    assert "Page 4 of 4" in large.get("/en/?find=stop&page=4").text
    assert large.get("/en/?find=stop&page=5").status == 404


def test_nobody_found_is_said_and_what_was_asked_is_only_text(large: Served) -> None:
    page = large.get("/?find=" + quote('"><script>长安街')).text
    assert "<script>长安街" not in page
    assert "没有名称含“&#34;&gt;&lt;script&gt;长安街”的站点。" in page
    assert "<article" not in page


def test_a_small_city_needs_no_field(served: Served) -> None:
    assert 'role="search"' not in served.get("/").text


def test_the_open_data_of_thousands_of_stations_come_in_pages(large: Served) -> None:
    more = (Station(f"lp-2{n:03d}", "s", f"路{n}", f"Road {n}") for n in range(2000))
    large.city.stations += more
    first = large.get("/en/data")
    assert len(first.text) < 100_000
    assert "Page 1 of 41" in first.text
    assert "/api/v1/readings?node=lp-0001&" in first.text
    found = large.get("/en/data?find=road+1999").text
    assert 'download="lp-21999-air.csv"' in found
    assert found.count('<th scope="row">') == 1
    assert large.get("/data?page=42").status == 404
