"""Are the ports there, ours to open, and named so that they stay?"""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

from edge_agent.doctor.result import Result, Station, fail, needs, ok, skip, warn
from edge_agent.lines.not_opened import BUSY, DIALOUT_CURE, END_IT
from edge_agent.lines.ports import PortInfo, find_ports
from wire.both import Both, same, zh

GROUP = "dialout"
USER = "lamppost"


def serial_exists(station: Station) -> list[Result]:
    """Each sensor's port is there, and its own."""
    from edge_agent.settings.check import renamed_ports

    results = []
    renamed = renamed_ports(station.settings) if station.settings else {}
    for number, sensor in enumerate(station.settings.sensors if station.settings else []):
        check = f"serial.exists.{sensor.name}"
        if number in renamed:
            text = Both(
                f"{_short(sensor.port)} is the port of {renamed[number]}",
                f"{_short(sensor.port)} 已经是 {renamed[number]} 的串口",
            )
            results.append(fail(check, text, same("lamppost agent ports")))
        elif Path(sensor.port).exists():
            results.append(ok(check, same(_short(sensor.port))))
        else:
            anew = f"sudo lamppost agent config set sensors.{sensor.name}.port=NAME"
            cure = Both(
                f"plug it in. Another socket or adapter? lamppost agent ports shows its new name: {anew}",
                f"请插上。换过插口或适配器？lamppost agent ports 会列出新名称：{anew}",
            )
            text = Both(f"{_short(sensor.port)} is not there", f"{_short(sensor.port)} 不存在")
            results.append(fail(check, text, cure))
    return results or [skip("serial.exists", needs("config.valid"))]


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
            return ok(check, Both(f"user {USER} is in {GROUP}", f"用户 {USER} 在 {GROUP} 组中"))
        text = Both(
            f"{_short(alien)} is not open to the group {GROUP}: a login had it?",
            f"{_short(alien)} 没有向 {GROUP} 组开放：被登录终端占用过？",
        )
        return fail(check, text, same("sudo udevadm trigger --subsystem-match=tty"))
    if user is not None:
        text = Both(f"user {USER} is not in {GROUP}", f"用户 {USER} 不在 {GROUP} 组中")
        return fail(check, text, same(f"sudo adduser {USER} {GROUP}"))
    shut = [port for port in there if not os.access(port, os.R_OK | os.W_OK)]
    if shut:
        text = Both(f"you may not open {_short(shut[0])}", f"您无权打开 {_short(shut[0])}")
        return fail(check, text, DIALOUT_CURE)
    return ok(check, Both("the ports may be opened by you", "您可以打开这些串口"))


def _is_open_to_group(port: str) -> bool:
    """As udev makes a serial port. A login makes it its own, and leaves it so."""
    found = os.stat(port)
    return found.st_mode & 0o006 == 0o006 or (
        found.st_gid == grp.getgrnam(GROUP).gr_gid and found.st_mode & 0o060 == 0o060
    )


def serial_console(station: Station) -> Result:
    """No login or kernel console on a port of ours."""
    check, cure = "serial.console", same("sudo lamppost agent fix serial-console")
    for port in _ours(station):
        if port.console:
            text = Both(
                f"the login console runs on {_short(port.device)}",
                f"{_short(port.device)} 上运行着登录终端",
            )
            return fail(check, text, cure)
    return ok(check, Both("no login console on a port of ours", "所用串口上没有登录终端"))


def uart_overlay(station: Station) -> Result:
    """The good UART of a Pi is not lent to Bluetooth."""
    check = "uart.overlay"
    if not station.text("/proc/device-tree/model").startswith("Raspberry Pi"):
        return skip(check, Both("not a Raspberry Pi", "不是树莓派"))
    link = station.root / "dev/serial0"
    wanted = station.settings and any(sensor.port == "/dev/serial0" for sensor in station.settings.sensors)
    if wanted and link.is_symlink() and os.readlink(link).endswith("ttyS0"):
        text = Both(
            "serial0 is the mini UART; Bluetooth has the good one",
            "serial0 是 mini UART，好的 UART 被蓝牙占用",
        )
        return warn(check, text, same("sudo lamppost agent fix serial-console"))
    return ok(check, same(station.text("/proc/device-tree/model")))


def serial_busy(station: Station) -> Result:
    """Nobody else reads a port of ours: two readers get half the bytes each."""
    check = "serial.busy"
    pid = f"(pid {station.said['pid']})" if station.said else ""
    for port in _ours(station):
        if port.holder is not None and not (pid and pid in port.holder):
            stop = same("sudo systemctl stop ModemManager")
            cure = stop if "ModemManager" in port.holder else Both("end that program", "关掉那个程序")
            text = Both(f"{_short(port.path)} is {port.state}", f"{_short(port.path)} {zh(port.state)}")
            return fail(check, text, cure)
    for sensor in station.said["sensors"] if station.said else []:
        if not sensor["open"] and sensor.get("trouble") == BUSY:  # the agent has met it, and we may not see who it is
            text = Both(f"{_short(sensor['port'])} is in use", f"{_short(sensor['port'])} 正被占用")
            return fail(check, text, END_IT)
    return ok(check, Both("no other program has a port of ours open", "没有别的程序打开所用串口"))


def serial_by_id(station: Station) -> Result:
    """Ports are named by what stays."""
    check = "serial.by-id"
    if station.settings is None:
        return skip(check, needs("config.valid"))
    numbered = [s for s in station.settings.sensors if Path(s.port).name.startswith(("ttyUSB", "ttyACM"))]
    if numbered:
        name, port = numbered[0].name, numbered[0].port
        text = Both(f"{name} is on {port}, a number that changes", f"{name} 用的是 {port}，这个编号会变")
        cure = Both(
            "write the name that lamppost agent ports shows",
            "请改用 lamppost agent ports 列出的名称",
        )
        return warn(check, text, cure)
    return ok(check, Both("every port has a name that stays", "每个串口的名称都固定"))


def serial_latency(station: Station) -> Result:
    """An FTDI adapter that collects bytes for 16 ms blurs times a little."""
    check = "serial.latency"
    slow = [
        port.device
        for port in _ours(station)
        if int(station.text(f"/sys/class/tty/{Path(port.device).name}/device/latency_timer") or 0) > 16
    ]
    if slow:
        text = Both(
            f"{slow[0]} collects bytes for more than 16 ms",
            f"{slow[0]} 要攒 16 毫秒以上才上送",
        )
        return warn(check, text, same("sudo lamppost agent fix udev"))
    return ok(check, Both("no adapter holds bytes back", "没有适配器延迟上送"))


def _ours(station: Station) -> list[PortInfo]:
    if station.settings is None:
        return []
    wanted = {os.path.realpath(sensor.port) for sensor in station.settings.sensors}
    return [port for port in find_ports(station.root) if os.path.realpath(port.device) in wanted]


def _short(path: str) -> str:
    name = path.removeprefix("/dev/").removeprefix("serial/by-id/").removeprefix("serial/by-path/")
    return name if len(name) <= 34 else f"{name[:16]}..{name[-16:]}"
