"""Everything that is installed is pinned by hash, is listed, and may be used."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from tests.supply import licences, sbom
from tests.supply.packages import installed, licence, pins

FILES = [Path("requirements/agent.txt"), Path("requirements/demo.txt")]


def test_every_pin_has_a_hash() -> None:
    found = pins([*FILES, Path("requirements/test.txt")])
    assert len(found) > 30
    assert [pin.name for pin in found if not pin.hashes] == []


def test_an_agent_needs_at_most_ten_packages_of_its_own() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    assert len(project["dependencies"]) <= 10


def test_the_bill_of_materials_is_the_environment() -> None:
    document = sbom.bill(FILES)
    assert sbom.strangers(FILES) == []
    assert {one["name"] for one in document["components"]} == {pin.name for pin in pins(FILES)}
    assert json.dumps(document) == json.dumps(sbom.bill(FILES))


def test_licences_fit() -> None:
    for package in installed(pin.name for pin in pins(FILES)):
        assert licences.FITS.search(licence(package)), (package.name, licence(package))
