"""Six levels of an air-quality index: numeral, word, shape, advice. An index is a number without unit, never µg/m³.

Colours stand in the style sheet beside the shapes, because they depend on what the reader chose.
"""

from __future__ import annotations

from typing import NamedTuple

from collector.stations.station_query import IndexRow
from collector.web.level_words import WORDS


class Level(NamedTuple):
    """One level of a standard's scale. `shape` is an outline in a box from -10 to 10: colour alone tells nothing.

    `number` chooses shape and colour, `mark` stands on it; `palette` names the colours of another standard than HJ 633,
    and the level's own number there: of the UK's ten values each has its colour.
    """

    number: int
    index_max: int
    numeral_zh: str
    word_zh: str
    word_en: str
    shape: str
    effect_zh: str = ""
    effect_en: str = ""
    advice_zh: str = ""
    advice_en: str = ""
    mark: str = ""
    palette: str = ""


LEVELS = (
    Level(
        1, 50, "一级", "优", "good", "M0 -9A9 9 0 1 1 0 9A9 9 0 1 1 0 -9Z",
        "空气质量令人满意，基本无空气污染。",
        "Air is satisfactory and hardly polluted.",
        "各类人群可正常活动。",
        "Everybody can be active as usual.",
        "1",
    ),
    Level(
        2, 100, "二级", "良", "moderate", "M-8.5 -8.5H8.5V8.5H-8.5Z",
        "空气质量可接受，但某些污染物可能对极少数异常敏感人群健康有较弱影响。",
        "Air is acceptable; some pollutants may slightly affect the very few who are unusually sensitive.",
        "极少数异常敏感人群应减少户外活动。",
        "The very few who are unusually sensitive should do less outdoors.",
        "2",
    ),
    Level(
        3, 150, "三级", "轻度污染", "lightly polluted", "M0 -10L10 8H-10Z",
        "敏感人群症状有轻度加剧，健康人群出现刺激症状。",
        "Symptoms of sensitive people grow slightly worse; healthy people feel irritation.",
        "青少年儿童、老年人及心血管系统疾病、呼吸系统疾病患者应减少长时间、高强度的户外锻炼。",
        "Children, older people and people with heart or lung disease should do less long or hard exercise outdoors.",
        "3",
    ),
    Level(
        4, 200, "四级", "中度污染", "moderately polluted", "M0 -10L10 0L0 10L-10 0Z",
        "敏感人群症状进一步加剧，可能对健康人群心脏、呼吸系统有影响。",
        "Symptoms of sensitive people grow worse; heart and lungs of healthy people may be affected.",
        "青少年儿童、老年人及心血管系统疾病、呼吸系统疾病患者应避免长时间、高强度的户外锻炼，一般人群适量减少户外运动。",
        "Children, older people and people with heart or lung disease should avoid long or hard exercise outdoors;"
        " everybody should do somewhat less.",
        "4",
    ),
    Level(
        5, 300, "五级", "重度污染", "heavily polluted", "M0 -10L9.5 -3L6 8.5H-6L-9.5 -3Z",
        "心血管系统疾病和呼吸系统疾病患者症状显著加剧，运动耐受力降低，健康人群普遍出现症状。",
        "Symptoms of people with heart or lung disease grow much worse; healthy people commonly feel symptoms.",
        "青少年儿童、老年人及心血管系统疾病、呼吸系统疾病患者应停留在室内，停止户外运动，一般人群减少户外运动。",
        "Children, older people and people with heart or lung disease should stay indoors and stop exercising outdoors;"
        " everybody should do less.",
        "5",
    ),
    Level(
        6, 500, "六级", "严重污染", "severely polluted", "M-5 -9H5L10 0L5 9H-5L-10 0Z",
        "健康人群运动耐受力降低，有明显强烈症状，提前出现某些疾病。",
        "Healthy people can do less, feel strong symptoms and may fall ill.",
        "青少年儿童、老年人和病人应当留在室内，避免体力消耗，一般人群应避免户外活动。",
        "Children, older people and the sick should stay indoors and avoid exertion;"
        " everybody should avoid being active outdoors.",
        "6",
    ),
)  # fmt: skip


def of_index(index: int) -> Level:
    """The level of an index from 0 upwards; everything above 300 is the sixth."""
    return next((level for level in LEVELS if index <= level.index_max), LEVELS[-1])


class Judgement(NamedTuple):
    """What an index says: the number, its level, the pollutants that made it, the standard with edition.

    `hour_ms` is the start of the hour it is of, None for the 60 minutes that end now.
    """

    number: int
    level: Level
    pollutants: tuple[str, ...]
    standard: str
    hour_ms: int | None = None


def of_standard(standard: str, level: int) -> Level:
    """A level of a standard, counted from 1, with the shape of the level of HJ 633 that comes nearest."""
    if standard not in WORDS:
        return LEVELS[level - 1]
    palette, words = WORDS[standard]
    word, same = words[level - 1], LEVELS[words[level - 1].like - 1]
    return Level(
        word.like, same.index_max, "", word.zh, word.en, same.shape, advice_zh=word.advice_zh,
        advice_en=word.advice_en, mark=str(level), palette=f"{palette} v{level}",
    )  # fmt: skip


def called(standard: str, level: int | None, category: str) -> tuple[str, str]:
    """What a stored index is called, in Chinese and English; NA, which has no level, is so in both."""
    if level is None:
        return category, category
    found = of_standard(standard, level)
    return found.word_zh, found.word_en


def stored(row: IndexRow) -> Judgement | None:
    """What a stored index says, in its standard's own words and colours; None where it is published as NA."""
    if row.value is None or row.level is None:
        return None
    name = f"{row.standard}-{row.edition}"
    pollutants = tuple(one for one in row.primary.split(",") if one != "-")
    return Judgement(row.value, of_standard(row.standard, row.level), pollutants, name, row.time_ms)
