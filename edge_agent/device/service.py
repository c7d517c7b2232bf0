"""The agent as a systemd service: what is written, what is run, and how all of it goes away again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from edge_agent.commands.options import DEFAULT_CONFIG
from wire.both import Both
from wire.exits import WITH_SUDO, Exit, Failure

NAME = "lamppost-agent"
UNIT = Path("/etc/systemd/system/lamppost-agent.service")
PACKAGED = Path("/usr/lib/systemd/system/lamppost-agent.service")
USER = "lamppost"
MODULES = Path("/etc/modules-load.d/lamppost.conf")
MODULES_TEXT = "# Serial adapters, known to the kernel before one is plugged in.\nusbserial\ncdc_acm\n"
NO_SYSTEMD = Both("no systemd runs here", "这里没有运行 systemd")
TEMPLATE = Path(__file__).with_name("lamppost-agent.service")


def systemd_runs() -> bool:
    """True when systemd is what started this machine."""
    return Path("/run/systemd/system").exists() and shutil.which("systemctl") is not None


def is_active() -> bool:
    """True when the service runs now."""
    return systemd_runs() and _call(["systemctl", "is-active", "--quiet", NAME]) == 0


def unit_text(config: Path, program: str) -> str:
    """The unit file for one settings file and one installation."""
    return TEMPLATE.read_text(encoding="utf-8").replace("@PROGRAM@", program).replace("@CONFIG@", str(config))


def install(config: Path, say: Callable[[str], None], root: Path = Path("/")) -> None:
    """Write the unit unless a package brought it, make the user, start. Says each thing it does."""
    _want_root(root)
    unit = root / str(UNIT).lstrip("/")
    commands = [["adduser", "--system", "--group", "--home", "/var/lib/lamppost", "--no-create-home", USER]]
    commands += [["adduser", USER, "dialout"]]
    packaged = (root / str(PACKAGED).lstrip("/")).exists()
    if packaged and config != DEFAULT_CONFIG:
        text = Both(
            f"the package's service reads {DEFAULT_CONFIG}, not {config}",
            f"软件包的服务读取 {DEFAULT_CONFIG}，不是 {config}",
        )
        raise Failure(Exit.CONFIGURATION, "other-settings", text, Both("put the settings there", "请把配置放到那里"))
    if not packaged:
        say(_write(unit))
        unit.parent.mkdir(parents=True, exist_ok=True)
        unit.write_text(unit_text(config, program()), encoding="utf-8")
        modules = root / str(MODULES).lstrip("/")
        say(_write(modules))
        modules.parent.mkdir(parents=True, exist_ok=True)
        modules.write_text(MODULES_TEXT, encoding="utf-8")
        for command in commands:
            say(_running(command))
            _run(command, root)
    for command in (["systemctl", "daemon-reload"], ["systemctl", "enable", "--now", NAME]):
        say(_running(command))
        _run(command, root)


def uninstall(say: Callable[[str], None], root: Path = Path("/"), purge: bool = False) -> None:
    """Stop it and remove what `install` made; with `purge` its settings, readings and user too. Nothing is left."""
    from edge_agent.doctor.fixes import WRITTEN

    _want_root(root)
    command = ["systemctl", "disable", "--now", NAME]
    say(_running(command))
    _run(command, root)
    unit = root / str(UNIT).lstrip("/")
    places = [
        unit,
        root / str(MODULES).lstrip("/"),
        *(root / file for file in WRITTEN),
    ]
    shared = (root / "etc/lamppost/collector.yaml").exists()
    if purge:
        places += [root / "run/lamppost", root / "etc/credstore/lamppost.broker"]
        places += [] if shared else [root / "etc/lamppost", root / "var/lib/lamppost"]
    for place in places:
        if place.exists():
            say(Both(f"remove {place}", f"删除 {place}"))
            shutil.rmtree(place) if place.is_dir() else place.unlink()
    if purge and shared:
        stays = Both(
            "a collector lives here: /etc/lamppost, /var/lib/lamppost and the user stay, with what was the agent's",
            "本机还有采集器：/etc/lamppost、/var/lib/lamppost 和用户都保留，包括采集程序留下的文件",
        )
        say(stays)
    elif purge:
        say(_running(["deluser", "--system", USER]))
        _run(["deluser", "--system", "--quiet", USER], root)
    _run(["systemctl", "daemon-reload"], root)


def program() -> str:
    """The command by its full path, as it was called now."""
    beside = Path(sys.executable).with_name("lamppost")
    return str(beside) if beside.exists() else shutil.which("lamppost") or "/opt/lamppost/bin/lamppost"


def _write(file: Path) -> Both:
    return Both(f"write {file}", f"写入 {file}")


def _running(command: list[str]) -> Both:
    return Both(f"run {' '.join(command)}", f"执行 {' '.join(command)}")


def _want_root(root: Path) -> None:
    import os

    if root == Path("/") and os.geteuid() != 0:
        raise Failure(
            Exit.NOT_PERMITTED, "not-root", Both("a service is the system's", "安装服务需要系统权限"), WITH_SUDO
        )
    if root == Path("/") and not systemd_runs():
        by_hand = Both("lamppost agent run, by your own means", "自行运行 lamppost agent run")
        raise Failure(Exit.CONFIGURATION, "no-systemd", NO_SYSTEMD, by_hand)


def _run(command: list[str], root: Path) -> None:
    if root == Path("/"):
        code = _call(command)
        if code != 0:
            text = Both(f"{' '.join(command)} ended with {code}", f"{' '.join(command)} 以 {code} 结束")
            raise Failure(Exit.NOT_PERMITTED, "command-failed", text, f"journalctl -u {NAME} -n 20")


def _call(command: list[str]) -> int:
    try:
        return subprocess.run(command, timeout=90, check=False).returncode
    except FileNotFoundError:
        return 127
