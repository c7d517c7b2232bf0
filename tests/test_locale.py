"""Files are UTF-8, whatever letters the terminal has: in China some still have GBK."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("collector", "common", "device_profiles", "edge_agent", "measures", "simulator", "wire")
OTHER_LETTERS = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def test_no_file_is_read_in_the_letters_of_the_terminal() -> None:
    """Ruff's own rule (PLW1514) sees a path only where it is made."""
    careless = [
        f"{path.relative_to(ROOT)}: {call[0]}"
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        for call in re.finditer(r"\.read_text\(\)", path.read_text(encoding="utf-8"))
    ]
    assert careless == [], 'say read_text(encoding="utf-8")'


@pytest.mark.parametrize(
    ("words", "file"),
    [
        (("collector", "sample"), "collector/config.sample.yaml"),
        (("agent", "config", "sample"), "edge_agent/settings/config.sample.yaml"),
    ],
)
def test_a_sample_is_the_file_as_it_is(words: tuple[str, ...], file: str) -> None:
    """It was a traceback, or a file that the next command refused as not UTF-8."""
    said = subprocess.run([sys.executable, "-m", "lamppost", *words], capture_output=True, env=OTHER_LETTERS, cwd=ROOT)
    assert said.returncode == 0, said.stderr
    assert said.stdout == (ROOT / file).read_bytes()
