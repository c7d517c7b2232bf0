"""What a station reports: its time zone, the standards of its indices, and the state that its gases are meant at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal
from zoneinfo import ZoneInfo

from measures.gases import CHINA_0C, CHINA_25C, EU_20C, ReferenceState

Standard = Literal["china", "china-2012", "china-2026", "us", "eu", "uk"]
GasState = Literal["25C", "20C", "0C"]
STATES: Final[dict[str, ReferenceState]] = {"25C": CHINA_25C, "20C": EU_20C, "0C": CHINA_0C}


@dataclass(frozen=True, slots=True)
class Reporting:
    """The first of `standards` is the one the station is known by; `china` is the edition in force on the day."""

    zone: ZoneInfo
    standards: tuple[Standard, ...] = ("china",)
    gas_state: GasState = "25C"

    @property
    def state(self) -> ReferenceState:
        """Temperature and pressure of the stored µg/m³ of gases."""
        return STATES[self.gas_state]


ReportingOf = Callable[[str], Reporting]
"""What the station of a node reports."""
