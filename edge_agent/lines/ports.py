"""The serial ports of this device: names that stay, what hangs there, and who holds them.

ttyUSB0 is a number handed out in the order of plugging in; the name that stays is the adapter's own (by-id), or, when
its serial number is missing or shared with half the world, the socket it sits in (by-path). Reads /dev, /sys and /proc
below `root`, so that a test can build a device of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wire.both import Both, same

SHARED_SERIALS = frozenset({"", "0", "0001", "0000", "00000000", "1234", "0123456789", "123456"})
"""Serial numbers that adapters of different owners share: CP2102 leaves the factory as 0001."""
PATTERNS = ("ttyUSB*", "ttyACM*", "ttyAMA*", "ttyS*", "ttyTHS*", "ttymxc*")
_BUILT_IN = ("serial0", "serial1")


@dataclass(frozen=True, slots=True)
class PortInfo:
    """One serial port. `path` is the name to write into settings; `holder` who has it open now."""

    path: str
    device: str
    what: str
    kind: str
    serial_unique: bool
    holder: str | None = None
    console: bool = False
    bluetooth: bool = False
    permitted: bool = True

    @property
    def state(self) -> Both:
        """In words: free, in use by whom, or what keeps us from it."""
        if self.console:
            return Both("blocked: login console", "被登录终端占用")
        if self.bluetooth:
            return Both("blocked: Bluetooth", "被蓝牙占用")
        if self.holder is not None:
            return Both(f"in use by {self.holder}", f"被 {self.holder} 占用")
        if not self.permitted:
            return Both("not permitted: not in the group dialout", "没有权限：不在 dialout 组中")
        return Both("free", "空闲")

    @property
    def usable(self) -> bool:
        """True when it may be opened to look for a sensor."""
        return not self.console and not self.bluetooth and self.holder is None and self.permitted


def find_ports(root: Path = Path("/")) -> list[PortInfo]:
    """Every serial port that is really there, by its name that stays."""
    names = _names(root)
    devices = {device for _, device in names} | set(_plain(root))
    serials = {device: _usb(root, device).get("serial", "") for device in devices}
    holders = _holders(root)
    consoles = _consoles(root)
    found = []
    for device in sorted(devices):
        usb = _usb(root, device)
        serial = serials[device]
        unique = not usb or (serial not in SHARED_SERIALS and list(serials.values()).count(serial) == 1)
        by_name = dict(_of(names, device))
        path, kind = _stable(by_name, unique, bool(usb), device)
        found.append(
            PortInfo(
                path=path,
                device=device,
                what=_what(usb, serial, unique, device, by_name),
                kind=kind,
                serial_unique=unique,
                holder=holders.get(device),
                console=os.path.basename(device) in consoles,
                bluetooth=_bluetooth(root, device),
                permitted=os.access(root / device[1:], os.R_OK | os.W_OK),
            )
        )
    return found


def holder_of(device: str) -> str | None:
    """Who has a device open, such as `lamppost (pid 812)`; None when nobody that we may see."""
    return _holders(Path("/")).get(device)


def _names(root: Path) -> list[tuple[str, str]]:
    """Links below /dev that stay, with the device each stands for."""
    links: list[tuple[str, str]] = []
    for folder in ("serial/by-id", "serial/by-path"):
        for link in sorted((root / "dev" / folder).glob("*")):
            links.append((f"/dev/{folder}/{link.name}", _target(root, link)))
    for name in _BUILT_IN:
        link = root / "dev" / name
        if link.is_symlink():
            links.append((f"/dev/{name}", _target(root, link)))
    return links


def _target(root: Path, link: Path) -> str:
    """The device behind a link, as seen below `root`."""
    aim = os.path.normpath(os.path.join(os.path.dirname(link), os.readlink(link)))
    inside = os.path.relpath(aim, root)
    return aim if inside.startswith("..") else "/" + inside


def _of(names: list[tuple[str, str]], device: str) -> Iterator[tuple[str, str]]:
    for name, target in names:
        if target == device:
            yield ("by-id" if "/by-id/" in name else "by-path" if "/by-path/" in name else "built-in"), name


def _plain(root: Path) -> Iterator[str]:
    """Devices that have hardware behind them; Linux shows ttyS0 to ttyS3 whether they exist or not."""
    for pattern in PATTERNS:
        for node in sorted((root / "dev").glob(pattern)):
            kind = root / "sys/class/tty" / node.name / "type"
            known = root / "sys/class/tty" / node.name / "device"
            if known.exists() and not (pattern == "ttyS*" and _read(kind) in ("0", "")):
                yield f"/dev/{node.name}"


def _stable(names: dict[str, str], unique: bool, usb: bool, device: str) -> tuple[str, str]:
    order = ("by-id", "by-path") if unique or not usb else ("by-path", "by-id")
    for kind in (*order, "built-in"):
        if kind in names:
            return names[kind], kind
    return device, "number"


def _what(usb: dict[str, str], serial: str, unique: bool, device: str, names: dict[str, str]) -> Both:
    if usb:
        what = usb.get("product") or f"USB {usb.get('idVendor', '?')}:{usb.get('idProduct', '?')}"
        if not unique:
            return Both(f'{what} serial "{serial}"', f'{what} 序列号 "{serial}"') if serial else _nameless(what)
        return same(what)
    if names.get("built-in") == "/dev/serial0":
        return same("GPIO 14/15")
    if "by-id" in names:
        return same(os.path.basename(names["by-id"]))
    name = os.path.basename(device)
    return Both(f"built-in {name}", f"板载 {name}")


def _nameless(what: str) -> Both:
    return Both(f"{what} (no serial number)", f"{what}（没有序列号）")


def _usb(root: Path, device: str) -> dict[str, str]:
    """What the USB adapter says of itself, empty for other ports."""
    place = root / "sys/class/tty" / os.path.basename(device) / "device"
    if not place.exists():
        return {}
    folder = place.resolve()
    for _ in range(6):
        if (folder / "idVendor").exists():
            return {
                key: text
                for key in ("product", "serial", "idVendor", "idProduct")
                if (text := _read(folder / key)) or key == "serial"
            }
        folder = folder.parent
    return {}


def _holders(root: Path) -> dict[str, str]:
    """Who has which terminal open: as much of it as we may see."""
    found: dict[str, str] = {}
    me = str(os.getpid())
    for process in (root / "proc").glob("[0-9]*"):
        if process.name == me:
            continue
        try:
            for number in os.listdir(process / "fd"):
                try:
                    target = os.readlink(process / "fd" / number)
                except OSError:
                    continue
                if target.startswith("/dev/tty") and len(target) > len("/dev/ttyX"):
                    found[target] = f"{_read(process / 'comm') or 'a program'} (pid {process.name})"
        except OSError:
            continue
    return found


def _consoles(root: Path) -> set[str]:
    """Terminals that the kernel or a login writes to: a sensor there hears boot messages as commands."""
    words = _read(root / "proc/cmdline").split()
    consoles = {word.removeprefix("console=").partition(",")[0] for word in words if word.startswith("console=")}
    for process in (root / "proc").glob("[0-9]*"):
        if _read(process / "comm") == "agetty":
            consoles |= set(_read(process / "cmdline").split("\0"))
    real = {name for name in consoles if name.startswith(("ttyS", "ttyAMA", "serial", "ttyUSB", "ttyACM"))}
    for name in list(real):
        link = root / "dev" / name
        if link.is_symlink():
            real.add(os.path.basename(_target(root, link)))
    return real


def _bluetooth(root: Path, device: str) -> bool:
    """True when the port belongs to the Bluetooth chip of a Pi (serial1 beside a hci_uart device)."""
    children = (root / "sys/class/tty" / os.path.basename(device) / "device").glob("serial*-0/bluetooth")
    return any(True for _ in children)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0 \n")
    except OSError:
        return ""
