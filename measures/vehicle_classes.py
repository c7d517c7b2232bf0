"""Classes of vehicles by length: what a simple radar can tell, in the words of three standards.

A radar knows a length, to a metre or so. It sees neither axles nor trailers, so none of the full schemes can be told:
not the 13 axle classes of FHWA's Scheme F, not the 8+1 of TLS 2012, not the seven types of the Chinese traffic survey.
What each of them says of length is told, and is called indicative.

    cn     GA 802-2019, table 1, by length alone: to 3.5 m mini (微型), under 6 m small or light; from 6 m a passenger
           vehicle is large and a lorry medium or heavy by its mass, which no radar knows. What is called medium and
           large here is parted at 12 m, the longest rigid lorry of GB 1589-2016: ours, not GA 802's
    fhwa   the four bins of pooled-fund study TPF-5(192), MN/RC 2012-33 (Weinblatt, Minge and Petersen, TRR 2339:
           motorcycles, short, medium, long): to 6.5 ft, 21.5 ft, 49 ft
    tls    TLS 2012, two groups: car-like (Pkw-ähnlich: motorcycles, cars, vans to 3.5 t, what cannot be told) and
           lorry-like (Lkw-ähnlich: cars with trailers, lorries, buses). TLS parts by signature; the 6 m are ours

What was compared with which text is said in docs/traffic.md.

Lengths are metres. A scheme is its classes in order, each with the length it begins at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

HEAVY_FROM_M: Final = 6.0
"""From here a vehicle counts as heavy: where GA 802-2019 parts small and light from all that is larger."""


class VehicleClass(NamedTuple):
    """One class of a scheme."""

    name: str
    from_m: float
    zh: str
    en: str


SCHEMES: Final[dict[str, tuple[VehicleClass, ...]]] = {
    "cn": (
        VehicleClass("mini", 0.0, "微型车", "mini"),
        VehicleClass("small", 3.5, "小型车", "small"),
        VehicleClass("medium", 6.0, "中型车", "medium"),
        VehicleClass("large", 12.0, "大型车", "large"),
    ),
    "fhwa": (
        VehicleClass("motorcycle", 0.0, "摩托车", "motorcycle"),
        VehicleClass("short", 1.98, "短车", "short"),
        VehicleClass("medium", 6.55, "中长车", "medium"),
        VehicleClass("long", 14.94, "长车", "long"),
    ),
    "tls": (
        VehicleClass("car-like", 0.0, "类轿车", "car-like"),
        VehicleClass("lorry-like", 6.0, "类货车", "lorry-like"),
    ),
}


def class_of(length_m: float, scheme: str) -> VehicleClass:
    """The class of a length; ValueError for a negative one, KeyError for an unknown scheme."""
    if not length_m >= 0:
        raise ValueError(f"{length_m} m is no length")
    return [one for one in SCHEMES[scheme] if one.from_m <= length_m][-1]


def classified(cells: Mapping[float, int], scheme: str) -> dict[str, int]:
    """Vehicles of each class of a scheme, from vehicles by the lower edge (m) of their length cell.

    The edges must be those of the scheme and more (`missing_edges`), or a class would begin inside a cell.
    """
    found = {one.name: 0 for one in SCHEMES[scheme]}
    for edge_m, count in cells.items():
        found[class_of(edge_m, scheme).name] += count
    return found


def missing_edges(edges_m: Sequence[float]) -> set[float]:
    """Boundaries of any scheme that are not among these edges of cells; none may be missing."""
    return {one.from_m for classes in SCHEMES.values() for one in classes} - set(edges_m)
