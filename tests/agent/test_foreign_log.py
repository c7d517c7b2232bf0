"""A log or journal of another database beside the spool: noticed, told, and no reading is lost (real SQLite)."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from edge_agent.reading import Reading, Series
from edge_agent.spool import file
from edge_agent.spool.spool import SYNCED, Origin, Spool, SpoolError

AIR = Series("air-1", "air_quality")
ORIGIN = Origin("lp-1", "s", "b71d04c2", SYNCED)
T0 = 1_790_000_000_000


def _filled(path: Path, batches: int = 30) -> dict[tuple[str, int], bytes]:
    """A spool that was closed as an agent closes it; what waits in it."""
    path.parent.mkdir(exist_ok=True)
    spool = Spool(path, "lp-1", "s")
    for number in range(batches):
        spool.accept([Reading(AIR, T0 + 60_000 * number + at * 1000, {"pm25_raw_ugm3": 1.0 * at}) for at in range(60)],
                     ORIGIN)  # fmt: skip
        spool.seal()
    found = _waiting(spool)
    spool.close()
    return found


def _waiting(spool: Spool) -> dict[tuple[str, int], bytes]:
    return {(one.spool, one.seq): one.data for one in spool.batches.all_waiting()}


def _log_of_another(folder: Path, rows: int = 20) -> Path:
    """The log of a database of somebody else's, while it is open."""
    db = sqlite3.connect(folder / "other.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("CREATE TABLE IF NOT EXISTS t (x)")
    for _ in range(rows):
        db.execute("INSERT INTO t VALUES (randomblob(5000))")
    shutil.copy(folder / "other.db-wal", folder / "foreign-wal")
    shutil.copy(folder / "other.db-shm", folder / "foreign-shm")
    db.close()
    return folder / "foreign-wal"


def _log_of_another_spool(folder: Path) -> Path:
    spool = Spool(folder / "elsewhere.db", "lp-1", "s")
    spool.accept([Reading(AIR, T0, {"pm25_raw_ugm3": 1.0})], ORIGIN)
    spool.seal()
    shutil.copy(folder / "elsewhere.db-wal", folder / "foreign-wal")
    spool.close()
    return folder / "foreign-wal"


@pytest.mark.parametrize("whose", [_log_of_another, _log_of_another_spool])
@pytest.mark.parametrize("with_index", [False, True])
def test_the_log_of_another_database_is_put_aside(tmp_path: Path, whose: object, with_index: bool) -> None:
    assert callable(whose)
    path = tmp_path / "spool" / "spool.db"
    before = _filled(path)
    shutil.copy(whose(tmp_path), path.with_name("spool.db-wal"))
    if with_index and (tmp_path / "foreign-shm").exists():
        shutil.copy(tmp_path / "foreign-shm", path.with_name("spool.db-shm"))
    spool = Spool(path, "lp-1", "s")
    now = _waiting(spool)
    assert {name: now.get(name) for name in before} == before
    assert path.with_name("spool.db.foreign-1-wal").exists(), "put aside, never deleted"
    assert "foreign" in (spool.damaged() or "")
    assert spool.spools()[0] != next(iter(before))[0] or len(spool.spools()) == 2, "a new life, as after a repair"
    spool.accept([Reading(AIR, T0 - 1000, {"pm25_raw_ugm3": 7.0})], ORIGIN)
    sealed = spool.seal()
    spool.close()
    again = Spool(path, "lp-1", "s")
    assert {one.seq for one in sealed} <= {seq for name, seq in _waiting(again) if name == again.spool_id}
    again.close()


def test_a_hot_journal_of_another_database_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "spool" / "spool.db"
    before = _filled(path)
    other = sqlite3.connect(tmp_path / "other.db", isolation_level=None)
    other.execute("CREATE TABLE t (x)")
    other.execute("INSERT INTO t VALUES (1)")
    other.execute("PRAGMA cache_size=1")
    other.execute("BEGIN")
    other.executemany("INSERT INTO t VALUES (?)", [(b"x" * 2000,)] * 200)  # more than the cache holds: it is spilled
    shutil.copy(tmp_path / "other.db-journal", path.with_name("spool.db-journal"))
    other.close()
    spool = Spool(path, "lp-1", "s")
    assert {name: _waiting(spool).get(name) for name in before} == before
    assert path.with_name("spool.db.foreign-1-journal").exists()
    spool.close()


def test_its_own_log_after_a_kill_is_played_in(tmp_path: Path) -> None:
    path = tmp_path / "spool" / "spool.db"
    before = _filled(path)
    spool = Spool(path, "lp-1", "s")
    spool.accept([Reading(AIR, T0 + 10**8, {"pm25_raw_ugm3": 7.0})], ORIGIN)
    spool.seal()
    now = _waiting(spool)
    killed = tmp_path / "killed"
    shutil.copytree(path.parent, killed)  # as the disk is at this moment
    spool.close()
    again = Spool(killed / "spool.db", "lp-1", "s")
    assert _waiting(again) == now
    assert len(now) == len(before) + 1
    assert again.damaged() is None
    again.close()


@pytest.mark.parametrize("killed", [False, True])
def test_a_start_reads_the_file_through_once(tmp_path: Path, killed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power cut it was three times: gigabytes, and systemd ends a start that takes too long."""
    path = tmp_path / "spool" / "spool.db"
    _filled(path)
    spool = Spool(path, "lp-1", "s")
    spool.accept([Reading(AIR, T0 + 10**8, {"pm25_raw_ugm3": 7.0})], ORIGIN)
    if not killed:
        spool.close()
    shutil.copytree(path.parent, tmp_path / "left")
    checks: list[bool] = []
    is_whole = file._is_whole
    monkeypatch.setattr(file, "_is_whole", lambda db: checks.append(is_whole(db)) or checks[-1])
    Spool(tmp_path / "left" / "spool.db", "lp-1", "s").close()
    assert checks == [True]
    if killed:
        spool.close()


def test_a_young_spool_that_is_all_in_its_log_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "spool" / "spool.db"
    path.parent.mkdir()
    spool = Spool(path, "lp-1", "s")
    spool.accept([Reading(AIR, T0, {"pm25_raw_ugm3": 7.0})], ORIGIN)
    shutil.copytree(path.parent, tmp_path / "killed")
    spool_id = spool.spool_id
    spool.close()
    again = Spool(tmp_path / "killed" / "spool.db", "lp-1", "s")
    assert again.spool_id == spool_id
    assert len(again.seal()) == 1
    again.close()


def test_a_life_that_the_disk_did_not_take_is_none(tmp_path: Path) -> None:
    """Batches of a life that stands nowhere would wait for ever: the failed one leaves no trace in memory."""
    path = tmp_path / "spool.db"
    _filled(path, 60)
    spool = Spool(path, "lp-1", "s")
    life = spool.spool_id
    pages = spool._db.execute("PRAGMA page_count").fetchone()[0]
    spool._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(SpoolError):
        spool.begin_life(T0)
    spool._db.execute("PRAGMA max_page_count = 1000000")
    assert spool.spool_id == life
    spool.accept([Reading(AIR, T0 + 10**8, {"pm25_raw_ugm3": 7.0})], ORIGIN)
    (sealed,) = spool.seal()
    assert (sealed.spool, sealed.seq) in _waiting(spool)
    spool.close()
