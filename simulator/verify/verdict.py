"""The verdict of a run, as figures, as one line, and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

SHOWN = 20


class Fault(NamedTuple):
    """One thing that is not as it should be, for people to look at."""

    what: str
    where: str
    time_ms: int
    text: str


@dataclass(slots=True)
class Verdict:
    """What became of the readings of one run.

    `missing` counts readings that are not there by the cause that excuses them; `lost` are those that nothing excuses.
    `unsent` rows stand in the database and were never said; `wrong` is by value, unit, time, clock, flags. A run that
    somebody ended early, or killed, is not `whole`.
    """

    run: str = ""
    sent: int = 0
    stored: int = 0
    lost: int = 0
    doubled: int = 0
    unsent: int = 0
    estimated: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    late: dict[str, Any] = field(default_factory=dict)
    vehicles_passed: int = 0
    vehicles_counted: int = 0
    alerts_expected: int = 0
    alerts_raised: int = 0
    alerts_missing: int = 0
    alerts_unexpected: int = 0
    waiting: int = 0
    not_allowed: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    hash: str = ""
    whole: bool = True

    @property
    def passed(self) -> bool:
        """Everything is there, once, right, or missing for a reason that this run may have."""
        return not (
            self.lost or self.doubled or self.unsent or sum(self.wrong.values()) or self.alerts_missing
            or self.alerts_unexpected or self.not_allowed or self.waiting
        )  # fmt: skip

    def note(self, what: str, where: str, time_ms: int, text: str) -> None:
        """Keep an example; the first of each kind are shown."""
        if sum(fault.what == what for fault in self.faults) < SHOWN:
            self.faults.append(Fault(what, where, time_ms, text))

    def lines(self) -> list[str]:
        """For people: what became of the readings, then the rest, and the verdict; why it fails."""
        causes = ", ".join(f"{cause} {count:,}" for cause, count in sorted(self.missing.items()))
        readings = [
            f"sent {self.sent:,}", f"stored {self.stored:,}", f"lost {self.lost:,}",
            f"missing and explained {sum(self.missing.values()):,}" + (f" ({causes})" if causes else ""),
            f"doubled {self.doubled:,}", f"wrong {sum(self.wrong.values()):,}",
        ]  # fmt: skip
        if self.unsent:
            readings.append(f"never sent {self.unsent:,}")
        if self.waiting:
            readings.append(f"still waiting {self.waiting:,}")
        rest = [f"vehicles {self.vehicles_counted:,} of {self.vehicles_passed:,}"] if self.vehicles_passed else []
        rest.append(f"late max {self.late.get('late_s_max', 0):,} s")
        rest.append(f"alerts {self.alerts_raised} of {self.alerts_expected} expected")
        if not self.whole:
            rest.append("ended early")
        rest.append("PASS" if self.passed else "FAIL")
        why = [f"{one.what}: {one.where} at {one.time_ms}: {one.text}" for one in self.faults]
        why += [f"not allowed here: {text}" for text in self.not_allowed]
        if any(text.startswith("missing for") for text in self.not_allowed):
            why.append("a scenario names what may be missing: expect: {missing: [...]}")
        return ["   ".join(readings), "   ".join(["", *rest]), *(f"  {text}" for text in why)]

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "schema": "lamppost.sim.verdict/1", "run": self.run, "passed": self.passed, "whole": self.whole,
            "sent": self.sent, "stored": self.stored, "lost": self.lost, "missing": dict(sorted(self.missing.items())),
            "not_allowed": self.not_allowed, "doubled": self.doubled, "unsent": self.unsent,
            "wrong": dict(sorted(self.wrong.items())), "estimated": self.estimated, "waiting": self.waiting,
            "vehicles": {"passed": self.vehicles_passed, "counted": self.vehicles_counted}, **self.late,
            "alerts": {"expected": self.alerts_expected, "raised": self.alerts_raised, "missing": self.alerts_missing,
                       "unexpected": self.alerts_unexpected},
            "faults": [fault._asdict() for fault in self.faults], "hash": self.hash,
        }  # fmt: skip
