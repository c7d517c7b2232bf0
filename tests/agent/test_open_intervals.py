"""The interval that was open when the power went, on a box that does not know the time when it begins anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from device_profiles.catalogue import load
from edge_agent.recorder import Now, Recorder
from edge_agent.sensors.sensor import Sensor, counter_of
from edge_agent.spool.sealing import readings_of
from edge_agent.spool.spool import Spool
from wire.times import MINUTE_MS

BEGIN_MS = 1_790_000_040_000


class Box:
    """One radar or lidar through its boots; `vehicles` pass in second 10 of each minute that it is on."""

    def __init__(self, path: Path, profile: str) -> None:
        self._path, self._profile = path, profile
        self.name, self.lane = "eye-1", "1"
        self.told: list[tuple[int, float]] = []
        self.by: list[tuple[str, str, float, float]] = []
        self.estimated: set[int] = set()

    def boot(self, number: int, from_ms: int, seconds: int, synced_after_s: int) -> None:
        profile = load().get(self._profile)
        counter = counter_of(profile, self.name, self.lane, ("in",), 60)
        sensor = Sensor(self.name, profile, counter)
        recorder = Recorder("lp-1", "s", f"{number:032x}", [sensor], lambda: Spool(self._path, "lp-1", "s"))
        for at_s in range(seconds):
            now = Now(at_s * 1000, from_ms + at_s * 1000, at_s >= synced_after_s)
            if at_s == 0:
                recorder.timeline.observe(*now)
                recorder.restore(now)
            second = (from_ms // 1000 + at_s) % 60
            for tenth in range(10):
                stamp, near = recorder.stamp(now) + 100 * tenth, 10 <= second < 12
                if self._profile == "benewake-tfmini":
                    sensor._see({"range_m": 2.0 if near else 6.0}, stamp)
                elif near:
                    sensor._see({"speed_kmh": 40.0}, stamp)
            for batch in recorder.commit(now, seal="all"):
                found, envelope = readings_of(batch.data)
                rows = [row for row in found if row.series.kind == "traffic_flow"]
                self.told += [(row.time_ms, row.values["count"]) for row in rows]
                self.by += [
                    (row.series.sensor, dict(row.series.tags)["lane"], row.values["count"], row.values["duration_s"])
                    for row in rows
                ]
                self.estimated |= {row.time_ms for row in rows if envelope.clock == "estimated"}
        recorder.spool.close()


@pytest.mark.parametrize("profile", ["omnipresense-ops243a", "benewake-tfmini"])
def test_an_interval_left_open_is_told_once_the_clock_is_set_and_those_after_it_go_on(
    tmp_path: Path, profile: str
) -> None:
    """It was moved with the clock, into another century, and no vehicle was told from then on."""
    box = Box(tmp_path / "spool.db", profile)
    box.boot(1, BEGIN_MS, 90, 0)
    second_ms = BEGIN_MS + 2 * MINUTE_MS
    box.boot(2, second_ms, 20, 100)  # the power goes again before a time server is heard
    third_ms = BEGIN_MS + 3 * MINUTE_MS
    box.boot(3, third_ms, 200, 90)
    told = dict(sorted(box.told))
    assert [told[BEGIN_MS + minute * MINUTE_MS] for minute in (0, 1)] == [1, 1]
    assert sum(count for time_ms, count in told.items() if third_ms - 1000 <= time_ms) == 3
    assert max(told) < third_ms + 200_000


@pytest.mark.parametrize("synced_after_s", [0, 30])
@pytest.mark.parametrize("profile", ["omnipresense-ops243a", "benewake-tfmini"])
def test_an_interval_left_open_by_a_boot_that_never_knew_the_time_is_of_that_boot_and_of_no_day_in_1970(
    tmp_path: Path, profile: str, synced_after_s: int
) -> None:
    """A collector refuses what is older than 2020, and its vehicles were missing."""
    box = Box(tmp_path / "spool.db", profile)
    box.boot(1, BEGIN_MS, 75, 100)
    second_ms = BEGIN_MS + 2 * MINUTE_MS
    box.boot(2, second_ms, 130, synced_after_s)
    assert sum(count for _, count in box.told) == 4
    (first_ms, one), (open_ms, other) = sorted(box.told)[:2]
    assert (one, other, open_ms - first_ms) == (1, 1, MINUTE_MS)
    assert box.estimated == {first_ms, open_ms}
    assert open_ms < second_ms


@pytest.mark.parametrize("profile", ["omnipresense-ops243a", "benewake-tfmini"])
def test_a_sensor_that_is_renamed_leaves_the_vehicles_of_its_open_interval(tmp_path: Path, profile: str) -> None:
    """They were lost, until some sensor had the name again: then they were its own."""
    box = Box(tmp_path / "spool.db", profile)
    box.boot(1, BEGIN_MS, 80, 0)
    box.name, box.lane = "eye-2", "2"
    box.boot(2, BEGIN_MS + 85_000, 30, 0)
    box.name = "eye-1"
    box.boot(3, BEGIN_MS + 120_000, 30, 0)
    assert box.by == [
        ("eye-1", "1", 1, 60.0),
        ("eye-1", "1", 1, 19.0),
        ("eye-2", "2", 0, 29.0),
    ], "and each is told once"


@pytest.mark.parametrize("profile", ["omnipresense-ops243a", "benewake-tfmini"])
def test_a_sensor_whose_lane_is_put_right_leaves_that_lane_what_it_had_counted(tmp_path: Path, profile: str) -> None:
    """All vehicles of the interval were told under the new lane."""
    box = Box(tmp_path / "spool.db", profile)
    box.boot(1, BEGIN_MS, 80, 0)
    box.lane = "2"
    box.boot(2, BEGIN_MS + 85_000, 40, 0)
    assert box.by == [("eye-1", "1", 1, 60.0), ("eye-1", "1", 1, 19.0), ("eye-1", "2", 0, 35.0)]
