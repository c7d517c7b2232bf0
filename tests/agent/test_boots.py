"""Two hundred boots with clocks of every kind (fault F15): no reading has a wrong time without its word for it.

The world knows the true time. A boot begins in 1970, where it was left, or years ahead; NTP sets the clock after a
while or never. In a test of its own it steps by an hour while the agent runs, as a time server makes it that is wrong
and then right.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.reading import Reading, Series
from edge_agent.recorder import Now, Recorder
from edge_agent.sealing import readings_of
from edge_agent.spool import Spool
from tests.closes import Closes

AIR = Series("air-1", "air_quality")
FIELD = "pm25_raw_ugm3"
BOOTS = 200
BEGIN_MS = 1_790_000_000_000
HOUR_MS, YEAR_MS = 3_600_000, 365 * 24 * 3_600_000
TICK_MS = 60_000
TOLERANCE_MS = 1_000


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def started(path: Path, boot: str) -> Recorder:
    recorder = Recorder("lp-1", "s", boot, [], lambda: Spool(path, "lp-1", "s"))
    recorder.spool._db.execute("PRAGMA synchronous=OFF")  # times are looked at here, not the disk
    return recorder


class Station:
    """One device over all its boots. `truth` holds the true time of each number, `stepped` those under a wrong NTP."""

    def __init__(self, path: Path, seed: int) -> None:
        self.rng = random.Random(seed)
        self.true_ms = BEGIN_MS
        self.truth: dict[int, int] = {}
        self.sealed: list[tuple[int, int, str]] = []
        self._path = path

    def boot(self) -> None:
        """Some minutes, then the power goes."""
        rng = self.rng
        wrong_ms = rng.choice([-self.true_ms, -rng.randrange(HOUR_MS), 3 * YEAR_MS])
        sync_after_ms = rng.choice([0, rng.randrange(30 * 60_000), None])
        recorder = started(self._path, f"{rng.getrandbits(128):032x}")
        for boot_ms in range(0, rng.randrange(2, 40) * TICK_MS, TICK_MS):
            synced = sync_after_ms is not None and boot_ms >= sync_after_ms
            now = Now(boot_ms, self.true_ms + (0 if synced else wrong_ms), synced)
            number = len(self.truth)
            self.truth[number] = self.true_ms
            recorder.keep([Reading(AIR, recorder.stamp(now), {FIELD: number})])
            recorder.commit(now)
            self._read(recorder)
            self.true_ms += TICK_MS
        recorder.spool.close()
        self.true_ms += rng.randrange(1, 30) * 60_000

    def finish(self) -> None:
        """A last boot whose clock is right from the start: whatever still waited gets its time."""
        recorder = started(self._path, "f" * 32)
        recorder.commit(Now(1000, self.true_ms, True))
        self._read(recorder)
        recorder.spool.close()

    def _read(self, recorder: Recorder) -> None:
        for one in recorder.seal():
            rows, envelope = readings_of(one.data)
            self.sealed += [(int(row.values[FIELD]), row.time_ms, envelope.clock) for row in rows if row.series == AIR]


@pytest.mark.parametrize("seed", range(4))
def test_every_reading_of_two_hundred_boots_has_its_true_time_or_says_that_it_is_an_estimate(
    tmp_path: Path, seed: int
) -> None:
    station = Station(tmp_path / "spool.db", seed)
    for _ in range(BOOTS // 4):
        station.boot()
    station.finish()
    assert sorted(number for number, _, _ in station.sealed) == list(station.truth), "each once, none lost"
    assert len({time_ms for _, time_ms, _ in station.sealed}) == len(station.truth), "no two at one time"
    for number, time_ms, clock in station.sealed:
        if clock != "estimated":
            assert abs(time_ms - station.truth[number]) <= TOLERANCE_MS, (number, clock)
    estimated = {number for number, _, clock in station.sealed if clock == "estimated"}
    assert 0 < len(estimated) < len(station.truth) / 2


def test_a_step_of_an_hour_while_running_never_takes_a_time_back_nor_twice(tmp_path: Path, closes: Closes) -> None:
    rng = random.Random(5)
    recorder = started(tmp_path / "spool.db", "a" * 32)
    closes(recorder.spool)
    times, off_ms, steps = [], 0, 0
    for minute in range(600):
        if rng.random() < 0.02:
            off_ms, steps = rng.choice([-HOUR_MS, 0, HOUR_MS]), steps + 1
        now = Now(minute * TICK_MS, BEGIN_MS + minute * TICK_MS + off_ms, True)
        recorder.keep([Reading(AIR, recorder.stamp(now), {FIELD: minute})])
        recorder.commit(now)
        times += [row.time_ms for one in recorder.seal() for row in readings_of(one.data)[0] if row.series == AIR]
    assert len(set(times)) == 600
    assert times == sorted(times)
    assert steps > 3
    assert recorder.timeline.steps > 0
