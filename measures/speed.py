"""Speeds at one spot: two means that differ, the 85th percentile, and the histogram that lets it be added up.

A detector that counts vehicles passing a spot sees fast ones more often than a photograph of the road would. The
arithmetic mean of spot speeds (time-mean, FHWA Traffic Monitoring Guide) is what drivers read on a sign; density and
travel time need the harmonic mean (space-mean; Wardrop 1952: v_t = v_s + s²/v_s).

A percentile cannot be rebuilt from interval means. Intervals are therefore added up as histograms in bins of fixed
width, from which V85 comes back with less than one bin's width of error.

Speeds are km/h without a sign, None where a reading is missing. No observation gives None; a negative or non-finite
speed raises ValueError.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

BIN_KMH: Final = 5
"""Width of a histogram bin: bin i counts speeds from 5 i up to, but not including, 5 (i + 1)."""

Speeds = Iterable[float | None]


def time_mean_kmh(speeds: Speeds) -> float | None:
    """Arithmetic mean of spot speeds (FHWA Traffic Monitoring Guide 2022, time-mean speed); None without any."""
    known = _known(speeds)
    return math.fsum(known) / len(known) if known else None


def space_mean_kmh(speeds: Speeds) -> float | None:
    """Harmonic mean of spot speeds (Wardrop 1952; HCM 6th ed. ch. 4); None without any, 0 when a vehicle stood."""
    known = _known(speeds)
    if not known:
        return None
    if 0 in known:  # the limit: a vehicle that stands never covers its kilometre
        return 0.0
    slowest = min(known)  # as the unit of pace, so that no reciprocal overflows
    return slowest * len(known) / math.fsum(slowest / speed for speed in known)


def merged_time_mean_kmh(means: Sequence[float | None], counts: Sequence[int | None]) -> float | None:
    """Time-mean speed of several intervals from their own and their counts; an interval that lacks either is left out.

    Averaging averages without counts would give an empty lane at night the weight of a full one at noon.
    """
    pairs = _weighted(means, counts)
    total = sum(count for _, count in pairs)
    return math.fsum(mean * count for mean, count in pairs) / total if total else None


def merged_space_mean_kmh(means: Sequence[float | None], counts: Sequence[int | None]) -> float | None:
    """Space-mean speed of several intervals from their own and their counts; None without a vehicle."""
    pairs = [(mean, count) for mean, count in _weighted(means, counts) if count]
    total = sum(count for _, count in pairs)
    if not total:
        return None
    if any(mean == 0 for mean, _ in pairs):
        return 0.0
    slowest = min(mean for mean, _ in pairs)
    return slowest * total / math.fsum(count * (slowest / mean) for mean, count in pairs)


def percentile_kmh(speeds: Speeds, percent: int) -> float | None:
    """Percentile of individual speeds, linear between the two at rank p (n - 1) (Hyndman and Fan 1996, type 7)."""
    known = sorted(_known(speeds))
    if not known:
        return None
    lower, share = _rank(len(known), percent)
    upper = min(lower + 1, len(known) - 1)
    return known[lower] + share * (known[upper] - known[lower])


def percentile_85_kmh(speeds: Speeds) -> float | None:
    """V85 of individual speeds."""
    return percentile_kmh(speeds, 85)


def percentile_from_histogram(counts_per_5kmh_bin: Sequence[int], percent: int) -> float | None:
    """Percentile from vehicles per 5 km/h bin; None without a vehicle. Less than 5 km/h from that of the same vehicles.

    The vehicles of a bin are spread evenly over it and the percentile is taken as for individual speeds. Each assumed
    speed lies in the bin of the true one of the same rank, so no mixture of two can be a bin's width off. That does
    not hold for an open last bin, whose vehicles may be faster than is assumed.
    """
    if any(count < 0 for count in counts_per_5kmh_bin):
        raise ValueError("a histogram bin holds fewer than 0 vehicles")
    total = sum(counts_per_5kmh_bin)
    if not total:
        return None
    lower, share = _rank(total, percent)
    below = _speed_at(lower, counts_per_5kmh_bin)
    above = _speed_at(min(lower + 1, total - 1), counts_per_5kmh_bin)
    return below + share * (above - below)


def _rank(n: int, percent: int) -> tuple[int, float]:
    """Whole and broken part of p (n - 1), in whole numbers so that a rank that is whole stays whole."""
    lower, rest = divmod(percent * (n - 1), 100)
    return lower, rest / 100


def _speed_at(rank: int, counts: Sequence[int]) -> float:
    """The assumed speed of the vehicle of this rank, counted from 0 for the slowest."""
    for slot, count in enumerate(counts):
        if rank < count:
            return BIN_KMH * (slot + (rank + 0.5) / count)
        rank -= count
    raise IndexError("rank beyond the histogram")


def _known(speeds: Speeds) -> list[float]:
    known = [float(speed) for speed in speeds if speed is not None]
    for speed in known:
        if not 0 <= speed < math.inf:
            raise ValueError(f"{speed} km/h is no speed: strip the sign of direction first")
    return known


def _weighted(means: Sequence[float | None], counts: Sequence[int | None]) -> list[tuple[float, int]]:
    pairs = []
    for mean, count in zip(means, counts, strict=True):
        if mean is None or count is None:
            continue
        if not 0 <= mean < math.inf or count < 0:
            raise ValueError(f"{mean} km/h of {count} vehicles: neither may be below 0")
        pairs.append((float(mean), count))
    return pairs
