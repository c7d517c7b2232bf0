"""`python -m tests.overflow --agents 50 --pause 60 --seed S`: one JSON object; 0 when nothing was lost."""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path

from tests.overflow.overflow import Overflow
from tests.remains import end_with_us


def main() -> int:
    """One pause."""
    parser = argparse.ArgumentParser(prog="python -m tests.overflow", description=__doc__)
    parser.add_argument("--agents", type=int, default=50)
    parser.add_argument("--pause", type=int, default=60, help="for how many seconds the collector stands still")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    asked = parser.parse_args()
    print(f"seed {asked.seed}", file=sys.stderr)
    end_with_us()
    with tempfile.TemporaryDirectory(prefix="lamppost-overflow-") as folder:
        said = Overflow(Path(folder), asked.agents, asked.pause, asked.seed).run()
    print(json.dumps(said))
    return int(bool(said["lost"] or said["doubled"] or said["stuck"] or said["resent"] <= asked.agents))


if __name__ == "__main__":
    sys.exit(main())
