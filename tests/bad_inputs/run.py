"""Cases, one after the other, each by the surface it names; every failure to run one is a failure of the case."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from _pytest.outcomes import Failed

from tests.bad_inputs import actions, agent_side, batches, births, database, files, pages, serial_port, spool_file
from tests.bad_inputs.agent_side import AgentSide
from tests.bad_inputs.around import Case
from tests.bad_inputs.pages import Pages
from tests.bad_inputs.system import System
from tests.bad_inputs.vocabulary import UnknownWord, Words

ON_SYSTEM: dict[str, Callable[[System, Case], list[str]]] = {
    "payload": batches.payload,
    "status": births.status,
    "mqtt": actions.mqtt,
    "db_answer": database.answer,
}
ON_AGENT: dict[str, Callable[[AgentSide, Case], list[str]]] = {
    "ack": agent_side.ack,
    "request": agent_side.request,
}
GOOD: Case = {"id": "good", "surface": "traffic", "title": "the good traffic of the whole run arrived whole"}


def run_file(
    document: dict[str, Any], folder: Path, only: set[str], surfaces: set[str], scale: float
) -> Generator[tuple[Case, list[str], float]]:
    """Each case with its faults and how long it took; last the good traffic itself."""
    words = Words(document["bases"], scale)
    cases = [
        c for c in document["cases"] if (not only or c["id"] in only) and (not surfaces or c["surface"] in surfaces)
    ]
    system = System(folder / "system", words)
    system.start()
    try:
        sides = Sides(system, folder)
        try:
            for case in cases:
                began_s = time.monotonic()
                yield case, _run(sides, case), time.monotonic() - began_s
        finally:
            sides.close()
        began_s = time.monotonic()
        yield GOOD, _good(system), time.monotonic() - began_s
    finally:
        system.close()


class Sides:
    """The parts of the rig that not every file needs, made when the first case asks for them."""

    def __init__(self, system: System, folder: Path) -> None:
        self.system = system
        self.folder = folder
        self._agent: AgentSide | None = None
        self._pages: Pages | None = None

    @property
    def agent(self) -> AgentSide:
        if self._agent is None:
            (self.folder / "agent").mkdir()
            self._agent = AgentSide(self.system, self.folder / "agent", self.system.words)
        return self._agent

    @property
    def pages(self) -> Pages:
        if self._pages is None:
            self._pages = Pages(self.system)
        return self._pages

    def close(self) -> None:
        if self._agent is not None:
            self._agent.close()


def _run(sides: Sides, case: Case) -> list[str]:
    surface, topic = case["surface"], str(case["input"].get("publish", {}).get("topic", ""))
    try:
        if surface == "mqtt" and topic.endswith("/ack") and case["expect"] in ("no_delete", "hold"):
            return agent_side.published_ack(sides.agent, case)
        if case["input"].get("scenario") == "cert_expired":
            return spool_file.cert_expired(sides.agent, case["input"], sides.folder / "box")
        if case["input"].get("fault", {}).get("of") == "collector":
            return database.collector_fault(sides.system, case)
        if surface == "status" and "publish" in case["input"]:
            return actions.mqtt(sides.system, case)
        if surface in ON_SYSTEM:
            return ON_SYSTEM[surface](sides.system, case)
        if surface in ON_AGENT:
            return ON_AGENT[surface](sides.agent, case)
        if surface == "http":
            return pages.http_case(sides.pages, case)
        if surface == "profile_yaml":
            return files.profile(sides.system.words, case, sides.folder / "files")
        if surface == "config":
            return files.config(sides.system.words, case, sides.folder / "files")
        if surface == "serial":
            return serial_port.serial(sides.system.words, case, sides.folder / "serial")
        if surface == "spool_file":
            return spool_file.spool_file(sides.agent, case, sides.folder / "box")
        return [f"this runner does not know the surface {surface!r}"]
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
