"""Faults of a whole system: those of sensors and lines (firmware_stubs/faults.py), and those of everything behind them.

    bitflip@0.01                         one frame in a hundred of every sensor
    bitflip@0.01/byte                    each byte of its frames with that chance
    stuck@20:00-22:00 on lp-0001/air-1   one sensor, for two hours
    power-cut:30@03:10 on lp-0002        the supply is gone for 30 s
    net-loss:0.2@+1h-+2h                 a fifth of all messages, for an hour
    broker-down:600@02:00                kill -9, and back ten minutes later

`KIND[:ARGUMENT]@WHEN[ on NODE[/SENSOR]]`; WHEN is a share, a time, or two of them; times as in times.py. Pure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

from common.strict_model import word
from firmware_stubs.faults import KINDS as SENSOR_KINDS
from firmware_stubs.faults import Fault
from firmware_stubs.faulty import Faulty
from simulator.scenario.times import after_start, span
from wire import numerals


class Kind(NamedTuple):
    """One word: whom it strikes (node, network, broker, collector, store), its argument and default, what happens."""

    place: str
    argument: str
    default: float
    text: str


SYSTEM_KINDS: Final[dict[str, Kind]] = {
    "power-cut": Kind("node", "seconds off", 30, "the supply goes: what was not committed is gone, a new boot follows"),
    "kill": Kind("node", "seconds down", 3, "kill -9 of the agent; it is started again"),
    "link-down": Kind("node", "seconds", 300, "the node has no network"),
    "disk-full": Kind("node", "seconds", 600, "the node's disk takes nothing"),
    "clock-1970": Kind("node", "seconds until NTP", 600, "a power cut without a clock chip: 1970 until NTP answers"),
    "clock-jump": Kind("node", "seconds of error", 3600, "the wall clock is wrong by that much while NTP is away"),
    "swap": Kind(
        "node", "seconds", 600, "the plugs of the node's first two sensors are exchanged, and put right again"
    ),
    "net-loss": Kind("network", "share", 0.2, "that share of all messages never arrives"),
    "net-dup": Kind("network", "share", 0.2, "that share of all messages comes again, up to two minutes later"),
    "net-slow": Kind("network", "milliseconds", 3000, "every message takes up to so long: order is lost"),
    "slow-ack": Kind("network", "milliseconds", 5000, "acknowledgements take so much longer"),
    "broker-down": Kind("broker", "seconds", 60, "kill -9 of the broker on its defaults: it forgets everything"),
    "collector-down": Kind("collector", "seconds", 30, "kill -9 of the collector"),
    "store-down": Kind("store", "seconds", 120, "the database does not answer"),
}
_ENDS = ("agent-off", "uncommitted", "warming_up", "settling")
_BY_KIND: Final[dict[str, tuple[str, ...]]] = {
    "stuck": ("stale", "unfit"), "nan": ("unfit", "stale"), "spike": ("unfit",), "drift": (),
    "unplug": ("warming_up", "settling", "line"), "silence": ("line",), "swap": ("swapped",),
    "power-cut": _ENDS, "kill": _ENDS, "clock-1970": _ENDS, "disk-full": ("gap-record",), "link-down": ("gap-record",),
}  # fmt: skip
_FORM: Final = re.compile(r"([a-z0-9-]+)(?::(\d+(?:\.\d+)?))?@(\S+?)(?: on ([a-z0-9-]+)(?:/([a-z0-9-]+))?)?")


@dataclass(frozen=True, slots=True)
class Order:
    """One fault of a scenario. Times are seconds from the start; `node` and `sensor` None strike all of them.

    `fault` is set for the kinds of sensors and lines, and carries the same times.
    """

    text: str
    kind: str
    amount: float
    from_s: float
    until_s: float
    node: str | None = None
    sensor: str | None = None
    fault: Fault | None = None

    @property
    def causes(self) -> tuple[str, ...]:
        """Why readings may be missing because of it: damage on the line for every fault of a line."""
        return _BY_KIND.get(self.kind, ("line",) if self.fault is not None else ())

    def strikes(self, node: str, sensor: str | None = None) -> bool:
        """True for a node (and sensor) that it is meant for."""
        return self.node in (None, node) and (sensor is None or self.sensor in (None, sensor))


def faulty(orders: Iterable[Order], seed: int, node: str, sensor: str) -> Faulty | None:
    """What goes wrong with one sensor and its line, by chance of its own; None when nothing does."""
    faults = [order.fault for order in orders if order.fault is not None and order.strikes(node, sensor)]
    return Faulty(f"{seed} {node} {sensor}", faults) if faults else None


def parse(text: str, start_of_day_s: float) -> Order:
    """Read one fault. Raises ValueError with what is wrong and what is known."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not KIND[:ARGUMENT]@WHEN[ on NODE[/SENSOR]]")
    kind, argument, when, node, sensor = found.groups()
    node = None if node == "all" else node
    if kind not in SENSOR_KINDS and kind not in SYSTEM_KINDS:
        raise ValueError(f"fault {word(kind, (*SENSOR_KINDS, *SYSTEM_KINDS))}")
    per_byte = when.endswith("/byte")
    share, from_s, until_s = _when(when.removesuffix("/byte"), start_of_day_s)
    if share is not None:
        _must_be_share(text, share)
    if per_byte and (share is None or kind in SYSTEM_KINDS):
        raise ValueError(f"{text!r}: only a share of a sensor's or line's fault is by the byte")
    if kind in SYSTEM_KINDS:
        place = SYSTEM_KINDS[kind].place
        if sensor is not None or (node is not None and place != "node"):
            more = f"/{sensor}" if place == "node" else found[0][found.end(3) :].strip()
            raise ValueError(f"{text!r}: {kind} strikes the whole {place}; leave {more!r} out")
        return _of_system(text, kind, argument, share, from_s, until_s, node)
    amount = None if argument is None else float(argument)
    if SENSOR_KINDS[kind].place == "span" and until_s == math.inf and share is None:
        until_s = from_s + (SENSOR_KINDS[kind].default if amount is None else amount)
    fault = Fault(kind, amount, 1.0 if share is None else share, from_s, until_s, per_byte)
    return Order(text, kind, fault.amount, from_s, until_s, node, sensor, fault)


def _when(when: str, start_of_day_s: float) -> tuple[float | None, float, float]:
    """A share for the whole run, or from when until when."""
    with suppress(ValueError):
        return numerals.number(when), -math.inf, math.inf
    if "-" in when:
        return None, *span(when, start_of_day_s)
    return None, after_start(when, start_of_day_s), math.inf


def _must_be_share(text: str, amount: float) -> None:
    if not 0 <= amount <= 1:
        raise ValueError(f"{text!r}: a share is 0 to 1")


def _of_system(
    text: str, kind: str, argument: str | None, share: float | None, from_s: float, until_s: float, node: str | None
) -> Order:
    known = SYSTEM_KINDS[kind]
    amount = known.default if argument is None else float(argument)
    if known.argument == "share":
        _must_be_share(text, amount)
    if share is not None:
        if known.argument != "share":
            raise ValueError(f"{text!r}: {kind} wants a time, such as {kind}@+1h")
        return Order(text, kind, share, 0.0, math.inf, node)
    if until_s == math.inf and known.argument.startswith("seconds") and kind != "clock-jump":
        until_s = from_s + amount
    return Order(text, kind, amount, from_s, until_s, node)
