"""The closed list of quantities: every name a batch, a profile, a rule or a page may use, with unit and meaning.

A field has one type for ever: InfluxDB refuses a float where an integer was first. Names carry their unit. A quantity
with a raw twin comes from an agent only as the twin; the collector derives it with the calibration in force.
Detections (kind `detection`) are what a radar says of one vehicle: they stay inside the device, which sends counts.

Sources of names: FIWARE AirQualityObserved 0.1.4 and TrafficFlowObserved 0.0.1; SenML RFC 8428 and RFC 8798; UCUM.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from wire.quantity import Quantity as Quantity
from wire.traffic import TRAFFIC


class Kind(NamedTuple):
    """One measurement: the tags a block of it carries beside site, node and sensor."""

    name: str
    tags: tuple[str, ...] = ()
    from_agent: bool = True
    on_wire: bool = True
    sensor: bool = True  # False: of the node itself, the block's sensor is "node" and is not stored as a tag


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("air_quality"),
        Kind("weather"),
        Kind("traffic_flow", tags=("lane", "direction")),
        Kind("position"),
        Kind("detection", on_wire=False),
        Kind("node_health", sensor=False),
        Kind("sensor_ledger"),
        Kind("gap", tags=("reason",)),
    )
}

_AIR, _WEATHER, _TRAFFIC = "air_quality", "weather", "traffic_flow"
_HEALTH, _LEDGER, _GAP, _POSITION = "node_health", "sensor_ledger", "gap", "position"


def _twins(
    name: str,
    raw: str,
    unit: str,
    ucum: str,
    high: float,
    words: tuple[str, str, str | None],
    raw_unit: str,
    raw_ucum: str,
    raw_high: float,
) -> tuple[Quantity, Quantity]:
    """A value after calibration, and what an agent sends in its place. `words`: Chinese, English, FIWARE's name."""
    zh, en, fiware = words
    return (
        Quantity(name, _AIR, False, unit, ucum, -50.0, high, zh, en, fiware, None, raw),
        Quantity(raw, _AIR, False, raw_unit, raw_ucum, -50.0, raw_high, zh + "（原始）", en + ", raw"),
    )


def _air(name: str, unit: str, ucum: str, high: float, zh: str, en: str) -> Quantity:
    return Quantity(name, _AIR, False, unit, ucum, 0, high, zh, en)


def _weather(name: str, unit: str, ucum: str, low: float, high: float, zh: str, en: str) -> Quantity:
    return Quantity(name, _WEATHER, False, unit, ucum, low, high, zh, en)


_QUANTITIES: Final = (
    # Air: values after calibration beside what the sensor said.
    *_twins("pm1_ugm3", "pm1_raw_ugm3", "µg/m³", "ug/m3", 2000, ("PM1", "PM1", "pm1"), "µg/m³", "ug/m3", 2000),
    *_twins("pm25_ugm3", "pm25_raw_ugm3", "µg/m³", "ug/m3", 2000, ("PM2.5", "PM2.5", "pm25"), "µg/m³", "ug/m3", 2000),
    *_twins("pm10_ugm3", "pm10_raw_ugm3", "µg/m³", "ug/m3", 3000, ("PM10", "PM10", "pm10"), "µg/m³", "ug/m3", 3000),
    *_twins(
        "no2_ugm3", "no2_raw_ppb", "µg/m³", "ug/m3", 4000, ("二氧化氮", "nitrogen dioxide", "no2"), "ppb", "[ppb]", 2000
    ),
    *_twins("no_ugm3", "no_raw_ppb", "µg/m³", "ug/m3", 4000, ("一氧化氮", "nitric oxide", "no"), "ppb", "[ppb]", 3000),
    *_twins("o3_ugm3", "o3_raw_ppb", "µg/m³", "ug/m3", 1500, ("臭氧", "ozone", "o3"), "ppb", "[ppb]", 700),
    *_twins(
        "so2_ugm3", "so2_raw_ppb", "µg/m³", "ug/m3", 3000, ("二氧化硫", "sulphur dioxide", "so2"), "ppb", "[ppb]", 1200
    ),
    *_twins("co_mgm3", "co_raw_ppm", "mg/m³", "mg/m3", 200, ("一氧化碳", "carbon monoxide", "co"), "ppm", "[ppm]", 200),
    *_twins("pm4_ugm3", "pm4_raw_ugm3", "µg/m³", "ug/m3", 3000, ("PM4", "PM4", None), "µg/m³", "ug/m3", 3000),
    *_twins("pm100_ugm3", "pm100_raw_ugm3", "µg/m³", "ug/m3", 99999, ("PM100", "PM100", None), "µg/m³", "ug/m3", 99999),
    # The same mass by the maker's factory ("CF=1") conversion: another quantity, kept beside the atmospheric one.
    _air("pm1_cf1_ugm3", "µg/m³", "ug/m3", 5000, "PM1（CF=1）", "PM1, CF=1"),
    _air("pm25_cf1_ugm3", "µg/m³", "ug/m3", 5000, "PM2.5（CF=1）", "PM2.5, CF=1"),
    _air("pm10_cf1_ugm3", "µg/m³", "ug/m3", 5000, "PM10（CF=1）", "PM10, CF=1"),
    # Particles larger than a size in 0.1 litre (Plantower), from 0.3 µm up to a size (SPS30), per litre (NextPM)
    _air("n_over03_per_dl", "1/dL", "/dL", 65535, "粒子数 >0.3 µm", "particles over 0.3 µm"),
    _air("n_over05_per_dl", "1/dL", "/dL", 65535, "粒子数 >0.5 µm", "particles over 0.5 µm"),
    _air("n_over1_per_dl", "1/dL", "/dL", 65535, "粒子数 >1.0 µm", "particles over 1.0 µm"),
    _air("n_over25_per_dl", "1/dL", "/dL", 65535, "粒子数 >2.5 µm", "particles over 2.5 µm"),
    _air("n_over5_per_dl", "1/dL", "/dL", 65535, "粒子数 >5.0 µm", "particles over 5.0 µm"),
    _air("n_over10_per_dl", "1/dL", "/dL", 65535, "粒子数 >10 µm", "particles over 10 µm"),
    _air("n_to05_per_cm3", "1/cm³", "/cm3", 10000, "粒子数 0.3–0.5 µm", "particles 0.3 to 0.5 µm"),
    _air("n_to1_per_cm3", "1/cm³", "/cm3", 10000, "粒子数 0.3–1.0 µm", "particles 0.3 to 1.0 µm"),
    _air("n_to25_per_cm3", "1/cm³", "/cm3", 10000, "粒子数 0.3–2.5 µm", "particles 0.3 to 2.5 µm"),
    _air("n_to4_per_cm3", "1/cm³", "/cm3", 10000, "粒子数 0.3–4.0 µm", "particles 0.3 to 4.0 µm"),
    _air("n_to10_per_cm3", "1/cm³", "/cm3", 10000, "粒子数 0.3–10 µm", "particles 0.3 to 10 µm"),
    _air("n_to1_per_l", "1/L", "/L", 1e7, "PM1 粒子数", "particles of PM1"),
    _air("n_to25_per_l", "1/L", "/L", 1e7, "PM2.5 粒子数", "particles of PM2.5"),
    _air("n_to10_per_l", "1/L", "/L", 1e7, "PM10 粒子数", "particles of PM10"),
    _air("typical_size_um", "µm", "um", 100, "典型粒径", "typical particle size"),
    _air("hcho_ugm3", "µg/m³", "ug/m3", 10000, "甲醛", "formaldehyde"),
    _air("hcho_ppb", "ppb", "[ppb]", 10000, "甲醛", "formaldehyde"),
    _air("voc_grade", "1", "1", 65535, "挥发性有机物等级", "volatile organics, grade of the maker"),
    # Inside the sensor's own case, warmer and drier than the street
    Quantity(
        "case_temp_c", _AIR, False, "°C", "Cel", -60, 100, "机内温度", "temperature inside the sensor", None, "Cel"
    ),
    Quantity("case_rh_pct", _AIR, False, "%", "%", 0, 100, "机内湿度", "humidity inside the sensor", None, "%RH"),
    Quantity("co2_ppm", _AIR, False, "ppm", "[ppm]", 0, 50000, "二氧化碳", "carbon dioxide", "co2", "ppm"),
    Quantity("noise_db", _AIR, False, "dB", "dB", 0, 160, "噪声", "noise level", None, "dB"),
    # Weather
    Quantity("temp_c", _WEATHER, False, "°C", "Cel", -60, 80, "气温", "air temperature", "temperature", "Cel"),
    Quantity("rh_pct", _WEATHER, False, "%", "%", 0, 100, "相对湿度", "relative humidity", "relativeHumidity", "%RH"),
    Quantity("press_hpa", _WEATHER, False, "hPa", "hPa", 300, 1100, "气压", "air pressure", "pressure", "hPa"),
    Quantity("wind_speed_ms", _WEATHER, False, "m/s", "m/s", 0, 90, "风速", "wind speed", "windSpeed", "m/s"),
    Quantity("wind_dir_deg", _WEATHER, False, "°", "deg", 0, 360, "风向", "wind direction, from", "windDirection"),
    Quantity(
        "rain_mm", _WEATHER, False, "mm", "mm", 0, 5000, "累计降水量", "rain since a reset", "precipitation", "mm"
    ),
    _weather("wind_speed_min_ms", "m/s", "m/s", 0, 90, "最小风速", "lull of the wind"),
    _weather("wind_speed_max_ms", "m/s", "m/s", 0, 120, "最大风速", "gust of the wind"),
    _weather("wind_dir_min_deg", "°", "deg", 0, 360, "最小风向", "wind direction, minimum"),
    _weather("wind_dir_max_deg", "°", "deg", 0, 360, "最大风向", "wind direction, maximum"),
    _weather("rain_duration_s", "s", "s", 0, 1e7, "降水时长", "duration of rain"),
    _weather("rain_rate_mmh", "mm/h", "mm/h", 0, 1000, "雨强", "rain intensity"),
    _weather("rain_peak_mmh", "mm/h", "mm/h", 0, 1000, "最大雨强", "rain intensity, peak"),
    _weather("hail_hits_per_cm2", "1/cm²", "/cm2", 0, 1e6, "冰雹撞击数", "hail hits"),
    _weather("hail_duration_s", "s", "s", 0, 1e7, "冰雹时长", "duration of hail"),
    _weather("hail_rate_per_cm2h", "1/(cm²·h)", "/(cm2.h)", 0, 1e6, "冰雹强度", "hail intensity"),
    _weather("hail_peak_per_cm2h", "1/(cm²·h)", "/(cm2.h)", 0, 1e6, "最大冰雹强度", "hail intensity, peak"),
    _weather("sonic_temp_c", "°C", "Cel", -60, 80, "超声虚温", "sonic temperature"),
    _weather("heater_temp_c", "°C", "Cel", -60, 100, "加热器温度", "heater temperature"),
    _weather("heater_v", "V", "V", 0, 60, "加热电压", "heater voltage"),
    _weather("supply_v", "V", "V", 0, 60, "供电电压", "supply voltage"),
    _weather("reference_v", "V", "V", 0, 10, "参考电压", "reference voltage"),
    *TRAFFIC,
    # The node itself
    Quantity("cpu_temp_c", _HEALTH, False, "°C", "Cel", -60, 130, "处理器温度", "processor temperature", None, "Cel"),
    Quantity("load_1m", _HEALTH, False, "1", "1", 0, 1000, "系统负载", "load average"),
    Quantity("disk_free_b", _HEALTH, False, "B", "By", 0, 1e15, "可用磁盘", "free disk space", None, "B"),
    Quantity("spool_rows", _HEALTH, True, "1", "1", 0, 1e12, "待发读数", "readings waiting"),
    Quantity(
        "spool_age_s", _HEALTH, False, "s", "s", 0, 1e9, "最旧待发读数", "age of the oldest waiting reading", None, "s"
    ),
    Quantity("clock_offset_s", _HEALTH, False, "s", "s", -1e10, 1e10, "时钟偏差", "clock offset", None, "s"),
    Quantity("bad_frames", _HEALTH, True, "1", "1", 0, 1e12, "坏帧", "bad frames since start", None, "count"),
    Quantity("rss_b", _HEALTH, False, "B", "By", 0, 1e12, "内存占用", "resident memory", None, "B"),
    # What became of a sensor's readings in one hour, cumulative
    Quantity("accepted", _LEDGER, True, "1", "1", 0, 1e12, "已接收读数", "readings accepted"),
    Quantity("thinned", _LEDGER, True, "1", "1", 0, 1e12, "已稀释读数", "readings thinned"),
    Quantity("dropped", _LEDGER, True, "1", "1", 0, 1e12, "已丢弃读数", "readings dropped"),
    Quantity("bad_frames_1h", _LEDGER, True, "1", "1", 0, 1e12, "坏帧", "bad frames in the hour"),
    Quantity("silent_s", _LEDGER, False, "s", "s", 0, 3600, "静默时长", "silent seconds"),
    # A gap record names what was replaced
    Quantity("from_ms", _GAP, True, "ms", "ms", 0, 1e14, "起", "from"),
    Quantity("to_ms", _GAP, True, "ms", "ms", 0, 1e14, "止", "to"),
    Quantity("lost_count", _GAP, True, "1", "1", 0, 1e12, "缺失读数", "readings missing"),
    Quantity("from_seq", _GAP, True, "1", "1", 0, 1e16, "起始批号", "first sequence replaced"),
    Quantity("to_seq", _GAP, True, "1", "1", 0, 1e16, "末尾批号", "last sequence replaced"),
    # Where the station is, from a GNSS receiver
    Quantity("lat_deg", _POSITION, False, "°", "deg", -90, 90, "纬度", "latitude", None, "lat"),
    Quantity("lon_deg", _POSITION, False, "°", "deg", -180, 180, "经度", "longitude", None, "lon"),
    Quantity("alt_m", _POSITION, False, "m", "m", -500, 9000, "海拔", "altitude", None, "m"),
    Quantity("geoid_m", _POSITION, False, "m", "m", -200, 200, "大地水准面差距", "height of the geoid", None, "m"),
    Quantity("ground_speed_kmh", _POSITION, False, "km/h", "km/h", 0, 2000, "对地速度", "speed over ground"),
    Quantity("course_deg", _POSITION, False, "°", "deg", 0, 360, "航向", "course over ground"),
    Quantity("satellites", _POSITION, True, "1", "1", 0, 200, "卫星数", "satellites used", None, "count"),
    Quantity("hdop", _POSITION, False, "1", "1", 0, 100, "水平精度因子", "horizontal dilution of precision"),
)

QUANTITIES: Final = {quantity.name: quantity for quantity in _QUANTITIES}
DERIVED: Final = {quantity.raw: quantity for quantity in _QUANTITIES if quantity.raw is not None}
STATS: Final = ("mean", "min", "max", "n")
"""Suffixes of a thinned or rolled-up quantity, in the measurements that end in `_1m`, `_1h` and `_1d`."""
ROLLUPS: Final = ("_1m", "_1h", "_1d")


def _fields(kind: str) -> dict[str, bool]:
    return {q.name: q.whole for q in _QUANTITIES if q.kind == kind}


def _rolled(kind: str) -> dict[str, bool]:
    return {f"{name}_{stat}": stat == "n" for name in _fields(kind) for stat in STATS}


_AGENT_FIELDS: Final = {
    **{
        kind.name: {name: whole for name, whole in _fields(kind.name).items() if QUANTITIES[name].raw is None}
        for kind in KINDS.values()
        if kind.from_agent and kind.on_wire
    },
    **{
        kind + "_1m": {n: w for n, w in _rolled(kind).items() if QUANTITIES[n.rpartition("_")[0]].raw is None}
        for kind in (_AIR, _WEATHER, _TRAFFIC, _POSITION)
    },
}


def agent_fields(kind: str) -> dict[str, bool] | None:
    """Field name to `whole` for what an agent may send in a block of `kind`; None for an unknown kind."""
    return _AGENT_FIELDS.get(kind)


def kind_of(measurement: str) -> Kind | None:
    """The kind behind a measurement, roll-ups included."""
    for suffix in ROLLUPS:
        measurement = measurement.removesuffix(suffix)
    return KINDS.get(measurement)


def nearest(word: str, known: object) -> str | None:
    """The known word most like `word`, for a message that names the cure; None when nothing is near.

    A part that one known word alone has, such as `sps30`, is near to it, however long that word is.
    """
    from difflib import get_close_matches

    words: list[str] = list(known)  # type: ignore[call-overload]
    if slip := get_close_matches(word, words, n=1, cutoff=0.75):  # a letter or two that changed places
        return slip[0]
    whole = word.lower()
    having = [each for each in words if whole in each.lower()] if len(word) > 2 else []
    ending = [each for each in having if each.lower().endswith(whole)]
    for some in (having, ending):
        if len(some) == 1:
            return some[0]
    found = get_close_matches(word, words, n=1, cutoff=0.6)
    return found[0] if found else None
