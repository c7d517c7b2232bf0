"""Streets, a river and a park of an invented city around the tests' stations, as GeoJSON. No real place."""

from __future__ import annotations

import json
import math
from typing import Any

LAT, LON = 39.95, 116.41


def ring(radius: float, points: int = 120) -> list[list[float]]:
    """A closed road around the middle, in degrees of latitude."""
    turns = [2 * math.pi * n / points for n in range(points + 1)]
    return [[LON + 1.3 * radius * math.cos(t), LAT + radius * math.sin(t)] for t in turns]


def streets() -> str:
    """A FeatureCollection with the keys of OpenStreetMap."""
    lines: list[tuple[str, Any, dict[str, str]]] = [
        ("LineString", ring(radius), {"highway": kind})
        for radius, kind in ((0.03, "primary"), (0.06, "trunk"), (0.1, "motorway"))
    ]
    for n in range(-12, 13):
        across = [[LON - 0.2, LAT + n * 0.012], [LON + 0.2, LAT + n * 0.012]]
        down = [[LON + n * 0.016, LAT - 0.15], [LON + n * 0.016, LAT + 0.15]]
        lines += [("LineString", across, {"highway": "residential"}), ("LineString", down, {"highway": "tertiary"})]
    river = [[LON - 0.15 + n * 0.003, LAT - 0.04 + 0.02 * math.sin(n / 9)] for n in range(110)]
    park = [[LON + 0.02, LAT + 0.01], [LON + 0.05, LAT + 0.01], [LON + 0.05, LAT + 0.03], [LON + 0.02, LAT + 0.01]]
    lines += [("LineString", river, {"waterway": "river"}), ("Polygon", [park], {"leisure": "park"})]
    features = [
        {"type": "Feature", "properties": said, "geometry": {"type": kind, "coordinates": where}}
        for kind, where, said in lines
    ]
    return json.dumps({"type": "FeatureCollection", "features": features})
