"""Who runs the tests, or a long proof, finds nothing of it running afterwards."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import wait_for

RUN = """
import signal, subprocess
from tests.remains import end_with_us

end_with_us()
child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
print(child.pid, flush=True)
signal.pause()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9), (signal.SIGINT, -2)])
def test_what_a_run_started_ends_with_it(number: signal.Signals, code: int) -> None:
    with subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
        assert run.stdout is not None
        child = Path("/proc", run.stdout.readline().decode().strip())
        assert (child / "environ").exists()
        run.send_signal(number)
        assert run.wait() == code
    wait_for("the run's child to end", lambda: not _runs(child))


def _runs(process: Path) -> bool:
    """Whether it lives; one that nobody has waited for yet has ended too."""
    try:
        return "\nState:\tZ" not in (process / "status").read_text()
    except FileNotFoundError:
        return False
