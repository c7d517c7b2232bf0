"""`lamppost agent service`: the systemd unit, installed and taken away again; each says what it does."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from common.language import told
from edge_agent.commands.options import CONFIG
from wire.both import Both
from wire.exits import Exit, Failure

_LOST = Both("Readings that wait here will be lost. Go on?", "这里待发的读数会丢失。继续吗？")
app = typer.Typer(
    no_args_is_help=True, help="The systemd service: install, uninstall, restart, logs.", rich_markup_mode=None
)


@app.command()
def install(config: Path = CONFIG) -> None:
    """Start at boot, watched over by systemd, as a user of its own.

    Example:  sudo lamppost agent service install
    """
    from edge_agent.device.service import install as put_in

    put_in(config, _say)


@app.command()
def uninstall(
    purge: bool = typer.Option(False, "--purge", help="Settings, waiting readings and the user too."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
) -> None:
    """Stop it, and remove everything that install made.

    Example:  sudo lamppost agent service uninstall
    """
    from edge_agent.device.service import uninstall as take_out

    if purge and not yes and not typer.confirm(told(_LOST), err=True):
        raise typer.Exit(Exit.USAGE)
    take_out(_say, purge=purge)


@app.command()
def restart() -> None:
    """Restart the agent; readings taken so far are kept.

    Example:  sudo lamppost agent service restart
    """
    from edge_agent.device.service import NAME

    _become(["systemctl", "restart", NAME])


@app.command()
def logs(
    follow: bool = typer.Option(False, "--follow", "-f", help="Go on showing."),
    lines: int = typer.Option(50, "--lines", "-n", min=1, help="How many."),
) -> None:
    """What the agent told: once when something was lost, once when it was back.

    Example:  lamppost agent service logs -f
    """
    from edge_agent.device.service import NAME

    _become(["journalctl", "-u", NAME, "-n", str(lines), "--no-pager", *(["-f"] if follow else [])])


@app.command()
def show(config: Path = CONFIG) -> None:
    """Print the unit file, without installing it.

    Example:  lamppost agent service show
    """
    from edge_agent.device.service import program, unit_text

    typer.echo(unit_text(config, program()), nl=False)


def _say(text: str) -> None:
    typer.echo(told(text))


def _become(command: list[str]) -> None:
    """Run a program of systemd's in our place. Raises Failure where none runs."""
    from edge_agent.device.service import NO_SYSTEMD, systemd_runs

    if not systemd_runs():
        raise Failure(Exit.CONFIGURATION, "no-systemd", NO_SYSTEMD, "lamppost agent status")
    os.execvp(command[0], command)
