"""`lamppost agent`: what a technician types on the device. Heavy imports happen inside the commands."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edge_agent import ports_cli
from edge_agent.enrol_cli import app as enrol_app
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from edge_agent.config import Config

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
config_app = typer.Typer(no_args_is_help=True, help="The settings file: check, sample.", rich_markup_mode=None)
app.add_typer(config_app, name="config")
app.add_typer(enrol_app, name="enrol")
app.command()(ports_cli.ports)
app.command()(ports_cli.probe)

DEFAULT_CONFIG = Path("/etc/lamppost/agent.yaml")
STALE_S = 15.0


@app.command()
def run(
    config: Path = typer.Argument(DEFAULT_CONFIG, help="The settings file."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Log only what is wrong."),
) -> None:
    """Read the sensors and send, until SIGTERM or Ctrl-C.

    Example:  lamppost agent run /etc/lamppost/agent.yaml
    """
    import asyncio
    import signal

    from device_profiles import loglines

    settings = _load(config)
    loglines.begin(quiet)

    async def until_stopped() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await _agent(settings).run(stop)

    asyncio.run(until_stopped())


@app.command()
def status(
    file: Path = typer.Option(Path("/run/lamppost/status.json"), "--file", help="The agent's status file."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """One screen: the station, its sensors, the broker, the spool. Exit code 1 when something needs a hand.

    Example:  lamppost agent status
    """
    try:
        said: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError as error:
        cure = "sudo systemctl start lamppost-agent, or name its file with --file"
        raise Failure(Exit.NOT_HEALTHY, "agent-not-running", f"no agent has written {file}", cure) from error
    except (OSError, ValueError) as error:
        raise Failure(Exit.NOT_PERMITTED, "status-unreadable", f"{file}: {error}") from error
    if as_json:
        typer.echo(json.dumps(said, ensure_ascii=False))
    else:
        from edge_agent.status_screen import screen

        typer.echo(screen(said, time.time() * 1000))
    age_s = time.time() - said["at_ms"] / 1000
    healthy = age_s < STALE_S and said["connected_s"] is not None and all(s["open"] for s in said["sensors"])
    raise typer.Exit(Exit.FINE if healthy else Exit.NOT_HEALTHY)


@config_app.command()
def check(file: Path = typer.Argument(..., help="The settings file.")) -> None:
    """Say whether a settings file can be used; name line, key and cure for everything that is wrong.

    Example:  lamppost agent config check agent.yaml
    """
    settings = _load(file)
    _check_profiles(settings)
    typer.echo(f"{file}: fine. Node {settings.node} at {settings.site}, {len(settings.sensors)} sensors.")


@config_app.command()
def sample() -> None:
    """Print a settings file with every key explained.

    Example:  lamppost agent config sample > agent.yaml
    """
    from edge_agent.config import SAMPLE

    typer.echo(SAMPLE.read_text(), nl=False)


def _load(file: Path) -> Config:
    from device_profiles.settings import load_settings
    from edge_agent.config import Config

    return load_settings(Config, file, "lamppost agent config sample > agent.yaml")


def _check_profiles(settings: Config) -> None:
    from device_profiles.catalogue import UnknownProfile, load

    catalogue = load(settings.profiles)
    for sensor in settings.sensors:
        try:
            catalogue.get(sensor.profile)
        except UnknownProfile as error:
            text = f"sensor {sensor.name}: {error}"
            raise Failure(Exit.CONFIGURATION, "profile-unknown", text, "lamppost profiles list") from error


def _agent(settings: Config) -> Any:
    from edge_agent.agent import Agent, on_tmpfs
    from edge_agent.spool import SpoolError

    _check_profiles(settings)
    if not settings.spool.allow_tmpfs and on_tmpfs(settings.spool.path):
        cure = "put spool.path on a disk, or set spool.allow_tmpfs for a demonstration"
        text = f"spool.path {settings.spool.path} is on a RAM disk, which keeps no promise"
        raise Failure(Exit.CONFIGURATION, "spool-in-ram", text, cure)
    try:
        return Agent(settings)
    except SpoolError as error:
        raise Failure(Exit.NOT_PERMITTED, "spool-unusable", str(error)) from error
