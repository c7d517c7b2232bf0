"""The operators' door and desk, as a program tries them."""

from __future__ import annotations

import http.client
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from html import escape, unescape
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from collector.health.health import Health, Trouble
from collector.web import ops, past
from collector.web.desk.accounts import IDLE_MS, Accounts, NotAccepted
from collector.web.desk.file import DeskFile
from collector.web.words import Words
from tests.web.city import City
from tests.web.operator import FORM, PASSWORD, Operator, log_in, post
from tests.web.served import Served
from wire.exits import Failure


@pytest.mark.parametrize("path", ["/ops", "/ops/audit", "/ops/reports", "/ops/station/lp-0001", "/ops/events"])
def test_a_stranger_is_led_to_the_door(standing: Served, path: str) -> None:
    answer = standing.get(path)
    assert (answer.status, answer.headers["location"].partition("?")[0]) == (303, "/ops/login")


@pytest.mark.parametrize("wanted", ["", "/alert/f1", "/data?q=highest&since=30d"])
def test_the_door_leads_on_to_the_page_that_one_wanted(served: Served, wanted: str) -> None:
    """A message at night links to its alert, whether its reader is logged in or not."""
    log_in(served)
    door = served.get("/en/ops" + wanted).headers["location"]
    page = served.get(door).text
    (to,) = re.findall(r'name="to" value="([^"]*)"', page)
    assert f'href="{escape(door.removeprefix("/en"))}"' in page, "the other language leads there too"
    fields = {"name": "li", "password": "wrong", "to": unescape(to)}
    assert f'name="to" value="{to}"' in post(served, "/en/ops/login", **fields).text
    assert post(served, "/en/ops/login", **fields | {"password": PASSWORD}).headers["location"] == "/en/ops" + wanted


def test_the_door_leads_nowhere_else(served: Served) -> None:
    log_in(served)
    answer = post(served, "/ops/login", name="li", password=PASSWORD, to="@evil.example")
    assert answer.headers["location"] == "/ops"


def test_the_door_asks_once_more_from_here_where_a_link_of_elsewhere_led_to_it(standing: Served) -> None:
    asked = standing.get("/en/ops/login?to=%2Fdata%3Fq%3Dhighest", Sec_Fetch_Site="cross-site")
    assert asked.headers["refresh"] == "0; url=/en/ops/data?q=highest"
    assert "refresh" not in standing.get("/en/ops/login?to=%2Fdata", Sec_Fetch_Site="same-origin").headers
    for to, leads in (("%40evil.example", "/ops"), ("%2Fdata%0D%0Ax", "/ops/data%0D%0Ax")):
        answer = standing.get(f"/ops/login?to={to}", Sec_Fetch_Site="cross-site")
        assert answer.headers["refresh"] == f"0; url={leads}"


def test_who_is_no_longer_logged_in_hears_that_a_form_was_in_vain(served: Served) -> None:
    operator = Operator(served)
    operator.post("/ops/logout", {})
    answer = operator.post("/en/ops/alert/f1/acknowledge", {"note": "on <my> way", "length": "8h"})
    assert answer.status == 403
    assert "nothing was done" in answer.text
    assert "<blockquote>on &lt;my&gt; way</blockquote>" in answer.text, "what was written is not lost"
    assert served.city.duty.deeds == []


def test_an_open_desk_is_told_nothing_more_once_its_reader_s_session_has_ended(served: Served) -> None:
    cookie = log_in(served)
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)) as connection:
        connection.request("GET", "/ops/events", headers={"Cookie": cookie})
        stream = connection.getresponse()
        assert stream.readline() == b"retry: 2000\n"
        with closing(DeskFile(served.city.desk)) as file:
            assert Accounts(file).remove("li")
        served.city.feed.publish({"type": "alert", "fingerprint": "f1"})
        assert stream.read().strip() == b""


def test_the_setup_link_works_once(served: Served) -> None:
    token = served.app.state.setup_path.partition("token=")[2]
    assert post(served, "/ops/setup", token="x", name="li", password=PASSWORD).status == 403
    assert post(served, "/ops/setup", token=token, name="li", password="short").status == 400
    assert post(served, "/ops/setup", token=token, name="li", password=PASSWORD).status == 303
    assert post(served, "/ops/setup", token=token, name="eve", password=PASSWORD).status == 403
    used = served.get(f"/en/ops/setup?token={token}")
    assert (used.status, "<form" in used.text, '<a href="/en/ops/login">' in used.text) == (403, False, True)


def test_the_setup_link_is_the_same_in_the_other_language(served: Served) -> None:
    """Its token was left behind, and the page said that the link is wrong or has been used."""
    (other,) = re.findall(r'<a href="([^"]*)" hreflang="en"', served.get(served.app.state.setup_path).text)
    page = served.get(unescape(other))
    assert page.status == 200
    assert 'name="password"' in page.text


def test_the_session_cookie_is_strict_and_out_of_scripts_reach(served: Served) -> None:
    log_in(served)
    cookie = post(served, "/ops/login", name="li", password=PASSWORD).headers["set-cookie"].lower()
    assert "samesite=strict" in cookie
    assert "httponly" in cookie


def test_who_logs_in_while_the_file_cannot_be_written_is_told_to_come_again(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was an error in the program, with a traceback in the log: a large purge holds the file for that long."""
    log_in(served)

    def held(*_: object) -> None:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(Accounts, "log_in", held)
    for path, said in (("/ops/login", "请过一分钟再试"), ("/en/ops/login", "try again in a minute")):
        answer = post(served, path, name="li", password=PASSWORD)
        assert (answer.status, answer.headers["retry-after"], said in answer.text) == (503, "60", True)
    assert "content-security-policy" in answer.headers


def test_wrong_logins_are_refused_and_then_held_back(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    log_in(served)
    statuses = [post(served, "/ops/login", name="li", password="wrong").status for _ in range(10)]
    assert set(statuses) == {403, 429}
    assert statuses[-1] == 429
    said = [record.getMessage() for record in caplog.records if record.name == "lamppost.web"]
    assert said == ["login refused, from 127.0.0.1"] * statuses.count(403), "for who bans addresses; no name, no flood"


def test_an_alert_is_acknowledged_with_a_note_and_the_public_sees_no_name(served: Served) -> None:
    operator = Operator(served)
    answer = operator.post("/ops/alert/f1/acknowledge", {"note": "on my way", "length": "8h"})
    assert answer.headers["location"] == "/ops#alert-f1"
    assert "on my way" in operator.get("/ops/alert/f1").text
    public = served.get("/").text
    assert "已确认" in public
    assert "on my way" not in public


def test_after_an_alert_the_next_that_nobody_has_is_at_hand_and_what_was_acknowledged_is_given_back(
    served: Served,
) -> None:
    first = served.city.alerts[0]
    served.city.alerts += [replace(first, fingerprint=f"h{n}", since_ms=first.since_ms - n) for n in (1, 2)]
    for alert in served.city.alerts[2:]:
        served.city.duty.hear(alert)
    operator = Operator(served)

    def goes_on(path: str) -> str:
        return operator.post(f"/ops/alert/{path}", {"note": "x", "length": "8h"}).headers["location"][-2:]

    assert goes_on("h1/note") == "h1", "a note moves nothing"
    assert [goes_on("f1/acknowledge"), goes_on("h2/silence"), goes_on("h1/acknowledge")] == ["h1", "h1", "h1"]
    assert goes_on("h1/acknowledge") == "h1", "taken over"
    assert "/ops/alert/h1/giveback" in operator.get("/ops").text
    assert goes_on("h1/giveback") == "h1"
    assert "/ops/alert/h1/giveback" not in operator.get("/ops").text
    assert operator.post("/ops/alert/h1/giveback", {}).status == 400, "nobody has it"


def test_who_acknowledges_what_somebody_took_meanwhile_is_told_and_takes_over_what_they_see(served: Served) -> None:
    """An open form holds the list: two drove to one pole, and the first was not told that it was taken from them."""
    operator, duty = Operator(served), served.city.duty
    taken = {"alert": "f1", "who": "wang", "note": "", "until_ms": served.city.now_ms() + 3_600_000}
    assert duty.ask("ack", taken)["done"]
    form = {"note": "x", "length": "8h"}
    refused = operator.post("/en/ops/alert/f1/acknowledge", form | {"had": ""})
    assert (refused.status, "Somebody else has acknowledged it meanwhile" in refused.text) == (409, True)
    assert 'href="/en/ops"' in refused.text, "back to the desk"
    assert operator.post("/en/ops/alert/f1/giveback", {"had": "li"}).status == 409, "nor is it given back for another"
    (had, _) = re.findall(r'name="had" value="([^"]*)"', operator.get("/ops").text)
    assert (had, [deed.who for deed in duty.deeds]) == ("wang", ["wang"])
    assert operator.post("/ops/alert/f1/acknowledge", form | {"had": had}).status == 303
    assert [deed.who for deed in duty.deeds] == ["wang", "li"]


def test_an_alert_that_follows_from_another_says_why_nobody_has_to_take_it(served: Served) -> None:
    """It stood as red as what waits, and the bar counted it as silenced, under a page without a silence."""
    served.city.alerts[0] = replace(served.city.alerts[0], follows=True)
    page = Operator(served).get("/en/ops").text
    assert 'class="alert firing silent"' in page
    assert "silenced</span>: another alert that fires speaks for it" in page


def test_a_heap_is_acknowledged_at_once_and_only_what_was_shown(served: Served) -> None:
    first = served.city.alerts[0]
    served.city.alerts += [replace(first, fingerprint=f"h{n}", node=f"lp-00{n}") for n in range(10, 13)]
    for alert in served.city.alerts[2:]:
        served.city.duty.hear(alert)
    operator = Operator(served)
    page = operator.get("/en/ops").text
    assert "Acknowledge all 4" in page
    shown = re.search(r'name="alerts" value="([^"]*)"', page)
    assert shown is not None
    assert set(shown[1].split(",")) == {"f1", "h10", "h11", "h12"}
    served.city.alerts.append(replace(first, fingerprint="newer"))
    served.city.alerts[3] = replace(served.city.alerts[3], state="resolved")
    form = {"alerts": shown[1], "note": "whole street", "length": "8h"}
    assert operator.post("/en/ops/heap/acknowledge", form).headers["location"] == "/en/ops#alerts"
    told = {n: operator.get(f"/en/ops/alert/{n}").text for n in ("f1", "h10", "h12", "newer", "h11")}
    assert {name for name, text in told.items() if "whole street" in text} == {"f1", "h10", "h12"}
    assert "Acknowledge all" not in operator.get("/en/ops").text, "one is left, which is no heap"
    assert operator.post("/en/ops/heap/acknowledge", form | {"length": "ever"}).status == 400


def test_a_heap_that_was_acknowledged_by_mistake_or_till_the_shift_ends_is_given_back_at_once(served: Served) -> None:
    """Forty were given back one by one."""
    first, duty = served.city.alerts[0], served.city.duty
    served.city.alerts = [replace(first, fingerprint=f"h{n}", node=f"lp-00{n}") for n in range(10, 15)]
    for alert in served.city.alerts:
        duty.hear(alert)
    operator = Operator(served)
    heap = {"alerts": "h10,h11,h12,h13,h14", "length": "8h"}
    assert "Give back all" not in operator.get("/en/ops").text
    operator.post("/en/ops/heap/acknowledge", heap)
    duty.ask("ack", {"alert": "h14", "who": "wang", "note": "", "until_ms": served.city.now_ms() + 3_600_000})
    page = operator.get("/en/ops").text
    assert "Acknowledge all" not in page
    assert "Give back all 4" in page
    form = dict(re.findall(r'name="(had|alerts)" value="([^"]*)"', page[page.index("/ops/heap/giveback") :])[:2])
    assert form == {"had": "li", "alerts": "h10,h11,h12,h13"}
    assert operator.post("/en/ops/heap/giveback", form | {"alerts": heap["alerts"]}).status == 303
    page = operator.get("/en/ops").text
    assert "Acknowledge all 4" in page
    assert "/ops/alert/h14/giveback" in page, "what another has stays theirs"
    assert operator.post("/en/ops/heap/note", form).status == 400


@pytest.mark.parametrize(("path", "status"), [
    ("/ops/alert/f1/resolve", 400), ("/ops/alert/f2/acknowledge", 400), ("/ops/alert/nothing/note", 404),
    ("/ops/alert/f1/silence", 400),
])  # fmt: skip
def test_what_cannot_be_done_is_refused(served: Served, path: str, status: int) -> None:
    assert Operator(served).post(path, {"note": "x", "length": "ever"}).status == status


def test_a_form_without_its_token_or_from_elsewhere_is_refused(served: Served) -> None:
    cookie = log_in(served)
    assert post(served, "/ops/alert/f1/note", cookie, note="x").status == 403
    assert post(served, "/ops/alert/f1/note", cookie, note="x", csrf="é").status == 403
    assert (
        served.get(
            "/ops/logout", "POST", "csrf=x", Content_Type=FORM, Cookie=cookie, Sec_Fetch_Site="cross-site"
        ).status
        == 403
    )


def test_a_page_of_a_session_before_says_that_it_is_out_of_date(served: Served) -> None:
    """Who had logged in again in another tab read that the form must be sent from this site, where it came from."""
    operator = Operator(served)
    again = post(served, "/ops/login", name="li", password=PASSWORD).headers["set-cookie"].partition(";")[0]
    operator.cookie = again
    answer = operator.post("/en/ops/alert/f1/acknowledge", {"note": "x", "length": "8h"})
    assert (answer.status, "This page is out of date" in answer.text) == (403, True)
    assert operator.get("/en/ops").status == 200, "the new session lasts"


def test_logging_out_ends_the_session(served: Served) -> None:
    operator = Operator(served)
    assert operator.post("/ops/logout", {}).status == 303
    assert operator.get("/ops").status == 303


def test_every_page_has_both_languages(served: Served) -> None:
    cookie = log_in(served)
    for path in ("", "/alert/f1", "/station/lp-0001", "/station/lp-0003", "/reports", "/audit"):
        page = served.get("/en/ops" + path, Cookie=cookie)
        assert page.status == 200
        assert page.headers["cache-control"] == "no-store"
        text = page.text.replace('aria-label="中文">中文', "")
        assert not [letter for letter in text if "一" <= letter <= "鿿"], path
        assert served.get("/ops" + path, Cookie=cookie).status == 200


def test_an_audit_that_does_not_list_all_says_so_and_how_to_read_the_rest(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator, told = Operator(served), "lamppost trail list"
    assert told not in operator.get("/en/ops/audit").text
    monkeypatch.setattr(ops, "LINES_MAX", 2)
    assert told in operator.get("/en/ops/audit").text


def test_a_link_to_an_alert_of_last_week_says_where_that_stands(served: Served) -> None:
    """From a message, or a colleague: there was no such page."""
    operator = Operator(served)
    assert "ended more than a day ago" in operator.get("/en/ops/alert/0123456789abcdef").text
    answer = operator.get("/ops/alert/0123456789abcdef")
    assert (answer.status, "lamppost alerts history" in answer.text) == (404, True)


@pytest.mark.parametrize("path", ["/data?q=highest&since=30d", "/stations?find=lp-0001", "/station/lp-0001"])
def test_a_tab_of_the_desk_shows_the_same_in_the_other_language(served: Served, path: str) -> None:
    page = served.get("/ops" + path, Cookie=log_in(served)).text
    (other,) = re.findall(r'<a href="([^"]*)" hreflang="en"', page)
    assert unescape(other) == "/en/ops" + path


def test_every_page_is_called_by_what_it_shows(served: Served) -> None:
    """Who has eight tabs of the desk open, or hears them, tells them apart by their titles."""
    cookie = log_in(served)
    pages = (
        "",
        "/alert/f1",
        "/station/lp-0001",
        "/stations",
        "/data",
        "/maintenance",
        "/deliveries",
        "/reports",
        "/audit",
    )
    titles = [re.findall("<title>(.*?)</title>", served.get("/en/ops" + path, Cookie=cookie).text)[0] for path in pages]
    assert titles[0] == "(1) Operations · Street sensing"
    assert titles[1:4:2] == ["(1) PM2.5 hourly mean too high · Street sensing", "(1) Stations · Street sensing"]
    assert len(set(titles)) == len(pages)


def test_a_report_is_answered_and_a_change_written_down(served: Served) -> None:
    operator = Operator(served)
    post(served, "/station/lp-0001/report", kind="values", text="always 12", contact="me@example.org")
    assert "me@example.org" in operator.get("/ops/reports").text
    for none in ("2", "0", "-1", "x", str(2**63), "1" * 5000):  # the longest broke the page, even for strangers
        assert operator.post(f"/ops/reports/{none}", {"answer": "Cleaned."}).status == 404
    assert operator.post("/ops/reports/1", {"answer": "Cleaned.", "show": "1"}).status == 303
    again = operator.post("/en/ops/reports/1", {"answer": "What?", "show": "1"})
    assert (again.status, "somebody may have answered it" in again.text) == (404, True), "it was replaced"
    assert operator.post("/ops/station/lp-0001/change", {"kind": "repaired", "en": "fan"}).status == 303
    public = served.get("/en/station/lp-0001").text
    assert "always 12" in public
    assert "Cleaned." in public
    assert "repaired · fan" in public


def test_passwords_are_argon2id_and_sessions_are_digests(tmp_path: Path) -> None:
    file = DeskFile(tmp_path / "desk.sqlite")
    accounts = Accounts(file)
    accounts.create("li", PASSWORD, 0)
    token = accounts.log_in("li", PASSWORD, 1000)
    assert token is not None
    assert accounts.log_in("li", PASSWORD + "x", 1000) is None
    assert accounts.log_in("nobody", PASSWORD, 1000) is None
    assert accounts.session(token, 2000) is not None
    assert accounts.session(token, 2000 + IDLE_MS) is None
    with file.use() as db:
        assert db.execute("SELECT hash FROM account").fetchone()[0].startswith("$argon2id$")
        assert token.encode() not in db.execute("SELECT digest FROM session").fetchone()[0]
    with pytest.raises(NotAccepted):
        accounts.create("Li!", PASSWORD, 0)
    assert Accounts(file).setup_token is None
    file.close()


def test_a_desk_that_cannot_be_opened_names_the_file_and_the_cure(tmp_path: Path) -> None:
    (tmp_path / "desk").mkdir()
    with pytest.raises(Failure) as refused:
        DeskFile(tmp_path / "desk")
    assert re.search(r"desk: .*Cure", refused.value.line())


def test_availability_counts_minutes_and_leaves_the_future_empty(tmp_path: Path) -> None:
    now_ms = 1_790_000_000_000 // 3_600_000 * 3_600_000 + 30 * 60_000
    city = City(tmp_path, now_ms)
    city.fill_an_hour()
    week = past.availability(city.store, "lp-0001", now_ms, Words("en", "Asia/Shanghai", city.now_ms).zone)
    hours = [hour for day in week for hour in day.hours]
    assert len(hours) == 7 * 24
    told = {hour.start_ms: hour for hour in hours}
    this_hour = now_ms // 3_600_000 * 3_600_000
    assert (told[this_hour].minutes, told[this_hour].quarter) == (30, 4)
    assert (told[this_hour - 3_600_000].minutes, told[this_hour - 3_600_000].quarter) == (30, 3)
    assert told[this_hour - 2 * 3_600_000].quarter == 0
    assert all(hour.minutes is None for hour in hours if hour.start_ms > now_ms)
    city.close()


def test_availability_goes_by_the_hours_of_the_local_clock(tmp_path: Path) -> None:
    """Kathmandu's hours begin at a quarter past; New York's Sunday of 2026-11-01 has 25 of them."""
    now_ms = 1_790_000_100_000
    city = City(tmp_path, now_ms)
    city.fill_an_hour()
    week = past.availability(city.store, "lp-0001", now_ms, ZoneInfo("Asia/Kathmandu"))
    found = [hour for day in week for hour in day.hours if hour.minutes]
    assert sum(hour.minutes or 0 for hour in found) >= 60
    assert {hour.start_ms % 3_600_000 for hour in found} == {900_000}
    new_york = ZoneInfo("America/New_York")
    noon_ms = round(datetime(2026, 11, 4, 12, tzinfo=new_york).timestamp() * 1000)
    week = past.availability(city.store, "lp-0001", noon_ms, new_york)
    starts = [datetime.fromtimestamp(day.hours[hour].start_ms / 1000, new_york) for day in week for hour in (0, 23)]
    assert [start.hour for start in starts] == [0, 23] * 7
    assert [day.label for day in week] == [start.strftime("%m-%d") for start in starts[::2]]
    city.close()


@pytest.mark.parametrize(
    ("path", "said"), [("/ops", "本机 运行中 · c2 待命"), ("/en/ops", "this collector active · c2 standby")]
)
def test_the_desk_shows_which_collector_works_and_who_stands_by(served: Served, path: str, said: str) -> None:
    cookie = log_in(served)
    assert "data-role" not in served.get(path, Cookie=cookie).text, "one alone is not worth a word"
    served.city.health = Health(True, "active", {}, {"c2": "standby"})
    assert said in served.get(path, Cookie=cookie).text


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (
            "/ops",
            "代理：拒绝连接，请核对用户、密码或证书，以及在代理上的权限（not authorized）；数据库：不可用（HTTP 401）",
        ),
        ("/en/ops", "broker: refuses us (not authorized); database: unavailable (HTTP 401)"),
    ],
)
def test_the_desk_shows_why_a_part_is_of_no_use(served: Served, path: str, said: str) -> None:
    wrong = {"broker": Trouble("broker_refuses", "not authorized"), "database": Trouble("database_away", "HTTP 401")}
    served.city.health = Health(True, "active", wrong)
    assert said in served.get(path, Cookie=log_in(served)).text


def test_what_fires_is_open_or_acknowledged_or_silenced(served: Served) -> None:
    """The bar says it as `lamppost alerts` does."""
    fires = next(alert for alert in served.city.alerts if alert.state == "firing")
    later_ms = served.city.now_ms() + 3_600_000
    some = [
        fires, replace(fires, acked_by="li", silenced_until_ms=later_ms), replace(fires, silenced_until_ms=later_ms),
        replace(fires, follows=True), replace(fires, state="resolved", silenced_until_ms=later_ms),
    ]  # fmt: skip
    assert [alert.attention for alert in some] == ["open", "acked", "silenced", "silenced", ""]
    page = served.get("/en/ops", Cookie=log_in(served)).text
    assert "<b>1</b> firing: <b>1</b> open" in page
    assert re.search(r"<code>pm25-hourly-high</code>\s*· began at 91(\.4)? µg/m³", page)


@pytest.mark.parametrize(
    ("length", "ends"), [("24h", "until \\d\\d-\\d\\d \\d\\d:\\d\\d"), ("resolved", "until resolved")]
)
def test_the_desk_says_until_what_day_somebody_has_it_and_it_is_silenced(
    served: Served, length: str, ends: str
) -> None:
    operator = Operator(served)
    for verb in ("acknowledge", "silence"):
        operator.post(f"/ops/alert/f1/{verb}", {"note": "on my way", "length": length})
    page = operator.get("/en/ops").text
    assert re.search(rf"acknowledged</span> li, .*</time>, {ends}: on my way", page)
    assert re.search(rf"silenced</span> {ends}</p>", page)


def test_a_limit_is_told_as_finely_as_it_was_set(served: Served) -> None:
    """CO of 4.2 mg/m³ above a limit of 3.6 was told as 4 above 4."""
    fires = next(alert for alert in served.city.alerts if alert.state == "firing")
    served.city.alerts = [replace(fires, quantity="co_mgm3", unit="mg/m³", value=4.2031, threshold=3.6)]
    desk = served.get("/en/ops", Cookie=log_in(served)).text
    assert "began at 4.203 mg/m³ (limit 3.6)" in desk
    assert re.search(r"began at 4\.203 mg/m³[^<]*3\.6", served.get("/en/").text)
