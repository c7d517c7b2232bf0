"""The demo as a newcomer runs it: live values within 15 s, an alert, nothing lost, clear ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from edge_agent.reading import Reading, Series
from edge_agent.spool.spool import Origin, Spool
from simulator.demo import Demo
from tests.servers import free_port, wait_for

pytestmark = pytest.mark.real
T0 = 1_790_000_000_000


def demo(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "lamppost", "demo", "--json", *arguments]


def page(port: int, path: str = "/en/") -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return str(answer.read().decode())
    except (urllib.error.URLError, OSError):
        return ""


def recording(folder: Path) -> set[int]:
    """The process ids of agents that say that they have recorded something."""
    said = [json.loads(path.read_text()) for path in folder.glob("lp-*.json")]
    return {one["pid"] for one in said if one["accepted"]}


def test_the_demo_shows_live_values_fires_an_alert_and_loses_nothing() -> None:
    port = free_port()
    started_s = time.monotonic()
    command = demo("--duration", "45", "--port", str(port))
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for("a live value on the page", lambda: "µg/m³" in page(port) and "live" in page(port), 15)
    first_value_s = time.monotonic() - started_s
    out, told = run.communicate(timeout=120)
    assert run.returncode == 0
    ledger = json.loads(out)
    assert list(ledger) == [
        "stations", "readings_accepted", "readings_stored", "waiting", "lost", "doubled", "bad_frames",
        "alerts_fired", "page",
    ]  # fmt: skip
    assert (ledger["stations"], ledger["lost"], ledger["doubled"]) == (3, 0, 0)
    assert ledger["readings_accepted"] == ledger["readings_stored"] > 100
    assert ledger["alerts_fired"] >= 1
    assert first_value_s < 15
    assert f"desk: http://127.0.0.1:{port}/ops/setup?token=" in told, "a newcomer finds the operators' desk too"


def test_readings_that_wait_in_a_lamppost_are_not_called_lost(tmp_path: Path) -> None:
    """The collector was behind when the demo ended: hundreds were called lost, which is what never happens."""
    spool = Spool(tmp_path / "lp-0001.db", "lp-0001", "jianguo-rd-east")
    air = [Reading(Series("air-1", "air_quality"), T0 + 1000 * n, {"pm25_raw_ugm3": 8.0}) for n in range(3)]
    of_itself = Reading(Series("lp-0001", "node_health"), T0, {"cpu_temp_c": 48.0})
    spool.accept([*air, of_itself], Origin("lp-0001", "jianguo-rd-east", "b71d04c2", "synced"))
    spool.seal()
    spool.close()
    (tmp_path / "lp-0001.json").write_text('{"accepted": 5}')
    run = Demo(free_port(), 600.0, 7, 1, tmp_path)
    ledger = run.ledger()
    assert (ledger.readings_stored, ledger.waiting, ledger.lost, ledger.doubled) == (0, 3, 2, 0)
    run.close()


def test_a_terminal_that_is_closed_ends_the_demo_and_the_next_one_in_its_folder_counts_anew(tmp_path: Path) -> None:
    """Its programs went on and kept the port; and what an earlier demo had stored was called doubled."""
    port = free_port()
    command = demo("--port", str(port), "--folder", str(tmp_path))
    for number in (signal.SIGHUP, signal.SIGTERM):
        earlier = recording(tmp_path)
        run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for("an agent to record", lambda earlier=earlier: bool(recording(tmp_path) - earlier), 60)  # type: ignore[misc]
        run.send_signal(number)
        ledger = json.loads(run.communicate(timeout=60)[0])
        assert ledger["readings_accepted"] == ledger["readings_stored"] > 0
        assert run.returncode == 0


def test_a_taken_port_is_one_line_and_exit_code_5() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(demo("--port", str(port)), capture_output=True, text=True, timeout=30)
    assert done.returncode == 5
    assert json.loads(done.stdout)["code"] == "port-busy"
    assert done.stderr.splitlines() == [
        f"lamppost: port {port} on 127.0.0.1 cannot be used: Address already in use. Cure: choose another with --port"
    ]


def test_a_folder_that_cannot_be_written_is_one_line_and_exit_code_4() -> None:
    done = subprocess.run(demo("--folder", "/proc/lamppost"), capture_output=True, text=True, timeout=30)
    assert done.returncode == 4
    assert len(done.stderr.splitlines()) == 1
    assert "cannot write in /proc/lamppost" in done.stderr


def test_a_missing_extra_is_one_line_and_exit_code_3() -> None:
    hide = (
        "import sys; sys.modules['iotcore'] = None; sys.argv = ['lamppost', 'demo']; import lamppost; lamppost.main()"
    )
    done = subprocess.run([sys.executable, "-c", hide], capture_output=True, text=True, timeout=30)
    assert done.returncode == 3
    assert done.stderr.strip().endswith(
        f"Cure: in the sources of this version: {sys.prefix}/bin/pip install '.[simulator]'"
    )
