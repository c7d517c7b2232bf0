"""The embedded store's file is taken away, or damaged, under the running collector."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from collector.stores.sqlite import Sqlite
from collector.stores.store import Held, Select, Stored, Table
from tests.closes import Closes

SERIES = (("node", "lp-1"),)


@pytest.mark.parametrize("replaced", [False, True])
def test_nothing_is_called_stored_until_it_is_back(tmp_path: Path, closes: Closes, replaced: bool) -> None:
    file, aside = tmp_path / "readings.db", tmp_path / "aside.db"
    store = closes(Sqlite(file))
    rows = store.render(Table("air_quality", SERIES, [60_000], {"pm25_ugm3": [8.0]}))
    assert isinstance(store.write(rows), Stored)
    file.rename(aside)
    if replaced:
        file.write_bytes(b"")
    answer = store.write(rows)
    assert isinstance(answer, Held)
    assert answer.reason.startswith(f"{file} was deleted or replaced under this program. Cure: move it back")
    assert isinstance(store.prepare(), Stored), "asked again it is ready, and refuses again"
    assert isinstance(store.write(rows), Held)
    aside.rename(file)
    assert isinstance(store.write(rows), Stored)
    assert len(store.select(Select("air_quality", ("pm25_ugm3",), 0, 120_000))) == 1


def test_a_file_that_is_damaged_under_it_is_held_with_the_cure_and_breaks_nothing(
    tmp_path: Path, closes: Closes
) -> None:
    """The second look at it, after the write that failed, ended the ingest's every round from then on."""
    file = tmp_path / "readings.db"
    store = closes(Sqlite(file))
    rows = store.render(Table("air_quality", SERIES, [60_000], {"pm25_ugm3": [8.0]}))
    assert isinstance(store.write(rows), Stored)
    with closing(sqlite3.connect(file)) as other:  # another program, so that the series are looked up again
        other.execute("CREATE TABLE other (x)")
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = other.execute("PRAGMA page_size").fetchone()
        (root,) = other.execute("SELECT rootpage FROM sqlite_master WHERE name = 'series'").fetchone()
    with file.open("r+b") as raw:
        raw.seek((root - 1) * size)
        raw.write(b"\xff" * size)
    answer = store.write(rows)
    assert isinstance(answer, Held)
    assert "malformed. Cure: it is damaged: put it aside" in answer.reason
