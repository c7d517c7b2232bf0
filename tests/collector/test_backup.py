"""The archive of a collector that works: what is in it, of which moment, and what becomes of a log at its place."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from collector.commands.options import load_settings
from collector.files import backup
from collector.files.sqlite_file import FORMAT
from collector.files.statedb import open_state
from collector.web.desk.file import DeskFile
from tests.powercut.rig import run
from tests.proof import Impossible
from tests.servers import wait_for
from tests.typed import typed
from wire.exits import Exit, Failure


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """Settings that name a file in every place where one can stand, and those files."""
    for name in ("pki/ca.key", "mosquitto/dynamic-security.json", "rules.yaml", "hook.secret", "influx.password"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    file = tmp_path / "collector.yaml"
    said = {
        "store": {"kind": "influx1", "password_file": str(tmp_path / "influx.password")},
        "state_file": str(tmp_path / "collector.db"),
        "rules": [str(tmp_path / "rules.yaml")],
        "alerts": {
            "channels": [
                {
                    "name": "hook",
                    "kind": "webhook",
                    "url": "https://x.example/",
                    "secret_file": str(tmp_path / "hook.secret"),
                }
            ]
        },
        "identities": {"folder": str(tmp_path / "pki"), "broker_host": "x.example"},
    }
    file.write_text(yaml.safe_dump(said))
    return file


@pytest.fixture
def state(settings: Path) -> Iterator[sqlite3.Connection]:
    """The collector's own file, held open by one who works on it; the desk's lies beside it."""
    DeskFile(settings.with_name("desk.db")).close()
    with closing(open_state(settings.with_name("collector.db"))) as db:
        db.execute("CREATE TABLE kept (word TEXT)")
        yield db


@pytest.mark.usefixtures("state")
def test_all_that_the_settings_name_is_in_it(settings: Path, tmp_path: Path) -> None:
    archive = tmp_path / "out.tar.gz"
    count = _back_up(settings, archive)
    with tarfile.open(archive) as tar:
        files = {Path("/", each.name).relative_to(tmp_path).as_posix() for each in tar if each.isfile()}
    assert files == {
        "collector.yaml", "rules.yaml", "hook.secret", "influx.password", "pki/ca.key",
        "mosquitto/dynamic-security.json", "collector.db", "collector.db-wal", "desk.db", "desk.db-wal",
    }  # fmt: skip
    assert count == len(files) - 2, "an empty log is none of the files that are counted"
    assert archive.stat().st_mode & 0o777 == 0o600


def test_what_is_committed_is_in_it_and_what_is_under_way_is_not(
    settings: Path, state: sqlite3.Connection, tmp_path: Path
) -> None:
    state.execute("INSERT INTO kept VALUES ('committed, in the log alone')")
    state.execute("BEGIN IMMEDIATE")
    state.execute("INSERT INTO kept VALUES ('under way')")
    _back_up(settings, tmp_path / "out.tar.gz")
    state.execute("ROLLBACK")
    assert _words(_unpacked(tmp_path / "out.tar.gz", tmp_path / "elsewhere", tmp_path)) == [
        "committed, in the log alone"
    ]


def test_a_log_of_later_days_is_not_played_into_what_comes_back(
    settings: Path, state: sqlite3.Connection, tmp_path: Path
) -> None:
    state.execute("INSERT INTO kept VALUES ('before')")
    _back_up(settings, tmp_path / "out.tar.gz")
    state.execute("INSERT INTO kept VALUES ('after')")
    crashed = tmp_path / "elsewhere" / tmp_path.relative_to("/")
    crashed.mkdir(parents=True)
    for each in settings.parent.glob("collector.db*"):
        shutil.copy(each, crashed)  # with its log, as a kill -9 leaves it
    assert (crashed / "collector.db-wal").stat().st_size
    assert _words(_unpacked(tmp_path / "out.tar.gz", tmp_path / "elsewhere", tmp_path)) == ["before"]


@pytest.mark.usefixtures("state")
def test_a_folder_that_is_not_there_is_made_for_its_owner(settings: Path, tmp_path: Path) -> None:
    """The archive took its name, and of every night there was but the last, where no timer looked for it."""
    folder, said = tmp_path / "srv" / "backup", ("-c", str(settings))
    assert typed("collector", "backup", str(folder), *said).returncode == 0
    (archive,) = folder.iterdir()
    assert archive.name.startswith("lamppost-c1-")
    assert folder.stat().st_mode & 0o777 == 0o700
    refused = typed("collector", "backup", str(settings), *said)
    assert (refused.returncode, "collector.yaml is a file" in refused.stderr) == (Exit.USAGE, True)


@pytest.mark.usefixtures("state")
def test_a_file_that_is_not_there_is_named_and_the_archive_of_before_stays(settings: Path, tmp_path: Path) -> None:
    archive = tmp_path / "out.tar.gz"
    archive.write_text("of yesterday")
    (tmp_path / "hook.secret").unlink()
    with pytest.raises(Failure, match=r"hook\.secret: it is not there"):
        _back_up(settings, archive)
    assert archive.read_text() == "of yesterday"


@pytest.mark.usefixtures("state")
def test_a_trail_that_takes_no_line_is_told_beside_the_archive(
    settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk, where it is wanted most, it ended as if nothing had been made."""

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(DeskFile, "note", full)
    out = tmp_path / "out"
    said = typed("collector", "backup", str(out), "-c", str(settings))
    assert said.returncode == 0
    assert f"warning: the trail does not say so: {tmp_path / 'desk.db'}: database or disk is full" in said.stderr
    assert str(next(out.iterdir())) in said.stdout


@pytest.mark.usefixtures("state")
def test_a_damaged_file_ends_it_and_leaves_nothing(settings: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    (tmp_path / "desk.db").write_bytes(b"no database at all" * 400)
    with pytest.raises(Failure, match=r"desk\.db"):
        _back_up(settings, tmp_path / "out.tar.gz")
    assert sorted(tmp_path.iterdir()) == before


def test_a_file_of_a_newer_version_is_called_so(settings: Path, state: sqlite3.Connection, tmp_path: Path) -> None:
    """After a way back to an older version; it was a traceback, for it is no error of SQLite's own."""
    state.execute(f"PRAGMA user_version={FORMAT + 1}")
    with pytest.raises(Failure, match="made by a newer Lamppost"):
        _back_up(settings, tmp_path / "out.tar.gz")


@pytest.mark.usefixtures("state")
def test_one_that_is_told_to_end_leaves_nothing(settings: Path, tmp_path: Path) -> None:
    """A lost connection, a timer: what lay aside was as large as all the files, and stayed."""
    (tmp_path / "rules.yaml").write_bytes(os.urandom(2**24))
    out = tmp_path / "out"
    out.mkdir()
    command = [sys.executable, "-m", "lamppost", "collector", "backup", str(out), "-c", str(settings)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        wait_for("the archive to be begun", lambda: any(out.iterdir()), 30)
        process.terminate()
    assert process.returncode == Exit.INTERRUPTED
    assert not list(out.iterdir())


@pytest.mark.usefixtures("state")
def test_what_one_that_was_killed_left_goes_with_the_next_but_not_that_of_one_at_work(
    settings: Path, tmp_path: Path
) -> None:
    """Each night's stayed for ever, hidden, and as large as all the files."""
    (tmp_path / "rules.yaml").write_bytes(os.urandom(2**26))
    out = tmp_path / "out"
    out.mkdir()
    command = [sys.executable, "-m", "lamppost", "collector", "backup", str(out), "-c", str(settings)]
    with subprocess.Popen(command) as process:
        wait_for("the archive to be begun", lambda: any(out.iterdir()), 30)
        process.send_signal(signal.SIGSTOP)
        (at_work,) = out.iterdir()
        (tmp_path / "rules.yaml").write_bytes(b"")
        _back_up(settings, out / "first.tar.gz")
        assert set(out.iterdir()) == {at_work, out / "first.tar.gz"}
        process.kill()
    _back_up(settings, out / "second.tar.gz")
    assert {path.name for path in out.iterdir()} == {"first.tar.gz", "second.tar.gz"}


@pytest.fixture
def little(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for next to nothing."""
    place = tmp_path / "little"
    place.mkdir()
    try:
        run("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(place))
    except (Impossible, OSError) as why:
        pytest.skip(f"SKIPPED: no file system of its own here: {why}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.usefixtures("state")
def test_a_full_disk_is_the_archives_and_not_that_of_the_files(settings: Path, little: Path) -> None:
    """What SQLite says of its copy was said of the collector's own folder."""
    with pytest.raises(Failure, match=f"^{little}: No space left on device") as told:
        _back_up(settings, little / "out.tar.gz")
    assert "with room" in told.value.cure
    assert not list(little.iterdir())


def _back_up(settings: Path, archive: Path) -> int:
    return backup.write(archive, backup.contents(settings, load_settings(settings)))


def _unpacked(archive: Path, root: Path, folder: Path) -> Path:
    """The collector's own file, put back below another root as the manual says."""
    root.mkdir(exist_ok=True)
    subprocess.run(["tar", "-xzpf", str(archive), "-C", str(root)], check=True)
    return root / folder.relative_to("/") / "collector.db"


def _words(file: Path) -> list[str]:
    with closing(open_state(file)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [word for (word,) in db.execute("SELECT word FROM kept")]
