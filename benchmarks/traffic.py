"""Batches as agents send them, for the figures: a particle sensor of eight fields, once a second, real dynamics.

The values walk as the hourly PM2.5 of Beijing Wanliu does between hours (simulator/real_data), with the sensor's own
jitter of one or two counts; times are a second apart with a few milliseconds of jitter, as a serial line gives them.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from wire import batch, status
from wire.batch import Block

REAL = Path(__file__).parents[1] / "simulator" / "real_data" / "beijing_wanliu_2016.csv"
T0_MS = 1_790_000_000_000
PROFILE = "plantower-pms5003@1"
STRETCHES = 61
FIELDS = (
    "pm1_raw_ugm3",
    "pm25_raw_ugm3",
    "pm10_raw_ugm3",
    "pm25_cf1_ugm3",
    "n_over03_per_dl",
    "n_over05_per_dl",
    "n_over1_per_dl",
    "n_over25_per_dl",
)
_SHARES = (0.66, 1.0, 1.31, 1.1, 180.0, 52.0, 9.0, 1.1)
"""What each field is of PM2.5, as PMS5003 frames captured in a street have it."""


@cache
def real_pm25() -> list[float]:
    """A year of hourly PM2.5 in µg/m³."""
    with REAL.open() as file:
        return [float(row["pm25_ugm3"]) for row in csv.DictReader(file) if row["pm25_ugm3"]]


class Sender:
    """One node with one sensor. `batch()` gives the next sealed payload; `birth()` its birth."""

    def __init__(self, number: int, start_ms: int, rows: int = 60, interval_ms: int = 1000) -> None:
        self.node = f"lp-{number:05d}"
        self.site = f"site-{number // 8:04d}"
        self.spool = f"{start_ms:016x}{number:016x}"
        self.seq = 0
        self.rows = rows
        self.interval_ms = interval_ms
        self.first_ms = start_ms + number % 1000
        self._number = number
        self._time_ms = self.first_ms

    def birth(self) -> bytes:
        """The retained birth."""
        return status.encode(
            status.Birth(
                node=self.node,
                site=self.site,
                session=self.spool[:16],
                spools=(self.spool,),
                next_seq=self.seq + 1,
                oldest_ms=None,
                version="bench",
                clock="synced",
                sensors=(status.Sensor("air-1", PROFILE),),
                vitals={},
            )
        )

    def batch(self) -> bytes:
        """The next batch, sealed."""
        self.seq += 1
        return batch.encode(
            node=self.node,
            site=self.site,
            spool=self.spool,
            seq=self.seq,
            boot="b71d04c2",
            clock="synced",
            blocks=[self.block()],
        )

    def block(self) -> Block:
        """Rows of the next `rows` intervals; which of the kept stretches it is changes from batch to batch."""
        jitter, columns = _stretches(self.rows)[(self._number + self.seq) % STRETCHES]
        times = [self._time_ms + row * self.interval_ms + late for row, late in enumerate(jitter)]
        self._time_ms += self.rows * self.interval_ms
        return Block("air-1", "air_quality", times, columns, {}, PROFILE)


@cache
def _stretches(rows: int) -> list[tuple[list[int], dict[str, list[Any]]]]:
    """Stretches of the real year with the sensor's jitter: of each, how late a row is in ms, and the columns."""
    rng, year = random.Random(rows), real_pm25()
    found = []
    for _ in range(STRETCHES):
        at, from_s = rng.randrange(len(year) - 1), rng.randrange(3600 - rows)
        columns: dict[str, list[Any]] = {name: [] for name in FIELDS}
        for second in range(from_s, from_s + rows):
            level = year[at] + (year[at + 1] - year[at]) * second / 3600
            for share, column in zip(_SHARES, columns.values(), strict=True):
                column.append(max(0, round(level * share + rng.gauss(0, 0.6 if share < 2 else share / 4))))
        found.append(([rng.randrange(3) for _ in range(rows)], columns))
    return found


def fleet(
    nodes: int, batches: int, rows: int, start_ms: int = T0_MS, first: int = 0, interval_ms: int = 1000
) -> Iterator[tuple[Sender, list[bytes]]]:
    """Each node with its batches, in order."""
    for number in range(first, first + nodes):
        sender = Sender(number, start_ms, rows, interval_ms)
        yield sender, [sender.batch() for _ in range(batches)]
