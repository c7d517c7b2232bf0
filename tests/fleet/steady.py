"""A plain source: every batch has the same number of rows, every value says which node, row and time it is of."""

from __future__ import annotations

from wire.batch import Block
from wire.quantities import agent_fields

_FIELDS = (
    "pm1_raw_ugm3", "pm25_raw_ugm3", "pm10_raw_ugm3", "pm1_cf1_ugm3", "pm25_cf1_ugm3", "pm10_cf1_ugm3",
    "n_over03_per_dl", "n_over05_per_dl",
)  # fmt: skip


class Steady:
    """One air sensor a node: `rows` readings of `values` quantities in each batch, evenly over its period."""

    def __init__(self, rows: int = 10, values: int = 8, period_s: float = 10.0) -> None:
        known = agent_fields("air_quality")
        assert known is not None
        assert set(_FIELDS) <= known.keys()
        self._rows, self._names = rows, _FIELDS[:values]
        self._step_ms = max(1, round(period_s * 1000 / rows))

    def blocks(self, number: int, now_ms: int) -> list[Block]:
        """The batch of node `number` at `now_ms`."""
        times = [now_ms - self._step_ms * (self._rows - 1 - row) for row in range(self._rows)]
        base = number % 40 + now_ms // 1000 % 20
        fields = {name: [base + row % 3 + at for row in range(self._rows)] for at, name in enumerate(self._names)}
        return [Block("air-1", "air_quality", times, fields, {}, "plantower-pms5003@1")]
