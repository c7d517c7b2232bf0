"""Who passed the radars of one lamppost, by the city's own word: what its agent's counts must come to. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from simulator.city.traffic import Traffic


def passed(
    traffic: Traffic, node: str, radars: list[str], spans: Iterable[tuple[int, int]], from_m: float = 0.0
) -> dict[str, int]:
    """Vehicles of `from_m` and more within spans of UTC milliseconds, by node/radar/direction; all radars see all."""
    found = dict.fromkeys((f"{node}/{radar}/{direction}" for radar in radars for direction in ("in", "out")), 0)
    for since_ms, until_ms in spans if radars else ():
        for one in traffic.vehicles(since_ms, until_ms):
            for radar in radars if one.length_m >= from_m else ():
                found[f"{node}/{radar}/{'in' if one.speed_kmh > 0 else 'out'}"] += 1
    return found
