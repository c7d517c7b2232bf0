"""The inventory: the series that should report, from what the nodes announced. A sensor that never spoke is missed too.

How often a sensor reports is its profile's business; a profile this collector does not know is expected of nothing.
Nor is a radar: lanes, directions and interval of its counts are the agent's settings, which no birth tells.
"""

from __future__ import annotations

from collections.abc import Iterable

from collector.registry import Node
from collector.rules.engine import Expected
from collector.rules.transition import Series
from device_profiles.catalogue import Catalogue, UnknownProfile


def expected(nodes: Iterable[Node], catalogue: Catalogue) -> list[Expected]:
    """What every sensor of every node should report."""
    return [each for node in nodes for each in _of_node(node, catalogue)]


def _of_node(node: Node, catalogue: Catalogue) -> Iterable[Expected]:
    birth = node.birth
    for sensor in birth.sensors:
        try:
            profile = catalogue.get(sensor.profile)
        except (UnknownProfile, ValueError):
            continue
        if profile.kind != "detection":
            series = Series.of(profile.kind, {"site": birth.site, "node": birth.node, "sensor": sensor.name})
            yield Expected(series, int(profile.modes[profile.mode].period_s * 1000))
