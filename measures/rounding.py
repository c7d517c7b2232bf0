"""Exact numbers and the four ways in which standards round them.

Breakpoints are decimals; binary floats miss them (CO 2.2 mg/m³ gives IAQI 55 exactly, a float's ceiling says 56). A
float is therefore read as its shortest decimal text, 2.2 and not 2.20000000000000017763568394002504646778106689453125,
and everything up to the final rounding is a fraction.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

Number = int | float | Decimal | Fraction


def exact(value: Number) -> Fraction:
    """The fraction that a number's decimal text stands for. Raises ValueError for NaN, infinity and truth values."""
    if isinstance(value, bool):
        raise ValueError(f"{value} is a truth value, not a number")
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is not a finite number")
        return Fraction(Decimal(repr(value)))
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError(f"{value} is not a finite number")
    return Fraction(value)


def half_even(value: Number, decimals: int = 0) -> Decimal:
    """Round once, halves to the even neighbour (GB/T 8170-2008 clause 3.2). The result shows `decimals` digits."""
    return _scaled_back(round(_scaled(value, decimals)), decimals)


def half_up(value: Number, decimals: int = 0) -> Decimal:
    """Round, halves upwards: the US AQI (EPA-454/B-24-002) and the nearest integer of band tables."""
    return _scaled_back(math.floor(_scaled(value, decimals) + Fraction(1, 2)), decimals)


def truncated(value: Number, decimals: int) -> Decimal:
    """Drop further digits, as the US AQI does with concentrations (40 CFR 58 App. G)."""
    return _scaled_back(math.trunc(_scaled(value, decimals)), decimals)


def upward(value: Number) -> int:
    """The next integer at or above: China's IAQI and AQI (HJ 633-2026 4.2 and 4.3; HJ 633-2012)."""
    return math.ceil(exact(value))


def _scaled(value: Number, decimals: int) -> Fraction:
    return exact(value) * Fraction(10) ** decimals


def _scaled_back(whole: int, decimals: int) -> Decimal:
    """`whole` in units of the last digit, built from its digits: arithmetic would be cut at the context's 28."""
    if decimals < 0:
        whole, decimals = whole * 10**-decimals, 0
    return Decimal((int(whole < 0), tuple(map(int, str(abs(whole)))), -decimals))
