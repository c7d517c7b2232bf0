"""Six levels of an air-quality index: numeral, word, shape, advice. An index is a number without unit, never µg/m³.

Colours stand in the style sheet beside the shapes, because they depend on what the reader chose.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from measures import china_aqi
from measures.index import Concentration, NotInStandard


class Level(NamedTuple):
    """One level of HJ 633-2026 Table 1. `shape` is an outline in a box from -10 to 10: colour alone tells nothing."""

    number: int
    index_max: int
    numeral_zh: str
    word_zh: str
    word_en: str
    shape: str
    advice_zh: str
    advice_en: str


LEVELS = (
    Level(
        1, 50, "一级", "优", "good", "M0 -9A9 9 0 1 1 0 9A9 9 0 1 1 0 -9Z",
        "空气质量令人满意，各类人群可正常活动。",
        "Air is satisfactory; everybody can be active as usual.",
    ),
    Level(
        2, 100, "二级", "良", "moderate", "M-8.5 -8.5H8.5V8.5H-8.5Z",
        "空气质量可接受，极少数异常敏感人群应减少户外活动。",
        "Air is acceptable; the very few who are unusually sensitive should do less outdoors.",
    ),
    Level(
        3, 150, "三级", "轻度污染", "lightly polluted", "M0 -10L10 8H-10Z",
        "青少年儿童、老年人及心血管系统疾病、呼吸系统疾病患者应减少长时间、高强度的户外锻炼。",
        "Children, older people and people with heart or lung disease should do less long or hard exercise outdoors.",
    ),
    Level(
        4, 200, "四级", "中度污染", "moderately polluted", "M0 -10L10 0L0 10L-10 0Z",
        "敏感人群应避免长时间、高强度的户外锻炼，一般人群适量减少户外运动。",
        "Sensitive people should avoid long or hard exercise outdoors; everybody should do somewhat less.",
    ),
    Level(
        5, 300, "五级", "重度污染", "heavily polluted", "M0 -10L9.5 -3L6 8.5H-6L-9.5 -3Z",
        "敏感人群应停留在室内，停止户外运动，一般人群减少户外运动。",
        "Sensitive people should stay indoors and stop exercising outdoors; everybody should do less.",
    ),
    Level(
        6, 500, "六级", "严重污染", "severely polluted", "M-5 -9H5L10 0L5 9H-5L-10 0Z",
        "敏感人群应当留在室内，避免体力消耗，一般人群应避免户外活动。",
        "Sensitive people should stay indoors and avoid exertion; everybody should avoid being active outdoors.",
    ),
)  # fmt: skip


def of_index(index: int) -> Level:
    """The level of an index from 0 upwards; everything above 300 is the sixth."""
    return next((level for level in LEVELS if index <= level.index_max), LEVELS[-1])


class Judgement(NamedTuple):
    """What an index says of one hour: the number, its level, the pollutants that made it, the standard with edition."""

    number: int
    level: Level
    pollutants: tuple[str, ...]
    standard: str


def judge(hourly_ugm3: Mapping[str, float], on: date) -> Judgement | None:
    """The largest sub-index (IAQI) of hourly means by pollutant (`PM2.5`, `PM10`) under the edition of HJ 633 in force.

    None when nothing can be judged: no mean, none the edition has an hourly column for, or codes such as -999.
    """
    found = []
    for pollutant, mean in hourly_ugm3.items():
        try:
            index = china_aqi.sub_index(Concentration(pollutant, "1h", mean, "ug/m3"), on)
        except (NotInStandard, ValueError):
            continue
        if index is not None:
            found.append((index.value, pollutant, f"{index.standard}-{index.edition}"))
    if not found:
        return None
    number, _, standard = max(found)
    pollutants = tuple(pollutant for value, pollutant, _ in found if value == number)
    return Judgement(number, of_index(number), pollutants, standard)
