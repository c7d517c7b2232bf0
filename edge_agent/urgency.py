"""What must not wait for its batch to fill: what a rule may raise on is committed, sealed and sent at once. Pure.

Three things are urgent, each at the moment it begins: a value goes beyond its level (a closed traffic interval's as
well as a particle count's), a sensor falls silent, a sensor says of itself that it is faulty. A value that stays beyond
its level is no news, and neither is its return.

Bounded: a sensor has `BURST` urgent batches, and gets one back every `REFILL_S`. What a flapping sensor has to say
beyond that goes with the next ordinary batch, late but not lost, and is counted in `held`.
"""

from __future__ import annotations

import operator
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import NamedTuple

from edge_agent.reading import Reading
from wire.quantities import KINDS, QUANTITIES, agent_fields, nearest

BURST = 5
REFILL_S = 60.0
DEFAULT: dict[str, str] = {
    "pm25_raw_ugm3": "> 150", "pm10_raw_ugm3": "> 350", "no2_raw_ppb": "> 106", "o3_raw_ppb": "> 100",
    "occupancy_ratio": "> 0.8", "speed_tms_kmh": "< 20", "cpu_temp_c": "> 80", "disk_free_b": "< 500000000",
}  # fmt: skip
"""Heavy pollution of a day (HJ 633, PM) and the hourly limits (GB 3095, 200 µg/m³) as momentary values, and the levels
of the starter rules on traffic and on the station itself."""

_LIMIT = re.compile(r"(>=|<=|>|<) ?(-?[0-9]{1,12}(?:\.[0-9]{1,9})?)")
_MET: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip


class Limit(NamedTuple):
    """One side of a level."""

    op: str
    level: float

    def met(self, value: float) -> bool:
        """Whether `value` lies beyond it."""
        return _MET[self.op](value, self.level)


def limit_of(quantity: str, text: str) -> Limit:
    """A level such as `> 150` of something that an agent sends. Raises ValueError with the cure."""
    sent = {name for kind in KINDS for name in agent_fields(kind) or ()}
    if quantity not in sent:
        known = QUANTITIES.get(quantity)
        raw = known.raw if known is not None else None
        near = raw or nearest(quantity, sent)
        raise ValueError(f"{quantity!r} is not measured here" + (f", did you mean {near!r}?" if near else ""))
    found = _LIMIT.fullmatch(text)
    if found is None:
        raise ValueError(f'{text!r} is not a level, write one such as "> 150" or "< 20"')
    return Limit(found[1], float(found[2]))


class Urgency:
    """Watches what is kept. `due`: something waits that must not; `sealed`: how often that was; `held`: by sensor."""

    def __init__(self, limits: Mapping[str, str]) -> None:
        self.due = False
        self.sealed = 0
        self.held: Counter[str] = Counter()
        self._limits = {quantity: limit_of(quantity, text) for quantity, text in limits.items()}
        self._beyond: set[Hashable] = set()
        self._left: dict[str, tuple[float, int]] = {}

    def see(self, readings: Iterable[Reading]) -> None:
        """New readings, in the order of their times."""
        for series, time_ms, values in readings:
            for quantity in self._limits.keys() & values.keys():
                beyond = self._limits[quantity].met(values[quantity])
                self._judge((series, quantity), beyond, series.sensor, time_ms)

    def begins_to_fail(self, sensor: str, failing: bool, now_ms: int) -> bool:
        """How a sensor is now; True at the moment it falls silent or says that it is faulty."""
        return self._judge(sensor, failing, sensor, now_ms)

    def done(self) -> None:
        """What was due has been sealed."""
        self.sealed += self.due
        self.due = False

    def _judge(self, what: Hashable, beyond: bool, sensor: str, now_ms: int) -> bool:
        if beyond == (what in self._beyond):
            return False
        self._beyond ^= {what}
        if beyond and (self.due or self._may_hurry(sensor, now_ms)):
            self.due = True  # what is due already takes all that waits along, and costs no second batch
        elif beyond:
            self.held[sensor] += 1
        return beyond

    def _may_hurry(self, sensor: str, now_ms: int) -> bool:
        left, then_ms = self._left.get(sensor, (float(BURST), now_ms))
        left = min(float(BURST), left + max(0, now_ms - then_ms) / 1000 / REFILL_S)
        self._left[sensor] = (left - 1 if left >= 1 else left, now_ms)
        return left >= 1
