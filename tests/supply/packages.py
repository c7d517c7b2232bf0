"""Pinned packages as the requirements files name them, with their hashes; and what is installed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, NamedTuple

_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)")
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")


class Pin(NamedTuple):
    """One pinned package."""

    name: str
    version: str
    hashes: tuple[str, ...]


def pins(files: Iterable[Path]) -> list[Pin]:
    """Every package of some requirements files, once, by name."""
    found: dict[tuple[str, str], set[str]] = {}
    for file in files:
        current = None
        for line in file.read_text().splitlines():
            matched = _PIN.match(line)
            if matched:
                current = found.setdefault((matched[1].lower().replace("_", "-"), matched[2]), set())
            if current is not None:
                current.update(_HASH.findall(line))
    return [Pin(name, version, tuple(sorted(hashes))) for (name, version), hashes in sorted(found.items())]


def installed(names: Iterable[str]) -> Iterator[Distribution]:
    """Those of them that are installed here; some are for another system."""
    for name in names:
        try:
            yield distribution(name)
        except PackageNotFoundError:
            continue


def licence(package: Distribution) -> str:
    """What a package says of its licence, in the order of how exact it is."""
    said: Any = package.metadata
    classifiers = [c.rpartition(" :: ")[2] for c in said.get_all("Classifier") or [] if c.startswith("License")]
    return said.get("License-Expression") or "; ".join(classifiers) or (said.get("License") or "").split("\n")[0]
