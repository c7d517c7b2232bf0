"""What a technician hands on and what mends a board: the support bundle, the cures that doctor names, the light."""

from __future__ import annotations

import errno
import stat
import tarfile
from pathlib import Path

import pytest

from edge_agent.device.identify import blink, find_led
from edge_agent.doctor import fixes
from edge_agent.doctor.support_bundle import without_secrets
from wire.both import same


def test_a_support_bundle_holds_no_secret(tmp_path: Path) -> None:
    secrets = {
        "password: hunter2": "password: [removed]",
        "  token: 'abc def'": "  token: [removed]",
        "broker: {host: b, password: hunter2}": "broker: {host: b, password: [removed]",
        '"password": "hunter2", "port": 1': '"password": [removed], "port": 1',
        "# password: hunter2": "# password: [removed]",
        "# 密码：hunter2": "# 密码：[removed]",
        "- password: >-\n    hunter2\n  port: 1": "- password: [removed]\n  port: 1",
        "broker:\n  password:\n\n    hunter2\n  port: 1": "broker:\n  password:[removed]\n  port: 1",
        "password_file: /x  # password: hunter2": "password_file: /x  # password: [removed]",
        "tls: {key: /etc/node.pem}": None,
        "GET https://host/x?token=hunter2": "GET https://host/x?token=[removed]",
        "mqtt://u:hunter2@host:1883/": "mqtt://[removed]@host:1883/",
        "mqtt://u:hun@ter2@host:1883/": "mqtt://[removed]@host:1883/",
        "-----BEGIN EC PRIVATE KEY-----\nMIIB\n-----END EC PRIVATE KEY-----": "[removed]",
        "collector says bm90IGEgc2VjcmV0IGJ1dCBsb25nIGVub3VnaCB0byBiZSBvbmU=": "collector says [removed]",
        "password_file: /etc/credstore/lamppost.broker": "password_file: /etc/credstore/lamppost.broker",
        "port: /dev/serial/by-id/usb-Silicon_Labs_CP2104_USB_to_UART_Bridge_01A2B3C4": None,
    }
    for text, clean in secrets.items():
        assert without_secrets(text) == (clean if clean is not None else text) + "\n"
    from edge_agent.doctor.support_bundle import Part, parts, write

    (tmp_path / "agent.yaml").write_bytes("# 王\nnode: lp-1\n".encode("gbk"))
    assert "node: lp-1" in next(part.text for part in parts(tmp_path / "agent.yaml") if part.name == "agent.yaml")
    bundle = tmp_path / "help.tar.gz"
    write(bundle, [Part("a.txt", "text\n", same(""))])
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600
    with tarfile.open(bundle) as tar:
        assert tar.getnames() == ["help/a.txt"]


def test_a_bundle_that_lacks_the_settings_for_want_of_sudo_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was packed and sent, and the office had nothing to go by."""
    from edge_agent.doctor.support_bundle import parts

    def refused(*_: object, **__: object) -> str:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refused)
    assert "settings: the same with sudo packs them" in [part.what for part in parts(tmp_path / "agent.yaml")]


def test_the_serial_console_is_freed_as_shown_and_twice_is_once(tmp_path: Path) -> None:
    boot = tmp_path / "boot/firmware"
    boot.mkdir(parents=True)
    (boot / "cmdline.txt").write_text("console=serial0,115200 console=tty1 root=PARTUUID=1-02 rootwait\n")
    (boot / "config.txt").write_text("arm_64bit=1\n")
    cure = fixes.serial_console(tmp_path)
    shown = cure.shown()
    assert "-console=serial0,115200 console=tty1" in shown
    assert "+dtoverlay=disable-bt" in shown
    assert cure.reboot
    cure.apply(lambda _: None)
    assert (boot / "cmdline.txt").read_text() == "console=tty1 root=PARTUUID=1-02 rootwait\n"
    assert (boot / "config.txt").read_text().startswith("arm_64bit=1\n")
    assert not fixes.serial_console(tmp_path).needed


def test_the_other_cures_write_one_file_each(tmp_path: Path) -> None:
    for name in ("udev", "journal"):
        cure = fixes.FIXES[name](tmp_path)
        assert cure.needed
        assert "new file" in cure.shown()
        ran: list[list[str]] = []
        cure.apply(ran.append)
        assert ran == cure.commands
        assert not fixes.FIXES[name](tmp_path).needed


def test_the_led_blinks_and_then_does_again_what_it_did(tmp_path: Path) -> None:
    led = tmp_path / "sys/class/leds/ACT"
    led.mkdir(parents=True)
    (led / "trigger").write_text("none [mmc0] heartbeat")
    (led / "brightness").write_text("0")
    slept: list[float] = []
    found = find_led(tmp_path)
    assert found == led
    blink(led, 2.0, slept.append)
    assert len(slept) == 20
    assert (led / "trigger").read_text() == "mmc0"
