"""Readers of the desk's file wait for nobody: every page of every reader asks it."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import pytest

from collector.files.sqlite_file import WAITS_S
from collector.web.desk.accounts import Accounts
from collector.web.desk.api_tokens import ApiTokens
from collector.web.desk.file import DeskFile
from collector.web.desk.reports import KINDS, Reports
from tests.closes import Closes


def test_who_reads_does_not_wait_for_who_writes(tmp_path: Path) -> None:
    file = DeskFile(tmp_path / "desk.db")
    reports = Reports(file)
    reports.submit("lp-1", KINDS[0], "burnt rubber", "", 1)
    file.note("li", "login", "", 1)
    read, seen = threading.Event(), list[int]()

    def page() -> None:
        seen.extend((len(reports.newest()), len(file.trail(5))))
        read.set()

    with file.use() as db:
        db.execute("DELETE FROM report")
        db.execute("DELETE FROM audit")
        threading.Thread(target=page, daemon=True).start()
        assert read.wait(30), "the reader waited for the writer"
    assert seen == [1, 1], "what is not committed is not read"
    assert reports.newest() == []
    file.close()


@pytest.mark.parametrize("trouble", ["locked", "full"])
def test_who_was_let_in_is_not_turned_away_by_a_file_that_takes_nothing(
    tmp_path: Path, trouble: str, closes: Closes
) -> None:
    """That somebody was here is written once a minute: each page of the desk waited ten seconds for it, and broke."""
    file = closes(DeskFile(tmp_path / "desk.db"))
    accounts, tokens = Accounts(file), ApiTokens(file)
    accounts.create("li", "correct horse battery", 0)
    session = accounts.log_in("li", "correct horse battery", 0)
    token = tokens.create("board", ["read"], "li", 0)
    assert session is not None
    other = closes(sqlite3.connect(tmp_path / "desk.db", isolation_level=None))
    if trouble == "locked":
        other.execute("BEGIN IMMEDIATE")
    else:
        file._db.execute("PRAGMA query_only = 1")
    began_s = time.monotonic()
    for minute_ms in (120_000, 240_000):
        assert accounts.session(session, minute_ms) is not None
        assert tokens.check(token, minute_ms) is not None
    assert time.monotonic() - began_s < WAITS_S / 2
    if trouble == "locked":
        other.execute("ROLLBACK")
    else:
        file._db.execute("PRAGMA query_only = 0")
    assert accounts.session(session, 360_000) is not None
    assert [account.seen_ms for account in accounts.all()] == [360_000]
    assert file._db.execute("PRAGMA busy_timeout").fetchone()[0] == WAITS_S * 1000
