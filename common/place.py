"""A file that may lose its name under whoever has it open: somebody tidied up, or put another file in its place.

What is written to it then outlives no restart.
"""

from __future__ import annotations

from pathlib import Path


class Place:
    """Where a file stands that has just been opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _identity(path)

    def is_kept(self) -> bool:
        """Whether the name still stands for that very file."""
        return _identity(self._path) == self._file


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        said = path.stat()
    except FileNotFoundError:
        return None
    return said.st_dev, said.st_ino
