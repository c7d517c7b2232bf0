"""`lamppost quarantine`: what could not be stored, with its reason, and another try once the cause was cured."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from collector.clock import wall_ms
from collector.commands.node import must_be_known
from collector.commands.options import (
    CONFIG,
    JSON,
    counted,
    file_of_the_collector,
    load_settings,
    open_store,
    say,
    show_json,
)
from collector.files.sqlite_file import connect
from wire.batch import SEQ_MAX
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from collector.config import Config

NODE = typer.Option(None, "--node", help="One node only.")
SEQ = typer.Argument(..., min=1, max=SEQ_MAX, help="The batch's number.")

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_(config: Path = CONFIG, node: str | None = NODE, as_json: bool = JSON) -> None:
    """What could not be stored, with its reason. Whole batches, rows and blocks, and strays without a name.

    Examples:  lamppost quarantine list
               lamppost quarantine list --node lp-0017
    """
    settings = load_settings(config)
    with _state(settings) as db:
        rows = [
            dict(zip(("kind", "node", "spool", "seq", "reason", "count"), row, strict=True))
            for row in db.execute(_LIST)
            if node in (None, row[1])
        ]
    if node is not None and not rows:
        must_be_known(settings, node)
    if as_json:
        show_json(rows)
        return
    for row in rows:
        name = f"{row['node']} {row['spool'][:8]} {row['seq']}" if row["spool"] else row["node"]
        typer.echo(f"{row['kind']:<6} {name:<30} {row['count']:>5}  {row['reason']}")
    typer.echo(counted(len(rows), "entry"))


@app.command("show")
def show(node: str, seq: int = SEQ, config: Path = CONFIG, as_json: bool = JSON) -> None:
    """Everything that is kept of one batch, as JSON lines, with --json as one list. Exit code 1 when nothing is.

    Example:  lamppost quarantine show lp-0017 1042
    """
    whole = "SELECT reason, payload FROM quarantine_whole WHERE node = ? AND seq = ?"
    part = "SELECT block, row, reason, content FROM quarantine_part WHERE node = ? AND seq = ?"
    kept = []
    with _state(load_settings(config)) as db:
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


@app.command("redrive")
def redrive(node: str, seq: int = SEQ, config: Path = CONFIG, as_json: bool = JSON) -> None:
    """Send a batch through the ingest once more, after its cause was cured.

    Example:  lamppost quarantine redrive lp-0017 1042
    """
    from collector.delivery.redrive import redrive as send_again
    from collector.delivery.registry import Registry
    from collector.numbers.calibration import Calibrations
    from collector.numbers.window_book import WindowBook
    from collector.pipeline import make_ingest

    settings = load_settings(config)
    with open_store(settings) as store, _state(settings) as db:
        ingest, book = make_ingest(settings, store, Registry(db), db, Calibrations(db)), WindowBook(db, owner=False)
        outcome = send_again(ingest, book, settings.reporting(), db, node, seq, wall_ms())
    is_stored = outcome.startswith("stored")
    say(outcome, as_json, node=node, seq=seq, stored=is_stored)
    raise typer.Exit(Exit.FINE if is_stored else Exit.NOT_HEALTHY)


_LIST = """
SELECT 'whole', node, spool, seq, reason, 1 FROM quarantine_whole UNION ALL
SELECT 'part', node, spool, seq, reason, count(*) FROM quarantine_part GROUP BY node, spool, seq, reason UNION ALL
SELECT 'stray', topic, '', 0, reason, count FROM quarantine_stray
"""


@contextmanager
def _state(settings: Config) -> Iterator[sqlite3.Connection]:
    with file_of_the_collector(settings.state_file), closing(connect(settings.state_file, "rw")) as db:
        yield db
