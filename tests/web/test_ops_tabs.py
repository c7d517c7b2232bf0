"""The tabs of the operators' desk: conditions, questions, planned quiet, deliveries, asking a device."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from collector.questions.canned import CANNED
from collector.rules.silence import Silence, matchers
from collector.web.condition import conditions
from collector.web.desk.file import DeskFile
from collector.web.desk.reports import Reports
from collector.web.readings import look
from tests.servers import wait_for
from tests.web.city import City
from tests.web.operator import Operator
from tests.web.served import Served
from wire.times import HOUR_MS, MINUTE_MS

NOW_MS = 1_790_000_000_000


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Operator, City]]:
    half_past_ms = time.time_ns() // 1_000_000 // HOUR_MS * HOUR_MS - HOUR_MS // 2
    city = City(tmp_path_factory.mktemp("tabs"), half_past_ms)  # an hour is closed, whenever the test is run
    city.fill_an_hour()
    served = Served(city)
    yield Operator(served), city
    served.server.stop()
    city.close()


@pytest.mark.parametrize("tab", ["", "/stations", "/data", "/maintenance", "/deliveries", "/reports", "/audit"])
def test_every_tab_is_there_in_both_languages_and_names_itself(desk: tuple[Operator, City], tab: str) -> None:
    operator, _ = desk
    for root in ("/ops", "/en/ops"):
        answer = operator.get(root + tab)
        assert answer.status == 200
        assert f'href="{root}{tab}" aria-current="page"' in answer.text


def test_the_desk_s_map_leads_to_the_desk_s_own_pages(desk: tuple[Operator, City]) -> None:
    """Whoever pressed a marker stood before the public page, without alerts, vitals and questions to the device."""
    operator, _ = desk
    shown = operator.get("/en/ops").text.partition('data-live="map"')[2].partition("data-live=")[0]
    assert 'href="/en/ops/station/lp-0001" aria-label="Jianguo Rd East:' in shown
    assert 'href="/en/station/' not in shown


def test_a_canned_question_is_answered_as_a_table_and_as_csv(desk: tuple[Operator, City]) -> None:
    operator, _ = desk
    page = operator.get("/en/ops/data?q=windows&since=24h&node=lp-0001").text
    assert "<td>air-1</td>" in page
    assert "lamppost query run windows --since 24h" in page
    link = re.search('href="([^"]*)" download="windows.csv"', page)
    assert link is not None
    text = operator.get("/en/ops/data" + unescape(link[1])).text  # it led to the page, which was kept as windows.csv
    assert text.startswith("\ufefftime,"), "Excel shows Chinese as what it is"
    assert "no such quantity" in operator.get("/en/ops/data?q=windows&quantity=pm2").text
    assert operator.get("/ops/data?q=drop").status == 404


def test_the_chinese_desk_says_in_chinese_why_a_question_cannot_be_asked(desk: tuple[Operator, City]) -> None:
    operator, _ = desk
    for asked, says in (
        ("q=windows&quantity=pm25_ugm", "quantity=pm25_ugm：没有这个指标；是不是 pm25_ugm3？"),
        ("q=windows&quantity=pm25_raw_ugm3", "没有小时和日均值"),
        ("q=windows&node=LP 1".replace(" ", "+"), "node=LP 1：编号为 1 到 63 个 a-z、0-9 和 -"),
        ("q=windows&nodes=lp-1", "windows 没有变量 nodes：是不是 node？"),
        ("q=index&every=2h", "every=2h：可用的有 1h、1d"),
    ):
        trouble = operator.get(f"/ops/data?{asked}").text.partition('class="trouble"')[2].partition("</p>")[0]
        assert says in trouble


def test_a_variable_that_takes_one_of_a_few_words_is_chosen_and_not_guessed(desk: tuple[Operator, City]) -> None:
    operator, _ = desk
    page = operator.get("/en/ops/data?q=index&standard=us").text
    assert '<select name="standard"><option value="">china</option>' in page
    assert "<option selected>us</option>" in page


def test_what_a_question_takes_is_called_in_words_and_quantities_are_found_by_their_names(
    desk: tuple[Operator, City],
) -> None:
    """Fields were called `every` and `quantity`, in Chinese too; who knew no pm25_ugm3 by heart could ask nothing."""
    operator, _ = desk
    page = operator.get("/ops/data?q=windows&since=7d").text
    assert "指标 <code>quantity</code>" in page
    assert '<option value="7d" selected>7 天</option>' in page
    (names,) = re.findall(r'<datalist id="quantities">(.*)</datalist>', page)
    assert '<option value="no2_ugm3">二氧化氮</option>' in names
    assert "pm25_raw_ugm3" not in names, "it has no hours"
    for question in CANNED:
        assert operator.get(f"/en/ops/data?q={question}").status == 200


def test_another_question_is_answered_though_the_form_still_says_what_the_first_was_asked(
    desk: tuple[Operator, City],
) -> None:
    """The fields of the question before went along, and the next one was refused for them."""
    operator, _ = desk
    page = operator.get("/en/ops/data?q=health&since=24h&quantity=pm25_ugm3&every=1h&node=lp-0001").text
    assert 'class="trouble"' not in page
    assert 'name="quantity"' not in page
    page = operator.get("/en/ops/data?q=windows&since=24h&quantity=pm25_ugm3&standard=china").text
    assert "lamppost query run windows --since 24h --var quantity=pm25_ugm3<" in page, "the same question at a terminal"
    assert 'class="trouble"' in operator.get("/en/ops/data?q=windows&nodes=lp-0001").text, "a slip is none's variable"


def test_an_operator_finds_a_station_by_a_part_of_its_name(desk: tuple[Operator, City]) -> None:
    operator, _ = desk
    assert operator.get("/en/ops/stations").text.count('<th scope="row">') == 3
    found = operator.get("/en/ops/stations?find=xueyuan").text
    assert found.count('<th scope="row">') == 1
    assert "<code>lp-0002</code>" in found
    nobody = operator.get("/en/ops/stations?find=nowhere").text
    assert "No station has “nowhere” in its name." in nobody
    assert "<table" not in nobody


PLAN = {"start": "2027-03-01T08:00", "end": "2027-03-01T10:00", "note": "new mast"}


def test_maintenance_is_planned_previewed_and_ended(desk: tuple[Operator, City]) -> None:
    operator, city = desk
    plan = PLAN | {"match": "node=lp-0002 rule=*"}
    seen = operator.post("/en/ops/maintenance", plan | {"do": "preview"})
    assert "Alerts that match now: 0" in seen.text
    assert not city.duty.silences()
    assert operator.post("/en/ops/maintenance", plan | {"do": "silence"}).status == 303
    (silence,) = city.duty.silences()
    assert (silence.who, silence.note) == ("li", "new mast")
    page = operator.get("/en/ops/maintenance").text
    assert "Times: Asia/Shanghai" in page
    assert "node=lp-0002 rule=*" in page
    assert "planned" in page
    assert "2027-03-01 08:00" in page
    assert "no such station" not in page
    wrong = operator.post("/en/ops/maintenance", plan | {"do": "silence", "match": "nod=1"})
    assert "did you mean" in wrong.text
    assert operator.post(f"/en/ops/maintenance/{silence.name}/end", {}).status == 303
    assert not city.duty.silences()
    assert operator.post("/en/ops/maintenance", plan | {"do": "silence", "match": "node=lp-002"}).status == 303
    assert "There is no such station" in operator.get("/en/ops/maintenance").text, "a slip keeps nobody quiet"


@pytest.mark.parametrize(
    ("slip", "zh", "en"),
    [
        ({"match": "nod=lp-0001"}, "是不是 'node'？", "did you mean 'node'?"),
        ({"match": "lp-0001"}, "不是匹配条件", "is not a matcher"),
        ({"match": "node=LP_1"}, "什么也匹配不到", "can match nothing"),
        ({"match": " "}, "请写明要静默什么", "name what to silence"),
        ({"end": "2027-03-01T07:00"}, "结束要晚于开始", "ends after it starts"),
        ({"start": "2020-03-01T07:00", "end": "2020-03-01T08:00"}, "已经过去", "ended before now"),
    ],
)
def test_a_slip_in_a_plan_is_told_in_the_language_of_the_desk(
    desk: tuple[Operator, City], slip: dict[str, str], zh: str, en: str
) -> None:
    operator, city = desk
    before = city.duty.silences()
    for path, said in (("/ops/maintenance", zh), ("/en/ops/maintenance", en)):
        page = operator.post(path, PLAN | {"match": "node=*", "do": "silence"} | slip).text
        assert said in unescape(page.partition('role="alert">')[2].partition("</p>")[0])
    assert city.duty.silences() == before


def test_alerts_are_called_by_rule_and_station_and_not_by_fingerprint(served: Served) -> None:
    operator = Operator(served)
    assert operator.post("/ops/alert/f1/silence", {"note": "x", "length": "8h"}).status == 303
    quiet = operator.get("/en/ops/maintenance").text.partition("Plan a silence")[0]
    assert "/en/ops/alert/f1" in quiet
    assert "/en/ops/station/lp-0001" in quiet
    seen = operator.post("/en/ops/maintenance", PLAN | {"match": "rule=*", "do": "preview"}).text
    told = seen.partition('role="status">')[2].partition("</p>")[0]
    assert "/en/ops/station/lp-0001" in told, "a rule alone does not say what would fall silent"


@pytest.mark.parametrize(
    ("match", "start_min", "nodes"),
    [
        ("node=lp-000* rule=pm25-*", 0, ["lp-0001", "lp-0002", "lp-0003"]),
        ("site=jianguo-rd-*", 0, ["lp-0001"]),
        ("site=jianguo-rd-* node=lp-0002", 0, []),
        ("node=lp-0002", 30, []),
        ("rule=*", 0, []),
    ],
)
def test_a_station_is_called_silenced_by_any_name_that_a_silence_gives_it(
    desk: tuple[Operator, City], match: str, start_min: int, nodes: list[str]
) -> None:
    operator, city = desk
    start_ms = city.now_ms() + start_min * MINUTE_MS
    silence = Silence.made(matchers(match), start_ms, start_ms + 60 * MINUTE_MS, "li", "")
    city.duty.desk.silence(silence, city.now_ms())
    rows = operator.get("/en/ops/stations").text.split("<tr ")[1:]
    quiet = [re.findall("<code>(lp-.*?)</code>", row)[0] for row in rows if "</svg>silenced" in row]
    assert sorted(quiet) == nodes
    city.duty.desk.unsilence(silence.name, "li", city.now_ms())


def test_the_trail_calls_alerts_silences_and_stations_as_people_do(desk: tuple[Operator, City]) -> None:
    """A silence of one alert stood there with its fingerprint, and a station by its node."""
    operator, city = desk
    with closing(DeskFile(city.desk)) as file:
        for about in (
            "f1: on my way",
            "s-1a2b3c fingerprint=f1: works",
            "s-4d5e6f node=lp-0001",
            "lp-0002",
            "a report",
        ):
            file.note("li", "silenced", about, city.now_ms())
    rows = re.findall(r"<td>silenced</td><td>\s*(.*?)\s*</td>", operator.get("/en/ops/audit").text, re.S)
    alert = '<a href="/en/ops/alert/f1">PM2.5 hourly mean too high</a>'
    alert += ' · <a href="/en/ops/station/lp-0001">Jianguo Rd East</a>'
    assert rows == [
        "a report",
        '<a href="/en/ops/station/lp-0002">Xueyuan Rd</a>',
        "s-4d5e6f node=lp-0001",
        f"s-1a2b3c {alert}: works",
        f"{alert}: on my way",
    ]


def test_what_could_not_be_told_is_shown_and_tried_again(desk: tuple[Operator, City]) -> None:
    operator, city = desk
    page = operator.get("/en/ops/deliveries").text
    assert "HTTP 502" in page
    assert "PM2.5 high" in page
    link = '<a href="/en/ops/station/lp-0002">Xueyuan Rd</a>'
    assert f"<p>{link} · <b>Station silent</b></p>" in page, "a station, not the site and node of its message"
    assert '<td><a href="/en/ops/station/lp-0001">Jianguo Rd East</a></td><td><a href="/en/ops/alert/f1">' in page
    assert operator.post("/en/ops/deliveries/revive", {"delivery": "d|sms"}).status == 303
    assert city.duty.asked[-1] == ("revive", {"delivery": "d|sms", "who": "li"})


def test_a_device_is_asked_and_its_answer_stands_on_its_page(desk: tuple[Operator, City]) -> None:
    operator, city = desk
    assert operator.post("/en/ops/station/lp-0001/ask/doctor", {}).status == 303
    page = operator.get("/en/ops/station/lp-0001").text
    assert "no NTP for 2 h" in page
    assert "check the network" in page
    page = operator.get("/ops/station/lp-0001").text
    assert "<td>警告</td><td><code>clock.sync</code></td><td>2 小时没有 NTP</td><td>检查网络的时间服务器</td>" in page
    assert "<td>3 sensors</td>" in page, "an agent of before says it in English alone"
    assert city.asked[-1][:2] == ("lp-0001", "doctor")
    assert operator.post("/en/ops/station/lp-0001/ask/reboot", {}).status == 404
    assert "ask doctor" in operator.get("/en/ops/audit").text
    assert "<td>体检</td>" in operator.get("/ops/audit").text
    assert "<td>登录</td>" in operator.get("/ops/audit").text


def test_the_last_raw_frames_of_a_device_stand_on_its_page(desk: tuple[Operator, City]) -> None:
    operator, city = desk
    values = {"pm25_raw_ugm3": 35.0, "temp_c": 0.0}
    city.frames = [
        {"name": "air-1", "at_ms": city.now_ms(), "frame": "42 4d | 00 1c", "values": [values], "flags": []},
        {"name": "air-2", "bad_at_ms": city.now_ms(), "bad": "aa c0 <b>", "reason": "checksum"},
        {"name": "radar-1"},
    ]
    assert operator.post("/en/ops/station/lp-0001/ask/frames", {}).status == 303
    page = operator.get("/en/ops/station/lp-0001").text
    for said in ("42 4d | 00 1c", "35 µg/m³", "0 °C", "aa c0 &lt;b&gt;", "damaged: checksum", "none heard yet"):
        assert said in page, said


@pytest.mark.parametrize(
    "one",
    [
        "text", {}, {"name": 1}, {"name": "a", "frame": "42"}, {"name": "a", "frame": 1, "at_ms": 1},
        {"name": "a", "frame": "42", "at_ms": 2**60}, {"name": "a", "frame": "42", "at_ms": 1, "values": [{"x": "y"}]},
        {"name": "a", "frame": "42", "at_ms": 1, "values": [{"x": float("nan")}]}, {"name": "a", "bad": "42"},
        {"name": "a", "frame": "42", "at_ms": 1, "values": None}, {"name": "a", "frame": "42", "at_ms": True},
        {"name": "a", "frame": "42", "at_ms": 1},
    ],
)  # fmt: skip
def test_a_device_that_answers_nonsense_does_not_spoil_the_page(desk: tuple[Operator, City], one: Any) -> None:
    operator, city = desk
    city.frames = [one]
    assert operator.post("/en/ops/station/lp-0001/ask/frames", {}).status == 303
    assert operator.get("/en/ops/station/lp-0001").status == 200


def test_a_doctor_that_talks_nonsense_does_not_spoil_the_page(desk: tuple[Operator, City]) -> None:
    """The page was broken for every operator until the collector began anew."""
    operator, city = desk
    city.checks = [{"id": "clock.sync", "state": "ok", "text": "", "cure": ""}, {"id": "clock.sync", "state": "ok"}]
    assert operator.post("/en/ops/station/lp-0001/ask/doctor", {}).status == 303
    assert operator.get("/en/ops/station/lp-0001").status == 200


def test_conditions_are_told_apart(tmp_path: Path) -> None:
    city = City(tmp_path, NOW_MS)
    city.fill_an_hour()
    first, second, third = look(city.store, city.stations, NOW_MS)

    def words(view: object, warm_up_s: float = 0, silenced: bool = False, retired: bool = False) -> list[str]:
        return [one.word for one in conditions(view, warm_up_s, silenced, retired)]  # type: ignore[arg-type]

    def with_station(view: object, **changes: object) -> object:
        from dataclasses import replace

        return replace(view, station=replace(view.station, **changes))  # type: ignore[attr-defined,type-var]

    assert words(first) == ["live"]
    assert words(second) == ["offline", "stale"]
    assert words(third) == ["none"]
    assert words(with_station(second, online=True, since_ms=NOW_MS - 60 * MINUTE_MS)) == ["sensor_fault", "stale"]
    assert words(with_station(third, online=True, since_ms=NOW_MS - 5000), 30) == ["warming_up", "none"]
    assert words(with_station(first, clock="estimated"), silenced=True) == ["clock_unsynced", "silenced"]
    assert words(first, retired=True) == ["retired"]
    signs = {one.sign for view in (first, second, third) for one in conditions(view, 0, True, False)}
    assert len(signs) == 4
    city.close()


def test_a_reading_out_of_range_is_a_condition(tmp_path: Path) -> None:
    city = City(tmp_path, NOW_MS)
    code = {"pm25_raw_ugm3": [9000.0], "qc": [4], "qc_code": ["pm25_raw_ugm3:range"]}
    city.write("lp-0001", "air-1", "air_quality", [NOW_MS - 5000], code)
    (view,) = look(city.store, city.stations[:1], NOW_MS)
    assert [one.word for one in conditions(view, 0, False, False)] == ["out_of_range"]
    city.close()


def test_the_desk_counts_no_station_that_was_put_out_among_those_that_are_missed(served: Served) -> None:
    """After a year of works the bar was red for good: so many offline, and so many not fresh."""
    operator = Operator(served)

    def bar() -> str:
        found = operator.get("/en/ops").text.partition('data-live="ops-bar">')[2].partition("</p>")[0]
        return " ".join(re.sub("<[^>]*>", "", found).split())

    wait_for("the whole city to be known", lambda: "1/3 stations fresh" in bar())
    assert "1 offline" in bar()
    assert operator.post("/ops/station/lp-0002/change", {"kind": "removed"}).status == 303
    assert "1/2 stations fresh" in bar()
    assert "0 offline" in bar()


def test_a_station_that_was_removed_is_retired(tmp_path: Path) -> None:
    file = DeskFile(tmp_path / "desk.db")
    reports = Reports(file)
    reports.add_change("lp-0001", "installed", "", "", 1)
    reports.add_change("lp-0001", "removed", "", "", 2)
    reports.add_change("lp-0002", "removed", "", "", 1)
    reports.add_change("lp-0002", "installed", "", "", 3)
    assert reports.retired() == {"lp-0001"}
    reports.add_change("lp-0001", "installed", "", "", 0)
    assert reports.retired() == set(), "the clock was set back: nobody would be called for its silence any more"
    file.close()
