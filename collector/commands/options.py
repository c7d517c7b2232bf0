"""What is the same in every command of the collector's: options, settings, and who may use its files."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from collector.files.sqlite_file import unusable
from common.language import told
from wire.both import Both, same
from wire.exits import CORRECT_LINES, Exit, Failure

if TYPE_CHECKING:
    from collector.config import Config
    from collector.rules.rule import Rule
    from collector.stores.store import Store
    from collector.web.desk.file import DeskFile

DEFAULT_CONFIG = Path("/etc/lamppost/collector.yaml")
NO_SETTINGS_CURE: Final = Both(
    "name yours with -c FILE; where none was made yet: sudo lamppost collector init",
    "用 -c FILE 指定；还没有配置时：sudo lamppost collector init",
)
CONFIG = typer.Option(DEFAULT_CONFIG, "--config", "-c", help="The collector's settings file.")
ALSO_CONFIG = typer.Option(None, "--config", "-c", help="The same, as other words take it.")
JSON = typer.Option(False, "--json", help="Print JSON.")
_SERVER: Final = "is the database up, and are its address and token right?"
_LOOK: Final = {
    "sqlite": "run commands as the collector's user (sudo -u lamppost ...); is their store.path right?",
    "influx1": _SERVER,
    "influx2": _SERVER,
}


def load_settings(file: Path) -> Config:
    """The settings of a file. Raises Failure with line, key and cure."""
    from collector.config import Config
    from common import settings

    return settings.load_settings(Config, file, NO_SETTINGS_CURE)


def load_rules(settings: Config) -> list[Rule]:
    """The rules that the settings name. Raises Failure with file, line and cure."""
    return rules_in(settings.rules, [channel.name for channel in settings.alerts.channels])


def rules_in(files: Iterable[Path], channels: Iterable[str] | None = None) -> list[Rule]:
    """The rules of some files; of `channels`, when they are given, they may name no other. Raises Failure as above."""
    from collector.alerts import loading
    from common.strict_yaml import NotUsable

    try:
        return loading.load_rules(files, channels)
    except NotUsable as error:
        raise Failure(Exit.CONFIGURATION, "rules-invalid", str(error), CORRECT_LINES) from error
    except OSError as error:
        raise unreadable("rules", error) from error


def unreadable(what: str, error: OSError) -> Failure:
    """A file of `what`, named on the command line or in the settings, that cannot be read."""
    text = f"{what}: {error.filename}: {error.strerror or error}"
    return Failure(Exit.CONFIGURATION, "file-unreadable", text, "name a file that is there and may be read")


def show_json(value: object) -> None:
    """A value as one line of JSON, for programs."""
    typer.echo(json.dumps(value, ensure_ascii=False))


def say(text: str, as_json: bool, **facts: object) -> None:
    """What a command did: one line for people, or the same for programs, with what they may want to know of it."""
    if as_json:
        show_json({"schema": "lamppost.done/1", "said": text} | facts)
    else:
        typer.echo(told(text))


def say_refused(reasons: Sequence[str]) -> None:
    """Why a database has refused rows, the commonest reasons first: it gives one for each, and mostly the same."""
    for reason, times in Counter(reasons).most_common(5):
        typer.echo(f"{times} refused: {reason}", err=True)


def meant(word: str, known: Iterable[str], otherwise: str) -> Both:
    """The cure for an unknown word: the known one that is near it, or else what is said here."""
    from wire.quantities import nearest

    near = nearest(word, known)
    return Both(f"did you mean {near}?", f"是不是 {near}？") if near else same(otherwise)


def counted(number: int, noun: str) -> str:
    """`1 silence`, `2 silences`, `3 tries`, `4 batches`."""
    if number == 1:
        return f"1 {noun}"
    if noun.endswith("try"):
        return f"{number} {noun[:-1]}ies"
    return f"{number} {noun}{'es' if noun.endswith('ch') else 's'}"


def line_width() -> int:
    """How wide a line may be: the terminal's width, or what COLUMNS says; a pipe cuts nothing."""
    return shutil.get_terminal_size((10_000, 24)).columns if sys.stdout.isatty() or "COLUMNS" in os.environ else 10_000


def this_person() -> str:
    """Who is at this terminal, as the audit trail names them: who called sudo, since commands run as the collector's
    user. In a container the user may have no name.
    """
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return f"user-{os.getuid()}"


@contextmanager
def file_of_the_collector(path: Path) -> Iterator[None]:
    """Around what a command does with one of the collector's own files. Raises Failure when SQLite cannot."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise unusable(path, error) from error


@contextmanager
def open_store(settings: Config, cure: str | None = None) -> Iterator[Store]:
    """The store of these settings, closed at the end. Raises Failure when it cannot be asked."""
    from collector.stores.named import make_store
    from collector.stores.store import StoreDown

    store = make_store(settings)
    try:
        yield store
    except StoreDown as error:
        raise Failure(Exit.STORE, "store-down", str(error), cure or _LOOK[settings.store.kind]) from error
    finally:
        store.close()


@contextmanager
def open_desk(config: Path) -> Iterator[tuple[Config, DeskFile]]:
    """Settings and the file of what people decide, for as long as one command takes."""
    from collector.web.desk.file import DeskFile

    settings = load_settings(config)
    file = DeskFile(settings.desk_file)
    try:
        with file_of_the_collector(settings.desk_file):
            yield settings, file
    finally:
        file.close()
