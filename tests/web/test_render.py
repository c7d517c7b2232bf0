"""Templates are compiled once for all programs, where those may keep what they have compiled."""

from __future__ import annotations

import sys
from pathlib import Path
from types import CodeType

import pytest
from jinja2 import DictLoader, Environment

from collector.web.render import Compiled


def test_another_program_finds_what_one_has_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    assert _compiled(tmp_path / "kept") == 1
    assert _compiled(tmp_path / "kept") == 0
    assert _compiled(tmp_path / "kept", "{{ 1 + 1 }}") == 1, "it has changed"


def test_where_nothing_may_be_kept_each_program_compiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert [_compiled(tmp_path / "kept") for _ in range(2)] == [1, 1]
    assert not (tmp_path / "kept").exists()
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "a-file").touch()
    assert _compiled(tmp_path / "a-file" / "kept") == 1


def _compiled(folder: Path, text: str = "{{ 1 }}") -> int:
    """How often a program compiles the page that it shows twice."""
    times = 0

    class Program(Environment):
        def _compile(self, source: str, filename: str) -> CodeType:
            nonlocal times
            times += 1
            return super()._compile(source, filename)

    kept = Compiled(str(folder), {})
    for _ in range(2):
        Program(loader=DictLoader({"page": text}), bytecode_cache=kept).get_template("page").render()
    return times
