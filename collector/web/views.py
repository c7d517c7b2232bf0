"""What is known of every station now: kept fresh for who looks at it, a little older for the map, asked for once."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Final, TypeVar

from starlette.concurrency import run_in_threadpool

from collector.stores.store import StoreDown
from collector.web.heard import OTHERS
from collector.web.readings import View, last_heard, look
from collector.web.site import Site, Station
from collector.web.summary import Summary
from wire.times import MINUTE_MS

log = logging.getLogger("lamppost.web")

FRESH_S = 1.0
ROUND_S = 20.0
AT_ONCE = 50  # stations a question
SEARCH_S = 300.0
RECALLED_MS = 2 * MINUTE_MS  # a round of ten thousand stations takes less
PATIENCE_S = 5.0
"""How long a reader waits for a database that hangs, whose client itself waits for half a minute."""
_NEVER: Final[tuple[float, int | None]] = (-math.inf, None)
T = TypeVar("T")


async def ask(question: Callable[[], T]) -> T:
    """What a reader asks the database for, in a thread; not waited for longer than `PATIENCE_S`. Raises StoreDown."""
    return await _patiently(asyncio.ensure_future(run_in_threadpool(question)), time.monotonic() + PATIENCE_S)


async def _patiently(asked: asyncio.Future[T], until_s: float) -> T:
    """What comes of it by then. Raises StoreDown."""
    asked.add_done_callback(lambda task: task.cancelled() or task.exception())  # all who wait may have gone
    await asyncio.wait({asked}, timeout=max(0.0, until_s - time.monotonic()))
    if not asked.done():
        raise StoreDown(f"the database has not answered within {PATIENCE_S:g} s")
    return asked.result()


class Views:
    """The newest view of each station. However many readers ask, the database is asked once."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._views: dict[str, View] = {}
        self._looked_s: dict[str, float] = {}
        self._heard: dict[str, tuple[float, int | None]] = {}
        self._heard_of_others: dict[str, int] = {}
        self._wanted: set[str] = set()
        self._looking: asyncio.Task[None] | None = None
        self._began_s = -math.inf
        self._summed_s, self._summary = -math.inf, Summary([], site)

    async def fresh(self, nodes: Collection[str], age_s: float = FRESH_S) -> list[View]:
        """Views of these stations, none older than `age_s`, in the same order. Raises StoreDown."""
        oldest_s = time.monotonic() - age_s
        for _ in range(2):  # who looks already may not look at these
            old = self._older(nodes, oldest_s)
            if old:
                self._wanted |= old
                await self._wait()
        stations = self._site.by_node()
        return [self._views[node] for node in nodes if node in stations and node in self._views]

    async def _wait(self) -> None:
        """Wait for the look that goes on, else for one at all that are wanted; not for long. Raises StoreDown."""
        if self._looking is None or self._looking.done():
            wanted, self._wanted = self._wanted, set()
            self._looking, self._began_s = asyncio.create_task(self._look_at(wanted)), time.monotonic()
        await _patiently(self._looking, self._began_s + PATIENCE_S)

    def summary(self, age_s: float = FRESH_S) -> Summary:
        """All stations together, worked out no longer than `age_s` ago."""
        now_s = time.monotonic()
        if now_s - self._summed_s >= age_s:
            self._summed_s, self._summary = now_s, Summary(self.all(), self._site)
        return self._summary

    def all(self) -> list[View]:
        """Every station that was looked at."""
        return self.known(station.node for station in self._site.stations())

    def known(self, nodes: Iterable[str]) -> list[View]:
        """Those of some stations that were looked at, as known then; by now that may be out of date."""
        now_ms = self._site.now_ms()
        views = (self._views[node] for node in nodes if node in self._views)
        return [
            replace(view, now_ms=now_ms, recalled=True) if now_ms - view.now_ms > RECALLED_MS else view
            for view in views
        ]

    def latest_ms(self, node: str) -> int | None:
        """The newest reading of a station, as known when somebody looked last; the database is not asked.

        Of particles and traffic; where there are none, of gases, noise and weather.
        """
        return self._heard.get(node, _NEVER)[1] or self._heard_of_others.get(node)

    async def _round(self, nodes: Collection[str]) -> None:
        """Look at those of some stations that nobody has looked at lately. Who asks for a page does not wait for it."""
        await self._look_at(self._older(nodes, time.monotonic() - ROUND_S / 2))

    def _older(self, nodes: Collection[str], oldest_s: float) -> set[str]:
        """Those of some stations that nobody has looked at since then."""
        return {node for node in nodes if self._looked_s.get(node, -math.inf) < oldest_s}

    async def _look_at(self, nodes: Collection[str]) -> None:
        asked_s = time.monotonic()
        known = self._site.by_node()
        stations = [known[node] for node in nodes if node in known]
        self._keep(await run_in_threadpool(self._look, stations), asked_s)

    def _keep(self, views: list[View], asked_s: float) -> None:
        for view in views:
            node = view.station.node
            if node not in self._views:  # who sees its card reads of it in the first sentence too
                self._summed_s = -math.inf
            if self._looked_s.get(node, -math.inf) <= asked_s:  # not by the view's own time: a clock may be set back
                self._views[node] = view
                self._looked_s[node] = asked_s

    def _look(self, stations: list[Station]) -> list[View]:
        """Look, and know of a silent station when it was heard last."""
        now_ms, now_s = self._site.now_ms(), time.monotonic()
        views = look(self._site.store, stations, now_ms, self._site.reporting)
        silent = [view.station.node for view in views if view.latest_ms is None]
        self._heard |= {view.station.node: (now_s, view.latest_ms) for view in views if view.latest_ms is not None}
        others = {view.station.node: [other.time_ms for other in view.others] for view in views}
        self._heard_of_others |= {node: max(times) for node, times in others.items() if times}
        self._search(silent, now_ms, now_s)
        return [self._with_last(view) if view.latest_ms is None else view for view in views]

    def _search(self, nodes: list[str], now_ms: int, now_s: float) -> None:
        """When these were heard last: asked seldom, since it takes a week of readings, and of all at once.

        Two threads that both find no answer both ask.
        """
        known = {node: self._heard.get(node, _NEVER) for node in nodes}
        wanted = [node for node, (at_s, heard_ms) in known.items() if heard_ms is None and now_s - at_s > SEARCH_S]
        if wanted:
            found = last_heard(self._site.store, wanted, now_ms)
            self._heard |= {node: (now_s, found.get(node)) for node in wanted}
        others = [node for node in wanted if node not in self._heard_of_others and self._heard[node][1] is None]
        if others:
            self._heard_of_others |= last_heard(self._site.store, others, now_ms, OTHERS)

    def _with_last(self, view: View) -> View:
        return replace(view, station=replace(view.station, last_ms=self.latest_ms(view.station.node)))

    async def run(self) -> None:
        """Look at all stations, again and again, so that the map and the first sentence know the whole city."""
        while True:
            started_s = time.monotonic()
            nodes = [station.node for station in self._site.stations()]
            try:
                for first in range(0, len(nodes), AT_ONCE):
                    await self._round(nodes[first : first + AT_ONCE])
            except StoreDown:
                pass  # a page that is loaded says so itself; the next round asks again
            except Exception:  # the task must outlive one round that breaks
                log.exception("the whole city could not be looked at; the map stays as it is until the next round")
            took_s = time.monotonic() - started_s
            await asyncio.sleep(max(ROUND_S, 4 * took_s))  # at most a fifth of the time is spent on this
