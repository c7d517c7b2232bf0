"""Who may use the set-up page: whoever types the code from the terminal, once, within the time. Pure.

The code opens one session and is then spent: a second phone gets nothing. `TRIES_MAX` wrong codes end the page, so that
the chance of a guess is 1 in 200,000.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets

CODE_DIGITS = 6
TRIES_MAX = 5
OPEN_S = 15 * 60


class Guard:
    """One page's door. Holds no clock: it is told the time in seconds."""

    def __init__(self, now_s: float, code: str | None = None) -> None:
        self.code = code or f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
        self.until_s = now_s + OPEN_S
        self._tries = 0
        self._session: str | None = None
        self.busy = False
        """While a proof is under way: whoever began it sees its end."""

    def is_over(self, now_s: float) -> bool:
        """True when the time is up, or too many wrong codes were typed before the right one."""
        if self.busy:
            return False
        return now_s >= self.until_s or (self._session is None and self._tries >= TRIES_MAX)

    def enter(self, typed: str, now_s: float) -> str | None:
        """A session for the right code, the first time; None for everything else."""
        if self.is_over(now_s) or self._session is not None:
            return None
        self._tries += 1
        digits = "".join(char for char in typed if char.isascii() and char.isdigit())
        if not hmac.compare_digest(digits.encode(), self.code.encode()):
            return None
        self._session = secrets.token_hex(16)
        return self._session

    @property
    def tries_left(self) -> int:
        """How many codes may still be typed."""
        return TRIES_MAX - self._tries

    @property
    def is_taken(self) -> bool:
        """True when somebody is in."""
        return self._session is not None

    def knows(self, session: str | None, now_s: float) -> bool:
        """True for the one session, within the time."""
        mine = self._session
        return (
            mine is not None
            and not self.is_over(now_s)
            and hmac.compare_digest((session or "").encode(), mine.encode())
        )

    def form_key(self) -> str:
        """What a form of the session carries, so that no other page can send one."""
        return hashlib.sha256(f"form {self._session}".encode()).hexdigest()[:32]


def is_our_host(host: str) -> bool:
    """True for a Host header that is an address or this machine's local name: a name in the DNS may be anybody's."""
    name = host.rpartition(":")[0] if host.count(":") == 1 or host.startswith("[") else host
    name = name.strip("[]").lower()
    if name == "localhost" or name.endswith(".local"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
