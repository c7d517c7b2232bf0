"""Six levels of an air-quality index: numeral, word, shape. An index is a number without unit, never a concentration.

Colours stand in the style sheet beside the shapes, because they depend on what the reader chose.
"""

from __future__ import annotations

from typing import NamedTuple


class Level(NamedTuple):
    """One level. `shape` is an outline in a box from -10 to 10, so that no level is told by its colour alone."""

    number: int
    index_max: int
    numeral_zh: str
    word_zh: str
    word_en: str
    shape: str


LEVELS = (
    Level(1, 50, "一级", "优", "good", "M0 -9A9 9 0 1 1 0 9A9 9 0 1 1 0 -9Z"),
    Level(2, 100, "二级", "良", "moderate", "M-8.5 -8.5H8.5V8.5H-8.5Z"),
    Level(3, 150, "三级", "轻度污染", "lightly polluted", "M0 -10L10 8H-10Z"),
    Level(4, 200, "四级", "中度污染", "moderately polluted", "M0 -10L10 0L0 10L-10 0Z"),
    Level(5, 300, "五级", "重度污染", "heavily polluted", "M0 -10L9.5 -3L6 8.5H-6L-9.5 -3Z"),
    Level(6, 500, "六级", "严重污染", "severely polluted", "M-5 -9H5L10 0L5 9H-5L-10 0Z"),
)


def of_index(index: int) -> Level:
    """The level of an index from 0 upwards; everything above 300 is the sixth."""
    return next((level for level in LEVELS if index <= level.index_max), LEVELS[-1])


class Judgement(NamedTuple):
    """What an index says of one hour: the number, its level, which pollutant made it."""

    number: int
    level: Level
    pollutant: str
    standard: str


def judge(pm25_ugm3: float | None, pm10_ugm3: float | None) -> Judgement | None:
    """The hourly index of what a station measures; None while no standard is chosen or nothing is measured."""
    del pm25_ugm3, pm10_ugm3
    return None
