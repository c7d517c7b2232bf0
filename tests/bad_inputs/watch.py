"""The seven conditions that hold in every case, watched from outside the programs."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

RSS_MAX = 64 * 2**20
LINE_MAX = 2048
# Counters of ordinary work: none of them names a fault.
ORDINARY = frozenset(
    {"batches", "stored_batches", "stored_rows", "published", "acked_stored", "resent", "already_stored"}
)


def resident(pid: int) -> int:
    """Bytes that the process has in memory now."""
    return _memory(pid, "VmRSS")


def peak(pid: int) -> int:
    """The most it has had since `reset_peak`."""
    return _memory(pid, "VmHWM")


def reset_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _memory(pid: int, key: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    return 0


class Log:
    """A program's log file; `fresh` gives the lines since the last call."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = path.stat().st_size if path.exists() else 0

    def fresh(self) -> list[bytes]:
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._at)
            content = file.read()
        whole, found, _ = content.rpartition(b"\n")
        self._at += len(whole) + len(found)
        return whole.split(b"\n") if found else []


def faults_of(lines: Iterable[bytes], secrets: Iterable[bytes] = ()) -> list[str]:
    """What is wrong with log lines: too long, not text, with control characters, or with a secret in them."""
    wrong = []
    for line in lines:
        if len(line) > LINE_MAX:
            wrong.append(f"log line of {len(line)} bytes")
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            wrong.append("log line that is not UTF-8")
            continue
        if any(unicodedata.category(char) in ("Cc", "Zl", "Zp") for char in text):
            wrong.append(f"control characters in the log: {text[:80]!r}")
        if any(secret in line for secret in secrets):
            wrong.append("a secret in the log")
        if re.match(r"Traceback", text):
            wrong.append("a traceback in the log")
    return wrong


def files(folders: Iterable[Path]) -> set[str]:
    """Every file below some folders."""
    return {str(path) for folder in folders for path in folder.rglob("*") if path.is_file()}


def counters(report: Path) -> tuple[dict[str, int], dict[str, str], int]:
    """Counters, alarms and the moment of a program's report; nothing while it is being replaced."""
    try:
        said: dict[str, Any] = json.loads(report.read_text())
    except (OSError, ValueError):
        return {}, {}, 0
    return said.get("counts", {}), said.get("alarms", {}), said.get("at_ms", 0)


def named(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """Which counters of faults went up, and by how much."""
    return {
        name: number - before.get(name, 0)
        for name, number in after.items()
        if number > before.get(name, 0) and name not in ORDINARY
    }
