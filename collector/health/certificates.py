"""The office's own certificates: a person renews them once in two years, and when they end every station stays out.

Stations renew theirs by themselves. A program that renews (ACME) does so long before the last tenth of a life.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from collector.config import Config
from collector.timers import Waits
from collector.web.desk.api_tokens import Listed
from common.tls import show
from wire.exits import Failure
from wire.times import HOUR_MS

LEFT: Final = 0.1
"""Of its life: ten weeks of two years, a year of the authority's ten."""
TOKEN_LEFT_MS: Final = 30 * 24 * HOUR_MS
"""So long before its end a token is named that was used in as many days: its program would be refused from then on."""


class Certificates:
    """Those that the settings name. Of a file the first certificate counts: its own, or the newest authority.

    What the pages show is whatever lay there last and could be used: a renewed one that cannot is no good to them.
    """

    def __init__(self, config: Config, tokens: Callable[[], Iterable[Listed]]) -> None:
        """`tokens` are those of programs at the API."""
        self._tokens = tokens
        self._waits = Waits()
        self._pages = config.web.tls
        self._cures: dict[Path, str] = {}
        if config.web.tls is not None:
            self._cures[config.web.tls.cert] = "have it renewed by who signed it"
        if config.broker.tls is not None and config.broker.tls.cert is not None:
            self._cures[config.broker.tls.cert] = "have it renewed by who signed it"
        if config.identities is not None:
            pki = config.identities.folder
            init = f"lamppost collector init {pki.parent}"
            self._cures |= {
                path: f"{init} --renew" for path in (*self._cures, pki / "server.pem") if path.parent == pki
            }
            self._cures[pki / "ca.pem"] = f"{init} --roll-over"

    def look(self, now_ms: int) -> str | None:
        """What ends soon and the cure, once an hour; None when nothing does."""
        if not self._waits.comes_round("look", now_ms, HOUR_MS):
            return None
        return "; ".join(self._ending(datetime.fromtimestamp(now_ms / 1000, UTC))) or None

    def _ending(self, now: datetime) -> Iterator[str]:
        if self._pages is not None:
            try:
                show(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self._pages.cert, self._pages.key)
            except Failure as failure:
                yield f"{failure}: the pages show the one of before until it ends. Cure: a pair that it may read"
        for path, cure in self._cures.items():
            with suppress(OSError, ValueError):  # who opens it to use it says what is wrong with it
                one = x509.load_pem_x509_certificates(path.read_bytes())[0]
                ends = one.not_valid_after_utc
                if ends - now < LEFT * (ends - one.not_valid_before_utc):
                    yield f"{path} {'ended' if ends <= now else 'ends'} on {ends:%Y-%m-%d}. Cure: {cure}"
        for token in self._tokens():
            ends_ms, now_ms = token.expires_ms, now.timestamp() * 1000
            if now_ms - (token.used_ms or 0) < TOKEN_LEFT_MS and ends_ms - now_ms < TOKEN_LEFT_MS:
                ends = datetime.fromtimestamp(ends_ms / 1000, UTC)
                when = f"{'ended' if ends_ms <= now_ms else 'ends'} on {ends:%Y-%m-%d}"
                yield f"the API token {token.name} {when}. Cure: lamppost token api, under another name"
