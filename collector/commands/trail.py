"""`lamppost trail`: who did what, and whether anybody has changed the record of it."""

from __future__ import annotations

from pathlib import Path

import typer

from collector.commands.options import CONFIG, JSON, counted, open_desk, show_json
from collector.commands.times import clock_of
from wire.exits import Exit

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_(
    count: int = typer.Option(50, "--count", "-n", min=1, help="How many lines."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Who did what: logins, enrolments, retirements, alerts handled. Newest first.

    Example:  lamppost trail list -n 20
    """
    from collector.tame import one_line, tame

    with open_desk(config) as (settings, file):
        lines = file.trail(count)
    clock = clock_of(settings.web.time_zone)
    for line in lines:
        if as_json:
            show_json(tame(line._asdict()))
        else:
            typer.echo(one_line(f"{clock(line.at_ms)}  {line.who:<16} {line.what:<16} {line.about}"))
    if not lines and not as_json:
        typer.echo("nobody has done anything yet", err=True)


@app.command("verify")
def verify(
    head: str | None = typer.Option(None, "--head", help="A head noted earlier, which must still be in the chain."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Check that no line of the trail was changed, removed or put in. Exit code 1 when one was.

    Note the head somewhere else from time to time: against it, lines cut off at the end show too.

    Example:  lamppost trail verify --head 9f2c...
    """
    from collector.files import trail

    with open_desk(config) as (_, file), file.use() as db:
        verdict = trail.verify(db, head)
    if as_json:
        show_json({"schema": "lamppost.trail/1"} | verdict._asdict())
    elif verdict.broken_at is None:
        typer.echo(f"{counted(verdict.lines, 'line')}, all sound. Head {verdict.head}")
    else:
        typer.echo(f"NOT SOUND at line {verdict.broken_at}: changed, removed or cut off after line {verdict.lines}")
    raise typer.Exit(Exit.FINE if verdict.broken_at is None else Exit.NOT_HEALTHY)
