"""QARTOD quality tests (IOOS): flags, never deletions. Real fireworks and still nights look like faults.

Each test takes a series, None where a value is missing, and gives one flag a value. Thresholds are compared exactly:
floats as their shortest decimal text, so 0.3 - 0.1 does not exceed 0.2. Semantics are those of IOOS' ioos_qc 3; manual:
QARTOD Manual for Real-Time Quality Control of In-situ Temperature and Salinity Data, tests 4, 6, 7 and 8.

A flat line at an instrument's floor is no fault: SO2 reads 2 µg/m³ for 147 hours, ozone 1 ppb for 18. Give the
detection limit, and values at or below it are never called flat.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from fractions import Fraction
from typing import Final

from measures.rounding import Number, exact

Values = Sequence[Number | None]
Span = tuple[Number, Number]


class Flag(IntEnum):
    """QARTOD's primary flags."""

    PASS = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    FAIL = 4
    MISSING = 9


_PRECEDENCE: Final = (Flag.MISSING, Flag.NOT_EVALUATED, Flag.PASS, Flag.SUSPECT, Flag.FAIL)


def gross_range(values: Values, fail_span: Span, suspect_span: Span | None = None) -> list[Flag]:
    """FAIL outside what the sensor can read, SUSPECT outside what the operator expects (QARTOD test 4); ends pass."""
    return [_in_spans(value, fail_span, suspect_span) for value in values]


def spike(values: Values, suspect_above: Number | None, fail_above: Number | None = None) -> list[Flag]:
    """How far a value lies from the middle of its two neighbours (QARTOD test 6: |v[n-1] - (v[n] + v[n-2])/2|).

    First and last, and a value beside a gap, are NOT_EVALUATED.
    """
    numbers = _exact(values)
    flags = [Flag.MISSING if number is None else Flag.NOT_EVALUATED for number in numbers]
    for n in range(1, len(numbers) - 1):
        before, value, after = numbers[n - 1 : n + 2]
        if before is not None and value is not None and after is not None:
            flags[n] = _beyond(abs(value - (before + after) / 2), suspect_above, fail_above)
    return flags


def rate_of_change(
    values: Values, times_s: Sequence[Number], suspect_per_s: Number | None, fail_per_s: Number | None = None
) -> list[Flag]:
    """Change since the previous value over the time between them (QARTOD test 7: |Δv|/Δt), flagged on the later one.

    The first value and one behind a gap pass. Raises ValueError for times that do not rise.
    """
    numbers, times = _exact(values), [exact(time) for time in times_s]
    flags = [Flag.MISSING if number is None else Flag.PASS for number in numbers]
    for n in range(1, len(numbers)):
        before, value, step = numbers[n - 1], numbers[n], times[n] - times[n - 1]
        if step <= 0:
            raise ValueError(f"the time {times_s[n]} s at position {n} is not after the one before")
        if before is not None and value is not None:
            flags[n] = _beyond(abs(value - before) / step, suspect_per_s, fail_per_s)
    return flags


def flat_line(
    values: Values,
    step_s: Number,
    suspect_after_s: Number,
    fail_after_s: Number,
    tolerance: Number,
    detection_limit: Number | None = None,
) -> list[Flag]:
    """Values whose range over the last floor(T/step) + 1 samples is below `tolerance` (QARTOD test 8).

    Missing samples leave the range to the others, of which there must be two: one value after an outage is no line. A
    value at or below `detection_limit` passes: instruments rest there for days. Raises ValueError for a step not
    above 0.
    """
    if not step_s > 0:
        raise ValueError(f"a step of {step_s} s")
    numbers, allowed = _exact(values), exact(tolerance)
    floor = None if detection_limit is None else exact(detection_limit)
    flags = [Flag.MISSING if number is None else Flag.PASS for number in numbers]
    for after_s, flag in ((suspect_after_s, Flag.SUSPECT), (fail_after_s, Flag.FAIL)):
        window = int(exact(after_s) / exact(step_s)) + 1
        for n in range(window - 1, len(numbers)):
            value = numbers[n]
            if value is None or (floor is not None and value <= floor):
                continue
            if _is_flat(numbers[n - window + 1 : n + 1], allowed):
                flags[n] = flag
    return flags


def aggregate(flag_vectors: Sequence[Sequence[int]]) -> list[Flag]:
    """One flag a value from those of several tests, equally long: FAIL over SUSPECT over PASS over NOT_EVALUATED.

    MISSING only where every test says so (ioos_qc 3, qartod_compare). Raises ValueError for unequal lengths or a
    number that is no flag.
    """
    return [max(map(Flag, flags), key=_PRECEDENCE.index) for flags in zip(*flag_vectors, strict=True)]


def _in_spans(value: Number | None, fail_span: Span, suspect_span: Span | None) -> Flag:
    if value is None:
        return Flag.MISSING
    if not fail_span[0] <= value <= fail_span[1]:
        return Flag.FAIL
    if suspect_span is not None and not suspect_span[0] <= value <= suspect_span[1]:
        return Flag.SUSPECT
    return Flag.PASS


def _beyond(size: Fraction, suspect_above: Number | None, fail_above: Number | None) -> Flag:
    if fail_above is not None and size > exact(fail_above):
        return Flag.FAIL
    if suspect_above is not None and size > exact(suspect_above):
        return Flag.SUSPECT
    return Flag.PASS


def _is_flat(window: Sequence[Fraction | None], allowed: Fraction) -> bool:
    there = [number for number in window if number is not None]
    return len(there) > 1 and max(there) - min(there) < allowed


def _exact(values: Values) -> list[Fraction | None]:
    return [None if value is None else exact(value) for value in values]
