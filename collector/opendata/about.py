"""What every export carries: what it is, units, meaning of the columns, how far it may be trusted, licence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from zoneinfo import ZoneInfo

from collector.opendata.dataset import Dataset
from collector.web.words import TEXTS
from collector.zones import iso
from wire.quantities import QUANTITIES

MARK: Final = "lamppost-export/1"
LICENCE: Final = "CC BY 4.0"
LICENCE_TEXT: Final = (
    "You may share and adapt this data for any purpose if you name its source and say what you changed.\n"
    "Full text: https://creativecommons.org/licenses/by/4.0/legalcode\n"
    "您可以为任何目的分享和改编本数据，但须注明来源并说明所做的修改。\n"
    "全文：https://creativecommons.org/licenses/by/4.0/legalcode.zh-hans\n"
)
_BESIDE: Final = {
    "time": ("start, with its offset from UTC", "起始时间，含时区偏移"),
    "node": ("station", "站点"),
    "site": ("place of the station", "站点位置"),
    "sensor": ("sensor", "传感器"),
    "lane": ("lane", "车道"),
    "direction": ("direction", "方向"),
    "cal_id": (
        "calibration of the corrected values, raw values stand beside; 25C: µg/m³ of a gas at 25 °C and 1013.25 hPa",
        "校准编号，原始值并列；25C 指气体浓度换算到 25 °C、1013.25 hPa",
    ),
    "cq": ("clock: 0 synchronised when read, 1 set later, 2 estimated", "时钟：0 已同步 1 事后校正 2 估计"),
    "qc": ("quality: 1 good, 3 suspect, 4 failed; nothing is deleted", "质量标记：1 好 3 可疑 4 未通过"),
    "qc_code": ("field:test of what is not good; ? means suspect", "可疑或未通过的列和检验，? 为可疑"),
    "masked": ("fields hidden because fewer than five vehicles made them", "因车辆少于五辆而隐藏的列"),
}


def lines(dataset: Dataset, zone: ZoneInfo) -> Iterator[str]:
    """The description as short lines of text."""
    yield f"{MARK} {dataset.measurement}"
    yield f"from {iso(dataset.since_ms, zone)} to {iso(dataset.until_ms, zone)}, time zone {zone.key}"
    yield from TEXTS["notice"]
    yield f"licence {LICENCE}. {LICENCE_TEXT.splitlines()[0]}"
    yield f"许可 {LICENCE}。{LICENCE_TEXT.splitlines()[2]}"
    for name in columns(dataset):
        english, chinese = _meaning(name)
        yield f"{name}: {english} / {chinese}"


def columns(dataset: Dataset) -> tuple[str, ...]:
    """The names over the columns of a file."""
    return ("time", *dataset.tags, *dataset.fields, *(("masked",) if dataset.masks else ()))


def readme(datasets: list[Dataset], zone: ZoneInfo) -> str:
    """The README of an archive, in Markdown."""
    parts = [f"# {MARK}\n\n{' '.join(TEXTS['notice'])}\n\n{LICENCE}: {LICENCE_TEXT}"]
    for dataset in datasets:
        head = f"## {dataset.measurement}.csv\n\nRows: {dataset.rows}. Stations: {dataset.stations}. "
        head += f"From {iso(dataset.since_ms, zone)} to {iso(dataset.until_ms, zone)}, {zone.key}.\n\n"
        table = ["| column | unit | meaning | 含义 | UCUM | FIWARE | SenML |", "|---|---|---|---|---|---|---|"]
        for name in columns(dataset):
            quantity = QUANTITIES.get(name)
            unit = "" if quantity is None else quantity.unit
            codes = ("", "", "") if quantity is None else (quantity.ucum, quantity.fiware or "", quantity.senml or "")
            table.append(f"| {' | '.join([f'`{name}`', unit, *_meaning(name), *codes])} |")
        parts.append(head + "\n".join(table) + "\n")
    return "\n".join(parts)


def _meaning(name: str) -> tuple[str, str]:
    if name in _BESIDE:
        return _BESIDE[name]
    quantity = QUANTITIES[name]
    return f"{quantity.en}, {quantity.unit}", quantity.zh
