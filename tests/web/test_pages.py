"""The public pages as a program reads them: words, languages, refusals, headers."""

from __future__ import annotations

import gzip
import http.client
import re
import time
import zlib
from contextlib import closing
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from collector.stores.store import Select, Series
from collector.web import readings, views
from collector.web.desk.file import DeskFile
from collector.web.desk.reports import Reports
from collector.web.server import PortTaken, WebServer
from collector.web.texts import PUBLIC
from collector.web.texts_ops import OPS
from collector.web.views import Views
from collector.web.words import TEXTS
from tests.servers import wait_for
from tests.web.city import City
from tests.web.operator import Operator
from tests.web.served import Served
from wire.times import MINUTE_MS


def test_the_page_says_the_highest_value_first_with_its_unit(standing: Served) -> None:
    page = standing.get("/").text
    assert "现在 PM2.5 最高处：建国路东口，" in page
    assert "微克/立方米</span>（近 60 分钟平均）" in page, "a figure says its unit and its time"
    assert "不是官方空气质量指数" in page


def test_the_english_page_has_no_chinese_but_the_switch(standing: Served) -> None:
    page = standing.get("/en/").text
    assert 'lang="en"' in page
    text = page.replace('aria-label="中文">中文', "")
    assert not [letter for letter in text if "一" <= letter <= "鿿"]


def test_no_gap_stands_behind_a_mark_of_chinese_which_has_its_own(aged: Served) -> None:
    """What was joined from two texts, or listed, had the spaces and commas of English."""
    operator = Operator(aged)
    inside = ("/ops", "/ops/station/lp-0001", "/ops/maintenance", "/ops/alert/f1")
    for path in ("/", "/station/lp-0001?span=year", "/data", "/wall", *inside):
        page = unescape(operator.get(path).text)
        text = re.sub("</?(?:a|b|code|time|span|strong)(?: [^>]*)?>", "", page)
        assert re.findall(r".*[。，；：、] +[^\s<].*|.*[一-鿿][,;:] .*", text) == [], path


def test_a_station_without_a_chinese_name_does_not_run_into_the_words(served: Served) -> None:
    """Its page began with "lp-0001现在"."""
    served.city.stations = [replace(one, name_zh=one.node) for one in served.city.stations]
    operator = Operator(served)
    for path in ("/", "/station/lp-0001", "/station/lp-0001?span=year", "/data", "/wall", "/ops", "/ops/alert/f1"):
        text = re.sub("<(?!/?(?:b|strong|time)[ >])[^>]*>", " ", unescape(operator.get(path).text))
        text = re.sub("<[^>]*>", "", text)
        assert re.findall(".*(?:[A-Za-z0-9%][一-鿿]|[一-鿿][A-Za-z0-9]).*", text) == [], path


@pytest.mark.parametrize(
    ("path", "said"), [("/", "空气和车流"), ("/en/station/lp-0001", "Air and traffic in the street")]
)
def test_a_page_that_is_found_or_shared_says_what_it_is(standing: Served, path: str, said: str) -> None:
    """A search or a chat shows the description; without one it takes the first words, which are of another hour."""
    (description,) = re.findall(r'<meta name="description" content="([^"]*)">', standing.get(path).text)
    assert said in description
    assert standing.get("/").text.count('name="robots"') == 0
    assert 'name="robots" content="noindex"' in standing.get("/ops/login").text


def test_both_pages_name_each_other(standing: Served) -> None:
    for path in ("/", "/en/"):
        page = standing.get(path).text
        assert 'hreflang="zh-CN" href="/"' in page
        assert 'hreflang="en" href="/en/"' in page


@pytest.mark.parametrize(
    "path", ["/station/lp-0001?span=week", "/?find=lp", "/?find=%E5%BB%BA+rd", "/data?find=lp", "/wall", "/data"]
)
def test_the_same_page_in_the_other_language_shows_the_same(standing: Served, path: str) -> None:
    """A week's chart became a day's, and what was found all stations, for whoever changed the language."""
    for here, there in ((path, "/en" + path), ("/en" + path, path)):
        links = re.findall(r'<a href="([^"]*)" hreflang', standing.get(here).text)
        assert [unescape(link) for link in links] == [there]


def test_other_colours_show_the_same_page_and_are_offered_where_there_are_any(standing: Served) -> None:
    page = standing.get("/station/lp-0001?span=week").text
    assert 'href="?span=week&amp;colours=safe"' in page
    for path in ("/data", "/nowhere"):
        assert "colours=" not in standing.get(path).text


def test_a_station_without_data_waits_and_a_silent_one_is_out_of_date(standing: Served) -> None:
    page = standing.get("/en/").text
    assert "waiting for the first reading" in page
    assert "out of date" in page
    assert "offline" in page


def test_a_station_that_fell_silent_hours_ago_is_out_of_date_not_new(tmp_path: Path) -> None:
    city = City(tmp_path)
    city.write("lp-0003", "air-1", "air_quality", [city.now_ms() - 5 * 3_600_000], {"pm25_raw_ugm3": [8.0]})
    served = Served(city)
    page = served.get("/en/station/lp-0003").text
    first = served.get("/en/").text
    served.server.stop()
    city.close()
    assert "the newest reading is from <time" in first, "not that there is none yet"
    assert "5 h ago" in page
    assert "No readings in the last hour." in page
    assert "waiting for the first reading" not in page


def test_a_station_that_went_offline_weeks_ago_is_out_of_date_not_new(tmp_path: Path) -> None:
    """It waited for its first reading, above the picture of its readings."""
    city = City(tmp_path)
    weeks_ago_ms = city.now_ms() - 20 * 24 * 3_600_000
    city.stations[1] = replace(city.stations[1], since_ms=weeks_ago_ms, last_ms=None)
    served = Served(city)
    page = served.get("/en/station/lp-0002").text
    served.server.stop()
    city.close()
    assert "out of date" in page
    assert "20 d ago" in page
    assert "No readings in the last hour." in page
    assert "waiting for the first reading" not in page


def test_a_sensor_that_fell_silent_is_not_as_new_as_the_one_beside_it(tmp_path: Path) -> None:
    city = City(tmp_path, 1_790_000_000_000)
    now_ms = city.now_ms()
    then_ms = now_ms - 40 * 60_000
    dusty = list(range(then_ms - 15 * 60_000, then_ms + 1, 60_000))
    city.write("lp-0001", "air-1", "air_quality", dusty, {"pm25_ugm3": [62.0] * len(dusty)})
    city.write("lp-0001", "gas-1", "air_quality", [then_ms], {"no2_ugm3": [41.0]})
    city.write("lp-0001", "weather-1", "weather", [now_ms - 3000], {"temp_c": [4.0]})
    served = Served(city)
    page = served.get("/en/station/lp-0001").text
    served.server.stop()
    city.close()
    told = " ".join(re.sub("<[^>]*>", "", page).split())
    assert "Updated 40 min ago." in told
    assert "live · 3 s ago" in told, "of the thermometer"
    assert "PM2.5 latest 62 µg/m³ 40 min ago" in told
    assert "41 µg/m³ 40 min ago" in told
    assert "4.0 °C 40" not in told
    assert "4.0 °C" in told


def test_a_level_that_is_not_due_to_particles_of_the_number_says_what_it_is_due_to(tmp_path: Path) -> None:
    """The first sentence was: PM2.5 10 µg/m³, moderately polluted."""
    city = City(tmp_path)
    times = list(range(city.started_ms - 60 * MINUTE_MS, city.started_ms, MINUTE_MS))
    city.write("lp-0001", "air-1", "air_quality", times, {"pm25_ugm3": [10.0] * 60, "pm10_ugm3": [300.0] * 60})
    served = Served(city)
    zh, en = (served.get(path).text for path in ("/", "/en/"))
    served.server.stop()
    city.close()
    assert zh.count("，中度污染（PM10）。") == 1
    assert en.count(", moderately polluted (PM10).") == 1
    assert en.count("<span>moderately polluted (PM10)</span>") == 1, "on its card"
    assert "East: moderately polluted (PM10), PM2.5" in en, "on the map"


def test_four_vehicles_in_ten_minutes_are_not_said_to_be_few_an_hour(tmp_path: Path) -> None:
    city = City(tmp_path)
    window_ms = (city.started_ms - 60_000) // 300_000 * 300_000
    city.write(
        "lp-0001",
        "radar-1",
        "traffic_flow",
        [window_ms - 600_000, window_ms - 300_000],
        {"count": [2, 2], "duration_s": [300.0] * 2},
    )
    served = Served(city)
    page = served.get("/en/").text
    served.server.stop()
    city.close()
    assert '<b>&lt;5</b> vehicles <span class="how">10/60 min</span></dd>' in page


def test_vehicles_counted_for_a_part_of_the_time_are_not_shown_as_those_of_all_of_it(tmp_path: Path) -> None:
    city = City(tmp_path)
    window_ms = (city.started_ms - 60_000) // 300_000 * 300_000 - 300_000
    minutes = [window_ms + n * 60_000 for n in (0, 1, 2, 3, 4)]
    for node, counted in (("lp-0001", minutes), ("lp-0002", minutes[:2])):
        numbers = {"count": [20] * len(counted), "duration_s": [60.0] * len(counted)}
        city.write(node, "radar-1", "traffic_flow", counted, numbers)
    served = Served(city)
    whole, part = (served.get(f"/en/station/{node}").text for node in ("lp-0001", "lp-0002"))
    served.server.stop()
    city.close()
    assert "Pale:" not in whole
    assert "counted for" not in whole
    assert 'class="bar part"' in part
    assert "Pale: counted for a part of these five minutes" in part
    assert "counted for 2.0 min</th><td>40</td>" in part
    assert '1200</b> vehicles/h <span class="how">2/60 min</span>' in part


def test_who_looks_while_another_searches_for_a_silent_station_finds_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = City(tmp_path)
    heard_ms = city.now_ms() - 5 * 3_600_000
    city.write("lp-0003", "air-1", "air_quality", [heard_ms], {"pm25_raw_ugm3": [8.0]})
    seen = Views(city.site())
    found_meanwhile: list[int | None] = []

    def search(*asked: Any) -> dict[str, int]:
        monkeypatch.setattr(views, "last_heard", readings.last_heard)
        found_meanwhile.extend(view.latest_ms for view in seen._look(city.stations[2:]))
        return readings.last_heard(*asked)

    monkeypatch.setattr(views, "last_heard", search)
    assert [view.latest_ms for view in seen._look(city.stations[2:])] == [heard_ms]
    assert found_meanwhile == [heard_ms]
    city.close()


def test_a_weather_station_that_has_been_silent_for_hours_is_not_new_after_a_restart(tmp_path: Path) -> None:
    city = City(tmp_path)
    city.stations[:] = [replace(station, last_ms=None, online=True) for station in city.stations]
    heard_ms = city.now_ms() - 5 * 3_600_000
    city.write("lp-0003", "wx-1", "weather", [heard_ms], {"temp_c": [3.0]})
    city.write("lp-0002", "gas-1", "air_quality", [heard_ms + 1], {"no2_ugm3": [31.0]})
    seen = Views(city.site())
    told = [(view.latest_ms, view.freshness) for view in seen._look(city.stations)]
    assert told == [(None, "none"), (heard_ms + 1, "stale"), (heard_ms, "stale")]
    city.close()


def test_a_station_of_slow_sensors_is_out_of_date_by_their_own_pace(tmp_path: Path) -> None:
    """One reading in five minutes: for two of them it was out of date, and a sensor's fault on the desk."""
    city = City(tmp_path, 1_790_000_000_000)
    city.stations[:] = [replace(station, last_ms=None, online=True) for station in city.stations]
    now_ms, minute_ms = city.now_ms(), 60_000
    often, seldom = ([now_ms - pace * minute_ms * n for n in range(12)][::-1] for pace in (1, 5))
    city.write("lp-0001", "air-1", "air_quality", often, {"pm25_raw_ugm3": [9.0] * 12})
    city.write("lp-0002", "air-1", "air_quality", seldom, {"pm25_raw_ugm3": [9.0] * 12})
    city.write("lp-0003", "wx-1", "weather", seldom, {"temp_c": [3.0] * 12})
    seen = Views(city.site())

    def after(minutes: int) -> list[str]:
        city.started_ms = now_ms + minutes * minute_ms
        return [view.freshness for view in seen._look(city.stations)]

    assert [after(minutes) for minutes in (3, 4, 13)] == [["live"] * 3, ["stale", "live", "live"], ["stale"] * 3]
    city.close()


def test_a_counter_of_long_intervals_is_out_of_date_by_their_length(tmp_path: Path) -> None:
    city = City(tmp_path, 1_790_000_100_000)
    city.stations[:] = [replace(station, last_ms=None) for station in city.stations]
    quarter_ms = 15 * 60_000
    begun = [city.now_ms() // quarter_ms * quarter_ms - n * quarter_ms for n in (3, 2, 1)]
    counted = {"count": [70, 80, 90], "duration_s": [900.0] * 3}
    city.write("lp-0001", "radar-1", "traffic_flow", begun, counted)
    seen = Views(city.site())
    found = []
    for minutes in (10, 40):
        city.started_ms = begun[-1] + quarter_ms + minutes * 60_000
        found.append(seen._look(city.stations)[0].freshness)
    assert found == ["live", "stale"]
    city.close()


def test_a_station_that_was_taken_down_is_out_of_service_and_not_out_of_date(served: Served) -> None:
    """Beside it stood for years that its data was late and its link down."""
    with closing(DeskFile(served.city.desk)) as file:
        Reports(file).add_change("lp-0002", "removed", "", "", served.city.now_ms())

    def facts() -> str:
        card = served.get("/en/").text.partition('id="lp-0002"')[2]
        return card.partition('class="facts"')[2].partition("</p>")[0]

    wait_for("the page to know", lambda: "out of service" in facts(), 5)
    assert "offline" not in facts()
    assert "out of date" not in facts()
    page = served.get("/en/").text
    drawn = page.partition('data-live="map"')[2].partition('class="legend"')[0]
    assert "lp-0001" in drawn
    assert "lp-0002" not in drawn, "nobody looks for a place that is none any more, and the frame is of those that are"
    assert "1 of 2 stations live" in page
    assert "Xueyuan Rd" not in served.get("/en/wall").text


def test_a_station_of_gases_noise_or_weather_alone_is_as_new_as_what_it_measures(tmp_path: Path) -> None:
    """Beside its 612 ppm stood that there was no data yet. Where particles fell silent weather makes nothing new."""
    city = City(tmp_path, 1_790_000_000_000)
    city.stations[:] = [replace(station, last_ms=None, online=True) for station in city.stations]
    now_ms, hours_ms = city.now_ms(), 5 * 3_600_000
    city.write("lp-0001", "co2-1", "air_quality", [now_ms - 4000], {"co2_ppm": [612.0]})
    city.write("lp-0002", "wx-1", "weather", [now_ms - 4000], {"temp_c": [3.0]})
    city.write("lp-0003", "wx-1", "weather", [now_ms - 4000], {"temp_c": [3.0]})
    city.write("lp-0003", "air-1", "air_quality", [now_ms - hours_ms], {"pm25_raw_ugm3": [8.0]})
    seen = Views(city.site())
    of_now = seen._look(city.stations)
    assert [(view.freshness, view.latest_ms) for view in of_now] == [
        ("live", now_ms - 4000), ("live", now_ms - 4000), ("stale", now_ms - hours_ms)
    ]  # fmt: skip
    assert seen.latest_ms("lp-0001") == now_ms - 4000
    city.started_ms += hours_ms
    assert [view.freshness for view in seen._look(city.stations)] == ["stale"] * 3
    city.close()


def test_a_city_of_silent_stations_costs_four_questions_and_none_again_within_five_minutes(tmp_path: Path) -> None:
    city = City(tmp_path)
    node, heard_ms = city.stations[0].node, city.now_ms() - 5 * 3_600_000
    city.write(node, "air-1", "air_quality", [heard_ms], {"pm25_raw_ugm3": [8.0]})
    city.stations[:] = [replace(station, last_ms=None) for station in city.stations]
    site, asked = city.site(), []
    select = site.store.select

    def counted(question: Select) -> list[Series]:
        asked.append(question)
        return select(question)

    site.store.select = counted  # type: ignore[method-assign]
    seen = Views(site)

    first = seen._look(city.stations)
    questions = len(asked)
    asked.clear()
    again = seen._look(city.stations)

    assert [view.latest_ms for view in first] == [heard_ms, *[None] * (len(city.stations) - 1)]
    assert [view.latest_ms for view in again] == [view.latest_ms for view in first]
    assert questions - len(asked) == 4, "of particles and traffic, then of all else; however many stations"
    city.close()


def test_a_station_compares_with_the_same_hour_last_week(standing: Served) -> None:
    assert "This hour last week: 1500 vehicles/h, 33 km/h" in standing.get("/en/station/lp-0001").text


def test_an_empty_city_is_a_page_too(served: Served) -> None:
    served.city.stations.clear()
    served.city.alerts.clear()
    page = served.get("/en/")
    assert page.status == 200
    assert "No stations yet." in page.text


def test_few_vehicles_are_hidden_everywhere_on_the_page(standing: Served) -> None:
    page = standing.get("/station/lp-0001").text
    assert "&lt;5" in page
    assert 'fill="url(#few-lp-0001)"' in page


def test_an_unknown_station_and_an_unknown_path_are_404_in_the_reader_s_language(standing: Served) -> None:
    assert "There is no such station." in standing.get("/en/station/lp-9999").text
    refused = standing.get("/<script>")
    assert refused.status == 404
    assert "<script>" not in refused.text.replace('<script src="/static/page.js" defer></script>', "")


def test_a_database_that_is_away_is_said_and_the_page_stands(served: Served) -> None:
    served.city.lose_database()
    for path in ("/", "/en/station/lp-0001"):  # a page may be a second old
        wait_for("the page to say so", lambda path=path: 'role="alert"' in served.get(path).text, 10)  # type: ignore[misc]
        assert served.get(path).status == 200
    first = served.get("/en/").text
    assert "No readings now" not in first, "there may well be data: nobody can tell now"
    assert "Jianguo Rd East" in first
    assert "60 min mean" in first, "what is known stands there, and is renewed when the database is back"
    assert served.get("/readyz").status == 503
    assert served.get("/healthz").status == 200


def test_nobody_waits_for_a_database_that_hangs(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its client waits for half a minute, and each reader waited for those before as well."""
    monkeypatch.setattr(views, "PATIENCE_S", 0.5)
    answers = served.city.hang_database()
    try:
        began_s = time.monotonic()
        for path in ("/en/", "/en/wall", "/en/station/lp-0001", "/en/station/lp-0002", "/en/station/lp-0003"):
            assert "does not answer at the moment" in served.get(path).text
        assert time.monotonic() - began_s < 5
    finally:
        answers.set()
    wait_for("the page to have readings", lambda: 'role="alert"' not in served.get("/en/").text, 10)


def test_who_asks_in_the_very_second_in_which_the_database_begins_to_hang_waits_no_longer(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest readings were there still; for the past the page waited as long as the client of the database does."""
    operator = Operator(served)
    for path in ("/en/station/lp-0001", "/en/ops/station/lp-0001"):
        assert "does not answer at the moment" not in operator.get(path).text
        answers = served.city.hang_database()
        began_s = time.monotonic()
        try:
            with monkeypatch.context() as impatient:  # not of a database that is only slow
                impatient.setattr(views, "PATIENCE_S", 0.3)
                assert "does not answer at the moment" in operator.get(path + "?span=week").text
            assert time.monotonic() - began_s < 5
        finally:
            answers.set()


@pytest.mark.parametrize(
    "host", ["evil.example", "evil@127.0.0.1", "127.0.0.1.evil.example", "127.0.0.1/x", "[::1", ""]
)
def test_another_host_is_refused_and_told_the_setting(standing: Served, host: str) -> None:
    answer = standing.get("/", Host=host)
    assert (answer.status, "web: hosts" in answer.text) == (400, True)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_load_balancer_asks_under_whatever_name(standing: Served, path: str) -> None:
    assert standing.get(path, Host="10.2.0.7:8080").status == 200


@pytest.mark.parametrize("packed", ["gzip", "identity"])
def test_a_cache_is_told_that_pages_come_packed_and_plain(standing: Served, packed: str) -> None:
    assert standing.get("/", "HEAD", Accept_Encoding=packed).headers["vary"] == "Cookie, Accept-Encoding"


@pytest.mark.parametrize(
    ("takes", "packed"),
    [("gzip;q=0, identity", None), ("br, gzip; q=0.000", None), ("gzip;q=0.5", "gzip"), ("deflate, gzip", "gzip")],
)
def test_who_takes_no_gzip_gets_none(standing: Served, takes: str, packed: str | None) -> None:
    headers = standing.get("/", "HEAD", Accept_Encoding=takes).headers
    assert (headers.get("content-encoding"), headers["vary"]) == (packed, "Cookie, Accept-Encoding")


def test_a_page_after_an_update_does_not_run_the_script_of_before(standing: Served) -> None:
    first = standing.get("/static/page.js")
    again = standing.get("/static/page.js", If_None_Match=first.headers["etag"])
    assert (first.status, again.status) == (200, 304)
    assert first.headers["cache-control"] == again.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("host", ["127.0.0.1:99", "LOCALHOST"])
def test_our_own_names_are_answered_whatever_the_port(standing: Served, host: str) -> None:
    assert standing.get("/", Host=host).status == 200


def test_a_page_that_is_not_there_says_so_in_its_title_too(standing: Served) -> None:
    answer = standing.get("/en/nowhere")
    assert (answer.status, "<title>There is no such page. · Street sensing</title>" in answer.text) == (404, True)


def test_what_nobody_foresaw_is_a_page_in_the_reader_s_language(served: Served) -> None:
    served.city.alerts = [None]  # type: ignore[list-item]
    answer = served.get("/")
    assert (answer.status, TEXTS["broken"][0] in answer.text) == (500, True)
    assert TEXTS["broken"][1] in served.get("/en/station/lp-0001").text
    refused = served.get("/api/v1/alerts")
    assert (refused.status, '"reason":"broken"' in refused.text) == (500, True)
    assert "content-security-policy" in answer.headers


def test_every_answer_keeps_strangers_out(standing: Served) -> None:
    for path in ("/", "/static/page.js", "/nowhere", "/healthz"):
        headers = standing.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'")
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("query", ["?page=0", "?page=2", "?page=x", "?page=１"])
def test_a_page_that_is_not_there_is_404(standing: Served, query: str) -> None:
    from urllib.parse import quote

    assert standing.get("/" + quote(query, safe="?=")).status == 404


@pytest.mark.parametrize("nodes", ["UPPER", "a,b,,c", ",".join(["lp"] * 13), "a/b"])
def test_the_stream_takes_only_names(standing: Served, nodes: str) -> None:
    assert standing.get(f"/events?nodes={nodes}").status == 400


def test_names_are_escaped(served: Served) -> None:
    served.city.stations[0] = replace(served.city.stations[0], name_zh='<img src=x onerror="1">')
    assert "<img" not in served.get("/").text


def test_colours_stay_chosen(standing: Served) -> None:
    chosen = standing.get("/?colours=safe")
    assert 'class="safe"' in chosen.text
    cookie = chosen.headers["set-cookie"].partition(";")[0]
    assert 'class="safe"' in standing.get("/", Cookie=cookie).text


def test_first_load_is_small(standing: Served) -> None:
    total = sum(
        len(gzip.compress(standing.get(path).text.encode())) for path in ("/", "/static/page.css", "/static/page.js")
    )
    assert total < 30_000


def test_a_stream_is_packed_for_who_takes_it(served: Served) -> None:
    """An open front page of three busy stations took 15 kB a second: fifty megabytes an hour of a phone's."""
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)) as connection:
        asked = {"Accept-Encoding": "gzip"}
        connection.request("GET", "/events?lang=en&nodes=lp-0001&page=city", headers=asked)
        answer = connection.getresponse()
        assert (answer.getheader("content-encoding"), answer.getheader("vary")) == ("gzip", "Accept-Encoding")
        unpacked, text, sent = zlib.decompressobj(wbits=31), b"", 0
        for number in (1, 2):
            served.city.alerts = [replace(served.city.alerts[0], value=100.0 + number)]
            served.city.feed.publish({"type": "alert", "node": "lp-0001"})
            while f"10{number} µg/m³".encode() not in text:
                piece = answer.read1(65_536)
                sent, text = sent + len(piece), text + unpacked.decompress(piece)
    assert text.startswith(b"retry: 2000\n\ndata: <p data-live")
    assert sent < len(text) / 3


def test_a_stream_ends_when_the_server_stops(tmp_path: Path) -> None:
    served = Served(City(tmp_path))
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    connection.request("GET", "/events?nodes=lp-0001")
    answer = connection.getresponse()
    assert answer.getheader("X-Accel-Buffering") == "no", "nginx would tell nothing until it has some kilobytes"
    assert answer.readline() == b"retry: 2000\n"
    served.server.stop()
    assert answer.read() in (b"\n", b"")
    connection.close()
    served.city.close()


def test_a_taken_port_is_named(served: Served) -> None:
    with pytest.raises(PortTaken, match=f"127.0.0.1:{served.port}"):
        WebServer(None, "127.0.0.1", served.port).start()  # type: ignore[arg-type]


def test_no_text_of_the_public_pages_is_replaced_by_one_of_the_desk() -> None:
    assert len(TEXTS) == len(PUBLIC) + len(OPS)


def test_every_text_has_both_languages_with_the_same_parts() -> None:
    import string

    for zh, en in TEXTS.values():
        fields = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (zh, en)]
        assert fields[0] == fields[1], (zh, en)
