"""A collector without an authority: what its operators are told instead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from collector.commands import stations
from wire.exits import Failure


def test_who_retires_a_station_is_told_how_it_is_put_out_of_service(tmp_path: Path) -> None:
    """The cure was to make an authority, which would have cut off every station there is."""
    settings = tmp_path / "collector.yaml"
    store = {"kind": "sqlite", "path": str(tmp_path / "readings.db")}
    settings.write_text(json.dumps({"store": store, "state_file": str(tmp_path / "state.db")}))
    done = CliRunner().invoke(stations.app, ["retire", "lp-0017", "-c", str(settings)])
    with pytest.raises(Failure, match="no certificate to revoke") as told:
        raise done.exception or AssertionError(done.output)
    assert "/ops" in told.value.cure
    assert "removed" in told.value.cure
