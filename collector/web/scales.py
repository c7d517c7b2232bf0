"""The scale of a standard as legend and explanation show it: each level with the numbers that it reaches over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from typing import Final, NamedTuple

from collector.numbers.reporting import NAMES, Standard
from collector.web.level_words import WORDS
from collector.web.levels import LEVELS, Level, of_standard
from measures import china_aqi, eu_aqi, uk_daqi, us_aqi
from measures.index import Scale as Edition

_PM: Final = ("PM2.5", "PM10")
_MODULES: Final = {"us": us_aqi, "eu": eu_aqi, "uk": uk_daqi}
_AVERAGING: Final = {"china": "24h", "us": "24h", "eu": "1h", "uk": "24h"}
"""The column of particles that a standard's table has; HJ 633-2026 and NowCast read hours off the daily one."""


class Step(NamedTuple):
    """A level as the explanation shows it: `values` of the index, first and last, and the particles they stand for."""

    level: Level
    values: str
    ugm3: tuple[tuple[str, str], ...]


class Scale(NamedTuple):
    """A standard's levels. `running`: markers tell the 60 minutes that end now. Levels of one word are one step."""

    standard: str
    name: str
    running: bool
    steps: tuple[Step, ...]

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels alone, as a legend shows them."""
        return tuple(step.level for step in self.steps)


@lru_cache(32)
def scale_of(standard: Standard, on: date) -> Scale:
    """The scale that a station is known by, in the edition of a day."""
    base = standard.partition("-")[0]
    edition: Edition = china_aqi.scale(on) if base == "china" else _MODULES[base].SCALE
    name = f"{NAMES[base]}{'-' if base == 'china' else ' '}{edition.edition}"
    running = edition is china_aqi.HJ_633_2026
    levels = LEVELS if base == "china" else [of_standard(NAMES[base], n + 1) for n in range(len(WORDS[NAMES[base]][1]))]
    tops = {pollutant: _tops(base, pollutant, on) for pollutant in _PM}
    ends = [band.top for band in edition.bands]
    steps = []
    for _, same in groupby(range(len(levels)), key=lambda n: levels[n].word_en):
        numbers = list(same)
        first, last = numbers[0], numbers[-1]
        mark = levels[first].mark if first == last else f"{levels[first].mark}–{levels[last].mark}"
        reach = tuple((pollutant, _between(tops[pollutant], first, last)) for pollutant in _PM)
        shown = levels[first]._replace(mark=mark, palette=levels[first].palette.partition(" ")[0])
        steps.append(Step(shown, _values(base, ends, first, last), reach))
    return Scale(base, name, running, tuple(steps))


def _tops(base: str, pollutant: str, on: date) -> Sequence[Decimal]:
    averaging = _AVERAGING[base]
    tops = china_aqi.level_tops(pollutant, averaging, on) if base == "china" else None
    return [Decimal(top) for top in tops or _MODULES[base].level_tops(pollutant, averaging)]


def _values(base: str, ends: Sequence[int | None], first: int, last: int) -> str:
    """Values of the index; nothing where the value is the level's own number."""
    if base in ("eu", "uk"):
        return ""
    low = 0 if first == 0 else (ends[first - 1] or 0) + 1
    return f"{low}+" if ends[last] is None else f"{low}–{ends[last]}"


def _between(tops: Sequence[Decimal], first: int, last: int) -> str:
    """From just above the top of the level before to the top of the last one; tables leave one digit between rows."""
    step = Decimal(1).scaleb(-max(len(str(top).partition(".")[2]) for top in tops))
    if last >= len(tops):
        return f"> {tops[first - 1]}"
    low = 0 * step if first == 0 else tops[first - 1] + step
    return f"{low}–{tops[last]}"
