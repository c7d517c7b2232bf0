"""One language on a page: its texts, and how numbers, ages and times of day are written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from collector.numbers.calibration import Record
from collector.rules.words import reading
from collector.stations.station_query import IndexRow
from collector.web.levels import called
from collector.web.texts import PUBLIC
from collector.web.texts_ops import OPS
from collector.zones import day_and_clock
from wire.quantities import QUANTITIES
from wire.times import DAY_MS

Language = Literal["zh", "en"]

TEXTS: Final = PUBLIC | OPS
"""Every text of the pages, (Chinese, English) by key."""


class Words:
    """One language in one time zone, as templates use it: `w("notice")`, `w.age(ms)`, `w.number(37.2)`."""

    def __init__(self, language: Language, time_zone: str, now_ms: Callable[[], int]) -> None:
        self.language: Language = language
        self.zone = ZoneInfo(time_zone)
        self._now_ms = now_ms

    def __call__(self, key: str, **parts: object) -> str:
        """The text of `key`; KeyError when nobody wrote it."""
        text = TEXTS[key][self.language == "en"]
        return text.format(**parts) if parts else text

    def at(self, zone: ZoneInfo) -> Words:
        """The same language by another clock."""
        return Words(self.language, zone.key, self._now_ms)

    def pick(self, zh: str, en: str) -> str:
        return zh if self.language == "zh" else en

    def known(self, word: str) -> str:
        """A word of the field (a severity, a clock state) in this language, or the word itself."""
        return self(word) if word in TEXTS else word

    def deed(self, what: str) -> str:
        """What somebody did: in English as the trail and `lamppost trail` name it, in Chinese where there are words."""
        keys = (f"did_{what}", f"change_{what}", what.replace("ask ", "ask_"))
        return what if self.language == "en" else next((self(key) for key in keys if key in TEXTS), what)

    def age(self, time_ms: int) -> str:
        """How long ago, in the largest unit that is at least one."""
        seconds = max(0, self._now_ms() - time_ms) // 1000
        for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
            if seconds >= size:
                return self(f"ago_{unit}", n=seconds // size)
        return self("ago_s", n=seconds)

    def clock(self, time_ms: float, seconds: bool = False) -> str:
        return self._local(time_ms).strftime("%H:%M:%S" if seconds else "%H:%M")

    def moment(self, time_ms: float) -> str:
        return self._local(time_ms).strftime("%Y-%m-%d %H:%M:%S")

    def day_and_clock(self, time_ms: float) -> str:
        return day_and_clock(time_ms, self.zone)

    def stamp(self, time_ms: float, every_ms: int) -> str:
        """The start of a window: its day, and its time of day where windows are shorter than that."""
        return self._local(time_ms).strftime("%Y-%m-%d") if every_ms >= DAY_MS else self.day_and_clock(time_ms)

    def iso(self, time_ms: float) -> str:
        return self._local(time_ms).isoformat(timespec="seconds")

    def number(self, value: float | None, decimals: int = 0) -> str:
        """A value without false precision; a dash where there is none. Zero is a value."""
        return "–" if value is None else f"{value:z.{decimals}f}"

    def particles(self, value: float | None) -> str:
        """A concentration of particles: clean humid air is corrected to below zero, which is kept but not shown."""
        return self.number(None if value is None else max(value, 0.0))

    def category(self, row: IndexRow) -> str:
        """The word of a stored index's level."""
        return self.pick(*called(row.standard, row.level, row.category))

    def reading(self, value: float) -> str:
        """A value beside a limit, of any quantity: what tells 3.6 from 4, and 75.4 from 75, stays."""
        return reading(value)

    def quantity(self, name: str) -> str:
        """What a quantity is called."""
        return self.pick(QUANTITIES[name].zh, QUANTITIES[name].en)

    def known_quantity(self, name: str) -> str:
        """What a quantity is called, or another figure of a device, or the name itself."""
        return self.quantity(name) if name in QUANTITIES else self.known(name)

    def sized(self, name: str, value: float) -> str:
        """A vital with its unit, bytes in the unit that people speak of."""
        unit = QUANTITIES[name].unit if name in QUANTITIES else "B" if name.endswith("_bytes") else ""
        if unit == "B":
            for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
                if value >= size:
                    return f"{value / size:.1f} {unit}"
        text = f"{value:.0f}" if value == round(value) else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
        return text if unit in ("", "1") else f"{text} {unit}"

    def local_input(self, time_ms: float) -> str:
        """A time as a browser's field for times wants it."""
        return self._local(time_ms).strftime("%Y-%m-%dT%H:%M")

    def formula(self, record: Record) -> str:
        """How a calibration makes a corrected value."""
        if record.formula != "linear":
            return record.formula
        return f"{record.slope:g} × {self('raw')} {'+' if record.offset >= 0 else '−'} {abs(record.offset):g}"

    def path(self, path: str) -> str:
        """The address of a page in this language."""
        return path if self.language == "zh" else "/en" + path

    def _local(self, time_ms: float) -> datetime:
        return datetime.fromtimestamp(time_ms / 1000, self.zone)
