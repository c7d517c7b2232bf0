"""The canned questions. Each is one `Select`: any store answers it, and it can be shown in InfluxQL, Flux and SQL."""

from __future__ import annotations

from typing import Final

from collector.numbers.indices import UNPUBLISHED
from collector.numbers.reporting import NAMES
from collector.numbers.stored_windows import INDEX
from collector.numbers.windows import rolled
from collector.questions.question import Asked, BadVariable, Question
from collector.stores.store import Select
from wire.quantities import QUANTITIES
from wire.times import DAY_MS
from wire.traffic import LENGTH_CELLS, SPEED_CELLS

_NODE: Final = ("node", "site")
_SENSOR: Final = ("node", "site", "sensor")
_LANE: Final = ("node", "site", "lane", "direction")
_AIR: Final = ("pm25_ugm3", "pm10_ugm3", "no2_ugm3", "o3_ugm3", "so2_ugm3", "co_mgm3", "noise_db")
_WEATHER: Final = ("temp_c", "rh_pct", "press_hpa", "wind_speed_ms", "wind_dir_deg")
_HEALTH: Final = ("spool_rows", "spool_age_s", "cpu_temp_c", "disk_free_b", "clock_offset_s", "bad_frames")
_CELLS: Final = {"speed": SPEED_CELLS, "length": LENGTH_CELLS}
_MARK: Final = {"failed": 4, "suspect": 3}


def _air_latest(asked: Asked) -> Select:
    return Select(
        "air_quality", _AIR, asked.since_ms, asked.until_ms, asked.where, ("node", "site", "sensor"), latest=True
    )


def _windows(asked: Asked) -> Select:
    """Mean, smallest and largest of one quantity, with how much of each window was there."""
    name, kind = _rolled_quantity(asked)
    ends = ("mean", "min", "max")
    columns = (*(f"{name}_{end}" for end in ends), "completeness", "qc")
    groups = _LANE if kind == "traffic_flow" else _SENSOR
    return Select(kind + asked.suffix, columns, asked.since_ms, asked.until_ms, asked.where, groups)


def _highest(asked: Asked) -> Select:
    name, kind = _rolled_quantity(asked)
    groups = ("node", "site")
    columns = (name + "_mean",)
    return Select(kind + asked.suffix, columns, asked.since_ms, asked.until_ms, asked.where, groups, aggregate="max")


def _rolled_quantity(asked: Asked) -> tuple[str, str]:
    name = asked.values["quantity"]
    if name not in ROLLED:
        raise BadVariable(
            f"quantity={name}：没有小时和日均值；请用测量值，如 pm25_ugm3",
            f"quantity={name}: it has no roll-ups; ask for a measured quantity such as pm25_ugm3",
        )
    return name, QUANTITIES[name].kind


def _index(asked: Asked) -> Select:
    columns = ("value", "category", "primary", "completeness")
    where = asked.where | {"period": asked.suffix[1:], "standard": NAMES[asked.values["standard"]]}
    groups = (*_SENSOR, "standard", "edition")
    return Select(INDEX, columns, asked.since_ms, asked.until_ms, where, groups, unless=UNPUBLISHED)


def _weather(asked: Asked) -> Select:
    columns = (*(f"{name}_mean" for name in _WEATHER), "rain_mm_sum", "completeness")
    return Select("weather" + asked.suffix, columns, asked.since_ms, asked.until_ms, asked.where, _SENSOR)


def _traffic(asked: Asked) -> Select:
    columns = (
        "count_sum", "heavy_count_sum", "flow_vph_mean", "speed_tms_kmh_mean", "speed_sms_kmh_mean",
        "v15_kmh", "v50_kmh", "v85_kmh", "occupancy_ratio_mean", "wrong_way_count_sum", "completeness",
    )  # fmt: skip
    return Select("traffic_flow" + asked.suffix, columns, asked.since_ms, asked.until_ms, asked.where, _LANE)


def _cells(asked: Asked) -> Select:
    """Vehicles by speed or by length over the whole span: sums of cells, which is what may be added up."""
    columns = tuple(name + "_sum" for name in _CELLS[asked.values["by"]])
    return Select(
        "traffic_flow" + asked.suffix, columns, asked.since_ms, asked.until_ms, asked.where, _LANE, aggregate="sum"
    )


def _flagged(asked: Asked) -> Select:
    mark = _MARK[asked.values["flag"]]
    columns = ("qc", "qc_code")
    return Select(
        asked.values["kind"], columns, asked.since_ms, asked.until_ms, asked.where, _SENSOR, equals={"qc": mark}
    )


def _volume(asked: Asked) -> Select:
    kind = asked.values["kind"]
    return Select(
        kind, ("cq",), asked.since_ms, asked.until_ms, asked.where, _SENSOR, aggregate="count", every_ms=DAY_MS
    )


def _ledger(asked: Asked) -> Select:
    columns = ("accepted", "bad_frames_1h", "silent_s")
    return Select(
        "sensor_ledger", columns, asked.since_ms, asked.until_ms, asked.where, _SENSOR,
        aggregate="max", every_ms=DAY_MS // 24,
    )  # fmt: skip


def _gaps(asked: Asked) -> Select:
    columns = ("from_ms", "to_ms", "lost_count", "from_seq", "to_seq")
    return Select("gap", columns, asked.since_ms, asked.until_ms, asked.where, ("node", "sensor", "reason", "spool"))


def _health(asked: Asked) -> Select:
    return Select("node_health", _HEALTH, asked.since_ms, asked.until_ms, asked.where, _NODE, latest=True)


def _alerts(asked: Asked) -> Select:
    columns = ("state", "value", "threshold", "node", "sensor", "dedup_key", "who")
    where: dict[str, str | tuple[str, ...]] = {
        name: asked.values[name] for name in ("site", "severity", "rule") if name in asked.values
    }
    return Select("alerts", columns, asked.since_ms, asked.until_ms, where, ("site", "rule", "severity"))


def _batches(asked: Asked) -> Select:
    columns = ("rows", "quarantined")
    return Select(
        "batch_ledger", columns, asked.since_ms, asked.until_ms, asked.where, ("node",),
        aggregate="sum", every_ms=DAY_MS,
    )  # fmt: skip


_PLACE: Final = ("node", "site", "sensor")
ROLLED: Final = tuple(name for kind in ("air_quality", "weather", "traffic_flow") for name in rolled(kind))
"""Quantities that have hours and days."""
_PM25: Final = {"quantity": "pm25_ugm3"}

CANNED: Final = {
    question.name: question
    for question in (
        Question("air-latest", "每个站点最新的空气读数", "the newest air reading of every sensor", _air_latest, _PLACE),
        Question(
            "windows", "某一指标的小时或日均值", "hourly or daily mean, smallest and largest of one quantity", _windows,
            ("quantity", "every", *_PLACE), _PM25,
        ),
        Question(
            "highest", "各站点的最高小时或日均值（数据不全的也算）",
            "the highest hourly or daily mean of each station, however complete", _highest,
            ("quantity", "every", *_PLACE), _PM25,
        ),
        Question(
            "index", "空气质量指数", "air-quality index with standard and edition", _index,
            ("standard", "every", *_PLACE), {"standard": "china"},
        ),
        Question("weather", "天气", "weather by hour or day", _weather, ("every", *_PLACE)),
        Question("traffic", "交通量与车速", "vehicles, speed and occupancy by lane and direction", _traffic,
                 ("every", "node", "site")),
        Question("vehicles", "按车速或车长的车辆数", "vehicles by speed (5 km/h) or by length, over the whole span",
                 _cells, ("by", "every", "node", "site"), {"by": "speed"}),
        Question(
            "flagged", "未通过质量检验的读数", "readings that failed a quality test, or are suspect", _flagged,
            ("flag", "kind", *_PLACE), {"flag": "failed", "kind": "air_quality"},
        ),
        Question(
            "volume", "每日读数数量（UTC）", "readings stored per sensor and UTC day", _volume,
            ("kind", *_PLACE), {"kind": "air_quality"},
        ),
        Question("ledger", "传感器台账", "readings accepted, bad frames, silence by sensor and hour", _ledger, _PLACE),
        Question("gaps", "缺口记录", "gap records: what a node says it replaced or lost", _gaps, _PLACE),
        Question("health", "设备状态", "the newest vitals of every node", _health),
        Question("alerts", "告警历史", "every change of an alert", _alerts, ("site", "severity", "rule")),
        Question("batches", "每日批次（UTC）", "rows sent and quarantined per node and UTC day", _batches, ("node",)),
    )
}  # fmt: skip
