"""What each `function` of a vector file means in terms of measures/: input as the file writes it, output likewise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from measures import (
    china_aqi,
    china_limits,
    completeness,
    congestion,
    corrections,
    detectors,
    eu_aqi,
    flow,
    gases,
    india_naqi,
    nowcast,
    qartod,
    rounding,
    senml,
    signals,
    speed,
    uk_daqi,
    us_aqi,
    who,
)
from measures.index import Concentration, Index
from tests import vector_series

Input = Mapping[str, Any]
Output = dict[str, Any]


def _concentration(given: Input) -> Concentration:
    return Concentration(given["pollutant"], given["averaging"], given["value"], given["unit"])


def _shown(index: Index | None) -> Output:
    if index is None:
        return {}
    return {"category": index.category, "colour": index.colour}


def cn_iaqi(given: Input) -> Output:
    concentration, on = _concentration(given), date.fromisoformat(given["date"])
    index = china_aqi.sub_index(concentration, on)
    return {"rounded": china_aqi.rounded(concentration, on), "iaqi": index.value if index else None, **_shown(index)}


def cn_aqi(given: Input) -> Output:
    """`null` is monitored but missing, `/` is not monitored (HJ 633-2026 5.3.1)."""
    on, report = date.fromisoformat(given["date"]), china_aqi.Report(given["mode"])
    values = given["concentrations"]
    found = china_aqi.aqi(
        [
            Concentration(name, _averaging(name, report, on), value, "mg/m3" if name == "CO" else "ug/m3")
            for name, value in values.items()
            if value != "/"
        ],
        report,
        on,
    )
    iaqi: Output = {name: index.value if index else None for name, index in found.iaqi.items()}
    iaqi |= {name: "/" for name, value in values.items() if value == "/"}
    return {
        "aqi": found.index.value if found.index else None,
        "primary": list(found.index.primary) if found.index else None,
        "iaqi": iaqi,
        **_shown(found.index),
    }


def _averaging(pollutant: str, report: china_aqi.Report, on: date) -> str:
    if report is china_aqi.Report.DAILY:
        return "8h" if pollutant == "O3" else "24h"
    is_moving = on < china_aqi.IN_FORCE_2026 and pollutant.startswith("PM")
    return "24h" if is_moving else "1h"


def cn_category(given: Input) -> Output:
    index = china_aqi.category(given["aqi"], date.fromisoformat(given.get("date", "2026-03-01")))
    return {"level": china_aqi.LEVELS[index.level - 1], **_shown(index)}


def gb3095_limit(given: Input) -> Output:
    found = china_limits.limit(given["pollutant"], given["period"], given["class"], date.fromisoformat(given["date"]))
    return {"limit": found.value, "unit": found.unit} if found else {}


def us_aqi_subindex(given: Input) -> Output:
    concentration = _concentration(given)
    index = us_aqi.sub_index(concentration)
    return {
        "truncated": us_aqi.truncated_concentration(concentration),
        "aqi": index.value if index else None,
        **_shown(index),
    }


def us_aqi_overall(given: Input) -> Output:
    concentrations = []
    for name, value in given.items():
        pollutant, averaging, unit = name.split("_")
        concentrations.append(Concentration(pollutant, averaging, value, unit.replace("ugm3", "ug/m3")))
    index = us_aqi.overall(concentrations)
    return {
        "aqi": index.value if index else None,
        "main_pollutant": index.primary[0] if index and len(index.primary) == 1 else index and list(index.primary),
        "subindices": {"_".join(key): index.value for key, index in us_aqi.sub_indices(concentrations).items()},
        **_shown(index),
    }


def us_category(given: Input) -> Output:
    return _shown(us_aqi.category(given["aqi"]))


def nowcast_pm(given: Input) -> Output:
    found = nowcast.nowcast(given["pollutant"], given["hourly_oldest_first"])
    if found is None:
        return {}
    index = us_aqi.sub_index(found.concentration)
    return {
        "weight_factor": found.weight,
        "nowcast_raw": found.mean_ugm3,
        "nowcast": found.value_ugm3,
        "aqi": index.value if index else None,
        **_shown(index),
    }


def eaqi_band(given: Input) -> Output:
    index = eu_aqi.sub_index(_concentration(given))
    return {"band": index.value if index else None, **_shown(index)}


def eaqi_overall(given: Input) -> Output:
    index = eu_aqi.overall(Concentration(name, "1h", value, "ug/m3") for name, value in given["hourly_ugm3"].items())
    return {"band": index.value, "worst": list(index.primary), **_shown(index)} if index else {}


def daqi_index(given: Input) -> Output:
    index = uk_daqi.sub_index(_concentration(given))
    return {"index": index.value, "band": index.category, "colour": index.colour} if index else {}


def naqi_subindex(given: Input) -> Output:
    index = india_naqi.sub_index(_concentration(given))
    return {"index": index.value if index else None, **_shown(index)}


def who_guideline(given: Input) -> Output:
    found = who.guideline(given["pollutant"], given["averaging"])
    return {"aqg": found.aqg, "interim_targets": list(found.interim_targets), "unit": found.unit}


def gbt8170_round(given: Input) -> Output:
    value = Decimal(given["value_text"])
    return {"rounded_text": format(rounding.half_even(value, given["decimals"]), "f")}


def _state(given: Input, prefix: str = "") -> gases.ReferenceState:
    return gases.ReferenceState("as given", given[f"{prefix}temperature_c"], given[f"{prefix}pressure_hpa"])


def ppb_to_ugm3(given: Input) -> Output:
    molar_mass = given.get("molar_mass_g_mol") or gases.MOLAR_MASS_G_MOL[given["gas"]]
    return {"ugm3": gases.ugm3_from_ppb(given["ppb"], molar_mass, _state(given))}


def ppm_to_mgm3(given: Input) -> Output:
    molar_mass = given.get("molar_mass_g_mol") or gases.MOLAR_MASS_G_MOL[given["gas"]]
    return {"mgm3": gases.ugm3_from_ppb(given["ppm"], molar_mass, _state(given))}


def ugm3_to_reference_state(given: Input) -> Output:
    return {"ugm3": gases.between_states(given["ugm3"], _state(given, "from_"), _state(given, "to_"))}


def pm25_correct_us_wide(given: Input) -> Output:
    return {"pm25_ugm3": corrections.us_wide(given["pa_cf1_ugm3"], given["rh_percent"])}


def pm25_correct_fsmap(given: Input) -> Output:
    return {"pm25_ugm3": corrections.fire_and_smoke(given["pm25_raw_ugm3"], given["rh_percent"])}


def eea_validity(given: Input) -> Output:
    found = completeness.eea_validity(given["code"])
    return {"valid": found.valid, "label": found.label}


_PERIODS = (
    *(("maximum", "8h-max"), ("february", "february"), ("month", "month"), ("year", "year"), ("annual", "year")),
    *(("8-hour", "8h"), ("8 h", "8h"), ("24", "24h"), ("dai", "24h"), ("day", "24h"), ("hour", "1h")),
)
_PARTS_OF_YEAR = ("february", "month")


def is_valid_aggregate(given: Input) -> Output:
    """The rule is named in prose, "valid hourly values for a daily mean": what stands behind `for` is the period.

    "Per month for an annual mean" asks for the month's share of the year.
    """
    prose = given["rule"].lower()
    sought = next((word for word in _PARTS_OF_YEAR if word in prose), prose.rpartition(" for ")[2])
    rule = completeness.RULES[given["regime"], next(period for word, period in _PERIODS if word in sought)]
    return {"valid": rule.is_met(given["available"]), "required": rule.required}


def flow_rate(given: Input) -> Output:
    count, duration_s = given["count"], given["interval_s"]
    return {"veh_per_hour": flow.flow_vph(count, duration_s), "mean_headway_s": flow.headway_s(count, duration_s)}


def mean_speeds(given: Input) -> Output:
    speeds = given["spot_speeds_kmh"]
    return {"time_mean_kmh": speed.time_mean_kmh(speeds), "space_mean_kmh": speed.space_mean_kmh(speeds)}


def percentile_85(given: Input) -> Output:
    return {"v85_kmh": speed.percentile_85_kmh(given["speeds_kmh"])}


def density(given: Input) -> Output:
    return {"veh_per_km": flow.density_vpkm(given["flow_veh_h"], given["space_mean_kmh"])}


def density_from_occupancy(given: Input) -> Output:
    percent = given["occupancy_percent"]
    share = None if percent is None else Decimal(percent) / 100
    length_m = given["effective_vehicle_length_m"]
    return {"veh_per_km": flow.density_from_occupancy_vpkm(None if share is None else float(share), length_m)}


def peak_hour_factor(given: Input) -> Output:
    return {"phf": flow.peak_hour_factor(given["hourly_volume"], given["peak_15min_volume"])}


def freeway_los(given: Input) -> Output:
    return {"los": congestion.freeway_los(given["density_pc_mi_ln"], bool(given.get("demand_exceeds_capacity")))}


def signal_los(given: Input) -> Output:
    return {"los": congestion.signal_los(given["control_delay_s"])}


def gbt33171_free_flow_speed(given: Input) -> Output:
    means, limit = given["interval_mean_speeds_kmh"], given["speed_limit_kmh"]
    return {"free_flow_kmh": congestion.free_flow_kmh(means, limit)}


def gbt33171_ratios(given: Input) -> Output:
    return congestion.ratios(given["travel_time_s"], given["free_flow_time_s"])._asdict()


def gbt33171_segment_grade(given: Input) -> Output:
    return {"grade": congestion.segment_grade(given["speed_kmh"], given["free_flow_kmh"])}


def gbt33171_tpi_from_dtp(given: Input) -> Output:
    return congestion.performance_index(given["dtp"])._asdict()


def webster_cycle(given: Input) -> Output:
    phases = [signals.Phase(phase["flow"], phase["saturation_flow"]) for phase in given["critical_flows"]]
    timing = signals.webster(given["lost_time_s"], phases)
    return {
        "flow_ratio_sum": timing.flow_ratio_sum,
        "cycle_s": timing.cycle_s,
        "effective_green_s": list(timing.effective_green_s),
    }


def pems_detector_status(given: Input) -> Output:
    day = detectors.Day(**given["daily_counts_of_30s_samples_05h_22h"])
    setting = detectors.Setting(given.get("threshold_set", detectors.Setting.URBAN))
    return {"status": str(detectors.status(detectors.Kind(given["station_kind"]), day, setting))}


def g_factor_speed(given: Input) -> Output:
    volume, occupancy = given["volume_per_5min_lane"], given["occupancy_fraction"]
    return {"speed_mph": detectors.g_factor_speed_mph(volume, occupancy, given["effective_length_ft"])}


def qartod_gross_range(given: Input) -> Output:
    return {"flags": qartod.gross_range(given["values"], given["fail_span"], given["suspect_span"])}


def qartod_spike(given: Input) -> Output:
    return {"flags": qartod.spike(given["values"], given["suspect_threshold"], given["fail_threshold"])}


def qartod_rate_of_change(given: Input) -> Output:
    step_s = given["step_s"]
    times_s = [n * step_s for n in range(len(given["values"]))]
    per_s = [
        None if limit is None else rounding.exact(limit) / rounding.exact(step_s)
        for limit in (given["suspect_per_step"], given["fail_per_step"])
    ]
    return {"flags": qartod.rate_of_change(given["values"], times_s, *per_s)}


def qartod_flat_line(given: Input) -> Output:
    keys = ("values", "step_s", "suspect_after_s", "fail_after_s", "tolerance")
    return {
        "flags": qartod.flat_line(**{key: given[key] for key in keys}, detection_limit=given.get("detection_limit"))
    }


def qartod_aggregate(given: Input) -> Output:
    return {"flags": qartod.aggregate(given["flag_vectors"])}


def senml_to_primary(given: Input) -> Output:
    value, unit = senml.to_primary(given["value"], given["unit"])
    return {"value": value, "unit": unit}


FUNCTIONS: dict[str, Callable[[Input], Output]] = {
    function.__name__: function
    for function in (
        *(cn_iaqi, cn_aqi, cn_category, gb3095_limit, us_aqi_subindex, us_aqi_overall, us_category, nowcast_pm),
        *(eaqi_band, eaqi_overall, daqi_index, naqi_subindex, who_guideline, gbt8170_round),
        *(ppb_to_ugm3, ppm_to_mgm3, ugm3_to_reference_state, pm25_correct_us_wide, pm25_correct_fsmap),
        *(eea_validity, is_valid_aggregate, senml_to_primary),
        *(flow_rate, mean_speeds, percentile_85, density, density_from_occupancy, peak_hour_factor),
        *(freeway_los, signal_los, gbt33171_free_flow_speed, gbt33171_ratios, gbt33171_segment_grade),
        *(gbt33171_tpi_from_dtp, webster_cycle, pems_detector_status, g_factor_speed),
        *(qartod_gross_range, qartod_spike, qartod_rate_of_change, qartod_flat_line, qartod_aggregate),
        *vector_series.FUNCTIONS,
    )
}
