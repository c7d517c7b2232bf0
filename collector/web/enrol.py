"""The HTTPS server at which devices enrol: three addresses (authority, enrol, renew), JSON in and out, no pages."""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from collector.identity.enrolment import Enrolment, Refused
from collector.identity.registrar import BrokerSilent
from collector.web.forms import BODY_MAX, Allowance, client_of, read_body
from wire import enrolment as wire
from wire import strictjson
from wire.times import MINUTE_MS

log = logging.getLogger("lamppost.enrol")

_TRIES: Final = 20
_TRIES_MS: Final = MINUTE_MS


def create_enrol_app(enrolment: Enrolment, now_ms: Callable[[], int]) -> Starlette:
    """The application. Answers are JSON; a refusal says a word and a sentence, and nothing that was sent."""
    allowance = Allowance(_TRIES, _TRIES_MS)

    async def authority(_: Request) -> Response:
        return Response(enrolment.authority.bundle(), media_type="application/x-pem-file")

    def door(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Request], Any]:
        async def handle(request: Request) -> Response:
            if not allowance.take(client_of(request), now_ms()):
                return _no(429, "too-many", "too many requests from this address; wait a minute")
            asked = await _read(request)
            if isinstance(asked, Response):
                return asked
            try:
                return JSONResponse(await run_in_threadpool(answer, asked))
            except Refused as error:
                log.warning("enrolment refused: %s, from %s", error.word, client_of(request))
                return _no(403, error.word, str(error))
            except BrokerSilent as error:
                log.error("enrolment has to wait: %s", error)
                return _no(503, "broker-silent", "the broker does not answer the office; try again")

        return handle

    def enrol(asked: dict[str, Any]) -> dict[str, Any]:
        node, token, request = _texts(asked, "node", "token", "request")
        return enrolment.enrol(node, token, request.encode(), now_ms())

    def renew(asked: dict[str, Any]) -> dict[str, Any]:
        node, certificate, request, signature = _texts(asked, "node", "certificate", "request", "signature")
        raw = b""
        with suppress(binascii.Error, ValueError):
            raw = base64.b64decode(signature, validate=True)
        return enrolment.renew(node, certificate.encode(), request.encode(), raw, now_ms())

    return Starlette(
        routes=[
            Route(wire.AUTHORITY_PATH, authority),
            Route(wire.ENROL_PATH, door(enrol), methods=["POST"]),
            Route(wire.RENEW_PATH, door(renew), methods=["POST"]),
        ]
    )


async def _read(request: Request) -> dict[str, Any] | Response:
    body = await read_body(request)
    if body is None:
        return _no(413, "too-large", f"at most {BODY_MAX} bytes")
    try:
        return strictjson.loads(body)
    except strictjson.NotStrict:
        return _no(400, "not-json", "one JSON object is wanted")


def _texts(asked: dict[str, Any], *keys: str) -> list[str]:
    values = [asked.get(key) for key in keys]
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) != len(keys):
        raise Refused("incomplete", f"wanted are {', '.join(keys)}, each a text")
    return texts


def _no(status: int, word: str, text: str) -> Response:
    return JSONResponse({"error": word, "text": text}, status, headers={"Cache-Control": "no-store"})
