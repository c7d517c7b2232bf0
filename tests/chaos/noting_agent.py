"""`python -m tests.chaos.noting_agent SETTINGS NOTES [CARE_S]`: the agent, with every commit that returned noted.

What is written to a file survives kill -9 of its writer. A kill between commit and note leaves a reading that is
accepted and not noted: it can be stored, it cannot be missed. The spool is looked after every CARE_S seconds instead of
once a minute.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_agent.reading import Reading
from edge_agent.spool.spool import Sealed, Spool
from tests.chaos.numbers import of_values

NOTE = struct.Struct("<BI")
REPLACED = ".replaced"
"""Beside the notes: what has left the spool unanswered, thinned or dropped."""


def main() -> None:
    """Note, then be the agent."""
    settings, notes, *care_s = sys.argv[1:]
    if care_s:
        import edge_agent.agent

        edge_agent.agent.CARE_S = float(care_s[0])
    handle = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    Spool._commit = _noted(Spool._commit, handle)  # type: ignore[method-assign]
    replaced = os.open(notes + REPLACED, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    Spool.replace = _noted_going(Spool.replace, replaced)  # type: ignore[method-assign]
    sys.argv = ["lamppost", "agent", "run", settings]
    import lamppost

    lamppost.main()


def read(notes: str) -> set[tuple[str, int]]:
    """Sensor and number of everything noted."""
    path = Path(notes)
    data = path.read_bytes() if path.exists() else b""
    whole = len(data) // NOTE.size * NOTE.size
    return {(f"air-{sensor}", number) for sensor, number in NOTE.iter_unpack(data[:whole])}


def _noted_going(replace: Callable[..., None], handle: int) -> Callable[..., None]:
    def replace_and_note(spool: Spool, gone: list[Sealed], *rest: Any) -> None:
        rows = [row for one in gone for row in spool.opened(one)[0] if row.series.kind == "air_quality"]
        replace(spool, gone, *rest)
        os.write(handle, _notes_of(rows))

    return replace_and_note


def _notes_of(readings: list[Reading]) -> bytes:
    notes = bytearray()
    for reading in readings:
        number = of_values(reading.values)
        if number is not None:
            notes += NOTE.pack(int(reading.series.sensor.removeprefix("air-")), number)
    return bytes(notes)


def _noted(commit: Callable[..., tuple[list[Reading], Any]], handle: int) -> Callable[..., tuple[list[Reading], Any]]:
    """Every way of accepting ends in this commit, also the one that seals with it."""

    def commit_and_note(*args: Any) -> tuple[list[Reading], Any]:
        taken, sealed = commit(*args)
        os.write(handle, _notes_of(taken))
        return taken, sealed

    return commit_and_note


if __name__ == "__main__":
    main()
