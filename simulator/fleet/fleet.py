"""A fleet: many virtual nodes in one thread, each sealing a batch every period and waiting for its acknowledgement.

    Source.blocks > VirtualNode.spool > Link > broker > collector > ack > released

Every node is a client of its own: connection, client id, last will, subscription to its acknowledgements, and the
agent's own delivery with its window and its resend timer. A node that cannot send keeps sealing, as an agent would.
"""

from __future__ import annotations

import heapq
import random
import selectors
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from edge_agent.spool.spool import Sealed
from simulator.fleet.link import Broken, Link
from simulator.fleet.node import VirtualNode
from wire.batch import Block

TICK_S = 5.0
RECONNECT_S = (1.0, 2.0, 5.0, 10.0, 20.0)
STEP_S = 0.2
CONNECT_PER_S = 500.0


class Source(Protocol):
    """What the nodes measure. Node `number` has `blocks` to seal at `now_ms`; an empty list is a silent node."""

    def blocks(self, number: int, now_ms: int) -> list[Block]: ...


class Notes(Protocol):
    """Who is told of each batch: when it is sealed, and when it is answered for good."""

    def sealed(self, number: int, sealed: Sealed, blocks: list[Block], now_ms: int) -> None: ...
    def released(self, number: int, seq: int, code: int, now_ms: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Pace:
    """Simulated time by the wall clock: starts at `start_ms`, runs `factor` times as fast as `monotonic`."""

    start_ms: int
    factor: float
    began_s: float

    def now_ms(self, now_s: float) -> int:
        """The simulated time at a monotonic one."""
        return self.start_ms + round((now_s - self.began_s) * 1000 * self.factor)


@dataclass(slots=True)
class Tally:
    """What a run came to. `ack_ms` counts batches by the milliseconds from sealing to a final acknowledgement."""

    counts: Counter[str] = field(default_factory=Counter)
    ack_ms: Counter[int] = field(default_factory=Counter)

    def percentile_ms(self, share: float) -> int | None:
        """The time within which that share of the batches was answered for."""
        left = share * sum(self.ack_ms.values())
        for bucket in sorted(self.ack_ms):
            left -= self.ack_ms[bucket]
            if left <= 0:
                return bucket
        return None


class Fleet:
    """One process' share of a fleet. `run` until the end, then `settle` until everything is answered for."""

    def __init__(
        self, address: tuple[str, int], nodes: list[VirtualNode], source: Source, notes: Notes | None = None,
        period_s: float = 10.0, pace: Pace | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.tally = Tally()
        self._address, self._source, self._notes = address, source, notes
        self._period_s = period_s
        now_s = time.monotonic()
        self._pace = pace or Pace(time.time_ns() // 1_000_000, 1.0, now_s)
        self._links = [Link(number, node, self.tally.counts) for number, node in enumerate(nodes)]
        self._sealed_s: dict[tuple[int, int], float] = {}
        self._selector = selectors.DefaultSelector()
        self._watched: dict[int, int] = {}
        self._failures: Counter[int] = Counter()
        self._cut_until_s: dict[int, float] = {}
        self._rng = random.Random(seed)
        self._sealing = True
        self._events: list[tuple[float, int, int, Callable[[Link, float], None]]] = []
        self._order = count()
        self._due_s = now_s
        for number in range(len(nodes)):
            self._after(now_s + number / CONNECT_PER_S, number, self._connect)
            self._after(now_s + number / CONNECT_PER_S + TICK_S * self._rng.random(), number, self._tick)
            self._after(now_s + 1 + period_s * (number + 1) / len(nodes), number, self._seal)

    def run(self, until_s: float, watch: Callable[[], None] = lambda: None) -> None:
        """Go on until `until_s` of the monotonic clock; `watch` is called several times a second."""
        while (now_s := time.monotonic()) < until_s:
            self._step(min(until_s, now_s + STEP_S))
            watch()

    def settle(self, until_s: float, watch: Callable[[], object] = lambda: None) -> int:
        """Seal nothing more; wait until every batch is answered for. How many are not."""
        self._sealing = False
        while (now_s := time.monotonic()) < until_s and self._sealed_s:
            self._step(min(until_s, now_s + STEP_S))
            watch()
        return len(self._sealed_s)

    def cut(self, numbers: Iterable[int], for_s: float) -> None:
        """Take the network from some nodes for a while: connections break, and none is made until then."""
        until_s = time.monotonic() + for_s
        for number in numbers:
            self._cut_until_s[number] = until_s
            self._lost(self._links[number], time.monotonic())

    def connected(self) -> int:
        """How many nodes are connected now."""
        return sum(link.up for link in self._links)

    def waiting(self) -> int:
        """Batches sealed and not answered for."""
        return len(self._sealed_s)

    def close(self) -> None:
        """Everybody says goodbye."""
        now_s = time.monotonic()
        for link in self._links:
            link.goodbye(now_s)
            link.close()
        self._selector.close()

    # -- the loop -------------------------------------------------------------------------------------------------

    def _step(self, until_s: float) -> None:
        now_s = time.monotonic()
        while self._events and self._events[0][0] <= now_s:
            self._due_s, _, number, what = heapq.heappop(self._events)
            what(self._links[number], now_s)
            now_s = time.monotonic()
        due_s = self._events[0][0] if self._events else until_s
        for key, mask in self._selector.select(max(0.0, min(due_s, until_s) - now_s)):
            self._serve(key.data, mask)

    def _serve(self, link: Link, mask: int) -> None:
        now_s = time.monotonic()
        if link.sock is None:
            return
        try:
            if mask & selectors.EVENT_WRITE:
                link.flush(now_s)
            if mask & selectors.EVENT_READ:
                for seq, code in link.read(now_s):
                    self._released(link.number, seq, code, now_s)
                link.publish_due(now_s)
            self._watch(link)
        except (OSError, Broken):
            self._lost(link, now_s)

    def _released(self, number: int, seq: int, code: int, now_s: float) -> None:
        sealed_s = self._sealed_s.pop((number, seq), None)
        if sealed_s is None:
            return
        self.tally.counts[f"answered_{code}"] += 1
        self.tally.ack_ms[round((now_s - sealed_s) * 1000)] += 1
        if self._notes is not None:
            self._notes.released(number, seq, code, self._pace.now_ms(now_s))

    # -- what happens to one node ---------------------------------------------------------------------------------

    def _connect(self, link: Link, now_s: float) -> None:
        held_s = self._cut_until_s.get(link.number, 0.0)
        if now_s < held_s:
            self._after(held_s + self._rng.random(), link.number, self._connect)
            return
        try:
            sock = link.open(self._address, now_s)
        except OSError:
            self._come_back(link, now_s)
            return
        self._watched[link.number] = selectors.EVENT_READ | selectors.EVENT_WRITE
        self._selector.register(sock, self._watched[link.number], link)

    def _seal(self, link: Link, now_s: float) -> None:
        if not self._sealing:
            return
        self._after(self._due_s + self._period_s, link.number, self._seal)
        now_ms = self._pace.now_ms(now_s)
        blocks = self._source.blocks(link.number, now_ms)
        if not blocks:
            return
        sealed = link.node.spool.seal(blocks)
        self.tally.counts["sealed"] += 1
        self.tally.counts["rows"] += sealed.rows
        self._sealed_s[link.number, sealed.seq] = now_s
        if self._notes is not None:
            self._notes.sealed(link.number, sealed, blocks, now_ms)
        self._try(link, now_s)

    def _tick(self, link: Link, now_s: float) -> None:
        self._after(now_s + TICK_S, link.number, self._tick)
        self._try(link, now_s)

    def _try(self, link: Link, now_s: float) -> None:
        try:
            link.publish_due(now_s)
            link.ping(now_s)
            self._watch(link)
        except OSError:
            self._lost(link, now_s)

    def _lost(self, link: Link, now_s: float) -> None:
        """The connection broke; nothing to do for one that is not there: it is on its way back already."""
        if link.sock is not None:
            self._selector.unregister(link.sock)
            self._come_back(link, now_s)

    def _come_back(self, link: Link, now_s: float) -> None:
        """Connect again in a while, longer each time."""
        failures = 0 if link.up else self._failures[link.number]
        self._failures[link.number] = failures + 1
        self.tally.counts["disconnected" if link.up else "not_connected"] += 1
        link.close()
        wait_s = RECONNECT_S[min(failures, len(RECONNECT_S) - 1)] * self._rng.uniform(0.8, 1.2)
        self._after(now_s + wait_s, link.number, self._connect)

    def _watch(self, link: Link) -> None:
        """Ask to be told of room in the socket only while something waits for it."""
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if link.out else 0)
        if link.sock is not None and self._watched.get(link.number) != wanted:
            self._watched[link.number] = wanted
            self._selector.modify(link.sock, wanted, link)

    def _after(self, due_s: float, number: int, what: Callable[[Link, float], None]) -> None:
        heapq.heappush(self._events, (due_s, next(self._order), number, what))
