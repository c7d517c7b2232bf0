"""What is wrong with a file that people wrote: the place, the fault and the cure, one line each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from wire.quantities import nearest

Path = tuple[str | int, ...]
LineOf = Callable[[Path], int | None]
"""Tells the line of a path such as (0, "window", "over"), or of the nearest thing around it."""


class BadRules(ValueError):
    """The rules cannot be used; `problems` names each place, what was wrong and the cure."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def plain_error(error: Any, keys: Iterable[str]) -> tuple[Path, str]:
    """One validation error as a path and a sentence that names the cure; `keys` are those known at its place."""
    path: Path = error["loc"]
    kind, given = error["type"], error["input"]
    if kind == "extra_forbidden":
        return path, f"unknown key {path[-1]!r}{hint(str(path[-1]), keys)}"
    if kind == "missing":
        return path[:-1], f"{path[-1]!r} is missing"
    if kind == "literal_error":
        known = [word.strip("' ") for word in error["ctx"]["expected"].replace(" or ", ",").split(",")]
        return path, f"{given!r} is not one of {', '.join(known)}{hint(str(given), known)}"
    if kind in ("model_type", "dict_type"):
        such = " such as {zh: ..., en: ...}" if path and path[-1] == "text" else ""
        return path, f"{given!r} stands where keys with values belong{such}"
    if kind in ("tuple_type", "list_type"):
        return path, f"{given!r} stands where a list belongs, write [{given}]"
    if kind == "string_type":
        return path, f"{given!r} stands where text belongs, write it in quotes"
    text = error["msg"].removeprefix("Value error, ")
    return path, text if kind == "value_error" else f"{text}, got {given!r}"


def hint(word: str, known: Iterable[str]) -> str:
    """The nearest known word as a question, or nothing."""
    close = nearest(word, list(known))
    return f", did you mean {close!r}?" if close else ""


def located(where: str, line_of: LineOf | None, path: Path, title: str, text: str) -> str:
    """A complaint with file, line, rule and key."""
    line, near = None, path
    while line_of is not None and line is None and near:
        line, near = line_of(near), near[:-1]
    dotted = ".".join(str(part) for part in path[1:])
    place = f"{where}:{line}" if line is not None else where
    return f"{place}: {title}: {dotted + ': ' if dotted else ''}{text}"
