"""The push of sensor.community's airRohr firmware ("send data to own API"), as readings. Pure.

    {"esp8266id": "12345", "software_version": "NRZ-2020-133",
     "sensordatavalues": [{"value_type": "SDS_P1", "value": "17.43"}, {"value_type": "SDS_P2", "value": "8.20"}, ...]}

Values are texts of numbers; P1 is PM10, P2 is PM2.5, P0 is PM1 (firmware airrohr-firmware.ino, `add_Value2Json`).
There is no time: the readings are those of the moment at which they arrive.
"""

from __future__ import annotations

import re
from typing import Any, Final

from wire import strictjson
from wire.batch import Block

BYTES_MAX: Final = 4_096
VALUES_MAX: Final = 64
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?")

_PARTICLES: Final = {"P0": "pm1_raw_ugm3", "P1": "pm10_raw_ugm3", "P2": "pm25_raw_ugm3", "P4": "pm4_raw_ugm3"}
_WEATHER: Final = {"temperature": ("temp_c", 1.0), "humidity": ("rh_pct", 1.0), "pressure": ("press_hpa", 0.01)}
_OF_PARTICLES: Final = frozenset({"SDS", "PMS", "HPM", "NPM", "SPS30", "IPS"})
_OF_WEATHER: Final = frozenset({"", "BME280", "BMP", "BMP280", "HTU21D", "SHT3X", "DHT22", "DS18B20", "SCD30"})
_ALSO_AIR: Final = {"DNMS_noise_LAeq": "noise_db", "SCD30_co2_ppm": "co2_ppm"}


class NotReadable(ValueError):
    """Not a push of that firmware; the text says why, without repeating what was sent."""


def blocks(body: bytes, now_ms: int) -> list[Block]:
    """The readings in a push: one block a kind of sensor. Raises NotReadable.

    What is no measurement of ours (signal strength, counters of the firmware) is passed over.
    """
    if len(body) > BYTES_MAX:
        raise NotReadable(f"more than {BYTES_MAX} bytes")
    try:
        said = strictjson.loads(body)
    except strictjson.NotStrict as error:
        raise NotReadable("not an object in strict JSON") from error
    values = said.get("sensordatavalues")
    if not isinstance(values, list) or len(values) > VALUES_MAX:
        raise NotReadable(f"sensordatavalues is not a list of at most {VALUES_MAX}")
    air: dict[str, list[Any]] = {}
    weather: dict[str, list[Any]] = {}
    for entry in values:
        name, number = _entry(entry)
        model, _, what = name.rpartition("_")
        if model in _OF_PARTICLES and what in _PARTICLES:
            air.setdefault(_PARTICLES[what], [number])
        elif name in _ALSO_AIR:
            air.setdefault(_ALSO_AIR[name], [number])
        elif model in _OF_WEATHER and what in _WEATHER:
            field, factor = _WEATHER[what]
            weather.setdefault(field, [round(number * factor, 4)])
    found = [("air-1", "air_quality", air), ("weather-1", "weather", weather)]
    made = [Block(sensor, kind, [now_ms], fields) for sensor, kind, fields in found if fields]
    if not made:
        raise NotReadable("no particles, gas, noise, temperature, humidity or pressure in it")
    return made


def _entry(entry: Any) -> tuple[str, float]:
    if not isinstance(entry, dict):
        raise NotReadable("a value is not an object")
    name, text = entry.get("value_type"), entry.get("value")
    if not isinstance(name, str) or not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise NotReadable("a value is not a value_type with a number as text")
    return name, float(text)
