"""A station's longer past for its operators: a day's chart and a week's availability, hour by hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from collector.stores.store import Select, Store
from collector.web import chart

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
_TEN_MINUTES_MS: Final = 600_000
_MINUTE_MS: Final = 60_000
_PM25 = ("pm25_ugm3", "pm25_raw_ugm3")
_SIGN_OF_LIFE = {"air_quality": ("pm25_raw_ugm3", "no2_raw_ppb", "co2_ppm"), "traffic_flow": ("duration_s",)}


class Hour(NamedTuple):
    """One hour of the heat map: how many of its minutes have a reading, of those that are over; None in the future."""

    start_ms: int
    minutes: int | None
    quarter: int  # 0 none, 1 to 3 under three quarters in three steps, 4 enough


class Day(NamedTuple):
    """One row of the heat map."""

    label: str
    hours: list[Hour]


def day_chart(store: Store, node: str, now_ms: int, threshold: float | None) -> chart.Chart:
    """PM2.5 of every sensor over 24 h in ten-minute means. Raises StoreDown."""
    since_ms = (now_ms - DAY_MS) // _TEN_MINUTES_MS * _TEN_MINUTES_MS
    question = Select(
        "air_quality", _PM25, since_ms, now_ms, {"node": node}, ("sensor",), "mean", every_ms=_TEN_MINUTES_MS
    )
    series = []
    for one in store.select(question):
        column = 1 if any(row[1] is not None for row in one.rows) else 2
        series.append((one.tags["sensor"], [(row[0], row[column]) for row in one.rows if row[column] is not None]))
    return chart.lines(series, since_ms, now_ms, 2 * _TEN_MINUTES_MS, threshold)


def availability(store: Store, node: str, now_ms: int, zone: ZoneInfo, days: int = 7) -> list[Day]:
    """Minutes with any reading in each hour of the last days, by local days, today last. Raises StoreDown."""
    today = datetime.fromtimestamp(now_ms / 1000, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    midnight_ms = int(today.timestamp() * 1000)
    since_ms = midnight_ms - (days - 1) * DAY_MS
    alive: set[int] = set()
    for measurement, columns in _SIGN_OF_LIFE.items():
        question = Select(
            measurement, columns, since_ms, now_ms + 1, {"node": node}, ("node",), "count", every_ms=_MINUTE_MS
        )
        for series in store.select(question):
            alive.update(row[0] // _MINUTE_MS for row in series.rows)
    return [_day(since_ms + n * DAY_MS, alive, now_ms, zone) for n in range(days)]


def _day(start_ms: int, alive: set[int], now_ms: int, zone: ZoneInfo) -> Day:
    label = datetime.fromtimestamp(start_ms / 1000, zone).strftime("%m-%d")
    return Day(label, [_hour(start_ms + n * HOUR_MS, alive, now_ms) for n in range(24)])


def _hour(start_ms: int, alive: set[int], now_ms: int) -> Hour:
    over = min(60, max(0, -(-(now_ms - start_ms) // _MINUTE_MS)))
    if not over:
        return Hour(start_ms, None, 0)
    first = start_ms // _MINUTE_MS
    minutes = sum(minute in alive for minute in range(first, first + 60))
    share = minutes / over
    return Hour(start_ms, minutes, 4 if share >= 0.75 else min(3, int(share * 4) + 1) if minutes else 0)


def worst_threshold(thresholds: Sequence[float | None]) -> float | None:
    """The lowest of the thresholds that there are."""
    return min((one for one in thresholds if one is not None), default=None)
