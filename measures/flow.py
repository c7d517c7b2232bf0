"""Flow, headway, gap, occupancy and density: what a count in an interval says of the traffic.

Definitions: HCM 6th ed. ch. 4 (flow, density, peak hour factor); FHWA Traffic Detector Handbook (occupancy, effective
length). FIWARE's `intensity` is the count itself, not the rate given here.

None means missing and gives None; a count of 0 is a value. An interval that is not longer than 0 raises ValueError.
"""

from __future__ import annotations

import math

SECONDS_PER_HOUR = 3600


def flow_vph(count: float | None, duration_s: float) -> float | None:
    """Vehicles per hour at the rate of `count` in `duration_s` (HCM 6th ed. ch. 4: q = 3600 N/T)."""
    _check_duration(duration_s)
    if count is None:
        return None
    return SECONDS_PER_HOUR * _at_least_0(count, "vehicles") / float(duration_s)


def headway_s(count: float | None, duration_s: float) -> float | None:
    """Mean time between fronts of successive vehicles (HCM 6th ed. ch. 4: h = T/N); None when nobody passed."""
    _check_duration(duration_s)
    if count is None or count == 0:
        return None
    return float(duration_s) / _at_least_0(count, "vehicles")


def gap_s(headway: float | None, covered_s: float | None) -> float | None:
    """Time from one vehicle's rear to the next one's front (HCM 6th ed. ch. 4): headway less time over the detector."""
    if headway is None or covered_s is None:
        return None
    return max(0.0, _at_least_0(headway, "s") - _at_least_0(covered_s, "s"))


def occupancy_ratio(covered_s: float | None, duration_s: float) -> float | None:
    """Share of the interval, 0 to 1, in which a vehicle covered the detector (FHWA Traffic Detector Handbook)."""
    _check_duration(duration_s)
    if covered_s is None:
        return None
    if covered_s > duration_s:
        raise ValueError(f"covered for {covered_s} s of an interval of {duration_s} s")
    return _at_least_0(covered_s, "s") / float(duration_s)


def density_vpkm(flow: float | None, space_mean_kmh: float | None) -> float | None:
    """Vehicles per km (HCM 6th ed. ch. 4: k = q/v_s), from veh/h and the *space*-mean; None at speed 0."""
    if flow is None or space_mean_kmh is None or space_mean_kmh == 0:
        return None
    return _at_least_0(flow, "veh/h") / _at_least_0(space_mean_kmh, "km/h")


def density_from_occupancy_vpkm(occupancy: float | None, effective_length_m: float) -> float | None:
    """Vehicles per km from occupancy 0 to 1 (FHWA Traffic Detector Handbook: k = 1000 occ / (L_v + L_d)).

    `effective_length_m` is vehicle plus detection zone; raises ValueError when it is not above 0.
    """
    if not effective_length_m > 0:
        raise ValueError(f"an effective length of {effective_length_m} m")
    if occupancy is None:
        return None
    if occupancy > 1:
        raise ValueError(f"occupancy {occupancy}: a ratio from 0 to 1, not percent")
    return 1000 * _at_least_0(occupancy, "occupancy") / float(effective_length_m)


def peak_hour_factor(hour_count: float | None, peak_quarter_count: float | None) -> float | None:
    """Hour's vehicles over four times its busiest 15 minutes' (HCM 6th ed. ch. 4: V/(4 V15)); None when empty."""
    if hour_count is None or peak_quarter_count is None or peak_quarter_count == 0:
        return None
    return _at_least_0(hour_count, "vehicles") / (4 * _at_least_0(peak_quarter_count, "vehicles"))


def _check_duration(duration_s: float) -> None:
    if not 0 < duration_s < math.inf:
        raise ValueError(f"an interval of {duration_s} s has no rate")


def _at_least_0(value: float, what: str) -> float:
    if not 0 <= value < math.inf:
        raise ValueError(f"{value} {what}: below 0 or not finite")
    return float(value)
