"""Delivery: which batch goes out when, and what an acknowledgement may delete. No socket, no clock, no log.

Ten rules keep a reading from being lost (RELIABILITY 4.5). Those that live here: a PUBACK deletes nothing (R3); an
acknowledgement must name spool, sequence and digest (R4) and counts for that batch alone (R5); what stays unanswered is
sent again by timer, not only after a reconnect (R8). A quarter of the window is a live lane, kept free of the backlog:
what was just sealed goes at once, so that alerts stay fresh while it drains. And what is under way is a queue in front
of whatever is urgent next: a connection begins with one batch under way, and when answers take long less is kept there,
as TCP does (down by half, up by one a round trip).
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from edge_agent.spool.spool import Sealed
from wire.ack import PAUSE_MS_MAX, WINDOW_DEFAULT, WINDOW_MAX, Ack, Code, Hello, Verdict

FINAL = frozenset({Code.STORED, Code.STORED_IN_PART, Code.QUARANTINED, Code.ALREADY_STORED})
RTO_MIN_S = 30.0
RTO_MAX_S = 600.0
JITTER = 0.2
DOUBLINGS_MAX = 5  # RTO_MIN_S to RTO_MAX_S; a day away is a thousand tries, and 2 ** 1024 is no number of seconds
PROBE_EVERY_S = 600.0
UNHEARD_TRIES = 3
UNHEARD_EVERY_S = 300.0
UNANSWERED_S = 300.0
IGNORED_S = 86_400.0
TRIP_S = 0.25  # an urgent reading is to be stored within a second, and waits for one round trip and a part of another
ROOM_FIRST = 1.0  # what waits before a slow modem TCP sends again, and at 120 bytes/s nothing else passes any more
ROOM_MIN = 4  # batches under way: enough for fifty times real time, also where a round trip takes five seconds
LIVE_LANE = 4  # one place in so many of the window is kept for what is live
LIVE_S = 60.0  # a batch that was sealed within the last one or two of these is live, and may be lost once meanwhile


class Waiting(Protocol):
    """What delivery needs of a spool."""

    @property
    def spool_id(self) -> str: ...
    def spools(self) -> tuple[str, ...]: ...
    def oldest(self, count: int, skip: list[int]) -> list[Sealed]: ...
    def newest(self, count: int, skip: list[int]) -> list[Sealed]: ...
    def find(self, spool: str, seq: int) -> tuple[int, str] | None: ...
    def release(self, number: int, code: int, now_ms: int) -> None: ...


@dataclass(slots=True)
class _Sent:
    """A batch on its way: when it went out, when it is due again, how often it went, and in which lane."""

    sent_s: float
    due_s: float
    tries: int
    live: bool


@dataclass(slots=True)
class Delivery:
    """The agent's half of the protocol. Times are seconds of one monotonic clock, given by the caller.

    `unheard` asks for the birth to be said again: a collector that has missed it holds our batches without a word.
    `rolled_back` and `too_large` (ids of batches) ask the owner of the spool for a new life and for smaller batches,
    `ignored` to put batches aside that nobody has answered for a day while others were acknowledged.
    """

    spool: Waiting
    rng: random.Random
    window: int = WINDOW_DEFAULT
    connect_pause_s: float = 5.0
    counts: Counter[str] = field(default_factory=Counter)
    connected: bool = False
    rolled_back: bool = False
    too_large: list[int] = field(default_factory=list)
    ignored: set[int] = field(default_factory=set)
    unheard: bool = False
    last_ack_s: float | None = None
    _connected_s: float = 0.0
    _sent: dict[int, _Sent] = field(default_factory=dict)
    _newest_sent: int = 0
    _old: int | None = None  # the newest batch that is live no more
    _ageing: int = 0
    _aged_s: float = 0.0
    _hold_until_s: float = 0.0
    _probe_due_s: float = 0.0
    _unheard_due_s: float = 0.0
    _round_trip_s: float | None = None
    _room_max: float = ROOM_FIRST
    _narrowed_s: float = 0.0
    _floor_ms: dict[str, int] = field(default_factory=dict)
    _ignored_s: dict[int, float] = field(default_factory=dict)

    def on_connect(self, now_s: float) -> None:
        """A new connection: everything may go again, after a random pause so that a fleet does not come at once."""
        self.connected = True
        self._connected_s = now_s
        self._hold_until_s = now_s + self.rng.uniform(0, self.connect_pause_s)
        self._room_max = ROOM_FIRST
        self._sent.clear()
        self._old = None

    def is_answered(self, now_s: float) -> bool:
        """True while the link is up and somebody answers: batches are then worth sealing small and soon."""
        return self.connected and now_s - max(self._connected_s, self.last_ack_s or 0.0) < UNANSWERED_S

    def on_disconnect(self) -> None:
        """The connection is gone; what was on its way is unknown and stays in the spool."""
        self.connected = False
        self._sent.clear()

    def on_hello(self, hello: Hello, next_seq: int, now_s: float, session: str) -> None:
        """A collector answered our birth. Raises the flag `rolled_back` when it knows sequences we have not used.

        The answer to a birth of this very `session` sets from when on that collector's acknowledgements count: its
        clock may have been ahead at the one before. An older session's hello, kept by a broker, sets nothing.
        """
        if hello.highest.get(self.spool.spool_id, 0) >= next_seq:
            self.rolled_back = True
            self.counts["rolled_back"] += 1
        if hello.session and hello.session == session:
            self._floor_ms[hello.collector] = hello.now_ms
        elif not hello.session:
            self.not_before(hello.now_ms, hello.collector)
        self.window = hello.window
        self._hold_until_s = max(self._hold_until_s, now_s + hello.pause_ms / 1000)
        for sent in self._sent.values():
            sent.due_s = min(sent.due_s, now_s + self.rng.uniform(0, self.connect_pause_s))

    def not_before(self, collector_ms: int, collector: str = "") -> None:
        """Acknowledgements written before this moment of a collector's clock (of any, by default) count no more.

        A batch that is sent again for a database that has lost it must not be released by the answer of the first
        time, which a broker may have kept.
        """
        self._floor_ms[collector] = max(collector_ms, self._floor_ms.get(collector, 0))

    def on_ack(self, ack: Ack, now_s: float) -> list[int]:
        """Release what the acknowledgement truly names; returns those sequences. Anything else is only counted.

        When it was answered is told by the collector's clock: this board's may not know the time yet.
        """
        if ack.now_ms < max(self._floor_ms.get(ack.collector, 0), self._floor_ms.get("", 0)):
            self.counts["ack_outdated"] += 1
            return []
        self.counts["window_closed"] += ack.window == 0
        self.window = ack.window
        if ack.pause_ms:
            self._hold_until_s = max(self._hold_until_s, now_s + ack.pause_ms / 1000)
        if ack.spool not in self.spool.spools():
            self.counts["ack_other_spool"] += 1
            return []
        released = []
        for verdict in ack.verdicts:
            held = self.spool.find(ack.spool, verdict.seq)
            if held is None:
                self.counts["ack_unknown_seq"] += 1
            elif held[1] != verdict.digest:
                self.counts["ack_wrong_digest"] += 1
                self.rolled_back |= verdict.code in FINAL  # this card has had a past under that number
            elif self._obey(held[0], verdict, now_s, ack.now_ms):
                released.append(verdict.seq)
        return released

    def _obey(self, number: int, verdict: Verdict, now_s: float, answered_ms: int) -> bool:
        """Do what a verdict on a waiting batch says; True when the batch may go."""
        self._ignored_s.pop(number, None)
        self.ignored.discard(number)
        if verdict.code in FINAL:
            self.spool.release(number, verdict.code, answered_ms)
            self._measure(number, now_s)
            self.counts[f"acked_{Code(verdict.code).name.lower()}"] += 1
            self.last_ack_s = now_s
            return True
        if verdict.code == Code.LATER:
            self._later(number, verdict.info.get("after_ms"), now_s)
        elif verdict.code == Code.TOO_LARGE:
            self.counts["too_large"] += 1
            if number not in self.too_large:
                self.too_large.append(number)
        else:
            self.counts[f"held_code_{verdict.code}"] += 1
        return False

    def due(self, now_s: float) -> list[Sealed]:
        """The batches to publish now. The caller publishes each once, at QoS 1, and forgets it."""
        if not self.connected or now_s < self._hold_until_s:
            return []
        room = self._room(now_s)
        flying = {number: sent for number, sent in self._sent.items() if now_s < sent.due_s}
        lane, in_lane = max(1, room // LIVE_LANE), sum(sent.live for sent in flying.values())
        places = min(lane - in_lane, max(room, self.window) - len(flying))  # also where a narrowed room is still full
        fresh = self._live(self.spool.newest(places, [*flying]), now_s)
        old_places = min(room - len(flying) - len(fresh), max(1, room - lane) - len(flying) + in_lane)
        backlog = self.spool.oldest(old_places, [*flying, *(sealed.id for sealed in fresh)])
        for sealed in fresh:
            self._note(sealed.id, now_s, live=True)
        for sealed in backlog:
            self._note(sealed.id, now_s, live=False)
        return [*fresh, *backlog]

    def copy_lives_s(self, number: int) -> int:
        """For how long a broker may keep the copy that `due` gave: until the next one is due."""
        sent = self._sent.get(number)
        return max(1, round(sent.due_s - sent.sent_s)) if sent is not None else int(RTO_MIN_S)

    def _live(self, newest: list[Sealed], now_s: float) -> list[Sealed]:
        """What is live of the newest: sealed a moment ago.

        Whatever waits on a new connection is old but for the newest, which say how things stand. Told by the order of
        sealing, not by the times of the readings: those are right only once the clock is.
        """
        if self._old is None and newest:
            self._old = self._ageing = newest[-1].id - 1
            self._aged_s = now_s
        elif now_s - self._aged_s >= LIVE_S:
            self._old, self._ageing, self._aged_s = self._ageing, self._newest_sent, now_s
        return [one for one in newest if one.id > (self._old or 0)]

    def _room(self, now_s: float) -> int:
        """The window, or less while answers take long; a closed one lets a single probe through every ten minutes."""
        if self.window > 0:
            return min(self.window, int(self._room_max))
        if now_s < self._probe_due_s:
            return 0
        self._probe_due_s = now_s + PROBE_EVERY_S
        return 1

    def _note(self, number: int, now_s: float, live: bool) -> None:
        self._newest_sent = max(self._newest_sent, number)
        before = self._sent.get(number)
        tries = before.tries + 1 if before else 1
        if before:
            self.counts["resent"] += 1
            self._room_max = min(float(WINDOW_MAX), self._room_max + 1)  # the silence may be this batch's own
            self._look_whether_ignored(number, before, now_s)
        if tries >= UNHEARD_TRIES and now_s >= self._unheard_due_s:
            self.unheard, self._unheard_due_s = True, now_s + UNHEARD_EVERY_S
        wait = min(RTO_MAX_S, self._timeout_s() * 2 ** min(tries - 1, DOUBLINGS_MAX)) * self.rng.uniform(
            1 - JITTER, 1 + JITTER
        )
        self._sent[number] = _Sent(now_s, now_s + wait, tries, live)

    def _look_whether_ignored(self, number: int, before: _Sent, now_s: float) -> None:
        """Only the time between two copies counts in which others were acknowledged: an outage ignores nobody."""
        if (self.last_ack_s or 0.0) > before.sent_s:
            self._ignored_s[number] = self._ignored_s.get(number, 0.0) + now_s - before.sent_s
            if self._ignored_s[number] >= IGNORED_S:
                self.ignored.add(number)

    def _later(self, number: int, after_ms: object, now_s: float) -> None:
        """The collector asks to come again; a wait that makes no sense is ignored."""
        self.counts["later"] += 1
        sent = self._sent.get(number)
        if sent is not None and type(after_ms) is int and 0 <= after_ms <= PAUSE_MS_MAX:
            sent.due_s = now_s + after_ms / 1000 * self.rng.uniform(1, 1 + JITTER)

    def _measure(self, number: int, now_s: float) -> None:
        """What an answer says of the line: that it carries one more, or that less should be under way."""
        sent = self._sent.pop(number, None)
        if sent is None:
            return
        took = now_s - sent.sent_s
        if sent.tries == 1:
            self._round_trip_s = took if self._round_trip_s is None else 0.875 * self._round_trip_s + 0.125 * took
        if self._room_max < ROOM_MIN:
            self._room_max += 1
        elif sent.tries == 1 and took <= TRIP_S:
            self._room_max = min(float(WINDOW_MAX), self._room_max + 1 / self._room_max)
        elif sent.tries == 1 and sent.sent_s >= self._narrowed_s:  # what went out before was already on its way then
            self._room_max = max(float(ROOM_MIN), min(self._room_max, float(self.window)) / 2)
            self._narrowed_s = now_s

    def _timeout_s(self) -> float:
        return max(RTO_MIN_S, 4 * (self._round_trip_s or 0.0))
