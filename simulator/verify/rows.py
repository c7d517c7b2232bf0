"""One reading as it was meant beside the row that is stored: what, if anything, is wrong with it. Pure."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

from wire.quantities import QUANTITIES

TOLERANCE: Final = 1e-6
FACTORS: Final = {
    1000.0: "a thousandfold", 0.001: "a thousandth", 3.6: "km/h for m/s", 1 / 3.6: "m/s for km/h",
    1.609344: "km/h for mph", 1 / 1.609344: "mph for km/h", 100.0: "a hundredfold", 0.01: "a hundredth",
    10.0: "tenfold", 0.1: "a tenth",
}  # fmt: skip
FAIL: Final = 4


class Wrong(NamedTuple):
    """What is wrong: value, unit, clock or flags, and what stands where."""

    what: str
    text: str


def compare(values: dict[str, Any], cq: int, row: dict[str, Any]) -> Wrong | None:
    """None when the row is what was meant. `row` holds the stored fields, with `cq` and `qc`."""
    for name, meant in values.items():
        if not _equal(meant, row.get(name)):
            return _wrong_value(name, meant, row.get(name))
    if row.get("cq") != cq:
        return Wrong("clock", f"cq is {row.get('cq')}, {cq} was due")
    impossible = any(not _possible(name, value) for name, value in values.items())
    if row.get("qc") is None or impossible != (row.get("qc") == FAIL):
        return Wrong("flags", f"qc is {row.get('qc')} for values that {'cannot' if impossible else 'can'} be")
    return None


def same_values(values: dict[str, Any], row: dict[str, Any]) -> bool:
    """True when every value that was meant stands there."""
    return all(_equal(meant, row.get(name)) for name, meant in values.items())


def _equal(meant: Any, stored: Any) -> bool:
    if meant is None or stored is None:
        return meant is stored
    return math.isclose(meant, stored, rel_tol=TOLERANCE, abs_tol=1e-9)


def _wrong_value(name: str, meant: Any, stored: Any) -> Wrong:
    if stored is None or meant is None or not meant:
        return Wrong("value", f"{name} is {stored}, {meant} was meant")
    for factor, words in FACTORS.items():
        if math.isclose(stored, meant * factor, rel_tol=1e-4):
            return Wrong("unit", f"{name} is {stored}, {meant} was meant: {words}")
    return Wrong("value", f"{name} is {stored}, {meant} was meant")


def _possible(name: str, value: float | None) -> bool:
    quantity = QUANTITIES.get(name)
    return quantity is None or value is None or quantity.low <= value <= quantity.high
