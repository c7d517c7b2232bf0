"""A sync that fails (fault F5): the handle is never trusted again, and nothing is lost or accepted twice.

And a page that cannot be read.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("failing_sync.c")


@pytest.mark.parametrize("syncs", [15, pytest.param(100, marks=pytest.mark.long)])
def test_each_of_the_first_syncs_may_fail_and_then_the_first_page(tmp_path: Path, syncs: int) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("SKIPPED: no C compiler for the failing fsync. Cure: sudo apt-get install gcc libc6-dev")
    shim = tmp_path / "failing_sync.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(shim), str(SOURCE), "-ldl"], check=True)
    command = [sys.executable, "-m", "tests.agent.failing_disk", str(tmp_path), str(syncs)]
    done = subprocess.run(command, env={**os.environ, "LD_PRELOAD": str(shim)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *runs, unreadable = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(runs) == syncs
    assert sum(run["failed"] for run in runs) >= syncs // 5, "the syncs did fail"
    assert [run for run in runs if run["lost"] or run["doubled"]] == []
    assert unreadable["saved"] == unreadable["before"] > 0, "an agent that does not start takes no readings at all"
