"""What the long proofs have in common: a seed that is told, an end with whoever began them, one JSON object."""

from __future__ import annotations

import argparse
import json
import random
import sys

from tests.remains import end_with_us


class Impossible(Exception):
    """This machine cannot make what the proof needs, file systems or links; the text says why, and the cure."""


def begun(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """What was asked for, with a `seed`: told, so that the run can be made again. From here on it ends with us."""
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    asked = parser.parse_args()
    print(f"seed {asked.seed}", file=sys.stderr)
    end_with_us()
    return asked


def skipped(asked: argparse.Namespace, error: Impossible) -> int:
    """Say why there was nothing to see here; that is no failure."""
    print(f"SKIPPED: {error}", file=sys.stderr)
    print(json.dumps({"seed": asked.seed, "skipped": str(error)}))
    return 0
