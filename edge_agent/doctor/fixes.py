"""The cures that doctor names: files changed as shown beforehand, commands run as shown beforehand. Nothing else."""

from __future__ import annotations

import difflib
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from common.whole_file import write_whole
from wire.both import Both, joined, same
from wire.exits import WITH_SUDO, Exit, Failure, of_file

UDEV_FILE = Path("etc/udev/rules.d/90-lamppost.rules")
UDEV_RULES = """# Written by `lamppost agent fix udev`: adapters for the group dialout, no ModemManager, no delay.
SUBSYSTEM=="tty", KERNEL=="ttyUSB*|ttyACM*|ttyAMA*", GROUP="dialout", MODE="0660", ENV{ID_MM_DEVICE_IGNORE}="1"
ACTION=="add", SUBSYSTEM=="usb-serial", DRIVER=="ftdi_sio", ATTR{latency_timer}="1"
"""
JOURNAL_FILE = Path("etc/systemd/journald.conf.d/lamppost.conf")
JOURNAL_CONF = """# Written by `lamppost agent fix journal`: the log in memory spares the SD card.
[Journal]
Storage=volatile
RuntimeMaxUse=32M
"""
LED_RULE_FILE = Path("etc/udev/rules.d/91-lamppost-led.rules")
LED_RULE = """# Written by `lamppost agent fix led`: the agent may set the status LED.
SUBSYSTEM=="leds", KERNEL=="{name}", ACTION=="add", RUN+="/bin/chgrp -R dialout /sys%p", RUN+="/bin/chmod -R g=u /sys%p"
"""
LED_UNIT_FILE = Path("etc/systemd/system/lamppost-agent.service.d/led.conf")
LED_UNIT = """# Written by `lamppost agent fix led`: where the status LED's files really lie.
[Service]
ReadWritePaths=-{folder}
"""
WRITTEN = (UDEV_FILE, JOURNAL_FILE, LED_RULE_FILE, LED_UNIT_FILE.parent)
"""What is not there but for a cure; other files are changed by one."""
GETTY_UNITS = ("serial-getty@serial0.service", "serial-getty@ttyAMA0.service", "serial-getty@ttyS0.service")


@dataclass(frozen=True, slots=True)
class Fix:
    """What would be done: files with their new text, then commands, then whether the board must start anew."""

    files: dict[Path, str]
    commands: list[list[str]]
    reboot: bool = False

    @property
    def needed(self) -> bool:
        """False when every file is as it should be."""
        return any(_text(path) != text for path, text in self.files.items())

    def shown(self) -> Both:
        """The change, as a person reads it before saying yes."""
        lines: list[Both] = []
        for path, text in self.files.items():
            before = _text(path)
            if before != text:
                made = difflib.unified_diff(
                    before.splitlines(), text.splitlines(), str(path), str(path), lineterm="", n=1
                )
                if not before:
                    made = iter(["  " + line for line in text.splitlines()])
                    lines.append(Both(f"new file {path}", f"新文件 {path}"))
                lines += map(same, made)
        run = (" ".join(command) for command in self.commands)
        lines += [Both(f"run: {command}", f"执行：{command}") for command in run]
        if self.reboot:
            lines.append(Both("then the board must start anew: sudo reboot", "然后要重启板子：sudo reboot"))
        return joined("\n", lines)

    def apply(self, run: Callable[[list[str]], None] | None = None) -> None:
        """Do it. Raises Failure when a file may not be written; a command that fails does not undo the files."""
        for path, text in self.files.items():
            if _text(path) == text:
                continue
            try:
                write_whole(path, text.encode())
            except OSError as error:
                raise Failure(Exit.NOT_PERMITTED, "fix-not-permitted", of_file(path, error), WITH_SUDO) from error
        for command in self.commands:
            (run or _run)(command)


def serial_console(root: Path = Path("/")) -> Fix:
    """Free the GPIO's UART: no kernel console and no login on it; on a Pi, Bluetooth gives the good UART back."""
    files: dict[Path, str] = {}
    for place in ("boot/firmware/cmdline.txt", "boot/cmdline.txt"):
        path = root / place
        text = _text(path)
        if text:
            words = [
                word for word in text.split() if not word.startswith(("console=serial", "console=ttyA", "console=ttyS"))
            ]
            files[path] = " ".join(words) + "\n" if words != text.split() else text
            break
    for place in ("boot/firmware/config.txt", "boot/config.txt"):
        path = root / place
        text = _text(path)
        if text:
            wanted = [line for line in ("enable_uart=1", "dtoverlay=disable-bt") if line not in text.split("\n")]
            more = "\n[all]\n# For the sensor on GPIO 14/15 (lamppost)\n" + "\n".join(wanted) + "\n" if wanted else ""
            files[path] = text.rstrip("\n") + "\n" + more if wanted else text
            break
    units = [unit for unit in GETTY_UNITS if _is_there(root, unit)]
    commands = [["systemctl", "mask", "--now", *units]] if units else []
    return Fix(files, commands, reboot=bool(files))


def udev(root: Path = Path("/")) -> Fix:
    """Serial adapters for the group dialout, left alone by ModemManager, without the 16 ms of FTDI."""
    reload = [["udevadm", "control", "--reload"], ["udevadm", "trigger", "--subsystem-match=tty"]]
    return Fix({root / UDEV_FILE: UDEV_RULES}, reload)


def journal(root: Path = Path("/")) -> Fix:
    """The log in memory."""
    return Fix(
        {root / JOURNAL_FILE: JOURNAL_CONF},
        [["systemctl", "restart", "systemd-journald"]],
    )


def led(root: Path = Path("/")) -> Fix:
    """The status LED for the agent to set: its files for the group dialout, its folder open to the service."""
    from edge_agent.device.identify import find_led, named_in

    found = find_led(root, named_in(root / "etc/lamppost/agent.yaml"))
    if found is None:
        text = Both("this board has no such LED", "这块板子没有这个灯")
        raise Failure(Exit.DEVICE_OR_PORT, "no-led", text, "ls /sys/class/leds")
    rule = LED_RULE.format(name=found.name)
    opened = LED_UNIT.format(folder=found.resolve())
    commands = [
        ["udevadm", "control", "--reload"],
        ["udevadm", "trigger", "--subsystem-match=leds", "--action=add"],
        ["systemctl", "daemon-reload"],
        ["systemctl", "try-restart", "lamppost-agent"],
    ]
    return Fix({root / LED_RULE_FILE: rule, root / LED_UNIT_FILE: opened}, commands)


FIXES: dict[str, Callable[[Path], Fix]] = {
    "serial-console": serial_console,
    "udev": udev,
    "journal": journal,
    "led": led,
}


def _is_there(root: Path, unit: str) -> bool:
    """A login that is enabled, or that systemd makes from the kernel's command line."""
    name = unit.partition("@")[2].removesuffix(".service")
    wants = root / "etc/systemd/system/getty.target.wants" / unit
    return wants.is_symlink() or f"console={name}" in _text(root / "proc/cmdline")


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"  {' '.join(command)}: {error}")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
