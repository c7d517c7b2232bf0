"""The recorder: readings get their true time, a full disk loses nothing silently, every hour is accounted for."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from device_profiles.catalogue import load
from edge_agent.reading import Reading, Series
from edge_agent.recorder import AT_ONCE, Now, Recorder
from edge_agent.sensors.sensor import Sensor
from edge_agent.spool import chunk
from edge_agent.spool.sealing import readings_of
from edge_agent.spool.spool import Spool, SpoolError, SpoolIoError
from edge_agent.timeline import FLOOR_MS, Timeline
from edge_agent.unwritten import READINGS_MAX
from firmware_stubs.plantower import Pms5003
from tests.closes import Closes
from wire import batch

UTC = 1_790_000_000_000
AIR = Series("air-1", "air_quality")


Recorders = Callable[..., Recorder]


@pytest.fixture
def recorder(tmp_path: Path, closes: Closes) -> Recorders:
    """Recorders over one spool: each after the first begins where a killed one has left it."""

    def begin(boot: str = "b" * 32, kind: type[Spool] = Spool) -> Recorder:
        return Recorder("lp-1", "s", boot, [], lambda: closes(kind(tmp_path / "spool.db", "lp-1", "s")))

    return begin


def air(time_ms: int, value: int = 1) -> Reading:
    return Reading(AIR, time_ms, {"pm25_raw_ugm3": value})


def sealed(made: Recorder) -> list[tuple[str, list[int]]]:
    """Clock and times of the readings of each batch sealed now."""
    return [
        (batch.read("lp-1", one.data).clock, [r.time_ms for r in readings_of(one.data)[0] if r.series == AIR])
        for one in made.seal()
    ]


def test_readings_before_the_clock_is_set_get_their_true_time(recorder: Recorders) -> None:
    made = recorder()
    for boot_ms in (10_000, 11_000):
        now = Now(boot_ms, 5_000, False)
        made.keep([air(made.stamp(now))])
        made.commit(now)
    assert sealed(made) == []
    made.commit(Now(12_000, UTC, True))
    assert sealed(made) == [("restored", [UTC - 2_000, UTC - 1_000])]
    now = Now(13_000, UTC + 1_000, True)
    made.keep([air(made.stamp(now))])
    made.commit(now)
    assert sealed(made)[0] == ("synced", [UTC + 1_000])


def test_what_a_sensor_said_before_the_time_was_known_gets_its_true_time(recorder: Recorders) -> None:
    """The office was shown its last frame as one of 1970."""
    made, frame = recorder(), Pms5003(lambda _: {"pm25_ugm3": 20.0}).tick(0.0)
    sensor = Sensor("air-1", load(None).get("plantower-pms5003"))
    made._sensors.append(sensor)
    sensor.feed(frame[:-1] + b"\0" + frame, 9_000, 9.0)
    made.commit(Now(10_000, UTC, True))
    assert sensor.last_frame is not None
    assert sensor.last_bad is not None
    assert (sensor.last_frame[0], sensor.last_bad[0]) == (UTC - 1_000, UTC - 1_000)


def test_a_disk_that_fails_before_the_time_is_known_leaves_the_numbers_that_go_told(recorder: Recorders) -> None:
    """Their record stood in 1970, as the clock did, and was refused: nobody knew what became of the numbers."""
    before = recorder("a" * 32)
    before.commit(Now(9_000, UTC, True))
    before.keep([air(UTC + 500)])
    before.commit(Now(10_000, UTC + 1_000, True), seal="all")
    before.spool.close()
    made = recorder()
    made.trouble(SpoolIoError("the disk fails"))
    made.commit(Now(10_000, 5_000, False))
    _, renumbered = (readings_of(one.data)[0] for one in made.spool.oldest(9))
    assert [(dict(row.series.tags)["reason"], row.time_ms) for row in renumbered] == [("renumbered", UTC + 500)]


def test_what_waits_in_a_station_that_is_renamed_goes_under_its_new_name(tmp_path: Path, closes: Closes) -> None:
    """Under the old one the collector kept all of it back, as another node's."""

    def named(node: str, site: str) -> Recorder:
        return Recorder(node, site, "b" * 32, [], lambda: closes(Spool(tmp_path / "spool.db", node, site)))

    before = named("lp-1", "here")
    for now in (Now(9_000, UTC, True), Now(10_000, UTC + 1_000, True)):
        before.keep([air(before.stamp(now))])
        before.commit(now, seal="all")
    life = before.spool.spool_id
    before.spool.close()
    after = named("lp-2", "there").spool
    first, second, renumbered = (readings_of(one.data) for one in after.oldest(9))
    assert {one.node for _, one in (first, second, renumbered)} == {"lp-2"}
    assert ([row.time_ms for row in first[0]], first[1].site) == ([UTC], "here")
    assert (after.spools(), after.next_seq) == ((after.spool_id,), 4)
    assert after.spool_id != life
    after.close()
    assert named("lp-2", "there").spool.spool_id == after.spool_id


def test_readings_of_a_boot_that_never_knew_the_time_are_estimated_before_this_one(recorder: Recorders) -> None:
    lost = recorder("a" * 32)
    lost.keep([air(50_000), air(51_000)])
    lost.commit(Now(51_000, 0, False))
    made = recorder("b" * 32)
    made.commit(Now(20_000, UTC, True))
    ((clock, times),) = sealed(made)
    assert clock == "estimated"
    assert times[1] - times[0] == 1_000
    assert times[1] < UTC - 20_000, "before this boot began"


def test_boots_that_never_knew_the_time_follow_one_another(recorder: Recorders) -> None:
    """Each was put right before the one that knows it: of two nights the vehicles were told as of one."""
    for number, boot in enumerate("acd"):
        lost = recorder(boot * 32)
        lost.keep([air(50_000, number), air(90_000, number)])
        lost.commit(Now(91_000, 0, False))
        lost.spool.close()
    made = recorder("b" * 32)
    made.commit(Now(20_000, UTC, True))
    rows = [row for one in made.seal() for row in readings_of(one.data)[0] if row.series == AIR]
    times = {n: [row.time_ms for row in rows if row.values["pm25_raw_ugm3"] == n] for n in range(3)}
    assert [ends - begins for begins, ends in times.values()] == [40_000] * 3
    assert times[0][1] < times[1][0] < times[1][1] < times[2][0] < times[2][1] < UTC - 20_000


@pytest.mark.parametrize("boots", [1, 2])
def test_what_waited_for_long_is_sealed_part_by_part_before_the_clock_is_trusted(
    recorder: Recorders, monkeypatch: pytest.MonkeyPatch, boots: int
) -> None:
    """A day without NTP took 200 MB at once, the service's limit, at each start anew; two boots of it never ended."""
    monkeypatch.setattr("edge_agent.spool.spool.RESTORED_AT_ONCE", 20)
    monkeypatch.setattr("edge_agent.recorder.RESTORED_AT_ONCE", 20)
    for boot in ("a" * 32, "b" * 32)[-boots:]:
        made = recorder(boot)
        for second in range(100):
            made.keep([air(1_000 * second)])
            made.commit(Now(1_000 * second, 0, False), seal="all")
    loaded: list[bytes] = []
    load = chunk.load
    monkeypatch.setattr("edge_agent.spool.chunk.load", lambda body: (loaded.append(body), load(body))[1])
    made.commit(Now(100_000, 0, False), seal="all")
    assert len(loaded) <= 1, "who does not know the time looks through nothing"

    parts: list[list[Reading]] = []
    second = 100
    while not made.timeline.trusted or made.spool.unsynced(1):
        now = Now(1_000 * second, UTC + 1_000 * second, True)
        made.keep([air(made.stamp(now))])
        parts.append([row for one in made.commit(now) for row in readings_of(one.data)[0] if row.series == AIR])
        second += 1
        assert second < 150
    assert max(map(len, parts)) <= 20 + 1  # and what came in the second that was trusted
    times = [row.time_ms for part in parts for row in part]
    assert times == sorted(set(times)), "in their order, each at a time of its own"
    assert [time for time in times if time >= UTC] == [UTC + 1_000 * n for n in range(len(times) - 100 * (boots - 1))]
    assert all(UTC - 30_000 - 100_000 <= time <= UTC for time in times[: 100 * (boots - 1)])


def test_what_waited_for_the_time_counts_in_the_hours_in_which_it_came(recorder: Recorders) -> None:
    """It counted in the hour in which the time was lost, which so had accepted what nobody stored: "unexplained"."""
    hour_ms, found = 3_600_000, []
    utc = UTC // hour_ms * hour_ms
    for boot, begins_ms, waits in (("a" * 32, utc, 0), ("b" * 32, utc + 8 * hour_ms, 200)):
        made = recorder(boot)
        for minute in range(-1, 400):
            boot_ms = 60_000 * (minute + 1)
            now = Now(boot_ms, begins_ms + boot_ms, True) if minute >= waits - 1 else Now(boot_ms, boot_ms, False)
            if minute >= 0:
                made.keep([air(made.stamp(now))])
            if minute == 150:
                made.spool.drop_untimed(50)
            found += made.commit(now, seal="all", closing=minute == 399)
    rows = [row for one in found for row in readings_of(one.data)[0]]
    stored = Counter(row.time_ms // hour_ms for row in rows if row.series == AIR)
    accepted = Counter[int]()
    for row in rows:
        if row.series.kind == "sensor_ledger":
            accepted[row.time_ms // hour_ms] = max(accepted[row.time_ms // hour_ms], int(row.values["accepted"]))
    assert accepted - stored == Counter({utc // hour_ms + 8: 50})
    assert sum(accepted.values()) == 800


def test_without_the_time_the_spool_dates_what_it_does_with_the_latest_that_it_knows(recorder: Recorders) -> None:
    """Dated by a clock of 1970 the record of what had gone was refused at the collector."""
    made = recorder("a" * 32)
    made.commit(Now(1_000, UTC, True))
    made.keep([air(UTC + 500)])
    made.commit(Now(1_500, UTC + 500, True))
    assert made.dated_ms(Now(2_000, UTC + 1_000, True)) == UTC + 1_000
    assert recorder("b" * 32).dated_ms(Now(3_000, 3_000, False)) == UTC + 500


def test_a_clock_before_the_floor_is_not_believed_whatever_ntp_says(recorder: Recorders) -> None:
    made = recorder()
    made.commit(Now(1_000, FLOOR_MS - 1, True))
    assert not made.timeline.trusted


def test_a_step_of_the_clock_is_told_and_followed(recorder: Recorders) -> None:
    timeline = Timeline()
    assert timeline.observe(1_000, UTC, True) is None
    assert timeline.observe(2_000, UTC + 1_300, True) is None, "a correction below a second is followed"
    assert timeline.observe(3_000, UTC - 3_600_000, True) == pytest.approx(-3_602_300)
    assert timeline.steps == 1
    made = recorder()
    made.commit(Now(0, UTC, True))
    made.keep([air(UTC + 1_000)])
    made.commit(Now(1_000, UTC + 1_000, True))
    made.keep([air(UTC - 3_600_000)])
    made.commit(Now(2_000, UTC - 3_600_000, True))
    assert sealed(made) == [("estimated", [UTC - 3_600_000, UTC + 1_000])], "one of the two is wrong"


def test_what_was_sealed_under_a_clock_that_was_wrong_for_hours_is_told(recorder: Recorders) -> None:
    """A time server that is three hours ahead for two hours: longer than any probation."""
    hour, ahead = 3_600_000, 3 * 3_600_000
    made = recorder()
    made.commit(Now(0, UTC, True))
    made.commit(Now(hour, UTC + hour + ahead, True))
    wrong_from = made.stamp(Now(hour, 0, True))
    made.keep([air(made.stamp(Now(3 * hour - 1_000, 0, True)))])
    made.commit(Now(3 * hour - 1_000, UTC + 3 * hour - 1_000 + ahead, True), seal="all")
    made.commit(Now(3 * hour, UTC + 3 * hour, True))
    made.commit(Now(3 * hour + 1_000, UTC + 3 * hour + 1_000, True), seal="all")
    told = [
        (row.values["from_ms"], row.values["to_ms"], row.values["lost_count"])
        for one in made.spool.oldest(9)
        for row in readings_of(one.data)[0]
        if dict(row.series.tags) == {"reason": "clock-set"}
    ]
    assert told == [(UTC + hour, wrong_from, 0), (UTC + 3 * hour, UTC + 3 * hour + ahead, 0)]
    assert wrong_from == UTC + hour + ahead, "inside the second span"


class Full(Spool):
    """A spool on a disk that can be full."""

    full = False
    asked: list[int]

    def accept(self, readings: Any, *args: Any, **more: Any) -> list[Reading]:
        if Full.full:
            Full.asked.append(len(readings))
            raise SpoolError("disk full. Cure: free space")
        return super().accept(readings, *args, **more)


def test_what_memory_could_not_hold_is_told_when_the_disk_takes_again(recorder: Recorders) -> None:
    made = recorder(kind=Full)
    made.commit(Now(0, UTC, True))
    Full.full, Full.asked = True, []
    total = READINGS_MAX + 500
    for n in range(total):
        made.keep([air(UTC + n)])
    made.commit(Now(1_000, UTC + 1_000, True))
    assert (made.refused, made.disk_ok) == (500, False)
    assert Full.asked == [AT_ONCE], "a try of all that waits kept the processor busy every second"
    Full.full = False
    made.commit(Now(2_000, UTC + 2_000, True))
    made.commit(Now(3_000, UTC + 3_000, True))
    rows = [row for one in made.seal() for row in readings_of(one.data)[0]]
    gap = next(row for row in rows if row.series.kind == "gap")
    assert gap.values["lost_count"] == 500
    assert made.spool.lost("disk-full") == 500, "`agent spool status` said: lost nothing"
    assert sum(row.series == AIR for row in rows) == READINGS_MAX == made.accepted


def test_what_no_disk_took_before_new_settings_is_told_behind_them(recorder: Recorders) -> None:
    """With `config set` on a full disk went what waited in memory, and what had gone before it, without a word."""
    made = recorder(kind=Full)
    made.commit(Now(0, UTC, True))
    Full.full, Full.asked = True, []
    for n in range(READINGS_MAX + 500):
        made.keep([air(UTC + n)])
    made.commit(Now(1_000, UTC + 1_000, True))
    for second in range(2, 5):  # each of which finds the disk full as well
        made, before = recorder(kind=Full), made
        made.unwritten.hear_of(before.unwritten.losses())
        made.timeline.observe(1_000 * second, UTC + 1_000 * second, True)
        made.restore(Now(1_000 * second, UTC + 1_000 * second, True))
        made.commit(Now(1_000 * second, UTC + 1_000 * second, True))
    Full.full = False
    made.commit(Now(6_000, UTC + 6_000, True))
    rows = [row for one in made.seal() for row in readings_of(one.data)[0]]
    (gap,) = (row for row in rows if row.series.kind == "gap")
    assert dict(gap.series.tags) == {"reason": "disk-full"}
    assert gap.series.sensor == AIR.sensor
    assert gap.values["lost_count"] == READINGS_MAX + 500
    assert (gap.values["from_ms"], gap.values["to_ms"]) == (UTC, UTC + READINGS_MAX + 499)


@pytest.mark.parametrize("knows", [True, False])
def test_what_no_disk_took_while_nobody_knew_the_time_is_told_in_true_time(recorder: Recorders, knows: bool) -> None:
    made = recorder(kind=Full)
    made.commit(Now(0, 0, False))
    Full.full, Full.asked = True, []
    made.keep([air(500)])
    made.commit(Now(1_000, 1_000, False))
    made, before = recorder(kind=Full), made
    made.unwritten.hear_of(before.unwritten.losses())
    made.timeline.observe(2_000, UTC + 2_000, knows)
    made.restore(Now(2_000, UTC + 2_000, knows))
    Full.full = False
    for second in (3, 4):
        made.commit(Now(1_000 * second, UTC + 1_000 * second, True))
    rows = [row for one in made.seal() for row in readings_of(one.data)[0]]
    (gap,) = (row for row in rows if row.series.kind == "gap")
    assert (gap.values["lost_count"], gap.values["from_ms"]) == (1, UTC + 500)


def test_a_disk_that_is_full_for_hours_counts_each_reading_once_and_fills_no_memory(recorder: Recorders) -> None:
    """Accounts came on top of what memory may hold; of what came then some was both kept and told as lost."""
    made = recorder(kind=Full)
    made.commit(Now(0, UTC, True))
    Full.full, Full.asked = True, []
    made.keep([air(UTC + n) for n in range(READINGS_MAX - 2)])
    hours = 5
    for minute in range(0, 60 * hours, 5):
        now = Now(60_000 * minute, UTC + 60_000 * minute, True)
        made.keep([air(now.wall_ms + n) for n in range(9)])
        made.commit(now)
    assert len(made.unwritten.readings) <= READINGS_MAX + 5
    Full.full = False
    for second in range(2):
        made.commit(Now(3_600_000 * hours + 1000 * second, UTC + 3_600_000 * hours + 1000 * second, True), seal="all")
    rows = [row for one in made.spool.oldest(99) for row in readings_of(one.data)[0]]
    (lost,) = [row.values["lost_count"] for row in rows if row.series.kind == "gap"]
    assert made.accepted == sum(row.series == AIR for row in rows)
    assert made.accepted + lost == READINGS_MAX - 2 + 9 * 12 * hours
    assert max(row.values["accepted"] for row in rows if row.series.kind == "sensor_ledger") == made.accepted


def test_a_disk_with_room_for_a_part_of_what_waits_takes_that_part(
    recorder: Recorders, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    made = recorder()
    made.commit(Now(0, UTC, True))
    limit(made.spool, pages=0)
    made.keep([air(UTC + n) for n in range(5 * AT_ONCE)])
    made.commit(Now(1_000, UTC + 1_000, True))
    assert made.accepted == 0
    limit(made.spool, pages=20)
    made.commit(Now(2_000, UTC + 2_000, True))
    taken = made.accepted
    assert 0 < taken < 5 * AT_ONCE
    limit(made.spool, pages=1_000)
    made.commit(Now(3_000, UTC + 3_000, True), seal="all")
    rows = [row for one in made.spool.oldest(99) for row in readings_of(one.data)[0]]
    assert [row.time_ms for row in rows if row.series == AIR] == [UTC + n for n in range(5 * AT_ONCE)]
    assert made.accepted == 5 * AT_ONCE
    assert [record.levelname for record in caplog.records if "spool" in record.getMessage()] == ["ERROR", "INFO"]


def limit(spool: Spool, pages: int) -> None:
    """A disk that has room for so many more pages."""
    has = spool._db.execute("PRAGMA page_count").fetchone()[0]
    spool._db.execute(f"PRAGMA max_page_count = {has + pages}")


def test_what_no_disk_took_before_the_clock_was_set_gets_its_true_time_too(recorder: Recorders) -> None:
    made = recorder(kind=Full)
    Full.full, Full.asked = True, []
    for n in range(READINGS_MAX + 500):
        made.keep([air(n)])
    made.commit(Now(20_000, 20_000, False))
    made.commit(Now(21_000, UTC + 21_000, True))
    Full.full = False
    made.commit(Now(22_000, UTC + 22_000, True))
    made.commit(Now(23_000, UTC + 23_000, True))
    rows = [row for one in made.seal() for row in readings_of(one.data)[0]]
    (told,) = [row.values for row in rows if row.series.kind == "gap"]
    assert (told["from_ms"], told["to_ms"]) == (UTC + READINGS_MAX, UTC + READINGS_MAX + 499)
    assert [row.time_ms for row in rows if row.series == AIR] == [UTC + n for n in range(READINGS_MAX)]


def test_the_ledger_of_an_hour_counts_what_was_accepted(recorder: Recorders) -> None:
    made = recorder()
    hour = UTC // 3_600_000 * 3_600_000
    made.commit(Now(0, hour, True))
    for second in range(0, 3_600 + 130, 10):
        made.keep([air(hour + second * 1000 + n) for n in range(10)])
        made.commit(Now(second * 1000, hour + second * 1000, True))
    rows = [row for one in made.seal() for row in readings_of(one.data)[0] if row.series.kind == "sensor_ledger"]
    in_hour = [row.values["accepted"] for row in rows if row.time_ms < hour + 3_600_000]
    assert max(in_hour) == 3_600
    assert in_hour == sorted(in_hour)


def test_the_open_hour_survives_a_restart(recorder: Recorders) -> None:
    made = recorder()
    made.commit(Now(0, UTC, True))
    made.keep([air(UTC + 1), air(UTC + 2)])
    made.commit(Now(1_000, UTC + 1_000, True))
    again = recorder()
    again.commit(Now(2_000, UTC + 2_000, True))
    again.keep([air(UTC + 3)])
    again.commit(Now(3_000, UTC + 3_000, True))
    again.commit(Now(4_000, UTC + 4_000, True), closing=True)
    rows = [row for one in again.seal() for row in readings_of(one.data)[0] if row.series.kind == "sensor_ledger"]
    assert max(row.values["accepted"] for row in rows) == 3


def test_a_card_that_was_rolled_back_counts_anew(recorder: Recorders) -> None:
    """What it had counted by then, and more, the database knows of the numbers before."""
    made = recorder()
    made.commit(Now(0, UTC, True))
    made.keep([air(UTC + 1), air(UTC + 2)])
    made.commit(Now(1_000, UTC + 1_000, True), seal="all")
    made.spool.begin_life(UTC + 1_000)
    made.commit(Now(2_000, UTC + 2_000, True))
    made.keep([air(UTC + 2_001)])
    made.commit(Now(3_000, UTC + 3_000, True), closing=True, seal="all")
    told = [r for one in made.spool.oldest(99) for r in readings_of(one.data)[0] if r.series.kind == "sensor_ledger"]
    assert [row.values["accepted"] for row in told if row.time_ms > UTC + 1_000] == [1]


def test_the_account_told_at_the_end_holds_what_was_accepted_last(recorder: Recorders) -> None:
    made = recorder()
    made.commit(Now(1_000, UTC, True))
    made.keep([air(UTC + 1_000), air(UTC + 1_500)])
    made.commit(Now(2_000, UTC + 1_000, True), closing=True)
    told = [r for one in made.seal() for r in readings_of(one.data)[0] if r.series.kind == "sensor_ledger"]
    assert [row.values["accepted"] for row in told if row.series.sensor == "air-1"][-1] == 2


@pytest.mark.parametrize(
    "gone", [("spool.db",), ("spool.db", "spool.db-wal", "spool.db-shm"), ("folder",), ("replaced",)]
)
def test_a_spool_that_is_deleted_or_replaced_while_we_run_is_written_anew_whole(
    recorder: Recorders, gone: tuple[str, ...]
) -> None:
    made = recorder()
    made.commit(Now(0, UTC, True))
    made.keep([air(UTC + 1), air(UTC + 2)])
    made.commit(Now(1, UTC + 3, True), seal="all")
    made.keep([air(UTC + 4)])
    made.commit(Now(2, UTC + 5, True))
    before = (made.spool.spool_id, made.spool.next_seq, made.spool.depth().rows)
    made.keep_in_place()
    assert made.spool.in_place
    path = made.spool.path
    if gone == ("replaced",):
        (path.parent / "theirs").write_bytes(b"a backup of last year")
        (path.parent / "theirs").rename(path)
    elif gone == ("folder",):
        shutil.rmtree(path.parent)
    else:
        for name in gone:
            path.with_name(path.name + name.removeprefix("spool.db")).unlink()
    made.keep([air(UTC + 6)])
    made.commit(Now(3, UTC + 7, True))
    assert not made.spool.in_place
    made.keep_in_place()
    assert made.spool.in_place
    made.keep([air(UTC + 8)])
    made.commit(Now(4, UTC + 9, True), closing=True)
    made.spool.close()
    again = Spool(path, "lp-1", "here")
    assert (again.spool_id, again.next_seq) == before[:2], "the same life goes on"
    assert again.depth().rows >= before[2] + 2
    assert again.damaged() is None
    again.close()
    assert (path.with_name("spool.db.replaced-1").exists()) == (gone == ("replaced",))
