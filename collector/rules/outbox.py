"""The outbox: every notification is delivered, or kept with the reason it was not.

    waiting --due--> sending --succeeded--> delivered
       ^                |
       +---- failed ----+-- refused for good, or 24 h of failures --> dead letter
                        +-- `second_after_ms` of failures, or without a word --> also through the second channel

Back-off doubles from one second to fifteen minutes. What belongs to one alert's group leaves a channel in the order it
came: a later message waits for an earlier one, and takes the second channel when that one's failures last. Who sends
holds the clock and the sockets, and stores `changes()` in the commit that took the transition; a message that was being
sent when the program died is sent again, under its key.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields, replace
from itertools import chain
from typing import Any, Final, NamedTuple

from collector.rules.notification import WHAT_WORDS, Notification
from collector.timers import SetBack
from wire.times import DAY_MS, MINUTE_MS

FIRST_RETRY_MS: Final = 1_000
LONGEST_RETRY_MS: Final = 15 * MINUTE_MS
GIVE_UP_MS: Final = DAY_MS
SECOND_AFTER_MS: Final = 10 * MINUTE_MS
DEAF_AFTER_MS: Final = 30 * MINUTE_MS
STUCK_AFTER_MS: Final = 5 * MINUTE_MS
LOG_LINES: Final = 1_000


class Route(NamedTuple):
    """How a receiver is reached: a channel, and another when that one fails. A page that waits a day is no page.

    `more` are the channels of its further addresses, NAME:2 and so on: each hears everything, and waits for no other.
    """

    channel: str
    second: str | None = None
    second_after_ms: int = SECOND_AFTER_MS
    more: tuple[str, ...] = ()

    @property
    def channels(self) -> tuple[str, ...]:
        """All addresses of the receiver itself."""
        return (self.channel, *self.more)


@dataclass(slots=True)
class Delivery:
    """One notification on one channel. `state` is waiting, sending, delivered or dead; `at_ms` is the event's time."""

    key: str
    channel: str
    order: str
    number: int
    made_ms: int
    at_ms: int
    text_zh: str
    text_en: str
    severity: str
    body: dict[str, Any]
    second: str | None = None
    second_after_ms: int = SECOND_AFTER_MS
    state: str = "waiting"
    due_ms: int = 0
    attempts: int = 0
    why: str = ""
    done_ms: int = 0  # when it was delivered or given up

    @property
    def name(self) -> str:
        """Key and channel: what makes a delivery one."""
        return f"{self.key}|{self.channel}"

    @property
    def receiver(self) -> str:
        """The channel as the settings name it, whichever of its addresses this one is for."""
        return self.channel.partition(":")[0]

    @property
    def node(self) -> str:
        """The station that it is about; empty where it is none."""
        return next((told["labels"].get("node", "") for _, told in self.body["lines"]), "")

    @property
    def words(self) -> tuple[str, str]:
        """What it says of the station, Chinese and English. Its texts begin with a line that names site and node."""
        zh, en = WHAT_WORDS[self.body["what"]]
        return zh + self.text_zh.partition("\n")[2], en + self.text_en.partition("\n")[2]

    def as_json(self) -> dict[str, Any]:
        """A JSON value with a key for each field. Nothing is copied: there may be thousands in one step."""
        return {name: getattr(self, name) for name in _NAMES}


_NAMES = tuple(field.name for field in fields(Delivery))


class Attempt(NamedTuple):
    """One line of a channel's delivery log."""

    at_ms: int
    channel: str
    key: str
    outcome: str
    why: str


class Outbox:
    """Deliveries that are not done, the dead letters of a day, and the log."""

    def __init__(self, routes: dict[str, Route]) -> None:
        self.routes = routes
        self.channels = {each for route in routes.values() for each in (*route.channels, route.second)}
        self.open: dict[str, Delivery] = {}
        self.dead: dict[str, Delivery] = {}
        self.log: list[Attempt] = []
        self._touched: dict[str, Delivery] = {}  # what changes() has not given out, and how many lines of the log
        self._unsaved_lines = 0
        self._done: OrderedDict[str, int] = OrderedDict()  # names of delivered ones: told once is enough for a day
        self._elsewhere: set[str] = set()  # alerts of which a second channel was told that they fire
        self._number = 0
        self._set_back = SetBack()
        self.withheld: Collection[str] = frozenset()  # names of what is not on disk yet and must not leave

    def put(self, notifications: Iterable[Notification], now_ms: int) -> None:
        """Take notifications for delivery; one taken before is not taken again. Without a route it is dead mail."""
        notifications = list(notifications)
        heard = {(each.receiver, *_about(each)) for each in notifications}
        for each in notifications:
            route = self.routes.get(each.receiver)
            if route is not None and (route.second, *_about(each)) in heard:
                route = route._replace(second=None)  # who stands in hears the same anyway
            if route is None:
                dead = self._delivery(each, Route(each.receiver), each.receiver, now_ms)
                self._bury(dead, now_ms, f"no channel for the receiver {each.receiver!r}")
                continue
            for channel in route.channels:
                delivery = self._delivery(each, route, channel, now_ms)
                self._add(delivery)
                if self._ends_what_was_told_elsewhere(delivery):
                    self._all_also(delivery, now_ms)

    def due(self, now_ms: int, channel: str | None = None, most: int | None = None) -> list[Delivery]:
        """What should be sent now (through this channel), oldest first; each is `sending` until its outcome is told."""
        if self._set_back.look(now_ms):
            self._clock_was_ahead(now_ms)
        self._go_round(now_ms)
        ready = [each for each in self._heads(channel) if each.due_ms <= now_ms][:most]
        for each in ready:
            each.state, each.due_ms = "sending", now_ms
            each.attempts += 1
        return ready

    def next_due_ms(self, channel: str | None = None) -> int | None:
        """When due() will have something next; None while nothing waits for its time alone."""
        return min((each.due_ms for each in self._heads(channel)), default=None)

    def _clock_was_ahead(self, now_ms: int) -> None:
        """What waits, is being sent or was given up by the wrong time is so since now at the latest."""
        for each in (*self.open.values(), *self.dead.values()):
            each.made_ms, each.done_ms = min(each.made_ms, now_ms), min(each.done_ms, now_ms)
            if each.state == "sending" or each.due_ms > now_ms + LONGEST_RETRY_MS:
                each.due_ms = min(each.due_ms, now_ms)

    def _heads(self, channel: str | None) -> list[Delivery]:
        """The first of each order on each channel, where it waits."""
        heads: dict[tuple[str, str], Delivery] = {}
        for each in sorted(self.open.values(), key=lambda delivery: delivery.number):
            if channel in (None, each.channel):
                heads.setdefault((each.channel, each.order), each)
        return [each for each in heads.values() if each.state == "waiting" and each.name not in self.withheld]

    def _go_round(self, now_ms: int) -> None:
        """What fails, and what waits behind it, takes the second channel when its own patience is over."""
        failing, stuck = {(each.channel, each.order) for each in self.open.values() if each.why}, self._stuck(now_ms)
        for each in list(self.open.values()) if failing or stuck else ():
            late = now_ms - each.made_ms >= each.second_after_ms
            if late and each.second is not None and (each.channel in stuck or (each.channel, each.order) in failing):
                self._also(each, each.second, now_ms)

    def _stuck(self, now_ms: int) -> set[str]:
        """Channels that say neither yes nor no to a message, for minutes: all that waits for them fails."""
        sending = (each for each in self.open.values() if each.state == "sending")
        return {each.channel for each in sending if now_ms - each.due_ms >= STUCK_AFTER_MS}

    def succeeded(self, name: str, now_ms: int) -> None:
        """The channel took it."""
        delivery = self.open.pop(name, None)
        if delivery is not None:
            if delivery.second is not None and self._ends_what_was_told_elsewhere(delivery):
                self._also(delivery, delivery.second, now_ms)  # of which it has the beginning since this was made
            delivery.state, delivery.done_ms = "delivered", now_ms
            self._write(delivery, now_ms, "sent", "")
            self._done[name] = now_ms
            while next(iter(self._done.values())) <= now_ms - GIVE_UP_MS:
                self._done.popitem(last=False)

    def failed(
        self, name: str, now_ms: int, why: str, *, retry_after_ms: int | None = None, for_good: bool = False
    ) -> None:
        """The channel did not take it: try again later, or bury it (`for_good`: it never will). The reason is kept."""
        delivery = self.open.get(name)
        if delivery is None:
            return
        waited_ms = now_ms - delivery.made_ms
        delivery.why = why
        if delivery.second is not None and for_good:
            self._also(delivery, delivery.second, now_ms)
        if for_good or waited_ms >= GIVE_UP_MS:
            del self.open[name]
            self._bury(delivery, now_ms, why)
            return
        backoff_ms = min(FIRST_RETRY_MS << min(delivery.attempts - 1, 20), LONGEST_RETRY_MS)
        if retry_after_ms is not None:
            backoff_ms = max(backoff_ms, min(retry_after_ms, LONGEST_RETRY_MS))
        delivery.state, delivery.due_ms = "waiting", now_ms + backoff_ms
        self._write(delivery, now_ms, "failed", why)

    def deaf(self, now_ms: int) -> set[str]:
        """Channels that are stuck, took no message for half an hour, or for which one was given up within a day."""
        waits = (e for e in self.open.values() if e.why and now_ms - e.made_ms >= DEAF_AFTER_MS)
        given_up = (e for e in self.dead.values() if e.done_ms > now_ms - GIVE_UP_MS)
        return {each.channel for each in chain(waits, given_up)} | self._stuck(now_ms)

    def forget(self, now_ms: int) -> None:
        """Let go of dead letters of which nothing more is said; whoever stores `changes()` has them."""
        self.dead = {name: each for name, each in self.dead.items() if each.done_ms > now_ms - GIVE_UP_MS}

    def revive(self, name: str, now_ms: int) -> bool:
        """Try a dead letter again, after somebody mended the channel. False when there is none of that name."""
        delivery = self.dead.pop(name, None)
        if delivery is None:
            return False
        delivery.state, delivery.why, delivery.attempts = "waiting", "", 0
        delivery.due_ms = delivery.made_ms = now_ms
        self._add(delivery)
        return True

    def changes(self) -> tuple[list[Delivery], list[Attempt]]:
        """Deliveries that changed since the last call, and the lines that the log got."""
        touched, self._touched = list(self._touched.values()), {}
        lines, self._unsaved_lines = self.log[len(self.log) - self._unsaved_lines :], 0
        return touched, lines

    @classmethod
    def restore(cls, routes: dict[str, Route], deliveries: Iterable[Delivery], now_ms: int) -> Outbox:
        """An outbox that goes on, from deliveries as they were last given out; what was being sent is sent again.

        What waited for a channel that the routes know no more is dead mail; what waits takes the second channel that
        they name now, unless that one has it.
        """
        outbox = cls(routes)
        known = sorted(deliveries, key=lambda delivery: delivery.number)
        heard = {(each.channel, _says(each)) for each in known}
        for each in known:
            outbox._number = each.number
            route = routes.get(each.order.partition("|")[0], Route(each.channel))
            if each.order.partition("|")[0] != each.receiver:
                outbox._remember(each)
            if each.state == "delivered":
                outbox._done[each.name] = each.done_ms
            elif each.state == "dead":
                outbox.dead[each.name] = each
            elif each.channel not in outbox.channels:
                outbox._bury(each, now_ms, f"the settings name no channel {each.channel!r} any more")
            else:
                each.state = "waiting"
                each.second = None if (route.second, _says(each)) in heard else route.second
                each.second_after_ms = route.second_after_ms
                outbox.open[each.name] = each
        return outbox

    def _delivery(self, each: Notification, route: Route, channel: str, now_ms: int) -> Delivery:
        self._number += 1
        body = {"what": each.what, "lines": [[line.state, line.alert.as_json()] for line in each.lines]}
        return Delivery(
            each.key,
            channel,
            each.order,
            self._number,
            now_ms,
            each.at_ms,
            each.text_zh,
            each.text_en,
            each.severity,
            body,
            route.second,
            route.second_after_ms,
            due_ms=now_ms,
        )

    def _also(self, delivery: Delivery, second: str, now_ms: int) -> None:
        """Send it through the second channel too; the first goes on trying."""
        delivery.second = None
        self._touched[delivery.name] = delivery
        for channel in self.routes.get(second, Route(second)).channels:
            twin = replace(
                delivery, channel=channel, made_ms=now_ms, due_ms=now_ms, state="waiting", why="", attempts=0
            )
            self._add(twin)
            self._remember(twin)

    def _all_also(self, delivery: Delivery, now_ms: int) -> None:
        """So with it, and with what waits before it: a reminder behind the end would be the last word there."""
        for each in list(self.open.values()):
            if (each.channel, each.order) == (delivery.channel, delivery.order) and each.second is not None:
                self._also(each, each.second, now_ms)

    def _remember(self, twin: Delivery) -> None:
        """Whoever heard by a second channel that something fires must hear there that it ended."""
        for state, alert in twin.body["lines"]:
            (self._elsewhere.discard if state == "resolved" else self._elsewhere.add)(alert["fingerprint"])

    def _ends_what_was_told_elsewhere(self, delivery: Delivery) -> bool:
        lines = delivery.body["lines"]
        return any(state == "resolved" and alert["fingerprint"] in self._elsewhere for state, alert in lines)

    def _add(self, delivery: Delivery) -> None:
        if delivery.name not in self.open and delivery.name not in self._done and delivery.name not in self.dead:
            self.open[delivery.name] = self._touched[delivery.name] = delivery

    def _bury(self, delivery: Delivery, now_ms: int, why: str) -> None:
        delivery.state, delivery.why, delivery.done_ms = "dead", why, now_ms
        self.dead[delivery.name] = delivery
        self._write(delivery, now_ms, "given up", why)

    def _write(self, delivery: Delivery, now_ms: int, outcome: str, why: str) -> None:
        self._touched[delivery.name] = delivery
        self.log.append(Attempt(now_ms, delivery.channel, delivery.key, outcome, why))
        self._unsaved_lines = min(self._unsaved_lines + 1, LOG_LINES)
        del self.log[:-LOG_LINES]


def _says(each: Delivery) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """What a delivery says, as `_about` a notification."""
    return each.body["what"], each.order.partition("|")[2], tuple((s, a["key"]) for s, a in each.body["lines"])


def _about(each: Notification) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """What a notification says, whoever hears it."""
    return each.what, each.order.partition("|")[2], tuple((line.state, line.alert.key) for line in each.lines)
