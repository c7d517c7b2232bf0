"""What lies under the stations on the map: roads, water, green, from a GeoJSON file that the settings name.

None is shipped, and none is fetched: a city brings its own (an extract of OpenStreetMap, the survey office's roads)
with the words that its licence wants. It becomes one small picture for each size of the map, kept by browsers until the
stations or the file change, so that live updates do not carry it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collector.web.map import Frame

FILE_BYTES_MAX: Final = 32 * 2**20
POINTS_MAX: Final = 500_000
PICTURE_BYTES_MAX: Final = 60_000
PICTURES_MAX: Final = 16
_FINE: Final = 0.6  # of the picture's units: what is thinner than a line's own width is not seen
_OVER: Final = 20.0  # how far a line is followed beyond the edge

Point = tuple[float, float]
_STYLES: Final = {  # presentation attributes: the pages' policy allows no style inside a picture
    "green": 'fill="#4c9a52" fill-opacity=".16" stroke="none"',
    "lake": 'fill="#3c8dbc" fill-opacity=".25" stroke="none"',
    "river": 'fill="none" stroke="#3c8dbc" stroke-opacity=".5" stroke-width="2.2"',
    "minor": 'fill="none" stroke="#8a8f8c" stroke-opacity=".45" stroke-width="1.1"',
    "major": 'fill="none" stroke="#8a8f8c" stroke-opacity=".7" stroke-width="2.6"',
}
"""In the order in which they lie on each other. Greys and thin colours that serve in light and dark alike."""
_MAJOR: Final = frozenset({"motorway", "trunk", "primary", "major"})


class BadBackdrop(ValueError):
    """The file cannot be used; the text names it, where, and what is wanted."""


@dataclass(slots=True)
class Backdrop:
    """Lines and areas by style, in degrees [lon, lat], and the words of their licence."""

    attribution: str
    shapes: dict[str, list[list[Point]]]
    digest: str = ""
    _pictures: dict[str, str] = field(default_factory=dict)

    def address(self, frame: Frame) -> str:
        """Where the picture for a map is served; drawn the first time it is asked for."""
        key = hashlib.sha256(f"{self.digest} {frame}".encode()).hexdigest()[:16]
        if key not in self._pictures:
            while len(self._pictures) >= PICTURES_MAX:
                del self._pictures[next(iter(self._pictures))]
            self._pictures[key] = picture(self.shapes, frame)
        return f"/map/{key}.svg"

    def picture(self, key: str) -> str | None:
        """The picture of that address; None when no page refers to it any more."""
        return self._pictures.get(key)


def load(file: Path, attribution: str) -> Backdrop:
    """Read a GeoJSON file. Raises BadBackdrop; OSError as it comes."""
    raw = file.read_bytes()
    if len(raw) > FILE_BYTES_MAX:
        raise BadBackdrop(
            f"{file}: more than {FILE_BYTES_MAX // 2**20} MB: cut out the city, drop footpaths and houses"
        )
    try:
        data = json.loads(raw)
        shapes: dict[str, list[list[Point]]] = {style: [] for style in _STYLES}
        points = 0
        for number, feature in enumerate(_features(data)):
            for area, line in _lines(_object(feature, "geometry"), f"{file}: feature {number}"):
                points += len(line)
                shapes[_style(_object(feature, "properties"), area)].append(line)
    except BadBackdrop:
        raise
    except (ValueError, RecursionError) as error:
        raise BadBackdrop(f"{file}: not JSON: {error}") from error
    if points > POINTS_MAX:
        raise BadBackdrop(f"{file}: {points} points, at most {POINTS_MAX}: cut out the city, or simplify")
    if points == 0:
        raise BadBackdrop(f"{file}: no lines or areas; a GeoJSON FeatureCollection of them is wanted")
    return Backdrop(attribution, shapes, hashlib.sha256(raw).hexdigest())


def picture(shapes: dict[str, list[list[Point]]], frame: Frame) -> str:
    """SVG of what a map shows; coarser where it would be larger than `PICTURE_BYTES_MAX`."""
    runs = {style: [run for line in lines for run in _runs(line, frame)] for style, lines in shapes.items()}
    tolerance = _FINE
    while True:  # what was made simpler once is made simpler still
        runs = {style: [fine for run in some if (fine := _simplified(run, tolerance))] for style, some in runs.items()}
        paths = {style: "".join(map(_path, some)) for style, some in runs.items()}
        drawn = "".join(f'<path d="{path}" {_STYLES[style]}/>' for style, path in paths.items() if path)
        if len(drawn) <= PICTURE_BYTES_MAX:
            break
        tolerance *= 1.6
    box = frame.box
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {box.width} {box.height}" width="{box.width}"'
        f' height="{box.height}" stroke-linejoin="round" stroke-linecap="round">{drawn}</svg>'
    )


def _features(data: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(data, dict):
        return
    if data.get("type") == "FeatureCollection" and isinstance(data.get("features"), list):
        yield from (one for one in data["features"] if isinstance(one, dict))
    elif data.get("type") == "Feature":
        yield data
    elif "coordinates" in data:
        yield {"geometry": data}


def _object(feature: dict[str, Any], name: str) -> dict[str, Any]:
    found = feature.get(name)
    return found if isinstance(found, dict) else {}


def _lines(geometry: dict[str, Any], where: str) -> Iterator[tuple[bool, list[Point]]]:
    """The lines of a geometry, each with whether it bounds an area. Points are passed over."""
    depth = {"LineString": 0, "MultiLineString": 1, "Polygon": 1, "MultiPolygon": 2}.get(str(geometry.get("type")))
    if depth is None:
        return
    try:
        nested: list[Any] = [geometry["coordinates"]]
        for _ in range(depth):
            nested = [inner for outer in nested for inner in outer]
        for line in nested:
            points = [(float(point[0]), float(point[1])) for point in line]
            if not all(abs(lon) <= 180 and abs(lat) <= 90 for lon, lat in points):
                raise BadBackdrop(f"{where}: not degrees (EPSG:4326 is wanted, longitude first)")
            if len(points) > 1:
                yield "Polygon" in str(geometry["type"]), points
    except BadBackdrop:
        raise
    except (KeyError, TypeError, IndexError, ValueError, OverflowError) as error:
        raise BadBackdrop(f"{where}: coordinates of {geometry['type']} are not as GeoJSON has them") from error


def _style(properties: dict[str, Any], area: bool) -> str:
    """By the keys of OpenStreetMap, or by `kind`: water, green, major."""
    kind = str(properties.get("kind", ""))
    water = kind == "water" or "waterway" in properties or properties.get("natural") == "water"
    if water:
        return "lake" if area else "river"
    if area:
        return "green"
    return "major" if kind == "major" or str(properties.get("highway", "")).removesuffix("_link") in _MAJOR else "minor"


def _runs(line: Sequence[Point], frame: Frame) -> Iterator[list[Point]]:
    """The parts of a line that the map shows, in the picture's units."""
    points = [frame.place(lat, lon) for lon, lat in line]
    box = frame.box
    run: list[Point] = []
    for before, after in pairwise(points):
        left, right = sorted((before[0], after[0]))
        top, bottom = sorted((before[1], after[1]))
        if right < -_OVER or left > box.width + _OVER or bottom < -_OVER or top > box.height + _OVER:
            if run:
                yield run
            run = []
            continue
        run += [after] if run else [before, after]
    if run:
        yield run


def _path(run: Sequence[Point]) -> str:
    """Points as path data."""
    return "M" + "L".join(f"{_short(x)} {_short(y)}" for x, y in run)


def _simplified(line: list[Point], tolerance: float) -> list[Point]:
    """Douglas and Peucker: points nearer to the line between those kept than `tolerance` go. Without recursion."""
    keep = {0, len(line) - 1}
    spans = [(0, len(line) - 1)]
    while spans:
        start, end = spans.pop()
        furthest, at = tolerance, None
        for number in range(start + 1, end):
            away = _distance(line[number], line[start], line[end])
            if away > furthest:
                furthest, at = away, number
        if at is not None:
            keep.add(at)
            spans += [(start, at), (at, end)]
    made = [line[number] for number in sorted(keep)]
    extent = max(math.dist(made[0], point) for point in made)
    return made if extent > tolerance * 2 else []  # a speck


def _distance(point: Point, start: Point, end: Point) -> float:
    across, down = end[0] - start[0], end[1] - start[1]
    length = math.hypot(across, down)
    if length == 0:
        return math.dist(point, start)
    return abs(across * (start[1] - point[1]) - (start[0] - point[0]) * down) / length


def _short(value: float) -> str:
    return f"{min(max(value, -9999.0), 9999.0):.1f}".removesuffix(".0")
