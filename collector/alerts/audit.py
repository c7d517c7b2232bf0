"""Deeds at the desk also stand in the city's audit trail, in the desk's file: written there after their own commit."""

from __future__ import annotations

import sqlite3

from collector import trail
from collector.alerts.book import Book
from collector.edge import Edge
from collector.web.desk.file import DeskFile


def carry_over(book: Book, file: DeskFile, edge: Edge) -> int:
    """Deeds that the trail does not have; at least once each. How many there were."""
    waiting = book.untrailed()
    if not waiting:
        return 0
    try:
        with file.use() as db:
            for _, deed in waiting:
                about = f"{deed.about}: {deed.note}" if deed.note else deed.about
                trail.append(db, trail.Line(deed.at_ms, deed.who, deed.what, about))
    except sqlite3.Error as error:
        edge.fails(f"the audit trail waits: {error}")
        return 0
    edge.is_over()
    book.trailed(waiting[-1][0])
    return len(waiting)
