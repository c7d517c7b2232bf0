"""The sensors of this device while the set-up page is open: searched for, then read along, so that values move."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from device_profiles.profile import Profile
from edge_agent.commands.options import models
from edge_agent.lines.listening import listen
from edge_agent.lines.port_probe import Finding, probe_ports
from edge_agent.screens.watching import Watch
from edge_agent.screens.words import sparkline
from edge_agent.settings.edit import sensor_name
from edge_agent.setup.answers import SensorAnswer
from wire.exits import Failure

AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Row:
    """One port as the page shows it. `others`: models that look the same, where nobody is sure; `known`: all models."""

    port: str
    name: str | None = None
    profile: str | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    recent: str = ""
    quality: str = ""
    age_s: float | None = None
    others: tuple[str, ...] = ()
    trouble: str = ""
    known: tuple[str, ...] = ()
    heard: Finding | None = None

    @property
    def choices(self) -> tuple[str, ...]:
        """What a person may choose: a model that looks the same, or any where a port is open and none is recognised."""
        return self.others if self.others or self.profile is not None or self.trouble else self.known


class Live:
    """Threads that search and read; `rows` is what they know now. Ends at `stop`, and then holds no port any more.

    `profiles` is a folder of own models, None without one. Raises Failure when it cannot be used.
    """

    def __init__(self, ports: Callable[[], list[str]], profiles: Path | None = None) -> None:
        self._ports = ports
        self.profiles = None if profiles is None else profiles.absolute()
        self._catalogue = models(profiles)
        self._findings: list[Finding] = []
        self._watches: dict[str, Watch] = {}
        self._troubles: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.searching = False
        self.trouble: Failure | None = None  # why nothing could be searched

    def start(self) -> None:
        """Search; may be called again after `stop`."""
        self._stop.clear()
        self._findings, self._watches, self._troubles, self._names = [], {}, {}, {}
        self.searching, self.trouble = True, None
        self._run(self._search)

    def stop(self) -> None:
        """Leave the ports to others. Waits for a search under way, about a minute."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def rows(self) -> list[Row]:
        """Every port, those with a sensor first."""
        found = [self._row(finding) for finding in list(self._findings)]
        return sorted(found, key=lambda row: (row.profile is None, not row.others, row.port))

    def chosen(self, picked: dict[str, str]) -> list[SensorAnswer]:
        """The sensors that are sure, and for the other ports what a person picked of their models."""
        made: list[SensorAnswer] = []
        for row in self.rows():
            profile = row.profile or (picked.get(row.port) if picked.get(row.port) in row.choices else None)
            if profile is not None:
                name = sensor_name(self._catalogue, profile, [sensor.name for sensor in made])
                options = {} if row.heard is None else row.heard.options(self._catalogue.get(profile))
                made.append(SensorAnswer(name=name, profile=profile, port=row.port, options=options))
        return made

    def _search(self) -> None:
        try:
            probe_ports(self._ports(), list(self._catalogue), self._found)
        except Failure as failure:
            self.trouble = failure
        finally:
            self.searching = False

    def _found(self, finding: Finding) -> None:
        if finding.sensor is not None:
            self._names[finding.path] = sensor_name(self._catalogue, finding.sensor.profile, self._names.values())
            profile = self._catalogue.get(finding.sensor.profile)
            self._run(self._read, finding.path, profile.with_options(finding.options(profile)))
        self._findings.append(finding)

    def _read(self, path: str, profile: Profile) -> None:
        watch = self._watches[path] = Watch(self._names[path], profile, time.monotonic())
        while not self._stop.is_set():
            try:
                self._read_along(path, watch)
            except Failure as failure:
                gone = failure.word in ("port-lost", "port-missing")
                self._troubles[path] = "unplugged" if gone else str(failure)
            self._stop.wait(AGAIN_S)

    def _read_along(self, path: str, watch: Watch) -> None:
        for piece in listen(path, watch.profile):
            if self._stop.is_set():
                return
            self._troubles.pop(path, None)
            take = watch.wrote if piece.written else watch.read
            take(piece.data, time.monotonic())

    def _row(self, finding: Finding) -> Row:
        path, sensor = finding.path, finding.sensor
        if sensor is None:
            others = tuple(one.profile for one in finding.outcome.verdicts) if finding.outcome is not None else ()
            known = tuple(self._catalogue.names())
            return Row(path, others=others, trouble=finding.error or "", known=known, heard=finding)
        watch, now_s = self._watches.get(path), time.monotonic()
        trouble = self._troubles.get(path, "")
        if watch is None or not watch.tracks:
            return Row(path, self._names.get(path), sensor.profile, sensor.values, trouble=trouble, heard=finding)
        newest = {name: track.values[-1] for name, track in list(watch.tracks.items())}
        bars = sparkline(list(next(iter(watch.tracks.values())).values))
        quality, age_s = watch.quality(now_s), watch.age_s(now_s)
        return Row(path, watch.name, sensor.profile, newest, bars, quality, age_s, trouble=trouble, heard=finding)

    def _run(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
