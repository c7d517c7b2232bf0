"""Every number of four bytes that a profile can name, in each order of bytes and words, alone and beside others."""

from __future__ import annotations

import struct
from itertools import product
from typing import get_args

import pytest

from device_profiles.messages import Field, NumberType
from edge_agent.sensors.fields import plan, readers

SIGNS, ORDERS = {"u32": "I", "i32": "i", "f32": "f"}, ("be", "le", "be_low_word_first")
VALUES = {"u32": (0, 1, 0x01020304, 2**32 - 1), "i32": (0, -1, 0x01020304, -(2**31)), "f32": (0.0, -42.5, 21.125, 1e9)}


def frame(code: str, order: str, value: float) -> bytes:
    data = struct.pack(("<" if order == "le" else ">") + code, value)
    return data[2:] + data[:2] if order == "be_low_word_first" else data


def read(fields: list[Field], data: bytes) -> list[float | None]:
    raws = [raw for unpack, _, at in readers(fields) for raw in unpack(data, at)]
    finishes = [plan(field)[1] for field in fields]
    return [raw if finish is None else finish(raw) for finish, raw in zip(finishes, raws, strict=True)]


@pytest.mark.parametrize(("sign", "order"), list(product(SIGNS, ORDERS)))
def test_four_bytes_are_the_number_that_was_written(sign: str, order: str) -> None:
    """Floats with their low word first, the commonest order of Modbus meters, could not be said."""
    kind = f"{sign}{order}"
    assert kind in get_args(NumberType)
    beside = Field.model_validate({"name": "beside", "at": 0, "type": "u16be"})
    number = Field.model_validate({"name": "number", "at": 2, "type": kind})
    for value in VALUES[sign]:
        assert read([beside, number], b"\x12\x34" + frame(SIGNS[sign], order, value)) == [0x1234, value]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_float_that_is_no_number_is_no_value(order: str, value: float) -> None:
    field = Field.model_validate({"quantity": "temp_c", "at": 0, "type": f"f32{order}"})
    assert read([field], frame("f", order, value)) == [None]
