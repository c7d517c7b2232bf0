"""Style, types and import layers: `make check` beside the other tests, for the types of a fresh clone take a minute."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent


def test_no_question_numbers_its_placeholders() -> None:
    """Python 3.14 takes no tuple for them: an agent with a full spool ended there, and 3.12 warned of it."""
    files = (file for room in ("edge_agent", "collector", "simulator") for file in TOP.glob(f"{room}/**/*.py"))
    assert [file.name for file in files if b"?1" in file.read_bytes()] == []


def test_what_calls_itself_pure_asks_no_clock_opens_no_file_and_waits_for_nothing() -> None:
    """Whole rooms are held to it by their imports (pyproject.toml); anywhere else a file's first lines promise it."""
    impure = {"asyncio", "os", "pathlib", "serial", "socket", "sqlite3", "subprocess", "threading", "time"}
    rooms = ("common", "device_profiles", "edge_agent", "collector", "simulator")
    promised: dict[str, set[str]] = {}
    for file in (file for room in rooms for file in TOP.glob(f"{room}/**/*.py")):
        tree = ast.parse(file.read_bytes())
        if "Pure." in (ast.get_docstring(tree) or "").partition("\n\n")[0]:
            promised[str(file.relative_to(TOP))] = impure & set(imported(tree.body))
    assert promised
    assert {name: found for name, found in promised.items() if found} == {}


def imported(body: list[ast.stmt]) -> Iterator[str]:
    """The packages that a module imports, also late; not those for types alone."""
    for each in body:
        if isinstance(each, ast.If) and ast.unparse(each.test) == "TYPE_CHECKING":
            continue
        for node in ast.walk(each):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                yield node.module.partition(".")[0]


@pytest.mark.timeout(900)  # a hang alone ends it: on a busy machine the types of a fresh clone take some minutes
def test_style_types_and_layers() -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    ran = subprocess.run(
        ["make", "--no-print-directory", "check"], cwd=TOP, env=env, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
