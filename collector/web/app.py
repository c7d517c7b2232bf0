"""The web application, put together: pages, stream, static files, and the headers that keep strangers out."""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.web import probes
from collector.web.act import Act
from collector.web.api import ROOT, Api
from collector.web.bearer import Bearer, Deeds
from collector.web.desk.desk import Desk
from collector.web.live import Live
from collector.web.ops import Ops
from collector.web.pages import Pages, PutOut, language_of
from collector.web.render import HERE, Renderer
from collector.web.replies import refusal
from collector.web.site import Site
from collector.web.take_part import TakePart
from collector.web.views import Views
from collector.web.words import TEXTS

log = logging.getLogger("lamppost.web")

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]*)?")
_NO_GZIP = re.compile(r"gzip *; *q=0(\.0*)? *(,|$)", re.I)
HEADER_BYTES_MAX = 16_384
HEADERS_MAX = 100
PAGES_AT_ONCE = 4
"""That are being made for the public, one of them for what many read. Looking around in ten thousand stations, six at
once were slower than three, and forty left the readings that arrive, who take turns with each of them, too little time.
"""
ANSWERS_AT_ONCE = 2
"""For programs, beside the pages: while a database hangs each of theirs waits for it, and no person waits for them."""


class _Static(StaticFiles):
    """Asked for again with each page, and mostly not modified: else browsers guess, and run an old script for weeks."""

    def file_response(self, *args: Any, **named: Any) -> Response:
        response = super().file_response(*args, **named)
        response.headers["Cache-Control"] = "no-cache"
        return response


class _Gzip(GZipMiddleware):
    """Compresses for whoever takes it: `gzip;q=0` says that somebody does not (RFC 9110, 12.5.3)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _NO_GZIP.search(Headers(scope=scope).get("accept-encoding", "")):
            scope = {**scope, "headers": [each for each in scope["headers"] if each[0] != b"accept-encoding"]}
        await super().__call__(scope, receive, send)


_STATIC = Mount("/static", _Static(directory=HERE / "static"), name="static")


class SecurityHeaders:
    """Adds the same headers to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        headers = scope["headers"] if scope["type"] == "http" else ()
        if len(headers) > HEADERS_MAX or sum(len(k) + len(v) for k, v in headers) > HEADER_BYTES_MAX:
            await PlainTextResponse("headers too large", 431)(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)


class Hosts:
    """Answers under the site's own names only: under another, a page of elsewhere could speak for its reader.

    The probes know no reader: load balancers ask by address, or as HTTP/1.0 under no name at all.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower().strip("[]") for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in probes.PATHS or _host_of(scope) in self._hosts:
            await self._app(scope, receive, send)
            return
        text = (
            "these pages do not answer under this name; who runs them adds it in collector.yaml: web: hosts: [NAME]\n"
        )
        await PlainTextResponse(text, 400)(scope, receive, send)


def _host_of(scope: Scope) -> str | None:
    """The name in the Host header, in lower case and without a port; None when it is none."""
    found = _HOST.fullmatch(Headers(scope=scope).get("host", ""))
    return None if found is None else (found[1] or found[2]).lower()


def create_app(site: Site, doors: Sequence[BaseRoute] = ()) -> Starlette:
    """The application of one site, with `doors` for others beside the pages.

    Its `state` has `live`, whose `close()` ends open streams before a server is stopped, and `setup_path`, the one-time
    address at which the first operator's account is made, None later. Raises Failure when the site's desk cannot be
    opened.
    """
    desk = Desk.open(site.desk)
    renderer, views = Renderer(site), Views(site)
    live = Live(site, renderer, views)
    app = Starlette(
        routes=[*_routes(site, desk, renderer, views, live), *doors, _STATIC],
        middleware=_middleware(site, desk),
        exception_handlers=dict.fromkeys((HTTPException, sqlite3.OperationalError, Exception), _refuser(renderer)),
        lifespan=_lifespan(renderer, views, live, desk),
    )
    app.state.live = live
    token = desk.accounts.setup_token
    app.state.setup_path = None if token is None else f"/ops/setup?token={token}"
    return app


def _routes(site: Site, desk: Desk, renderer: Renderer, views: Views, live: Live) -> Iterator[BaseRoute]:
    """The operators' addresses, and everybody's."""
    put_out = PutOut(desk.reports)
    renderer.offer(put_out=put_out)
    yield from Ops(site, renderer, views, live, desk).routes()
    yield from Deeds(site).routes(ROOT)
    if site.grants is not None:
        yield from Act(site, renderer, site.grants).routes()
    yield from Pages(site, renderer, views, live, desk.reports, put_out, PAGES_AT_ONCE).routes()
    yield from TakePart(site, renderer, desk.reports).routes()
    yield from Api(site, views, asyncio.Semaphore(ANSWERS_AT_ONCE)).routes()
    yield from probes.routes(site)


def _middleware(site: Site, desk: Desk) -> list[Middleware]:
    """What every request goes through, the outermost first."""
    return [
        Middleware(SecurityHeaders),
        Middleware(Hosts, hosts=site.hosts),
        Middleware(Bearer, tokens=desk.tokens, now_ms=site.now_ms),
        Middleware(_Gzip, minimum_size=1000, compresslevel=5),
    ]


def _lifespan(
    renderer: Renderer, views: Views, live: Live, desk: Desk
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """What goes on beside the requests as long as the application is served."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(live.run(), name="tell readers what changed"),
            asyncio.create_task(views.run(), name="look at the whole city"),
            asyncio.create_task(run_in_threadpool(renderer.warm_up), name="compile templates"),
        ]
        yield
        live.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        desk.file.close()

    return lifespan


def _refuser(renderer: Renderer) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Says no in the manner of the address: JSON under /api/, a page in the reader's language elsewhere."""

    async def refuse(request: Request, error: Exception) -> Response:
        status, detail = 500, "broken"  # nobody foresaw it; the server logs it
        headers: Mapping[str, str] | None = _HEADERS  # it goes past the middleware
        if isinstance(error, HTTPException):
            status, detail, headers = error.status_code, error.detail, error.headers
        elif isinstance(error, sqlite3.OperationalError):  # a command holds the file, or its disk is full
            log.warning("%s %s was refused: %s", request.method, request.url.path, error)
            status, detail, headers = 503, "refused_file", {"Retry-After": "60"}
        if request.url.path.startswith("/api/"):
            if status >= 500:
                return refusal(status, detail, TEXTS[detail][1], headers=headers)
            reason = "method-not-allowed" if status == 405 else "no-such-address"
            return refusal(status, reason, f"{ROOT}/openapi.json describes what there is", headers=headers)
        words = renderer.words(language_of(request))
        text = words(detail if detail in TEXTS else "not_found")
        path = "/ops" if request.url.path.removeprefix("/en").startswith("/ops") else "/"
        html = renderer.page("refused.html", words.language, path=path, safe=False, text=text, events=None)
        return HTMLResponse(html, status, headers=headers)

    return refuse
