"""Collectors by fork: a process that has imported everything and begins a new collector at each line it reads.

A collector that is killed a thousand times would else spend its lives importing. Each child is a process of its own,
with files, threads and connections of its own; only its listening second for other collectors is cut short.

Each notes in three bytes of a file, which outlive it, what it is doing, so that whoever kills it can say what it hit.
"""

from __future__ import annotations

import logging
import mmap
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import collector.collector as room
import collector.standby.standby as standby
import collector.stores.influx1
import collector.stores.sqlite
from collector.alerts.alerting import Alerting
from collector.alerts.book import Book
from collector.commands.options import load_settings
from collector.notify.webhook import Webhook

LISTEN_S = 0.05
CAUGHT_UP, COMMITTING, POSTING = range(3)
DOING_FILE = "doing"


def doing(folder: Path) -> str:
    """What the life that ended last was at."""
    noted = (folder / DOING_FILE).read_bytes()
    if noted[POSTING]:
        return "posting"
    if noted[COMMITTING]:
        return "committing"
    return "working" if noted[CAUGHT_UP] else "starting"


def note_what_it_does(folder: Path) -> mmap.mmap:
    """Have every child note it; returns what a new life must wipe."""
    file = folder / DOING_FILE
    file.write_bytes(bytes(3))
    with file.open("r+b") as opened:
        notes = mmap.mmap(opened.fileno(), 3)
    commit, send, catch_up = Book.commit, Webhook.send, Alerting._catch_up

    @contextmanager
    def noted_commit(self: Book) -> Iterator[None]:
        notes[COMMITTING] += 1
        try:
            with commit(self):
                yield
        finally:
            notes[COMMITTING] -= 1

    def noted_send(self: Webhook, *given: Any) -> Any:
        notes[POSTING] = 1
        try:
            return send(self, *given)
        finally:
            notes[POSTING] = 0

    def noted_catch_up(self: Alerting, *given: Any) -> bool:
        done = catch_up(self, *given)
        notes[CAUGHT_UP] = int(done)
        return done

    patched: list[tuple[type, str, Callable[..., Any]]] = [
        (Book, "commit", noted_commit), (Webhook, "send", noted_send), (Alerting, "_catch_up", noted_catch_up)
    ]  # fmt: skip
    for kind, name, noted in patched:
        setattr(kind, name, noted)
    return notes


def live(settings: Path) -> None:
    """A collector's life, until it is killed."""
    standby.LISTEN_S = LISTEN_S
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    life = room.Collector(load_settings(settings))
    life.start()
    signal.pause()


def main() -> None:
    """Print the process id of each child."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead need nobody
    settings = Path(sys.argv[1])
    notes = note_what_it_does(settings.parent)
    for _ in sys.stdin:
        notes[:] = bytes(3)
        child = os.fork()
        if not child:
            live(settings)
        print(child, flush=True)


if __name__ == "__main__":
    main()
