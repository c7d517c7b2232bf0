"""Collectors by fork: a process that has imported everything and begins a new collector at each line it reads.

A collector that is killed a thousand times would else spend its lives importing. Each child is a process of its own,
with files, threads and connections of its own; only its listening second for other collectors is cut short.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path

import collector.collector as room
import collector.standby as standby
import collector.stores.influx1
import collector.stores.sqlite
from collector.cli import load_settings

LISTEN_S = 0.05


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
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            live(settings)
        print(child, flush=True)


if __name__ == "__main__":
    main()
