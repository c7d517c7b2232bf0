"""Thinning: a minute that stands for its readings has the means that they have."""

from __future__ import annotations

import math

import pytest

from edge_agent.reading import Reading, Series
from edge_agent.spool.thinning import thin

WEATHER = Series("wxt", "weather", (), "vaisala-wxt@1")
NOISE = Series("noise", "air_quality", (), "rs485-modbus-weather@1")
LANE = Series("radar-1", "traffic_flow", (("direction", "in"), ("lane", "1")), "omnipresense-ops243a@1")
T0 = 1_790_000_040_000


def minute(series: Series, *rows: dict[str, float | int]) -> dict[str, float | int]:
    (row,), others = thin([Reading(series, T0 + 10_000 * n, values) for n, values in enumerate(rows)])
    assert (row.time_ms, others) == (T0, [])
    return row.values


def test_a_minute_of_northerly_wind_is_not_southerly() -> None:
    found = minute(WEATHER, *({"wind_dir_deg": degrees, "wind_speed_ms": 2.0} for degrees in (350, 10, 355, 5)))
    assert found == {
        "wind_dir_deg_mean": pytest.approx(0.0, abs=1e-3), "wind_dir_deg_n": 4,
        "wind_speed_ms_mean": 2.0, "wind_speed_ms_min": 2.0, "wind_speed_ms_max": 2.0, "wind_speed_ms_n": 4,
    }  # fmt: skip
    assert minute(WEATHER, {"wind_dir_deg": 0}, {"wind_dir_deg": 180}) == {"wind_dir_deg_n": 2}


def test_sound_adds_up_as_energy() -> None:
    found = minute(NOISE, {"noise_db": 80.0}, {"noise_db": 60.0})
    assert found["noise_db_mean"] == pytest.approx(10 * math.log10((1e8 + 1e6) / 2), abs=1e-4)
    assert (found["noise_db_min"], found["noise_db_max"]) == (60.0, 80.0)


def test_speeds_of_short_intervals_are_those_of_their_vehicles() -> None:
    found = minute(
        LANE,
        {"count": 9, "duration_s": 10, "speed_tms_kmh": 30.0, "speed_sms_kmh": 30.0, "occupancy_ratio": 0.9},
        {"count": 1, "duration_s": 10, "speed_tms_kmh": 60.0, "speed_sms_kmh": 60.0, "occupancy_ratio": 0.1},
        {"count": 0, "duration_s": 40, "occupancy_ratio": 0.0},
    )
    assert found["speed_tms_kmh_mean"] == pytest.approx((9 * 30 + 60) / 10)
    assert found["speed_sms_kmh_mean"] == pytest.approx(10 / (9 / 30 + 1 / 60), abs=1e-4)
    assert found["occupancy_ratio_mean"] == pytest.approx((9 + 1) / 60, abs=1e-4)
    assert found["count_mean"] * found["count_n"] == pytest.approx(10, abs=1e-3)
