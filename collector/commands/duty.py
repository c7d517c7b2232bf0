"""How commands ask the running collector: a request in its state file, which it carries out and answers there.

So everything that is done is done in one place, and stands in the audit trail.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from collector.alerts.table import short_names
from collector.clock import wall_ms
from collector.commands.options import load_settings, this_person
from collector.files.sqlite_file import unusable
from common.language import told
from wire.both import Both
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from collector.alerts.book import Book
    from collector.config import Config
    from collector.rules.desk import Desk

ANSWER_S = 10.0
"""A collector that has answered nothing for so long does not run."""
Answer = dict[str, Any]


def ask(config: Path, verb: str, asked: dict[str, Any], who: str | None, as_json: bool, done: str) -> None:
    """Ask one thing and print what came of it: JSON, or `done` filled in. Raises Failure."""
    (answer,) = ask_each(load_settings(config), verb, [asked], who)
    if "refused" in answer:
        refused = str(answer["refused"])
        raise Failure(Exit.NOT_HEALTHY, "refused", Both(refused, str(answer.get("refused_zh", refused))))
    typer.echo(json.dumps(answer, ensure_ascii=False) if as_json else told(done).format(**answer))


def ask_each(settings: Config, verb: str, asked: Sequence[dict[str, Any]], who: str | None) -> list[Answer]:
    """Ask many things at once; the answer to each, `refused` with the reason where it was not done.

    Raises Failure when nobody answers. What no collector has taken up is withdrawn; one whose disk is full has perhaps
    taken it up, and can neither answer nor forget it.
    """
    with open_book(settings) as book:
        try:
            with book.commit():
                numbers = [book.ask(verb, each | {"who": who or this_person()}, wall_ms()) for each in asked]
        except sqlite3.Error as error:
            raise unusable(settings.state_file, error) from error
        answers = _wait(book, numbers)
        for number in numbers:
            if number not in answers and not book.withdraw(number):
                answers[number] = book.answer_to(number) or {}  # just now
        if not answers:
            text = Both("the collector does not answer", "采集器没有应答")
            cure = Both(
                "start it: lamppost collector run; if it runs, free space on its disk, then see lamppost alerts",
                "启动它：lamppost collector run；已在运行就腾出磁盘空间，再看 lamppost alerts",
            )
            raise Failure(Exit.TIMED_OUT, "collector-silent", text, cure)
        names = short_ids(desk_of(book))
    found = [answers.get(number, {"refused": "the collector does not answer any more"}) for number in numbers]
    for each, answer in zip(asked, found, strict=True):
        if name := answer.get("fingerprint", each.get("alert")):
            answer["id"] = names.get(name, f"a-{name}")
    return found


def _wait(book: Book, numbers: Sequence[int]) -> dict[int, Answer]:
    """The answers that come, until none has come for `ANSWER_S`."""
    answers: dict[int, Answer] = {}
    until_s = time.monotonic() + ANSWER_S
    while len(answers) < len(numbers) and time.monotonic() < until_s:
        time.sleep(0.1)
        for number in numbers:
            if number not in answers and (answer := book.answer_to(number)) is not None:
                answers[number], until_s = answer, time.monotonic() + ANSWER_S
    return answers


def open_book(settings: Config) -> closing[Book]:
    """The book of a collector's state file. Raises Failure when there is none."""
    from collector.alerts.book import Book

    if not settings.state_file.exists():
        text = Both(
            f"{settings.state_file}: no such file; no collector has run with these settings",
            f"没有 {settings.state_file}：采集器还没有用这份配置运行过",
        )
        cure = Both("name the settings with --config", "用 --config 指定配置")
        raise Failure(Exit.CONFIGURATION, "state-missing", text, cure)
    try:
        return closing(Book.open(settings.state_file))
    except sqlite3.Error as error:
        raise unusable(settings.state_file, error) from error


def desk_of(book: Book) -> Desk:
    """The duty desk as it was saved."""
    from collector.rules.desk import Desk
    from collector.rules.policy import Policy

    return Desk.restore(Policy(), book.desk())


def short_ids(desk: Desk) -> dict[str, str]:
    """The ids by which the list of what fires calls them."""
    return short_names(each.alert.fingerprint for each in desk.standings.values() if each.firing)
