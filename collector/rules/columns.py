"""The columns a plan reads, made of a block's: flagged values left out, flags and words turned into numbers."""

from __future__ import annotations

import re
from typing import Any

from collector.rules.plan import Plan
from collector.rules.recent import Columns

FLAGS = "qc_code"
"""Column of `field:test` of each field that is not good; only the field that failed leaves its windows."""
_FAILED = re.compile(r"([a-z0-9_]+):")


def wanted(plan: Plan, columns: Columns) -> Columns:
    """The columns that the plan's windows read. Infinite values and flagged ones are None."""
    failed = _failed(columns.get(FLAGS))
    found: Columns = {}
    for name, spec in plan.columns.items():
        source = columns.get(spec.quantity)
        if source is None:
            continue
        bad = failed.get(spec.quantity, frozenset())
        if spec.stat == "suspect":
            found[name] = [None if v is None else 100.0 * (row in bad) for row, v in enumerate(source)]
        elif spec.words:
            found[name] = [None if v is None else float(v in spec.words) for v in source]
        elif bad:
            found[name] = [None if row in bad else v for row, v in enumerate(source)]
        else:
            found[name] = source
    return found


def _failed(flags: list[Any] | None) -> dict[str, frozenset[int]]:
    rows: dict[str, set[int]] = {}
    for row, text in enumerate(flags or ()):
        for field in _FAILED.findall(text) if text else ():
            rows.setdefault(field, set()).add(row)
    return {field: frozenset(found) for field, found in rows.items()}
