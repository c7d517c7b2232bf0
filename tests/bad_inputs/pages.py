"""Surface http: requests to the collector's pages, API and enrolment door, with and without a session."""

from __future__ import annotations

import http.client
import re
import secrets
import socket
import time
from contextlib import closing, suppress
from typing import Any
from urllib.parse import unquote, unquote_plus, urlencode

from tests.bad_inputs import watch
from tests.bad_inputs.around import Case
from tests.bad_inputs.enrolling import enrol, token_twice
from tests.bad_inputs.said import SLOW_S, Said
from tests.bad_inputs.system import System
from tests.bad_inputs.vocabulary import UnknownWord, Words, only

# The paths of the cases are examples; the nearest routes of the built system.
ROUTES = [
    (r"^/(api/)?log[-_]?in\b", "/ops/login"),
    (r"^/(api/)?log[-_]?out\b", "/ops/logout"),
    (r"^/(api/)?setup\b", "/ops/setup"),
    (r"^/api/alerts/([^/?]+)/ack\b", r"/ops/alert/\1/acknowledge"),
    (r"^/api/(v1/)?series\b", "/api/v1/readings"),
    (r"^/export\b", "/api/v1/readings"),
    (r"^/(api/)?(admin|settings|config|users?|tokens?)\b", r"/ops/\2"),
    (r"^/api/(?!v1/)(.*)$", r"/api/v1/\1"),
]
NAME, PASSWORD = "operator", "a long enough password 1"
BODY_MAX = 8192


class Pages:
    """The pages of the running collector, and an operator's session at them."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.cookie = self._set_up()

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Said:
        """One request, byte for byte as it is asked: our own client refuses nothing. Cut off counts as 400."""
        given = {"Host": f"127.0.0.1:{self.system.city.page_port}"} | (headers or {})
        if body is not None:
            given = {"Content-Length": str(len(body))} | given
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in given.items())
        began_s = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.system.city.page_port), timeout=10) as connection:
            try:
                with suppress(BrokenPipeError, ConnectionResetError):  # refused before it was heard to its end
                    connection.sendall(head.encode("utf-8", "surrogatepass") + b"\r\n" + (body or b""))
                answer = http.client.HTTPResponse(connection, method=method)
                answer.begin()
                content = answer.read(1 << 20)
            except (ConnectionError, http.client.BadStatusLine):
                return Said(400, {}, b"", time.monotonic() - began_s)
            got = {name.lower(): value for name, value in answer.getheaders()}
            return Said(answer.status, got, content, time.monotonic() - began_s)

    def form(self, path: str, fields: dict[str, str], **headers: str) -> Said:
        given = {"Content-Type": "application/x-www-form-urlencoded"} | headers
        return self.ask("POST", path, urlencode(fields).encode(), given)

    def log_in(self, password: str = PASSWORD) -> str | None:
        said = self.form("/ops/login", {"name": NAME, "password": password})
        found = re.match(r"[^;]+", said.headers.get("set-cookie", ""))
        return found[0] if found and said.status == 303 else None

    def state(self) -> Any:
        """What a request could change: accounts, sessions, deeds, reports and the trail, as counts."""
        import sqlite3

        desk = self.system.city.plan.data / "desk.db"
        with closing(sqlite3.connect(f"{desk.resolve().as_uri()}?mode=ro", uri=True, timeout=10)) as db:
            tables = ("report", "change", "account", "token", "station")
            return {name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}

    def _set_up(self) -> str:
        log = self.system.collector.log.read_text(errors="replace")
        found = re.findall(r"/ops/setup\?token=(\S+)", log)
        if found:  # the newest: each start of a collector without accounts has its own
            fields = {"token": found[-1], "name": NAME, "password": PASSWORD}
            self.form(f"/ops/setup?token={found[-1]}", fields)
        cookie = self.log_in()
        if cookie is None:
            raise AssertionError("no session could be had")
        return cookie


def http_case(pages: Pages, case: Case) -> list[str]:
    """One request, or one of the scenarios around a session."""
    what = case["input"]
    system = pages.system
    state, log = pages.state(), watch.Log(system.collector.log)
    resident = watch.resident(system.pid())
    watch.reset_peak(system.pid())
    files = system.watched()
    faults = _do(pages, case, what)
    if pages.state() != state and "enrol" not in what and what.get("scenario") != "enrol_token":
        faults.append(f"something changed: {state} {pages.state()}")
    if watch.peak(system.pid()) - resident > watch.RSS_MAX:
        faults.append("memory grew")
    if system.watched() != files:
        faults.append("new files")
    faults += watch.faults_of(log.fresh(), [PASSWORD.encode()])
    next_ = pages.ask("GET", "/api/v1/stations")
    if next_.status != 200 or next_.took_s > SLOW_S:
        faults.append(f"the next good request: {next_.status} in {next_.took_s:.2f} s")
    return faults


def _do(pages: Pages, case: Case, what: dict[str, Any]) -> list[str]:
    if "http" in what:
        return _judge(case["expect"], _request(pages, what["http"]), what["http"], pages.system.words)
    if "raw_http" in what:
        return _raw(pages, case["expect"], what["raw_http"])
    if "label" in what:
        return _label(pages, case["expect"], pages.system.words.text(what["label"]))
    if "enrol" in what:
        return enrol(pages, what["enrol"])
    scenarios = {
        "enrol_token": token_twice,
        "cookie_after_logout": _after_logout,
        "wrong_passwords": _wrong_passwords,
        "slow_headers": _slow_headers,
        "upload_archive": _no_bundles,
    }
    if what.get("scenario") in scenarios:
        return scenarios[what["scenario"]](pages, what)
    raise UnknownWord(f"http {sorted(what)}")


def route(path: str) -> str:
    for pattern, to in ROUTES:
        if re.search(pattern, path):
            return re.sub(pattern, to, path, count=1)
    return path


def _request(pages: Pages, asked: dict[str, Any]) -> Said:
    words = pages.system.words
    only(asked, {"method", "path", "headers", "headers_gen", "cookie", "body"}, "http")
    path = route(words.text(asked["path"]))
    headers = {name: words.text(value) for name, value in asked.get("headers", {}).items()}
    if "headers_gen" in asked:
        headers |= _headers(asked["headers_gen"], words)
    if asked.get("cookie"):
        headers["Cookie"] = pages.cookie if "valid" in str(asked["cookie"]) else _cookie(asked["cookie"])
    body = asked.get("body")
    data = None if body is None else words.text(body).encode("utf-8", "surrogatepass")
    if isinstance(body, dict):
        data = words.data(body)
    return pages.ask(asked.get("method", "GET"), path, data, headers)


def _headers(gen: Any, words: Words) -> dict[str, str]:
    if isinstance(gen, dict) and "op" not in gen:
        return {name: words.generated(value).decode() for name, value in gen.items()}
    if gen.get("op") == "list":
        return {f"X-Header-{number}": "x" for number in range(gen["count"])}
    return {"X-Long": words.generated(gen).decode("latin-1")}


def _cookie(cookie: Any) -> str:
    return str(cookie) if "=" in str(cookie) else f"session={secrets.token_urlsafe(32)}"


def _judge(expect: str, said: Said, asked: dict[str, Any], words: Words) -> list[str]:
    faults = []
    if expect == "http_4xx":
        if not 400 <= said.status < 500:
            faults.append(f"answered {said.status}")
        if len(said.body) > BODY_MAX:
            faults.append(f"a body of {len(said.body)} bytes")
    elif expect == "http_ok_escaped":
        if said.status != 200:
            faults.append(f"answered {said.status}")
        if "unsafe" in said.headers.get("content-security-policy", ""):
            faults.append("no strict CSP")
    else:
        raise UnknownWord(f"expect {expect!r} for a request")
    markup, lines = _hostile(asked, words)
    faults += [f"{text[:60]!r} is echoed" for text in markup if text.encode("utf-8", "surrogatepass") in said.body]
    for name, value in lines:
        if value in said.headers.get(name.lower(), ""):
            faults.append(f"a header was put in: {name}")
    if said.took_s > SLOW_S:
        faults.append(f"took {said.took_s:.1f} s")
    return faults


def _hostile(asked: dict[str, Any], words: Words) -> tuple[set[str], set[tuple[str, str]]]:
    """What of a request may not come back as it is: marks of HTML, quoted conditions, foreign hosts; header lines."""
    said = [words.text(asked["path"]) if "path" in asked else ""]
    said += [words.text(value) for value in asked.get("headers", {}).values()]
    if asked.get("body") is not None:
        said.append(
            words.data(asked["body"] if isinstance(asked["body"], dict) else {"text": asked["body"]}).decode("latin-1")
        )
    markup: set[str] = set()
    lines: set[tuple[str, str]] = set()
    for text in {
        form for one in said for form in (one[:BODY_MAX], unquote(one[:BODY_MAX]), unquote_plus(one[:BODY_MAX]))
    }:
        markup |= set(re.findall(r"<[a-zA-Z!?][^>]*>?|'[^']*'[^']*'|(?:https?:)?//[^/?#\s]+", text))
        lines |= {(name, value.strip()) for name, value in re.findall(r"[\r\n]+([A-Za-z-]+): *([^\r\n]+)", text)}
    return {text for text in markup if len(text) > 3}, lines


def _raw(pages: Pages, expect: str, raw: Any) -> list[str]:
    data = pages.system.words.data(raw) if isinstance(raw, dict) else str(raw).encode("latin-1")
    began_s = time.monotonic()
    with socket.create_connection(("127.0.0.1", pages.system.city.page_port), timeout=5) as connection:
        connection.sendall(data)
        connection.settimeout(3)
        said, silent = b"", False
        try:
            while piece := connection.recv(65536):
                said += piece
                if len(said) > 1 << 20:
                    break
        except TimeoutError:
            silent = not said
        except ConnectionError:
            pass  # cut off: refused
    if silent:
        return ["no answer, and the connection stays open"]
    status = re.match(rb"HTTP/1\.[01] (\d{3})", said)
    answer = Said(int(status[1]) if status else 400, {}, said, min(time.monotonic() - began_s, SLOW_S))
    return _judge(expect, answer, {}, pages.system.words)


def _label(pages: Pages, expect: str, label: str) -> list[str]:
    """An operator gives a node this name: shown as text on every page that shows it, or refused with its settings."""
    import yaml

    from tests.servers import listens, wait_for

    system = pages.system
    path = system.city.plan.folder / "collector.yaml"
    kept = path.read_text()
    document = yaml.safe_load(kept)
    node = system.users["node"]
    document["stations"] = [{"node": node, "zh": label, "en": label}]
    path.write_text(yaml.safe_dump(document, allow_unicode=True))
    if expect == "http_4xx":
        checked = system.city.office("collector", "check")
        path.write_text(kept)
        refused = checked.returncode == 3 and checked.stderr.strip()
        return [] if refused else [f"taken: exit {checked.returncode} {checked.stderr[:200]}"]
    if expect != "http_ok_escaped":
        raise UnknownWord(f"expect {expect!r} of a label")
    system.collector.stop()
    system.collector.start()
    wait_for("the page", lambda: listens(system.city.page_port), 30)
    faults = []
    try:
        for page in ("/", "/en/", f"/station/{node}", f"/en/station/{node}", "/wall", "/ops", "/api/v1/stations"):
            said = pages.ask("GET", page, headers={"Cookie": pages.cookie})
            json_page = page.startswith("/api")
            raw = any(mark in label for mark in "<>&") and label.encode() in said.body and not json_page
            if said.status != 200 or raw:
                faults.append(f"{page}: {said.status}, shown as it is: {raw}")
            if not json_page and "unsafe" in said.headers.get("content-security-policy", "unsafe"):
                faults.append(f"{page}: no strict CSP")
    finally:
        path.write_text(kept)
        system.collector.stop()
        system.collector.start()
        wait_for("the page", lambda: listens(system.city.page_port), 30)
    return faults


# -- sessions ----------------------------------------------------------------------------------------------------------


def _after_logout(pages: Pages, what: dict[str, Any]) -> list[str]:
    cookie = pages.log_in()
    if cookie is None:
        return ["no session"]
    page = pages.ask("GET", "/ops", headers={"Cookie": cookie})
    csrf = re.search(rb'name="csrf" value="([^"]+)"', page.body)
    if csrf is None:
        return ["no form with a token"]
    pages.form("/ops/logout", {"csrf": csrf[1].decode()}, Cookie=cookie)
    said = pages.ask("GET", "/ops", headers={"Cookie": cookie})
    posted = pages.form("/ops/logout", {"csrf": csrf[1].decode()}, Cookie=cookie)
    del what
    faults = []
    if said.status == 200:
        faults.append("the cookie still opens the page")
    if said.status not in (303, 401, 403):
        faults.append(f"answered {said.status}")
    if posted.status == 200:
        faults.append("the cookie still does deeds")
    return faults


def _wrong_passwords(pages: Pages, what: dict[str, Any]) -> list[str]:
    """So many wrong ones: they are held back; the right one from another address comes through."""
    codes = [pages.form("/ops/login", {"name": NAME, "password": f"wrong {n}"}).status for n in range(what["count"])]
    faults = [] if 429 in codes else [f"never held back: {set(codes)}"]
    connection = http.client.HTTPConnection(
        "127.0.0.1", pages.system.city.page_port, timeout=10, source_address=("127.0.0.2", 0)
    )
    body = urlencode({"name": NAME, "password": PASSWORD})
    connection.request("POST", "/ops/login", body, {"Content-Type": "application/x-www-form-urlencoded"})
    status = connection.getresponse().status
    connection.close()
    return faults if status == 303 else [*faults, f"the right one from another address: {status}"]


def _slow_headers(pages: Pages, what: dict[str, Any]) -> list[str]:
    """Connections that never finish their headers; others are served meanwhile."""
    count = what.get("connections", what.get("count", 100))
    port = pages.system.city.page_port
    slow = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(min(count, 400))]
    try:
        for connection in slow:
            connection.sendall(b"GET / HTTP/1.1\r\nHo")
        said = pages.ask("GET", "/api/v1/stations")
        return [] if said.status == 200 and said.took_s < SLOW_S else [f"others: {said.status}, {said.took_s:.1f} s"]
    finally:
        for connection in slow:
            connection.close()


def _no_bundles(pages: Pages, what: dict[str, Any]) -> list[str]:
    """The system takes no bundles of profiles: there is no address to send one to."""
    said = pages.ask(
        "POST", "/api/v1/profiles", str(what.get("entry", "")).encode(), {"Content-Type": "application/zip"}
    )
    return [] if 400 <= said.status < 500 else [f"answered {said.status}"]
