"""`lamppost gaps`, `audit`: what is missing and why, and the proof that nothing is."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from collector.commands.node import nothing_of
from collector.commands.options import (
    CONFIG,
    JSON,
    counted,
    file_of_the_collector,
    line_width,
    load_settings,
    open_store,
    show_json,
)
from collector.commands.times import span_of
from wire.exits import Exit

if TYPE_CHECKING:
    from collector.delivery.audit import Finding

NODE = typer.Option(None, "--node", help="One node only.")


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

    settings = load_settings(config)
    with open_store(settings) as store:
        since_ms, now_ms = span_of(since, None, settings.web.time_zone)
        with file_of_the_collector(settings.state_file):
            waiting, refused = from_state(settings)
        hours = find(store, since_ms, now_ms, waiting, refused, node)
    if node is not None and not hours:
        raise nothing_of(settings, node, f"the database holds nothing of {node} for that")
    shown = [hour for hour in hours if everything or hour.causes]
    if as_json:
        show_json([asdict(hour) | {"missing": hour.missing} for hour in shown])
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

    settings = load_settings(config)
    with open_store(settings) as store:
        with file_of_the_collector(settings.state_file):
            kept = whole_batches(settings)
        findings = check(store, node, kept, settings.has_no_disk)
    if node is not None and not findings:
        raise nothing_of(settings, node, f"the database holds nothing of {node} for that")
    if as_json:
        show_json([f._asdict() | {"rows_missing": f.rows_missing, "complete": f.complete} for f in findings])
    else:
        for f in findings:
            verdict = "complete" if f.complete else f"NOT COMPLETE: {_missing(f)}"
            aside = f" and {counted(f.batches_quarantined, 'batch')} as a whole" if f.batches_quarantined else ""
            typer.echo(
                f"{f.node:<12} {counted(f.batches, 'batch')}, {counted(f.rows_sent, 'row')} sent,"
                f" {f.rows_quarantined}{aside} in quarantine, {f.rows_stored} stored: {verdict}"
            )
    raise typer.Exit(Exit.FINE if all(f.complete for f in findings) else Exit.NOT_HEALTHY)


def _missing(found: Finding) -> str:
    """How much of a node is missing: of batches that arrived rows, and batches as a whole, by their numbers."""
    told = [f"{counted(found.rows_missing, 'row')} missing"] if found.rows_missing else []
    if found.sequences_missing:
        shown = ", ".join(f"{seq} of {spool[:8]}" for spool, seq in found.sequences_missing)
        more = found.batches_missing - len(found.sequences_missing)
        told += [f"{counted(found.batches_missing, 'batch')} missing: {shown}" + (f" and {more} more" if more else "")]
    return "; ".join(told)
