"""What may leave the house, and how its times are written: several lanes, several days, clocks that go back."""

from __future__ import annotations

import io
from itertools import chain
from zoneinfo import ZoneInfo

from collector.opendata import dataset, files
from collector.opendata.history import read_csv
from collector.stores.sqlite import Sqlite
from collector.stores.store import Table
from tests.stored import put

T0 = 1_775_314_800_000
"""2026-04-04 15:00 UTC: on Lord Howe Island 02:00 of the night in which clocks go back, by half an hour."""
FIVE_MS = 300_000


def _write(
    store: Sqlite,
    measurement: str,
    tags: dict[str, str],
    columns: dict[str, list[int]],
    every_ms: int,
    begin_ms: int = T0,
) -> None:
    times = [begin_ms + n * every_ms for n in range(len(next(iter(columns.values()))))]
    flags = {"cq": [0] * len(times), "qc": [1] * len(times)}
    place = {"node": "lp-1", "site": "s", "sensor": "x"}
    table = Table(measurement, tuple(sorted((place | tags).items())), times, columns | flags, dataset.WHOLE)
    put(store, table)


def _lanes(store: Sqlite) -> dict[tuple[str, int], tuple[object, ...]]:
    made = dataset.describe(store, "traffic", T0, T0 + 10 * FIVE_MS)
    rows = [row for rows in dataset.read(store, made) for row in rows]
    at = made.fields.index("count"), made.fields.index("heavy_count")
    lane = made.tags.index("lane")
    return {(row.tags[lane], (row.time_ms - T0) // FIVE_MS): tuple(row.values[n] for n in at) for row in rows}


def test_the_lane_beside_one_of_few_vehicles_is_hidden_with_it_and_the_others_are_not(store: Sqlite) -> None:
    """The page tells the sum of all lanes: one hidden lane alone could be had by subtraction."""
    for lane, counts in (("1", [3, 30]), ("2", [8, 30]), ("3", [20, 30])):
        columns = {"count": counts, "heavy_count": [6, 7]}
        _write(store, "traffic_flow", {"lane": lane, "direction": "in"}, columns, FIVE_MS)
    assert _lanes(store) == {
        ("1", 0): (None, None), ("2", 0): (None, None), ("3", 0): (20, 6),
        ("1", 1): (30, 7), ("2", 1): (30, 7), ("3", 1): (30, 7),
    }  # fmt: skip


def test_where_heavy_vehicles_alone_are_few_they_alone_are_masked_for_five_minutes(store: Sqlite) -> None:
    """Few streets have five lorries a minute: with everything hidden for them no traffic was ever exported."""
    columns = {"count": [9] * 15, "heavy_count": [*([6] * 5), 6, 0, *([6] * 3), 0, *([1] * 4)]}
    columns |= {"speed_tms_kmh": [40] * 15}
    _write(store, "traffic_flow", {"lane": "1", "direction": "in"}, columns, FIVE_MS // 5)
    made = dataset.describe(store, "traffic", T0, T0 + 3 * FIVE_MS)
    told = chain(*dataset.read(store, made))
    rows = [dict(zip(made.fields, row.values, strict=True)) | {"masked": row.masked} for row in told]
    assert [row["heavy_count"] for row in rows] == [6] * 5 + [None] * 10
    assert [row["masked"] for row in rows] == [()] * 5 + [("heavy_count",)] * 10
    assert {(row["count"], row["speed_tms_kmh"]) for row in rows} == {(9, 40.0)}


def test_five_vehicles_are_told_and_a_five_minutes_that_is_not_over_is_not(store: Sqlite) -> None:
    _write(
        store, "traffic_flow", {"lane": "1", "direction": "in"}, {"count": [5, 5, 5], "heavy_count": [5] * 3}, FIVE_MS
    )
    made = dataset.describe(store, "traffic", T0 + 1, T0 + 2 * FIVE_MS + 1)
    rows = [row for rows in dataset.read(store, made) for row in rows]
    assert [(row.time_ms - T0, row.masked) for row in rows] == [(0, ()), (FIVE_MS, ())]
    assert made.rows == 2


def test_rows_of_two_days_come_once_each_between_the_bounds(store: Sqlite) -> None:
    _write(store, "air_quality", {}, {"pm25_ugm3": list(range(24))}, 3_600_000)
    made = dataset.describe(store, "air", T0 + 3_600_000, T0 + 20 * 3_600_000)
    chunks = list(dataset.read(store, made))
    assert [len(rows) for rows in chunks] == [8, 11], "the UTC day ends nine hours after T0"
    assert [row.values[0] for rows in chunks for row in rows] == [float(n) for n in range(1, 20)]
    assert (made.rows, made.stations) == (19, 1)


def test_the_half_hour_that_comes_twice_is_told_twice_and_read_back_as_two(store: Sqlite) -> None:
    begin_ms = T0 - 1_800_000
    _write(store, "air_quality", {}, {"pm25_ugm3": [1, 2, 3, 4]}, 900_000, begin_ms)
    made = dataset.describe(store, "air", begin_ms, T0 + 1_800_000)
    out = io.StringIO()
    files.write_csv(out, made, dataset.read(store, made), ZoneInfo("Australia/Lord_Howe"))
    lines = out.getvalue().splitlines(True)
    assert [line.split(",")[0] for line in lines if line.startswith("20")] == [
        "2026-04-05T01:30:00.000+11:00", "2026-04-05T01:45:00.000+11:00",
        "2026-04-05T01:30:00.000+10:30", "2026-04-05T01:45:00.000+10:30",
    ]  # fmt: skip
    (back,) = read_csv(lines, T0 + 86_400_000)
    assert [line.time_ms for line in back.lines] == [begin_ms + n * 900_000 for n in range(4)]
