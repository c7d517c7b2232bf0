"""Citizens' sensors: what the firmware pushes becomes readings, and 200 means that the database has them."""

from __future__ import annotations

import base64
import contextlib
import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.adapters import airrohr
from collector.city import _place
from collector.config import Station
from tests.rig import Rig
from tests.servers import Influxd, Mosquitto

PUSH = {
    "esp8266id": "12345678",
    "software_version": "NRZ-2020-133",
    "sensordatavalues": [
        {"value_type": "SDS_P1", "value": "17.43"},
        {"value_type": "SDS_P2", "value": "0.00"},
        {"value_type": "BME280_temperature", "value": "-3.20"},
        {"value_type": "BME280_pressure", "value": "101325.00"},
        {"value_type": "BME280_humidity", "value": "65.4"},
        {"value_type": "samples", "value": "4612345"},
        {"value_type": "signal", "value": "-71"},
    ],
}


def test_a_push_becomes_particles_and_weather_in_our_units() -> None:
    air, weather = airrohr.blocks(json.dumps(PUSH).encode(), 1_790_000_000_000)
    assert air.fields == {"pm10_raw_ugm3": [17.43], "pm25_raw_ugm3": [0.0]}, "zero is a value"
    assert weather.fields == {"temp_c": [-3.2], "press_hpa": [1013.25], "rh_pct": [65.4]}
    assert {block.kind for block in (air, weather)} == {"air_quality", "weather"}


def test_noise_carbon_dioxide_and_a_thermometer_of_their_own_are_read() -> None:
    told = {
        "DNMS_noise_LAeq": "61.50",
        "DNMS_noise_LA_max": "70.00",
        "SCD30_co2_ppm": "412.00",
        "DS18B20_temperature": "-1.25",
    }
    values = [{"value_type": name, "value": value} for name, value in told.items()]
    air, weather = airrohr.blocks(json.dumps({"sensordatavalues": values}).encode(), 1_790_000_000_000)
    assert (air.fields, weather.fields) == ({"noise_db": [61.5], "co2_ppm": [412.0]}, {"temp_c": [-1.25]})


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b'{"sensordatavalues": 1}', b'{"sensordatavalues": [1]}', b"x" * 5000,
        b'{"sensordatavalues": [{"value_type": "SDS_P1", "value": "NaN"}]}',
        '{"sensordatavalues": [{"value_type": "SDS_P1", "value": "１７"}]}'.encode(),
        b'{"sensordatavalues": [{"value_type": "signal", "value": "-71"}]}',
    ],
)  # fmt: skip
def test_what_is_no_push_is_refused_in_words(body: bytes) -> None:
    with pytest.raises(airrohr.NotReadable):
        airrohr.blocks(body, 1_790_000_000_000)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(airrohr.NotReadable):
        assert airrohr.blocks(body, 1_790_000_000_000)


def test_a_place_is_no_finer_than_its_owner_agreed() -> None:
    exact = Station(node="b-1", zh="阳台", en="Balcony", lat=39.908712, lon=116.460533, within_m=1000)
    near = exact.model_copy(update={"lat": 39.9081, "lon": 116.4609})
    assert _place(exact) == _place(near) != (exact.lat, exact.lon)
    assert _place(exact.model_copy(update={"within_m": None})) == (39.908712, 116.460533)


@pytest.mark.real
@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.long)])
def test_two_hundred_means_that_the_database_has_it(tmp_path: Path, workers: int) -> None:
    broker, database = Mosquitto(tmp_path / "mosquitto"), Influxd(tmp_path / "influxd")
    broker.start()
    database.start()
    rig = Rig(tmp_path, broker, database)
    (tmp_path / "secret").write_text("correct horse\n")
    push = {"site": "dongcheng", "secret_file": str(tmp_path / "secret")}
    try:
        stations = [{"node": "balcony-1", "zh": "阳台", "en": "Balcony", "push": push}]
        rig.collector(stations=stations).with_workers(workers).start()
        rig.wait_for_page()
        assert _send(rig, "balcony-1:wrong") == 401
        assert _send(rig, "balcony-2:correct horse") == 401
        assert _send(rig, "balcony-1:correct horse", b"{}") == 400
        status = 503
        while status == 503:  # until the collector knows that it is the active one
            status = _send(rig, "balcony-1:correct horse")
        assert status == 200
        assert rig.rows("air_quality", "pm25_raw_ugm3", "qc", node="balcony-1")[0][1:] == [0, 1]
        page = urllib.request.urlopen(f"http://127.0.0.1:{rig.page_port}/en/", timeout=10).read().decode()
        assert "Balcony (citizen)" in page
        database.stop()
        assert _send(rig, "balcony-1:correct horse") == 503
    finally:
        rig.close()
        broker.stop()
        database.stop()


def _send(rig: Rig, who: str, body: bytes | None = None) -> int:
    """The status that the firmware would see."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{rig.page_port}/push/airrohr", json.dumps(PUSH).encode() if body is None else body
    )
    request.add_header("Authorization", "Basic " + base64.b64encode(who.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code
