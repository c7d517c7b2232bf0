"""A SQLite connection that nobody closed is told of under every Python, as 3.13 does by itself."""

from __future__ import annotations

import sqlite3
import sys
import warnings
from functools import partial


class Watched(sqlite3.Connection):
    """Warns when it goes while it is open."""

    def __del__(self) -> None:
        try:
            self.in_transaction  # noqa: B018 - of one that is closed it cannot be asked
        except sqlite3.ProgrammingError:
            return
        warnings.warn(f"unclosed database in {self!r}", ResourceWarning, source=self, stacklevel=2)


def watch() -> None:
    """From now on."""
    if sys.version_info < (3, 13):
        sqlite3.connect = partial(sqlite3.connect, factory=Watched)  # type: ignore[assignment]
