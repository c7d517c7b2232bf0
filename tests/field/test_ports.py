"""Ports by names that stay, on a device built of files; and sensors written into settings without a comment lost."""

import os
from pathlib import Path

import pytest

from common.settings import load_settings
from device_profiles.catalogue import load
from edge_agent.commands.ports import free_ports
from edge_agent.lines.not_opened import BUSY
from edge_agent.lines.port_probe import Finding
from edge_agent.lines.ports import PortInfo, find_ports
from edge_agent.screens.ports import finding_lines, ports_screen
from edge_agent.sensors.probing import Outcome, Verdict
from edge_agent.settings.check import checked
from edge_agent.settings.config import SAMPLE, Config
from edge_agent.settings.edit import add_sensors
from edge_agent.setup.answers import Answers
from edge_agent.setup.sensor_search import sensors_of
from edge_agent.setup.settings_text import settings_text
from tests.sensors.streams import PROFILES
from wire.exits import Failure


def usb(root: Path, tty: str, socket: str, product: str, serial: str | None) -> None:
    """An adapter as udev shows it: device node, sysfs, names by id and by path."""
    device = root / f"sys/devices/usb1/{socket}"
    (device / "if0" / tty).mkdir(parents=True)
    (device / "idVendor").write_text("1a86\n")
    (device / "product").write_text(product + "\n")
    if serial is not None:
        (device / "serial").write_text(serial + "\n")
    (root / "sys/class/tty" / tty).mkdir(parents=True)
    (root / "sys/class/tty" / tty / "device").symlink_to(device / "if0" / tty)
    (root / "dev" / tty).touch()
    name = f"usb-{product.replace(' ', '_')}{'_' + serial if serial else ''}-if00-port0"
    for folder, link in (("by-id", name), ("by-path", f"platform-usb-0:{socket}:1.0-port0")):
        place = root / "dev/serial" / folder
        place.mkdir(parents=True, exist_ok=True)
        if not (place / link).is_symlink():
            (place / link).symlink_to(f"../../{tty}")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("dev", "proc", "sys/class/tty"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "proc/cmdline").write_text("console=tty1 root=/dev/mmcblk0p2\n")
    return tmp_path


def by_device(root: Path) -> dict[str, PortInfo]:
    return {port.device: port for port in find_ports(root)}


def test_an_adapter_with_a_serial_number_is_named_by_it_and_one_without_by_its_socket(root: Path) -> None:
    usb(root, "ttyUSB0", "1-1.2", "FT232R", "A906QXYZ")
    usb(root, "ttyUSB1", "1-1.3", "CP2102", "0001")
    usb(root, "ttyUSB2", "1-1.4", "USB Serial", None)
    found = by_device(root)
    assert found["/dev/ttyUSB0"].path == "/dev/serial/by-id/usb-FT232R_A906QXYZ-if00-port0"
    assert found["/dev/ttyUSB1"].path == "/dev/serial/by-path/platform-usb-0:1-1.3:1.0-port0"
    assert found["/dev/ttyUSB2"].kind == "by-path"
    assert 'CP2102 serial "0001"' in ports_screen(list(found.values()))


def test_two_adapters_that_share_a_serial_number_are_named_by_their_sockets(root: Path) -> None:
    usb(root, "ttyUSB0", "1-1.2", "FT232R", "SAME")
    usb(root, "ttyUSB1", "1-1.3", "FT232R", "SAME")
    assert {port.kind for port in find_ports(root)} == {"by-path"}


def test_the_login_console_is_named_with_its_cure_and_not_offered_for_probing(root: Path) -> None:
    (root / "dev/ttyAMA0").touch()
    (root / "dev/serial0").symlink_to("ttyAMA0")
    (root / "sys/class/tty/ttyAMA0").mkdir()
    (root / "sys/class/tty/ttyAMA0/device").mkdir()
    (root / "proc/cmdline").write_text("console=serial0,115200 console=tty1\n")
    (port,) = find_ports(root)
    assert (port.path, port.console, port.usable) == ("/dev/serial0", True, False)
    screen = ports_screen([port])
    assert "blocked: login console" in screen
    assert "sudo lamppost agent fix serial-console" in screen
    assert all(len(line) <= 60 for line in screen.splitlines() if not line.startswith("/dev"))


def test_where_the_only_port_is_lent_its_own_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    port = PortInfo("/dev/serial0", "/dev/ttyS0", "GPIO 14/15", "built-in", True, console=True)
    monkeypatch.setattr("edge_agent.lines.ports.find_ports", lambda: [port])
    with pytest.raises(Failure) as refused:
        free_ports()
    assert refused.value.cure == "sudo lamppost agent fix serial-console"


def test_who_probes_beside_the_running_agent_is_told_to_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    console = PortInfo("/dev/serial0", "/dev/ttyS0", "GPIO 14/15", "built-in", True, console=True)
    held = PortInfo("/dev/a", "/dev/ttyUSB0", "FT232R", "by-id", True, holder="lamppost (pid 812)")
    monkeypatch.setattr("edge_agent.lines.ports.find_ports", lambda: [console, held])
    with pytest.raises(Failure) as refused:
        free_ports()
    assert "systemctl stop lamppost-agent" in refused.value.cure
    lines = finding_lines(Finding("/dev/a", None, BUSY), PROFILES.__getitem__)  # to whom the holder is not shown
    assert "systemctl stop lamppost-agent" in lines[-1]
    assert all(len(line) <= 60 for line in lines)


def test_a_port_in_use_says_by_whom(root: Path) -> None:
    usb(root, "ttyUSB0", "1-1.2", "FT232R", "A9")
    (root / "proc/812/fd").mkdir(parents=True)
    (root / "proc/812/comm").write_text("lamppost\n")
    (root / "proc/812/fd/5").symlink_to("/dev/ttyUSB0")
    assert by_device(root)["/dev/ttyUSB0"].state == "in use by lamppost (pid 812)"


def finding(path: str, profile: str, sure: bool = True) -> Finding:
    verdict = Verdict(profile, 3, 0, sure, (), {"pm25_raw_ugm3": 37, "pm10_raw_ugm3": 58})
    return Finding(path, Outcome(PROFILES[profile].serial, [verdict], {9600: 96}))


def test_sensors_are_added_and_every_comment_stays(tmp_path: Path) -> None:
    file = tmp_path / "agent.yaml"
    before = SAMPLE.read_text()
    file.write_text(before + "\n# the end of my notes\n")
    file.chmod(0o640)
    added = add_sensors(file, [finding("/dev/ttyX1", "nova-sds011"), finding("/dev/ttyX2", "agd-315")])
    assert added == ["air-2", "radar-2"]
    text = file.read_text()
    assert [line for line in before.splitlines() if line not in text.splitlines()] == []
    assert file.stat().st_mode & 0o777 == 0o640
    settings = load_settings(Config, file, "")
    assert [(s.name, s.profile, s.port) for s in settings.sensors[-2:]] == [
        ("air-2", "nova-sds011", "/dev/ttyX1"),
        ("radar-2", "agd-315", "/dev/ttyX2"),
    ]
    assert add_sensors(file, [finding("/dev/ttyX1", "nova-sds011")]) == []  # it is there already


def test_a_unit_of_another_speed_is_added_with_it(tmp_path: Path) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text("node: lp-1\nsite: here\nsensors:\n  - {name: a, profile: agd-315, port: /dev/a}\n")
    verdict = Verdict("nmea-gnss", 3, 0, True, (), {})
    fast = PROFILES["nmea-gnss"].serial.model_copy(update={"baud": 115200})
    heard = Finding("/dev/b", Outcome(fast, [verdict], {115200: 96}))
    assert "  its settings want options: {baud: 115200}" in finding_lines(heard, PROFILES.__getitem__)
    add_sensors(file, [heard])
    assert load_settings(Config, file, "").sensors[-1].options == {"baud": 115200}
    (answer,) = sensors_of(load(), {"/dev/b": "nmea-gnss"}, [heard])
    answers = Answers(site="here", sensors=[answer])
    written = settings_text(answers, "lp-1", None, {"host": "10.0.0.1"}, "2026-09-01")
    assert "    options: {baud: 115200}\n" in written
    assert checked(written, "agent.yaml").sensors[0].options == {"baud": 115200}


def test_a_key_after_the_sensors_keeps_its_place_and_its_comment(tmp_path: Path) -> None:
    file = tmp_path / "agent.yaml"
    sensor = "sensors:\n  - {name: a, profile: agd-315, port: /dev/a}\n"
    file.write_text(f"node: lp-1\nsite: here\n{sensor}\n# why it is short\nseal_s: 2.0\n")
    add_sensors(file, [finding("/dev/b", "nova-sds011")])
    assert "\n\n# why it is short\nseal_s: 2.0\n" in file.read_text()
    assert load_settings(Config, file, "").seal_s == 2.0


def test_a_model_of_ones_own_is_added_with_the_folder_that_it_is_in(tmp_path: Path) -> None:
    """It was found, and not known to the settings that it was written into."""
    file, own = tmp_path / "agent.yaml", tmp_path / "own"
    own.mkdir()
    text = load().path("nova-sds011").read_text(encoding="utf-8")
    (own / "acme-dust.yaml").write_text(text.replace("profile: nova-sds011", "profile: acme-dust"))
    file.write_text("node: lp-1\nsite: here\nsensors:\n  - {name: a, profile: agd-315, port: /dev/a}\n")
    verdict = Verdict("acme-dust", 3, 0, True, (), {})
    heard = Finding("/dev/b", Outcome(PROFILES["nova-sds011"].serial, [verdict], {9600: 96}))
    assert add_sensors(file, [heard], own) == ["air-1"]
    settings = load_settings(Config, file, "")
    assert (settings.profiles, settings.sensors[-1].profile) == (own, "acme-dust")


def test_a_file_that_is_wrong_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text("node: lp-1\nsite: here\nsensors: []\n")
    with pytest.raises(Failure, match=r"agent\.yaml:3"):
        add_sensors(file, [finding("/dev/b", "nova-sds011")])
    assert os.listdir(tmp_path) == ["agent.yaml"]


def test_what_was_found_is_told_with_reading_and_warm_up() -> None:
    lines = finding_lines(finding("/dev/b", "nova-sds011"), PROFILES.__getitem__)
    assert lines == [
        "/dev/b",
        "  nova-sds011  9600 baud, 3 frames, none bad",
        "  PM2.5 37  PM10 58 µg/m³  (true after 30 s warm-up)",
    ]


def test_of_a_sensor_that_may_share_its_wires_it_is_said_how_to_find_the_others() -> None:
    lines = finding_lines(finding("/dev/b", "xy-md02"), PROFILES.__getitem__)
    assert "  others on its wires? probe PORT --addresses 1-16" in lines
    lines = finding_lines(finding("/dev/b", "nova-sds011"), PROFILES.__getitem__)
    assert not any("wires" in line for line in lines)
