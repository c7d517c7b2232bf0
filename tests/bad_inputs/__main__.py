"""`make bad-inputs FILE=...`: run every case of a file; ends with `N passed, N failed`.

python -m tests.bad_inputs [FILE] [--only A001,A002 | --surface payload] [--scale 0.02] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.bad_inputs.run import run_file
from tests.remains import end_with_us

CASES = Path(__file__).with_name("cases.json")
VARIANTS = Path(__file__).with_name("variants.json")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bad-inputs", description="Hostile inputs against the running system.")
    parser.add_argument("file", nargs="?", type=Path, help="by default the project's own two files")
    parser.add_argument("--only", default="", help="ids, separated by commas")
    parser.add_argument("--surface", default="", help="surfaces, separated by commas")
    parser.add_argument("--scale", default=1.0, type=float, help="the part of counts above 1,000 that is run")
    parser.add_argument("--keep", type=Path, help="a folder for the run's files; kept")
    asked = parser.parse_args()
    end_with_us()
    document = own() if asked.file is None else json.loads(asked.file.read_text())
    began_s = time.monotonic()
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="lamppost-bad-inputs-") as temporary:
        folder = asked.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with closing(run_file(document, folder, _set(asked.only), _set(asked.surface), asked.scale)) as tried:
            for case, faults, took_s in tried:
                passed, failed = passed + (not faults), failed + bool(faults)
                verdict = "ok  " if not faults else "FAIL"
                print(f"{verdict} {case['id']:<6} {took_s:6.1f} s  {case['surface']:<13} {case['title']}", flush=True)
                for fault in faults:
                    print(f"       {str(fault)[:400]}", flush=True)
    print(f"{passed} passed, {failed} failed in {time.monotonic() - began_s:.0f} s")
    sys.exit(1 if failed else 0)


def own() -> dict[str, Any]:
    """Both files of the project, whose bases are the same."""
    document: dict[str, Any] = json.loads(CASES.read_text())
    document["cases"] += json.loads(VARIANTS.read_text())["cases"]
    return document


def _set(text: str) -> set[str]:
    return {word for word in text.split(",") if word}


if __name__ == "__main__":
    main()
