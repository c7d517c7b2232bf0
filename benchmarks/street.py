"""What a particle counter says on a street: a level that wanders over the day, and noise, in whole numbers."""

from __future__ import annotations

import random

PARTICLES = {"n_over03_per_dl": 45.0, "n_over05_per_dl": 13.0, "n_over1_per_dl": 2.0, "n_over25_per_dl": 0.3}
MASSES = {"pm1_raw_ugm3": 0.65, "pm25_raw_ugm3": 1.0, "pm10_raw_ugm3": 1.25, "pm25_cf1_ugm3": 1.1}


class Street:
    """Eight values a reading."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._level = 40.0

    def values(self) -> dict[str, float | int]:
        """One second passes."""
        rng = self._rng
        self._level = max(3.0, self._level + rng.gauss(0, 0.15) + (40 - self._level) / 7200)
        shared = self._level * rng.gauss(1, 0.03)
        masses: dict[str, float] = {name: round(shared * share * rng.gauss(1, 0.01)) for name, share in MASSES.items()}
        return masses | {name: round(shared * many * rng.gauss(1, 0.04)) for name, many in PARTICLES.items()}
