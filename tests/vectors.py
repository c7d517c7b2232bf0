"""Run a file of domain vectors against measures/: `python -m tests.vectors FILE`, or `make vectors FILE=...`.

Such a file has `vectors`, each with id, function, input, expect and perhaps a tolerance. Numbers are read as decimals,
exactly. Only what a vector expects is compared; null expects that there is no value. Prints every failure with what was
expected and got, and ends with `N passed, N failed`; the exit code is 1 when any failed.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from tests.vector_functions import FUNCTIONS

REPOSITORY_DATA = Path(__file__).parent.parent / "simulator" / "real_data"


@dataclass(frozen=True, slots=True)
class Failure:
    """One vector that did not come out as it says."""

    id: str
    expected: Any
    got: Any

    def __str__(self) -> str:
        return f"FAIL {self.id}\n  expected {_text(self.expected)}\n  got      {_text(self.got)}"


def run(path: Path) -> tuple[int, list[Failure]]:
    """How many vectors of the file passed, and those that failed. Raises OSError or ValueError for a bad file."""
    document = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    vectors = document["vectors"] if isinstance(document, dict) else document
    failures = [failure for vector in vectors if (failure := _failure(vector, path.parent))]
    return len(vectors) - len(failures), failures


def main(arguments: list[str]) -> int:
    """Run the files named; 0 when all passed, 1 when any failed, 2 for wrong usage."""
    if not arguments:
        print("usage: python -m tests.vectors FILE...", file=sys.stderr)
        return 2
    passed, failed = 0, 0
    for name in arguments:
        good, failures = run(Path(name))
        passed, failed = passed + good, failed + len(failures)
        for failure in failures:
            print(failure)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def _failure(vector: Mapping[str, Any], folder: Path) -> Failure | None:
    function = FUNCTIONS.get(vector["function"])
    if function is None:
        return Failure(vector["id"], vector["expect"], f"unknown function {vector['function']!r}")
    try:
        got = function(_with_files(vector["input"], folder))
    except ValueError as error:
        got = {"error": str(error)}
    except Exception as error:  # noqa: BLE001 - a fault in one vector is that vector's failure, the others still run
        return Failure(vector["id"], vector["expect"], f"{type(error).__name__}: {error}")
    return None if matches(vector["expect"], got, vector.get("tolerance") or {}) else _differing(vector, got)


def matches(expected: Any, got: Any, tolerance: Mapping[str, Any]) -> bool:
    """Whether what was expected is in what was got; mappings may hold more, lists of names come in any order."""
    if isinstance(expected, Mapping):
        if "error" in expected:
            return isinstance(got, Mapping) and "error" in got
        return isinstance(got, Mapping) and all(matches(expected[k], got.get(k), tolerance) for k in expected)
    if got is None or expected is None:
        return got is None and expected in (None, "NA", [])  # three spellings of "the standard defines none"
    if isinstance(expected, bool) or isinstance(got, bool):
        return expected is got
    if isinstance(expected, list):
        if all(isinstance(item, str) for item in expected):
            return sorted(expected) == sorted(got)
        return len(expected) == len(got) and all(matches(e, g, tolerance) for e, g in zip(expected, got, strict=True))
    if isinstance(expected, str):
        return isinstance(got, str) and _words(expected) == _words(got)
    return isinstance(got, int | float | Decimal | Fraction) and _close(expected, got, tolerance)


def _close(expected: int | Decimal, got: Any, tolerance: Mapping[str, Any]) -> bool:
    wanted = Fraction(expected)
    if not tolerance:
        return wanted == (Fraction(repr(got)) if isinstance(got, float) else Fraction(got))
    allowed = Fraction(tolerance.get("abs", 0)) + Fraction(tolerance.get("rel", 0)) * abs(wanted)
    return abs(Fraction(got) - wanted) <= allowed


def _words(text: str) -> str:
    """Punctuation in a label is nobody's standard; a number's signs are kept."""
    return re.sub(r",\s*", " ", text).strip().casefold()


def _differing(vector: Mapping[str, Any], got: Any) -> Failure:
    if isinstance(got, dict) and "error" not in got:
        got = {key: got.get(key) for key in vector["expect"]}
    return Failure(vector["id"], vector["expect"], got)


def _with_files(inputs: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The input with the names of data files (`file`, `labels`) made into paths that exist."""
    return {
        key: _found(value, folder) if key in ("file", "labels") and isinstance(value, str) else value
        for key, value in inputs.items()
    }


def _found(name: str, folder: Path) -> Path:
    places = [folder / name, folder / "real_data" / name, REPOSITORY_DATA / name]
    for place in places:
        if place.is_file():
            return place
    raise FileNotFoundError(f"{name} is in none of {', '.join(str(place.parent) for place in places)}")


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
