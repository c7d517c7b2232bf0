"""`lamppost agent ports` and `probe`: what hangs where. Nothing is written to a sensor that could change it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from common.language import told
from edge_agent.commands.options import CONFIG, JSON, models
from wire.both import Both, joined, same, zh
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from device_profiles.catalogue import Catalogue
    from edge_agent.lines.port_probe import Finding

ADDRESS_MAX = 247  # MODBUS over Serial Line V1.02, 2.2


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
        typer.echo(told(ports_screen(found)))
    raise typer.Exit(Exit.FINE if found else Exit.DEVICE_OR_PORT)


def probe(
    paths: list[str] = typer.Argument(None, metavar="PORT", help="Ports; all free ones when left out."),
    every: bool = typer.Option(False, "--all", help="Every free port, as when none is named."),
    addresses: str | None = typer.Option(
        None, metavar="FIRST-LAST", help="Ask at these addresses: several sensors on one pair of wires."
    ),
    write: bool = typer.Option(False, "--write", help="Add what is sure to the settings file, without asking."),
    config: Path = CONFIG,
    folder: Path | None = typer.Option(None, "--profiles", help="A folder of your own profiles, else the settings'."),
    as_json: bool = JSON,
) -> None:
    """Find sensors: listen at every speed, then ask. Never with a command that could change a sensor.

    Takes 3 s where a sensor speaks by itself, half a minute where one must be asked, a minute where nobody answers.
    With --addresses up to three seconds for each, of models that can share a line. Exit code 5 when nothing was found.

    Examples:  lamppost agent probe
               lamppost agent probe /dev/serial0 --write
               lamppost agent probe /dev/serial0 --addresses 1-16 --write
    """
    from edge_agent.screens.ports import finding_lines

    if every and paths:
        raise Failure(
            Exit.USAGE,
            "probe-all-or-some",
            Both("either --all or names of ports", "--all 和串口名只能用一个"),
            Both("leave one out", "去掉其中一个"),
        )
    catalogue = models(folder or _own_models(config))
    ports = paths or free_ports()
    if addresses is None:
        findings = find_sensors(ports, catalogue, quiet=as_json)
    else:
        findings = find_on_buses(ports, catalogue, _span(addresses), quiet=as_json)
    if as_json:
        typer.echo(json.dumps([finding.as_json() for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            typer.echo(told(joined("\n", finding_lines(finding, catalogue.get))))
    sure = [finding for finding in findings if finding.sensor is not None]
    if sure and (write or _wants_it(config, as_json)):
        from edge_agent.settings.edit import add_sensors

        added = add_sensors(config, sure, folder)
        said = Both(f"{config}: all of them were there", f"{config}：都已经有了")
        if added:
            said = Both(f"{config}: added {', '.join(added)}", f"{config}：已添加 {'、'.join(added)}")
        typer.echo(told(said), err=True)
    raise typer.Exit(Exit.FINE if sure else Exit.DEVICE_OR_PORT)


def free_ports() -> list[str]:
    """Ports that may be opened. Raises Failure when there is none."""
    from edge_agent.lines.ports import find_ports

    found = find_ports()
    free = [port.path for port in found if port.usable]
    if not free:
        text = Both(f"none of {len(found)} ports is free", f"{len(found)} 个串口都不空闲")
        if len(found) == 1:
            path, state = found[0].path, found[0].state
            text = Both(f"{path} is {state}", f"{path} {zh(state)}")
        cure = same("lamppost agent ports")
        if not found:
            text, cure = Both("there is no serial port here", "这里没有串口"), Both("plug one in", "请插上一个")
            word = "no-port"
        elif any(port.holder is not None for port in found):
            word = "ports-held"
            cure = Both(
                "end who reads them (lamppost agent ports); the agent: sudo systemctl stop lamppost-agent",
                "关掉占用的程序（lamppost agent ports）；采集程序：sudo systemctl stop lamppost-agent",
            )
        elif any(port.console or port.bluetooth for port in found):
            word, cure = "ports-blocked", same("sudo lamppost agent fix serial-console")
        else:
            word = "ports-not-permitted"
        raise Failure(Exit.DEVICE_OR_PORT, word, text, cure)
    return free


def find_sensors(paths: list[str], catalogue: Catalogue, quiet: bool = False) -> list[Finding]:
    """Search these ports side by side; says on stderr what it does."""
    from edge_agent.lines.port_probe import probe_ports

    profiles = list(catalogue)
    if not quiet:
        ports = Both(f"{len(paths)} port{'s' * (len(paths) > 1)}", f"{len(paths)} 个串口")
        text = Both(f"listening on {ports}, up to a minute ...", f"正在监听 {zh(ports)}，最多约一分钟 …")
        print(told(text), file=sys.stderr, flush=True)
    return probe_ports(paths, profiles)


def find_on_buses(paths: list[str], catalogue: Catalogue, addresses: range, quiet: bool = False) -> list[Finding]:
    """The same at every one of these addresses, on ports that several sensors share."""
    from edge_agent.lines.port_probe import probe_addresses

    if not quiet:
        count = len(addresses)
        text = Both(
            f"asking at {count} address{'es' * (count > 1)}, up to three seconds each ...",
            f"正在询问 {count} 个地址，每个最多约三秒 …",
        )
        print(told(text), file=sys.stderr, flush=True)
    return [finding for path in paths for finding in probe_addresses(path, list(catalogue), addresses)]


def _span(text: str) -> range:
    """`1-16`, or one address alone. Raises Failure."""
    first, _, last = text.partition("-")
    if not (first.isdecimal() and (last or first).isdecimal() and 0 <= int(first) <= int(last or first) <= ADDRESS_MAX):
        wrong = Both(f"--addresses {text} is no span of addresses", f"--addresses {text} 不是地址范围")
        cure = Both(f"such as 1-16, at most {ADDRESS_MAX}", f"例如 1-16，最大为 {ADDRESS_MAX}")
        raise Failure(Exit.USAGE, "addresses-unclear", wrong, cure)
    return range(int(first), int(last or first) + 1)


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
    return typer.confirm(told(Both(f"Add these to {config}?", f"添加到 {config} 吗？")), default=True)
