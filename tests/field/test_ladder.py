"""From `apt install ./lamppost.deb` in a fresh Debian to a reading that was read back: keys typed, no file edited."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.device.clock import synchronised
from firmware_stubs.models import MODELS
from tests.field.conftest import Field
from tests.field.debian_root import DebianRoot
from tests.field.expect import Terminal

pytestmark = [
    pytest.mark.real,
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0 or shutil.which("debootstrap") is None, reason="needs root and debootstrap"),
]
PROJECT = Path(__file__).parents[2]
MINUTES = 5


def build(folder: Path, *options: str) -> Path:
    """A package from these sources."""
    command = [sys.executable, str(PROJECT / "deploy/deb/build.py"), "--out", str(folder), *options]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Path(done.stdout.strip())


@pytest.fixture
def root(tmp_path: Path) -> Iterator[DebianRoot]:
    debian = DebianRoot(tmp_path / "debian")
    debian.path.mkdir()
    try:
        debian.make()
        yield debian
    finally:
        debian.close()


def test_from_the_package_to_a_reading_read_back_in_five_minutes(root: DebianRoot, field: Field) -> None:
    field.broker.start()
    field.collector.start()
    traffic = [{"speed_kmh": 43.0, "range_m": 9.0, "angle_deg": 0.0}]
    root.plug("usb-Silicon_Labs_CP2104_01A2B3C4-if00-port0", MODELS["plantower-pms5003"](lambda _: {"pm25_ugm3": 34.6}))
    root.plug("usb-FTDI_FT232R_USB_UART_A906QXYZ-if00-port0", MODELS["senseair-s8"](lambda _: {"co2_ppm": 612.0}))
    root.plug("usb-OmniPreSense_RADAR_4C0F-if00", MODELS["omnipresense-ops243a"](lambda _: traffic))
    root.stubs.start()
    deb = build(field.folder)

    began_s = time.monotonic()
    installed = root.install(deb)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    assert "Now: sudo lamppost agent setup" in installed.stdout

    person = Terminal(["chroot", str(root.path), "/usr/bin/lamppost", "agent", "setup"], {"LC_ALL": "C.UTF-8"})
    person.expect("[t/N]")
    person.type("n")
    person.expect("Name of this device")
    person.type("lp-0042")
    person.expect("Place")
    person.type("jianguo-rd-east")
    person.expect("Your name")
    person.type("Wang Lei")
    person.expect("Pole")
    person.type("pole 17, 3.5 m, north side")
    person.expect("Position")
    person.type("39.9087,116.4605")
    person.expect("Host")
    person.type("127.0.0.1")
    person.expect("Port")
    person.type(str(field.broker.port))
    person.expect("password?")
    person.type("n")
    person.expect("[U/a/p/q]", 90)
    person.type("u")
    if not synchronised():
        person.expect("[W/b]", 30)
        person.type("b")
    person.expect("there and back", 60)
    person.expect("sent to the city as record 1", 220)
    code = person.end()
    took_s = time.monotonic() - began_s
    print(person.seen)
    print(f"took {took_s:.0f} s")
    assert code == 0, person.seen
    assert took_s < MINUTES * 60
    for model in ("plantower-pms5003", "senseair-s8", "omnipresense-ops243a"):
        assert model in person.seen
    assert "NOT read back" not in person.seen

    shown = json.loads(field.office("stations", "show", "lp-0042", "--json").stdout)
    assert shown["installed"][0]["who"] == "Wang Lei"
    assert [sensor["name"] for sensor in shown["sensors"]] == ["air-1", "radar-1", "air-2"] or len(
        shown["sensors"]
    ) == 3

    again = root.run("/usr/bin/lamppost", "agent", "doctor", "--only", "config")
    assert again.returncode == 0, again.stdout


def test_settings_and_readings_survive_upgrade_and_downgrade_and_purge_leaves_nothing(
    root: DebianRoot, tmp_path: Path
) -> None:
    old, new = build(tmp_path), build(tmp_path, "--version", "0.9.0")
    before = _files(root.path)
    assert root.install(old).returncode == 0
    settings, spool = root.path / "etc/lamppost/agent.yaml", root.path / "var/lib/lamppost/spool.db"
    settings.write_text("node: lp-1\nsite: here\nsensors: [{name: a, profile: agd-315, port: /dev/a}]\n")
    spool.write_bytes(b"readings that wait")
    for deb, options in ((new, ()), (old, ("--allow-downgrades",))):
        done = root.install(deb, *options)
        assert done.returncode == 0, done.stdout + done.stderr
        assert settings.read_text().startswith("node: lp-1")
        assert spool.read_bytes() == b"readings that wait"
        assert root.run("/usr/bin/lamppost", "agent", "config", "check", "/etc/lamppost/agent.yaml").returncode == 0
    broken = root.path / "root/broken.deb"
    broken.write_bytes(_spoilt(new, tmp_path).read_bytes())
    back = root.run("lamppost", "agent", "update", "/root/broken.deb", "--before", f"/root/{old.name}", network=False)
    assert back.returncode == 1, back.stdout + back.stderr
    assert "the version before is back" in back.stdout
    assert root.run("lamppost", "agent", "config", "check", "/etc/lamppost/agent.yaml").returncode == 0
    assert root.run("apt-get", "remove", "-y", "lamppost", network=False).returncode == 0
    assert settings.exists()
    assert spool.exists()
    assert not (root.path / "opt/lamppost").exists()
    purged = root.run("apt-get", "purge", "-y", "lamppost", network=False)
    assert purged.returncode == 0, purged.stderr
    others = ("var/cache", "var/log", "root/", "var/lib/dpkg", "var/lib/apt")  # apt's, and the user database's copies
    left = {name for name in _files(root.path) - before if not name.startswith(others) and name[-1] != "-"}
    assert left == set()


def _spoilt(deb: Path, folder: Path) -> Path:
    """A package that fails when it is configured."""
    tree = folder / "spoilt"
    subprocess.run(["dpkg-deb", "-R", str(deb), str(tree)], check=True)
    (tree / "DEBIAN/postinst").write_text("#!/bin/sh\nexit 1\n")
    subprocess.run(["dpkg-deb", "-b", str(tree), str(folder / "spoilt.deb")], check=True, stdout=subprocess.DEVNULL)
    return folder / "spoilt.deb"


def _files(root: Path) -> set[str]:
    skipped = ("proc", "dev", "tmp", "sys", "run")
    found = set()
    for folder, folders, names in os.walk(root):
        if Path(folder) == root:
            folders[:] = [name for name in folders if name not in skipped]
        found |= {os.path.relpath(os.path.join(folder, name), root) for name in names}
    return found
