"""Deeds at the duty desk are copied to the audit trail in desk.db, after they were committed in the state file."""

from __future__ import annotations

import sqlite3

from collector.edge import Edge
from collector.files import trail
from collector.rules.deed import Deed
from collector.web.desk.file import DeskFile


def write(file: DeskFile, edge: Edge, waiting: list[tuple[int, Deed]]) -> bool:
    """Whether the trail has them now; at least once each."""
    try:
        with file.use() as db:
            for _, deed in waiting:
                about = f"{deed.about}: {deed.note}" if deed.note else deed.about
                trail.append(db, trail.Line(deed.at_ms, deed.who, deed.what, about))
    except sqlite3.Error as error:
        edge.fails(f"the audit trail waits: {error}")
        return False
    edge.is_over()
    return True
