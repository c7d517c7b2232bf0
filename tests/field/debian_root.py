"""A fresh Debian in a folder, with ports that are stubs: what a technician finds on a new board, minus the board."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from firmware_stubs.pty import StubHost
from firmware_stubs.stub import Stub

SUITE = "bookworm"
DIALOUT = 20


class DebianRoot:
    """The folder; `run` is a root shell in it. Needs root and debootstrap."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stubs = StubHost(links=self._by_id())
        self._mounted: list[Path] = []

    def _by_id(self) -> Path:
        return self.path / "dev/serial/by-id"

    def make(self, *more: str) -> None:
        """Debian's own minimal system with what the package depends on. A ready one may be named by DEBIAN_ROOT."""
        ready = os.environ.get("DEBIAN_ROOT")
        if ready is not None:
            subprocess.run(["cp", "-a", ready + "/.", str(self.path)], check=True)
        else:
            wanted = "--include=" + ",".join(("python3", "adduser", "ca-certificates", "procps", *more))
            command = ["debootstrap", "--variant=minbase", wanted, SUITE, str(self.path)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        for kind, place in (("--bind", "dev/pts"), ("proc", "proc")):
            target = self.path / place
            target.mkdir(parents=True, exist_ok=True)
            command = ["mount", "--bind", "/dev/pts"] if kind == "--bind" else ["mount", "-t", "proc", "proc"]
            subprocess.run([*command, str(target)], check=True)
            self._mounted.append(target)
        self._by_id().mkdir(parents=True)

    def plug(self, name: str, stub: Stub) -> str:
        """A sensor on an adapter; returns the device, which is the group dialout's, as udev makes it."""
        link = self.stubs.add(name, stub)
        device = os.path.realpath(link)
        os.chown(device, 0, DIALOUT)
        os.chmod(device, 0o660)
        return device

    def run(self, *command: str, network: bool = True) -> subprocess.CompletedProcess[str]:
        """A command of root's; without the network when so wanted."""
        alone = [] if network else ["unshare", "--net"]
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
        whole = [*alone, "chroot", str(self.path), *command]
        return subprocess.run(
            whole, capture_output=True, text=True, errors="replace", timeout=300, check=False, env=env
        )

    def install(self, deb: Path, *options: str) -> subprocess.CompletedProcess[str]:
        """`apt install ./lamppost.deb`, without any network."""
        shutil.copy(deb, self.path / "root" / deb.name)
        words = ("apt-get", "install", "-y", "--no-install-recommends", *options, f"/root/{deb.name}")
        return self.run(*words, network=False)

    def close(self) -> None:
        """Unplug and unmount; the folder can then be removed."""
        self.stubs.stop()
        self.unmount()

    def unmount(self) -> None:
        """What the host lent it goes: one that is booted has its own."""
        while self._mounted:
            subprocess.run(["umount", str(self._mounted.pop())], check=False)
