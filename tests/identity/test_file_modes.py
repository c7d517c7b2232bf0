"""Files of state are nobody else's business, whatever the umask of who starts the program by hand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.files.statedb import open_state
from collector.web.desk.file import DeskFile
from edge_agent.spool.spool import Spool
from tests.closes import Closes


@pytest.fixture(autouse=True)
def by_hand() -> Iterator[None]:
    """The umask of a login shell."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_files_of_state_and_their_logs_are_for_their_owner(tmp_path: Path, closes: Closes) -> None:
    closes(DeskFile(tmp_path / "new" / "desk.db"))
    closes(open_state(tmp_path / "new" / "collector.db"))
    assert _modes(tmp_path / "new") == {
        f"{name}{part}": 0o600 for name in ("desk.db", "collector.db") for part in ("", "-wal", "-shm")
    }


def test_a_spool_and_its_log_are_for_owner_and_group(tmp_path: Path, closes: Closes) -> None:
    closes(Spool(tmp_path / "new" / "spool.db", "lp-1", "s"))
    assert _modes(tmp_path / "new") == {f"spool.db{part}": 0o640 for part in ("", "-wal", "-shm")}


def test_who_opened_a_file_to_others_is_not_overruled(tmp_path: Path, closes: Closes) -> None:
    DeskFile(tmp_path / "desk.db").close()
    (tmp_path / "desk.db").chmod(0o640)
    closes(DeskFile(tmp_path / "desk.db"))
    assert set(_modes(tmp_path).values()) == {0o640}


def _modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
