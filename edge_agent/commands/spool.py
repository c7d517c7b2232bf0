"""`lamppost agent spool`: what waits on this device and for how long there is room; taking it out, sending it again."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from common.language import told
from edge_agent.commands.options import CONFIG, JSON, say
from edge_agent.device.clock import wall_ms
from wire.both import Both, joined, zh
from wire.cells import padded
from wire.exits import Exit, Failure, of_file
from wire.times import DAY_MS, HOUR_MS, MINUTE_MS

if TYPE_CHECKING:
    from edge_agent.settings.config import Config
    from edge_agent.spool.view import Survey, View

app = typer.Typer(
    no_args_is_help=True, help="What waits on this device: status, list, export, replay, purge.", rich_markup_mode=None
)

FROM = typer.Option(None, "--from", help="From this time on: 2026-03-01, 2026-03-01T08:00, or 6h, 2d ago. UTC.")
TO = typer.Option(None, "--to", help="Up to this time.")
FULL_SOON_DAYS = 3.0
FOR_EVER_MS = 2**62


@app.command()
def status(config: Path = CONFIG, as_json: bool = JSON) -> None:
    """How much waits, how long the room lasts, what the card is written each day.

    Exit code 1 when the room ends within three days, or a damaged file was put aside.
    Example:  lamppost agent spool status
    """
    settings = _settings(config)
    with _view(settings) as view:
        found = view.survey()
    said = _said(settings, found)
    if as_json:
        typer.echo(json.dumps({"schema": "lamppost.agent.spool/1", **said}))
    else:
        from edge_agent.screens.spool import screen

        typer.echo(told(screen(said, wall_ms())))
    days = said["days_left"]
    fine = found.damaged is None and (days is None or days >= FULL_SOON_DAYS)
    raise typer.Exit(Exit.FINE if fine else Exit.NOT_HEALTHY)


@app.command("list")
def list_(
    config: Path = CONFIG,
    since: str | None = FROM,
    until: str | None = TO,
    waiting: bool = typer.Option(False, "--waiting", help="Only what nobody has answered."),
    limit: int = typer.Option(50, "--limit", min=1, help="The newest so many."),
    as_json: bool = JSON,
) -> None:
    """Batches, oldest first: name, span, rows, bytes, the collector's answer.

    Example:  lamppost agent spool list --waiting
    """
    from collections import deque

    from edge_agent.screens.words import span as length

    with _view(_settings(config)) as view:
        entries = deque(view.entries(*_span(since, until), only_waiting=waiting), maxlen=limit)
    if as_json:
        typer.echo(json.dumps([entry._asdict() | {"state": entry.state} for entry in entries]))
        return
    head = Both(
        "spool       seq from (UTC)     lasts     rows  bytes",
        "缓存       序号 起始（UTC）    时长      条数   字节",
    )
    typer.echo(told(head))
    for entry in entries:
        lasts = padded(told(length((entry.to_ms - entry.from_ms) / 1000)), 9)
        typer.echo(
            f"{entry.spool[:8]} {entry.seq:>6} {_clock(entry.from_ms)[5:]} {lasts}"
            f" {entry.rows:>4} {entry.size:>6} {told(entry.state)}"
        )
    count = len(entries)
    batches = Both(f"{count} batches", f"{count} 批")
    newest = Both(f", the newest {limit}", f"，最新的 {limit} 批") if count == limit else ""
    typer.echo(told(joined("", [batches, newest])))


@app.command()
def export(
    file: str = typer.Argument(..., help="readings.csv, batches.jsonl, or - for CSV on standard output."),
    config: Path = CONFIG,
    since: str | None = FROM,
    until: str | None = TO,
    waiting: bool = typer.Option(False, "--waiting", help="Only what nobody has answered."),
) -> None:
    """Take readings out, as CSV or JSON lines. CSV has one value a line, JSON one batch a line, as it travels.

    Nothing in the spool changes. What is not in it is told; exit code 1 when a part could not be read.

    Example:  lamppost agent spool export /media/stick/lp-0017.csv --from 2d
    """
    if file != "-" and not file.endswith((".csv", ".jsonl")):
        raise Failure(
            Exit.USAGE,
            "format-unknown",
            Both(f"{file}: no format of that name", f"{file}：没有这种格式"),
            Both("end it in .csv or .jsonl", "以 .csv 或 .jsonl 结尾"),
        )
    span, by_batch = _span(since, until), file.endswith(".jsonl")
    with _view(_settings(config)) as view:
        lines = _batch_lines(view, span, waiting) if by_batch else _csv_lines(view, span, waiting)
        count = _write(file, lines)
        waits = view.unsealed_rows(untimed=not by_batch) if until is None else 0
    notes = [Both(f"{count} lines", f"{count} 行")]
    if waits:
        why = Both("they wait for the true time", "它们在等时钟校准")
        if by_batch:
            why = Both("they are in no batch yet; a .csv has them", "它们还没有封批；.csv 里有")
        notes.append(Both(f"without {waits} readings: {why}", f"不含 {waits} 条读数：{zh(why)}"))
    if damaged := view.damaged_batches:
        left_out = Both(
            f"{damaged} batches left out: their bytes have changed on the disk",
            f"{damaged} 批没有导出：磁盘上的字节已经变了",
        )
        notes.append(left_out)
    if unread := view.unread_rows:
        left_out = Both(
            f"{unread} readings left out: what was written of them cannot be read",
            f"{unread} 条读数没有导出：写下的内容读不出来",
        )
        notes.append(left_out)
    for note in notes:
        typer.echo(told(note), err=True)
    if view.damaged_batches or view.unread_rows:
        raise typer.Exit(Exit.NOT_HEALTHY)


@app.command()
def replay(
    since: str = typer.Option(..., "--from", help="From this time on: 2026-03-01, 2026-03-01T08:00, or 6h, 2d ago."),
    until: str | None = TO,
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Send answered batches again, for a database that has lost them. As far as they are still kept here; the agent
    may run.

    Example:  lamppost agent spool replay --from 2026-03-01T08:00 --to 2026-03-01T20:00
    """
    from edge_agent.spool import file as spool_file

    settings = _settings(config)
    with _view(settings):
        count = _trying(lambda: spool_file.replay(settings.spool.path, *_span(since, until)))
    text = Both(
        f"{count} batches will be sent again; lamppost agent spool status shows them waiting",
        f"将重发 {count} 批；待发情况见 lamppost agent spool status",
    )
    say(text, as_json, batches=count)
    raise typer.Exit(Exit.FINE if count else Exit.NOT_HEALTHY)


@app.command()
def purge(
    older_than: str = typer.Option(..., "--older-than", help="30d, 12h."),
    unsent: bool = typer.Option(False, "--unsent", help="What waits too. It is lost for good; a gap record says so."),
    yes: bool = typer.Option(False, "--yes", help="Do it; without, only say what would go."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Delete what is kept for a replay. With --unsent also what still waits.

    --unsent wants the agent stopped. Example:  lamppost agent spool purge --older-than 30d --yes
    """
    settings = _settings(config)
    before_ms = wall_ms() - _length_ms(older_than)
    with _view(settings) as view:
        old = [one for one in view.entries() if one.to_ms < before_ms]
    kept, waits = [e for e in old if e.acked_ms is not None], [e for e in old if e.acked_ms is None]
    rows, lost = sum(e.rows for e in kept), sum(e.rows for e in waits) if unsent else 0
    if not yes:
        more = Both(f" and {lost} that wait", f"和 {lost} 条待发的读数") if unsent else ""
        would = Both(f"would delete {rows} answered rows", f"会删除 {rows} 条已确认的读数")
        say(
            joined("", [would, more, Both("; add --yes", "；确定就加 --yes")]),
            as_json,
            done=False,
            answered_rows=rows,
            waiting_rows=lost,
        )
        raise typer.Exit(Exit.NOT_HEALTHY)
    if unsent:
        _trying(lambda: _purge_unsent(settings, before_ms))
    from edge_agent.spool import file as spool_file

    _trying(lambda: spool_file.forget(settings.spool.path, before_ms))
    done = Both(f"deleted {rows} answered rows", f"已删除 {rows} 条已确认的读数")
    more = (
        Both(f" and {lost} that waited; the gap is on record", f"和 {lost} 条待发的读数；缺口已记录在案")
        if lost
        else ""
    )
    say(joined("", [done, more]), as_json, done=True, answered_rows=rows, waiting_rows=lost)


# -- inside -----------------------------------------------------------------------------------------------------------


def _purge_unsent(settings: Config, before_ms: int) -> None:
    from edge_agent.spool.making_room import purge as give_up
    from edge_agent.spool.place import own
    from edge_agent.spool.spool import Spool

    owner = own(settings.spool.path)
    try:
        spool = Spool(settings.spool.path, settings.node, settings.site)
        with closing(spool):
            give_up(spool, before_ms, wall_ms())
    finally:
        owner.release()


def _said(settings: Config, found: Survey) -> dict[str, Any]:
    """The survey, with what the disk and the agent's own word add."""
    from edge_agent.spool.making_room import room_of

    room = room_of(settings.spool.path, settings.spool.max_size, found)
    return {
        "file": str(settings.spool.path),
        **found._asdict(),
        "max_bytes": room.max_bytes,
        "disk_free_bytes": room.free_bytes,
        "days_left": None if room.days_left is None else round(room.days_left, 1),
        "card_bytes_a_day": _card_bytes_a_day(settings.status_file),
    }


def _card_bytes_a_day(status_file: Path) -> int | None:
    """What the running agent has had written to the card, by the kernel's own account."""
    try:
        said = json.loads(status_file.read_text(encoding="utf-8"))
        return round(said["written_bytes"] * 86_400 / said["up_s"]) if said["up_s"] >= 60 else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _csv_lines(view: View, span: tuple[int, int], waiting: bool) -> Iterator[str]:
    """One value a line; names need no quotes, their syntax has neither comma nor quote."""
    yield "time,sensor,kind,tags,quantity,value,clock"
    for row, clock in view.readings(*span, waiting):
        series, tags = row.series, ";".join(f"{key}={value}" for key, value in row.series.tags)
        when = datetime.fromtimestamp(row.time_ms / 1000, UTC).isoformat(timespec="milliseconds")
        for name, value in row.values.items():
            yield f"{when},{series.sensor},{series.kind},{tags},{name},{value},{clock}"


def _batch_lines(view: View, span: tuple[int, int], waiting: bool) -> Iterator[str]:
    from wire.batch import unpack

    for data in view.batches(*span, waiting):
        yield unpack(data).decode()


def _write(file: str, lines: Iterator[str]) -> int:
    count = 0
    try:
        out = sys.stdout if file == "-" else Path(file).open("x", encoding="utf-8")  # noqa: SIM115
    except FileExistsError as error:
        raise Failure(
            Exit.USAGE,
            "file-exists",
            Both(f"{file} exists already", f"已有文件 {file}"),
            Both("name another", "换一个名称"),
        ) from error
    except OSError as error:
        raise Failure(Exit.NOT_PERMITTED, "file-unwritable", of_file(file, error)) from error
    try:
        for line in lines:
            out.write(line + "\n")
            count += 1
        out.flush()
        if out is not sys.stdout:
            os.fsync(out.fileno())  # a stick is pulled soon
    except OSError as error:
        raise Failure(
            Exit.NOT_PERMITTED, "file-unwritable", of_file(file, error), Both("is it full?", "满了吗？")
        ) from error
    finally:
        if out is not sys.stdout:
            out.close()
    return count


def _settings(file: Path) -> Config:
    from common.settings import load_settings
    from edge_agent.settings.config import SETTINGS_CURE, Config

    return load_settings(Config, file, SETTINGS_CURE)


@contextmanager
def _view(settings: Config) -> Iterator[View]:
    from edge_agent.spool.view import View

    view = _trying(lambda: View(settings.spool.path))
    try:
        yield view
    except sqlite3.Error as error:
        text = Both(f"{view.path}: {error}", f"{view.path}：{error}")
        cure = Both(
            "sudo lamppost agent service restart; it is mended at start",
            "sudo lamppost agent service restart，启动时会自动修复",
        )
        raise Failure(Exit.NOT_PERMITTED, "spool-damaged", text, cure) from error
    finally:
        view.close()


def _trying(what: Any) -> Any:
    from edge_agent.spool.file import SpoolError

    try:
        return what()
    except SpoolError as error:
        raise Failure(Exit.NOT_PERMITTED, "spool-unusable", str(error)) from error


def _span(since: str | None, until: str | None) -> tuple[int, int]:
    return (0 if since is None else _time_ms(since)), (FOR_EVER_MS if until is None else _time_ms(until))


def _time_ms(text: str) -> int:
    """A time in UTC, or how long ago."""
    if text[:1].isdigit() and text[-1:] in ("m", "h", "d"):
        return wall_ms() - _length_ms(text)
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise Failure(
            Exit.USAGE,
            "time-unreadable",
            Both(f"{text!r} is no time", f"{text!r} 不是时间"),
            Both("write 2026-03-01T08:00 or 6h", "写成 2026-03-01T08:00 或 6h"),
        ) from error
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)


def _length_ms(text: str) -> int:
    units = {"m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}
    number = text[:-1]
    if text[-1:] not in units or not (number.isascii() and number.isdigit()) or len(number) > 9:
        raise Failure(
            Exit.USAGE,
            "span-unreadable",
            Both(f"{text!r} is no length of time", f"{text!r} 不是时长"),
            Both("write 90m, 24h or 30d", "写成 90m、24h 或 30d"),
        )
    return int(number) * units[text[-1]]


def _clock(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
