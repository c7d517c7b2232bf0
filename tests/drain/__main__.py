"""`python -m tests.drain --days N --seed S`: one JSON object; 0 when it drains fast enough and live data stays live."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.drain.drain import SEAL_S, Drain
from tests.proof import begun

TIMES_REAL_TIME = 50
LIVE_S, URGENT_S = SEAL_S + 1.0, 1.0


def main() -> int:
    """One drain."""
    parser = argparse.ArgumentParser(prog="python -m tests.drain", description=__doc__)
    parser.add_argument("--days", type=float, default=7.0)
    asked = begun(parser)
    with tempfile.TemporaryDirectory(prefix="lamppost-drain-") as folder:
        said = Drain(Path(folder), round(asked.days * 86_400), asked.seed).run()
    print(json.dumps(said))
    kept = not (said["lost"] or said["doubled"] or said["stuck"])
    live = said["live_p99_s"] is not None and said["live_p99_s"] <= LIVE_S
    urgent = said["urgent_p99_s"] is None or said["urgent_p99_s"] <= URGENT_S
    return int(not (kept and live and urgent and said["times_real_time"] >= TIMES_REAL_TIME))


if __name__ == "__main__":
    sys.exit(main())
