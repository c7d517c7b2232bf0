"""A broker that keeps no promise: it drops over a cap, doubles, reorders, delays, crashes and forgets."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from collector.broker.inbox import Arrived
from simulator.world.clock import Clock
from wire.times import MINUTE_MS

Receive = Callable[[Arrived], None]


@dataclass(slots=True)
class Session:
    """One connection. It ends when either side does; a message for it that is still on its way is then gone."""

    client: str
    wants: Callable[[str], bool]
    receive: Receive
    lost: Callable[[], None]
    queued: int = 0
    open: bool = True


@dataclass(slots=True)
class Broker:
    """All clients of one world. Chances are of one message to one subscriber."""

    clock: Clock
    rng: random.Random
    loss: float = 0.0
    doubling: float = 0.0
    queue_cap: int = 1000
    delay_ms: int = 300
    late_ms: int = 2 * MINUTE_MS
    ack_delay_ms: int = 0
    up: bool = True
    counts: Counter[str] = field(default_factory=Counter)
    _sessions: list[Session] = field(default_factory=list)
    _retained: dict[str, Arrived] = field(default_factory=dict)

    def connect(
        self, client: str, wants: Callable[[str], bool], receive: Receive, lost: Callable[[], None]
    ) -> Session | None:
        """A new session, or None while the broker is down. What is retained comes at once."""
        if not self.up:
            return None
        session = Session(client, wants, receive, lost)
        self._sessions.append(session)
        for message in self._retained.values():
            if wants(message.topic):
                self._send(session, message._replace(retained=True))
        return session

    def disconnect(self, session: Session) -> None:
        """The connection is gone; the other side is told."""
        if session.open:
            session.open = False
            self._sessions.remove(session)
            session.lost()

    def publish(self, topic: str, payload: bytes, retain: bool = False, content_type: str | None = None) -> bool:
        """Take a message and answer "Success", whatever becomes of it. False only while down."""
        if not self.up:
            return False
        message = Arrived(topic, payload, False, content_type)
        if retain:
            self._retained[topic] = message
        for session in self._sessions:
            if session.wants(topic):
                self._send(session, message)
        return True

    def crash(self) -> None:
        """kill -9 on default settings: nothing was persisted."""
        self.up = False
        self._retained.clear()
        for session in list(self._sessions):
            self.disconnect(session)

    def heal(self) -> None:
        """No more faults."""
        self.up, self.loss, self.doubling = True, 0.0, 0.0

    def _send(self, session: Session, message: Arrived) -> None:
        if session.queued >= self.queue_cap:
            self.counts["dropped"] += 1
            return
        if self.rng.random() < self.loss:
            self.counts["lost"] += 1
        else:
            more_ms = self.ack_delay_ms if message.topic.endswith("/ack") else 0
            self._deliver(session, message, self.rng.randrange(1, self.delay_ms) + more_ms)
        if self.rng.random() < self.doubling:
            self._deliver(session, message, self.rng.randrange(1, self.late_ms))

    def _deliver(self, session: Session, message: Arrived, after_ms: int) -> None:
        """Late copies find the client's newest session: another broker of a cluster may have held them."""
        session.queued += 1

        def arrive() -> None:
            session.queued -= 1
            if session.open:
                session.receive(message)
            elif after_ms > self.delay_ms:
                for other in self._sessions:
                    if other.client == session.client:
                        other.receive(message)
                        break

        self.clock.after(after_ms, arrive)
