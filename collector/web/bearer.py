"""Bearer tokens at the API's door, and what a token with the scope `handle` may do about alerts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from collector.web.desk.api_tokens import ApiTokens, Grant
from collector.web.desk.handling import LENGTHS_MS, UNTIL_RESOLVED_MS, VERBS, Deed, Handling
from collector.web.forms import Allowance, client_of
from collector.web.site import Site
from wire import strictjson

BODY_MAX: Final = 16_384
TRIES: Final = 30
TRIES_MS: Final = 60_000


class Bearer:
    """Middleware: an Authorization header must be a good token; without one a request is anybody's."""

    def __init__(self, app: ASGIApp, tokens: ApiTokens, now_ms: Callable[[], int]) -> None:
        self._app = app
        self._tokens = tokens
        self._now_ms = now_ms
        self._wrong = Allowance(TRIES, TRIES_MS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        given = request.headers.getlist("authorization")
        if given:
            kind, _, token = given[0].partition(" ")
            grant = None
            if len(given) == 1 and kind.lower() == "bearer":
                grant = await run_in_threadpool(self._tokens.check, token.strip(), self._now_ms())
            if grant is None:
                held = not self._wrong.take(client_of(request), self._now_ms())
                answer = _no(429 if held else 401, "too-many" if held else "bad-token")
                answer.headers["WWW-Authenticate"] = "Bearer"
                await answer(scope, receive, send)
                return
            scope.setdefault("state", {})["grant"] = grant
        await self._app(scope, receive, send)


class Deeds:
    """`POST /api/v1/alerts/{fingerprint}/{verb}` for programs: acknowledge, note, silence."""

    def __init__(self, site: Site, handling: Handling) -> None:
        self._site = site
        self._handling = handling

    def routes(self, root: str) -> list[Route]:
        return [Route(root + "/alerts/{fingerprint}/{verb}", self.handle, methods=["POST"])]

    async def handle(self, request: Request) -> Response:
        """What the token's bearer does about one alert; the trail names the token."""
        grant: Grant | None = getattr(request.state, "grant", None)
        if grant is None or "handle" not in grant.scopes:
            return _no(401 if grant is None else 403, "token-needed" if grant is None else "scope-missing")
        asked = await _read(request)
        verb, now_ms = request.path_params["verb"], self._site.now_ms()
        alert = next((a for a in self._site.alerts() if a.fingerprint == request.path_params["fingerprint"]), None)
        if alert is None or verb not in VERBS:
            return _no(404, "no-such-alert")
        if asked is None or (verb != "note" and alert.state == "resolved"):
            return _no(400, "bad-body")
        length, note = asked.get("length", "resolved"), asked.get("note", "")
        if length not in LENGTHS_MS or not isinstance(note, str):
            return _no(400, "bad-body")
        length_ms = LENGTHS_MS[length]
        until_ms = None if verb == "note" else length_ms if length_ms == UNTIL_RESOLVED_MS else now_ms + length_ms
        deed = Deed(alert.fingerprint, verb, f"token:{grant.name}", note.strip(), until_ms, now_ms)
        try:
            await run_in_threadpool(self._handling.have_done, self._site.duty, deed)
        except ValueError:
            return _no(400, "bad-body")
        self._site.feed.publish({"type": "alert", "fingerprint": alert.fingerprint})
        return JSONResponse({"done": verb, "fingerprint": alert.fingerprint})


async def _read(request: Request) -> dict[str, Any] | None:
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        return None
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_MAX:
            return None
    try:
        return strictjson.loads(body)
    except strictjson.NotStrict:
        return None


def _no(status: int, word: str) -> JSONResponse:
    return JSONResponse({"error": word}, status, headers={"Cache-Control": "no-store"})
