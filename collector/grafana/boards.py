"""The dashboards: city, station, air, traffic, fleet, alerts. Each is a list of panels, in the order of reading."""

from __future__ import annotations

from typing import Final, NamedTuple

from collector.grafana.panel import Panel
from collector.numbers.indices import UNPUBLISHED
from measures import china_aqi

PM25_STEPS: Final = tuple(map(float, china_aqi.level_tops("PM2.5", "24h", china_aqi.IN_FORCE_2026)))
"""Where levels of PM2.5 end in HJ 633-2026, which reads hours off the daily column; titles name the edition."""
_UGM3: Final = "conμgm3"  # Grafana's own name of the unit
_NA: Final = tuple(UNPUBLISHED.items())


class Board(NamedTuple):
    """One dashboard. `variable`: the measurement whose stations can be chosen; None where there is no choice."""

    slug: str
    zh: str
    en: str
    variable: str | None
    panels: tuple[Panel, ...]


_CITY: Final = Board(
    "city",
    "城市总览",
    "City",
    None,
    (
        Panel("各站 PM2.5 最新小时均值（HJ 633-2026 分级）", "PM2.5, newest hourly mean, levels of HJ 633-2026", "stat",
              "air_quality_1h", {"pm25_ugm3_mean": "PM2.5"}, "last", unit=_UGM3, chosen=False,
              limits=PM25_STEPS, width=24),
        Panel("全市 PM2.5 小时均值", "PM2.5 of the city, hourly", "timeseries", "air_quality_1h",
              {"pm25_ugm3_mean": "PM2.5", "pm10_ugm3_mean": "PM10"}, by=(), unit=_UGM3, chosen=False),
        Panel("全市车流量", "Vehicles of the city", "timeseries", "traffic_flow_1h", {"count_sum": "vehicles"}, "sum",
              by=(), chosen=False),
        Panel("空气质量指数", "Air-quality index", "timeseries", "air_index", {"value": "AQI"}, "max",
              by=("node", "standard", "edition"), chosen=False, where=(("period", "1h"),), unless=_NA),
        Panel("数据完整率", "Completeness of the hours", "timeseries", "air_quality_1h",
              {"completeness": "completeness"}, unit="percentunit", chosen=False),
    ),
)  # fmt: skip

_STATION: Final = Board(
    "station",
    "站点",
    "Station",
    "air_quality",
    (
        Panel("颗粒物（读数）", "Particles, as read", "timeseries", "air_quality",
              {"pm1_ugm3": "PM1", "pm25_ugm3": "PM2.5", "pm10_ugm3": "PM10"}, by=("node", "sensor"), unit=_UGM3),
        Panel("原始值与校准值", "Raw beside corrected", "timeseries", "air_quality",
              {"pm25_raw_ugm3": "raw", "pm25_ugm3": "corrected"}, by=("node", "sensor"), unit=_UGM3),
        Panel("气体", "Gases", "timeseries", "air_quality",
              {"no2_ugm3": "NO2", "o3_ugm3": "O3", "so2_ugm3": "SO2"}, by=("node", "sensor"), unit=_UGM3),
        Panel("噪声最高读数", "Noise, highest", "timeseries", "air_quality", {"noise_db": "noise"}, "max",
              by=("node", "sensor"), unit="dB"),  # levels have no arithmetic mean
        Panel("气温", "Temperature", "timeseries", "weather", {"temp_c": "temperature"}, by=("node", "sensor"),
              unit="celsius"),
        Panel("相对湿度", "Humidity", "timeseries", "weather", {"rh_pct": "humidity"}, by=("node", "sensor"),
              unit="percent"),
        Panel("最差质量标记（1 好 3 可疑 4 未通过）", "Worst flag (1 good, 3 suspect, 4 failed)", "timeseries",
              "air_quality", {"qc": "qc"}, "max", by=("node", "sensor"), width=24),
    ),
)  # fmt: skip

_AIR: Final = Board(
    "air",
    "空气",
    "Air",
    "air_quality_1h",
    (
        Panel("PM2.5 小时均值（HJ 633-2026 分级）", "PM2.5, hourly mean, levels of HJ 633-2026", "timeseries",
              "air_quality_1h", {"pm25_ugm3_mean": "PM2.5"}, unit=_UGM3, limits=PM25_STEPS, width=24),
        Panel("PM10 小时均值", "PM10, hourly mean", "timeseries", "air_quality_1h", {"pm10_ugm3_mean": "PM10"},
              unit=_UGM3),
        Panel("二氧化氮小时均值", "NO2, hourly mean", "timeseries", "air_quality_1h", {"no2_ugm3_mean": "NO2"},
              unit=_UGM3),
        Panel("臭氧小时均值", "Ozone, hourly mean", "timeseries", "air_quality_1h", {"o3_ugm3_mean": "O3"},
              unit=_UGM3),
        Panel("PM2.5 日均值", "PM2.5, daily mean", "timeseries", "air_quality_1d", {"pm25_ugm3_mean": "PM2.5"},
              unit=_UGM3),
        Panel("指数（日）", "Index of the day", "table", "air_index",
              {"value": "value", "category": "category", "primary": "primary", "completeness": "completeness"},
              by=("node", "standard", "edition"), where=(("period", "1d"),), unless=_NA, width=24, rows=True),
    ),
)  # fmt: skip

_LANES: Final = ("node", "lane", "direction")
_TRAFFIC: Final = Board(
    "traffic",
    "交通",
    "Traffic",
    "traffic_flow_1h",
    (
        Panel("流量", "Flow, vehicles per hour", "timeseries", "traffic_flow_1h", {"flow_vph_mean": "flow"},
              by=_LANES, width=24),
        Panel("时间平均车速", "Time-mean speed", "timeseries", "traffic_flow_1h", {"speed_tms_kmh_mean": "speed"},
              by=_LANES, unit="velocitykmh"),
        Panel("空间平均车速", "Space-mean speed", "timeseries", "traffic_flow_1h", {"speed_sms_kmh_mean": "speed"},
              by=_LANES, unit="velocitykmh"),
        Panel("85% 位车速", "85th percentile speed", "timeseries", "traffic_flow_1h", {"v85_kmh": "V85"}, "max",
              by=_LANES, unit="velocitykmh"),
        Panel("逆行车", "Vehicles driving the wrong way", "timeseries", "traffic_flow_1h",
              {"wrong_way_count_sum": "vehicles"}, "sum", by=_LANES),
        Panel("大型车", "Heavy vehicles", "timeseries", "traffic_flow_1h", {"heavy_count_sum": "heavy"}, "sum",
              by=_LANES),
        Panel("占有率", "Occupancy", "timeseries", "traffic_flow_1h", {"occupancy_ratio_mean": "occupancy"},
              by=_LANES, unit="percentunit"),
    ),
)  # fmt: skip

_FLEET: Final = Board(
    "fleet",
    "设备",
    "Fleet",
    "node_health",
    (
        Panel("待发读数", "Readings waiting on the node", "timeseries", "node_health", {"spool_rows": "rows"}, "max"),
        Panel("最旧待发读数", "Age of the oldest waiting reading", "timeseries", "node_health",
              {"spool_age_s": "age"}, "max", unit="s", limits=(600.0, 3600.0)),
        Panel("处理器温度", "Processor temperature", "timeseries", "node_health", {"cpu_temp_c": "temperature"}, "max",
              unit="celsius", limits=(75.0, 85.0)),
        Panel("可用磁盘", "Free disk", "timeseries", "node_health", {"disk_free_b": "free"}, "min", unit="bytes"),
        Panel("时钟偏差", "Clock offset", "timeseries", "node_health", {"clock_offset_s": "offset"}, "max", unit="s"),
        Panel("每小时坏帧", "Bad frames an hour", "timeseries", "sensor_ledger", {"bad_frames_1h": "bad frames"}, "max",
              by=("node", "sensor")),
        Panel("缺口记录", "Gap records", "table", "gap", {"lost_count": "rows", "from_seq": "from", "to_seq": "to"},
              by=("node", "sensor", "reason"), width=24, rows=True),
    ),
)  # fmt: skip

_ALERTS: Final = Board(
    "alerts",
    "告警",
    "Alerts",
    None,
    (
        Panel("每个规则的变化数", "Changes per rule", "timeseries", "alerts", {"dedup_key": "changes"}, "count",
              by=("rule", "severity"), chosen=False, width=24),
        Panel("告警历史", "Every change of an alert", "table", "alerts",
              {"state": "state", "value": "value", "threshold": "limit", "node": "node", "sensor": "sensor",
               "who": "who"},
              by=("site", "rule", "severity"), chosen=False, width=24, rows=True),
    ),
)  # fmt: skip

BOARDS: Final = (_CITY, _STATION, _AIR, _TRAFFIC, _FLEET, _ALERTS)
