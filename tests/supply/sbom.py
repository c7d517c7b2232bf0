"""`make sbom`: what a release is made of, as CycloneDX 1.5, from the pinned files; the environment must match it."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from tests.supply.packages import Pin, installed, licence, pins

OUT = Path("build/lamppost-sbom.json")


def bill(files: list[Path]) -> dict[str, Any]:
    """The document. Nothing in it depends on the moment: the same pins give the same bytes."""
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    found = pins(files)
    licences = {
        package.name.lower().replace("_", "-"): licence(package) for package in installed(p.name for p in found)
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": project["name"],
                "version": project["version"],
                "licenses": [{"license": {"id": project["license"]}}],
            }
        },
        "components": [_component(pin, licences.get(pin.name)) for pin in found],
    }


def _component(pin: Pin, said: str | None) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": f"pkg:pypi/{pin.name}@{pin.version}",
        "name": pin.name,
        "version": pin.version,
        "purl": f"pkg:pypi/{pin.name}@{pin.version}",
        "hashes": [{"alg": "SHA-256", "content": one.removeprefix("sha256:")} for one in pin.hashes],
    }
    if said:
        component["licenses"] = [{"license": {"name": said[:200]}}]
    return component


def strangers(files: list[Path]) -> list[str]:
    """Packages whose installed version is not the pinned one."""
    versions: dict[str, set[str]] = {}
    for pin in pins(files):
        versions.setdefault(pin.name, set()).add(pin.version)
    return [
        f"{package.name} {package.version} is installed, {sorted(versions[name])} is pinned"
        for package in installed(versions)
        if package.version not in versions[name := package.name.lower().replace("_", "-")]
    ]


def main() -> None:
    files = [Path(word) for word in sys.argv[1:]]
    wrong = strangers(files)
    document = bill(files)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(document, indent=1) + "\n")
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{OUT}: {len(document['components'])} packages, {len(wrong)} not as pinned")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
