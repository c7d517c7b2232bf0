"""Commands that are run as a user who may read the collector's files and not write them: one line with the cure."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from collector.files.statedb import open_state
from collector.identity.book import Book
from collector.web.desk.file import DeskFile

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
NOBODY = 65_534
AS_ANOTHER = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
"""Root without its privilege over others' files: as another user, and yet one who may read the sources wherever they
lie."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that everybody may look into, which those of pytest are not."""
    with TemporaryDirectory(prefix="lamppost-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.mark.parametrize(
    "line",
    [
        "token api x --scope read",
        "token list",
        "stations list",
        "alerts silence node=lp-1 --for 2h -m x",
        "calibrate formula us-wide-2021 --node lp-1 --sensor air-1 --from 2026-03-01",
        "calibrate apply --since 2026-03-01",
        "resend lp-1",
    ],
)
def test_a_file_that_may_not_be_written_is_one_line_with_the_cure(line: str, folder: Path) -> None:
    settings = folder / "collector.yaml"
    key = folder / "sign.key"
    settings.write_text(
        f"store: {{kind: sqlite, path: {folder / 'readings.db'}}}\nstate_file: {folder / 'collector.db'}\n"
        f"signing_key_file: {key}\n"
    )
    key.write_text("a key")
    key.chmod(0o600)
    open_state(folder / "collector.db").close()
    desk = DeskFile(folder / "desk.db")
    Book(desk)
    desk.close()
    for each in (folder, *folder.iterdir()):
        os.chown(each, NOBODY, NOBODY)
    ran = subprocess.run(
        [*AS_ANOTHER, sys.executable, "-m", "lamppost", *line.split(), "--config", str(settings)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in ran.stderr
    assert ran.returncode == 4, ran.stderr
    assert "sudo -u lamppost" in ran.stderr or "collector's user" in ran.stderr
