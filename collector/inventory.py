"""The inventory: the series that should report, from what the nodes announced. A sensor that never spoke is missed too.

How often a sensor reports is its profile's business; a profile this collector does not know is expected of nothing. No
birth tells a radar's lanes, directions and interval: it is expected as a whole, and heard when any of its lanes is.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import cos, hypot, radians
from typing import Final, NamedTuple

from collector.delivery.registry import Node
from collector.rules.engine import Expected
from collector.rules.transition import Series
from device_profiles.catalogue import Catalogue, UnknownProfile

COUNTED: Final = "traffic_flow"
COUNTED_EVERY_MS: Final = 60_000
NEAR_M: Final = 3_000
NEIGHBOURS_MOST: Final = 8
_DEGREE_M: Final = 111_195


class Place(NamedTuple):
    """What the settings say of a station: labels for scopes, and where it stands."""

    labels: dict[str, str]
    lat: float | None = None
    lon: float | None = None


Places = dict[str, Place]


def expected(nodes: Iterable[Node], catalogue: Catalogue, places: Places | None = None) -> list[Expected]:
    """What every sensor of every node should report."""
    known = places or {}
    return [each for node in nodes for each in _of_node(node, catalogue, known)]


def neighbours(node: str, places: Places) -> tuple[str, ...]:
    """The nearest nodes within `NEAR_M`; none for a node that stands nobody knows where."""
    here = places.get(node)
    if here is None or here.lat is None or here.lon is None:
        return ()
    far = sorted((_metres(here, other), name) for name, other in places.items() if name != node)
    return tuple(name for metres, name in far[:NEIGHBOURS_MOST] if metres <= NEAR_M)


def _metres(here: Place, there: Place) -> float:
    if None in (here.lat, here.lon, there.lat, there.lon):
        return float("inf")
    assert here.lat is not None and here.lon is not None and there.lat is not None and there.lon is not None  # noqa: PT018
    east = (there.lon - here.lon) * cos(radians(here.lat))
    return hypot(east, there.lat - here.lat) * _DEGREE_M


def _of_node(node: Node, catalogue: Catalogue, places: Places) -> Iterable[Expected]:
    birth = node.birth
    place, near = places.get(birth.node, Place({})), neighbours(birth.node, places)
    for sensor in birth.sensors:
        try:
            profile = catalogue.get(sensor.profile)
        except (UnknownProfile, ValueError):
            continue
        counted = profile.kind == "detection"
        kind, tags = COUNTED if counted else profile.kind, {"site": birth.site, "node": birth.node}
        interval_ms = COUNTED_EVERY_MS if counted else int(profile.modes[profile.mode].period_s * 1000)
        yield Expected(Series.of(kind, tags | {"sensor": sensor.name}), interval_ms, place.labels, near)
