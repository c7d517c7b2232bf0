"""The link in a message: looking changes nothing, the form does one thing, and nothing else opens it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest

from collector.notify.grant import Grants
from collector.rules.series import Series
from collector.rules.transition import Transition, transition
from collector.web.desk.api_tokens import ApiTokens
from collector.web.desk.file import DeskFile
from tests.closes import Closes
from tests.rules.high import PM25_HIGH
from tests.web.city import City
from tests.web.operator import Operator
from tests.web.served import Answer, Served
from wire.times import DAY_MS

FORM = "application/x-www-form-urlencoded"
GRANTS = Grants(b"k" * 32, DAY_MS)
FIELDS = {"verb": "acknowledge", "length": "8h", "name": "  王 磊 ", "note": "在路上"}


def fires(city: City, start_ms: int) -> Transition:
    series = Series.of("air_quality", {"site": "jianguo-rd-east", "node": "lp-0001", "sensor": "air-1"})
    alert = transition(series, PM25_HIGH, start_ms, 91.4, "firing", start_ms)
    city.duty.desk.hear([alert], city.now_ms())
    view = replace(city.alerts[0], fingerprint=alert.fingerprint, key=alert.key)
    city.alerts = [view, *city.alerts[1:]]
    return alert


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    city = City(tmp_path)
    city.grants = GRANTS
    served = Served(city)
    yield served
    served.server.stop()
    city.close()


@pytest.fixture
def token(served: Served) -> str:
    alert = fires(served.city, served.city.started_ms - 60_000)
    return GRANTS.token(alert.fingerprint, alert.key, "duty-phone", served.city.started_ms)


def opened(served: Served, path: str) -> tuple[Answer, str, str]:
    """The page, its cookie and what its form carries."""
    page = served.get(path)
    cookie = page.headers.get("set-cookie", "").partition(";")[0]
    found = re.search('name="form" value="([^"]*)"', page.text)
    return page, cookie, found[1] if found else ""


def send(served: Served, path: str, cookie: str, form: str, **fields: str) -> Answer:
    body = urlencode(FIELDS | fields | {"form": form})
    return served.get(path, "POST", body, Content_Type=FORM, Cookie=cookie)


def test_of_two_links_that_are_opened_from_a_mail_page_each_serves(served: Served, token: str) -> None:
    """Whoever comes from another site brings lax cookies and no strict ones: the second page made the first one's form
    one of elsewhere.
    """
    first, cookie, form = opened(served, f"/act/{token}")
    brought = cookie if "samesite=lax" in first.headers["set-cookie"].lower() else ""
    kept = served.get(f"/act/{token}", Cookie=brought).headers["set-cookie"].partition(";")[0]
    assert send(served, f"/act/{token}", kept, form).status == 303


@pytest.mark.parametrize("root", ["/act", "/en/act"])
def test_a_reader_acknowledges_from_the_message_and_the_trail_names_both(served: Served, token: str, root: str) -> None:
    page, cookie, form = opened(served, f"{root}/{token}")
    assert page.status == 200
    assert "HttpOnly" in page.headers["set-cookie"]
    assert (page.headers["cache-control"], page.headers["x-robots-tag"]) == ("no-store", "noindex, nofollow")
    done = send(served, f"{root}/{token}", cookie, form)
    assert (done.status, done.headers["location"]) == (303, f"{root}/{token}?done=acknowledge")
    (deed,) = served.city.duty.deeds
    assert (deed.who, deed.what, deed.note) == ("王 磊 (duty-phone)", "acknowledged", "在路上")
    after = unescape(served.get(done.headers["location"]).text)
    assert ("已确认" in after, "Acknowledged: no more" in after) == (root == "/act", root == "/en/act")
    assert "<form" not in after


def test_what_somebody_took_since_the_page_was_opened_is_not_taken_from_them(served: Served, token: str) -> None:
    _, cookie, form = opened(served, f"/en/act/{token}")
    city = served.city
    taken = {"alert": city.alerts[0].fingerprint, "who": "wang", "note": "", "until_ms": city.now_ms() + 3_600_000}
    assert city.duty.ask("ack", taken)["done"]
    refused = send(served, f"/en/act/{token}", cookie, form)
    assert (refused.status, "Somebody else has acknowledged it meanwhile" in refused.text) == (409, True)
    assert 'name="had" value="wang"' in served.get(f"/en/act/{token}").text
    assert send(served, f"/en/act/{token}", cookie, form, had="wang").status == 303


def test_a_name_that_would_command_a_terminal_is_tamed(served: Served, token: str) -> None:
    _, cookie, form = opened(served, f"/act/{token}")
    assert send(served, f"/act/{token}", cookie, form, name="eve\x1b[2K\u202eve", note="a\x07b\nc").status == 303
    (deed,) = served.city.duty.deeds
    assert (deed.who, deed.note) == ("eve\ufffd[2K\ufffdve (duty-phone)", "a\ufffdb\nc")


def test_silence_until_it_is_resolved(served: Served, token: str) -> None:
    _, cookie, form = opened(served, f"/act/{token}")
    assert send(served, f"/act/{token}", cookie, form, verb="silence", length="resolved").status == 303
    ((verb, asked),) = served.city.duty.asked
    assert (verb, asked["match"].startswith("fingerprint="), asked["once"]) == ("silence", True, True)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_fetches_the_link_for_a_preview_changes_nothing(served: Served, token: str, method: str) -> None:
    for path in (f"/act/{token}", f"/act/{token}?done=acknowledge", f"/en/act/{token}?verb=silence&length=8h&name=x"):
        assert served.get(path, method).status == 200
    assert served.city.duty.asked == []


def test_only_the_form_of_this_page_in_this_browser_is_taken(served: Served, token: str) -> None:
    path = f"/act/{token}"
    _, cookie, form = opened(served, path)
    _, other, _ = opened(served, path)
    for wrong_cookie, wrong_form in ((cookie, ""), (cookie, "x" * 22), (other, form), ("", form), (cookie, "é")):
        assert send(served, path, wrong_cookie, wrong_form).status == 403
    strange = urlencode(FIELDS | {"form": form})
    headers = {"Content_Type": FORM, "Cookie": cookie, "Origin": "https://elsewhere.example"}
    assert served.get(path, "POST", strange, **headers).status == 403
    for fields in ({"name": " "}, {"name": "x" * 41}, {"verb": "unack"}, {"length": "9y"}, {"note": "x" * 1001}):
        assert send(served, path, cookie, form, **fields).status == 400
    assert served.city.duty.deeds == []


def test_a_link_is_for_one_episode_and_a_while(served: Served, token: str) -> None:
    city = served.city
    old = GRANTS.token(token[:16], city.alerts[0].key, "duty-phone", city.started_ms - DAY_MS - 5_000)
    page, cookie, form = opened(served, f"/act/{old}")
    assert (page.status, form) == (200, "")
    assert send(served, f"/act/{old}", cookie, GRANTS.form(old, cookie.partition("=")[2])).status == 410
    fires(city, city.started_ms)
    page, cookie, form = opened(served, f"/act/{token}")
    assert (page.status, form) == (200, "")
    assert "PM2.5" not in page.text
    assert send(served, f"/act/{token}", cookie, GRANTS.form(token, cookie.partition("=")[2])).status == 410
    assert city.duty.deeds == []


def test_a_link_that_was_touched_or_is_of_another_city_opens_nothing(served: Served, token: str) -> None:
    alert = served.city.alerts[0]
    other = Grants(b"o" * 32, DAY_MS).token(alert.fingerprint, alert.key, "duty-phone", served.city.started_ms)
    touched = [token[:at] + ("b" if token[at] != "b" else "c") + token[at + 1 :] for at in (0, 20, 33, 42, 60)]
    for bad in (other, *touched, token + "x", token[:-1], "x", token.replace("duty-phone", "boss")):
        page = served.get(f"/act/{bad}")
        assert page.status == 404
        assert "set-cookie" not in page.headers


def test_without_a_public_address_there_is_no_such_page(tmp_path: Path) -> None:
    city = City(tmp_path)
    alert = fires(city, city.started_ms)
    served = Served(city)
    token = GRANTS.token(alert.fingerprint, alert.key, "duty-phone", city.started_ms)
    assert served.get(f"/act/{token}").status == 404
    served.server.stop()
    city.close()


@pytest.mark.parametrize(("verb", "asked"), [("acknowledge", "ack"), ("silence", "silence"), ("note", "note")])
def test_what_a_program_does_by_the_api_is_done_at_the_duty_desk(
    served: Served, closes: Closes, verb: str, asked: str
) -> None:
    city = served.city
    alert = fires(city, city.started_ms - 60_000)
    token = ApiTokens(closes(DeskFile(city.desk))).create("pager", ["handle"], "anna", city.started_ms)
    headers = {"Content_Type": "application/json", "Authorization": f"Bearer {token}"}
    body = json.dumps({"length": "8h", "note": "on my way"})
    done = served.get(f"/api/v1/alerts/{alert.fingerprint}/{verb}", "POST", body, **headers)
    assert (done.status, json.loads(done.text)["done"]) == (200, verb)
    assert [(word, given["who"]) for word, given in city.duty.asked] == [(asked, "token:pager")]
    (deed,) = city.duty.deeds
    assert alert.fingerprint in deed.about
    assert deed.who == "token:pager"


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("{}/acknowledge", {"length": ["8h"]}, 400, "bad-length"),
        ("{}/acknowledge", {"length": "9h"}, 400, "bad-length"),
        ("{}/note", {"note": 7}, 400, "bad-note"),
        ("{}/note", {"note": "long" * 251}, 400, "bad-note"),
        ("{}/note", {"note": " "}, 409, "refused"),
        ("{}/resolve", {}, 404, "unknown-verb"),
        ("unheard/note", {}, 404, "unknown-alert"),
        ("{}/note", [], 400, "not-json"),
    ],
)
def test_what_a_program_asks_wrongly_is_refused_with_a_reason(
    served: Served, closes: Closes, path: str, body: object, status: int, reason: str
) -> None:
    city = served.city
    alert = fires(city, city.started_ms - 60_000)
    token = ApiTokens(closes(DeskFile(city.desk))).create("pager", ["handle"], "anna", city.started_ms)
    headers = {"Content_Type": "application/json", "Authorization": f"Bearer {token}"}
    done = served.get(f"/api/v1/alerts/{path.format(alert.fingerprint)}", "POST", json.dumps(body), **headers)
    assert (done.status, json.loads(done.text)["error"]["reason"]) == (status, reason)
    assert not city.duty.deeds
    described = json.loads(served.get("/api/v1/openapi.json").text)["paths"]["/alerts/{fingerprint}/{verb}"]["post"]
    assert str(status) in described["responses"]


def test_what_has_just_ended_keeps_nobody_from_the_rest_of_its_heap_and_is_called_so(served: Served) -> None:
    """The page is a moment behind the desk, and in a storm alerts end all the time."""
    city, shown = served.city, ("h1", "h2", "h3")
    alert = fires(city, city.started_ms - 60_000)
    for name in ("h1", "h3"):
        city.duty.desk.hear([replace(alert, fingerprint=name)], city.started_ms)
    city.alerts = [replace(city.alerts[0], fingerprint=name) for name in shown]
    operator = Operator(served)
    said = operator.post("/en/ops/heap/acknowledge", {"alerts": ",".join(shown), "length": "8h"})
    assert (said.status, {deed.about for deed in city.duty.deeds}) == (303, {"h1", "h3"})
    for path, heap in (("alert/h2/acknowledge", {}), ("heap/acknowledge", {"alerts": "h2"})):
        said = operator.post(f"/en/ops/{path}", {"length": "8h", **heap})
        assert (said.status, "the alert may just have ended" in said.text) == (400, True)
