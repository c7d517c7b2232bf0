"""One JSON object on stdout; exit code 0 when the promise was kept.

python -m tests.chaos --kills N --readings N --seed S [--workers N]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Protocol

from tests.chaos.storm import Storm
from tests.proof import begun


class Run(Protocol):
    """What is run once, in a folder, from a seed."""

    def __call__(self, folder: Path, kills: int, readings: int, seed: int, workers: int) -> Runs: ...


class Runs(Protocol):
    """It gives its one JSON object."""

    def run(self) -> dict[str, Any]: ...


def command(make: Run, about: str) -> int:
    """The command line of a storm; 0 when the promise was kept."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10, help="kill -9 of each of those that are killed")
    parser.add_argument("--readings", type=int, default=50_000, help="how many are accepted meanwhile, at least")
    parser.add_argument(
        "--workers", type=int, default=1, help="of each collector; with two or more they are killed too"
    )
    parser.add_argument("--keep", type=Path, help="a folder for logs and files; a temporary one when not given")
    asked = begun(parser)
    with tempfile.TemporaryDirectory(prefix="lamppost-chaos-") as temporary:
        folder = asked.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        said = make(folder, asked.kills, asked.readings, asked.seed, asked.workers).run()
    print(json.dumps(said))
    return int(bool(said["lost"] or said["doubled"] or said["stuck"]))


if __name__ == "__main__":
    sys.exit(command(Storm, __doc__ or ""))
