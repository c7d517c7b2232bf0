"""Standby: which of the collectors on one broker works. Holds no clock and no socket.

    undecided --(a second connected, no other is active)-------------------> active
    undecided --(another is active)----------------------------------------> standby
    standby   --(the active's will, or 15 s without a word of it)----------> active, the first by name before the others
    active    --(another is active and began later: it has missed this one)-> standby
    any       --(connected anew, and there are others)---------------------> undecided
    standby   --(connection lost)------------------------------------------> undecided

Two may be active for a moment: rows are idempotent and acknowledgements name what they are for, so an overlap costs
work and nothing else. The active goes on through a broken connection: where the broker is lost to all, nobody else will
tell that all is silent. One that does not work tells that it has none, when that lasts: who worked may be lost as well.
"""

from __future__ import annotations

from typing import NamedTuple

from wire.collector_status import CollectorStatus, State

LISTEN_S = 1.0
SILENCE_S = 15.0
SAY_EVERY_S = 5.0
TURN_S = 2.0
FORGET_S = 24 * 3600.0
UNLINKED_S = 300.0


class Peer(NamedTuple):
    """Another collector: what it said last, and when that was heard."""

    said: CollectorStatus
    heard_s: float


class Standby:
    """One collector's part. Seconds are of one monotonic clock; `since_ms` is the wall clock's word for the others."""

    def __init__(self, name: str) -> None:
        self.state = State.UNDECIDED
        self.since_ms = 0
        self.peers: dict[str, Peer] = {}
        self._name = name
        self._connection: int | None = None
        self._listened_s = 0.0
        self._vacant_s: float | None = None
        self._said_s: float | None = None
        self._unlinked_s: float | None = None

    @property
    def active(self) -> bool:
        """True when this one works."""
        return self.state is State.ACTIVE

    def hear(self, name: str, said: CollectorStatus, now_s: float) -> None:
        """A status that another has published, or the broker for it."""
        if name != self._name:
            self.peers[name] = Peer(said, now_s)

    def tick(self, connection: int | None, now_s: float, now_ms: int) -> State | None:
        """Decide; the new state when it changed. `connection` is a number of its own for each connection."""
        before = self.state
        if connection != self._connection:
            self._connection, self._listened_s, self._said_s = connection, now_s + LISTEN_S, None
            goes_on = connection is None and before is State.ACTIVE
            if (self.peers or before is State.STANDBY) and not goes_on:
                self.state = State.UNDECIDED
        if connection is not None:
            self._unlinked_s = None
            self._decide(now_s)
        elif self._unlinked_s is None:
            self._unlinked_s = now_s
        if self.state is before:
            return None
        self.since_ms, self._said_s = now_ms, None
        return self.state

    def due(self, now_s: float) -> bool:
        """True when the others are to be told again; the caller then publishes the state."""
        if self._connection is None or (self._said_s is not None and now_s - self._said_s < SAY_EVERY_S):
            return False
        self._said_s = now_s
        self.peers = {name: peer for name, peer in self.peers.items() if now_s - peer.heard_s < FORGET_S}
        return True

    def is_cut_off(self, now_s: float) -> bool:
        """Whether there has been no connection for minutes."""
        return self._unlinked_s is not None and now_s - self._unlinked_s >= UNLINKED_S

    # -- inside ---------------------------------------------------------------------------------------------------

    def _decide(self, now_s: float) -> None:
        others = self._active_peers(now_s)
        if self.state is State.ACTIVE:
            if any(self._yields(name, peer.said.since_ms) for name, peer in others.items()):
                self.state = State.STANDBY
        elif others:
            self.state, self._vacant_s = State.STANDBY, None
        elif now_s >= self._listened_s:
            self._vacant_s = now_s if self._vacant_s is None else self._vacant_s
            if now_s - self._vacant_s >= TURN_S * self._ahead(now_s):
                self.state, self._vacant_s = State.ACTIVE, None

    def _yields(self, name: str, since_ms: int) -> bool:
        return since_ms > self.since_ms or (since_ms == self.since_ms and name < self._name)

    def _active_peers(self, now_s: float) -> dict[str, Peer]:
        return {name: p for name, p in self._living(now_s).items() if p.said.state is State.ACTIVE}

    def _ahead(self, now_s: float) -> int:
        """How many of those that live may take the place before this one."""
        return sum(name < self._name for name in self._living(now_s))

    def _living(self, now_s: float) -> dict[str, Peer]:
        return {
            name: peer
            for name, peer in self.peers.items()
            if peer.said.state is not State.OFFLINE and now_s - peer.heard_s < SILENCE_S
        }
