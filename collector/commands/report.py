"""`lamppost report`: a day, a week or a month of the stations, in the terminal or as one page to send and print."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast
from zoneinfo import ZoneInfo

import typer

from collector.clock import wall_ms
from collector.commands.node import must_be_known
from collector.commands.options import CONFIG, JSON, counted, load_rules, load_settings, open_store, show_json
from collector.commands.times import time_of
from wire.exits import Exit, Failure
from wire.times import DAY_MS

if TYPE_CHECKING:
    from collector.config import Config
    from collector.report.summary import Done
    from collector.stores.store import Store

_MONTH_MS = 31 * DAY_MS
_LENGTHS = ("day", "week", "month")


def report(
    length: str = typer.Argument(
        ..., metavar="day|week|month", help="A calendar day, the seven days that end with it, or the month it is in."
    ),
    stations: list[str] = typer.Argument(
        None, metavar="STATION", help="Nodes; default: all, also those that fell silent within a month."
    ),
    on: str | None = typer.Option(
        None, "--date", help="The day, as 2026-03-01; default: yesterday, or in the month before."
    ),
    output: Path | None = typer.Option(
        None, "--output", "-o", help="FILE.html, or - for stdout: one page with plots, nothing beside it."
    ),
    language: str = typer.Option("zh", "--lang", help="zh or en, for the page."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """What the stations measured, how complete it was, indices, alerts, what was done there; hours of fewer than 5
    vehicles are masked.

    Examples:  lamppost report day lp-0001
               lamppost report week --date 2026-03-08 --lang en -o week.html
               lamppost report month -o month.html
    """
    from collector.report import page, text
    from collector.report.summary import StationReport, summarise
    from collector.stations.names import Names
    from collector.web.privacy import is_public
    from collector.web.words import Words

    _must_make_sense(length, language, output)
    settings = load_settings(config)
    zone = ZoneInfo(settings.web.time_zone)
    span = _span(length, on, zone)
    rules = {rule.alert: rule for rule in load_rules(settings)}
    told = {name for name, rule in rules.items() if rule.spec is None or is_public(rule.spec.quantity)}
    done, retired = _noted(settings, span)
    with open_store(settings) as store:
        nodes = stations or _nodes(store, span, retired)
        reports = summarise(store, nodes, *span, told, rules)
    for one in reports:
        one.changes = done.get(one.node, [])
        if stations and one == StationReport(one.node):
            must_be_known(settings, one.node)
    if as_json:
        show_json([asdict(one) for one in reports])
    elif output is None:
        for line in text.lines(reports, *span, zone):
            typer.echo(line)
    if output is not None:
        words = Words(cast("Literal['zh', 'en']", language), zone.key, wall_ms)
        title = words.pick(settings.web.title_zh, settings.web.title_en)
        html = page.render(reports, span, words, Names(settings).of, title, rules)
        _put(html, output, len(reports))


def _must_make_sense(length: str, language: str, output: Path | None) -> None:
    """Raises Failure with the cure."""
    if length not in _LENGTHS:
        raise Failure(Exit.USAGE, "word-unknown", f"there is no report {length!r}", "say day, week or month")
    if language not in ("zh", "en"):
        raise Failure(Exit.USAGE, "word-unknown", f"--lang {language}", "say zh or en")
    if output is not None and str(output) != "-" and output.suffix not in (".html", ".htm"):
        cure = "end it in .html, or give -; a browser prints the page as PDF"
        raise Failure(Exit.USAGE, "ending-unknown", f"-o {output}: a report is a page", cure)


def _put(html: str, output: Path, count: int) -> None:
    """The page of so many stations, where it was asked for. Raises Failure."""
    from common.whole_file import whole

    if str(output) == "-":
        typer.echo(html, nl=False)
        return
    try:
        with whole(output) as path:
            path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise Failure(Exit.NOT_PERMITTED, "file-unwritable", f"{output}: {error.strerror}") from error
    typer.echo(f"{output}: {counted(count, 'station')}", err=True)


def _noted(settings: Config, span: tuple[int, int]) -> tuple[dict[str, list[Done]], set[str]]:
    """What was done at each station, and those that are no more; nothing, and a word of it, for who may not read the
    collector's files.
    """
    from collector.report.changes import changes, retired

    try:
        return changes(settings, *span), retired(settings)
    except (OSError, ValueError, sqlite3.Error) as error:
        typer.echo(f"without what was done at the stations: {error}; run it as the collector's user", err=True)
        return {}, set()


def _span(length: str, on: str | None, zone: ZoneInfo) -> tuple[int, int]:
    """Midnight to midnight of the city's clock: a day may have 23 or 25 hours."""
    today = datetime.now(zone).date()
    try:
        if length == "month":
            first = (date.fromisoformat(on) if on else today.replace(day=1) - timedelta(1)).replace(day=1)
            following = (first + timedelta(31)).replace(day=1)
        else:
            last = date.fromisoformat(on) if on else today - timedelta(1)
            first, following = last - timedelta(0 if length == "day" else 6), last + timedelta(1)
    except (ValueError, OverflowError) as error:
        raise Failure(Exit.USAGE, "date-unreadable", f"--date {on}", "write 2026-03-01") from error
    return time_of(f"{first}", zone.key), time_of(f"{following}", zone.key)


def _nodes(store: Store, span: tuple[int, int], retired: set[str]) -> list[str]:
    """Every station that has hours in the span. One that had some in the month before and is not retired is silent: who
    reads of the others alone takes all to be well.
    """
    since_ms, until_ms = span
    silent = _with_hours(store, since_ms - _MONTH_MS, since_ms) - retired
    return sorted(_with_hours(store, since_ms, until_ms) | silent)


def _with_hours(store: Store, since_ms: int, until_ms: int) -> set[str]:
    from collector.stores.store import Select

    found: set[str] = set()
    for measurement in ("air_quality_1h", "traffic_flow_1h"):
        question = Select(measurement, ("completeness",), since_ms, until_ms, {}, ("node",), aggregate="count")
        found |= {series.tags["node"] for series in store.select(question)}
    return found
