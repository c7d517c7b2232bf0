"""What a station's air is judged to be now, by the standard that the station is known by. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from datetime import date

from collector.numbers.index_china import edition_day
from collector.numbers.reporting import Reporting, is_of
from collector.stations.station_query import IndexRow
from collector.web.levels import Judgement, of_index, stored
from measures import china_aqi
from measures.index import Concentration, NotInStandard
from wire.times import HOUR_MS

INDEX_AGE_MS = 3 * HOUR_MS  # an older index says nothing of now


def judged(
    means_ugm3: Mapping[str, float],
    told: Sequence[IndexRow],
    measured: Collection[tuple[str, str, str]],
    reports: Reporting,
    now_ms: int,
) -> Judgement | None:
    """Of the running 60 minutes' means by pollutant (`PM2.5`, `PM10`), and the newest stored hour of each sensor.

    What was `measured` within a day (standard, edition, pollutant) is measured here. None where nothing can be said, or
    too little.
    HJ 633 makes one index of all pollutants of a station, whichever sensors measure them; particles are judged by the
    running 60 minutes where its edition judges hours. Of other standards, which average longer, the index of the
    newest hour is told, of the worst sensor.
    """
    first = reports.standards[0]
    own = [row for row in told if is_of(first, row.standard, row.edition)]
    newest_ms = max((row.time_ms for row in own), default=0)
    since_ms = max(newest_ms - HOUR_MS, now_ms - INDEX_AGE_MS)  # not all hours are stored at the same moment
    now = [row for row in own if row.time_ms >= since_ms]
    if first.startswith("china"):
        on = edition_day(first, reports, now_ms)
        here = {pollutant for standard, edition, pollutant in measured if is_of(first, standard, edition)}
        return _china(_live(means_ugm3, on), here, now, on)
    there = [row for row in now if row.value is not None]
    last_ms = max((row.time_ms for row in there), default=0)
    found = [one for row in there if row.time_ms == last_ms and (one := stored(row)) is not None]
    return max(found, key=lambda one: one.number, default=None)


def _live(means_ugm3: Mapping[str, float], on: date) -> dict[str, tuple[int, str]]:
    """Sub-index and standard of what the edition in force judges by the hour; codes such as -999 are judged by none."""
    found = {}
    for pollutant, mean in means_ugm3.items():
        try:
            index = china_aqi.sub_index(Concentration(pollutant, "1h", mean, "ug/m3"), on)
        except (NotInStandard, ValueError):
            continue
        if index is not None:
            found[pollutant] = index.value, f"{index.standard}-{index.edition}"
    return found


def _china(live: Mapping[str, tuple[int, str]], here: Set[str], now: Sequence[IndexRow], on: date) -> Judgement | None:
    """The largest sub-index of all sensors, if it is published: one that is measured here may be missing."""
    parts: dict[str, tuple[int, str, int | None]] = {}
    for row in now:
        name = f"{row.standard}-{row.edition}"
        for pollutant, value in row.pollutants.items():
            parts[pollutant] = max(parts.get(pollutant, (-1, "", None)), (value, name, row.time_ms))
    parts |= {pollutant: (value, name, None) for pollutant, (value, name) in live.items()}
    if not parts:
        return None
    number = max(value for value, _, _ in parts.values())
    if not china_aqi.is_published(number, bool(here - parts.keys()), on):
        return None
    tops = {pollutant: part for pollutant, part in parts.items() if part[0] == number}
    hours = [hour_ms for _, _, hour_ms in tops.values()]
    _, standard, _ = next(iter(tops.values()))
    hour_ms = None if None in hours else max(hour for hour in hours if hour is not None)
    return Judgement(number, of_index(number), tuple(tops), standard, hour_ms)
