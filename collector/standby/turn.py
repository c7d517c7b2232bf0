"""This collector's turn among those on one broker: what it hears of them and tells them, and the batches that wait.

standby.py decides. Until it has, batches are held; who stands by lets them pass, and their senders send them again, to
the one that works.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from collector.broker.inbox import Arrived
from collector.broker.link import Link
from collector.broker.link_311 import Link311
from collector.health.health import AWAY
from collector.standby.standby import Standby
from wire import collector_status, names
from wire.collector_status import CollectorStatus, State

log = logging.getLogger("lamppost.collector")

TURNS_KEPT: Final = 100  # of eight minutes at least: a broker may be slow
HELD_MAX: Final = 10_000  # batches of the first second; one beyond comes again by the agent's timer


class Turn:
    """Call `hear` and `admits` for what arrives, `decide` and `tell` once a round. Seconds are of a monotonic clock."""

    def __init__(
        self, name: str, version: str, link: Link | Link311, counts: Counter[str], alarm: Callable[[str, str], None]
    ) -> None:
        self.standby = Standby(name)
        self._name, self._version = name, version
        self._link, self._counts, self._alarm = link, counts, alarm
        self._held: deque[Arrived] = deque(maxlen=HELD_MAX)
        self._began_ms = deque[int](maxlen=TURNS_KEPT)  # our states, as we said them

    @property
    def active(self) -> bool:
        """True when this one works."""
        return self.standby.active

    @property
    def alone(self) -> bool:
        """True while no other was heard."""
        return not self.standby.peers

    def others(self) -> dict[str, str]:
        """The others, and what each said last that it does. Safe to call from any thread."""
        return {name: str(peer.said.state) for name, peer in sorted(dict(self.standby.peers).items())}

    def hear(self, message: Arrived, now_s: float) -> None:
        """What came on a topic that is no node's."""
        name = names.collector_of(message.topic)
        if name is None:
            self._counts["foreign_topic"] += 1
            return
        try:
            said = collector_status.decode(message.payload)
        except collector_status.BadStatus as error:
            self._counts["bad_status"] += 1
            self._alarm(f"status:{name}", f"status of collector {name} is not obeyed: {error}")
            return
        self.standby.hear(name, said, now_s)
        is_news = not message.retained and said.state is not State.OFFLINE
        if name == self._name and is_news and said.since_ms not in self._began_ms:
            text = f"another collector on this broker is called {name} as well"
            self._alarm("flapping", f"{text}. Cure: give each a `name` of its own, or stop one")

    def admits(self, batch: Arrived) -> bool:
        """Whether a batch is this one's to take, now. If nobody knows yet, it is held."""
        if self.standby.state is State.UNDECIDED:
            self._held.append(batch)
        elif not self.active:
            self._counts["left_to_active"] += 1
        return self.active

    def decide(self, now_s: float, now_ms: int) -> State | None:
        """Whose turn it is; the new state when it changed."""
        state = self.standby.tick(self._link.connection, now_s, now_ms)
        if state is not None:
            log.log(logging.INFO if self.alone else logging.WARNING, "this collector is now %s", state)
        if state is State.STANDBY:
            self._counts["left_to_active"] += len(self.held())
        return state

    def held(self) -> list[Arrived]:
        """The batches that came before it was decided; they are the caller's now."""
        held = list(self._held)
        self._held.clear()
        return held

    def tell(self, now_s: float, now_ms: int) -> None:
        """Tell the others how things are, when that is due."""
        if self.standby.due(now_s):
            said = CollectorStatus(self.standby.state, self.standby.since_ms, now_ms, self._version)
            self._began_ms.append(said.since_ms)
            self._link.publish(names.collector_status(self._name), collector_status.encode(said), retain=True)

    def cut_off(self, now_s: float) -> str | None:
        """What to tell of a collector that does not work, and has had no broker for minutes; None of any other."""
        if self.active or not self.standby.is_cut_off(now_s):
            return None
        why = (self._link.trouble or AWAY).detail or "it does not answer"
        return f"{self._name} does not work, and cannot know whether another does ({why})"
