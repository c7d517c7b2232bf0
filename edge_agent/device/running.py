"""The agent that runs beside this command: is there one, with which settings, and will it begin anew with others?"""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FRESH_S = 15.0
LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Running:
    """An agent as its status file tells of it. `settings` is the digest of the file it began with."""

    pid: int
    settings: str
    heard: frozenset[str]
    connected: bool


def find(status_file: Path) -> Running | None:
    """The agent that writes this status file; None when none does, or one that cannot begin anew."""
    try:
        said: dict[str, Any] = json.loads(status_file.read_text(encoding="utf-8"))
        fresh = time.time() - said["at_ms"] / 1000 < FRESH_S
        if not fresh or b"agent\0run\0" not in Path(f"/proc/{said['pid']}/cmdline").read_bytes() + b"\0":
            return None
        heard = frozenset(sensor["name"] for sensor in said["sensors"] if sensor["frames"])
        return Running(said["pid"], said["settings"], heard, said["connected_s"] is not None)
    except (OSError, ValueError, KeyError):
        return None


def begin_anew(agent: Running) -> None:
    """Ask it to read its settings again. Raises PermissionError, or ProcessLookupError when it has ended."""
    os.kill(agent.pid, signal.SIGHUP)


def wait_for(status_file: Path, settings: str, within_s: float) -> bool:
    """True once an agent says that it runs with these settings; False when it has not within the time."""
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        agent = find(status_file)
        if agent is not None and agent.settings == settings:
            return True
        time.sleep(LOOK_S)
    return False
