"""What a device and the office say to each other when a device becomes a station.

A token travels as one line of text that holds all the device needs: its name, where to ask, the secret, and the digest
of the authority it shall believe, so that nobody between can pose as the office.

    lamppost1.<base64url of {"n": node, "u": address, "a": SHA-256 of the authority's PEM, "t": secret}>
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import NamedTuple
from urllib.parse import urlsplit

from wire import names, strictjson
from wire.both import Both

SCHEMA = "lamppost.enrolment/1"
ENROL_PATH = "/enrol/v1/enrol"
RENEW_PATH = "/enrol/v1/renew"
AUTHORITY_PATH = "/enrol/v1/authority.pem"
_PREFIX = "lamppost1."
TOKEN_TEXT_MAX = 1024
_DAMAGED = Both("the token is damaged: was all of it copied?", "令牌不完整：全部复制了吗？")


class BadToken(ValueError):
    """The text is no enrolment token."""


class Token(NamedTuple):
    """An enrolment token, unpacked."""

    node: str
    url: str
    authority_sha256: str
    secret: str

    def text(self) -> str:
        """As one line."""
        body = strictjson.dumps({"n": self.node, "u": self.url, "a": self.authority_sha256, "t": self.secret})
        return _PREFIX + base64.urlsafe_b64encode(body).rstrip(b"=").decode()


def read_token(text: str) -> Token:
    """The token that a text holds. Raises BadToken; the text itself is never repeated."""
    text = text.strip()
    if not text.startswith(_PREFIX) or len(text) > TOKEN_TEXT_MAX:
        raise BadToken(Both("an enrolment token begins with lamppost1.", "入网令牌以 lamppost1. 开头"))
    packed = text.removeprefix(_PREFIX)
    try:
        raw = strictjson.loads(base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise BadToken(_DAMAGED) from None
    node, url, digest, secret = (raw.get(key) for key in ("n", "u", "a", "t"))
    if not (isinstance(url, str) and isinstance(digest, str) and isinstance(secret, str) and isinstance(node, str)):
        raise BadToken(_DAMAGED)
    if not names.is_node(node) or not _is_https(url) or len(digest) != 64:
        raise BadToken(
            Both("the token names no node, no https address or no authority", "令牌里缺少站点名、https 地址或签发机构")
        )
    return Token(node, url.rstrip("/"), digest, secret)


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # half an IPv6 address
        return False
    return parts.scheme == "https" and bool(parts.hostname)


def digest_of(authority_pem: bytes) -> str:
    """The digest by which a token names the authority."""
    return hashlib.sha256(authority_pem).hexdigest()


def renewal_message(node: str, request: bytes) -> bytes:
    """What the key of the old certificate signs to get a new one."""
    return b"lamppost renewal 1\n" + node.encode() + b"\n" + request
