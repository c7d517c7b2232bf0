"""A second collector of a city with identities: let in, packed, unpacked elsewhere, at work when the first is gone."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from collector.config import Config
from collector.standby import kit
from collector.stores.influx1 import Influx1
from collector.stores.store import Select
from tests.identity.city import City
from tests.rig import Program
from tests.servers import Influxd, free_port, wait_for
from tests.typed import typed

pytestmark = pytest.mark.real


def test_the_second_takes_over_with_what_the_kit_brought(tmp_path: Path, influxd: Influxd) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("[]")
    store = {"kind": "influx1", "url": influxd.url, "database": "standby_kit"}
    city = City(tmp_path / "first", store=store, rules=[str(rules)])
    city.start()
    second = None
    try:
        kit, elsewhere = tmp_path / "c2.tar.gz", tmp_path / "second"
        made = city.office("collector", "standby", "c2", str(kit))
        assert made.returncode == 0, made.stderr
        assert kit.stat().st_mode & 0o777 == 0o600
        elsewhere.mkdir()
        subprocess.run(["tar", "-xzpf", str(kit), "-C", str(elsewhere)], check=True)
        there = elsewhere / tmp_path.relative_to("/")
        files = {path.relative_to(there).as_posix() for path in there.rglob("*") if path.is_file()}
        assert files == {
            "rules.yaml", "first/etc/collector.yaml", "first/etc/sign.key",
            "first/etc/pki/ca.pem", "first/etc/pki/c2.pem",
        }  # fmt: skip
        moved = (there / "first/etc/collector.yaml").read_text().replace(str(tmp_path), str(there))
        settings = yaml.safe_load(moved) | {"web": {"port": free_port()}}
        second = Program(there, "second", "collector", settings)
        second.start()
        made = city.office(
            "calibrate", "set", "--node", "lp-1", "--sensor", "air-1", "--quantity", "pm25_ugm3", "--slope", "0.5",
            "--from", "2026-03-01",
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        shared = Influx1(influxd.url, "standby_kit")
        wait_for("the record in the database", lambda: bool(shared.select(Select("calibration", ("number",)))), 30)
        shared.close()
        wait_for("the second to stand by", lambda: _states(city) == {"c1": "active", "c2": "standby"}, 30)
        city.collector.kill()
        wait_for("the second to work", lambda: _states(city).get("c2") == "active", 30)
        known = city.lamppost("calibrate", "list", "-c", str(second.settings))
        assert "pm25_ugm3 from 2026-03-01" in known.stdout, "what was made on the first is in force on the second"
        assert city.office("stations", "retire", "c2").returncode == 0, "it was stolen"
    finally:
        if second is not None:
            second.stop()
        city.close()


def test_a_file_as_store_is_none_for_two(city: City, tmp_path: Path) -> None:
    made = city.office("collector", "standby", "c2", str(tmp_path / "c2.tar.gz"))
    assert made.returncode != 0
    assert "lamppost collector migrate" in made.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "first", [{}, {"broker": {"port": 1883}}, {"broker": {"tls": {"ca": "/pki/ca.pem", "cert": "/a", "key": "/b"}}}]
)
def test_the_second_reaches_the_broker_with_its_own_certificate_however_the_first_does(first: dict[str, Any]) -> None:
    identities = {"folder": "/pki", "broker_host": "x.example"}
    store = {"store": {"kind": "influx1"}, "identities": identities}
    said = kit._settings(first | store, "c2", Config.model_validate(first | store), Path("/pki/c2.pem"))
    tls = {"ca": "/pki/ca.pem", "cert": "/pki/c2.pem"}
    assert said["broker"] == {"host": "x.example", "port": 8883, "tls": tls}
    assert "identities" not in said


@pytest.mark.parametrize("name", ["registrar", "ca"])
def test_a_second_takes_nobody_elses_name(city: City, tmp_path: Path, name: str) -> None:
    """At the broker two of one name have the rights of the first; in the kit its certificate lies beside others."""
    made = city.office("collector", "standby", name, str(tmp_path / "c2.tar.gz"))
    assert f"{name!r} cannot be the second's name" in made.stderr
    assert not list(tmp_path.iterdir())


def _states(city: City) -> dict[str, str]:
    told = typed("collector", "status", str(city.settings), "--json")
    found = json.loads(told.stdout)["collectors"] if told.stdout else []
    return {each["name"]: each["state"] for each in found if each["speaks"]}
