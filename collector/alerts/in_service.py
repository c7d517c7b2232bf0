"""Which nodes are expected to report, and how often: those that have announced themselves and were not put out of
service.
"""

from __future__ import annotations

from collections.abc import Mapping

from collector.delivery.registry import Node
from collector.rules.engine import Expected
from collector.rules.rhythm import Rhythm
from collector.rules.series import Series
from collector.stations.inventory import expected
from collector.stations.places import Places
from collector.web.desk.file import DeskFile
from collector.web.desk.reports import Reports
from device_profiles.catalogue import load as load_catalogue


class InService:
    """Give it the nodes as they announce themselves, and what they report; the desk's file says who was put out."""

    def __init__(self, nodes: list[Node], places: Places, file: DeskFile) -> None:
        self.nodes = nodes
        self._places = places
        self._catalogue = load_catalogue()
        self._reports = Reports(file)
        self._out = set[str]()
        self._rhythm = Rhythm()

    def expected(self) -> list[Expected]:
        """What every sensor in service should report."""
        nodes = (node for node in self.nodes if node.birth.node not in self._out)
        return self._rhythm.of(expected(nodes, self._catalogue, self._places))

    @property
    def paces(self) -> Mapping[Series, int]:
        """How often series report of which no model tells it."""
        return self._rhythm.found

    def heard(self, series: Series, times_ms: list[int]) -> None:
        """Readings came, their times rising."""
        self._rhythm.note(series, times_ms)

    def has_new_pace(self) -> bool:
        """Whether a sensor is known to report in another rhythm since the last look."""
        return self._rhythm.has_changed()

    def has_changed(self) -> bool:
        """Whether a node was put out of service, or back, or a sensor reports in another rhythm, since the last look.

        Raises sqlite3.Error.
        """
        out = self._reports.retired()
        changed, self._out = out != self._out, out
        return self._rhythm.has_changed() or changed
