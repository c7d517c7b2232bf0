"""How like a real city the simulated one is: a year of it against the shipped data, measure by measure.

The tolerances are a promise that the year of seed 7 keeps, held by a test. Single years differ among themselves, real
ones too (the month means of Wanliu are one draw of its weather): seasons are compared as winter over summer, not month
by month, and another seed's year may miss one or two measures.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Final, NamedTuple

from simulator.city import real
from simulator.city.air import UGM3_OF_PPB
from simulator.city.city import UTC_OFFSET_H, City, Place
from simulator.city.shape import Hours, Shape, correlation, shape
from wire.times import HOUR_MS

AIR: Final = ("pm25_ugm3", "pm10_ugm3", "so2_ugm3", "no2_ugm3", "o3_ugm3", "co_mgm3", "temp_c", "wind_speed_ms")
PAIRS: Final = (
    ("pm25_ugm3", "pm10_ugm3"), ("pm25_ugm3", "no2_ugm3"), ("pm25_ugm3", "co_mgm3"), ("pm25_ugm3", "o3_ugm3"),
    ("pm25_ugm3", "wind_speed_ms"), ("pm25_ugm3", "rh_pct"), ("no2_ugm3", "o3_ugm3"), ("no2_ugm3", "co_mgm3"),
    ("no2_ugm3", "wind_speed_ms"), ("o3_ugm3", "temp_c"), ("o3_ugm3", "wind_speed_ms"), ("temp_c", "press_hpa"),
    ("so2_ugm3", "temp_c"),
)  # fmt: skip
MEAN, SPREAD, HOUR, SEASON, R, WEEK, KERB_R, SUNDAY = 1.3, 1.6, 0.35, 1.8, 0.3, 0.08, 0.7, 1.7
YEAR_HOURS = 8760


class Check(NamedTuple):
    """One comparison: what, the city's figure, the real one, the tolerance in words, and whether it is kept."""

    what: str
    city: float
    real: float
    tolerance: str
    kept: bool


class Likeness(NamedTuple):
    """A year of the city (over the roofs and at the kerb), the real series, and every check."""

    roofs: Hours
    kerb: Hours
    checks: list[Check]


def year(city: City, place: str, first: datetime, samples: int) -> Hours:
    """Hourly means of everything before one lamppost, of so many samples each, from local midnight of `first` on."""
    start_ms = round(first.replace(tzinfo=timezone(timedelta(hours=UTC_OFFSET_H))).timestamp() * 1000)
    columns: dict[str, list[float | None]] = {}
    for hour in range(YEAR_HOURS):
        parts = range(HOUR_MS // samples // 2, HOUR_MS, HOUR_MS // samples)
        times = [start_ms + hour * HOUR_MS + part for part in parts]
        worlds = [city.world(place, time) | {"busy": city.traffic(place).activity(time)} for time in times]
        for name in worlds[0]:
            columns.setdefault(name, []).append(sum(world[name] for world in worlds) / len(worlds))
    no, no2 = columns["no_ugm3"], columns["no2_ugm3"]
    columns["nox_ppb"] = [
        (a or 0) / UGM3_OF_PPB["no"] + (b or 0) / UGM3_OF_PPB["no2"] for a, b in zip(no, no2, strict=True)
    ]
    return Hours(first, columns)


def compare(seed: int) -> Likeness:
    """A year of a seed against Beijing (roofs), I-94 (traffic) and London (kerb)."""
    city = City(seed, places=(Place("roofs", 400, 0.0), Place("kerb", 1000, 0.9)))
    roofs, kerb = (year(city, place, datetime(2026, 1, 1), n) for place, n in (("roofs", 2), ("kerb", 1)))
    checks = (
        _against_beijing(roofs, real.beijing()) + _against_i94(roofs, real.i94()) + _against_london(kerb, real.london())
    )
    return Likeness(roofs, kerb, checks)


def _against_beijing(city: Hours, truth: Hours) -> list[Check]:
    found = []
    for name in AIR:
        ours, theirs = shape(city, name), shape(truth, name)
        found += [
            _factor(f"{name}: mean", ours.mean, theirs.mean, MEAN),
            _factor(f"{name}: standard deviation", ours.spread, theirs.spread, SPREAD),
            _within(
                f"{name}: largest difference of the hours' profile", _apart(ours.by_hour, theirs.by_hour), 0.0, HOUR
            ),
        ]
        if name != "temp_c":  # around 0 °C a ratio says nothing
            found.append(_factor(f"{name}: winter over summer", _seasons(ours), _seasons(theirs), SEASON))
    for one, other in PAIRS:
        ours_r, theirs_r = (correlation(hours.columns[one], hours.columns[other]) for hours in (city, truth))
        found.append(_within(f"correlation of {one} and {other}", ours_r, theirs_r, R))
    return found


def _against_i94(city: Hours, truth: Hours) -> list[Check]:
    ours, theirs = shape(city, "busy"), shape(truth, "traffic_volume_veh_h")
    return [
        _within(
            f"traffic: largest difference of the {name}' profile",
            _apart(getattr(ours, of), getattr(theirs, of)),
            0.0,
            by,
        )
        for name, of, by in (
            ("hours", "by_hour", WEEK),
            ("weekdays", "by_weekday", WEEK),
            ("months", "by_month", 2 * WEEK),
        )
    ]


def _against_london(city: Hours, truth: Hours) -> list[Check]:
    found = []
    for name, theirs_name in (("nox_ppb", "nox_ppb"), ("no2_ugm3", "no2_ppb"), ("o3_ugm3", "o3_ppb")):
        ours, theirs = shape(city, name), shape(truth, theirs_name)
        r = correlation(ours.by_hour, theirs.by_hour)
        found.append(
            Check(f"kerb, {name}: correlation of the hours' profile", r, 1.0, f"at least {KERB_R}", r >= KERB_R)
        )
        found.append(_factor(f"kerb, {name}: Sunday over Wednesday", _sunday(ours), _sunday(theirs), SUNDAY))
    for one, other in (("nox_ppb", "no2_ugm3"), ("nox_ppb", "o3_ugm3")):
        ours_r = correlation(city.columns[one], city.columns[other])
        theirs_r = correlation(truth.columns[one], truth.columns[other.replace("_ugm3", "_ppb")])
        found.append(_within(f"kerb: correlation of {one} and {other}", ours_r, theirs_r, R))
    return found


def _apart(ours: tuple[float, ...], theirs: tuple[float, ...]) -> float:
    return max(abs(a - b) for a, b in zip(ours, theirs, strict=True))


def _seasons(of: Shape) -> float:
    """December to February over June to August."""
    months = of.by_month
    return (months[11] + months[0] + months[1]) / (months[5] + months[6] + months[7])


def _sunday(of: Shape) -> float:
    return of.by_weekday[6] / of.by_weekday[2]


def _factor(what: str, ours: float, theirs: float, factor: float) -> Check:
    return Check(what, ours, theirs, f"within a factor of {factor}", theirs / factor <= ours <= theirs * factor)


def _within(what: str, ours: float, theirs: float, by: float) -> Check:
    return Check(what, ours, theirs, f"within {by}", abs(ours - theirs) <= by)
