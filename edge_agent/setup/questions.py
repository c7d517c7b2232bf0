"""How a set-up asks: one letter, or a line that is checked; sixty columns, no mouse."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import typer
from pydantic import ValidationError

from common.language import told
from wire.both import Both
from wire.cells import wrapped

LETTERS = "abcdefghijklmnop"
WIDTH = 60


def a_person_is_here() -> bool:
    """True when questions can be answered."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def choose(text: str, letters: str, default: str) -> str:
    """One letter of `letters`; Enter takes the default."""
    shown = "/".join(letter.upper() if letter == default else letter for letter in letters)
    while True:
        said: str = typer.prompt(f"{told(text)} [{shown}]", default=default, show_default=False).strip().lower()
        if said[:1] in letters and len(said) <= 1:
            return said
        typer.echo(told(Both(f"  one of {', '.join(letters)}, please", f"  请输入 {'、'.join(letters)} 之一")))


def choose_of(title: str, items: Sequence[str]) -> str | None:
    """One of these, by a letter before it; None for none of them."""
    items = items[: len(LETTERS)]
    typer.echo(told(title))
    for letter, item in zip(LETTERS, items, strict=False):
        typer.echo(f"  {letter}  {item}")
    said = choose(Both("Which, or x for none?", "是哪一个？都不是就输入 x"), LETTERS[: len(items)] + "x", "x")
    return None if said == "x" else items[LETTERS.index(said)]


def ask(text: str, default: str, check: Callable[[str], Any]) -> Any:
    """An answer that `check` takes; it raises ValueError, or a model's errors, with what is wanted."""
    while True:
        said: str = typer.prompt(told(text), default=default).strip()
        try:
            return check(_readable(said))
        except ValidationError as error:
            first = error.errors()[0]
            typer.echo(indented(_said(first["ctx"]["error"]) if "error" in first.get("ctx", ()) else first["msg"]))
        except ValueError as error:
            typer.echo(indented(_said(error)))


def _said(error: ValueError) -> str:
    """What is wanted, in both languages where it was raised so: as a text of its own an error is its English."""
    return next((text for text in error.args[:1] if isinstance(text, Both)), str(error))


def _readable(said: str) -> str:
    """What was typed. Raises ValueError where the terminal sends other bytes than this system reads."""
    try:
        said.encode()
    except UnicodeEncodeError as error:
        text = Both(
            "this came as GBK or the like: set your terminal to UTF-8, or use Latin letters",
            "输入的像是 GBK 编码：请把终端设为 UTF-8，或改用拉丁字母",
        )
        raise ValueError(text) from error
    return said


def indented(text: str) -> str:
    """A remark below what was typed."""
    return "\n".join(f"  {line}" for line in wrapped(told(text), WIDTH - 2, break_long_words=False))
