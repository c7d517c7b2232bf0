"""What cannot be done with several workers is refused at the start, with the cure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

from wire.exits import Exit


def test_a_store_with_one_writer_takes_no_workers(tmp_path: Path) -> None:
    file = tmp_path / "collector.yaml"
    store = {"kind": "sqlite", "path": str(tmp_path / "readings.db")}
    file.write_text(yaml.safe_dump({"store": store, "state_file": str(tmp_path / "state.db")}))
    command = [sys.executable, "-m", "lamppost", "collector", "run", str(file), "--workers", "2"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert said.returncode == Exit.CONFIGURATION
    assert "--workers 2" in said.stderr
    assert "set up InfluxDB, or leave --workers out" in said.stderr
    assert not (tmp_path / "state.db").exists()
