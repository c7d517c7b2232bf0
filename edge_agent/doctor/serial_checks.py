"""Are the ports there, ours to open, and named so that they stay?"""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

from edge_agent.doctor.result import Result, Station, fail, ok, skip, warn
from edge_agent.lines.not_opened import BUSY
from edge_agent.lines.ports import PortInfo, find_ports

GROUP = "dialout"
USER = "lamppost"


def serial_exists(station: Station) -> list[Result]:
    """Each sensor's port is there, and its own."""
    from edge_agent.settings.check import shared_ports

    results = []
    shared = shared_ports(station.settings) if station.settings else {}
    for number, sensor in enumerate(station.settings.sensors if station.settings else []):
        check = f"serial.exists.{sensor.name}"
        if number in shared:
            results.append(
                fail(check, f"{_short(sensor.port)} is the port of {shared[number]}", "lamppost agent ports")
            )
        elif Path(sensor.port).exists():
            results.append(ok(check, _short(sensor.port)))
        else:
            anew = f"its new name: sudo lamppost agent config set sensors.{sensor.name}.port=NAME"
            cure = f"plug it in. Another socket or adapter? lamppost agent ports shows {anew}"
            results.append(fail(check, f"{_short(sensor.port)} is not there", cure))
    return results or [skip("serial.exists", "needs config.valid")]


def serial_access(station: Station) -> Result:
    """The agent's user may open serial ports."""
    check = "serial.access"
    try:
        user = pwd.getpwnam(USER)
        member = USER in grp.getgrnam(GROUP).gr_mem or user.pw_gid == grp.getgrnam(GROUP).gr_gid
    except KeyError:
        user, member = None, False
    ports = [sensor.port for sensor in station.settings.sensors] if station.settings else []
    there = [port for port in ports if Path(port).exists()]
    if user is not None and member:
        alien = next((port for port in there if not _is_open_to_group(port)), None)
        if alien is None:
            return ok(check, f"user {USER} is in {GROUP}")
        text = f"{_short(alien)} is not open to the group {GROUP}: a login had it?"
        return fail(check, text, "sudo udevadm trigger --subsystem-match=tty")
    if user is not None:
        return fail(check, f"user {USER} is not in {GROUP}", f"sudo adduser {USER} {GROUP}")
    shut = [port for port in there if not os.access(port, os.R_OK | os.W_OK)]
    if shut:
        return fail(check, f"you may not open {_short(shut[0])}", f"sudo adduser $USER {GROUP}, then log in again")
    return ok(check, "the ports may be opened by you")


def _is_open_to_group(port: str) -> bool:
    """As udev makes a serial port. A login makes it its own, and leaves it so."""
    found = os.stat(port)
    return found.st_mode & 0o006 == 0o006 or (
        found.st_gid == grp.getgrnam(GROUP).gr_gid and found.st_mode & 0o060 == 0o060
    )


def serial_console(station: Station) -> Result:
    """No login or kernel console on a port of ours."""
    check, cure = "serial.console", "sudo lamppost agent fix serial-console"
    for port in _ours(station):
        if port.console:
            return fail(check, f"the login console runs on {_short(port.device)}", cure)
    return ok(check, "no login console on a port of ours")


def uart_overlay(station: Station) -> Result:
    """The good UART of a Pi is not lent to Bluetooth."""
    check = "uart.overlay"
    if not station.text("/proc/device-tree/model").startswith("Raspberry Pi"):
        return skip(check, "not a Raspberry Pi")
    link = station.root / "dev/serial0"
    wanted = station.settings and any(sensor.port == "/dev/serial0" for sensor in station.settings.sensors)
    if wanted and link.is_symlink() and os.readlink(link).endswith("ttyS0"):
        text = "serial0 is the mini UART; Bluetooth has the good one"
        return warn(check, text, "sudo lamppost agent fix serial-console")
    return ok(check, station.text("/proc/device-tree/model"))


def serial_busy(station: Station) -> Result:
    """Nobody else reads a port of ours: two readers get half the bytes each."""
    check = "serial.busy"
    pid = f"(pid {station.said['pid']})" if station.said else ""
    for port in _ours(station):
        if port.holder is not None and not (pid and pid in port.holder):
            cure = "sudo systemctl stop ModemManager" if "ModemManager" in port.holder else "end that program"
            return fail(check, f"{_short(port.path)} is {port.state}", cure)
    for sensor in station.said["sensors"] if station.said else []:
        if not sensor["open"] and sensor.get("trouble") == BUSY:  # the agent has met it, and we may not see who it is
            return fail(check, f"{_short(sensor['port'])} is in use", "end that program: sudo lamppost agent ports")
    return ok(check, "no other program has a port of ours open")


def serial_by_id(station: Station) -> Result:
    """Ports are named by what stays."""
    check = "serial.by-id"
    if station.settings is None:
        return skip(check, "needs config.valid")
    numbered = [s for s in station.settings.sensors if Path(s.port).name.startswith(("ttyUSB", "ttyACM"))]
    if numbered:
        text = f"{numbered[0].name} is on {numbered[0].port}, a number that changes"
        return warn(check, text, "write the name that lamppost agent ports shows")
    return ok(check, "every port has a name that stays")


def serial_latency(station: Station) -> Result:
    """An FTDI adapter that collects bytes for 16 ms blurs times a little."""
    check = "serial.latency"
    slow = [
        port.device
        for port in _ours(station)
        if int(station.text(f"/sys/class/tty/{Path(port.device).name}/device/latency_timer") or 0) > 16
    ]
    if slow:
        return warn(check, f"{slow[0]} collects bytes for more than 16 ms", "sudo lamppost agent fix udev")
    return ok(check, "no adapter holds bytes back")


def _ours(station: Station) -> list[PortInfo]:
    if station.settings is None:
        return []
    wanted = {os.path.realpath(sensor.port) for sensor in station.settings.sensors}
    return [port for port in find_ports(station.root) if os.path.realpath(port.device) in wanted]


def _short(path: str) -> str:
    name = path.removeprefix("/dev/").removeprefix("serial/by-id/").removeprefix("serial/by-path/")
    return name if len(name) <= 34 else f"{name[:16]}..{name[-16:]}"
