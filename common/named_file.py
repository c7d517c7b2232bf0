"""A file that may lose its name under whoever has it open: somebody tidied up, or put another file in its place.

What is written to it then outlives no restart.
"""

from __future__ import annotations

from pathlib import Path


class NamedFile:
    """One that has just been opened, under its name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _identity(path)

    def is_kept(self) -> bool:
        """Whether the name still stands for that very file."""
        return _identity(self._path) == self._file

    @property
    def loss(self) -> str:
        """What a person is told once it does not."""
        return f"{self._path} was deleted or replaced under this program. Cure: move it back, or start the program anew"


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        said = path.stat()
    except FileNotFoundError:
        return None
    return said.st_dev, said.st_ino
