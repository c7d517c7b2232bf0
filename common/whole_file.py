"""A file that is replaced whole: whoever opens it finds the old one or the new, also after a power cut.

It is written aside, synced and renamed; a name is durable only once its folder is synced too (rule R1).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600
PUBLIC: Final = 0o644


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A place beside `path` to write to: it becomes `path` when the block ends well, and goes when it does not."""
    aside = path.with_name(path.name + ".new")
    aside.unlink(missing_ok=True)
    try:
        yield aside
        with aside.open("rb") as written:
            os.fsync(written.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)  # left by root on a full disk it would keep others out


def write_whole(path: Path, content: bytes, mode: int | None = None, like: Path | None = None) -> None:
    """Replace a file by this content; durable when it returns. Raises OSError, which names the file.

    Mode, unless it is given, and owner stay as they were, or are those of `like`. Who may not read it in the end may at
    no moment.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as aside:
            _write(aside, content, mode, like or path)
        sync_folder(path.parent)
    except OSError as error:
        error.filename = str(path)  # of a write or a sync it would be nameless
        raise


def sync_folder(folder: Path) -> None:
    """Write the names in a folder to the disk. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write(path: Path, content: bytes, mode: int | None, like: Path) -> None:
    before = like.stat() if like.exists() else None
    if mode is None and before is not None:
        mode = before.st_mode & 0o7777
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else mode)
    with os.fdopen(handle, "wb") as file:
        if mode is not None:
            os.fchmod(handle, mode)
        if before is not None:
            with suppress(PermissionError):  # root changes what the agent, the collector and the broker read
                os.fchown(handle, before.st_uid, before.st_gid)
        file.write(content)
