"""Who ends a bench ends the servers that it started."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.collectors import children
from simulator.servers import listens, wait_for

pytestmark = pytest.mark.real


def test_a_bench_that_is_told_to_end_leaves_no_server_behind() -> None:
    bench = subprocess.Popen(
        [sys.executable, "-m", "lamppost", "bench", "--only", "v2-path"], stdout=subprocess.DEVNULL
    )
    wait_for("a server of the bench to answer", lambda: any(map(_answers, children(bench.pid))), 60)
    started = children(bench.pid)
    bench.send_signal(signal.SIGTERM)
    assert bench.wait(60) == 130
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []


def _answers(pid: int) -> bool:
    """Whether a process listens at the address that its command line names."""
    address = re.search(rb"127\.0\.0\.1:([0-9]+)", Path(f"/proc/{pid}/cmdline").read_bytes())
    return address is not None and listens(int(address[1]))
