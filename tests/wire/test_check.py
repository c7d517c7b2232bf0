"""Every value of a batch is looked at, by whichever of the checker's roads its column takes."""

from __future__ import annotations

import math
import sys
import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wire.check import check
from wire.quantities import agent_fields

T0 = 1_790_000_000_000
WHOLE, ANY = "count", "speed_tms_kmh"  # vehicles are counted
LIMIT = 2**63

_odd = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(width=32, allow_nan=False),  # JSON has no NaN, and what reads it refuses one
    st.sampled_from([12.0, 1e308, math.inf, -math.inf, LIMIT, LIMIT - 1, -LIMIT, -LIMIT + 1, 10**400, -(10**400)]),
    st.text(max_size=2),
    st.just([1]),
)
_columns = st.integers(1, 8).flatmap(
    lambda rows: st.tuples(*[_column(rows)] * 2),
)


def _column(rows: int) -> st.SearchStrategy[list[Any]]:
    """Whole numbers, as most sensors give them, and columns in which anything may stand."""
    whole = st.lists(st.integers(-3, 70_000), min_size=rows, max_size=rows)
    mixed = st.lists(st.one_of(st.integers(-3, 3), _odd), min_size=rows, max_size=rows)
    return st.one_of(whole, mixed)


def _is_sound(value: Any, whole: bool) -> bool:
    if value is None:
        return True
    if type(value) not in (int, float) or abs(value) > sys.float_info.max:
        return False
    return not whole or (float(value).is_integer() and -LIMIT < value < LIMIT)


@given(_columns)
def test_a_row_is_kept_when_every_value_in_it_is_a_number_of_its_kind_and_some_value_is_there(
    columns: tuple[list[Any], list[Any]],
) -> None:
    fields = {WHOLE: columns[0], ANY: columns[1]}
    kinds = agent_fields("traffic_flow")
    assert kinds is not None
    rows = list(zip(*columns, strict=True))
    sound = [
        row
        for row, values in enumerate(rows)
        if all(_is_sound(value, kinds[name]) for name, value in zip(fields, values, strict=True))
        and any(value is not None for value in values)
    ]
    raw = {
        "sensor": "loop-1",
        "kind": "traffic_flow",
        "t0": T0,
        "dt": [1000 * row for row in range(len(rows))],
        "fields": {name: list(column) for name, column in fields.items()},
    }

    checked = check([raw], T0 + 1_000_000)

    refused = {refusal.row for refusal in checked.refusals}
    assert refused == set(range(len(rows))) - set(sound)
    kept = [block.fields for block in checked.blocks]
    assert kept == ([{name: [column[row] for row in sound] for name, column in fields.items()}] if sound else [])
    for block in checked.blocks:
        for name, (least, most, is_int) in block.spans.items():
            present = [value for value in block.fields[name] if value is not None]
            assert (least, most) == (min(present), max(present))
            assert is_int == all(type(value) is int for value in block.fields[name])


def _blocks(count: int) -> list[dict[str, Any]]:
    fields = {"pm25_raw_ugm3": [1]}
    return [
        {"sensor": "air-1", "kind": "air_quality", "t0": T0 + at, "dt": [0], "fields": fields} for at in range(count)
    ]


def _cpu_s(count: int) -> float:
    blocks, best = _blocks(count), math.inf
    for _ in range(3):
        began_s = time.process_time()
        check(blocks, T0 + 10**6)
        best = min(best, time.process_time() - began_s)
    return best


def test_a_row_in_many_blocks_of_one_series_is_held_against_all_before_it_and_costs_no_more_than_others() -> None:
    """Each block looked at all rows before it anew: a hostile batch of 5,000 took a second."""
    checked = check([*_blocks(9), *_blocks(1)], T0 + 10**6)
    assert [(refused.block, refused.reason) for refused in checked.refusals] == [(9, "a second row of that time")]
    assert _cpu_s(4000) < 24 * _cpu_s(500), "eight times as many"
