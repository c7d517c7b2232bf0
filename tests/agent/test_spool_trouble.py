"""What SQLite's errors on the spool mean, and what a person can do about each."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from edge_agent.spool.file import SpoolIoError, trouble


def test_each_error_has_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "spool.db"
    readonly = sqlite3.OperationalError("attempt to write a readonly database")
    path.touch()
    assert "replace the card" in str(trouble(path, readonly)), "we may write: the card went read-only"
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert str(trouble(path, readonly)).endswith("Cure: the same with sudo")
    assert isinstance(trouble(path, sqlite3.OperationalError("disk I/O error")), SpoolIoError)
    assert "free space" in str(trouble(path, sqlite3.OperationalError("database or disk is full")))
