"""What the value of a window can be: a rule whose limit lies beyond it watches for nothing. Pure."""

from __future__ import annotations

import math
from typing import Final

from collector.rules.rule import Spec
from collector.rules.words import Limit, number
from wire.quantities import QUANTITIES, Quantity

_SHARES: Final = ("completeness",)
_SAME_SPAN: Final = ("_mean", "_min", "_max")
"""Of a rolled up quantity, what lies where its readings lie."""
_OF_OTHER_SPAN: Final = ("sum", "count", "range", "change", "suspect")


def never_met(spec: Spec, limit: Limit) -> str | None:
    """What the window's value can be, in words, where the limit lies beyond it; None where it can be met."""
    least, most = _span(spec, percent=limit.percent)
    end = most if limit.above else least
    if math.isinf(end) or limit.met(end):
        return None
    unit = _unit(spec, percent=limit.percent)
    what = f"the {spec.stat} of {spec.quantity}" if spec.stat in _OF_OTHER_SPAN else spec.quantity
    to = f"{unit} or more" if math.isinf(most) else f" to {number(most)}{unit}"
    return f"{what} is {number(least)}{to}"


def _span(spec: Spec, *, percent: bool) -> tuple[float, float]:
    """The least and the largest value. What lies outside a quantity's own span is failed, and no rule sees it."""
    if spec.stat == "suspect":
        return 0, 100
    least, most = _of_field(spec.quantity)
    if spec.stat in ("count", "sum"):
        least, most = 0 if least >= 0 or spec.stat == "count" else -math.inf, math.inf
    elif spec.stat == "range":
        return 0, most - least
    if spec.versus and percent:
        return -100 if least >= 0 else -math.inf, math.inf
    return (least - most, most - least) if spec.versus or spec.stat == "change" else (least, most)


def _of_field(field: str) -> tuple[float, float]:
    quantity = _quantity(field)
    if quantity is not None:
        return quantity.low, quantity.high
    return 0, 1 if field in _SHARES else math.inf


def _quantity(field: str) -> Quantity | None:
    """The quantity whose value a field holds; None of counts and sums, and of an index."""
    name, _, stat = field.rpartition("_")
    return QUANTITIES.get(field) or (QUANTITIES.get(name) if f"_{stat}" in _SAME_SPAN else None)


def _unit(spec: Spec, *, percent: bool) -> str:
    quantity = _quantity(spec.quantity)
    if percent or spec.stat == "suspect":
        return " %"
    return f" {quantity.unit}" if quantity is not None and quantity.unit != "1" else ""
