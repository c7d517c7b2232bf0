"""The names of the golden frames beside ours, in one table.

Golden names stay close to each datasheet; ours are the closed list of quantities and the `info` names of profiles.
A golden name that is missing here is looked up as it stands. `Told` names are a number of ours times a factor.
"""

from __future__ import annotations

from typing import NamedTuple

SENSORS = {
    "plantower_pms5003": "plantower-pms5003",
    "plantower_pms3003": "plantower-pms3003",
    "plantower_pms5003t": "plantower-pms5003t",
    "plantower_pms5003st": "plantower-pms5003st",
    "nova_sds011": "nova-sds011",
    "nova_sds198": "nova-sds198",
    "sensirion_sps30": "sensirion-sps30",
    "honeywell_hpma115s0": "honeywell-hpma115s0",
    "honeywell_hpma115c0": "honeywell-hpma115c0",
    "winsen_mhz19b": "winsen-mhz19b",
    "winsen_zh03b": "winsen-zh03b",
    "winsen_ze07": "winsen-ze07",
    "winsen_zphs01c": "winsen-zphs01c",
    "cubic_cm1106": "cubic-cm1106",
    "cubic_pm1003": "cubic-pm1003",
    "senseair_s8": "senseair-s8",
    "sensirion_scd30": "sensirion-scd30",
    "tera_nextpm": "tera-nextpm",
    "tera_nextpm_modbus": "tera-nextpm-modbus",
    "rs485_modbus_weather": "rs485-modbus-weather",
    "vaisala_wxt": "vaisala-wxt",
    "vaisala_wmt700": "vaisala-wmt700",
    "omnipresense_ops243a": "omnipresense-ops243a",
    "hilink_ld2451": "hilink-ld2451",
    "hilink_ld2450": "hilink-ld2450",
    "hilink_ld2415h": "hilink-ld2415h",
    "hikvision_csr": "hikvision-csr",
    "mph_radar": "mph-radar",
    "agd_315": "agd-315",
    "benewake_tfmini": "benewake-tfmini",
    "ultrasonic_ff": "ultrasonic-ff",
    "nmea_gnss": "nmea-gnss",
}


class Told(NamedTuple):
    """Our name(s), the first that the frame has, and what to multiply by."""

    names: tuple[str, ...]
    factor: float = 1.0


def _sizes(golden: str, ours: str, sizes: dict[str, str]) -> dict[str, Told]:
    return {golden.format(theirs): Told((ours.format(mine),)) for theirs, mine in sizes.items()}


MASS = {"1_0": "1", "2_5": "25", "4_0": "4", "10": "10", "100": "100"}
OVER = {"0_3": "03", "0_5": "05", "1_0": "1", "2_5": "25", "5_0": "5", "10": "10"}
UP_TO = {"0_5": "05", "1_0": "1", "2_5": "25", "4_0": "4", "10": "10"}

VALUES: dict[str, Told] = {
    **_sizes("pm{}_ug_m3", "pm{}_raw_ugm3", MASS),
    **_sizes("pm{}_atm_ug_m3", "pm{}_raw_ugm3", MASS),
    **_sizes("pm{}_cf1_ug_m3", "pm{}_cf1_ugm3", MASS),
    **_sizes("count_{}_um_per_0_1_l", "n_over{}_per_dl", OVER),
    **_sizes("count_{}_um_per_cm3", "n_to{}_per_cm3", UP_TO),
    **_sizes("count_{}_um_per_l", "n_to{}_per_l", UP_TO),
    "typical_size_um": Told(("typical_size_um",)),
    "typical_size_nm": Told(("typical_size_um",), 1000),
    "formaldehyde_mg_m3": Told(("hcho_ugm3",), 0.001),
    "formaldehyde_ug_m3": Told(("hcho_ugm3",)),
    "concentration_ug_m3": Told(("hcho_ugm3",)),
    "concentration_ppb": Told(("hcho_ppb",)),
    "concentration_ppm": Told(("co_raw_ppm",)),
    "voc_raw": Told(("voc_grade",)),
    "temperature_c": Told(("temp_c", "case_temp_c")),
    "humidity_pct": Told(("rh_pct", "case_rh_pct")),
    "pressure_hpa": Told(("press_hpa",)),
    "wind_direction_min_deg": Told(("wind_dir_min_deg",)),
    "wind_direction_avg_deg": Told(("wind_dir_deg",)),
    "wind_direction_max_deg": Told(("wind_dir_max_deg",)),
    "wind_direction_deg": Told(("wind_dir_deg",)),
    "wind_speed_min_m_s": Told(("wind_speed_min_ms",)),
    "wind_speed_lull_m_s": Told(("wind_speed_min_ms",)),
    "wind_speed_avg_m_s": Told(("wind_speed_ms",)),
    "wind_speed_m_s": Told(("wind_speed_ms",)),
    "wind_speed_max_m_s": Told(("wind_speed_max_ms",)),
    "wind_speed_gust_m_s": Told(("wind_speed_max_ms",)),
    "sonic_temperature_c": Told(("sonic_temp_c",)),
    "rain_intensity_mm_h": Told(("rain_rate_mmh",)),
    "rain_peak_intensity_mm_h": Told(("rain_peak_mmh",)),
    "hail_hits_cm2": Told(("hail_hits_per_cm2",)),
    "hail_intensity_hits_cm2_h": Told(("hail_rate_per_cm2h",)),
    "hail_peak_intensity_hits_cm2_h": Told(("hail_peak_per_cm2h",)),
    "heating_temperature_c": Told(("heater_temp_c",)),
    "heater_temperature_c": Told(("heater_temp_c",)),
    "heating_voltage_v": Told(("heater_v",)),
    "heater_voltage_v": Told(("heater_v",)),
    "supply_voltage_v": Told(("supply_v",)),
    "reference_voltage_v": Told(("reference_v",)),
    "speed_km_h": Told(("speed_kmh", "speed_abs_kmh")),
    "speed_mph": Told(("speed_kmh", "speed_abs_kmh"), 1 / 1.609344),
    "speed_m_s": Told(("speed_kmh", "speed_abs_kmh"), 1 / 3.6),
    "speed_cm_s": Told(("speed_kmh",), 1 / 0.036),
    "speed_ft_s": Told(("speed_kmh",), 1 / 1.09728),
    "patrol_speed_mph": Told(("patrol_kmh",), 1 / 1.609344),
    "target_speed_mph": Told(("speed_abs_kmh",), 1 / 1.609344),
    "locked_speed_mph": Told(("locked_kmh",), 1 / 1.609344),
    "alternate_speed_mph": Told(("alternate_kmh",), 1 / 1.609344),
    "power_level": Told(("magnitude",)),
    "snr": Told(("magnitude",)),
    "strength": Told(("magnitude",)),
    "distance_m": Told(("range_m",)),
    "distance_cm": Told(("range_m",), 100),
    "distance_mm": Told(("range_m",), 1000),
    "x_mm": Told(("x_m",), 1000),
    "y_mm": Told(("y_m",), 1000),
    "latitude_deg": Told(("lat_deg",)),
    "longitude_deg": Told(("lon_deg",)),
    "altitude_m": Told(("alt_m",)),
    "geoid_separation_m": Told(("geoid_m",)),
    "speed_knots": Told(("ground_speed_kmh",), 1 / 1.852),
    "product": Told(("Product",)),
    "build": Told(("Build",)),
    "version": Told(("version", "Version")),
    "unit": Told(("Units", "unit")),
    "range_ft": Told(("range_m",), 1 / 0.3048),
    "sound_level_db": Told(("noise_db",)),
    "firmware_version": Told(("firmware", "firmware_version")),
    "serial_number": Told(("serial_number", "text")),
    "product_type": Told(("text",)),
    "asc_enabled": Told(("asc",)),
    "clock_s": Told(("Clock",)),
}

DIRECTIONS = {
    "inbound": 1, "approaching": 1, "closing": 1, "advance": 1, "towards": 1,
    "outbound": -1, "receding": -1, "away": -1, "recede": -1,
}  # fmt: skip
"""Words for the sign of a speed."""

IMPLIED: dict[str, dict[str, int | float | str | bool]] = {
    "_mph": {"unit": "mph"},
    "speed_m_s": {"unit": "m_s"},
    "_km_h": {"unit": "km_h"},
    "_cm_s": {"unit": "cm_s"},
    "wind_speed_m_s": {"map": "wind_speed"},
    "wind_direction_deg": {"map": "wind"},
    "noise_db": {"map": "noise"},
    "sound_level_db": {"map": "noise"},
    "formaldehyde_ug_m3": {"voc": "formaldehyde"},
    "concentration_ppm": {"gas": "carbon_monoxide"},
}
"""What the end of a golden name says about the unit's setting, where the profile has it as an option."""
