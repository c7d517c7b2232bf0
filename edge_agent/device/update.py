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
        text = "there is no copy of the installed version to go back to"
        raise Failure(Exit.USAGE, "no-way-back", text, "name its package with --before FILE")
    back, new = _copies(folder, known, deb)
    before_it = next((state for state, question in HOW_WELL.items() if run(question) == 0), None)
    say(f"installing {deb.name}")
    reason = "the package could not be installed" if run([*APT, str(new)]) != 0 else None
    if reason is None and before_it is not None and not _becomes(HOW_WELL[before_it], run, sleep):
        reason = f"the agent was {before_it} before, and is not within {WELL_S:g} s"
    if reason is None:
        back.replace(folder / "previous.deb")
        new.replace(current)
        say(f"well: the agent is {before_it}" if before_it else "installed; no agent ran before, so none is missed")
        return True
    say(f"{reason}: going back")
    if run([*APT, str(back)]) != 0:
        text = f"{back} could not be installed again either"
        raise Failure(
            Exit.CONFIGURATION, "no-way-back", text, "sudo dpkg --configure -a; sudo apt install " + str(back)
        )
    back.replace(current)
    new.unlink()
    say("the version before is back")
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
