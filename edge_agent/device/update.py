"""A new version, and back to the one before by itself when it does not do as well.

    packages/current.deb     what is installed, once this way has been gone
    packages/previous.deb    what was before it

Everything is imported before the new version takes the files' place: this is the old program until the end.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from edge_agent.device.service import NAME
from wire.both import Both, same, zh
from wire.exits import Exit, Failure

FOLDER = Path("/var/lib/lamppost/packages")
BEFORE = FOLDER / "back.deb"
"""The version before, as long as nobody has judged the new one."""
WELL_S = 120.0
LOOK_EVERY_S = 2.0
APT = (
    "apt-get",
    "install",
    "-y",
    "--no-install-recommends",
    "--allow-downgrades",
    "-o",
    "Dpkg::Options::=--force-confold",
)

HOW_WELL = {
    "ready": ["lamppost", "agent", "ready"],
    "running": ["systemctl", "is-active", "--quiet", NAME],
}
"""What is asked of an agent, the most first: one with a sensor away is not ready, and still has to run."""

_WAS = {"ready": Both("ready", "已就绪"), "running": Both("running", "在运行")}

Run = Callable[[list[str]], int]


def update(
    deb: Path,
    before: Path | None,
    say: Callable[[str], None],
    run: Run | None = None,
    sleep: Callable[[float], None] = time.sleep,
    folder: Path = FOLDER,
) -> bool:
    """Install `deb`; True when it is well, False when the version before was put back.

    Well means: the package was configured, and within `WELL_S` the agent is ready again, or running, as it was before.
    Raises Failure when there is nothing to go back to, or when the way back fails too.
    """
    run = run or partial(_run, say)
    current = folder / "current.deb"
    known = before or (current if current.exists() else None)
    if known is None:
        text = Both("there is no copy of the installed version to go back to", "没有已装版本的安装包，无法退回")
        cure = Both("name its package with --before FILE", "用 --before FILE 指定它的安装包")
        raise Failure(Exit.USAGE, "no-way-back", text, cure)
    back, new = _copies(folder, known, deb)
    before_it = next((state for state, question in HOW_WELL.items() if run(question) == 0), None)
    say(Both(f"installing {deb.name}", f"正在安装 {deb.name}"))
    reason = Both("the package could not be installed", "安装包装不上") if run([*APT, str(new)]) != 0 else None
    was = _WAS.get(before_it or "", same(""))
    if reason is None and before_it is not None and not _becomes(HOW_WELL[before_it], run, sleep):
        reason = Both(
            f"the agent was {was} before, and is not within {WELL_S:g} s",
            f"采集程序原来{zh(was)}，{WELL_S:g} 秒内没有恢复",
        )
    if reason is None:
        back.replace(folder / "previous.deb")
        new.replace(current)
        well = Both("installed; no agent ran before, so none is missed", "已安装；原来没有运行采集程序，不用等它")
        say(Both(f"well: the agent is {was}", f"正常：采集程序{zh(was)}") if before_it else well)
        return True
    say(Both(f"{reason}: going back", f"{zh(reason)}：正在退回"))
    if run([*APT, str(back)]) != 0:
        text = Both(f"{back} could not be installed again either", f"{back} 也装不回去")
        raise Failure(
            Exit.CONFIGURATION, "no-way-back", text, "sudo dpkg --configure -a; sudo apt install " + str(back)
        )
    back.replace(current)
    new.unlink()
    say(Both("the version before is back", "已退回上一个版本"))
    return False


def _copies(folder: Path, known: Path, deb: Path) -> tuple[Path, Path]:
    """Both packages beside each other, where nobody takes them away; or none: a disk full of them takes no readings."""
    back, new = folder / BEFORE.name, folder / "new.deb"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(known, back)
        shutil.copyfile(deb, new)
    except OSError:
        for copy in (back, new):
            copy.unlink(missing_ok=True)
        raise
    return back, new


def _becomes(question: list[str], run: Run, sleep: Callable[[float], None]) -> bool:
    for _ in range(round(WELL_S / LOOK_EVERY_S)):
        sleep(LOOK_EVERY_S)
        if run(question) == 0:
            return True
    return False


def _run(say: Callable[[str], None], command: list[str]) -> int:
    """Run a program and pass on what it says: apt calls it a failure when the terminal that it writes to is gone."""
    try:
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace"
        ) as program:
            assert program.stdout is not None
            for line in program.stdout:
                say(line.rstrip("\n"))
    except FileNotFoundError:
        return 127
    return program.returncode
