"""`lamppost export` and `lamppost backfill`: open data out, history in."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import typer

from collector.clock import wall_ms
from collector.commands.node import must_be_known, state_of
from collector.commands.options import CONFIG, JSON, counted, load_settings, open_store, say_refused, show_json
from collector.commands.progress import progress
from collector.commands.times import span_of
from collector.zones import zone_of
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from collector.opendata.dataset import Dataset
    from collector.opendata.history import History
    from collector.stores.store import Store

_ENDINGS = (".csv", ".parquet", ".zip")


def export(
    what: str = typer.Option("all", "--what", help="air, weather, traffic or all."),
    since: str = typer.Option("24h", "--since", help="A length of time (24h, 30d) or a date or time (2026-03-01)."),
    until: str | None = typer.Option(None, "--until", help="Up to this date or time; default: now."),
    node: str | None = typer.Option(None, "--node", help="One station only."),
    zone: str | None = typer.Option(None, "--tz", help="Time zone of the times; default: the city's."),
    output: str = typer.Option(..., "--output", "-o", help="FILE.csv, FILE.parquet, FILE.zip, or - for CSV on stdout."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Readings as open data: units, quality columns, description and licence inside; fewer than 5 vehicles are masked.

    The same export is the same bytes, and `lamppost backfill` reads it back.

    Examples:  lamppost export --what air --since 2026-03-01 --until 2026-04-01 -o march.csv
               lamppost export --since 30d -o month.zip
    """
    from collector.opendata import dataset as datasets

    settings = load_settings(config)
    kinds = list(datasets.WHAT) if what == "all" else [what]
    _check(kinds, output, datasets.WHAT)
    city = settings.web.time_zone
    try:
        told_in = zone_of(zone or city)
    except ValueError as error:
        raise Failure(Exit.USAGE, "zone-unknown", f"--tz {zone}", "write a zone such as Asia/Shanghai") from error
    span = span_of(since, until, zone or city)
    try:
        with open_store(settings) as store:
            parts = [datasets.describe(store, kind, *span, node) for kind in kinds]
            if node is not None and not any(part.rows for part in parts):
                must_be_known(settings, node)
            with progress(sum(part.rows for part in parts), "exporting") as seen:
                _write(store, parts, output, told_in, seen)
    except BrokenPipeError:  # whoever read along has enough: no fault, and nothing to say
        raise
    except OSError as error:
        raise Failure(Exit.NOT_PERMITTED, "file-unwritable", f"{output}: {error.strerror or error}") from error
    said = {"file": output, "rows": {part.measurement: part.rows for part in parts}}
    if as_json and output != "-":
        show_json(said)
    else:
        typer.echo(
            f"{output}: " + ", ".join(f"{counted(part.rows, 'row')} of {part.measurement}" for part in parts), err=True
        )


def _check(kinds: list[str], output: str, known: dict[str, str]) -> None:
    for kind in kinds:
        if kind not in known:
            raise Failure(Exit.USAGE, "what-unknown", f"--what {kind}", f"name one of {', '.join(known)}, all")
    if output != "-" and not output.endswith(_ENDINGS):
        text = f"-o {output}: the ending tells the format"
        raise Failure(Exit.USAGE, "ending-unknown", text, f"end it in {', '.join(_ENDINGS)}, or give -")
    if len(kinds) > 1 and not output.endswith(".zip"):
        raise Failure(Exit.USAGE, "one-table", f"{output} holds one table", "give --what air, or a FILE.zip for all")


def _write(store: Store, parts: list[Dataset], output: str, zone: ZoneInfo, seen: Callable[[int], None]) -> None:
    from collector.opendata import dataset as datasets
    from collector.opendata import files
    from common.whole_file import whole

    with_rows = [(part, files.counted(datasets.read(store, part), seen)) for part in parts]
    if output == "-":
        files.write_csv(sys.stdout, *with_rows[0], zone)
        return
    with whole(Path(output)) as path:
        if output.endswith(".zip"):
            files.write_archive(path, with_rows, zone)
        elif output.endswith(".parquet"):
            files.write_parquet(path, *with_rows[0], zone)
        else:
            with path.open("w", encoding="utf-8", newline="") as out:
                files.write_csv(out, *with_rows[0], zone)


def backfill(
    file: Path = typer.Argument(
        ..., help="A CSV (an export, or anybody's) or JSON lines; docs/data.md tells the columns."
    ),
    kind: str | None = typer.Option(
        None, "--kind", help="air_quality, weather, traffic_flow: if the file does not say."
    ),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Bring history into the database; the collector computes its windows anew, and nobody is paged for the past.

    Raw values are corrected as an agent's are. Rows that are there already change nothing: the command may be repeated.

    Example:  lamppost backfill march.csv
    """
    from collector.numbers.calibration import Calibrations
    from collector.numbers.quality import Quality
    from collector.numbers.window_book import WindowBook
    from collector.opendata.backfill import Account, Making
    from collector.opendata.backfill import backfill as write
    from collector.opendata.scanty import Scanty

    settings = load_settings(config)
    account = Account(_digest(file), wall_ms())
    total = empty = 0
    scanty = Scanty()
    for part in _history(file, kind, account.now_ms):  # the whole file is read before the first row is written
        total, empty = total + len(part.lines), empty + part.empty
        scanty.look(part)
    new = known = 0
    refused: list[str] = []
    with (
        state_of(settings) as state,
        open_store(settings, "run the same command again: it may be repeated") as store,
        progress(total, "importing") as seen,
    ):
        store.prepare()
        book = WindowBook(state, owner=False)
        making = Making(Quality(settings.quality), Calibrations(state), settings.reporting())
        for part in _history(file, kind, account.now_ms):
            for done in write(store, book, making, part, account):
                new, known, refused = new + done.new, known + done.known, refused + done.refused
                seen(done.new + done.known)
    said = {"new": new, "already_there": known, "without_value": empty, "refused": len(refused)}
    words = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in said.items())
    typer.echo(json.dumps(said) if as_json else words)
    say_refused(refused)
    if few := scanty.sensors():
        text = "an index wants 45 minutes of an hour, and no hour of this file has so many"
        typer.echo(f"note: {text}: {', '.join(few)}", err=True)
    raise typer.Exit(Exit.NOT_HEALTHY if refused else Exit.FINE)


def _history(file: Path, kind: str | None, now_ms: int) -> Iterator[History]:
    from collector.opendata.history import NotHistory, read_csv, read_json_lines

    read = read_json_lines if file.suffix in (".jsonl", ".ndjson") else read_csv
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:  # Excel begins a CSV with a byte order mark
            yield from read(lines, now_ms, kind)
    except UnicodeDecodeError as error:
        text = f"{file} is no text in UTF-8 but an archive, a spreadsheet or an image"
        raise Failure(Exit.USAGE, "not-history", text, "unpack it, or save it as CSV in UTF-8; docs/data.md") from error
    except NotHistory as error:
        raise Failure(Exit.USAGE, "not-history", f"{file}: {error}", "correct the lines named; docs/data.md") from error


def _digest(file: Path) -> str:
    import hashlib

    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()[:32]
    except OSError as error:
        raise Failure(Exit.USAGE, "file-unreadable", f"{file}: {error.strerror}") from error
