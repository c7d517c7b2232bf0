"""A stranger looks at every address, follows every link, sends every form: nothing changes, nothing private shows."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.web.operator import PASSWORD, csrf, log_in, post
from tests.web.served import Served

SECRET_TEXT, SECRET_CONTACT, SECRET_NOTE = "the report's hidden words", "anna@example.org", "a note among operators"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
FORM = "application/x-www-form-urlencoded"


class Links(HTMLParser):
    """Every address of a page, and what would run in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.inline: list[str] = []
        self._script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src", "action") and value and value.startswith("/"):
                self.found.add(value.partition("#")[0])
            if name.startswith("on") or name == "style":
                self.inline.append(f"{tag} {name}")
        self._script = tag in ("script", "style") and "src" not in dict(attrs)
        if self._script and dict(attrs).get("type") not in ("application/json", "application/ld+json"):
            self.inline.append(tag)


def desk(served: Served) -> dict[str, Any]:
    """Everything that people have decided, row by row."""
    path = served.city.site().desk
    assert path is not None
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: db.execute(f'SELECT * FROM "{table}"').fetchall() for table in tables}


@pytest.fixture
def city(served: Served) -> Served:
    """With an operator, a hidden report and a note."""
    cookie = log_in(served)
    post(served, "/station/lp-0001/report", kind="other", text=SECRET_TEXT, contact=SECRET_CONTACT)
    page = served.get("/ops", Cookie=cookie).text
    alert = re.search(r"/ops/alert/([0-9a-f]+)", page)
    if alert is not None:
        post(served, f"/ops/alert/{alert[1]}/note", cookie, csrf=csrf(page), note=SECRET_NOTE)
    return served


def addresses(served: Served) -> set[str]:
    """What can be reached by links from the first page, and every route with something put in for its parts."""
    seen: set[str] = set()
    todo = {"/", "/en/", "/wall", "/data", "/api/v1/openapi.json", "/ops/login", "/ops/setup"}
    while todo and len(seen) < 400:
        path = todo.pop()
        seen.add(path)
        if "/events" in path:
            continue
        answer = served.get(path)
        if "text/html" in answer.headers.get("content-type", ""):
            page = Links(answer.text)
            assert page.inline == [], (path, page.inline[:3])
            todo |= page.found - seen
    for route in served.app.routes:
        path = getattr(route, "path", "")
        seen.add(re.sub(r"\{number:int\}", "1", re.sub(r"\{(\w+)(:\w+)?\}", _part, path)))
    return {path for path in seen if path}


def _part(found: re.Match[str]) -> str:
    return {"node": "lp-0001", "number": "1", "verb": "acknowledge"}.get(found[1], "0" * 16)


def test_a_stranger_changes_nothing_and_sees_nothing_private(city: Served) -> None:
    before = desk(city)
    tried = 0
    for path in sorted(addresses(city)):
        for method in METHODS if "/events" not in path else ("POST",):
            if method == "POST" and path.endswith("/report"):
                continue  # the one thing that anybody may do: tell the city; its limits have a test of their own
            for headers in (
                {},
                {"Content_Type": FORM},
                {"Cookie": "session=" + "A" * 43},
                {"Origin": "http://evil.example"},
                {"Origin": "http://]"},
            ):
                body = "name=li&password=x&csrf=x&note=x" if method in ("POST", "PUT", "PATCH") else None
                answer = city.get(path, method, body, **headers)
                tried += 1
                assert answer.status < 500, (method, path, answer.status)
                for secret in (SECRET_TEXT, SECRET_CONTACT, SECRET_NOTE, PASSWORD):
                    assert secret not in answer.text, (method, path)
                policy = answer.headers["content-security-policy"]
                assert "default-src 'self'" in policy, path
                assert "unsafe" not in policy, path
                assert "set-cookie" not in answer.headers or "colours" in answer.headers["set-cookie"], path
    assert tried > 500
    after = desk(city)
    for table in before:
        if table != "audit":
            assert after[table] == before[table], f"{table} has changed"
    assert len(after["audit"]) == len(before["audit"])


def test_wrong_passwords_are_held_back_by_address_and_by_account(served: Served) -> None:
    log_in(served)
    codes = [post(served, "/ops/login", name="li", password=f"wrong {number}").status for number in range(30)]
    assert codes[0] == 403
    assert codes[-1] == 429, codes
