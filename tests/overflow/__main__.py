"""`python -m tests.overflow --agents 50 --pause 60 --seed S`: one JSON object; 0 when nothing was lost."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.overflow.overflow import Overflow
from tests.proof import begun


def main() -> int:
    """One pause."""
    parser = argparse.ArgumentParser(prog="python -m tests.overflow", description=__doc__)
    parser.add_argument("--agents", type=int, default=50)
    parser.add_argument("--pause", type=int, default=60, help="for how many seconds the collector stands still")
    asked = begun(parser)
    with tempfile.TemporaryDirectory(prefix="lamppost-overflow-") as folder:
        said = Overflow(Path(folder), asked.agents, asked.pause, asked.seed).run()
    print(json.dumps(said))
    return int(bool(said["lost"] or said["doubled"] or said["stuck"] or said["resent"] <= asked.agents))


if __name__ == "__main__":
    sys.exit(main())
