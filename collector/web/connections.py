"""Connections of strangers: so many at once, and none that is held open by saying nothing (slow headers, slow bodies).

Every connection is a file handle of the process that also takes the readings in. One that has not begun a new request,
or has not finished one's body, between two looks is closed; a stream of live values goes on, for its request is whole.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS_MAX: Final = 3_000
LOOK_S = 20.0


class Bounded(H11Protocol):
    """uvicorn's protocol, with an end to patience."""

    _look_again: asyncio.TimerHandle | None = None
    _seen: Any = None
    _looked = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX:
            transport.abort()
            return
        self._look_again = self.loop.call_later(LOOK_S, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._look_again is not None:
            self._look_again.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        cycle: Any = self.cycle
        waits_for_them = cycle is None or cycle.response_complete or cycle.more_body
        if waits_for_them and self._looked and cycle is self._seen:
            self.transport.close()
            return
        if waits_for_them and cycle is None:  # not one request since it connected
            self.transport.close()
            return
        self._seen, self._looked = cycle, True
        self._look_again = self.loop.call_later(LOOK_S, self._look)
