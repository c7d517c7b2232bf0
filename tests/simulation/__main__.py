"""Many worlds, or every mutant: one JSON object on stdout, every failing seed on stderr."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product

from tests.simulation.mutants import MUTANTS
from tests.simulation.truth import Outcome, total
from tests.simulation.weather import KINDS
from tests.simulation.world import run


def main() -> int:
    """Run what was asked for; 0 when the promise was kept, or every mutant was caught."""
    logging.disable(logging.CRITICAL)
    asked = _arguments()
    if asked.mutants:
        return _hunt(range(asked.first, asked.first + asked.seeds))
    seeds = range(asked.first, asked.first + asked.seeds) if asked.seed is None else [asked.seed]
    kinds = [asked.world] if asked.world else list(KINDS)
    started_s = time.monotonic()
    outcomes, failed = [], []
    for kind, seed, outcome in _worlds(kinds, seeds):
        outcomes.append(outcome)
        if not outcome.sound:
            failed.append([kind, seed])
            print(f"python -m tests.simulation --world {kind} --seed {seed}: {outcome}", file=sys.stderr, flush=True)
    said = {"seed": seeds[0], "worlds": len(outcomes), **total(outcomes), "failed": failed}
    print(json.dumps(said | {"took_s": round(time.monotonic() - started_s, 1)}))
    return bool(failed)


def caught(name: str, seeds: Iterable[int]) -> int | None:
    """The first seed whose world shows what the mutant breaks, or None."""
    mutant = MUTANTS[name]
    return next((seed for seed in seeds if not run(mutant.kind, seed, mutant.rules).sound), None)


def _hunt(seeds: range) -> int:
    with ProcessPoolExecutor(os.cpu_count(), initializer=logging.disable, initargs=(logging.CRITICAL,)) as pool:
        found = dict(zip(MUTANTS, pool.map(caught, MUTANTS, [seeds] * len(MUTANTS)), strict=True))
    for name, seed in found.items():
        print(f"{name:14} {MUTANTS[name].rule}: {MUTANTS[name].how}: first caught by seed {seed}", file=sys.stderr)
    escaped = [name for name, seed in found.items() if seed is None]
    print(json.dumps({"mutants": len(found), "caught_by_seed": found, "escaped": escaped}))
    return bool(escaped)


def _worlds(kinds: list[str], seeds: range | list[int]) -> Iterator[tuple[str, int, Outcome]]:
    todo = list(product(seeds, kinds))
    with ProcessPoolExecutor(os.cpu_count(), initializer=logging.disable, initargs=(logging.CRITICAL,)) as pool:
        done = pool.map(run, [kind for _, kind in todo], [seed for seed, _ in todo], chunksize=4)
        for (seed, kind), outcome in zip(todo, done, strict=True):
            yield kind, seed, outcome


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="how many seeds of each kind of world, or mutant")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="this one alone")
    parser.add_argument("--world", choices=list(KINDS), help="this kind alone")
    parser.add_argument("--mutants", action="store_true", help="switch each rule off in turn; each must be caught")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
