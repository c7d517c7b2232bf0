"""Corrections of low-cost PM2.5 sensors (Plantower PMS5003 in a PurpleAir), fitted on US air and US smoke.

Which raw field goes in must stand in the metadata beside the result: the US-wide formula is fitted on `cf_1`, the Fire
and Smoke Map is fed with either by different users. Humidity is the sensor's own, in its housing, which reads low.
Clean humid air corrects to below zero: the number is kept, whoever shows it may clamp it. Keep the raw value and
the correction's id beside it. A corrected low-cost sensor is indicative, no equivalent method (GB 3095-2026, EU).

All functions: µg/m³ and percent in, µg/m³ out; None in, None out; raises ValueError for humidity outside 0 to 100
and for a negative raw value.
"""

from __future__ import annotations

from measures.rounding import Number


def us_wide(pm25_cf1: Number | None, rh_pct: Number | None) -> float | None:
    """US-wide correction of `cf_1` (Barkjohn et al. 2021, Atmos. Meas. Tech. 14, 4617)."""
    if pm25_cf1 is None or rh_pct is None:
        return None
    raw, humidity = _checked(pm25_cf1, rh_pct)
    return 0.524 * raw - 0.0862 * humidity + 5.75


def fire_and_smoke(pm25_raw: Number | None, rh_pct: Number | None) -> float | None:
    """AirNow Fire and Smoke Map, piecewise at 30, 50, 210 and 260 µg/m³ (US EPA 2021); continuous throughout."""
    if pm25_raw is None or rh_pct is None:
        return None
    raw, humidity = _checked(pm25_raw, rh_pct)
    steep = min(max(raw / 20 - 1.5, 0.0), 1.0)  # from 0.524 to 0.786, between 30 and 50
    smoke = min(max(raw / 50 - 4.2, 0.0), 1.0)  # from the line to the parabola, between 210 and 260
    slope = 0.786 * steep + 0.524 * (1 - steep)
    line = (0.69 * smoke + slope * (1 - smoke)) * raw
    clear = (5.75 - 0.0862 * humidity) * (1 - smoke)
    return line + clear + (2.966 + 8.84e-4 * raw * raw) * smoke


def channels_agree(a_ugm3: Number, b_ugm3: Number) -> bool:
    """Whether 24-hour means of a PurpleAir's two PMS5003 may be averaged (Barkjohn et al. 2021).

    They may not when they differ by 5 µg/m³ or more and by 61 % of their mean or more.
    """
    a, b = float(a_ugm3), float(b_ugm3)
    return abs(a - b) < 5 or 2 * abs(a - b) < 0.61 * (a + b)


def _checked(raw: Number, rh_pct: Number) -> tuple[float, float]:
    if not 0 <= rh_pct <= 100:
        raise ValueError(f"relative humidity {rh_pct} %: percent from 0 to 100")
    if not raw >= 0:
        raise ValueError(f"raw PM2.5 of {raw} µg/m³: a particle counter reads no less than 0")
    return float(raw), float(rh_pct)
