"""Where a spool may lie: on a disk, in a folder that this process may write."""

from __future__ import annotations

import os
from pathlib import Path

from common.owner import InUse, Owner
from edge_agent.spool.file import SpoolError
from wire.exits import Exit, Failure

MOUNTS = Path("/proc/self/mounts")


def own(path: Path) -> Owner:
    """Hold the spool at `path` for this process alone. Raises SpoolError when another has it."""
    try:
        return Owner(path)
    except InUse as error:
        raise SpoolError(f"{error}. Cure: sudo systemctl stop lamppost-agent") from error
    except OSError as error:
        raise SpoolError(f"{path}: {error.strerror}. Cure: check the folder's owner") from error


def check(path: Path, allow_tmpfs: bool) -> None:
    """Raises Failure when an agent could not keep its promise there. Nothing is made or opened."""
    if not allow_tmpfs and on_tmpfs(path):
        cure = "put spool.path on a disk, or set spool.allow_tmpfs for a demonstration"
        text = f"spool.path {path} is on a RAM disk, which keeps no promise"
        raise Failure(Exit.CONFIGURATION, "spool-in-ram", text, cure)
    folder = nearest_folder(path)
    if os.path.isdir(path) or not os.path.isdir(folder):
        text = f"spool.path {path}: " + ("is a folder" if os.path.isdir(path) else f"{folder} is no folder")
        raise Failure(Exit.CONFIGURATION, "spool-impossible", text, "name a file, such as /var/lib/lamppost/spool.db")
    if is_read_only(folder):
        text, cure = (
            f"spool.path {path}: the disk is read-only",
            "is the card failing? lamppost agent doctor --only disk",
        )
        raise Failure(Exit.NOT_PERMITTED, "spool-not-permitted", text, cure)
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        text = f"spool.path {path} may not be written by this user"
        raise Failure(Exit.NOT_PERMITTED, "spool-not-permitted", text, f"give {folder} to the agent's user")


def on_tmpfs(path: Path) -> bool:
    """True when `path` lies on a file system that lives in RAM, or leads by a link to where things are cleared away."""
    folder = nearest_folder(path)
    if folder.absolute() != folder.resolve() and folder.resolve().is_relative_to("/tmp"):
        return True
    return _mounted(folder)[0] in ("tmpfs", "ramfs")


def is_read_only(folder: Path) -> bool:
    """True when nothing can be written there. Of ext4 after an error, newer kernels (6.18) tell it in a word."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY) or "emergency_ro" in _mounted(folder)[1]


def _mounted(folder: Path) -> tuple[str, list[str]]:
    """The kind of the file system of a folder, and how it is mounted."""
    best, found = "", ("", [""])
    for line in MOUNTS.read_text(encoding="utf-8").splitlines():
        _, mount, kind, options = line.split()[:4]
        if folder.resolve().is_relative_to(mount) and len(mount) >= len(best):
            best, found = mount, (kind, options.split(","))
    return found


def nearest_folder(path: Path) -> Path:
    """The folder nearest above `path` that is there."""
    folder = path.parent
    while not os.path.lexists(folder):
        folder = folder.parent
    return folder
