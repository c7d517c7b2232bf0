"""Runs and where they are kept: one folder each, `last` found by name; the newest few stay."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from wire.exits import Exit, Failure

KEPT: Final = 20
IN_RAM: Final = Path("/dev/shm")
SCRATCH: Final = "lamppost-run-"


def home() -> Path:
    """The folder of all runs: $LAMPPOST_SIM_HOME, or below the user's state folder."""
    chosen = os.environ.get("LAMPPOST_SIM_HOME")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "lamppost" / "sim"


def new(name: str, seed: int) -> Path:
    """A folder for a run; the oldest beyond the newest few go. Raises Failure when it cannot be made."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    for number in range(100):
        folder = home() / f"{stamp}-{name}-{seed}{f'-{number}' if number else ''}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            text = f"{home()} cannot be written: {error.strerror}"
            raise Failure(Exit.NOT_PERMITTED, "folder-read-only", text, "name another in LAMPPOST_SIM_HOME") from error
        for old in listed()[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        return folder
    raise Failure(Exit.NOT_PERMITTED, "folder-busy", f"{home()}: a hundred runs within this second")


def listed() -> list[Path]:
    """All runs, oldest first."""
    with suppress(OSError):
        return sorted(path for path in home().iterdir() if path.is_dir() and not path.is_symlink())
    return []


def find(name: str) -> Path:
    """A run by its name, a path to its folder, or `last`. Raises Failure."""
    if Path(name).is_dir():
        return Path(name)
    known = listed()
    if name == "last" and known:
        return known[-1]
    for folder in known:
        if folder.name == name:
            return folder
    cure = "lamppost sim list --runs" if known else "lamppost sim run SCENARIO"
    raise Failure(Exit.USAGE, "run-unknown", f"no run {name!r} in {home()}", cure)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder in RAM where there is one: on simulated time every commit would wait for a real disk.

    What killed runs have left there goes: nobody holds it any more.
    """
    where = IN_RAM if IN_RAM.is_dir() else Path(tempfile.gettempdir())
    for old in where.glob(f"{SCRATCH}*"):
        with suppress(OSError), _held(old):
            shutil.rmtree(old, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix="lamppost-new-", dir=where))
    with _held(made):
        folder = made.rename(where / made.name.replace("lamppost-new-", SCRATCH))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """The folder is held, until the end or the death of this program. Raises OSError when another holds it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
