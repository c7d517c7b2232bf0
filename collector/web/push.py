"""Citizens' sensors push here: `POST /push/airrohr`, with the station's name and its own secret (HTTP Basic).

200 means "in the database". Anything else means that these readings are not: 401 wrong name or secret, 400 not
readable, 429 too often, 503 the database or the active collector is elsewhere at the moment.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from collector.adapters import airrohr
from collector.adapters.guests import Guests
from collector.web.forms import Allowance, client_of, read_body
from wire.times import MINUTE_MS

PATH: Final = "/push/airrohr"
ANSWER_S: Final = 10.0
_PUSHES, _TRIES, _SPAN_MS = 6, 30, MINUTE_MS


class Pusher(NamedTuple):
    """A station that may push: its site, and the SHA-256 of its secret."""

    site: str
    secret_digest: bytes


def routes(clock_ms: Callable[[], int], guests: Guests, pushers: Mapping[str, Pusher]) -> list[Route]:
    """The door for pushes; none without stations that may push."""
    tries, pushes = Allowance(_TRIES, _SPAN_MS, crowd=100), Allowance(_PUSHES, _SPAN_MS, crowd=1000)

    async def push(request: Request) -> Response:
        now_ms = clock_ms()
        if not tries.take(client_of(request), now_ms):
            return _say(429, "too many requests from this address", {"Retry-After": "60"})
        node = _authorised(request.headers.get("authorization", ""), pushers)
        if node is None:
            return _say(401, "name or secret is wrong", {"WWW-Authenticate": 'Basic realm="push"'})
        if not pushes.take(node, now_ms):
            return _say(429, "more than six pushes a minute", {"Retry-After": "60"})
        body = await read_body(request, airrohr.BYTES_MAX)
        if body is None:
            return _say(400, f"more than {airrohr.BYTES_MAX} bytes")
        try:
            blocks = airrohr.blocks(body, now_ms)
        except airrohr.NotReadable as error:
            return _say(400, str(error))
        code = await guests.push(node, pushers[node].site, blocks, now_ms, ANSWER_S)
        if code is None or not code.final:
            return _say(503, "not stored; send again later", {"Retry-After": "60"})
        return JSONResponse({"result": code.name.lower()}, 200, {"Cache-Control": "no-store"})

    return [Route(PATH, push, methods=["POST"])] if pushers else []


def _authorised(header: str, pushers: Mapping[str, Pusher]) -> str | None:
    """The station whose name and secret came, or None. Every answer takes the same time."""
    scheme, _, text = header.partition(" ")
    try:
        name, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except ValueError:  # not Base64, not UTF-8, not even ASCII
        return None
    known = pushers.get(name)
    digest = hashlib.sha256(secret.encode()).digest()
    right = hmac.compare_digest(digest, known.secret_digest if known is not None else bytes(32))
    return name if scheme.lower() == "basic" and right and known is not None else None


def _say(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": message}, status, {"Cache-Control": "no-store", **(headers or {})})
