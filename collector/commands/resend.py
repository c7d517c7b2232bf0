"""`lamppost resend`: what a database has lost comes again from a node's replay ring."""

from __future__ import annotations

from pathlib import Path

import typer

from collector.commands.node import ask_node
from collector.commands.options import CONFIG, JSON, load_settings, show_json
from collector.commands.times import span_of
from wire.exits import Exit


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
    settings = load_settings(config)
    since_ms, now_ms = span_of(since, None, settings.web.time_zone)
    answer = ask_node(config, node, "resend", {"from_ms": since_ms, "to_ms": now_ms + 1}, timeout)
    if as_json or not answer.get("ok"):
        show_json(answer)
    else:
        typer.echo(f"{node} sends again: {answer.get('batches', '?')} of its batches")
    raise typer.Exit(Exit.FINE if answer.get("ok") else Exit.NOT_HEALTHY)
