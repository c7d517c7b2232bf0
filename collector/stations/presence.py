"""Presence: which nodes are there, as they say themselves. The rules hear of it, and a birth is answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from collector.adapters.guests import GUEST
from collector.alerts.watch import Watch
from collector.config import CANARY
from collector.delivery.registry import Registry
from collector.pipeline import Pipeline
from collector.standby.flapping import Flapping
from collector.standby.turn import Turn
from wire import status
from wire.status import Birth, Death

CURE: Final = "Cure: install the newer version there or here, or look who sends as it"
INVENTORY_MS: Final = 30_000  # a fleet that comes back is counted once, not at every birth
SILENT_S: Final = 900.0
"""Who says nothing at all for so long after we are connected anew is not there: a broker that was killed tells of no
death, whatever births it retains. A live agent says something every minute, and sends what nobody answers again within
twelve."""


class Presence:
    """Call `hear` for each status, and `lives` for all else that a node says; once a round `look` and `greet`, and
    `count` before the rules look.

    Who stands by keeps up with who is there, and says nothing of it: to the rules, or to the nodes.
    """

    def __init__(
        self,
        registry: Registry,
        pipeline: Pipeline,
        watch: Watch,
        turn: Turn,
        counts: Counter[str],
        on_event: Callable[[dict[str, object]], None],
        now_ms: int,
    ) -> None:
        self._registry, self._pipeline, self._watch, self._turn = registry, pipeline, watch, turn
        self._counts, self._on_event = counts, on_event
        self._flapping = Flapping()
        self._born: list[Birth] = []  # in this round
        self._count_due_ms = now_ms
        self._connection: int | None = None
        self._connected_s = 0.0
        self._unheard = set[str]()  # those that are called online and have not been heard on this connection
        self._taken_for_gone = set[str]()

    def hear(self, node: str, payload: bytes, now_ms: int, retained: bool = False) -> None:
        """A node's status, told now or `retained` by the broker; what is none is counted."""
        if not payload:
            self._counts["empty_status"] += 1
            return
        try:
            said = status.decode(node, payload)
        except status.BadStatus as error:
            self._counts["bad_status"] += 1
            self._pipeline.ingest.alarm(f"status:{node}", f"status of {node} is not obeyed: {error}. {CURE}")
            return
        self._pipeline.ingest.alarms.pop(f"status:{node}", None)
        self._pipeline.hear(node, payload)
        self._told(said, now_ms)
        if isinstance(said, Birth):
            self._born.append(said)
            if not retained:
                self.lives(node, now_ms)

    def lives(self, node: str, now_ms: int) -> None:
        """It has just said something."""
        self._unheard.discard(node)
        if node in self._taken_for_gone:
            self._taken_for_gone.discard(node)
            known = self._registry.get(node)
            if known is not None and not known.online:
                self._told(known.birth, now_ms)

    def look(self, connection: int | None, now_s: float, now_ms: int) -> None:
        """Who is gone although nobody tells: those that do not speak on a new connection of ours."""
        if connection is None:
            return
        if connection != self._connection:
            is_first = self._connection is None
            self._unheard = {n.birth.node for n in self._registry.nodes() if n.online and _speaks(n.birth, is_first)}
            self._connection, self._connected_s = connection, now_s
        elif self._unheard and now_s - self._connected_s >= SILENT_S:
            unheard, self._unheard = sorted(self._unheard), set()
            for known in filter(None, map(self._registry.get, unheard)):
                self._told(Death(known.birth.node, known.birth.session, "lost"), now_ms)
                self._taken_for_gone.add(known.birth.node)

    def greet(self, now_ms: int) -> None:
        """Answer the births of a round, and the nodes whose work has begun anew."""
        born, self._born = self._born, []
        if self._turn.active:
            again = [node.birth for node in self._pipeline.newly_served() if node.online]
            self._pipeline.greet([*born, *again], now_ms)

    def greet_all(self, now_ms: int) -> None:
        """This collector works from now on: each agent sends again at once what nobody has answered."""
        nodes = self._registry.nodes()
        for node in nodes:
            self._watch.node_state(node.birth.node, node.online, now_ms)
        self._pipeline.greet([node.birth for node in nodes if node.online], now_ms)
        self._count_due_ms = now_ms + INVENTORY_MS

    def count(self, now_ms: int) -> None:
        """Let the rules know, when that is due, which sensors are to be expected."""
        if self._count_due_ms and not 0 < self._count_due_ms - now_ms <= INVENTORY_MS:
            self._count_due_ms = 0
            self._watch.expect(self._registry.nodes(), now_ms)

    def _told(self, said: Birth | Death, now_ms: int) -> None:
        if self._registry.update(said, now_ms):
            self._link_changed(said, now_ms)
        elif isinstance(said, Death):
            self._counts["death_ignored"] += 1  # of another session than the one in force

    def _link_changed(self, said: Birth | Death, now_ms: int) -> None:
        node, online = said.node, isinstance(said, Birth)
        if isinstance(said, Birth) and self._flapping.note(node, said.session, now_ms):
            self._counts["flapping"] += 1
            text = f"the link of {node} comes and goes all the time: are there two of that name, a clone or a thief?"
            self._pipeline.ingest.alarm(f"flapping:{node}", text)
        if self._turn.active:
            self._watch.node_state(node, online, now_ms)
            self._count_due_ms = self._count_due_ms or now_ms + INVENTORY_MS
        self._on_event({"type": "node", "node": node, "online": online})


def _speaks(birth: Birth, is_first: bool) -> bool:
    """Whether a node that lives is heard within minutes of a connection, our first or a later one.

    Not so one that waits for the time; a guest, which does not come by the broker; a canary, which may rest for hours.
    """
    ours = birth.version == GUEST or birth.node.startswith(CANARY)
    return birth.clock != "unsynced" and (is_first or not ours)
