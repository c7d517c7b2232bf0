"""Traffic's part of the closed list: what an interval says of the vehicles that passed, and what a radar says of one.

Speeds and lengths travel as counts in *cells*, because counts of intervals may be added up and percentiles may not. A
cell is named by its lower edge and reaches to the next one; the last is open. A cell that is not told holds nobody.

    n_speed_045_kmh    vehicles from 45 up to, but not including, 50 km/h; n_speed_150_kmh: 150 km/h and more
    n_length_0600_cm   vehicles from 6.00 up to, but not including, 6.55 m

Every boundary between two classes of `measures/vehicle_classes.py` is an edge of a length cell, so any of its schemes
can be told from what is stored.
"""

from __future__ import annotations

from typing import Final

from wire.quantity import Quantity

SPEED_CELL_KMH: Final = 5
SPEED_EDGES_KMH: Final = tuple(range(0, 155, SPEED_CELL_KMH))
LENGTH_EDGES_CM: Final = (0, 198, 350, 600, 655, 1200, 1494)
SPEED_CELLS: Final = tuple(f"n_speed_{edge:03d}_kmh" for edge in SPEED_EDGES_KMH)
LENGTH_CELLS: Final = tuple(f"n_length_{edge:04d}_cm" for edge in LENGTH_EDGES_CM)
CELLS: Final = (*SPEED_CELLS, *LENGTH_CELLS)
DIRECTIONS: Final = frozenset({"in", "out", "any"})
"""What the tag `direction` may say: towards the sensor, away from it, not known."""

_FLOW, _SEEN = "traffic_flow", "detection"


def speed_cell(speed_kmh: float) -> str:
    """The name of the cell that a speed without sign belongs to."""
    return SPEED_CELLS[min(int(speed_kmh // SPEED_CELL_KMH), len(SPEED_CELLS) - 1)]


def length_cell(length_m: float) -> str:
    """The name of the cell that a length belongs to."""
    length_cm = round(length_m * 100)
    return next(
        name for name, edge in zip(reversed(LENGTH_CELLS), reversed(LENGTH_EDGES_CM), strict=True) if length_cm >= edge
    )


def _counted(name: str, zh: str, en: str, fiware: str | None = None) -> Quantity:
    return Quantity(name, _FLOW, True, "veh", "{vehicle}", 0, 100000, zh, en, fiware, "count")


def _speed(name: str, zh: str, en: str, fiware: str | None = None) -> Quantity:
    return Quantity(name, _FLOW, False, "km/h", "km/h", 0, 300, zh, en, fiware, "km/h")


def _cells(names: tuple[str, ...], edges: tuple[float, ...], unit: str, zh: str, en: str) -> list[Quantity]:
    """Quantities of cells, named by their edges."""
    tops = (*(f"{edge:g}" for edge in edges[1:]), None)
    spans = [f"{low:g}–{top} {unit}" if top else f"≥{low:g} {unit}" for low, top in zip(edges, tops, strict=True)]
    return [_counted(name, f"{zh} {span}", f"{en} {span}") for name, span in zip(names, spans, strict=True)]


TRAFFIC: Final = (
    _counted("count", "车辆数", "vehicles counted", "intensity"),
    _counted("heavy_count", "大型车数", "heavy vehicles counted"),
    _counted("wrong_way_count", "逆行车数", "vehicles against the lane's direction"),
    Quantity("duration_s", _FLOW, False, "s", "s", 0, 86400, "统计时长", "interval length", None, "s"),
    Quantity("flow_vph", _FLOW, False, "veh/h", "{vehicle}/h", 0, 20000, "流量", "flow"),
    _speed("speed_tms_kmh", "时间平均车速", "time-mean speed", "averageVehicleSpeed"),
    _speed("speed_sms_kmh", "空间平均车速", "space-mean speed"),
    _speed("v15_kmh", "15% 位车速", "15th percentile speed"),
    _speed("v50_kmh", "50% 位车速", "median speed"),
    _speed("v85_kmh", "85% 位车速", "85th percentile speed"),
    Quantity("occupancy_ratio", _FLOW, False, "1", "1", 0, 1, "时间占有率", "occupancy", "occupancy", "/"),
    Quantity("headway_s", _FLOW, False, "s", "s", 0, 86400, "车头时距", "mean headway", "averageHeadwayTime", "s"),
    *_cells(SPEED_CELLS, SPEED_EDGES_KMH, "km/h", "车速", "vehicles of"),
    *_cells(LENGTH_CELLS, tuple(edge / 100 for edge in LENGTH_EDGES_CM), "m", "车长", "vehicles of length"),
    # What a radar or lidar says of one vehicle; never leaves the device.
    Quantity("speed_kmh", _SEEN, False, "km/h", "km/h", -400, 400, "瞬时车速", "speed of one target, positive inbound"),
    Quantity(
        "speed_abs_kmh", _SEEN, False, "km/h", "km/h", 0, 400, "瞬时车速（无方向）", "speed of one target, no sign"
    ),
    Quantity("range_m", _SEEN, False, "m", "m", 0, 500, "距离", "distance of one target"),
    Quantity("length_m", _SEEN, False, "m", "m", 0, 60, "车长", "length of one vehicle"),
    Quantity("angle_deg", _SEEN, False, "°", "deg", -180, 180, "角度", "angle of one target"),
    Quantity("x_m", _SEEN, False, "m", "m", -500, 500, "横向位置", "position of one target across the axis"),
    Quantity("y_m", _SEEN, False, "m", "m", 0, 500, "纵向位置", "position of one target along the axis"),
    Quantity("magnitude", _SEEN, False, "1", "1", 0, 1e6, "回波强度", "signal strength of one target, maker's units"),
)
