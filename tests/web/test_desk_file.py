"""Readers of the desk's file wait for nobody: every page of every reader asks it."""

from __future__ import annotations

import threading
from pathlib import Path

from collector.web.desk.file import DeskFile
from collector.web.desk.reports import KINDS, Reports


def test_who_reads_does_not_wait_for_who_writes(tmp_path: Path) -> None:
    file = DeskFile(tmp_path / "desk.db")
    reports = Reports(file)
    reports.submit("lp-1", KINDS[0], "burnt rubber", "", 1)
    read, seen = threading.Event(), list[int]()

    def page() -> None:
        seen.append(len(reports.newest()))
        read.set()

    with file.use() as db:
        db.execute("DELETE FROM report")
        threading.Thread(target=page, daemon=True).start()
        assert read.wait(30), "the reader waited for the writer"
    assert seen == [1], "what is not committed is not read"
    assert reports.newest() == []
    file.close()
