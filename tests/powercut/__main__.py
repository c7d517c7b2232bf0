"""`python -m tests.powercut --cuts N`: one JSON object; exit code 0 when nothing was lost and the control lost."""

from __future__ import annotations

import argparse
import json
import random
import sys
from typing import Any

from tests.powercut.rig import Rig
from tests.proof import Impossible, begun, skipped

CONTROL_SHARE = 10
CONTROL_LOSES = 0.8


def main() -> int:
    """Cut, compare, say."""
    parser = argparse.ArgumentParser(prog="python -m tests.powercut", description=__doc__)
    parser.add_argument("--cuts", type=int, default=40)
    asked = begun(parser)
    try:
        said = measure(asked.cuts, asked.seed)
    except Impossible as error:
        return skipped(asked, error)
    print(json.dumps(said))
    bad = said["lost"] or said["doubled"] or said["stuck"]
    return int(bool(bad) or said["control_losing"] < CONTROL_LOSES * said["control_cuts"])


def measure(cuts: int, seed: int) -> dict[str, Any]:
    """The figures of `cuts` cuts, and of a tenth as many with synchronous=NORMAL. Raises Impossible.

    `stored` counts what the spool has after the cut; `stuck` the spools that needed a repair or did not open.
    """
    rng = random.Random(seed)
    with Rig() as rig:
        found = rig.cuts(cuts, rng)
        control = rig.cuts(max(5, cuts // CONTROL_SHARE), rng, normal=True)
    return {
        "seed": seed,
        "kills": {"power": len(found)},
        "accepted": sum(cut.accepted for cut in found),
        "stored": sum(cut.kept for cut in found),
        "quarantined": 0,
        "gaps": 0,
        "lost": sum(cut.lost for cut in found),
        "doubled": sum(cut.doubled for cut in found),
        "stuck": sum(not cut.intact for cut in found),
        "control_cuts": len(control),
        "control_losing": sum(cut.lost > 0 for cut in control),
        "control_lost": sum(cut.lost for cut in control),
    }


if __name__ == "__main__":
    sys.exit(main())
