"""Faults of the system, struck at their time and undone at theirs; every one is noted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from simulator.notes import Notes
from simulator.scenario.faults import SYSTEM_KINDS, Order
from simulator.world.broker import Broker
from simulator.world.clock import Clock
from simulator.world.collector import AwayStore, Collector
from simulator.world.node import Node


class Strikes:
    """Who breaks things, and who puts them right at the end."""

    def __init__(
        self, clock: Clock, notes: Notes, broker: Broker, store: AwayStore, collector: Collector, nodes: list[Node]
    ) -> None:
        self._clock, self._notes, self._broker = clock, notes, broker
        self._store, self._collector, self._nodes = store, collector, nodes
        self._delay_ms = broker.delay_ms
        self._lasting: list[Order] = []  # struck, and not over yet

    def plan(self, orders: Iterable[Order]) -> None:
        """Strike each at its time; times are seconds from the start, those in the past strike now."""
        for order in orders:
            if order.kind not in SYSTEM_KINDS:
                continue
            self._at(order.from_s, order, self._begin)
            if order.until_s < math.inf:
                self._at(order.until_s, order, self._end, "over: ")

    def heal(self) -> None:
        """Everything is as it should be; what is down comes up."""
        self._broker.heal()
        self._broker.delay_ms, self._broker.ack_delay_ms = self._delay_ms, 0
        self._store.away = False
        if not self._collector.up:
            self._collector.start()
        for node in self._nodes:
            node.linked, node.disk_full, node.powered = True, False, True
            node.ntp_at_ms = min(node.ntp_at_ms, self._clock.now_ms)
            for line in node.lines:
                line.swapped_to = None
            if not node.up:
                node.start()

    def _at(self, at_s: float, order: Order, deed: Callable[[Order], None], word: str = "") -> None:
        def strike() -> None:
            self._notes.moment(self._clock.now_ms, word + order.text)
            deed(order)

        self._clock.after(max(0, round((at_s - self._clock.now_s) * 1000)), strike)

    def _begin(self, order: Order) -> None:
        self._lasting.append(order)
        if SYSTEM_KINDS[order.kind].place != "node":
            self._of_system(order)[0]()
            return
        begin = self._of_node(order)[0]
        for node in self._nodes:
            if order.strikes(node.node):
                begin(node)

    def _end(self, order: Order) -> None:
        """What another of its kind still holds, or a lack of power, goes on as that one began it."""
        self._lasting.remove(order)
        alike = [one for one in self._lasting if _breaks(one) == _breaks(order)]
        if SYSTEM_KINDS[order.kind].place != "node":
            self._of_system(alike[-1] if alike else order)[not alike]()
            return
        end = self._of_node(order)[1]
        for node in self._nodes:
            if order.strikes(node.node) and not any(one.strikes(node.node) for one in alike):
                end(node)

    def _of_node(self, order: Order) -> tuple[Callable[[Node], None], Callable[[Node], None]]:
        def cut(node: Node, ntp_after_s: float = 0.0) -> None:
            node.powered = False
            node.cut(ntp_after_s)

        def power(node: Node) -> None:
            node.powered = True
            if not node.up:
                node.start()

        def clockless(node: Node) -> None:
            cut(node, order.amount)
            power(node)

        def wrong_clock(node: Node) -> None:
            node.clock_error_ms, node.ntp_at_ms = round(order.amount * 1000), 2**62

        def right_clock(node: Node) -> None:
            node.clock_error_ms, node.ntp_at_ms = 0, self._clock.now_ms

        def set_(name: str, value: bool) -> Callable[[Node], None]:
            return lambda node: setattr(node, name, value)

        deeds: dict[str, tuple[Callable[[Node], None], Callable[[Node], None]]] = {
            "power-cut": (cut, power),
            "kill": (Node.kill, power),
            "link-down": (Node.cut_link, set_("linked", True)),
            "disk-full": (set_("disk_full", True), set_("disk_full", False)),
            "clock-1970": (clockless, lambda _: None),
            "clock-jump": (wrong_clock, right_clock),
            "swap": (_swap, _swap_back),
        }
        return deeds[order.kind]

    def _of_system(self, order: Order) -> tuple[Callable[[], None], Callable[[], None]]:
        broker, collector = self._broker, self._collector

        def set_(thing: object, name: str, value: float) -> Callable[[], None]:
            return lambda: setattr(thing, name, value)

        def start_collector() -> None:
            if not collector.up:
                collector.start()

        whole_ms = round(order.amount)
        return {
            "net-loss": (set_(broker, "loss", order.amount), set_(broker, "loss", 0.0)),
            "net-dup": (set_(broker, "doubling", order.amount), set_(broker, "doubling", 0.0)),
            "net-slow": (set_(broker, "delay_ms", max(2, whole_ms)), set_(broker, "delay_ms", self._delay_ms)),
            "slow-ack": (set_(broker, "ack_delay_ms", whole_ms), set_(broker, "ack_delay_ms", 0)),
            "broker-down": (broker.crash, set_(broker, "up", True)),
            "collector-down": (collector.kill, start_collector),
            "store-down": (set_(self._store, "away", True), set_(self._store, "away", False)),
        }[order.kind]


def _breaks(order: Order) -> str:
    """What it takes away: an agent that is killed in the dark is not started by the end of that."""
    return "power-cut" if order.kind == "kill" else order.kind


def _swap(node: Node) -> None:
    """The plugs of the first two sensors are exchanged."""
    one, other = node.lines[:2]
    one.swapped_to, other.swapped_to = other, one


def _swap_back(node: Node) -> None:
    for line in node.lines:
        line.swapped_to = None
