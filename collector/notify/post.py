"""One POST to an address that the settings name, and to no other: no redirect, no rebinding, no machine's own secrets.

A name is resolved once, every address it has is checked, and the connection goes to an address that was checked. A
loopback address is called only when the settings name it as such; link-local addresses never (metadata services).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from collector.notify.channel import Never, NotNow, Outcome, Told

TIMEOUT_S: Final = 10.0
ANSWER_BYTES_MAX: Final = 64 * 1024
_GONE: Final = frozenset({400, 405, 410, 411, 413, 414, 415, 422})
"""The receiver understood, and will never take this. 401, 403 and 404 are somebody's mistake that can be mended."""

Resolve = Callable[[str, int], list[str]]


class Forbidden(Exception):
    """The name leads to an address that is never called."""


class Answer(NamedTuple):
    """Status, headers and the beginning of the body."""

    status: int
    headers: dict[str, str]
    body: bytes


def resolve(host: str, port: int) -> list[str]:
    """Every address of a name. Raises OSError."""
    return list(dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def checked_address(host: str, port: int, resolved: Resolve = resolve) -> str:
    """An address of the host that may be called. Raises Forbidden when any of them may not, OSError."""
    named = _address(host)
    local = host == "localhost" or (named is not None and named.is_loopback)
    found = [str(named)] if named is not None else resolved(host, port)
    if not found:
        raise OSError(f"{host} has no address")
    for text in found:
        address = ipaddress.ip_address(text.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        bad = address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved
        if bad or (address.is_loopback and not local):
            raise Forbidden(f"{host} leads to {text}, which is never called")
    return found[0]


def post(url: str, body: bytes, headers: dict[str, str], resolved: Resolve = resolve) -> Answer:
    """POST once, without following anything. Raises Forbidden, OSError, urllib3.exceptions.HTTPError."""
    return request("POST", url, body, headers, resolved)


def request(method: str, url: str, body: bytes | None, headers: dict[str, str], resolved: Resolve = resolve) -> Answer:
    """One request. Raises Forbidden, OSError, urllib3.exceptions.HTTPError."""
    import urllib3

    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    address = checked_address(host, port, resolved)
    names: dict[str, Any] = {"server_hostname": host, "assert_hostname": host} if secure else {}
    kind = urllib3.HTTPSConnectionPool if secure else urllib3.HTTPConnectionPool
    timeout = urllib3.Timeout(connect=TIMEOUT_S, read=TIMEOUT_S)
    with kind(address, port, timeout=timeout, retries=False, maxsize=1, **names) as pool:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        told = {**headers, "Host": parts.netloc.rpartition("@")[2], "User-Agent": "lamppost"}
        answer = pool.urlopen(method, path, body, told, redirect=False, preload_content=False)
        try:
            return Answer(answer.status, dict(answer.headers), answer.read(ANSWER_BYTES_MAX, decode_content=True))
        finally:
            answer.close()


def outcome(answer: Answer) -> Outcome:
    """What an HTTP answer means. A page where a program was asked is a captive portal, whatever its status."""
    headers = {key.lower(): value for key, value in answer.headers.items()}
    status = answer.status
    if 200 <= status < 300:
        page = headers.get("content-type", "").lower().startswith("text/html") or answer.body[:15].lower().startswith(
            (b"<!doctype html", b"<html")
        )
        return NotNow(f"HTTP {status} with a page: a captive portal?") if page else Told()
    if 300 <= status < 400:
        return NotNow(f"HTTP {status}: a redirect is not followed; correct the address or the network")
    said = answer.body[:200].decode("utf-8", "replace").strip().replace("\n", " ")
    why = f"HTTP {status}" + (f": {said}" if said and not said.startswith("<") else "")
    if status in _GONE:
        return Never(why)
    return NotNow(why, _retry_after_ms(headers.get("retry-after", "")))


def _retry_after_ms(text: str) -> int | None:
    return int(text) * 1000 if text.isascii() and text.isdigit() and len(text) < 6 else None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
