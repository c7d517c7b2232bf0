"""Cases, one after the other, each by the surface it names; every failure to run one is a failure of the case."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from _pytest.outcomes import Failed

from tests.bad_inputs import batches
from tests.bad_inputs.around import Case
from tests.bad_inputs.system import System
from tests.bad_inputs.vocabulary import UnknownWord, Words

ON_SYSTEM: dict[str, Callable[[System, Case], list[str]]] = {
    "payload": batches.payload,
    "status": batches.status,
    "mqtt": batches.mqtt,
}
GOOD: Case = {"id": "good", "surface": "traffic", "title": "the good traffic of the whole run arrived whole"}


def run_file(
    document: dict[str, Any], folder: Path, only: set[str], surfaces: set[str], scale: float
) -> Iterator[tuple[Case, list[str], float]]:
    """Each case with its faults and how long it took; last the good traffic itself."""
    words = Words(document["bases"], scale)
    cases = [
        c for c in document["cases"] if (not only or c["id"] in only) and (not surfaces or c["surface"] in surfaces)
    ]
    system = System(folder / "system", words)
    system.start()
    try:
        for case in cases:
            began_s = time.monotonic()
            yield case, _run(system, case), time.monotonic() - began_s
        began_s = time.monotonic()
        yield GOOD, _good(system), time.monotonic() - began_s
    finally:
        system.close()


def _run(system: System, case: Case) -> list[str]:
    surface = ON_SYSTEM.get(case["surface"])
    if surface is None:
        return [f"this runner does not know the surface {case['surface']!r}"]
    try:
        return surface(system, case)
    except UnknownWord as error:
        return [f"this runner does not know {error}"]
    except (Exception, Failed) as error:  # noqa: BLE001 - whatever stops a case fails it, and the next one runs
        return [f"{type(error).__name__}: {error}"]


def _good(system: System) -> list[str]:
    faults = [fault for fault in [system.traffic.finish()] if fault]
    for node, sent in system.traffic.sent.items():
        found = len(system.points(node, "air_quality"))
        if found != sent:
            faults.append(f"{node}: {sent} readings sent, {found} in the database")
    return faults
