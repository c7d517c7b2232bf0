"""A backup of a collector: one archive of everything but a database server's readings, made while the collector works.

Each file lies in it under its own path, so that `tar -xzpf ARCHIVE -C /` puts all of them back. SQLite copies its files
itself, as they are at one moment; beside each lies an empty log, which takes the place of a log that is there: one of
another state of the file would be played into it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sqlite3
import tarfile
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from pydantic import BaseModel

from collector.config import Config, SqliteStore
from collector.files.sqlite_file import connect, unusable
from collector.identity.office import MOSQUITTO
from common.whole_file import sync_folder
from wire.exits import Exit, Failure, reason

ASIDE = ".lamppost-backup-"
LOG = "-wal"  # https://sqlite.org/wal.html: what was committed and is not in the file yet


class Contents(NamedTuple):
    """What belongs into a backup: files and folders to be copied as they are, and files that SQLite must copy."""

    plain: tuple[Path, ...]
    databases: tuple[Path, ...]


def contents(settings: Path, config: Config) -> Contents:
    """The settings, all that they name, the desk's file, and the broker's folder beside the authority's."""
    databases = {config.state_file, config.desk_file}
    if isinstance(config.store, SqliteStore):
        databases.add(config.store.path)
    plain = {settings, *_paths(config)} - databases
    if config.identities is not None:
        broker = config.identities.folder.parent / MOSQUITTO
        plain |= {broker} if broker.exists() else set()
    within = {path for path in plain if not plain.isdisjoint(path.parents)}
    return Contents(_absolute(plain - within), _absolute(databases))


def write(archive: Path, found: Contents) -> int:
    """Make the archive, for its owner alone; one of that name is replaced when the new one is whole.

    Returns how many files it holds. Raises Failure.
    """
    for path in (*found.plain, *found.databases):
        if not path.exists():
            text = f"{path}: it is not there, and the settings name it"
            raise Failure(Exit.CONFIGURATION, "file-missing", text, "correct the settings, or start the collector once")
    with whole_archive(archive) as tar:
        for path in found.plain:
            tar.add(path)
        for path in found.databases:
            _add_database(tar, path, archive.parent)
        return sum(member.isfile() for member in tar.getmembers()) - len(found.databases)


@contextmanager
def whole_archive(archive: Path) -> Iterator[tarfile.TarFile]:
    """An archive for its owner alone, which bears its name when it is whole and on the disk. Raises Failure."""
    try:
        with _aside(archive.parent) as folder:
            part = folder / "archive"
            part.touch(0o600)  # as it stays
            with tarfile.open(part, "w:gz", dereference=True) as tar:
                yield tar
            with part.open("rb") as written:
                os.fsync(written.fileno())
            part.replace(archive)
        sync_folder(archive.parent)
    except OSError as error:
        where = error.filename or archive
        cure = "run it as one who may read all that the settings name (sudo), into a folder with room"
        raise Failure(Exit.NOT_PERMITTED, "archive-failed", f"{where}: {reason(error)}", cure) from error


@contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """A place in this folder for its owner alone, which goes in the end; what others left goes first. Raises OSError.

    Who is killed leaves as much as all the files are large. It is taken away by one that is alone there: all hold the
    folder locked together, where a file system has locks.
    """
    lock = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in folder.glob(f"{ASIDE}*"):
                shutil.rmtree(left)
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_SH)
        with TemporaryDirectory(prefix=ASIDE, dir=folder) as place:
            yield Path(place)
    finally:
        os.close(lock)


def add_file(tar: tarfile.TarFile, path: Path, content: bytes) -> None:
    """A file that is not on this disk, under its path and for its owner alone."""
    member = tarfile.TarInfo(str(path).lstrip("/"))
    member.mode, member.size, member.mtime = 0o600, len(content), time.time()
    tar.addfile(member, BytesIO(content))


def _add_database(tar: tarfile.TarFile, path: Path, aside: Path) -> None:
    """Put a file as it is at this moment, and an empty log, under its path. Whoever writes goes on meanwhile."""
    copy = Path(str(tar.name)).with_name("copy")
    try:
        with closing(connect(path, "ro")) as db:
            db.execute("VACUUM INTO ?", (str(copy),))
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:  # what is written is the copy
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(aside)) from error
        raise unusable(path, error) from error
    member = tar.gettarinfo(path)
    member.size = copy.stat().st_size
    with copy.open("rb") as file:
        tar.addfile(member, file)
    copy.unlink()
    log = tar.gettarinfo(path, arcname=f"{path}{LOG}")
    log.size = 0
    tar.addfile(log, BytesIO())


def _absolute(paths: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(sorted(path.absolute() for path in paths))


def _paths(value: object) -> Iterator[Path]:
    """Every path in settings, however deep."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, BaseModel):
        for _, each in value:
            yield from _paths(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _paths(each)
