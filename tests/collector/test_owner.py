"""One file, one owner."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from collector.config import Config, SqliteStore
from collector.program import serve
from common.owner import InUse, Owner
from wire.exits import Exit, Failure


def test_a_second_owner_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    first = Owner(tmp_path / "new" / "file.db")
    with pytest.raises(InUse, match=r"file\.db is in use by process [0-9]+$"):
        Owner(tmp_path / "new" / "file.db")
    first.release()
    Owner(tmp_path / "new" / "file.db").release()


def test_a_second_collector_on_one_state_file_does_not_start_and_says_the_cure(tmp_path: Path) -> None:
    other = Owner(tmp_path / "collector.db")
    store = SqliteStore(kind="sqlite", path=tmp_path / "readings.db")
    settings = Config(name="c2", store=store, state_file=tmp_path / "collector.db")
    with pytest.raises(Failure, match="in use by process") as refused:
        serve(settings, threading.Event())
    other.release()
    assert (refused.value.code, refused.value.cure) == (
        Exit.CONFIGURATION, "give each collector a state_file of its own, or stop the other"
    )  # fmt: skip
    assert not (tmp_path / "readings.db").exists(), "refused before anything is opened"
