"""A state file that takes nothing: full, read-only or locked. Nothing is told by halves, nothing is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from collector.files.statedb import transaction
from tests.alerts.desk import HIGH, Desk
from tests.closes import Closes
from wire.times import MINUTE_MS

Break = Callable[[Desk], Callable[[], None]]


def connections(desk: Desk) -> list[sqlite3.Connection]:
    return [desk.state, desk.alerting._tell_book._db]


def fill(db: sqlite3.Connection, size: int) -> None:
    while True:
        db.execute("INSERT INTO filler VALUES (zeroblob(?))", (size,))


def full(desk: Desk) -> Callable[[], None]:
    """No page is left: as on a full disk, what is in the file can be changed and nothing added."""
    desk.state.execute("CREATE TABLE filler (body BLOB)")
    (pages,) = desk.state.execute("PRAGMA page_count").fetchone()
    for each in connections(desk):
        each.execute(f"PRAGMA max_page_count = {pages + 20}")
    for size in (4000, 400, 40, 4):
        with pytest.raises(sqlite3.OperationalError, match="full"):
            fill(desk.state, size)

    def mend() -> None:
        desk.state.execute("DELETE FROM filler")

    return mend


def read_only(desk: Desk) -> Callable[[], None]:
    for each in connections(desk):
        each.execute("PRAGMA query_only = 1")

    def mend() -> None:
        for each in connections(desk):
            each.execute("PRAGMA query_only = 0")

    return mend


def locked(desk: Desk) -> Callable[[], None]:
    for each in connections(desk):
        each.execute("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(desk.folder / "c1.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other.close


BREAKS = pytest.mark.parametrize("spoil", [full, read_only, locked])


def states(desk: Desk) -> list[str]:
    """What was told of, in order; each message and key once."""
    assert len({key for key, _ in desk.told}) == len(desk.told)
    return [state for _, lines in desk.told for state, _ in lines]


@BREAKS
def test_what_happens_meanwhile_is_told_in_order_once_the_file_can_be_written(
    tmp_path: Path, spoil: Break, closes: Closes
) -> None:
    desk = closes(Desk(tmp_path, HIGH))
    desk.reading(10.0)
    desk.wait(MINUTE_MS)
    mend = spoil(desk)
    for value in (90.0, 10.0):
        desk.now_ms += MINUTE_MS
        desk.reading(value)
        desk.wait(MINUTE_MS)
    assert (desk.told, desk.retained) == ([], {})
    assert desk.alerting.trouble is not None
    assert desk.points() == []
    mend()
    desk.now_ms += MINUTE_MS
    desk.reading(95.0)
    desk.wait(10 * MINUTE_MS)
    assert desk.alerting.trouble is None
    assert [state for state, _ in desk.points()] == ["firing", "resolved", "firing"]
    assert len(desk.retained) == 1
    assert set(states(desk)) <= {"firing", "resolved", "flapping"}
    assert states(desk)[-1] in ("firing", "flapping")
    before = list(desk.told)
    desk.die()
    desk.wait(10 * MINUTE_MS)
    assert desk.told == before


@BREAKS
def test_a_collector_that_dies_while_the_file_cannot_be_written_tells_after_its_start(
    tmp_path: Path, spoil: Break, closes: Closes
) -> None:
    desk = closes(Desk(tmp_path, HIGH))
    desk.reading(10.0)
    desk.wait(MINUTE_MS)
    mend = spoil(desk)
    desk.now_ms += MINUTE_MS
    desk.reading(90.0)
    desk.wait(20_000)
    assert desk.told == []
    mend()
    desk.die()
    desk.wait(10 * MINUTE_MS)
    assert states(desk) == ["firing"]


@BREAKS
def test_what_people_ask_meanwhile_is_refused_with_the_reason_and_works_later(
    tmp_path: Path, spoil: Break, closes: Closes
) -> None:
    desk = closes(Desk(tmp_path, HIGH))
    desk.reading(90.0)
    desk.wait(MINUTE_MS)
    (name,) = desk.alerting.desk.standings
    mend = spoil(desk)
    desk.now_ms += MINUTE_MS
    desk.reading(10.0)
    desk.wait(MINUTE_MS)
    asked = {"alert": name, "who": "wang", "note": "on site", "until_ms": desk.now_ms + 60 * MINUTE_MS}
    assert "cannot be written" in desk.alerting.ask("note", asked, desk.now_ms)["refused"]
    mend()
    desk.wait(MINUTE_MS)
    assert desk.alerting.ask("note", asked, desk.now_ms)["done"]


def test_after_a_transaction_that_failed_the_next_can_begin(tmp_path: Path, closes: Closes) -> None:
    db = closes(sqlite3.connect(tmp_path / "state.db", isolation_level=None))
    db.execute("CREATE TABLE kept (value INTEGER PRIMARY KEY)")
    with pytest.raises(sqlite3.IntegrityError), transaction(db):
        db.executemany("INSERT INTO kept VALUES (?)", [(1,), (1,)])
    with transaction(db):
        db.execute("INSERT INTO kept VALUES (2)")
    assert db.execute("SELECT value FROM kept").fetchall() == [(2,)]


def test_a_trail_that_takes_nothing_is_a_line_in_the_log_and_not_one_a_look(
    tmp_path: Path, closes: Closes, caplog: pytest.LogCaptureFixture
) -> None:
    """The rules look ten times a second while readings come, and each look tried it, and said so."""
    desk = closes(Desk(tmp_path, HIGH))
    desk.tick()
    desk.trail._db.execute("PRAGMA query_only = 1")
    asked = {"match": "node=lp-1", "end_ms": desk.now_ms + MINUTE_MS, "who": "wang"}
    assert "refused" not in desk.alerting.ask("silence", asked, desk.now_ms)
    desk.wait(10_000, 100)
    assert [r.getMessage() for r in caplog.records if "trail" in r.getMessage()] == [
        "the audit trail waits: attempt to write a readonly database"
    ]
    desk.trail._db.execute("PRAGMA query_only = 0")
    desk.wait(5_000, 100)
    assert [line.who for line in desk.trail.trail(9)] == ["wang"]
