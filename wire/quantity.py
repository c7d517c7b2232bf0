"""One name of the closed list: what it means, in which unit, and what it can be."""

from __future__ import annotations

from typing import NamedTuple


class Quantity(NamedTuple):
    """One name. `low` and `high` bound what can physically be; a value outside is flagged, never refused."""

    name: str
    kind: str
    whole: bool
    unit: str
    ucum: str
    low: float
    high: float
    zh: str
    en: str
    fiware: str | None = None
    senml: str | None = None
    raw: str | None = None  # the twin that an agent sends instead
