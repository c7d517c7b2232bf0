"""A spool whose file has lost its name under us (common/named_file.py).

The open connection still reaches all of it, so it can be written anew.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from common.whole_file import sync_folder
from edge_agent.spool.aside import beside, free_name
from edge_agent.spool.file import SpoolError, trouble

PAGES_AT_ONCE = 1_000


def write_anew(db: sqlite3.Connection, path: Path, alive: Callable[[], None]) -> None:
    """All that the connection reaches, as one file under its old name; a stranger that stands there is put aside.

    The connection is to be closed then, and the file opened. Raises SpoolError; the connection can go on.
    """
    made = beside(path, ".anew")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        made.unlink(missing_ok=True)
        with closing(sqlite3.connect(made)) as copy:
            db.backup(copy, pages=PAGES_AT_ONCE, progress=lambda *_: alive())
        made.chmod(0o640)
        for suffix in ("-wal", "-shm"):  # of the file that is gone: SQLite would play them into the new one
            beside(path, suffix).unlink(missing_ok=True)
        if path.exists():
            path.rename(free_name(path, "replaced"))
        made.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise SpoolError(f"{path} was taken away and cannot be written anew: {error.strerror}") from error
    except sqlite3.Error as error:
        raise trouble(path, error) from error
    finally:
        if os.path.exists(made):
            made.unlink()
