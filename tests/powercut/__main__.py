"""`python -m tests.powercut --cuts N`: one JSON object; exit code 0 when nothing was lost and the control lost."""

from __future__ import annotations

import argparse
import json
import random
import sys

from tests.powercut.rig import Impossible, Rig

CONTROL_SHARE = 10
CONTROL_LOSES = 0.8


def main() -> int:
    """Cut, compare, say."""
    parser = argparse.ArgumentParser(prog="python -m tests.powercut", description=__doc__)
    parser.add_argument("--cuts", type=int, default=40)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    asked = parser.parse_args()
    print(f"seed {asked.seed}", file=sys.stderr)
    try:
        said = measure(asked.cuts, asked.seed)
    except Impossible as error:
        print(f"SKIPPED: {error}", file=sys.stderr)
        print(json.dumps({"seed": asked.seed, "skipped": str(error)}))
        return 0
    print(json.dumps(said))
    return int(bool(said["lost"] or said["damaged"]) or said["control_losing"] < CONTROL_LOSES * said["control_cuts"])


def measure(cuts: int, seed: int) -> dict[str, int]:
    """The figures of `cuts` cuts, and of a tenth as many with synchronous=NORMAL. Raises Impossible."""
    rng = random.Random(seed)
    with Rig() as rig:
        found = rig.cuts(cuts, rng)
        control = rig.cuts(max(5, cuts // CONTROL_SHARE), rng, normal=True)
    return {
        "seed": seed,
        "cuts": len(found),
        "accepted": sum(cut.accepted for cut in found),
        "lost": sum(cut.lost for cut in found),
        "damaged": sum(not cut.intact for cut in found),
        "control_cuts": len(control),
        "control_losing": sum(cut.lost > 0 for cut in control),
        "control_lost": sum(cut.lost for cut in control),
    }


if __name__ == "__main__":
    sys.exit(main())
