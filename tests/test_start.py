"""A command begins at once: what it imports, and how long the processor is busy. A Pi takes several times as long."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.figure import loop_us
from tests.field.test_led import WELL

ROOT = Path(__file__).parents[1]
HEAVY = {"aiomqtt", "asyncio", "cryptography", "paho.mqtt", "pydantic", "rich", "serial", "sqlite3", "ssl", "yaml"}

LOOPS = 2_500
"""Of the calibration loop (docs/performance.md), which 0.3 s are where it takes 120 µs. It needs some 1,220."""


def imported(code: str) -> set[str]:
    """The modules that are there at the end of a Python of its own."""
    code += "\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_status_answers_at_once(tmp_path: Path) -> None:
    """Nothing heavy is imported, and the processor has little to do."""
    fine = tmp_path / "status.json"
    fine.write_text(json.dumps(WELL | {"at_ms": time.time() * 1000, "oldest_ms": None, "sensors": []}))
    run = "import sys, lamppost; sys.argv = ['lamppost', 'agent', 'status', '--json', '--file', {!r}]\n"
    run += "try: lamppost.main()\nexcept SystemExit as ended: assert ended.code == {}"
    for file, code in ((str(fine), 0), ("/none", 1)):
        there = imported(run.format(file, code))
        assert not HEAVY & there
        commands = {name for name in there if name.startswith("edge_agent.commands.")}
        assert commands == {"edge_agent.commands.options", "edge_agent.commands.status"}
    ready = ["-m", "lamppost", "agent", "ready", "--file", "/none"]
    before_us = loop_us()
    least_s = min(cpu_s(ready) for _ in range(10))  # the least is the command's own; other programs only add to it
    assert least_s < LOOPS * min(before_us, loop_us()) / 1e6


def cpu_s(words: list[str]) -> float:
    """How long a Python of its own keeps the processor busy."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_no_word_imports_anything_heavy_before_its_command_runs() -> None:
    there = imported("import lamppost\nfor place, _ in lamppost.ROOMS.values(): lamppost._import(place)")
    assert "collector.commands.station_config" in there
    assert not (HEAVY - {"sqlite3"} | {"influxdb_client", "starlette", "msgspec", "jinja2"}) & there


def test_settings_are_read_without_the_rules_and_the_profiles() -> None:
    """Every operator's command reads them: with either it takes a third longer to begin."""
    assert not {"collector.rules.engine", "device_profiles.profile"} & imported("import collector.config")


def test_channels_ask_no_web_server_before_there_is_something_to_tell() -> None:
    """A collector with a file for a database took a ninth longer to begin, for what it had nobody to ask with."""
    assert "urllib3" not in imported("import collector.notify.apprise_channel, collector.notify.post")


def test_what_make_starts_keeps_what_it_has_compiled() -> None:
    """Where Python may not, each program takes up to half a second longer to begin, and a run of tests a tenth."""
    told = ["make", "--no-print-directory", "--eval", "told:; @env", "told"]
    done = subprocess.run(
        told, cwd=ROOT, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True, check=True
    )
    assert "PATH=" in done.stdout
    assert "PYTHONDONTWRITEBYTECODE" not in done.stdout
