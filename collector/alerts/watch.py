"""The watch: gives the rule engine every row that the database has taken, and says when its state is to be saved.

Whether people are told of what they find is not decided here (alerting.py), nor how they catch up (catch_up.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import Any, Final

from collector.alerts.in_service import InService
from collector.alerts.self_watch import Wrong
from collector.delivery.registry import Node
from collector.rules.engine import Engine
from collector.rules.fields import OWN_LINK
from collector.rules.recent import Columns
from collector.rules.rule import OWN_CLOCK, STORE_LINK, Rule
from collector.rules.series import Series
from collector.rules.transition import Transition
from collector.stores.store import Store, Table
from collector.timers import Waits
from wire.times import DAY_MS, MINUTE_MS

SAVED_WITHIN_S: Final = 300
SAVED_SOON_S: Final = 30
FEW: Final = 1_000
"""A fleet's series are saved within five minutes, so few within half a minute: never more than some thirty a second."""
SAVED_AT_ONCE: Final = 500
"""After a catch-up, so that the next one is short."""
SAVE_EVERY_MS: Final = 1_000
URGENT_MOST: Final = 50
LAST_SAVED: Final = 2_000
RETIRED_EVERY_MS: Final = 15_000
WARM_UP_MS: Final = DAY_MS
ASLEEP_MS: Final = MINUTE_MS
"""Between two looks at ourselves, of which there are two a second: this machine stood still, or its clock has leapt."""


class Known(Enum):
    """What the rules know of the episodes that people were told of."""

    NOTHING = auto()  # another collector has told them: they stand in the database
    OLD = auto()  # what stood when this one ended: what came since is in the database
    NEW = auto()  # all, since this step: what the rules say of the past may have been told before
    ALL = auto()


class Watch:
    """Used by the ingest thread alone, so it takes no lock. `known` is set by whoever has them catch up."""

    def __init__(
        self, rules: Iterable[Rule], store: Store, in_service: InService, saved: dict[str, Any], now_ms: int
    ) -> None:
        """`saved` is what `unsaved` gave the life before."""
        self.rules = {rule.alert: rule for rule in rules}
        self.store = store
        self.known = Known.OLD if saved else Known.NOTHING
        self.on_broken: Callable[[str, Exception], None] | None = None
        alive_ms = saved.pop("alive", now_ms)
        self._alive_ms: int = alive_ms if alive_ms <= now_ms else now_ms - WARM_UP_MS  # its clock was ahead
        self._in_service = in_service
        self.engine = Engine.restore(self.rules.values(), saved, in_service.expected(), now_ms)
        self._waits = Waits()
        self._looked_ms = now_ms

    @property
    def is_up_to_date(self) -> bool:
        """Whether the rules have seen what is in the database."""
        return self.known in (Known.NEW, Known.ALL)

    @property
    def unseen_since_ms(self) -> int:
        """From when on the life before may have been shown what it did not save."""
        return self._alive_ms - SAVED_WITHIN_S * 1000

    # What comes in

    def observe(self, tables: list[Table], now_ms: int) -> None:
        """Look at rows that are in the database. Before the catch-up they are left for it."""
        if not self.is_up_to_date:
            return
        for table in tables:
            if table.measurement in self.engine.kinds:
                self.look(Series.at(table.measurement, table.tags), table.times_ms, table.columns, now_ms)

    def look(self, series: Series, times: list[int], columns: Columns, now_ms: int) -> None:
        """Look at rows of one series. One that breaks the rules keeps them from no other: `on_broken` is told."""
        self._in_service.heard(series, times)
        try:
            self.engine.observe(series, times, columns, now_ms)
        except Exception as error:
            if self.on_broken is None:
                raise
            self.on_broken(f"for the rules, a row of {series}", error)

    def learn(self, now_ms: int) -> None:
        """Know how often sensors report, where that was seen to be otherwise."""
        if self._in_service.has_new_pace():
            self._expect(now_ms)

    def node_state(self, node: str, online: bool, now_ms: int) -> None:
        """A node's link went up or down."""
        self.engine.node_state(node, online, now_ms)

    def own_state(self, connected: bool, wrong: Wrong, now_ms: int) -> None:
        """The collector's own link to the broker, and what else is wrong with it: silence then is no sensor's.

        Nor is that of the time in which it slept itself: who listens anew has missed nobody.
        """
        if now_ms - self._looked_ms > ASLEEP_MS:
            self.engine.node_state(OWN_CLOCK, False, now_ms)
        self._looked_ms = now_ms
        self.engine.node_state(OWN_LINK, connected, now_ms)
        self.engine.node_state(STORE_LINK, ("collector-database", OWN_LINK) not in wrong, now_ms)
        self.engine.node_state(OWN_CLOCK, ("collector-own-clock", OWN_LINK) not in wrong, now_ms)

    def expect(self, nodes: list[Node], now_ms: int) -> None:
        """The nodes have announced these sensors: who is silent is missed."""
        self._in_service.nodes = nodes
        self._expect(now_ms)

    def follow(self, nodes: list[Node], now_ms: int) -> None:
        """Another collector has worked until now: what the rules knew of episodes is out of date."""
        self._in_service.nodes = nodes
        self.engine = Engine.restore(self.rules.values(), {}, self._in_service.expected(), now_ms)
        self.known = Known.NOTHING

    # What comes out

    def tick(self, now_ms: int) -> list[Transition]:
        """What the rules have found since the last call. Raises sqlite3.Error, and then nothing is lost."""
        if self._waits.comes_round("retired", now_ms, RETIRED_EVERY_MS) and self._in_service.has_changed():
            self._expect(now_ms)
        return self.engine.tick(now_ms)

    def firing(self) -> set[tuple[str, str]]:
        """Rule and series of every alert that fires."""
        return {(alert.rule.alert, str(alert.series)) for alert in self.engine.alerts() if alert.state == "firing"}

    def unsaved(self, said: bool, replayed: bool, now_ms: int) -> dict[str, Any]:
        """What is due to be saved with this step, in which they have `said` something or caught up (`replayed`)."""
        touched, urgent = self.engine.unsaved()
        if not (said or urgent or (touched and (replayed or self._waits.is_due("save", now_ms)))):
            return {}
        self._waits.put_off("save", now_ms, SAVE_EVERY_MS)
        within_s = SAVED_SOON_S if touched <= FEW else SAVED_WITHIN_S
        quota = -(-touched * SAVE_EVERY_MS // (within_s * 1000))
        most = SAVED_AT_ONCE if replayed else min(urgent, URGENT_MOST) + quota
        return self.engine.changes(most) | {"alive": now_ms}

    def last_unsaved(self) -> dict[str, Any]:
        """The same at the end, as far as it takes no more than a moment. What waits for a tick would count as told."""
        return {} if self.engine.has_news else self.engine.changes(LAST_SAVED)

    def _expect(self, now_ms: int) -> None:
        self.engine.expect(self._in_service.expected(), now_ms, self._in_service.paces)
