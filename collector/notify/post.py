"""One POST to an address that the settings name, and to no other: no redirect, no rebinding, no machine's own secrets.

A name is resolved once, every address it has is checked (collector.notify.addresses), and the connection goes to the
first of those that were checked that takes it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from collector.letting_go import let_go
from collector.notify.addresses import NONE, Inner, Resolve, checked_addresses, resolve
from collector.notify.channel import Never, NotNow, Outcome, Told
from collector.tame import one_line

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

TIMEOUT_S: Final = 10.0
ADDRESSES_MAX: Final = 4
ANSWER_BYTES_MAX: Final = 1024
"""Enough to tell a page from an answer."""
_GONE: Final = frozenset({400, 410, 411, 413, 414, 415, 422})
"""The receiver understood, and will never take this. 401, 403, 404 and 405 are mistakes that somebody can mend."""


class Answer(NamedTuple):
    """Status, headers and the beginning of the body."""

    status: int
    headers: dict[str, str]
    body: bytes


def post(url: str, body: bytes, headers: dict[str, str], resolved: Resolve = resolve, inner: Inner = NONE) -> Answer:
    """POST once, without following anything. Raises Forbidden, OSError, urllib3.exceptions.HTTPError."""
    return request("POST", url, body, headers, resolved, inner)


def request(
    method: str, url: str, body: bytes | None, headers: dict[str, str], resolved: Resolve = resolve, inner: Inner = NONE
) -> Answer:
    """One request. Raises Forbidden, OSError, urllib3.exceptions.HTTPError."""
    import urllib3

    from collector.pools import Pool, TlsPool

    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    addresses = checked_addresses(host, port, resolved, inner)[:ADDRESSES_MAX]
    names: dict[str, Any] = {"server_hostname": host, "assert_hostname": host} if secure else {}
    kind = TlsPool if secure else Pool
    timeout = urllib3.Timeout(connect=TIMEOUT_S / max(1, len(addresses)), read=TIMEOUT_S)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    told = {**headers, "Host": parts.netloc.rpartition("@")[2], "User-Agent": "lamppost"}
    failed: Exception = OSError(f"{host} has no address")
    for address in addresses:
        with kind(address, port, timeout=timeout, retries=False, maxsize=1, **names) as pool:
            try:
                answer = pool.urlopen(method, path, body, told, redirect=False, preload_content=False)
            except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
                let_go(error)
                failed = error  # and nothing was told there
                continue
            return Answer(answer.status, dict(answer.headers), _beginning(answer))
    raise failed


def _beginning(answer: BaseHTTPResponse) -> bytes:
    """As much as comes: who says that it took something, and then never ends, or breaks off, has taken it."""
    from urllib3.exceptions import HTTPError

    body = b""
    with answer, suppress(HTTPError):
        while len(body) < ANSWER_BYTES_MAX and (piece := answer.read1(ANSWER_BYTES_MAX, decode_content=True)):
            body += piece
    return body[:ANSWER_BYTES_MAX]


def trouble(error: Exception) -> NotNow:
    """What becomes of a message to which no answer came."""
    from collector.pools import silence

    return NotNow(one_line(silence(error))[:300])


def outcome(answer: Answer) -> Outcome:
    """What an HTTP answer means. A page where a program was asked is a captive portal, whatever its status."""
    headers = {key.lower(): value for key, value in answer.headers.items()}
    status = answer.status
    page = headers.get("content-type", "").lower().startswith("text/html") or answer.body[:15].lower().startswith(
        (b"<!doctype html", b"<html")
    )
    if page and (200 <= status < 300 or status in _GONE):
        return NotNow(f"HTTP {status} with a page: a captive portal, or a proxy?")
    if 200 <= status < 300:
        return Told()
    if 300 <= status < 400:
        return NotNow(f"HTTP {status}: a redirect is not followed; correct the address or the network")
    said = one_line(answer.body[:200].decode("utf-8", "replace").strip())
    why = f"HTTP {status}" + (f": {said}" if said and not said.startswith("<") else "")
    if status in _GONE:
        return Never(why)
    return NotNow(why, _retry_after_ms(headers.get("retry-after", "")))


def _retry_after_ms(text: str) -> int | None:
    return int(text) * 1000 if text.isascii() and text.isdigit() and len(text) < 6 else None
