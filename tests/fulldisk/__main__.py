"""`python -m tests.fulldisk --cycles N --seed S`: one JSON object; exit code 0 when the account is exact."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.fulldisk.cycles import Cycles
from tests.proof import Impossible, begun, skipped


def main() -> int:
    """Fill, free, account."""
    parser = argparse.ArgumentParser(prog="python -m tests.fulldisk", description=__doc__)
    parser.add_argument("--cycles", type=int, default=20)
    asked = begun(parser)
    with tempfile.TemporaryDirectory(prefix="lamppost-fulldisk-") as folder:
        try:
            said = Cycles(Path(folder), asked.cycles, asked.seed).run()
        except Impossible as error:
            return skipped(asked, error)
    print(json.dumps(said))
    return int(bool(said["lost"] or said["doubled"] or said["stuck"] or said["unexplained"]))


if __name__ == "__main__":
    sys.exit(main())
