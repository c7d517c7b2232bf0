"""Vehicles passing a pole: a schedule, and what a sensor sees of it at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Vehicle:
    """Passes the pole at `t_s` with a constant speed, positive when it drives towards the sensor's face."""

    t_s: float
    speed_kmh: float
    length_m: float = 4.5
    offset_m: float = 4.0  # how far from the sensor's axis its lane is


@dataclass(slots=True)
class Road:
    """Vehicles by time of passing. Inbound ones are seen before they pass, outbound ones after."""

    vehicles: list[Vehicle] = field(default_factory=list)
    reach_m: float = 60.0
    near_m: float = 5.0

    def add(self, vehicle: Vehicle) -> None:
        """One more; those long gone are forgotten."""
        self.vehicles = [known for known in self.vehicles if known.t_s > vehicle.t_s - 60] + [vehicle]

    def targets(self, t_s: float) -> list[dict[str, float]]:
        """What a radar on the pole sees at `t_s`, nearest first."""
        seen = []
        for vehicle in self.vehicles:
            along_m = (vehicle.t_s - t_s) * vehicle.speed_kmh / 3.6
            if self.near_m <= along_m <= self.reach_m:
                angle = math.degrees(math.atan2(vehicle.offset_m, along_m))
                seen.append({"range_m": along_m, "angle_deg": angle, "speed_kmh": vehicle.speed_kmh,
                             "length_m": vehicle.length_m})  # fmt: skip
        return sorted(seen, key=lambda target: target["range_m"])

    def covered(self, t_s: float) -> Vehicle | None:
        """The vehicle under the pole at `t_s`, for a lidar or ultrasonic eye that looks down."""
        for vehicle in self.vehicles:
            if 0 <= (t_s - vehicle.t_s) * abs(vehicle.speed_kmh) / 3.6 <= vehicle.length_m:
                return vehicle
        return None
