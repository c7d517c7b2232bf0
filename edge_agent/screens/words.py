"""Quantities and lengths of time as a small screen shows them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from wire.both import Both, joined, zh

_SHOWN = {
    "pm25_raw_ugm3": ("PM2.5", "PM2.5", "µg/m³"),
    "pm10_raw_ugm3": ("PM10", "PM10", "µg/m³"),
    "pm100_raw_ugm3": ("PM100", "PM100", "µg/m³"),
    "speed_kmh": ("speed", "车速", "km/h"),
    "speed_abs_kmh": ("speed", "车速", "km/h"),
    "co2_ppm": ("CO2", "CO2", "ppm"),
    "hcho_ppb": ("HCHO", "甲醛", "ppb"),
    "co_raw_ppm": ("CO", "CO", "ppm"),
    "no2_raw_ppb": ("NO2", "NO2", "ppb"),
    "o3_raw_ppb": ("O3", "O3", "ppb"),
    "so2_raw_ppb": ("SO2", "SO2", "ppb"),
    "no_raw_ppb": ("NO", "NO", "ppb"),
    "noise_db": ("noise", "噪声", "dB"),
    "temp_c": ("T", "气温", "°C"),
    "case_temp_c": ("case", "机内", "°C"),
    "rh_pct": ("RH", "湿度", "%"),
    "case_rh_pct": ("RH", "机内湿度", "%"),
    "range_m": ("range", "距离", "m"),
    "wind_speed_ms": ("wind", "风速", "m/s"),
    "wind_dir_deg": ("from", "风向", "°"),
    "lat_deg": ("lat", "纬度", "°"),
    "lon_deg": ("lon", "经度", "°"),
    "count": ("vehicles", "车辆", ""),
}
_PLACE = ("lat_deg", "lon_deg")  # to ten metres


def reading(values: Mapping[str, float | int], most: int = 2) -> Both:
    """The values that say most, with units: `PM2.5 37  PM10 58 µg/m³`."""
    return Both(_reading(values, most, False), _reading(values, most, True))


def _reading(values: Mapping[str, float | int], most: int, in_chinese: bool) -> str:
    texts = {name: f"{value:.4f}" if name in _PLACE else _short(value) for name, value in values.items()}
    shown = [(words[in_chinese], words[2], texts[name]) for name, words in _SHOWN.items() if name in values]
    chosen = (shown or [(name, "", text) for name, text in texts.items()])[:most]
    parts = []
    for at, (label, unit, text) in enumerate(chosen):
        same = at + 1 < len(chosen) and chosen[at + 1][1] == unit
        parts.append(f"{label} {text}" + (f" {unit}" if unit and not same else ""))
    return "  ".join(parts)


def _short(value: float) -> str:
    """A value as a person reads it: 1013, 48.5, 0.04."""
    return f"{value:.1f}".removesuffix(".0") if abs(value) >= 10 else f"{value:.2g}"


_DAY, _HOUR, _MINUTE, _SECOND = Both("d", "天"), Both("h", "小时"), Both("min", "分钟"), Both("s", "秒")


def span(seconds: float) -> Both:
    """A length of time in two units at most: 3 d 4 h, 5 min, 12 s."""
    whole = max(0, int(seconds))
    for unit, size, smaller, small_size in (
        (_DAY, 86400, _HOUR, 3600),
        (_HOUR, 3600, _MINUTE, 60),
        (_MINUTE, 60, _SECOND, 1),
    ):
        if whole >= size:
            rest = whole % size // small_size
            return joined(" ", [_of(whole // size, unit), *([_of(rest, smaller)] if rest else [])])
    return _of(whole, _SECOND)


def _of(count: int, unit: Both) -> Both:
    return Both(f"{count} {unit}", f"{count} {zh(unit)}")


def sparkline(values: list[float]) -> str:
    """Small bars, the lowest value the lowest bar; zero is a value."""
    if not values:
        return ""
    low, high = min(values), max(values)
    bars = "▁▂▃▄▅▆▇█"
    return "".join(bars[round((value - low) / (high - low) * 7)] if high > low else bars[3] for value in values)
