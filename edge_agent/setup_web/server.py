"""The set-up page's server: a few threads on one port of this device, in clear on the network it is told of."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from edge_agent.device.clock import synchronised
from edge_agent.setup.answers import Answers
from edge_agent.setup_web import page
from edge_agent.setup_web.form import answers_of
from edge_agent.setup_web.guard import TRIES_MAX, Guard, is_our_host
from edge_agent.setup_web.live import Live
from edge_agent.setup_web.texts import Words, language_of
from wire.exits import Exit, Failure

COOKIE = "lamppost_setup"
COOKIE_S = 3600
"""A browser that is closed and opened again is still let in; for how long is the guard's to say."""
BODY_MAX = 16_384
AT_ONCE = 16
READ_S = 10.0
WRONG_CODE_S = 1.0
LAST_LOOK_S = 60.0
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-src 'self'; frame-ancestors 'self'; "
    "form-action 'self'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with no-referrer a browser hides the Origin that we look at
    "Cache-Control": "no-store",
}


class SetupPage:
    """One set-up by phone: `answers()` waits for them, `say` shows lines, `finish` the end. Close it afterwards."""

    def __init__(self, address: tuple[str, int], live: Live, suggested: Mapping[str, str], guard: Guard) -> None:
        self.guard = guard
        self.live = live
        self.given: dict[str, str] = dict(suggested)
        self.wrong: dict[str, str] = {}
        self.trouble: Failure | None = None
        self.lines: list[str] = []
        self.ending: str | None = None
        self.phase = "form"
        self.seen_end = threading.Event()
        self._answers: Answers | None = None
        self._given = threading.Event()
        self._turn = threading.Lock()  # a person may tap twice: one tap at a time, in the phase that it was meant for
        try:
            self._server = _Server(address, self)
        except OSError as error:
            text = f"{address[0]}:{address[1]}: {error.strerror}"
            raise Failure(Exit.NETWORK, "page-not-served", text, "another --listen ADDRESS:PORT") from error
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.2,), daemon=True).start()

    def answers(self, trouble: Failure | None = None) -> Answers:
        """Wait for answers; `trouble` says why the last could not be used. Raises Failure at the end of time."""
        with self._turn:
            self._given.clear()
            if self._answers is None:  # else they are read along still, and need not be searched for again
                self.live.start()
            self.trouble, self.phase, self.guard.busy = trouble, "form", False
        while not self._given.wait(0.5):
            if self.guard.is_over(time.monotonic()):
                self.phase = "over"
                raise Failure(Exit.TIMED_OUT, "page-over", "the set-up page has ended", "start the set-up again")
        assert self._answers is not None
        return self._answers

    def search_again(self) -> None:
        """Search once more, unless a search is under way already or answers were given: the ports are others' then."""
        with self._turn:
            if self.phase == "form" and not self.live.searching:
                self.live.stop()
                self.live.start()

    def fill_in(self, form: Mapping[str, str]) -> None:
        """What a person filled in: taken, or `wrong` says what is wanted. Nothing where answers were taken already."""
        picked = {name.removeprefix("pick "): value for name, value in form.items() if name.startswith("pick ")}
        with self._turn:
            if self.phase != "form":
                return
            self.given = {name: value for name, value in form.items() if name != "key"}
            answers, self.wrong = answers_of(form, self.live.chosen(picked), self._not_yet(picked))
            self.trouble = None
            if answers is not None:
                self.given.pop("token", None)
                self.phase, self.guard.busy = "proof", True
                self._answers = answers.with_(profiles=self.live.profiles)
                self._given.set()

    def _not_yet(self, picked: Mapping[str, str]) -> str | None:
        """Why the list of sensors is not complete: the page may be older than what the search has found."""
        if self.live.searching:
            return "still_searching"
        unseen = any(row.choices and row.port not in picked for row in self.live.rows())
        return "choose_models" if unseen else None

    def say(self, text: str) -> None:
        """A line that the phone shows too."""
        self.lines += text.splitlines() or [""]

    def finish(self, ending: str) -> None:
        """The end, by the key of its text, left on the phone until it has been seen, for a minute at most."""
        self.ending = ending
        if self.guard.is_taken:
            self.seen_end.wait(LAST_LOOK_S)

    def close(self) -> None:
        """Nobody is served any more."""
        self.live.stop()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], setup: SetupPage) -> None:
        self.setup = setup
        self._inside: deque[Any] = deque()  # connections, the oldest first
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Whoever has been asking for longest makes room: a whole question takes no time, strangers who dawdle do."""
        self._inside.append(request)
        if len(self._inside) > AT_ONCE:
            with suppress(OSError, IndexError):
                self._inside.popleft().shutdown(socket.SHUT_RDWR)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with suppress(ValueError):  # it has made room
                self._inside.remove(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A phone that goes away is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = READ_S
    server_version = "lamppost"
    sys_version = ""

    def do_GET(self) -> None:
        if not self._ours():
            return
        setup, path = self.server.setup, self._split()[0]
        if path == "/style.css":
            kept = {"Cache-Control": "private, max-age=3600"}  # the last page is seen when nobody serves any more
            self._send(page.STYLE.read_text(encoding="utf-8"), "text/css", more=kept)
        elif path not in ("/", "/live"):
            self._send("not found\n", "text/plain", 404)
        elif not self._inside():
            self._door()
        elif path == "/live":
            self._send(page.live_page(self._t, setup.live.rows(), setup.live.searching, setup.live.trouble))
        else:
            self._home()

    def do_POST(self) -> None:
        if not self._ours():
            return
        form, setup, path = self._form(), self.server.setup, self._split()[0]
        if form is None:
            self._send("too large\n", "text/plain", 413)
        elif path == "/enter":
            self._enter(form.get("code", ""))
        elif not self._inside():
            self._door(status=403)
        elif form.get("key") != setup.guard.form_key():
            self._send(page.refusal_page(self._t, self._t("over")), status=403)
        elif path in ("/again", "/start"):
            setup.search_again() if path == "/again" else setup.fill_in(form)
            self._go_to("/live" if path == "/again" else "/")
        else:
            self._send("not found\n", "text/plain", 404)

    def _home(self) -> None:
        setup = self.server.setup
        if setup.phase == "proof":
            ending = setup.ending
            self._send(page.progress_page(self._t, setup.lines, ending))
            if ending is not None:
                setup.seen_end.set()  # not before all of it is on its way: then this program ends
            return
        unsure = [row for row in setup.live.rows() if row.choices]
        minutes = max(1, round((setup.guard.until_s - time.monotonic()) / 60))
        wrong = self._t.known(setup.wrong.get("sensors", ""))
        trouble = self._t.failure(setup.trouble) if setup.trouble is not None else wrong
        key = setup.guard.form_key()
        self._send(page.form_page(self._t, key, setup.given, setup.wrong, unsure, trouble, minutes, synchronised()))

    def _door(self, status: int = 200) -> None:
        guard = self.server.setup.guard
        if guard.is_over(time.monotonic()):
            self._send(page.refusal_page(self._t, self._t("over")), status=403)
        elif guard.is_taken:
            self._send(page.refusal_page(self._t, self._t("taken")), status=403)
        else:
            self._send(page.code_page(self._t, guard.tries_left, guard.tries_left < TRIES_MAX), status=status)

    def _enter(self, code: str) -> None:
        """To the page, or back to the door: loaded anew, it sends no code again, which would cost a try."""
        session = self.server.setup.guard.enter(code, time.monotonic())
        if session is None:
            time.sleep(WRONG_CODE_S)
            self._go_to("/")
        else:
            kept = f"{COOKIE}={session}; Path=/; Max-Age={COOKIE_S}; HttpOnly; SameSite=Strict"
            self._go_to("/", {"Set-Cookie": kept})

    def _split(self) -> tuple[str, str]:
        """Path and query, whatever a stranger asks for: `urlsplit` raises at `//[`."""
        path, _, query = self.path.partition("?")
        return path, query

    @property
    def _t(self) -> Words:
        asked = parse_qs(self._split()[1]).get("lang", [None])[0]
        return Words(language_of(asked, self.headers.get("Accept-Language", "")))

    def _inside(self) -> bool:
        cookies: SimpleCookie = SimpleCookie()
        try:
            cookies.load(self.headers.get("Cookie", ""))
        except CookieError:
            return False
        session = cookies[COOKIE].value if COOKIE in cookies else None
        return self.server.setup.guard.knows(session, time.monotonic())

    def _ours(self) -> bool:
        """Refuses a page elsewhere that has its name point at this device, and forms of other pages."""
        host = self.headers.get("Host", "")
        origin = self.headers.get("Origin")
        if is_our_host(host) and origin in (None, f"http://{host}"):
            return True
        self._send("not here\n", "text/plain", 403)
        return False

    def _form(self) -> dict[str, str] | None:
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()) or int(length) > BODY_MAX:
            return None
        text = self.rfile.read(int(length)).decode("utf-8", "replace")
        return {name: values[0] for name, values in parse_qs(text, keep_blank_values=True, max_num_fields=100).items()}

    def _go_to(self, path: str, more: Mapping[str, str] | None = None) -> None:
        self._send("", "text/plain", 303, {"Location": f"{path}?lang={self._t.language}", **(more or {})})

    def _send(
        self, text: str, kind: str = "text/html", status: int = 200, more: Mapping[str, str] | None = None
    ) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in {**_HEADERS, **(more or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """The terminal is for the person on the ladder."""


def open_page(listen: str, live: Live, suggested: Mapping[str, str], echo: Callable[[str], None]) -> SetupPage:
    """Serve the page and say where, with a QR code of the address, and the code. Raises Failure."""
    import io

    import segno

    from edge_agent.setup_web.addresses import parse, reachable

    host, port = parse(listen)
    guard = Guard(time.monotonic())
    made = SetupPage((host, port), live, suggested, guard)
    urls = [f"http://{address}:{made.port}/" for address in reachable(host)]
    drawn = io.StringIO()
    segno.make(urls[0], micro=False).terminal(drawn, border=2, compact=True)
    echo(drawn.getvalue())
    for url in urls:
        echo(f"on the phone:  {url}")
    if host.startswith("127."):
        echo(f"  this device only: --listen 0.0.0.0:{made.port} opens it to its networks,")
        echo(f"  or  ssh -L {made.port}:{host}:{made.port} ...")
    echo(f"code:          {guard.code[:3]} {guard.code[3:]}   (once, for 15 minutes)")
    return made
