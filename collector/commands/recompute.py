"""`lamppost collector recompute`: hours, days and indices of the past by the settings of today."""

from __future__ import annotations

from pathlib import Path

import typer

from collector.clock import wall_ms
from collector.commands.node import must_be_known, state_of
from collector.commands.options import CONFIG, JSON, counted, load_settings, open_store, say
from collector.commands.times import span_of
from wire.exits import Exit, Failure


def recompute(
    since: str | None = typer.Option(None, "--since", help="A length of time (30d) or a date or time (2026-01-01)."),
    until: str | None = typer.Option(None, "--until", help="Up to this time; default: now."),
    node: str | None = typer.Option(None, "--node", help="One station only."),
    left: bool = typer.Option(False, "--left", help="Order nothing: say how much is still to be computed."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Have the collector compute stored hours, their days and indices anew, by the settings as they are now.

    For what is kept of the past after `standards` or `gas_state` of a station changed; of `time_zone` see docs/data.md.
    What is measured now goes ahead of it, and nobody is paged for the past. May be repeated. Without --node the points
    of alerts are written once more, as for a database that came from a backup.

    Example:  lamppost collector recompute --since 2026-01-01 --node lp-0007

    How far it is:  lamppost collector recompute --left
    """
    from collector.alerts.book import Book
    from collector.numbers.recompute import owe_anew
    from collector.numbers.window_book import WindowBook

    if left == (since is not None):
        text = "what is to be computed?" if since is None else "--left orders nothing"
        raise Failure(Exit.USAGE, "span-or-left", text, "give --since TIME, or --left alone")
    settings = load_settings(config)
    if since is None:
        with state_of(settings) as state:
            hours = WindowBook(state, owner=False).waiting(wall_ms())
        say(f"{hours} hours and days of sensors and lanes are still to be computed", as_json, hours=hours)
        return
    span = span_of(since, until, settings.web.time_zone)
    with state_of(settings) as state, open_store(settings, "run the same command again: it may be repeated") as store:
        book = WindowBook(state, owner=False)
        hours = sum(owe_anew(store, book, settings.reporting(), *span, node))
        changes = Book(state).store_again(*span) if node is None else 0
    if not hours and node is not None:
        must_be_known(settings, node)
    points = f", and {counted(changes, 'point')} of alerts" if changes else ""
    said = f"{counted(hours, 'hour')} of sensors and lanes{points} are due with the collector"
    say(said, as_json, hours=hours, points=changes)
