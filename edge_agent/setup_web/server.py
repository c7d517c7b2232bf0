"""The set-up page's server: a few threads on one port of this device, in clear on the network it is told of."""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from edge_agent.device.clock import synchronised
from edge_agent.setup_web import page
from edge_agent.setup_web.guard import TRIES_MAX, is_our_host
from edge_agent.setup_web.texts import Words, language_of

if TYPE_CHECKING:
    from edge_agent.setup_web.setup_page import SetupPage

COOKIE = "lamppost_setup"
COOKIE_S = 3600
"""A browser that is closed and opened again is still let in; for how long is the guard's to say."""
BODY_MAX = 16_384
STYLE = Path(__file__).with_name("page.css")
AT_ONCE = 16
READ_S = 10.0
WRONG_CODE_S = 1.0
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-src 'self'; frame-ancestors 'self'; "
    "form-action 'self'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with no-referrer a browser hides the Origin that we look at
    "Cache-Control": "no-store",
}


class Server(ThreadingHTTPServer):
    """Serves one `setup`. Raises OSError where it cannot listen."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], setup: SetupPage) -> None:
        self.setup = setup
        self._inside: deque[Any] = deque()  # connections, the oldest first
        super().__init__(address, Handler)

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


class Handler(BaseHTTPRequestHandler):
    """One question of a phone."""

    server: Server
    timeout = READ_S
    server_version = "lamppost"
    sys_version = ""

    def do_GET(self) -> None:
        if not self._ours():
            return
        setup, path = self.server.setup, self._split()[0]
        if path == "/style.css":
            kept = {"Cache-Control": "private, max-age=3600"}  # the last page is seen when nobody serves any more
            self._send(STYLE.read_text(encoding="utf-8"), "text/css", more=kept)
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
