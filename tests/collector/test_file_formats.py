"""A collector's files as another version left them: those of before go on, a newer one's are left alone with the cure.

What each format held is kept as an archive. A file of it, opened by today's, must have what a new file has: a column
that was added to a table has to be added to the tables that there are, too.
"""

from __future__ import annotations

import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from collector.delivery.registry import Registry
from collector.files import trail
from collector.files.sqlite_file import FORMAT, connect
from collector.files.statedb import open_state
from collector.numbers.calibration import Calibrations
from collector.stations import fleet
from collector.stores.sqlite import Sqlite
from collector.stores.store import Held, StoreDown
from collector.web.desk.accounts import Accounts
from collector.web.desk.file import DeskFile
from tests.alerts.desk import Desk
from tests.closes import Closes
from tests.collector.files.make import FILES, RULES, fill
from wire.exits import Exit, Failure
from wire.times import MINUTE_MS

KEPT = Path(__file__).parent / "files"
FORMATS = sorted(KEPT.glob("format-*.tar.gz"))
_COLUMNS = "SELECT name, type FROM pragma_table_info(?)"


def columns(path: Path) -> set[tuple[str, str, str]]:
    """Table, column and its type."""
    with closing(connect(path, "ro")) as db:
        tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        found = [(table, *each) for (table,) in tables for each in db.execute(_COLUMNS, (table,))]
    return {(table, name, kind) for table, name, kind in found}


def format_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def test_there_is_an_archive_of_every_format() -> None:
    assert [file.name for file in FORMATS] == [f"format-{n}.tar.gz" for n in range(1, FORMAT + 1)]


@pytest.mark.parametrize("archive", FORMATS, ids=lambda file: file.name)
def test_what_an_earlier_collector_knew_is_known(archive: Path, tmp_path: Path, closes: Closes) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    new.mkdir()
    with tarfile.open(archive) as tar:
        tar.extraction_filter = getattr(tarfile, "data_filter", None)  # Debian 12's Python 3.11.2 has none
        tar.extractall(old)
    fill(new)
    office = closes(Desk(old, *RULES))
    (alert,) = office.alerting.current()
    assert (alert.state, alert.acked_by) == ("firing", "wang.lei")
    assert [each.state for each in office.alerting._tell_book.deliveries()] == ["delivered"]
    assert [known.birth.node for known in Registry(office.state).nodes()] == ["lp-1"]
    assert [record.name for record in Calibrations(office.state).all()] == ["c1"]
    assert [version.outcome for version in fleet.history(office.state, "lp-1")] == ["kept"]
    assert Accounts(office.trail).log_in("wang.lei", "correct horse", office.now_ms) is not None
    with office.trail.use() as db:
        assert trail.verify(db).broken_at is None
    office.now_ms = alert.since_ms + 5 * MINUTE_MS
    office.reading(10.0)
    office.wait(MINUTE_MS)
    assert [lines for _, lines in office.told] == [[("resolved", alert.key)]]
    office.close()
    for file in FILES:
        assert columns(old / file) >= columns(new / file)
        assert format_of(old / file) == FORMAT


@pytest.mark.parametrize("opened", [open_state, DeskFile])
def test_a_newer_collectors_file_is_refused_with_the_cure_and_stays_as_it_is(
    opened: Callable[[Path], Any], tmp_path: Path
) -> None:
    opened(tmp_path / "it.db").close()
    before = made_newer(tmp_path / "it.db")
    with pytest.raises(Failure, match=f"it.db: made by a newer Lamppost .format {FORMAT + 1}") as failure:
        opened(tmp_path / "it.db")
    assert failure.value.code is Exit.CONFIGURATION
    assert "install the newer again" in failure.value.line()
    assert (tmp_path / "it.db").read_bytes() == before


def test_a_newer_embedded_store_takes_nothing_and_tells_nothing(tmp_path: Path, closes: Closes) -> None:
    path = tmp_path / "readings.db"
    store = Sqlite(path)
    store.prepare()
    store.close()
    before = made_newer(path)
    store = closes(Sqlite(path))
    answer = store.write([])
    assert isinstance(answer, Held)
    assert "install the newer again" in answer.reason
    with pytest.raises(StoreDown, match="made by a newer Lamppost"):
        store.extent()
    assert path.read_bytes() == before


def made_newer(path: Path) -> bytes:
    """What the file holds then."""
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version={FORMAT + 1}")
    return path.read_bytes()
