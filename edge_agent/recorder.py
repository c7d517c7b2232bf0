"""The recorder: from readings in memory to readings on disk, at their true time. Knows no clock: it is told the time.

    keep(readings) > commit(now), every second > the same commit seals, every seal_s, or at once what is urgent

While the wall clock is not trusted, readings carry milliseconds since boot and wait unsealed. What a disk would not
take waits in memory up to a limit; what goes beyond it is counted, and told in a gap record when the disk takes again.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from edge_agent.hours import Hours
from edge_agent.reading import Reading
from edge_agent.sensor_state import PASSING
from edge_agent.sensors.last_word import last_word
from edge_agent.sensors.sensor import Sensor
from edge_agent.spool import gap_records
from edge_agent.spool.gap_records import Loss
from edge_agent.spool.spool import (
    ESTIMATED,
    RESTORED,
    RESTORED_AT_ONCE,
    SYNCED,
    UNSYNCED,
    Origin,
    Sealed,
    Spool,
    SpoolError,
    SpoolIoError,
)
from edge_agent.timeline import FLOOR_MS, Timeline
from edge_agent.unwritten import Unwritten
from edge_agent.urgency import Urgency
from wire.names import is_boot

log = logging.getLogger("lamppost.recorder")

AT_ONCE = 1_000  # readings a commit: to try all of them every second would keep a board busy while its disk is full
REBOOT_MS = 30_000  # how long a restart takes, for times that can only be estimated
HOURS_KEY, BOOT_KEY = "hours", "boot"
_OF_THE_NODE = frozenset({"sensor_ledger", "gap", "node_health"})
"""What no sensor said: it has no account of its own."""

Sealing = Literal["no", "urgent", "all"]
"""Whether a commit seals: not, when something urgent waits, or in any case."""


class Now(NamedTuple):
    """One look at the clocks: milliseconds since boot, the wall clock, and whether NTP has set it."""

    boot_ms: int
    wall_ms: int
    synchronised: bool


class Recorder:
    """Keeps what the sensors say. `open_spool` opens the file again after a disk failed under a write.

    Without an `urgency` nothing is urgent. `alive` is called while something takes its time.
    """

    def __init__(
        self, node: str, site: str, boot: str, sensors: list[Sensor], open_spool: Callable[[], Spool],
        urgency: Urgency | None = None, alive: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self.spool = open_spool()
        renamed = self.spool.renamed
        if renamed:
            self.spool.begin_life(self.spool.latest_ms(), alive)
        self.timeline = Timeline()
        self.taken = 0  # since the start, into memory: accepted soon after, or counted as refused
        self.accepted = 0
        self.commits = 0
        self.refused = 0
        self.disk_ok = True
        self.urgency = urgency
        self._alive = alive
        self._failed = False
        self._node, self._site, self._boot = node, site, boot
        self._boot_ms = 0
        self._sensors = sensors
        self._open_spool = open_spool
        self.unwritten = Unwritten()
        self._hours = Hours(None if renamed else self.spool.state(HOURS_KEY))  # what went out is the old name's
        self._gone: dict[str, None] = {}  # sensors whose last word goes with the next commit, and then their state
        self._life = self.spool.spool_id
        self._looked: dict[str, tuple[int, int]] = {}
        self._unsynced = self.spool.unsynced(1) > 0
        self._restoring_ms: int | None = None
        self._began_ms: dict[str, int] = {}  # when each earlier boot began that never knew the time

    def restore(self, now: Now) -> None:
        """Sensors go on with what they counted when this agent, or the one before it, ended."""
        if self.timeline.offset_ms is not None:
            self.unwritten.move(self.timeline.offset_ms)
        before = self.spool.state(BOOT_KEY)
        of_this = before == self._boot or not is_boot(before)  # an agent of before did not say
        moved_ms = (self.timeline.offset_ms or 0) if of_this else None
        stamp = self.stamp(now)
        told = [row for one in self._sensors for row in one.restore(self.spool.state(one.name), stamp, moved_ms)]
        self.keep([row for row in told if row.time_ms >= FLOOR_MS])
        if dateless := [row for row in told if row.time_ms < FLOOR_MS]:
            self.keep_of(before, dateless)
        self._hear_those_gone(before)

    def _hear_those_gone(self, before: Any) -> None:
        """The vehicles of an interval that was open when its sensor was renamed, or taken off the list.

        Where the time is not known yet those of true time wait for a start at which it is.
        """
        ours = {HOURS_KEY, BOOT_KEY, *(one.name for one in self._sensors if one.traffic is not None)}
        for name in self.spool.state_keys():
            told = last_word(name, self.spool.state(name)) if name not in ours else []
            if told and told[0].time_ms < FLOOR_MS and is_boot(before):
                self.keep_of(before, told)
            elif told and told[0].time_ms >= FLOOR_MS and self.timeline.trusted:
                self.keep(told)
            else:
                continue
            self._gone[name] = None

    def keep_of(self, boot: str, readings: list[Reading]) -> None:
        """Readings of an earlier boot that never knew the time go to those of it that wait."""
        try:
            self.spool.accept(readings, Origin(self._node, self._site, boot, UNSYNCED), {BOOT_KEY: self._boot})
            self._unsynced = True
        except SpoolError as error:
            self.trouble(error)

    def stamp(self, now: Now) -> int:
        """The time of a reading taken now: UTC, or since boot while nobody knows better."""
        return self.timeline.stamp(now.boot_ms)

    def dated_ms(self, now: Now) -> int:
        """When what the spool does now is told to have been: without the time, with the latest that it knows."""
        return self._dated_ms(now.boot_ms, self.spool)

    def keep(self, readings: list[Reading]) -> None:
        """Hold readings until the next commit. Beyond the limit the newest are lost, and counted by sensor."""
        if self.urgency is not None:
            self.urgency.see(readings)
        self.taken += len(readings)
        self.refused += self.unwritten.keep(readings)

    def commit(self, now: Now, closing: bool = False, seal: Sealing = "no") -> list[Sealed]:
        """Commit what is pending, with the state of open intervals, and seal if wanted; then look at the clocks."""
        self._boot_ms = now.boot_ms
        stamp = self.stamp(now)
        if self.spool.spool_id != self._life:  # the card was rolled back: what it had counted the database knows
            self._life, self._hours = self.spool.spool_id, Hours()
        for sensor in self._sensors:
            self.keep(sensor.tick(stamp))
        if closing:
            self.keep_in_place()
            self._write()  # the account that is told last must hold what was accepted last
        sealed: list[Sealed] = []
        if self.timeline.trusted:
            if self._unsynced:
                sealed = self.seal()  # before anything later is accepted, or what waited would have to move behind it
            told = self._tally(stamp)
            if self.disk_ok:  # else told later: a disk that is full for weeks would fill memory with its accounts
                self.unwritten.readings += [*self._hours.tick(stamp, closing), *told, *self.unwritten.gaps(stamp)]
        urgent = seal == "urgent" and self.urgency is not None and self.urgency.due
        sealed += self._write(seal == "all" or urgent)
        if self._restores(now):
            return sealed + self.seal()
        self._look_at_clocks(now)
        return sealed

    def seal(self) -> list[Sealed]:
        """Seal what has its true time. Nothing is lost when the disk will not: it is tried again."""
        if self._failed and not self._open_anew():
            return []
        try:
            sealed = self.spool.seal(self._true_time)
        except SpoolError as error:
            self.trouble(error)
            return []
        self._have_sealed()
        return sealed

    def keep_in_place(self) -> None:
        """A spool that was deleted or replaced under us is written anew, whole; the disk that cannot is asked again."""
        if self._failed or self.spool.in_place:
            return
        try:
            self.spool.write_anew(self._alive)
            self._failed = True  # it is closed now
            self.spool, self._failed = self._open_spool(), False
        except SpoolError as error:
            self.trouble(error)
            return
        log.error("%s was deleted or replaced while this agent ran; all of it was written anew", self.spool.path)

    # -- inside ---------------------------------------------------------------------------------------------------

    def _write(self, seal: bool = False) -> list[Sealed]:
        """What waits goes to the disk, much of it in several commits: one that is full is asked to take little."""
        while True:
            part, rest = self.unwritten.readings[:AT_ONCE], self.unwritten.readings[AT_ONCE:]
            sealed = self._write_part(part, seal and not rest)
            if sealed is None:
                return []
            self.unwritten.readings = rest
            if not rest:
                break
        if not self.disk_ok:
            log.info("the spool takes readings again")
        self.disk_ok = True
        if seal:
            self._have_sealed()
        return sealed

    def _write_part(self, readings: list[Reading], seal: bool) -> list[Sealed] | None:
        """One commit; None when the disk will not."""
        clock = self._clock()
        counted = [reading for reading in readings if reading.series.kind not in _OF_THE_NODE]
        timed = counted if clock != UNSYNCED else []  # the others are of an hour once their time is known
        for reading in timed:
            self._hours.accept(reading.series.sensor, 1, reading.time_ms)
        state: dict[str, Any] = {s.name: s.state() for s in self._sensors if s.traffic is not None}
        state |= {HOURS_KEY: self._hours.state(), BOOT_KEY: self._boot} | self._gone
        origin, sealed = Origin(self._node, self._site, self._boot, clock), []
        try:
            if self._failed and not self._open_anew():
                raise SpoolIoError("the disk fails still")
            if seal:
                sealed = self.spool.accept_and_seal(readings, origin, state, self._true_time)
            else:
                self.spool.accept(readings, origin, state)
        except SpoolError as error:
            for reading in timed:
                self._hours.accept(reading.series.sensor, -1, reading.time_ms)
            self.trouble(error)
            return None
        self._unsynced = self._unsynced or (clock == UNSYNCED and bool(readings))
        self.accepted += len(counted)
        self.commits += 1
        self._gone = {}
        return sealed

    def _have_sealed(self) -> None:
        for sensor, kind, time_ms, values in ((*row.series[:2], *row[1:]) for row in self.spool.take_restored()):
            if kind == gap_records.KIND:  # as many were accepted, and dropped before their time was known
                self._hours.spread(sensor, int(values["lost_count"]), int(values["from_ms"]), int(values["to_ms"]))
            elif kind not in _OF_THE_NODE:
                self._hours.accept(sensor, 1, time_ms)
        if self.urgency is not None:
            self.urgency.done()
        if self._unsynced and self.timeline.trusted:
            self._unsynced = self.spool.unsynced(1) > 0

    def trouble(self, error: SpoolError) -> None:
        """The disk would not. Said once; a file whose sync has failed is opened and checked again before it is used."""
        if self.disk_ok:
            log.error("%s", error)
        self.disk_ok = False
        self._failed = self._failed or isinstance(error, SpoolIoError)

    def _dated_ms(self, boot_ms: int, spool: Spool) -> int:
        return self.timeline.stamp(boot_ms) if self.timeline.trusted else spool.latest_ms()

    def _open_anew(self) -> bool:
        """After a failed write: nothing goes into the file again before it was opened, checked and given a new life."""
        spool = None
        try:
            spool = self._open_spool()
            # which of the old numbers are on the disk, nobody knows
            spool.begin_life(self._dated_ms(self._boot_ms, spool), self._alive)
        except (SpoolError, sqlite3.Error):
            if spool is not None:
                spool.abandon()
            log.debug("the spool cannot be opened again yet")
            return False
        self.spool.abandon()
        self.spool, self._failed = spool, False
        self._life = spool.spool_id  # under which the account goes on: whatever the disk has lost is missed by it
        return True

    def _restores(self, now: Now) -> bool:
        """True while the time is known, and more waits for it than can be sealed at once: the clock is not trusted
        before, or what comes now would be accepted before what waited.
        """
        if self.timeline.trusted or not (self._unsynced and self.timeline.believes(now.wall_ms, now.synchronised)):
            return False
        self._restoring_ms = now.wall_ms - now.boot_ms
        return self.spool.unsynced(RESTORED_AT_ONCE + 1) > RESTORED_AT_ONCE

    def _look_at_clocks(self, now: Now) -> None:
        was_trusted = self.timeline.trusted
        step_ms = self.timeline.observe(now.boot_ms, now.wall_ms, now.synchronised)
        if step_ms is not None:
            log.warning("the clock was set by %+.1f s", step_ms / 1000)
            self._shift(step_ms)
            # what was sealed keeps its times for ever: which of them are doubtful is told beside them
            doubtful = Loss("node", 0, *self.timeline.doubtful)
            self.unwritten.readings.append(gap_records.record(doubtful, "clock-set", self.stamp(now)))
            try:
                self.spool.doubt()
            except SpoolError as error:
                self.trouble(error)
        if self.timeline.trusted and not was_trusted:
            assert self.timeline.offset_ms is not None
            log.info("the clock is trusted")
            self._shift(self.timeline.offset_ms)
            self.unwritten.move(self.timeline.offset_ms)

    def _shift(self, by_ms: int) -> None:
        """What sensors know by the clock moves with it: an interval that began ahead of it would not end."""
        for sensor in self._sensors:
            sensor.shift(by_ms)

    def _clock(self) -> str:
        """The word for what is accepted now."""
        if not self.timeline.trusted:
            return UNSYNCED
        return ESTIMATED if self._boot_ms < self.timeline.doubted_until_ms else SYNCED

    def _true_time(self, boot: str) -> tuple[int, str] | None:
        """What to add to times since boot. An earlier boot is taken to have ended when the next began: an estimate."""
        offset_ms = self._restoring_ms if self.timeline.offset_ms is None else self.timeline.offset_ms
        if offset_ms is None:
            return None
        if boot == self._boot:
            return offset_ms, RESTORED
        if not self._began_ms:
            began_ms = offset_ms
            for earlier, until_ms in reversed([one for one in self.spool.untimed() if one[0] != self._boot]):
                began_ms -= REBOOT_MS + until_ms
                self._began_ms[earlier] = began_ms
        return self._began_ms.get(boot, offset_ms), ESTIMATED

    def _tally(self, stamp_ms: int) -> list[Reading]:
        """What each sensor did since the last second: damaged frames and silence beyond what its profile allows.

        Returns the accounts of those that begin to fail.
        """
        told: list[Reading] = []
        for sensor in self._sensors:
            bad, last_ms = sum(sensor.bad.values()), sensor.last_frame_ms
            before, looked_ms = self._looked.get(sensor.name, (bad, self._boot_ms))
            silent = last_ms is None or stamp_ms - last_ms > sensor.silence_s * 1000
            since_s = (self._boot_ms - looked_ms) / 1000
            self._hours.observe(sensor.name, bad - before, since_s if silent else 0.0, stamp_ms)
            self._looked[sensor.name] = (bad, self._boot_ms)
            failing = last_ms is not None and (silent or sensor.doubt not in PASSING)
            if self.urgency is not None and self.urgency.begins_to_fail(sensor.name, failing, stamp_ms):
                told += self._hours.tell(sensor.name, stamp_ms)
        return told
