"""`lamppost agent`: what a technician types on the device. Heavy imports happen inside the commands."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edge_agent import care_cli, command_cli, config_cli, ports_cli, service_cli, setup_cli, spool_cli, watch_cli
from edge_agent.care_cli import NAMES_STATUS_FILE, STATUS_FILE, status_file
from edge_agent.enrol_cli import app as enrol_app
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.agent import Agent
    from edge_agent.config import Config
    from edge_agent.notify import Notifier

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(config_cli.app, name="config")
app.add_typer(spool_cli.app, name="spool", help="What waits on this device: status, list, export, replay, purge.")
app.add_typer(enrol_app, name="enrol")
app.add_typer(service_cli.app, name="service", help="The systemd service: install, uninstall, restart, logs.")
app.command()(setup_cli.setup)
app.command()(ports_cli.ports)
app.command()(ports_cli.probe)
app.command()(watch_cli.watch)
app.command()(command_cli.command)
app.command()(care_cli.doctor)
app.command()(care_cli.fix)
app.command()(care_cli.ready)
app.command()(care_cli.identify)
app.command()(care_cli.update)
app.command("support-bundle")(care_cli.support_bundle)

DEFAULT_CONFIG = Path("/etc/lamppost/agent.yaml")


@app.command()
def run(
    config: Path = typer.Argument(DEFAULT_CONFIG, help="The settings file."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Log only what is wrong."),
) -> None:
    """Read the sensors and send, until SIGTERM or Ctrl-C. SIGHUP: begin anew with the settings as they stand now.

    Example:  lamppost agent run /etc/lamppost/agent.yaml
    """
    import asyncio
    import logging
    import signal
    from functools import partial

    from device_profiles import loglines

    loglines.begin(quiet)

    asked = False

    def nothing() -> None:
        """Between two lives."""

    end_this_life: Callable[[], object] = nothing
    read_settings_again: Callable[[], object] = nothing
    at_terminal = sys.stdin.isatty()

    def end(*_: object) -> None:
        nonlocal asked
        asked = True
        end_this_life()

    def begin_anew(*_: object) -> None:
        if at_terminal and not sys.stdin.isatty():
            end()  # the terminal has gone, and with it whoever started this
        else:
            read_settings_again()

    async def until_stopped() -> bool:
        nonlocal end_this_life, read_settings_again
        from edge_agent.notify import Notifier

        agent = _agent(_settings_in_force(config), config, Notifier.from_environment())
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        assert agent.errands is not None
        agent.errands.may_stop(stop)
        end_this_life = partial(loop.call_soon_threadsafe, stop.set)
        read_settings_again = partial(loop.call_soon_threadsafe, agent.errands.read_settings_again)
        if not asked:
            await agent.run(stop)
        end_this_life = read_settings_again = nothing
        return agent.errands.begin_anew and not asked

    # For all lives: what is asked for between two of them must be heard too. The loop looks up once a second.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    signal.signal(signal.SIGHUP, begin_anew)
    while not asked and asyncio.run(until_stopped()):
        logging.getLogger("lamppost.agent").info("beginning anew with other settings")


@app.command()
def status(
    file: Path = STATUS_FILE,
    config: Path | None = NAMES_STATUS_FILE,
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """One screen: the station, its sensors, the broker, the spool. Exit code 1 when something needs a hand.

    Example:  lamppost agent status
    """
    file = status_file(file, config)
    try:
        said: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError as error:
        cure = "sudo systemctl start lamppost-agent, or name its file with --file"
        if not (config or DEFAULT_CONFIG).exists():
            cure = "sudo lamppost agent setup, or name the agent's file with --file"
        raise Failure(Exit.NOT_HEALTHY, "agent-not-running", f"no agent has written {file}", cure) from error
    except (OSError, ValueError) as error:
        raise Failure(Exit.NOT_PERMITTED, "status-unreadable", f"{file}: {error}") from error
    if as_json:
        typer.echo(json.dumps(said, ensure_ascii=False))
    else:
        from edge_agent.status_screen import screen

        typer.echo(screen(said, time.time() * 1000))
    from edge_agent.status_screen import troubles

    raise typer.Exit(Exit.NOT_HEALTHY if troubles(said, time.time() * 1000) else Exit.FINE)


def _settings_in_force(file: Path) -> Config:
    """The settings, after those that the office sent and that cannot be used were put back."""
    from edge_agent.config_check import checked_file
    from edge_agent.remote_config import RemoteConfig

    RemoteConfig(file).begin()
    return checked_file(file)


def _agent(settings: Config, file: Path, notifier: Notifier) -> Agent:
    from edge_agent.agent import Agent, on_tmpfs
    from edge_agent.spool import SpoolError

    if not settings.spool.allow_tmpfs and on_tmpfs(settings.spool.path):
        cure = "put spool.path on a disk, or set spool.allow_tmpfs for a demonstration"
        text = f"spool.path {settings.spool.path} is on a RAM disk, which keeps no promise"
        raise Failure(Exit.CONFIGURATION, "spool-in-ram", text, cure)
    try:
        return Agent(settings, file, notifier)
    except SpoolError as error:
        raise Failure(Exit.NOT_PERMITTED, "spool-unusable", str(error)) from error
