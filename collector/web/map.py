"""A map of the stations as our own picture: no tiles, no outside request; true to scale near one place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from collector.web.readings import View

MARKERS_MAX: Final = 300
BOTH_MAX: Final = 60
"""With more stations than this there is one picture for all screens, not two."""
_MARGIN = 52
_DEGREE_M: Final = 111_320.0  # of latitude, and of longitude at the equator
_SMALLEST_M: Final = 400.0
_LABELS_MAX: Final = 30
_MARKER: Final = 15.0  # half its size
_LINE: Final = 16.0  # height of a name

Rect = tuple[float, float, float, float]


class Box(NamedTuple):
    """The picture's size, in units of its own."""

    width: int
    height: int

    @property
    def furniture(self) -> tuple[Rect, Rect]:
        """Where the scale and the arrow to the north stand: no name goes there."""
        return (0.0, self.height - 34.0, 190.0, float(self.height)), (self.width - 48.0, 0.0, float(self.width), 56.0)


WIDE: Final = Box(640, 400)
NARROW: Final = Box(360, 380)


class Label(NamedTuple):
    """Where a name stands beside its marker."""

    x: float
    y: float
    anchor: str


class Marker(NamedTuple):
    """A station's place in the box; where its name stands, by language, None where there is no room for it."""

    x: float
    y: float
    view: View
    zh: Label | None
    en: Label | None


class Frame(NamedTuple):
    """Which part of the earth the picture shows: its middle in degrees, and units of the picture to a metre."""

    lat: float
    lon: float
    scale: float
    box: Box

    def place(self, lat: float, lon: float) -> tuple[float, float]:
        """Where a place lies in the picture."""
        across_m = (lon - self.lon) * _DEGREE_M * math.cos(math.radians(self.lat))
        return (
            self.box.width / 2 + across_m * self.scale,
            self.box.height / 2 - (lat - self.lat) * _DEGREE_M * self.scale,
        )


class Map(NamedTuple):
    """Markers, a bar of `bar_m` metres that is `bar` wide, and how many stations there was no room for."""

    frame: Frame
    markers: list[Marker]
    bar: float
    bar_m: int
    left_out: int

    @property
    def box(self) -> Box:
        """The picture's size."""
        return self.frame.box


def draw(views: Sequence[View], box: Box = WIDE) -> Map | None:
    """Place the stations that have a position; None when none has.

    The frame is that of all, drawn or not: it stays as it is while which of too many are drawn changes with their air.
    """
    placed = [(v, v.station.lat_deg, v.station.lon_deg) for v in views]
    known = [(view, lat, lon) for view, lat, lon in placed if lat is not None and lon is not None]
    if not known:
        return None
    frame = _frame([lat for _, lat, _ in known], [lon for _, _, lon in known], box)
    left_out = max(0, len(known) - MARKERS_MAX)
    if left_out:
        known = sorted(known, key=lambda one: _weight(one[0]))[left_out:]
    points = [(round(x, 1), round(y, 1)) for x, y in (frame.place(lat, lon) for _, lat, lon in known)]
    zh = _labels(points, [view.station.name_zh for view, _, _ in known], box)
    en = _labels(points, [view.station.name_en for view, _, _ in known], box)
    markers = [
        Marker(*point, view, zh.get(n), en.get(n))
        for n, (point, (view, _, _)) in enumerate(zip(points, known, strict=True))
    ]
    bar_m = _round_down(110 / frame.scale)
    return Map(frame, markers, round(bar_m * frame.scale, 1), bar_m, left_out)


def _frame(lats: Sequence[float], lons: Sequence[float], box: Box) -> Frame:
    """What shows all of these places, with room for markers and names."""
    middle = ((min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2)
    per_lon_m = _DEGREE_M * math.cos(math.radians(middle[0]))
    wide_m = max((max(lons) - min(lons)) * per_lon_m, _SMALLEST_M)
    high_m = max((max(lats) - min(lats)) * _DEGREE_M, _SMALLEST_M)
    return Frame(*middle, min((box.width - 2 * _MARGIN) / wide_m, (box.height - 2 * _MARGIN) / high_m), box)


def _labels(points: Sequence[tuple[float, float]], names: Sequence[str], box: Box) -> dict[int, Label]:
    """A place for each name that has one: below, above, right or left of its marker, clear of all that stands there."""
    if len(points) > _LABELS_MAX:
        return {}
    taken: list[Rect] = [(x - _MARKER, y - _MARKER, x + _MARKER, y + _MARKER) for x, y in points]
    taken += box.furniture
    found: dict[int, Label] = {}
    for n, ((x, y), name) in enumerate(zip(points, names, strict=True)):
        wide = sum(13.5 if ord(letter) > 0x2E80 else 7.6 for letter in name) + 4
        for label, left in (
            (Label(x, y + _MARKER + 14, "middle"), x - wide / 2),
            (Label(x, y - _MARKER - 5, "middle"), x - wide / 2),
            (Label(x + _MARKER + 4, y + 5, "start"), x + _MARKER + 4),
            (Label(x - _MARKER - 4, y + 5, "end"), x - _MARKER - 4 - wide),
        ):
            rect = (left, label.y - _LINE + 4, left + wide, label.y + 4)
            inside = rect[0] >= 2 and rect[1] >= 2 and rect[2] <= box.width - 2 and rect[3] <= box.height - 2
            if inside and not any(_overlap(rect, other) for other in taken):
                taken.append(rect)
                found[n] = label._replace(x=round(label.x, 1), y=round(label.y, 1))
                break
    return found


def _overlap(a: Rect, b: Rect) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _weight(view: View) -> float:
    """The dirtier the air, the less a station is left out."""
    return view.pm25[0].mean if view.pm25 and view.freshness == "live" else -1.0


def _round_down(metres: float) -> int:
    """The largest of 1, 2, 5 times a power of ten that is not above `metres`."""
    power = 10 ** math.floor(math.log10(metres))
    return int(next(step * power for step in (5, 2, 1) if step * power <= metres))
