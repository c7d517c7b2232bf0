"""Forms: a small body, read strictly, from our own pages only."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Network, ip_address
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

BODY_MAX = 16_384
CLIENTS_MAX = 10_000
CLIENT_MAX = 64
"""Characters: longer is no address and no account's name."""


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a posted form. Raises HTTPException: 403 from another site, 413, 415 or 400 when it is no form."""
    if not from_here(request):
        raise HTTPException(403, "refused_origin")
    if request.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
        raise HTTPException(415, "refused_form")
    body = await read_body(request)
    if body is None:
        raise HTTPException(413, "refused_form")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=32, errors="strict")
    except ValueError:
        raise HTTPException(400, "refused_form") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise HTTPException(400, "refused_form")
    return {name: text.replace("\r\n", "\n").replace("\0", "") for name, text in fields.items()}


async def read_body(request: Request, most: int = BODY_MAX) -> bytes | None:
    """The whole body; None when it has more bytes than may be, or its sender went away before the end."""
    if int(request.headers.get("content-length", 0)) > most:
        return None
    body = b""
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > most:
                return None
    except ClientDisconnect:  # and hears of it no more
        return None
    return body


def from_here(request: Request) -> bool:
    """Whether a browser says that one of our own pages sent this. Older ones say nothing; they send Origin at least."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")


class Allowance:
    """So many a while for each client, by its address; and for all together `crowd` times as many."""

    def __init__(self, number: int, while_ms: int, crowd: int = 10) -> None:
        self._number = number
        self._crowd = crowd
        self._while_ms = while_ms
        self._taken: dict[str, deque[int]] = {}

    def take(self, client: str, now_ms: int) -> bool:
        """True when one more is allowed, and then it is counted."""
        client = client[:CLIENT_MAX]
        if len(self._taken) > CLIENTS_MAX:
            self._taken.clear()
        for name, most in (("", self._crowd * self._number), (client, self._number)):
            times = self._taken.setdefault(name, deque())
            while times and not 0 <= now_ms - times[0] < self._while_ms:  # too old, or of a clock since set back
                times.popleft()
            if len(times) >= most:
                return False
        self._taken[""].append(now_ms)
        self._taken[client].append(now_ms)
        return True


def host_of(request: Request) -> str:
    """The address that a request came from."""
    return request.client.host if request.client is not None else "unknown"


def client_of(request: Request) -> str:
    """Whose request it is: an IPv4 address, or the /64 around an IPv6 one, for whoever has one has all of it."""
    host = host_of(request)
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv4Address):
        return host
    return str(address.ipv4_mapped or IPv6Network((int(address) >> 64 << 64, 64)))


def choice(fields: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    """A field that is one of a closed list. Raises HTTPException 400."""
    if fields.get(name) not in known:
        raise HTTPException(400, "refused_form")
    return fields[name]
