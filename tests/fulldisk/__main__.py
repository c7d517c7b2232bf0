"""`python -m tests.fulldisk --cycles N --seed S`: one JSON object; exit code 0 when the account is exact."""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path

from tests.fulldisk.cycles import Cycles
from tests.powercut.rig import Impossible
from tests.remains import end_with_us


def main() -> int:
    """Fill, free, account."""
    parser = argparse.ArgumentParser(prog="python -m tests.fulldisk", description=__doc__)
    parser.add_argument("--cycles", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    asked = parser.parse_args()
    print(f"seed {asked.seed}", file=sys.stderr)
    end_with_us()
    with tempfile.TemporaryDirectory(prefix="lamppost-fulldisk-") as folder:
        try:
            said = Cycles(Path(folder), asked.cycles, asked.seed).run()
        except Impossible as error:
            print(f"SKIPPED: {error}", file=sys.stderr)
            print(json.dumps({"seed": asked.seed, "skipped": str(error)}))
            return 0
    print(json.dumps(said))
    return int(bool(said["lost"] or said["doubled"] or said["stuck"] or said["unexplained"]))


if __name__ == "__main__":
    sys.exit(main())
