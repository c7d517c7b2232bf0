"""The columns a plan reads, made of a block's: failed values left out, flags and words turned into numbers."""

from __future__ import annotations

from collector.numbers import flags
from collector.numbers.cells import is_full
from collector.numbers.indices import NA
from collector.rules.plan import Plan
from collector.rules.recent import Columns


def wanted(plan: Plan, columns: Columns) -> Columns:
    """The columns that the plan's windows read. Infinite and failed values and NA are None; suspect values stay."""
    texts = columns.get(flags.COLUMN)
    failed = flags.rows_of(texts)
    marked = flags.rows_of(texts, flags.marked)
    found: Columns = {}
    for name, spec in plan.columns.items():
        source = columns.get(spec.quantity)
        if source is None:
            continue
        bad = failed.get(spec.quantity, ())
        if spec.stat == "suspect":
            doubted = marked.get(spec.quantity)
            if doubted is None and is_full(source):
                found[name] = [0.0] * len(source)
            else:
                found[name] = [None if v is None else 100.0 * (row in (doubted or ())) for row, v in enumerate(source)]
        elif spec.words:
            found[name] = [None if v in (None, NA) else float(v in spec.words) for v in source]
        elif bad:
            found[name] = [None if row in bad else v for row, v in enumerate(source)]
        else:
            found[name] = source
    return found
