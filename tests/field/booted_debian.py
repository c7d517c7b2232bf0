"""A Debian that is booted: its own systemd runs the units, with what their sandbox, watchdog and limits do."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.field.debian_root import DebianRoot
from tests.servers import wait_for

PARTS = ("systemd", "systemd-sysv", "dbus")
BOOT_S = 60.0


class BootedDebian:
    """A `DebianRoot` with a pid 1 of its own and the host's network; `run` is a root shell in it.

    `ports` are names in it and the devices they are here. Needs root and systemd-container.
    """

    def __init__(self, root: DebianRoot, ports: Mapping[str, str]) -> None:
        root.unmount()
        beside_systemd = ["--register=no"] if Path("/run/systemd/system").exists() else ["--register=no", "--keep-unit"]
        binds = [f"--bind={device}:{name}" for name, device in ports.items()]
        command = ["systemd-nspawn", "-q", *beside_systemd, *binds, "--console=pipe", "--boot", "-D", str(root.path)]
        self._nspawn = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for("the machine to be booted", self._is_up, BOOT_S)

    def run(self, *command: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """A command of root's. Raises TimeoutExpired where it does not end."""
        enter = ["nsenter", "--target", self._init(), "--mount", "--uts", "--ipc", "--pid", "--root", "--wd"]
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
        return subprocess.run(
            [*enter, *command], capture_output=True, text=True, timeout=timeout_s, check=False, env=env
        )

    def unit(self, name: str, of: str) -> str:
        """One property of a unit, as `systemctl show` tells it."""
        return self.run("systemctl", "show", "--value", "-p", of, name).stdout.strip()

    def close(self) -> None:
        """Pull the plug."""
        self._nspawn.terminate()
        self._nspawn.wait(BOOT_S)

    def _init(self) -> str:
        pid = self._nspawn.pid
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[-1]

    def _is_up(self) -> bool:
        assert self._nspawn.poll() is None, "systemd-nspawn has ended"
        try:
            return self.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded")
        except IndexError:
            return False
