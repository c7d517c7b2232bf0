"""A card that forgets a bit: the agent starts, whatever bit it is, and goes on taking and sealing readings."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from device_profiles.catalogue import load
from edge_agent.reading import Reading, Series
from edge_agent.recorder import Now, Recorder
from edge_agent.sensors.sensor import Sensor, counter_of
from edge_agent.spool.spool import Spool

UTC = 1_790_000_000_000
FLIPS = 50


def recorder(path: Path) -> Recorder:
    """One with a radar: its open interval is state on the disk."""
    profile = load().get("omnipresense-ops243a")
    radar = Sensor("radar-1", profile, counter_of(profile, "radar-1", "1", ("in", "out"), 60))
    made = Recorder("lp-1", "here", "b" * 32, [radar], lambda: Spool(path, "lp-1", "here"))
    radar.restore(made.spool.state(radar.name), UTC)
    return made


def work(made: Recorder, first_s: int, last_s: int) -> None:
    for at_s in range(first_s, last_s):
        series = Series(f"air-{at_s % 7}", "air_quality")
        made.keep([Reading(series, UTC + at_s * 1000, {"pm25_raw_ugm3": at_s})])
        made.commit(Now(at_s * 1000, UTC + at_s * 1000, True), seal="all" if at_s % 3 == 0 else "no")


@pytest.mark.parametrize("seed", range(3))
def test_whatever_bit_a_card_forgets_the_agent_starts_and_goes_on(tmp_path: Path, seed: int) -> None:
    path, rng = tmp_path / "spool.db", random.Random(seed)
    made = recorder(path)
    work(made, 0, 40)
    made.spool.close()
    sound = path.read_bytes()
    for flip in range(FLIPS):
        spoilt = bytearray(sound)
        spoilt[rng.randrange(len(spoilt))] ^= 1 << rng.randrange(8)
        for old in tmp_path.iterdir():
            old.unlink()
        path.write_bytes(spoilt)
        made = recorder(path)
        work(made, 41, 47)
        assert made.disk_ok, flip
        assert made.spool.newest(1)
        made.spool.oldest(9)
        made.spool.close()


@pytest.mark.parametrize("value", [3, "x", None])
def test_a_number_that_the_disk_has_changed_is_not_used_twice(tmp_path: Path, value: object) -> None:
    path = tmp_path / "spool.db"
    made = recorder(path)
    work(made, 0, 40)
    following = made.spool.next_seq
    made.spool.close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE meta SET value = ? WHERE key = 'next_seq'", (value,))
    made = recorder(path)
    assert made.spool.next_seq == following
    made.spool.close()


def test_a_file_that_is_spoilt_while_we_run_is_saved_while_we_run(tmp_path: Path) -> None:
    """What cannot be read any more must not wait for somebody to restart the agent."""
    path = tmp_path / "spool.db"
    made = recorder(path)
    work(made, 0, 40)
    made.spool._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    made.spool._db.execute("PRAGMA cache_size=0")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    work(made, 41, 47)
    assert made.disk_ok
    assert made.spool.damaged() == str(tmp_path / "spool.db.damaged-1")
    made.spool.close()
    again = Spool(path, "lp-1", "here")
    assert again.damaged() is not None
    assert again.depth().rows >= 6, "what came after the damage is on the disk"
    again.close()
