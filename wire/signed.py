"""Signed payloads: two lines, so that a hostile broker can delay a message but never write one.

    <Ed25519 signature of topic + LF + second line, base64url without padding, or "-">
    <JSON>

The topic is part of what is signed: a message rightly signed for one node says nothing to another. `-` is accepted
only by a receiver that has pinned no key, which is what a loopback set-up before enrolment is.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # cryptography costs memory on a small device; only enrolled programs import it
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

UNSIGNED = b"-"


class BadSignature(ValueError):
    """The payload is not two lines, is unsigned where a key is pinned, or was signed by somebody else."""


def seal(topic: str, body: bytes, key: Ed25519PrivateKey | None = None) -> bytes:
    """Put the signature line before `body` (one line of JSON)."""
    if b"\n" in body:
        raise ValueError("a signed body is one line")
    if key is None:
        return UNSIGNED + b"\n" + body
    signature = base64.urlsafe_b64encode(key.sign(_message(topic, body))).rstrip(b"=")
    return signature + b"\n" + body


def open_sealed(topic: str, payload: bytes, keys: tuple[Ed25519PublicKey, ...] = ()) -> bytes:
    """Give the body back when one of the pinned `keys` signed it for `topic`; raise BadSignature when none did.

    Without pinned keys every well-formed payload is let through.
    """
    signature, line_feed, body = payload.partition(b"\n")
    if not line_feed or b"\n" in body:
        raise BadSignature("a signed payload is two lines")
    if not keys:
        return body
    if signature == UNSIGNED:
        raise BadSignature("unsigned, and a key is pinned")
    try:
        raw = base64.b64decode(signature + b"=" * (-len(signature) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise BadSignature("the signature is not base64url") from error
    from cryptography.exceptions import InvalidSignature

    for key in keys:
        try:
            key.verify(raw, _message(topic, body))
        except InvalidSignature:
            continue
        return body
    raise BadSignature("signed by none of the pinned keys")


def _message(topic: str, body: bytes) -> bytes:
    return topic.encode() + b"\n" + body
