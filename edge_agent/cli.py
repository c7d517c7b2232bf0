"""`lamppost agent`: what a technician types on the device. Heavy imports happen inside the commands."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer

from edge_agent import care_cli, command_cli, config_cli, ports_cli, service_cli, setup_cli, spool_cli, watch_cli
from edge_agent.enrol_cli import app as enrol_app
from edge_agent.options import DEFAULT_CONFIG, JSON, NAMES_STATUS_FILE, STATUS_FILE, status_file
from wire.exits import Exit, Failure, reason

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(config_cli.app, name="config")
app.add_typer(spool_cli.app, name="spool", help="What waits on this device: status, list, export, replay, purge.")
app.add_typer(
    enrol_app, name="enrol", short_help="Enrol with a one-time token, or by hand: request, show-qr, import, renew."
)
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


@app.command()
def run(
    config: Path = typer.Argument(DEFAULT_CONFIG, help="The settings file."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Log only what is wrong."),
) -> None:
    """Read the sensors and send, until SIGTERM or Ctrl-C. SIGHUP: begin anew with the settings as they stand now.

    Example:  lamppost agent run /etc/lamppost/agent.yaml
    """
    from device_profiles import loglines
    from edge_agent.program import Program

    loglines.begin(quiet)
    Program(config).run()


@app.command()
def status(
    file: Path = STATUS_FILE,
    config: Path | None = NAMES_STATUS_FILE,
    as_json: bool = JSON,
) -> None:
    """One screen: the station, its sensors, the broker, the spool. Exit code 1 when something needs a hand.

    Example:  lamppost agent status
    """
    file = status_file(file, config)
    try:
        said: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError as error:
        cure = "sudo systemctl start lamppost-agent, or name its file with --file"
        with suppress(PermissionError):  # then there is a folder of the service's, and settings most likely
            if not (config or DEFAULT_CONFIG).exists():
                cure = "sudo lamppost agent setup, or name the agent's file with --file"
        raise Failure(Exit.NOT_HEALTHY, "agent-not-running", f"no agent has written {file}", cure) from error
    except (OSError, ValueError) as error:
        raise Failure(Exit.NOT_PERMITTED, "status-unreadable", f"{file}: {reason(error)}") from error
    if as_json:
        typer.echo(json.dumps(said, ensure_ascii=False))
    else:
        from edge_agent.status_screen import screen

        typer.echo(screen(said, time.time() * 1000))
    from edge_agent.status_screen import troubles

    raise typer.Exit(Exit.NOT_HEALTHY if troubles(said, time.time() * 1000) else Exit.FINE)
