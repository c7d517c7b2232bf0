"""A state file that is damaged, or that another version wrote: told with the cure, or read as far as it goes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from collector.delivery.registry import Registry
from collector.files.sqlite_file import connect, unusable
from collector.files.statedb import open_state, transaction
from collector.numbers.calibration import Calibrations
from tests.closes import Closes
from tests.typed import typed
from wire.exits import Exit
from wire.status import Birth


@pytest.mark.parametrize("line", ["gaps", "quarantine list", "stations list", "alerts list"])
def test_a_damaged_file_is_one_line_with_the_cure(line: str, tmp_path: Path) -> None:
    settings = tmp_path / "collector.yaml"
    settings.write_text(
        f"store: {{kind: sqlite, path: {tmp_path / 'readings.db'}}}\nstate_file: {tmp_path / 'collector.db'}\n"
    )
    (tmp_path / "collector.db").write_bytes(b"\xff" * 8192)
    said = typed(*line.split(), "--config", str(settings))
    assert said.returncode == Exit.NOT_PERMITTED
    assert "collector.db: file is not a database. Cure: it is damaged: put it aside" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize(
    ("sound_bytes", "told"),
    [
        (0, "collector.db: file is not a database. Cure: it is damaged: put it aside"),
        (4096, "collector.db, or desk.db beside it: database disk image is malformed. Cure: it is damaged"),
    ],
)
def test_a_collector_begins_with_no_file_that_is_damaged_however_far_in(
    tmp_path: Path, sound_bytes: int, told: str
) -> None:
    settings, file = tmp_path / "collector.yaml", tmp_path / "collector.db"
    settings.write_text(f"store: {{kind: sqlite, path: {tmp_path / 'readings.db'}}}\nstate_file: {file}\n")
    with closing(open_state(file)) as db:
        Registry(db)
    sound = file.read_bytes()
    file.write_bytes(sound[:sound_bytes] + b"\xff" * (len(sound) - sound_bytes))
    said = subprocess.run(
        [sys.executable, "-m", "lamppost", "collector", "run", str(settings)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert said.returncode == Exit.NOT_PERMITTED
    assert f"{tmp_path}/{told}" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_full_disk_is_told_with_the_file_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was a database file of ours, of which there are three, and its owner was to be looked at."""
    settings, file = tmp_path / "collector.yaml", tmp_path / "collector.db"
    settings.write_text(f"store: {{kind: sqlite, path: {tmp_path / 'readings.db'}}}\nstate_file: {file}\n")
    open_little = partial(connect, file, "rw")
    with closing(open_state(file)) as db:
        Calibrations(db)
        pages = db.execute("PRAGMA page_count").fetchone()[0]

    def full(*_: object) -> sqlite3.Connection:
        db = open_little()
        db.execute(f"PRAGMA max_page_count = {pages}")
        return db

    monkeypatch.setattr("collector.files.statedb.open_durable", full)
    line = f"calibrate set --node lp-1 --sensor air-1 --quantity pm25_ugm3 --from 2026-11-26 --source {'x' * 9000}"
    said = typed(*line.split(), "--config", str(settings))
    assert said.returncode == Exit.NOT_PERMITTED
    assert f"lamppost: {file}: database or disk is full. Cure: make room (df -h), then the same again" in said.stderr


def test_a_file_that_another_writes_at_length_is_not_called_another_users(tmp_path: Path) -> None:
    """Who wanted an account while a station was purged looked for the owner of a folder."""
    file = tmp_path / "desk.db"
    with closing(open_state(file)) as first, closing(connect(file, "rw", 0)) as second, transaction(first):
        with pytest.raises(sqlite3.OperationalError) as refused:
            second.execute("BEGIN IMMEDIATE")
        assert "Cure: another program has been writing it" in unusable(file, refused.value).line()


def test_a_birth_of_another_version_is_left_to_the_broker(tmp_path: Path, closes: Closes) -> None:
    db = closes(open_state(tmp_path / "state.db"))
    registry = Registry(db)
    for node in ("lp-1", "lp-2"):
        registry.update(Birth(node, "s", "0" * 16, ("0" * 32,), 1, None, "0.1.0", "synced"), 1)
    registry.save()
    db.execute("UPDATE node SET body = ? WHERE node = 'lp-1'", (b'{"v":2,"node":"lp-1"}',))
    assert [node.birth.node for node in Registry(db).nodes()] == ["lp-2"]
