"""A deed: what somebody did about alerts, or what came to its end by itself."""

from __future__ import annotations

from typing import NamedTuple


class Deed(NamedTuple):
    """One line of the audit trail."""

    at_ms: int
    who: str
    what: str
    about: str
    note: str = ""
