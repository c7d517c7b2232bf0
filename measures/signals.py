"""Signal timing: Webster's cycle (Webster 1958, Traffic Signal Settings, Road Research Technical Paper 39)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from measures.rounding import Number, exact


@dataclass(frozen=True, slots=True)
class Phase:
    """A signal phase's critical flow and its saturation flow, both in vehicles per hour."""

    flow: Number
    saturation_flow: Number


@dataclass(frozen=True, slots=True)
class Timing:
    """Sum Y of flow ratios, the cycle of least delay, and effective green of each phase in the order given."""

    flow_ratio_sum: float
    cycle_s: float
    effective_green_s: tuple[float, ...]


def webster(lost_time_s: Number, phases: Sequence[Phase]) -> Timing:
    """C0 = (1.5 L + 5)/(1 - Y), green by share of Y (Webster 1958); L is the lost time of the whole cycle.

    Raises ValueError without phases, for a negative flow or lost time, a saturation flow not above 0, no flow at all,
    and for Y of 1 or more: an oversaturated junction has no such cycle.
    """
    lost = exact(lost_time_s)
    if not phases or lost < 0:
        raise ValueError(f"{len(phases)} phases and {lost_time_s} s lost: no cycle")
    if any(phase.flow < 0 or phase.saturation_flow <= 0 for phase in phases):
        raise ValueError("a flow below 0 or a saturation flow not above 0")
    shares = [exact(phase.flow) / exact(phase.saturation_flow) for phase in phases]
    total = sum(shares)
    if total == 0:
        raise ValueError("no flow on any phase: no cycle")
    if total >= 1:
        raise ValueError(f"oversaturated (Y >= 1): the flow ratios add up to {float(total):.3f}")
    cycle = (lost * 3 / 2 + 5) / (1 - total)
    return Timing(float(total), float(cycle), tuple(float(share / total * (cycle - lost)) for share in shares))
