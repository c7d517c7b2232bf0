"""`lamppost gaps`, `audit`, `quarantine`, `resend`: what is missing, why, and the cure."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from collector.clock import wall_ms
from collector.commands.options import (
    CONFIG,
    JSON,
    counted,
    file_of_the_collector,
    line_width,
    load_settings,
    open_store,
    say,
    show_json,
)
from collector.commands.station import must_be_known, nothing_of
from collector.commands.times import span_of
from collector.sqlite_file import connect
from wire.batch import SEQ_MAX
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from collector.config import Config
    from collector.stores.store import Store

NODE = typer.Option(None, "--node", help="One node only.")
SEQ = typer.Argument(..., min=1, max=SEQ_MAX, help="The batch's number.")

quarantine_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


def gaps(
    config: Path = CONFIG,
    since: str = typer.Option("24h", "--since", help="How far back (90m, 24h, 30d), or from which date or time on."),
    node: str | None = NODE,
    everything: bool = typer.Option(False, "--all", help="Show hours without a gap too."),
    as_json: bool = JSON,
) -> None:
    """For each sensor and hour what was produced, stored, refused or replaced, and the cause of every hole.

    Exit code 1 when something is missing that nothing explains.   Example:  lamppost gaps --since 7d
    """
    from collector.delivery.gap_facts import from_state
    from collector.delivery.gap_table import lines
    from collector.delivery.gaps import gaps as find

    with _open(config) as (settings, store):
        since_ms, now_ms = span_of(since, None, settings.web.time_zone)
        with file_of_the_collector(settings.state_file):
            waiting, refused = from_state(settings)
        hours = find(store, since_ms, now_ms, waiting, refused, node)
    if node is not None and not hours:
        raise nothing_of(settings, node, f"the database holds nothing of {node} for that")
    shown = [hour for hour in hours if everything or hour.causes]
    if as_json:
        show_json([_hour_json(hour) for hour in shown])
    else:
        for line in lines(shown, line_width()):
            typer.echo(line)
        typer.echo(f"{counted(len(hours), 'hour')}, {len([h for h in hours if h.causes])} with something to tell")
    unexplained = any("unexplained" in hour.causes for hour in hours)
    raise typer.Exit(Exit.NOT_HEALTHY if unexplained else Exit.FINE)


def audit(config: Path = CONFIG, node: str | None = NODE, as_json: bool = JSON) -> None:
    """Prove from the database that every batch arrived whole, or name what is missing and not in the quarantine.

    Exit code 1 when it is not complete.   Example:  lamppost audit --json
    """
    from collector.delivery.audit import audit as check
    from collector.delivery.gap_facts import whole_batches

    with _open(config) as (settings, store):
        with file_of_the_collector(settings.state_file):
            kept = whole_batches(settings)
        findings = check(store, node, kept)
    if node is not None and not findings:
        raise nothing_of(settings, node, f"the database holds nothing of {node} for that")
    if as_json:
        show_json([f._asdict() | {"rows_missing": f.rows_missing, "complete": f.complete} for f in findings])
    else:
        for f in findings:
            verdict = "complete" if f.complete else f"NOT COMPLETE: {f.rows_missing} rows missing"
            if f.sequences_missing:
                verdict += ", sequences " + ", ".join(f"{seq} of {spool[:8]}" for spool, seq in f.sequences_missing)
            aside = f" and {f.batches_quarantined} batches as a whole" if f.batches_quarantined else ""
            typer.echo(
                f"{f.node:<12} {f.batches} batches, {f.rows_sent} rows sent, {f.rows_quarantined}{aside} in quarantine,"
                f" {f.rows_stored} stored: {verdict}"
            )
    raise typer.Exit(Exit.FINE if all(f.complete for f in findings) else Exit.NOT_HEALTHY)


@quarantine_app.command("list")
def quarantine_list(config: Path = CONFIG, node: str | None = NODE, as_json: bool = JSON) -> None:
    """What could not be stored, with its reason. Whole batches, rows and blocks, and strays without a name.

    Examples:  lamppost quarantine list
               lamppost quarantine list --node lp-0017
    """
    with _state(config) as db:
        rows = [
            dict(zip(("kind", "node", "spool", "seq", "reason", "count"), row, strict=True))
            for row in db.execute(_LIST)
            if node in (None, row[1])
        ]
    if node is not None and not rows:
        must_be_known(load_settings(config), node)
    if as_json:
        show_json(rows)
        return
    for row in rows:
        name = f"{row['node']} {row['spool'][:8]} {row['seq']}" if row["spool"] else row["node"]
        typer.echo(f"{row['kind']:<6} {name:<30} {row['count']:>5}  {row['reason']}")
    typer.echo(f"{len(rows)} {'entry' if len(rows) == 1 else 'entries'}")


@quarantine_app.command("show")
def quarantine_show(node: str, seq: int = SEQ, config: Path = CONFIG, as_json: bool = JSON) -> None:
    """Everything that is kept of one batch, as JSON lines, with --json as one list. Exit code 1 when nothing is.

    Example:  lamppost quarantine show lp-0017 1042
    """
    whole = "SELECT reason, payload FROM quarantine_whole WHERE node = ? AND seq = ?"
    part = "SELECT block, row, reason, content FROM quarantine_part WHERE node = ? AND seq = ?"
    kept = []
    with _state(config) as db:
        for reason, payload in db.execute(whole, (node, seq)):
            kept.append({"reason": reason, "payload_hex": payload.hex()})
        for block, row, reason, content in db.execute(part, (node, seq)):
            place = {"block": block, "row": None if row < 0 else row}
            kept.append({**place, "reason": reason, "content": content})
    for each in [kept] if kept and as_json else kept:
        show_json(each)
    if not kept:
        text = f"nothing of {node} {seq} is in quarantine"
        raise Failure(Exit.NOT_HEALTHY, "not-in-quarantine", text, "lamppost quarantine list")


@quarantine_app.command("redrive")
def quarantine_redrive(node: str, seq: int = SEQ, config: Path = CONFIG, as_json: bool = JSON) -> None:
    """Send a batch through the ingest once more, after its cause was cured.

    Example:  lamppost quarantine redrive lp-0017 1042
    """
    from collector.delivery.redrive import redrive
    from collector.delivery.registry import Registry
    from collector.numbers.calibration import Calibrations
    from collector.numbers.window_book import WindowBook
    from collector.pipeline import make_ingest

    with _open(config) as (settings, store), _state(config) as db:
        ingest, book = make_ingest(settings, store, Registry(db), db, Calibrations(db)), WindowBook(db, owner=False)
        outcome = redrive(ingest, book, settings.reporting(), db, node, seq, wall_ms())
    is_stored = outcome.startswith("stored")
    say(outcome, as_json, node=node, seq=seq, stored=is_stored)
    raise typer.Exit(Exit.FINE if is_stored else Exit.NOT_HEALTHY)


def resend(
    node: str = typer.Argument(..., help="The node that is asked."),
    since: str = typer.Option("24h", "--since", help="How far back (90m, 24h), or from which date or time on."),
    config: Path = CONFIG,
    timeout: float = typer.Option(20.0, "--timeout", min=0, help="How long to wait for the answer, in seconds."),
    as_json: bool = JSON,
) -> None:
    """Ask a node to send again what its replay ring holds, for a database that has lost it.

    Example:  lamppost resend lp-0017 --since 24h
    """
    from collector.stations.asking import ask

    settings = load_settings(config)
    since_ms, now_ms = span_of(since, None, settings.web.time_zone)
    answer = ask(settings, node, "resend", {"from_ms": since_ms, "to_ms": now_ms + 1}, timeout)
    if as_json or not answer.get("ok"):
        show_json(answer)
    else:
        typer.echo(f"{node} sends again: {answer['batches']} of its batches")
    raise typer.Exit(Exit.FINE if answer.get("ok") else Exit.NOT_HEALTHY)


_LIST = """
SELECT 'whole', node, spool, seq, reason, 1 FROM quarantine_whole UNION ALL
SELECT 'part', node, spool, seq, reason, count(*) FROM quarantine_part GROUP BY node, spool, seq, reason UNION ALL
SELECT 'stray', topic, '', 0, reason, count FROM quarantine_stray
"""


@contextmanager
def _open(config: Path) -> Iterator[tuple[Config, Store]]:
    settings = load_settings(config)
    with open_store(settings, "is the database up, and are its address and token right?") as store:
        yield settings, store


@contextmanager
def _state(config: Path) -> Iterator[sqlite3.Connection]:
    path = load_settings(config).state_file
    with file_of_the_collector(path), closing(connect(path, "rw")) as db:
        yield db


def _hour_json(hour: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(hour) | {"missing": hour.missing}
