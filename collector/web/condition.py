"""In what condition a station is: several facts may hold at once; each has a word, a sign and a colour of its own."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

from collector.web.readings import STALE_MS, View


class Condition(NamedTuple):
    """One fact: `word` is the key of its text, `tone` the colour, `sign` an outline in a box from -8 to 8."""

    word: str
    tone: str
    sign: str


LIVE: Final = Condition("live", "live", "M-3.5 0.5L-1 3L4 -3")
_ALL: Final = {
    one.word: one
    for one in (
        LIVE,
        Condition("retired", "none", "M-5 -5H5V5H-5ZM-5 0H5"),
        Condition("none", "none", "M-5 0H5"),
        Condition("stale", "stale", "M0 -6A6 6 0 1 1 0 6A6 6 0 1 1 0 -6M0 -3V0L2.5 2"),
        Condition("sensor_fault", "fault", "M0 -7L7 6H-7ZM0 -2V2M0 4.2v0"),
        Condition("offline", "off", "M-5 -5L5 5M5 -5L-5 5"),
        Condition("out_of_range", "range", "M-6 5H6M0 3V-6M-3 -3L0 -6L3 -3"),
        Condition("warming_up", "warming", "M0 6C-5 2 -2 0 -2 -6C2 -4 5 0 0 6"),
        Condition("clock_unsynced", "unsynced", "M0 -6A6 6 0 1 1 0 6A6 6 0 1 1 0 -6M0 -3V0H3M-6 6L6 -6"),
        Condition("silenced", "quiet", "M-5 -2H-2L2 -5V5L-2 2H-5ZM4 -3L8 3M8 -3L4 3"),
    )
}


def conditions(view: View, warm_up_s: float, silenced: bool, retired: bool) -> list[Condition]:
    """What is to say of a station, the most serious first; LIVE alone when all is well.

    Link and data are two facts: a station that is online and says nothing has a sensor fault, not a bad link.
    """
    station, told = view.station, []
    if retired:
        return [_ALL["retired"]]
    up_ms = None if station.since_ms is None else view.now_ms - station.since_ms
    warming = station.online is True and up_ms is not None and up_ms < 1000 * warm_up_s
    if station.online is False:
        told.append("offline")
    if view.freshness != "live":
        if warming:
            told.append("warming_up")
        elif station.online and view.freshness == "stale" and not view.recalled and (up_ms is None or up_ms > STALE_MS):
            told.append("sensor_fault")
        told.append(view.freshness)
    if view.out_of_range:
        told.append("out_of_range")
    if station.clock not in (None, "synced"):
        told.append("clock_unsynced")
    if silenced:
        told.append("silenced")
    order: Collection[str] = told or ("live",)
    return [_ALL[word] for word in order]
