"""Style, types and import layers: `make check` beside the other tests, for the types of a fresh clone take a minute."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent


def test_no_question_numbers_its_placeholders() -> None:
    """Python 3.14 takes no tuple for them: an agent with a full spool ended there, and 3.12 warned of it."""
    files = (file for room in ("edge_agent", "collector", "simulator") for file in TOP.glob(f"{room}/**/*.py"))
    assert [file.name for file in files if b"?1" in file.read_bytes()] == []


@pytest.mark.timeout(900)  # a hang alone ends it: on a busy machine the types of a fresh clone take some minutes
def test_style_types_and_layers() -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    ran = subprocess.run(
        ["make", "--no-print-directory", "check"], cwd=TOP, env=env, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
