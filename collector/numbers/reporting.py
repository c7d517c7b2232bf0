"""What a station reports: its time zone, the standards of its indices, and the state that its gases are meant at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal
from zoneinfo import ZoneInfo

from measures.gases import CHINA_0C, CHINA_25C, EU_20C, ReferenceState

Standard = Literal["china", "china-2012", "china-2026", "us", "eu", "uk"]
GasState = Literal["25C", "20C", "0C"]
NAMES: Final = {"china": "HJ 633", "us": "US EPA AQI", "eu": "EEA EAQI", "uk": "UK DAQI"}
"""How each standard is called where its indices are stored; `china-2012` is the edition 2012 of HJ 633."""
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


_AS_CHINA: Final = Reporting(ZoneInfo("Asia/Shanghai"))


def reports_as_china(_: str) -> Reporting:
    """What a station reports when nobody says otherwise."""
    return _AS_CHINA


def is_of(standard: str, name: str, edition: str) -> bool:
    """Whether a stored index, by its standard's name and edition, is one of `standard`, such as china or china-2012."""
    base, _, wanted = standard.partition("-")
    return name == NAMES[base] and wanted in ("", edition)
