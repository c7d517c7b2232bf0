"""A link in a message by which its reader may acknowledge or silence one episode of one alert, for a while. Pure.

    https://street.city.example/act/FINGERPRINT.EPISODE.EXPIRES.CHANNEL.SIGNATURE

It opens a page; only the form on that page does something, so what fetches links for a preview changes nothing. The
signature (HMAC-SHA256, cut to 128 bits, as RFC 2104 section 5 allows) covers all the rest. The channel stands in the
audit trail beside the name that the reader gives.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Final, NamedTuple

PURPOSE: Final = b"lamppost act 1|"
FORM: Final = b"lamppost act form 1|"
_TOKEN: Final = re.compile(
    r"(?P<said>[0-9a-f]{16}\.[0-9a-f]{12}\.[0-9a-f]{8}\.[a-z0-9-]{1,63})\.(?P<sign>[\w-]{22})", re.A
)


class Grant(NamedTuple):
    """Whoever holds it may handle this episode until then."""

    fingerprint: str
    episode: str
    expires_ms: int
    channel: str

    def covers(self, fingerprint: str, key: str) -> bool:
        """Whether it is for the episode with this key."""
        return self.fingerprint == fingerprint and self.episode == _digest(key)


class Grants:
    """Makes and reads grants under one secret."""

    def __init__(self, secret: bytes, within_ms: int) -> None:
        self._secret = secret
        self._within_ms = within_ms

    def token(self, fingerprint: str, key: str, channel: str, at_ms: int) -> str:
        """The token for a message of that time; the same for the same message."""
        expires_s = (at_ms + self._within_ms) // 1000
        said = f"{fingerprint}.{_digest(key)}.{expires_s:08x}.{channel}"
        return f"{said}.{self._sign(PURPOSE, said)}"

    def read(self, token: str) -> Grant | None:
        """What a token grants, or has granted; None when it is none of ours."""
        found = _TOKEN.fullmatch(token)
        if found is None or not hmac.compare_digest(found["sign"], self._sign(PURPOSE, found["said"])):
            return None
        fingerprint, episode, expires, channel = found["said"].split(".")
        return Grant(fingerprint, episode, int(expires, 16) * 1000, channel)

    def form(self, token: str, nonce: str) -> str:
        """What the form on the token's page must carry, for the browser that holds this nonce."""
        return self._sign(FORM, f"{nonce}|{token}")

    def _sign(self, purpose: bytes, said: str) -> str:
        digest = hmac.new(self._secret, purpose + said.encode(), hashlib.sha256).digest()[:16]
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:12]
