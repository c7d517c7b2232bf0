"""What is known of every station now: kept fresh for who looks at it, a little older for the map, asked for once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection

from starlette.concurrency import run_in_threadpool

from collector.stores.store import StoreDown
from collector.web.readings import View, look
from collector.web.site import Site

FRESH_S = 1.0
ROUND_S = 20.0
AT_ONCE = 50  # stations a question


class Views:
    """The newest view of each station. However many readers ask, the database is asked once."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._views: dict[str, View] = {}
        self._looked_s: dict[str, float] = {}
        self._lock = asyncio.Lock()

    async def fresh(self, nodes: Collection[str], age_s: float = FRESH_S) -> list[View]:
        """Views of these stations, none older than `age_s`, in the site's order. Raises StoreDown."""
        async with self._lock:
            oldest_s = time.monotonic() - age_s
            old = [s for s in self._site.stations() if s.node in nodes and self._looked_s.get(s.node, -1e9) < oldest_s]
            asked_s = time.monotonic()
            for view in await run_in_threadpool(look, self._site.store, old, self._site.now_ms()):
                self._views[view.station.node] = view
                self._looked_s[view.station.node] = asked_s
        return [view for view in self.all() if view.station.node in nodes]

    def all(self) -> list[View]:
        """Every station that was looked at, as it was known then."""
        views = (self._views.get(station.node) for station in self._site.stations())
        return [view for view in views if view is not None]

    async def run(self) -> None:
        """Look at all stations, again and again, so that the map and the first sentence know the whole city."""
        while True:
            started_s = time.monotonic()
            nodes = [station.node for station in self._site.stations()]
            try:
                for first in range(0, len(nodes), AT_ONCE):
                    await self.fresh(nodes[first : first + AT_ONCE], ROUND_S / 2)
            except StoreDown:
                pass  # a page that is loaded says so itself; the next round asks again
            took_s = time.monotonic() - started_s
            await asyncio.sleep(max(ROUND_S, 4 * took_s))  # at most a fifth of the time is spent on this
