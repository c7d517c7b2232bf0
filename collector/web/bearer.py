"""Bearer tokens at the API's door, and what a token with the scope `handle` may do about alerts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from collector.alerts.duty import NOTE_MAX
from collector.web.desk.api_tokens import ApiTokens, Grant
from collector.web.desk.handling import LENGTHS_MS, VERBS, Deed, do, end_ms
from collector.web.forms import BODY_MAX, Allowance, client_of, read_body
from collector.web.replies import refusal
from collector.web.site import AlertView, Site
from wire import strictjson
from wire.times import MINUTE_MS

TRIES: Final = 30
TRIES_MS: Final = MINUTE_MS
_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}
_BAD: Final = (401, "bad-token", "no Bearer token, or one that is unknown, expired or revoked")


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
                told = (429, "too-many", "too many wrong tokens; wait a minute") if held else _BAD
                await refusal(*told, headers=_CHALLENGE)(scope, receive, send)
                return
            scope.setdefault("state", {})["grant"] = grant
        await self._app(scope, receive, send)


class Deeds:
    """`POST /api/v1/alerts/{fingerprint}/{verb}` for programs: acknowledge, note, silence."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self, root: str) -> list[Route]:
        return [Route(root + "/alerts/{fingerprint}/{verb}", self.handle, methods=["POST"])]

    async def handle(self, request: Request) -> Response:
        """What the token's bearer does about one alert; the trail names the token."""
        grant: Grant | None = getattr(request.state, "grant", None)
        if grant is None:
            return refusal(401, "token-needed", "send a token: Authorization: Bearer ...", headers=_CHALLENGE)
        if "handle" not in grant.scopes:
            return refusal(
                403, "scope-missing", "this token only reads; `lamppost token api` makes one to handle alerts"
            )
        verb = request.path_params["verb"]
        if verb not in VERBS:
            return refusal(404, "unknown-verb", f"the last word is one of {', '.join(VERBS)}", "verb")
        alert = self._site.alert(request.path_params["fingerprint"])
        if alert is None:
            return refusal(
                404, "unknown-alert", "no alert of this fingerprint stands or ended within a day", "fingerprint"
            )
        try:
            deed = self._deed(alert, verb, grant, await _read(request))
            if verb != "note" and alert.state == "resolved":
                raise _Refused(409, "not-firing", f"nothing to {verb}: the alert has ended; it may be noted")
            await run_in_threadpool(do, self._site, deed)
        except _Refused as refused:
            return refusal(*refused.args)
        except ValueError as error:
            return refusal(409, "refused", f"the duty desk refused: {error}")
        return JSONResponse({"done": verb, "fingerprint": alert.fingerprint}, headers={"Cache-Control": "no-store"})

    def _deed(self, alert: AlertView, verb: str, grant: Grant, asked: Mapping[str, Any]) -> Deed:
        length, note, now_ms = asked.get("length", "resolved"), asked.get("note", ""), self._site.now_ms()
        if not isinstance(length, str) or length not in LENGTHS_MS:
            raise _Refused(400, "bad-length", f"length is one of {', '.join(LENGTHS_MS)}", "length")
        if not isinstance(note, str) or len(note) > NOTE_MAX:
            raise _Refused(400, "bad-note", f"note is a text of at most {NOTE_MAX} characters", "note")
        until_ms = None if verb == "note" else end_ms(length, now_ms)
        return Deed(alert.fingerprint, verb, f"token:{grant.name}", note.strip(), until_ms)


class _Refused(Exception):
    """The arguments of a refusal."""


async def _read(request: Request) -> dict[str, Any]:
    """The body. Raises _Refused when it is no JSON object, or too long."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise _Refused(415, "not-json", "the body is one JSON object, its Content-Type application/json")
    body = await read_body(request)
    if body is None:
        raise _Refused(413, "too-long", f"a body has at most {BODY_MAX} bytes")
    try:
        return strictjson.loads(body)
    except strictjson.NotStrict as error:
        raise _Refused(400, "not-json", f"the body is one JSON object: {error}") from error
