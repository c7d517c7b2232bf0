"""What the commands about one station share: asking it, the collector's state."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from collector.commands.options import file_of_the_collector, load_settings, meant
from wire.both import Both
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from collector.config import Config
    from collector.delivery.registry import Node

NODE = typer.Argument(..., help="The node's name.")
TIMEOUT = typer.Option(25.0, "--timeout", help="How long to wait for the answer, in seconds.")


def ask_node(config: Path, node: str, verb: str, arguments: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """What a node answers; `ok` is false when it refuses. Raises Failure when it does not answer."""
    from collector.stations.asking import ask

    settings = load_settings(config)
    try:
        return ask(settings, node, verb, arguments, timeout_s)
    except Failure as failure:
        if failure.word == "no-answer" and node not in (known := known_words(settings, "node")):
            raise Failure(failure.code, failure.word, str(failure), meant(node, known, failure.cure)) from failure
        raise


@contextmanager
def as_agents_say(node: str) -> Iterator[None]:
    """An answer is read within. Raises Failure where no agent gives such a one: whoever holds a node says anything."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        text = Both(f"{node} answers what no agent says", f"{node} 的答复不像采集程序说的")
        cure = Both("--json shows it; is its agent ours?", "用 --json 看原文；它运行的是我们的程序吗？")
        raise Failure(Exit.NOT_HEALTHY, "bad-answer", text, cure) from error


def end_with(answer: dict[str, Any], healthy: Any = lambda: True) -> None:
    """End the command as a node's answer has it."""
    if not answer.get("ok"):
        raise Failure(Exit.CONFIGURATION, "refused", str(answer.get("error", "refused without a reason")))
    raise typer.Exit(Exit.FINE if healthy() else Exit.NOT_HEALTHY)


def node_of(config: Path, node: str) -> tuple[Config, Node]:
    """The collector's settings, and a node it has heard of. Raises Failure for another."""
    from collector.delivery.registry import Registry

    settings = load_settings(config)
    with state_of(settings) as db:
        known = Registry(db).get(node)
    if known is None:
        must_be_called(settings, node)
        text = Both(f"{node} has never been heard of", f"{node} 从未上线")
        raise Failure(Exit.USAGE, "node-unheard", text, Both("see to it that it reports", "请先让它上报"))
    return settings, known


def must_be_called(settings: Config, node: str) -> None:
    """Raises Failure for a node that was never heard of and that the settings do not name."""
    if node not in (known := known_words(settings, "node")):
        cure = meant(node, known, "lamppost stations list")
        raise Failure(Exit.USAGE, "node-unknown", Both(f"no node is called {node}", f"没有站点叫 {node}"), cure)


def must_be_known(settings: Config, word: str, what: str = "node") -> None:
    """After an empty answer: raises Failure for a node, site or sensor that was never heard of and is not named in the
    settings."""
    if word not in known_words(settings, what):
        raise nothing_of(settings, word, Both(f"nothing is known of {word}", f"没有 {word} 的任何记录"), what)


def nothing_of(settings: Config, word: str, text: str, what: str = "node") -> Failure:
    """No answer is no good news of a node: its name may be mistyped, or it has never sent anything."""
    known, cure = known_words(settings, what), "lamppost stations list"
    return Failure(Exit.NOT_HEALTHY, "nothing-stored", text, cure if word in known else meant(word, known, cure))


def known_words(settings: Config, what: str) -> set[str]:
    """Every node, site or sensor that was heard of or is named in the settings, and every node that is enrolled."""
    from collector.delivery.registry import Registry

    named = {station.node for station in settings.stations} | _enrolled(settings) if what == "node" else set()
    if what == "site":
        named = {station.push.site for station in settings.stations if station.push is not None}
    if not settings.state_file.exists():
        return named
    with state_of(settings) as db:
        births = [known.birth for known in Registry(db).nodes()]
    if what == "sensor":
        return named | {sensor.name for birth in births for sensor in birth.sensors}
    return named | {birth.node if what == "node" else birth.site for birth in births}


def _enrolled(settings: Config) -> set[str]:
    from collector.identity.book import Book
    from collector.web.desk.file import DeskFile

    if not settings.desk_file.exists():
        return set()
    with closing(DeskFile(settings.desk_file)) as file:
        return {station.node for station in Book(file).stations()}


@contextmanager
def state_of(settings: Config) -> Iterator[sqlite3.Connection]:
    """The collector's state, for as long as a `with`. Raises Failure when SQLite cannot."""
    from collector.files.statedb import open_state

    with closing(open_state(settings.state_file)) as db, file_of_the_collector(settings.state_file):
        yield db
