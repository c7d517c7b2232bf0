"""What the screens of the agent say of values and lengths of time."""

from __future__ import annotations

import pytest

from edge_agent.screens.words import reading, span
from wire.both import zh


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"pm25_raw_ugm3": 37, "pm10_raw_ugm3": 58.04}, "PM2.5 37  PM10 58 µg/m³"),
        ({"speed_kmh": -48.528}, "speed -48.5 km/h"),
        ({"pm25_raw_ugm3": 0.0}, "PM2.5 0 µg/m³"),
        ({"pm25_raw_ugm3": 9.96}, "PM2.5 10 µg/m³"),
        ({"co_raw_ppm": 0.04}, "CO 0.04 ppm"),
        ({"voc_grade": 2}, "voc_grade 2"),
        ({"temp_c": -10.0, "rh_pct": 50.0, "no2_raw_ppb": 42}, "NO2 42 ppb  T -10 °C"),
        ({"so2_raw_ppb": 7, "temp_c": 21.0, "rh_pct": 50.0}, "SO2 7 ppb"),
        ({"lat_deg": 39.90871, "lon_deg": 116.46053, "satellites": 9}, "lat 39.9087  lon 116.4605 °"),
        ({"press_hpa": 1013.25}, "1013.2"),
    ],
)
def test_a_value_is_said_without_false_precision(values: dict[str, float], said: str) -> None:
    assert said in reading(values)


def test_a_value_has_a_name_in_chinese() -> None:
    assert zh(reading({"wind_speed_ms": 2.5, "wind_dir_deg": 0.0})) == "风速 2.5 m/s  风向 0 °"


def test_a_length_of_time_has_two_units_at_most() -> None:
    assert [span(seconds) for seconds in (0, 59, 60, 3_661, 90_000)] == ["0 s", "59 s", "1 min", "1 h 1 min", "1 d 1 h"]
