"""How a set-up asks: one letter, or a line that is checked; sixty columns, no mouse."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import typer
from pydantic import ValidationError

LETTERS = "abcdefghijklmnop"
WIDTH = 60


def a_person_is_here() -> bool:
    """True when questions can be answered."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def choose(text: str, letters: str, default: str) -> str:
    """One letter of `letters`; Enter takes the default."""
    shown = "/".join(letter.upper() if letter == default else letter for letter in letters)
    while True:
        said: str = typer.prompt(f"{text} [{shown}]", default=default, show_default=False).strip().lower()
        if said[:1] in letters and len(said) <= 1:
            return said
        typer.echo(f"  one of {', '.join(letters)}, please")


def choose_of(title: str, items: Sequence[str]) -> str | None:
    """One of these, by a letter before it; None for none of them."""
    items = items[: len(LETTERS)]
    typer.echo(title)
    for letter, item in zip(LETTERS, items, strict=False):
        typer.echo(f"  {letter}  {item}")
    said = choose("Which, or x for none?", LETTERS[: len(items)] + "x", "x")
    return None if said == "x" else items[LETTERS.index(said)]


def ask(text: str, default: str, check: Callable[[str], Any]) -> Any:
    """An answer that `check` takes; it raises ValueError, or a model's errors, with what is wanted."""
    while True:
        said: str = typer.prompt(text, default=default).strip()
        try:
            return check(_readable(said))
        except ValidationError as error:
            typer.echo(indented(error.errors()[0]["msg"].removeprefix("Value error, ")))
        except ValueError as error:
            typer.echo(indented(str(error)))


def _readable(said: str) -> str:
    """What was typed. Raises ValueError where the terminal sends other bytes than this system reads."""
    try:
        said.encode()
    except UnicodeEncodeError as error:
        raise ValueError("this came as GBK or the like: set your terminal to UTF-8, or use Latin letters") from error
    return said


def indented(text: str) -> str:
    """A remark below what was typed."""
    return textwrap.fill(
        text, WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False, break_long_words=False
    )
