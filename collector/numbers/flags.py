"""The text beside `qc`: which field did not pass which test.

    pm10_raw_ugm3:range                    failed: this value leaves its windows
    pm25_raw_ugm3:spike?,o3_raw_ppb:flat?  suspect: kept everywhere, and marked

Who fails or is suspect is the raw field; the value derived from it shares its fate.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from wire.quantities import DERIVED

COLUMN: Final = "qc_code"
_PART = re.compile(r"([a-z0-9_]+):[a-z_]+(\?)?")


@lru_cache(4096)
def failed(text: str) -> frozenset[str]:
    """The fields that failed, derived twins included."""
    return _with_twins(field for field, suspect in _PART.findall(text) if not suspect)


@lru_cache(4096)
def marked(text: str) -> frozenset[str]:
    """The fields that failed or are suspect, derived twins included."""
    return _with_twins(field for field, _ in _PART.findall(text))


def rows_of(texts: list[Any] | None, fields_of: Any = failed) -> dict[str, set[int]]:
    """Field to the rows in which `fields_of` names it; a column without texts costs one pass."""
    rows: dict[str, set[int]] = {}
    if texts is not None and any(texts):
        for row, text in enumerate(texts):
            for field in fields_of(text) if text else ():
                rows.setdefault(field, set()).add(row)
    return rows


def _with_twins(fields: Any) -> frozenset[str]:
    found = set(fields)
    return frozenset(found | {DERIVED[field].name for field in found if field in DERIVED})
