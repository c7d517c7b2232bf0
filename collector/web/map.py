"""A map of the stations as our own picture: no tiles, no outside request; true to scale near one place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from collector.web.readings import View

WIDTH, HEIGHT = 480, 300
_MARGIN = 44
_DEGREE_M: Final = 111_320.0  # of latitude, and of longitude at the equator
_SMALLEST_M: Final = 400.0
_LABELS_MAX: Final = 14
MARKERS_MAX: Final = 300


class Marker(NamedTuple):
    """A station's place in the box; `label` where there is room for names."""

    x: float
    y: float
    view: View
    label: bool


class Map(NamedTuple):
    """Markers, a bar of `bar_m` metres that is `bar` wide, and how many stations there was no room for."""

    markers: list[Marker]
    bar: float
    bar_m: int
    left_out: int


def draw(views: Sequence[View]) -> Map | None:
    """Place the stations that have a position; None when none has."""
    placed = [(v, v.station.lat_deg, v.station.lon_deg) for v in views]
    known = [(view, lat, lon) for view, lat, lon in placed if lat is not None and lon is not None]
    if not known:
        return None
    left_out = max(0, len(known) - MARKERS_MAX)
    if left_out:
        known = sorted(known, key=lambda one: _weight(one[0]))[left_out:]
    lats, lons = [lat for _, lat, _ in known], [lon for _, _, lon in known]
    middle = ((min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2)
    per_lon_m = _DEGREE_M * math.cos(math.radians(middle[0]))
    wide_m = max((max(lons) - min(lons)) * per_lon_m, _SMALLEST_M)
    high_m = max((max(lats) - min(lats)) * _DEGREE_M, _SMALLEST_M)
    scale = min((WIDTH - 2 * _MARGIN) / wide_m, (HEIGHT - 2 * _MARGIN) / high_m)
    markers = [
        Marker(
            round(WIDTH / 2 + (lon - middle[1]) * per_lon_m * scale, 1),
            round(HEIGHT / 2 - (lat - middle[0]) * _DEGREE_M * scale, 1),
            view,
            len(known) <= _LABELS_MAX,
        )
        for view, lat, lon in known
    ]
    bar_m = _round_down(110 / scale)
    return Map(markers, round(bar_m * scale, 1), bar_m, left_out)


def _weight(view: View) -> float:
    """The dirtier the air, the less a station is left out."""
    return view.pm25[0].mean if view.pm25 and view.freshness == "live" else -1.0


def _round_down(metres: float) -> int:
    """The largest of 1, 2, 5 times a power of ten that is not above `metres`."""
    power = 10 ** math.floor(math.log10(metres))
    return int(next(step * power for step in (5, 2, 1) if step * power <= metres))
