"""Where what must not be lost is put aside: beside its old place, under a name that nothing has."""

from __future__ import annotations

from pathlib import Path


def beside(path: Path, suffix: str) -> Path:
    """The same name with more at its end, as SQLite names the files of a database."""
    return path.with_name(path.name + suffix)


def free_name(path: Path, word: str) -> Path:
    """The name with a word, such as damaged, and the first number that is free."""
    number = 1
    while (found := beside(path, f".{word}-{number}")).exists():
        number += 1
    return found
