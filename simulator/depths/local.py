"""A broker and a collector on this machine for depths that need real ones and were given none."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from simulator.broker import embedded
from simulator.depths.stores import settings_of
from simulator.programs import Programs, free_port
from simulator.scenario.scenario import Scenario
from wire.exits import Exit, Failure

EMBEDDED_CLIENTS_MAX: Final = 900


class Local:
    """The embedded broker unless an address is given, and one collector. `port` is where nodes connect."""

    def __init__(self, folder: Path, scenario: Scenario, broker: tuple[str, int] | None, store: str | None) -> None:
        self.folder = folder
        self.programs = Programs(folder)
        self.store = store or f"sqlite://{folder.resolve()}/readings.db"
        self._embedded, self.host, self.port = None, "", 0
        if broker is not None:
            self.host, self.port = broker
        else:
            if scenario.stations > EMBEDDED_CLIENTS_MAX:
                text = f"{scenario.stations} stations: the embedded broker takes {EMBEDDED_CLIENTS_MAX}"
                raise Failure(Exit.USAGE, "stations", text, "start mosquitto and name it with --broker HOST:PORT")
            self.host, self.port = "127.0.0.1", free_port()
            self._embedded = embedded(folder, self.port)
        self._scenario = scenario

    def start(self) -> None:
        """Bring both up."""
        if self._embedded is not None:
            self._embedded.start()
        self.programs.start("collector", "collector", self._settings())

    def check(self) -> None:
        """Raises Failure when a program ended by itself."""
        broken = self.programs.failed()
        if broken is not None:
            raise Failure(Exit.NOT_HEALTHY, "child-ended", broken, f"read the logs in {self.folder}")

    def stop(self) -> None:
        """Agents, then the collector, then the broker."""
        try:
            self.programs.stop("agent", "collector")
        finally:
            if self._embedded is not None:
                self._embedded.stop()

    def _settings(self) -> dict[str, Any]:
        rules = self.folder / "rules.yaml"
        rules.write_text(yaml.safe_dump(self._scenario.rules, allow_unicode=True, sort_keys=False), encoding="utf-8")
        return {
            "broker": {"host": self.host, "port": self.port}, "store": settings_of(self.store),
            "state_file": str(self.folder / "collector.db"),
            "rules": [str(rules)] if self._scenario.rules else [], "web": {"port": free_port()},
        }  # fmt: skip
