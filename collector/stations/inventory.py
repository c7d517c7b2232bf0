"""The inventory: the series that should report, from what the nodes announced. A sensor that never spoke is missed too.

How often a sensor reports is its profile's business; a profile this collector does not know is expected of nothing. No
birth tells a radar's lanes, directions and interval: it is expected as a whole, and heard when any of its lanes is.

A node with an agent tells of itself, whatever sensors it has; so it is missed also where nobody here knows them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from collector.adapters.guests import GUEST
from collector.config import CANARY
from collector.delivery.registry import Node
from collector.rules.engine import Expected
from collector.rules.series import Series
from collector.stations.places import Place, Places, neighbours
from device_profiles.catalogue import Catalogue, UnknownProfile
from wire.times import MINUTE_MS

COUNTED: Final = "traffic_flow"
COUNTED_EVERY_MS: Final = MINUTE_MS
HEALTH: Final = "node_health"
HEALTH_EVERY_MS: Final = MINUTE_MS


def expected(nodes: Iterable[Node], catalogue: Catalogue, places: Places) -> list[Expected]:
    """What every sensor of every node should report."""
    return [each for node in nodes for each in _of_node(node, catalogue, places)]


def _of_node(node: Node, catalogue: Catalogue, places: Places) -> Iterable[Expected]:
    birth = node.birth
    place, near = places.get(birth.node, Place({})), neighbours(birth.node, places)
    if birth.version != GUEST and not birth.node.startswith(CANARY):
        own = Series.of(HEALTH, {"site": birth.site, "node": birth.node})
        yield Expected(own, HEALTH_EVERY_MS, place.labels, near)
    for sensor in birth.sensors:
        try:
            profile = catalogue.get(sensor.profile)
        except (UnknownProfile, ValueError):
            continue
        counted = profile.kind == "detection"
        kind, tags = COUNTED if counted else profile.kind, {"site": birth.site, "node": birth.node}
        interval_ms = COUNTED_EVERY_MS if counted else int(profile.modes[profile.mode].period_s * 1000)
        yield Expected(Series.of(kind, tags | {"sensor": sensor.name}), interval_ms, place.labels, near)
