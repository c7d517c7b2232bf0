"""How much of a station's week was there, hour by hour, for its operators."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from collector.numbers.windows import HOURS, ROLLED, hour_of
from collector.stores.store import Select, Store
from collector.zones import midnight
from wire.quantities import QUANTITIES
from wire.times import DAY_MS, HOUR_MS, MINUTE_MS

DAYS: Final = 7
_OPEN_MS: Final = 3 * HOUR_MS
"""Hours younger than this may have no roll-up yet; of them the readings are counted."""
_SIGN_OF_LIFE = {
    "air_quality": ("pm25_raw_ugm3", "no2_raw_ppb", "co2_ppm"),
    "weather": ("temp_c", "wind_speed_ms"),
    "traffic_flow": ("duration_s",),
}

_VITALS: Final = tuple(quantity.name for quantity in QUANTITIES.values() if quantity.kind == "node_health")


class Hour(NamedTuple):
    """One hour of the heat map: how many of its minutes have a reading, of those that are over; None in the future."""

    start_ms: int
    minutes: int | None
    quarter: int  # 0 none, 1 to 3 under three quarters in three steps, 4 enough


class Day(NamedTuple):
    """One row of the heat map."""

    label: str
    hours: list[Hour]


def health(store: Store, node: str, now_ms: int) -> dict[str, tuple[int, float]]:
    """The newest vitals that a node has told within a day, each with its time. Raises StoreDown."""
    found: dict[str, tuple[int, float]] = {}
    question = Select("node_health", _VITALS, now_ms - DAY_MS, now_ms + 1, {"node": node}, ("node",), latest=True)
    for series in store.select(question):
        time_ms, *values = series.rows[0]
        found |= {name: (time_ms, v) for name, v in zip(_VITALS, values, strict=True) if v is not None}
    return found


def availability(store: Store, node: str, now_ms: int, zone: ZoneInfo) -> list[Day]:
    """Minutes with a reading in each hour of the last days, by local days, today last. Raises StoreDown.

    Hours that are rolled up count the minutes of the sensor that was there most.
    """
    today = midnight(now_ms, zone)
    midnights = [today - timedelta(days=n) for n in reversed(range(DAYS))]
    minutes = _rolled_up(store, node, _ms(midnights[0]), now_ms) | _open(store, node, now_ms, zone)
    return [_day(midnight, minutes, now_ms) for midnight in midnights]


def _rolled_up(store: Store, node: str, since_ms: int, now_ms: int) -> dict[int, int]:
    found: dict[int, int] = {}
    for kind in ROLLED:
        tags = ("sensor", "lane", "direction") if kind == "traffic_flow" else ("sensor",)
        question = Select(kind + HOURS, ("completeness",), since_ms, now_ms, {"node": node}, tags)
        for series in store.select(question):
            for time_ms, share in series.rows:
                if share is not None:
                    found[time_ms] = max(found.get(time_ms, 0), round(60 * share))
    return found


def _open(store: Store, node: str, now_ms: int, zone: ZoneInfo) -> dict[int, int]:
    """Of the youngest hours the minutes with any reading."""
    since_ms = hour_of(now_ms, zone) - _OPEN_MS
    alive: set[int] = set()
    for measurement, columns in _SIGN_OF_LIFE.items():
        question = Select(
            measurement, columns, since_ms, now_ms + 1, {"node": node}, ("node",), "count", every_ms=MINUTE_MS
        )
        for series in store.select(question):
            alive.update(row[0] // MINUTE_MS for row in series.rows)
    hours = {hour_of(minute * MINUTE_MS, zone) for minute in alive}
    return {hour_ms: sum(hour_ms // MINUTE_MS + n in alive for n in range(60)) for hour_ms in hours}


def _day(midnight: datetime, minutes: dict[int, int], now_ms: int) -> Day:
    """The hours that the clock shows: one that it leaves out is the next, of one that it shows twice the first."""
    hours = [_hour(_ms(midnight.replace(hour=hour)), minutes, now_ms) for hour in range(24)]
    return Day(midnight.strftime("%m-%d"), hours)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _hour(start_ms: int, counted: dict[int, int], now_ms: int) -> Hour:
    over = min(60, max(0, -(-(now_ms - start_ms) // MINUTE_MS)))
    if not over:
        return Hour(start_ms, None, 0)
    minutes = counted.get(start_ms, 0)
    share = minutes / over
    return Hour(start_ms, minutes, 4 if share >= 0.75 else min(3, int(share * 4) + 1) if minutes else 0)
