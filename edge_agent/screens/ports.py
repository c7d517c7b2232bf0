"""What `ports` and `probe` show, at 60 columns: one port in two lines, the cure beneath. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING

from edge_agent.lines.not_opened import BUSY
from edge_agent.screens.words import reading

if TYPE_CHECKING:
    from device_profiles.profile import Profile
    from edge_agent.lines.port_probe import Finding
    from edge_agent.lines.ports import PortInfo

WIDTH = 60


def ports_screen(found: list[PortInfo]) -> str:
    """All ports, and what to know before one is written into the settings."""
    if not found:
        return "No serial port here. Plug in the adapter; then once more."
    lines = []
    for port in found:
        lines += [port.path, f"  {port.what} · {port.state}"]
        if port.path != port.device:
            lines[-1] += f" · now {port.device.removeprefix('/dev/')}"
    for port in found:
        lines += _notes(port)
    return "\n".join(lines)


def _notes(port: PortInfo) -> list[str]:
    """What to know of a port, each with its cure on a line of its own, ready to be copied."""
    notes = []
    if port.kind == "by-path":
        notes.append(_wrapped(f"{port.what}: its name is the socket's. Keep it in this USB hole."))
    if port.kind == "by-id" and not port.serial_unique:
        notes.append(_wrapped(f"{port.what}: cannot be told from another one of its kind."))
    if port.console or port.bluetooth:
        owner = "is the login console" if port.console else "belongs to Bluetooth"
        notes.append(f"! {port.device} {owner}\n  -> sudo lamppost agent fix serial-console")
    if not port.permitted:
        notes.append(f"! {port.device} may not be opened by you\n  -> sudo adduser $USER dialout   (then log in again)")
    return notes


def finding_lines(finding: Finding, model: Callable[[str], Profile]) -> list[str]:
    """One port: what was heard at which speed, what it is, how sure that is, a reading."""
    if finding.outcome is None:
        cure = ["  if it is the agent: sudo systemctl stop lamppost-agent"] if finding.error == BUSY else []
        return [finding.path, f"  cannot be read: {finding.error}", *cure]
    outcome, sensor = finding.outcome, finding.sensor
    if not outcome.verdicts:
        total = sum(outcome.heard.values())
        if total == 0:
            return [finding.path, "  nothing heard, nobody answers", "  check power, TX/RX crossed; on RS-485 A and B"]
        return [
            finding.path,
            f"  {total} bytes that no known model sends",
            "  check ground and speed; see lamppost profiles",
        ]
    best = sensor or outcome.verdicts[0]
    assert outcome.serial is not None
    total = best.sound + best.damaged
    share = f"{best.damaged * 100 // total} % bad" if best.damaged else "none bad"
    lines = [finding.path, f"  {best.profile}  {outcome.serial.baud} baud, {best.sound} frames, {share}"]
    if sensor is None:
        others = [verdict.profile for verdict in outcome.verdicts if verdict.profile != best.profile]
        lines.append(
            _wrapped(f"not sure{': it may also be ' + ', '.join(others) if others else ', too few frames'}", "  ")
        )
    profile = model(best.profile)
    if options := finding.options(profile):
        lines.append(f"  its settings want options: {{baud: {options['baud']}}}")
    shown = reading(best.values)
    wait_s = profile.warm_up_s
    if shown:
        lines.append(f"  {shown}" + (f"  (true after {wait_s:g} s warm-up)" if wait_s else ""))
    elif sensor is not None:
        lines.append("  it will measure when the agent runs")
    return lines


def _wrapped(text: str, indent: str = "") -> str:
    first = indent or "! "
    return textwrap.fill(text, WIDTH, initial_indent=first, subsequent_indent="  ", break_on_hyphens=False)
