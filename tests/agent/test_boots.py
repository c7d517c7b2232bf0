"""Two hundred boots with clocks of every kind (fault F15): no reading has a wrong time without its word for it.

The world knows the true time. A boot begins in 1970, where it was left, or years ahead; NTP sets the clock after a
while or never. In a test of its own it steps by an hour while the agent runs, as a time server makes it that is wrong
and then right.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.reading import Reading, Series
from edge_agent.recorder import Now, Recorder
from edge_agent.spool.sealing import readings_of
from edge_agent.spool.spool import Spool
from tests.closes import Closes
from wire.times import DAY_MS, HOUR_MS, MINUTE_MS

AIR = Series("air-1", "air_quality")
FIELD = "pm25_raw_ugm3"
BOOTS = 200
BEGIN_MS = 1_790_000_000_000
YEAR_MS = 365 * DAY_MS
TICK_MS = MINUTE_MS
TOLERANCE_MS = 1_000


pytestmark = pytest.mark.usefixtures("quiet")


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


def test_a_step_of_an_hour_while_running_gives_no_time_twice_and_no_wrong_one_without_a_word(
    tmp_path: Path, closes: Closes
) -> None:
    rng = random.Random(5)
    recorder = started(tmp_path / "spool.db", "a" * 32)
    closes(recorder.spool)
    times, off_ms, was_off_ms, since = [], 0, 0, -HOUR_MS
    for minute in range(600):
        was_off_ms = off_ms
        if rng.random() < 0.02:
            off_ms = rng.choice([-HOUR_MS, 0, HOUR_MS])
        since = minute if off_ms != was_off_ms else since
        now = Now(minute * TICK_MS, BEGIN_MS + minute * TICK_MS + off_ms, True)
        recorder.keep([Reading(AIR, recorder.stamp(now), {FIELD: minute})])
        recorder.commit(now)
        for row, clock in rows_of(recorder):
            times.append(row.time_ms)
            assert abs(row.time_ms - (BEGIN_MS + minute * TICK_MS + was_off_ms)) <= TOLERANCE_MS, "as the clock said"
            assert (clock == "estimated") == (minute - since < 10), "doubted for ten minutes after a step"
    assert len(set(times)) == 600
    assert recorder.timeline.steps > 3


def rows_of(recorder: Recorder) -> Iterator[tuple[Reading, str]]:
    """The readings of the air sensor that are sealed now, each with the word of its clock."""
    for one in recorder.seal():
        rows, envelope = readings_of(one.data)
        yield from ((row, envelope.clock) for row in rows if row.series == AIR)


@pytest.mark.parametrize("ahead_ms", [HOUR_MS, 3 * YEAR_MS])
@pytest.mark.parametrize("restarts", [False, True])
def test_half_a_minute_of_a_wrong_time_server_spoils_no_time_after_it(
    tmp_path: Path, ahead_ms: int, restarts: bool
) -> None:
    recorder = started(tmp_path / "spool.db", "a" * 32)
    recorder.timeline.observe(0, BEGIN_MS, True)
    found: list[tuple[int, int, str]] = []
    for second in range(1, 5_000):
        now = Now(second * 1000, BEGIN_MS + second * 1000 + (ahead_ms if 100 < second <= 130 else 0), True)
        if restarts and second == 131:
            recorder.spool.close()
            recorder = started(tmp_path / "spool.db", "a" * 32)
            recorder.timeline.observe(*now)
        recorder.keep([Reading(AIR, recorder.stamp(now), {FIELD: second})])
        recorder.commit(now)
        if second % 5 == 0:
            found += [(int(row.values[FIELD]), row.time_ms, clock) for row, clock in rows_of(recorder)]
    recorder.spool.close()
    assert len({time_ms for _, time_ms, _ in found}) == len(found) > 4_990
    wrong = [one for one in found if abs(one[1] - BEGIN_MS - one[0] * 1000) > TOLERANCE_MS]
    assert {clock for _, _, clock in wrong} == {"estimated"}
    assert max(second for second, _, _ in wrong) <= 131
