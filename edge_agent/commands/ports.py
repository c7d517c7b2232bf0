"""`lamppost agent ports` and `probe`: what hangs where. Nothing is written to a sensor that could change it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edge_agent.commands.options import CONFIG, JSON, models
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from device_profiles.catalogue import Catalogue
    from edge_agent.lines.port_probe import Finding


def ports(as_json: bool = JSON) -> None:
    """Serial ports by names that stay, what they are and who holds them.

    Example:  lamppost agent ports
    """
    from edge_agent.lines.ports import find_ports
    from edge_agent.screens.ports import ports_screen

    found = find_ports()
    if as_json:
        from dataclasses import asdict

        typer.echo(json.dumps([asdict(port) | {"state": port.state} for port in found], ensure_ascii=False))
    else:
        typer.echo(ports_screen(found))
    raise typer.Exit(Exit.FINE if found else Exit.DEVICE_OR_PORT)


def probe(
    paths: list[str] = typer.Argument(None, metavar="PORT", help="Ports; all free ones when left out."),
    every: bool = typer.Option(False, "--all", help="Every free port, as when none is named."),
    write: bool = typer.Option(False, "--write", help="Add what is sure to the settings file, without asking."),
    config: Path = CONFIG,
    folder: Path | None = typer.Option(None, "--profiles", help="A folder of your own profiles, else the settings'."),
    as_json: bool = JSON,
) -> None:
    """Find sensors: listen at every speed, then ask. Never with a command that could change a sensor.

    Takes 3 s where a sensor speaks by itself, half a minute where one must be asked, a minute where nobody answers.
    Exit code 5 when nothing was found.

    Examples:  lamppost agent probe
               lamppost agent probe /dev/serial0 --write
    """
    from edge_agent.screens.ports import finding_lines

    if every and paths:
        raise Failure(Exit.USAGE, "probe-all-or-some", "either --all or names of ports", "leave one out")
    catalogue = models(folder or _own_models(config))
    findings = find_sensors(paths or free_ports(), catalogue, quiet=as_json)
    if as_json:
        typer.echo(json.dumps([finding.as_json() for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            typer.echo("\n".join(finding_lines(finding, catalogue.get)))
    sure = [finding for finding in findings if finding.sensor is not None]
    if sure and (write or _wants_it(config, as_json)):
        from edge_agent.settings.edit import add_sensors

        added = add_sensors(config, sure, folder)
        typer.echo(f"{config}: added {', '.join(added)}" if added else f"{config}: all of them were there", err=True)
    raise typer.Exit(Exit.FINE if sure else Exit.DEVICE_OR_PORT)


def free_ports() -> list[str]:
    """Ports that may be opened. Raises Failure when there is none."""
    from edge_agent.lines.ports import find_ports

    found = find_ports()
    free = [port.path for port in found if port.usable]
    if not free:
        text = f"none of {len(found)} ports is free" if len(found) != 1 else f"{found[0].path} is {found[0].state}"
        if not found:
            word, text, cure = "no-port", "there is no serial port here", "plug one in"
        elif any(port.holder is not None for port in found):
            word = "ports-held"
            cure = "end who reads them (lamppost agent ports); the agent: sudo systemctl stop lamppost-agent"
        elif any(port.console or port.bluetooth for port in found):
            word, cure = "ports-blocked", "sudo lamppost agent fix serial-console"
        else:
            word, cure = "ports-not-permitted", "lamppost agent ports"
        raise Failure(Exit.DEVICE_OR_PORT, word, text, cure)
    return free


def find_sensors(paths: list[str], catalogue: Catalogue, quiet: bool = False) -> list[Finding]:
    """Search these ports side by side; says on stderr what it does."""
    from edge_agent.lines.port_probe import probe_ports

    profiles = list(catalogue)
    if not quiet:
        count = f"{len(paths)} port{'s' * (len(paths) > 1)}"
        print(f"listening on {count}, up to a minute ...", file=sys.stderr, flush=True)
    return probe_ports(paths, profiles)


def _own_models(config: Path) -> Path | None:
    """The folder of own profiles that the settings name; a board without settings is searched as well."""
    from common.settings import load_settings
    from edge_agent.settings.config import SETTINGS_CURE, Config

    try:
        return load_settings(Config, config, SETTINGS_CURE).profiles
    except Failure:
        return None


def _wants_it(config: Path, as_json: bool) -> bool:
    if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()) or not config.exists():
        return False
    return typer.confirm(f"Add these to {config}?", default=True)
