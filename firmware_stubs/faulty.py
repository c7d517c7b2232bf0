"""A sensor with faults: seeded, so that any run can be repeated, and told to whoever checks.

    stub.faulty = Faulty(seed=7, faults=[parse("bitflip@0.01"), parse("silence:60@08:00")])
    stub.sent = lambda t_s, frame, rows: ...        a frame that arrives as it was meant: twice for `dup`,
                                                    at its later time for `late` and `reorder`
    stub.spoilt = lambda t_s, frame, arrives: ...   a frame that does not: changed, or b"" when nothing of it arrives

Element faults change what the sensor feels, so the frames are sound and `sent` tells what they say. At most one line
fault strikes a frame, the first of the list; what is done is counted in `done` by kind. Answers to commands are not
damaged: they are kept back only by silence.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from firmware_stubs import spoiling
from firmware_stubs.faults import KINDS, Fault

UNSCALED = frozenset({"lat_deg", "lon_deg"})
"""Quantities of which ten times as much means nothing."""


class Held(NamedTuple):
    """A frame that is under way, and when it arrives."""

    arrives_s: float
    number: int
    frame: bytes
    rows: list[dict[str, float]]


class Faulty:
    """The faults of one sensor. Shared by nobody: each sensor needs its own."""

    def __init__(self, seed: int | str, faults: Sequence[Fault]) -> None:
        self.done: Counter[str] = Counter()
        self._faults = [
            (fault, Random(f"{seed} {number} {fault.kind}"), KINDS[fault.kind].place)
            for number, fault in enumerate(faults)
        ]
        self._felt: tuple[float, dict[str, float]] | None = None
        self._seen: tuple[float, list[dict[str, float]]] | None = None
        self._since_s: float | None = None
        self._until_s = dict.fromkeys(("silence", "unplug"), float("-inf"))
        self._late: list[Held] = []
        self._overtaken: Held | None = None
        self._number = 0

    # What the sensor feels

    def feel(self, t_s: float, values: dict[str, float]) -> dict[str, float]:
        """The world as the sensor's element reports it. The same time gives the same answer."""
        if self._felt is None or self._felt[0] != t_s:
            self._felt = (t_s, self._element(t_s, values, self._felt[1] if self._felt else values))
        return self._felt[1]

    def see(self, t_s: float, targets: list[dict[str, float]]) -> list[dict[str, float]]:
        """The targets of a radar likewise; without a value it sees nothing."""
        if self._seen is None or self._seen[0] != t_s:
            self._seen = (t_s, self._targets(t_s, targets, self._seen[1] if self._seen else targets))
        return self._seen[1]

    def _element(self, t_s: float, values: dict[str, float], last: dict[str, float]) -> dict[str, float]:
        for fault, amount in self._striking(t_s):
            if fault.kind == "stuck":
                return last
            factor = {"drift": 1 + amount, "spike": amount, "nan": float("nan")}[fault.kind]
            values = {n: v * factor if n not in UNSCALED or factor != factor else v for n, v in values.items()}
        return values

    def _targets(
        self, t_s: float, targets: list[dict[str, float]], last: list[dict[str, float]]
    ) -> list[dict[str, float]]:
        for fault, amount in self._striking(t_s):
            if fault.kind == "stuck":
                return last
            if fault.kind == "nan":
                return []
            factor = 1 + amount if fault.kind == "drift" else amount
            targets = [target | {"speed_kmh": target["speed_kmh"] * factor} for target in targets]
        return targets

    def _striking(self, t_s: float) -> list[tuple[Fault, float]]:
        """The element's faults that strike now, and how much: drift grows from its beginning."""
        self._since_s = t_s if self._since_s is None else self._since_s
        found = []
        for fault, chance, where in self._faults:
            if where == "element" and fault.holds(t_s) and chance.random() < fault.share:
                hours = (t_s - max(fault.from_s, self._since_s)) / 3600
                found.append((fault, fault.amount * hours if fault.kind == "drift" else fault.amount))
                self.done[fault.kind] += 1
        return found

    # What becomes of a frame

    def arrive(
        self, t_s: float, frame: bytes, rows: list[dict[str, float]], baud: int, checksum_at: int | None
    ) -> list[Held | bytes]:
        """What arrives at once for a frame sent now: frames as they were meant, or bytes that were damaged."""
        self._begin_spans(t_s)
        if self.silent(t_s):
            self.done["silence"] += 1
            return [b""]
        self._number += 1
        meant = Held(t_s, self._number, frame, rows)
        fault, chance = self._hit(t_s, len(frame))
        if fault is None:
            overtaken, self._overtaken = self._overtaken, None
            return [meant] if overtaken is None else [meant, overtaken]
        out = self._spoil(fault, chance, meant, baud, checksum_at)
        if out != [frame]:
            self.done[fault.kind] += 1
        return [meant if one == frame else one for one in out]

    def due(self, t_s: float) -> list[Held]:
        """Late frames whose time has come."""
        out = []
        while self._late and self._late[0].arrives_s <= t_s:
            out.append(heapq.heappop(self._late))
        return out

    @property
    def next_s(self) -> float | None:
        """When the next late frame arrives."""
        return self._late[0].arrives_s if self._late else None

    def silent(self, t_s: float) -> bool:
        """True while the sensor says and hears nothing."""
        return self._within("silence", t_s)

    def unplugged(self, t_s: float) -> bool:
        """True while the port is gone."""
        return self._within("unplug", t_s)

    def _within(self, kind: str, t_s: float) -> bool:
        if t_s < self._until_s[kind]:
            return True
        return any(fault.kind == kind and fault.share == 1 and fault.holds(t_s) for fault, _, _ in self._faults)

    def _begin_spans(self, t_s: float) -> None:
        """Spans that come by chance begin with a frame, so that a run does not depend on how often somebody asks."""
        for fault, chance, place in self._faults:
            if place == "span" and fault.share < 1 and fault.holds(t_s) and chance.random() < fault.share:
                self._until_s[fault.kind] = max(self._until_s[fault.kind], t_s + fault.amount)
                self.done["unplug"] += fault.kind == "unplug"

    def _hit(self, t_s: float, size: int) -> tuple[Fault | None, Random]:
        struck = None
        for fault, chance, place in self._faults:  # every die is rolled: one fault more does not move the others
            if place == "line" and fault.holds(t_s):
                share = fault.share * size if fault.per_byte else fault.share
                if chance.random() < share and struck is None:
                    struck = (fault, chance)
        return struck or (None, Random())

    def _spoil(
        self, fault: Fault, chance: Random, meant: Held, baud: int, checksum_at: int | None
    ) -> list[Held | bytes]:
        frame = meant.frame
        if fault.kind == "late":
            heapq.heappush(self._late, meant._replace(arrives_s=meant.arrives_s + fault.amount))
            return []
        if fault.kind == "reorder":
            overtaken, self._overtaken = self._overtaken, meant
            return [] if overtaken is None else [overtaken]
        if fault.kind == "dup":
            return [meant, meant]
        if fault.kind == "drop":
            return [b""]
        if fault.kind == "baud":
            return [spoiling.misread(frame, fault.argument or baud / 2, baud)]
        if fault.kind == "garbage":
            return [spoiling.garbage(frame, chance, int(fault.amount))]
        if fault.kind == "checksum":
            return [spoiling.wrong_checksum(frame, checksum_at)]
        return [{"bitflip": spoiling.bitflip, "truncate": spoiling.truncated}[fault.kind](frame, chance)]
