"""A log of another database beside the spool: SQLite would play it into the file, and every reading would be gone.

Nothing in a write-ahead log says whose it is: its checksums prove its frames, not the file that they belong to. So
before anybody may write, the file is read with the log and without it, by connections that change nothing. A sound
spool that the log would turn into something else, or into the spool of another, is the spool; the log is put aside.

A rollback journal is never ours: the spool is in WAL mode from its first page on.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from edge_agent.spool.aside import beside

Identity = Callable[[sqlite3.Connection], str | None]
DAMAGE: Final = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What reading a damaged file raises; the latter where SQLite itself repeats a damaged name."""
_WAL_MODE: Final = b"\x02\x02"  # bytes 18 and 19 of the file's header (sqlite.org/fileformat2.html, 1.3)


def set_aside(path: Path, name: Identity, sound: Identity) -> tuple[Path | None, bool]:
    """Move what is foreign beside the file out of SQLite's way: where it lies now, or None; and whether the file as it
    is opened then was found sound, so that gigabytes are read through once. Raises OSError.

    `name` is of the spool that a connection shows; `sound` the same, None when it shows no sound one.
    """
    log, journal = beside(path, "-wal"), beside(path, "-journal")
    if journal.exists() and _is_in_wal_mode(path):
        return _move(path, [journal]), False
    shown = _look(path, "mode=ro", sound)
    if not log.exists() or log.stat().st_size == 0 or (shown and shown == _look(path, "immutable=1", name)):
        return None, shown is not None
    alone = _look(path, "immutable=1", sound)
    if alone is None or shown == alone:
        return None, shown is not None  # a young file, whose pages are all in the log; or one that is damaged itself
    return _move(path, [log, beside(path, "-shm")]), True


def _look(path: Path, how: str, identity: Identity) -> str | None:
    try:
        db = sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True, timeout=10)
        with closing(db):
            db.text_factory = lambda text: text.decode(errors="replace")
            return identity(db)
    except DAMAGE:
        return None


def _is_in_wal_mode(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(20)[18:] == _WAL_MODE


def _move(path: Path, parts: list[Path]) -> Path:
    number = 1
    while any(path.parent.glob(f"{path.name}.foreign-{number}-*")):
        number += 1
    aside = beside(path, f".foreign-{number}")
    for part in parts:
        if part.exists():
            part.rename(aside.with_name(aside.name + part.name.removeprefix(path.name)))
    return aside.with_name(aside.name + parts[0].name.removeprefix(path.name))
