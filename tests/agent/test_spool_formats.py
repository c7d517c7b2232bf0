"""Spools of other versions: each released format is kept as a file, and read in both directions (fault F20).

The agent of today takes over a full spool of yesterday's; yesterday's agent, put back after an upgrade that went wrong,
goes on with today's. What yesterday's agent asks of a file is kept here as its statements were.
"""

from __future__ import annotations

import gzip
import sqlite3
from pathlib import Path

import pytest

from edge_agent.reading import Reading
from edge_agent.spool.file import FORMAT
from edge_agent.spool.sealing import readings_of
from edge_agent.spool.spool import Origin, Spool, SpoolError
from edge_agent.spool.view import View
from tests.agent.spools.make import AIR, FIELD, NODE, SITE, T0
from tests.closes import Closes
from wire import batch

SPOOLS = Path(__file__).parent / "spools"
FORMATS = sorted(SPOOLS.glob("format-*.db.gz"))

FORMAT_1 = (
    "INSERT INTO chunk (site, boot, clock, rows, body) VALUES (?, ?, ?, ?, ?)",
    "INSERT OR REPLACE INTO state VALUES (?, ?)",
    "SELECT id, site, boot, clock, body, rows FROM chunk ORDER BY id",
    "DELETE FROM chunk WHERE id = ?",
    "INSERT INTO batch (life, seq, digest, rows, from_ms, to_ms) VALUES (?, ?, ?, ?, ?, ?)",
    "INSERT INTO sealed VALUES (?, ?)",
    "SELECT batch.id, spool, seq, digest, rows, from_ms, to_ms, CAST(bytes AS BLOB), code IS NOT NULL FROM batch"
    " JOIN sealed USING (id) JOIN life ON life = life.id WHERE acked_ms IS NULL ORDER BY batch.id ASC LIMIT ?",
    "UPDATE batch SET code = ?, acked_ms = ? WHERE id = ?",
    "DELETE FROM sealed WHERE id IN (SELECT id FROM batch WHERE acked_ms < ?)",
    "SELECT id, spool FROM life ORDER BY id DESC LIMIT 1",
    "INSERT INTO life (spool) VALUES (?)",
    "INSERT OR REPLACE INTO meta VALUES (?, ?)",
)


def kept(fixture: Path, folder: Path) -> Path:
    path = folder / "spool.db"
    path.write_bytes(gzip.decompress(fixture.read_bytes()))
    return path


def test_there_is_a_fixture_of_every_format() -> None:
    assert [file.name for file in FORMATS] == [f"format-{n}.db.gz" for n in range(1, FORMAT + 1)]


@pytest.mark.parametrize("fixture", FORMATS, ids=lambda file: file.name)
def test_a_full_spool_of_an_earlier_agent_goes_on_byte_for_byte(fixture: Path, tmp_path: Path, closes: Closes) -> None:
    path = kept(fixture, tmp_path)
    before = sqlite3.connect(path)
    sealed = dict(before.execute("SELECT seq, bytes FROM batch JOIN sealed USING (id) WHERE acked_ms IS NULL"))
    before.close()
    spool = Spool(path, NODE, SITE)
    assert spool.damaged() is None
    assert {one.seq: one.data for one in spool.oldest(99)} == sealed
    assert all(batch.digest(one.data) == one.digest for one in spool.oldest(99))
    assert spool.state("radar-1") == {"count": 19}
    assert (spool.unsynced(9), spool.untimed()) == (1, [("b71d04c2", 5001)])
    last = max(sealed)
    (rest,) = spool.seal()
    assert rest.seq == last + 1
    assert [row.values[FIELD] for row in readings_of(rest.data)[0]] == [200, 201, 202]
    assert spool.replay(T0, T0 + 10**6) == 5
    numbers = sorted(
        row.values[FIELD] for one in spool.oldest(99) for row in readings_of(one.data)[0] if row.series == AIR
    )
    assert numbers == list(range(203))
    spool.close()
    assert (
        closes(View(path)).survey().waiting_rows == 203 + 20 + 1 + 2
    )  # a gap record of the split, two rows without a time


def test_an_agent_of_format_1_can_work_on_a_file_of_today(tmp_path: Path, closes: Closes) -> None:
    spool = Spool(tmp_path / "spool.db", NODE, SITE)
    spool.close()
    db = closes(sqlite3.connect(tmp_path / "spool.db"))
    for statement in FORMAT_1:
        db.execute("EXPLAIN " + statement, (None,) * statement.count("?"))
    assert dict(db.execute("SELECT key, value FROM meta WHERE key = 'reader'"))["reader"] <= FORMAT


def made_by_the_next(path: Path, reader: int) -> None:
    spool = Spool(path, NODE, SITE)
    spool.close()
    db = sqlite3.connect(path)
    db.executescript(
        f"UPDATE meta SET value = {FORMAT + 1} WHERE key = 'format'; UPDATE meta SET value = {reader} WHERE"
        " key = 'reader'; ALTER TABLE batch ADD COLUMN lane INTEGER DEFAULT 0; CREATE TABLE seal (id INTEGER);"
    )
    db.close()


def test_a_file_of_the_next_format_is_worked_on_and_stays_what_it_is(tmp_path: Path, closes: Closes) -> None:
    path = tmp_path / "spool.db"
    made_by_the_next(path, reader=FORMAT)
    spool = Spool(path, NODE, SITE)
    spool.accept([Reading(AIR, T0, {FIELD: 1})], Origin(NODE, SITE, "b71d04c2", "synced"))
    assert [one.seq for one in spool.seal()] == [1]
    assert spool.oldest(9)[0].rows == 1
    spool.close()
    db = closes(sqlite3.connect(path))
    assert db.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()[0] == FORMAT + 1


def test_a_file_of_a_format_that_this_agent_may_not_touch_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    made_by_the_next(path, reader=FORMAT + 1)
    before = path.read_bytes()
    with pytest.raises(SpoolError, match="install the newer agent again"):
        Spool(path, NODE, SITE)
    assert path.read_bytes() == before
