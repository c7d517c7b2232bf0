"""Where stations stand, as the settings say it, and which of them are near each other. Pure."""

from __future__ import annotations

from math import cos, hypot, radians
from typing import Final, NamedTuple

NEAR_M: Final = 3_000
NEIGHBOURS_MOST: Final = 8
_DEGREE_M: Final = 111_195


class Place(NamedTuple):
    """What the settings say of a station: labels for scopes, and where it stands."""

    labels: dict[str, str]
    lat: float | None = None
    lon: float | None = None


Places = dict[str, Place]


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
