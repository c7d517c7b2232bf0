"""The open API: strict questions, stable answers, nothing about few vehicles."""

from __future__ import annotations

import csv
import json
import re
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.web import query
from collector.web.parameters import READINGS
from tests.web.city import City
from tests.web.served import Served
from wire.times import MINUTE_MS

ROOT = "/api/v1"


def rows(standing: Served, question: str) -> list[dict[str, Any]]:
    answer = standing.get(f"{ROOT}/readings?{question}")
    assert answer.status == 200, answer.text
    found: list[dict[str, Any]] = json.loads(answer.text)["rows"]
    return found


def _moment(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _since(served: Served, minutes: int) -> str:
    return f"from={_moment(served.city.started_ms - minutes * MINUTE_MS)}"


def test_stations_come_a_page_at_a_time(standing: Served) -> None:
    names, following = [], f"{ROOT}/stations?limit=2"
    while following:
        page = json.loads(standing.get(following).text)
        names += [station["node"] for station in page["stations"]]
        following = page["next"]
    assert names == ["lp-0001", "lp-0002", "lp-0003"]


def test_readings_have_units_quality_and_the_time_zone_asked_for(standing: Served) -> None:
    found = rows(standing, "node=lp-0001&every=15m&tz=Europe/Berlin")
    assert {row["sensor"] for row in found} == {"air-1", "air-2"}
    assert found[0]["time"].endswith(("+01:00", "+02:00"))
    assert found[0]["pm25_raw_ugm3"] is not None
    assert json.loads(standing.get(f"{ROOT}/readings?node=lp-0001").text)["units"]["pm25_ugm3"] == "µg/m³"


def test_pages_of_readings_join_without_gap_or_double(standing: Served) -> None:
    question = f"node=lp-0002&every=1m&{_since(standing, 90)}&to={_moment(standing.city.started_ms)}"
    whole = rows(standing, f"{question}&limit=1000")
    joined, following = [], f"{ROOT}/readings?{question}&limit=20"
    while following:
        page = json.loads(standing.get(following).text)
        joined += page["rows"]
        following = page["next"]
    assert len(whole) > 40
    assert joined == whole


@pytest.mark.parametrize(
    ("question", "quantity"),
    [
        ("every=1m", "pm25_raw_ugm3"),
        ("limit=1", "pm25_raw_ugm3"),
        ("kind=weather", "temp_c"),
        ("every=1h", "pm25_ugm3"),
    ],
)
def test_who_names_no_start_gets_the_newest_page(tmp_path: Path, question: str, quantity: str) -> None:
    """Whoever plots what a first question gives sees now, and not the first hours of yesterday."""
    city = City(tmp_path, 1_790_000_123_000)
    city.fill_an_hour()
    served = Served(city)
    answer = json.loads(served.get(f"{ROOT}/readings?node=lp-0001&{question}").text)
    served.server.stop()
    city.close()
    newest = datetime.fromisoformat(answer["rows"][-1]["time"]).timestamp() * 1000
    assert newest <= city.started_ms < newest + 1000 * answer["every_s"]
    assert any(row[quantity] is not None for row in answer["rows"])
    assert answer["next"] is None


@pytest.mark.parametrize("limit", [1, 3])
def test_of_traffic_too_the_newest_windows_that_may_be_told(tmp_path: Path, limit: int) -> None:
    city = City(tmp_path, 1_790_000_123_000)
    city.fill_an_hour()
    served = Served(city)
    answer = json.loads(served.get(f"{ROOT}/readings?node=lp-0001&kind=traffic_flow&limit={limit}").text)
    served.server.stop()
    city.close()
    assert len(answer["rows"]) == limit
    newest = datetime.fromisoformat(answer["rows"][-1]["time"]).timestamp() * 1000
    assert city.started_ms - 660_000 < newest <= city.started_ms - 360_000, "over since a minute"
    assert answer["next"] is None


@pytest.mark.parametrize("form", ["json", "csv"])
def test_no_answer_tells_of_fewer_than_five_vehicles(standing: Served, form: str) -> None:
    answer = standing.get(f"{ROOT}/readings?node=lp-0001&kind=traffic_flow&format={form}")
    if form == "json":
        found = json.loads(answer.text)["rows"]
    else:
        found = list(csv.DictReader(line for line in answer.text.splitlines() if not line.startswith("#")))
        for row in found:
            row["masked"] = row["masked"].split()
    hidden = [row for row in found if "count" in row["masked"]]
    assert hidden
    assert all(row["speed_tms_kmh"] in (None, "") and row["count"] in (None, "") for row in hidden)
    assert all(int(row["count"]) >= 5 for row in found if row not in hidden)


def test_a_reading_that_failed_is_in_no_mean(tmp_path: Path) -> None:
    """Only what failed leaves its windows (decision 20): five of thirty minutes read what cannot be."""
    start_ms = 1_790_000_100_000 // 3_600_000 * 3_600_000
    city = City(tmp_path, start_ms + 90 * MINUTE_MS)
    times = list(range(start_ms, start_ms + 30 * MINUTE_MS, 10_000))
    failed = [time_ms < start_ms + 5 * MINUTE_MS for time_ms in times]
    columns: dict[str, list[object]] = {
        "pm25_ugm3": [5000.0 if bad else 20.0 for bad in failed],
        "pm25_raw_ugm3": [5000.0 if bad else 20.0 for bad in failed],
        "pm10_ugm3": [30.0] * len(times),
        "qc": [4 if bad else 1 for bad in failed],
        "qc_code": ["pm25_ugm3:range,pm25_raw_ugm3:range" if bad else None for bad in failed],
        "cq": [0] * len(times),
    }
    city.write("lp-0001", "air-1", "air_quality", times, columns)
    city.roll_up()
    served = Served(city)
    since = quote(datetime.fromtimestamp(start_ms / 1000, UTC).isoformat())

    def told(every: str) -> list[tuple[Any, ...]]:
        names = ("pm25_ugm3", "pm25_raw_ugm3", "pm10_ugm3", "rows", "qc")
        return [tuple(row[name] for name in names) for row in rows(served, f"node=lp-0001&every={every}&from={since}")]

    assert told("5m")[:2] == [(None, None, 30.0, 30, 4), (20.0, 20.0, 30.0, 30, 1)]
    assert told("1h") == [(20.0, None, 30.0, 180, 4)]
    served.server.stop()
    city.close()


def test_traffic_in_a_second_length_of_window_is_refused(standing: Served) -> None:
    answer = standing.get(f"{ROOT}/readings?node=lp-0001&kind=traffic_flow&every=1h")
    assert answer.status == 400


def test_no_window_of_traffic_is_told_in_part(tmp_path: Path) -> None:
    start_ms = 1_790_000_100_000 // 300_000 * 300_000
    city = City(tmp_path, start_ms + 8 * MINUTE_MS)
    columns: dict[str, list[object]] = {"count": [9, 1, 6, 2, 7, 9, 9, 9], "speed_tms_kmh": [50.0, 83.0, *([40.0] * 6)]}
    city.write("lp-0001", "radar-1", "traffic_flow", [start_ms + n * MINUTE_MS for n in range(8)], columns)
    served = Served(city)

    def told(minutes: int) -> list[dict[str, Any]]:
        ends = (datetime.fromtimestamp(ms / 1000, UTC).isoformat() for ms in (start_ms, start_ms + minutes * MINUTE_MS))
        since, until = map(quote, ends)
        return rows(served, f"node=lp-0001&kind=traffic_flow&from={since}&to={until}")

    counts = {minutes: [row["count"] for row in told(minutes)] for minutes in (1, 2, 4, 5, 6, 10, 30)}
    assert counts == {1: [], 2: [], 4: [], 5: [25], 6: [25], 10: [25], 30: [25]}
    assert [row["count"] for row in rows(served, "node=lp-0001&kind=traffic_flow")] == [25]
    served.server.stop()
    city.close()


def test_alerts_on_traffic_tell_of_no_vehicle(tmp_path: Path) -> None:
    city = City(tmp_path)
    one = replace(city.alerts[0], kind="traffic_flow", quantity="wrong_way_count", value=1.0, rule="wrong-way")
    slow = replace(one, quantity="speed_tms_kmh", value=19.7, rule="congestion", text_en="Slow", detail_en=": at 19.7")
    city.alerts = [one, slow]
    served = Served(city)
    (told,) = json.loads(served.get(f"{ROOT}/alerts").text)["alerts"]
    assert (told["rule"], told["value"], told["text"]["en"]) == ("congestion", None, "Slow")
    for page in ("/en/", "/en/station/lp-0001", "/wall"):
        assert "19.7" not in served.get(page).text
    served.server.stop()
    city.close()


def test_csv_says_true_and_false_as_json_does(standing: Served) -> None:
    lines = standing.get(f"{ROOT}/stations?format=csv").text.splitlines()
    assert [row["online"] for row in csv.DictReader(lines[1:])] == ["true", "false", ""]


def test_csv_carries_the_notice_and_the_licence(standing: Served) -> None:
    answer = standing.get(f"{ROOT}/readings?node=lp-0001&format=csv&limit=2&every=1m&{_since(standing, 60)}")
    assert answer.text.startswith("# 本页为小型传感器的参考数据")
    assert answer.text.partition("\n")[0].endswith(f"CC-BY-4.0 {standing.url('/data')}"), "a file says where it is from"
    assert answer.headers["content-type"].startswith("text/csv")
    assert 'rel="next"' in answer.headers["link"]


def test_what_a_person_downloads_is_opened_by_excel_as_what_it_is(standing: Served) -> None:
    """Without the mark a Chinese Excel reads UTF-8 as GBK, and 学院路 becomes something else."""
    plain, marked = (standing.get(f"{ROOT}/stations?format={form}") for form in ("csv", "excel"))
    assert marked.text == "\ufeff" + plain.text
    assert "学院路" in plain.text
    assert marked.headers["content-type"] == plain.headers["content-type"]


def test_what_a_person_downloads_has_times_that_excel_can_reckon_with(standing: Served) -> None:
    """2026-03-01T08:00:00+08:00 is text to it: nothing could be drawn by its time."""
    asked = f"{ROOT}/readings?node=lp-0001&limit=2&{_since(standing, 60)}&format="
    plain, excel = (standing.get(asked + form).text.splitlines() for form in ("csv", "excel"))
    assert "时间 times: Asia/Shanghai CC-BY-4.0" in excel[0]
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00,", plain[2])
    assert excel[2] == plain[2].replace("T", " ", 1).replace("+08:00,", ",", 1)
    assert excel[1] == plain[1]


def test_the_same_question_is_cached_by_its_etag(standing: Served) -> None:
    first = standing.get(f"{ROOT}/stations")
    again = standing.get(f"{ROOT}/stations", If_None_Match=first.headers["etag"])
    assert (again.status, again.text) == (304, "")
    assert "public" in first.headers["cache-control"]


def test_other_sites_may_read_the_open_data_only(standing: Served) -> None:
    assert (
        standing.get(f"{ROOT}/stations", Origin="https://other.example").headers["access-control-allow-origin"] == "*"
    )
    assert "access-control-allow-origin" not in standing.get("/", Origin="https://other.example").headers


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("", "missing-parameter"),
        ("node=lp-0001&colour=red", "unknown-parameter"),
        ("node=lp-0001&node=lp-0002", "repeated-parameter"),
        ("node=<script>", "bad-value"),
        ("node=lp-0001&every=7m", "bad-value"),
        ("node=lp-0001&limit=0", "bad-value"),
        ("node=lp-0001&limit=" + quote("１２"), "bad-value"),
        ("node=lp-0001&from=yesterday", "bad-value"),
        ("node=lp-0001&from=2026-03-01T08:00:00", "bad-value"),
        ("node=lp-0001&from=2026-13-01T08:00:00Z", "bad-value"),
        ("node=lp-0001&from=1970-01-01T00:00:00Z", "bad-value"),
        ("node=lp-0001&tz=../../etc/passwd", "bad-value"),
        ("node=lp-0001&tz=localtime", "bad-value"),
        ("node=lp-0001&from=2027-03-01T08:00:00Z&to=2026-03-01T08:00:00Z", "bad-range"),
        ("node=lp-9999", "unknown-node"),
    ],
)
def test_a_bad_question_is_refused_with_a_reason_and_nothing_of_itself(
    standing: Served, question: str, reason: str
) -> None:
    answer = standing.get(f"{ROOT}/readings?{quote(question, safe='=&%')}")
    assert answer.status == (404 if reason == "unknown-node" else 400)
    assert json.loads(answer.text)["error"]["reason"] == reason
    assert "script" not in answer.text
    assert "passwd" not in answer.text


@given(
    st.lists(st.tuples(st.sampled_from(["node", "from", "to", "tz", "limit", "x"]), st.text(max_size=30)), max_size=4)
)
@settings(max_examples=100)
def test_any_question_is_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    with suppress(query.BadQuery):
        query.read(pairs, READINGS)


def test_a_moment_is_read_to_the_millisecond_after_2038_too() -> None:
    assert query.instant("2039-02-20T03:29:02.049Z") == 2_181_785_342_049


def test_a_zone_is_looked_for_on_the_disk_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six hundred files were opened for each question, while every page waited."""
    assert query.zone("Europe/Berlin").key == "Europe/Berlin"
    monkeypatch.setattr(query, "available_timezones", set)
    assert query.zone("Asia/Tokyo").key == "Asia/Tokyo"
    with pytest.raises(ValueError, match="IANA"):
        query.zone("right/UTC")


def test_the_description_names_every_path_and_every_column(standing: Served) -> None:
    described = json.loads(standing.get(f"{ROOT}/openapi.json").text)
    deeds = "/alerts/{fingerprint}/{verb}"
    assert set(described["paths"]) == {"/stations", "/readings", "/concentrations", "/indices", "/alerts", deeds}
    air = described["components"]["schemas"]["Readings"]["properties"]["rows"]["items"]["oneOf"][0]
    assert set(rows(standing, "node=lp-0001")[0]) == set(air["properties"]) == set(air["required"])


def test_unknown_addresses_and_methods_answer_in_json(standing: Served) -> None:
    assert json.loads(standing.get(f"{ROOT}/nothing").text)["error"]["reason"] == "no-such-address"
    refused = standing.get(f"{ROOT}/stations", method="POST")
    assert "GET" in refused.headers["allow"]
    assert (refused.status, json.loads(refused.text)["error"]["reason"]) == (405, "method-not-allowed")


def test_an_absent_database_is_503(served: Served) -> None:
    served.city.lose_database()
    assert served.get(f"{ROOT}/readings?node=lp-0001").status == 503


def test_alerts_tell_nothing_of_who_works_on_them(standing: Served) -> None:
    found = json.loads(standing.get(f"{ROOT}/alerts?state=firing").text)["alerts"]
    assert [alert["fingerprint"] for alert in found] == ["f1"]
    assert not [key for key in found[0] if key.startswith("ack")]
