"""What the levels of the standards beside HJ 633 are called and mean, in the words of this page, Chinese and English.

After the US EPA's activity guide for particle pollution and EPA-454/B-24-002 (May 2024), the health messages of the
EEA's European Air Quality Index (2024), and the health advice of the UK's DAQI (COMEAP; UKHSA, December 2025).
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Word(NamedTuple):
    """A level's name and advice. `like` is the level of HJ 633 whose shape it takes, the one that comes nearest."""

    zh: str
    en: str
    like: int
    advice_zh: str
    advice_en: str


_US: Final = (
    Word(
        "好", "good", 1,
        "空气污染几乎没有风险，适合户外活动。",
        "Air pollution poses little or no risk: a good day to be active outside.",
    ),
    Word(
        "中等", "moderate", 2,
        "异常敏感的人应减少长时间或剧烈的户外活动，留意咳嗽、气短；其他人可正常活动。",
        "People who are unusually sensitive should make outdoor activities shorter and lighter, and watch for"
        " coughing or shortness of breath. Everybody else can be active as usual.",
    ),
    Word(
        "对敏感人群不健康", "unhealthy for sensitive groups", 3,
        "敏感人群应缩短户外活动、降低强度、多休息；其他人一般不受影响。",
        "Sensitive groups should make outdoor activities shorter and lighter, with more breaks. Most others are not"
        " likely to be affected.",
    ),
    Word(
        "不健康", "unhealthy", 4,
        "敏感人群应避免长时间或剧烈的户外活动；其他人应减少。",
        "Sensitive groups should avoid long or hard activity outdoors; everybody else should do less of it.",
    ),
    Word(
        "非常不健康", "very unhealthy", 5,
        "敏感人群应避免一切户外体力活动；其他人应避免长时间或剧烈的户外活动。",
        "Sensitive groups should avoid all physical activity outdoors; everybody else should avoid long or hard"
        " activity.",
    ),
    Word(
        "危险", "hazardous", 6,
        "所有人应避免户外体力活动；敏感人群应留在室内并减少活动。",
        "Everybody should avoid all physical activity outdoors; sensitive groups should stay indoors and keep"
        " activity low.",
    ),
)  # fmt: skip
_EU_SORE_ZH, _EU_SORE_EN = "眼痛、咳嗽、咽痛等症状", "symptoms such as sore eyes, a cough or a sore throat"
_EU: Final = (
    Word(
        "好", "good", 1,
        "空气质量好，请照常户外活动。",
        "The air quality is good. Enjoy your usual outdoor activities.",
    ),
    Word(
        "较好", "fair", 2,
        "请照常户外活动。",
        "Enjoy your usual outdoor activities.",
    ),
    Word(
        "中等", "moderate", 3,
        "一般人群照常活动；敏感人群如有症状，可考虑减少剧烈的户外活动。",
        "Usual outdoor activities for most people; sensitive people who feel symptoms should consider less"
        " intense ones.",
    ),
    Word(
        "差", "poor", 4,
        f"如有{_EU_SORE_ZH}，可考虑减少剧烈的户外活动；敏感人群可考虑减少体力活动，尤其在户外。",
        f"With {_EU_SORE_EN}, consider doing less intense activity outdoors; sensitive people should consider less"
        " physical activity, outdoors above all.",
    ),
    Word(
        "很差", "very poor", 5,
        f"如有{_EU_SORE_ZH}，可考虑减少剧烈的户外活动；敏感人群应减少体力活动，尤其在户外。",
        f"With {_EU_SORE_EN}, consider doing less intense activity outdoors; sensitive people should reduce physical"
        " activity, outdoors above all.",
    ),
    Word(
        "极差", "extremely poor", 6,
        "所有人应减少户外体力活动；敏感人群应避免户外体力活动。",
        "Everybody should reduce physical activity outdoors; sensitive people should avoid it.",
    ),
)  # fmt: skip
_UK_LOW: Final = Word("低", "low", 1, "请照常户外活动。", "Enjoy your usual outdoor activities.")
_UK_MODERATE: Final = Word(
    "中等", "moderate", 3,
    "多数人照常活动；敏感人群如有症状，应减少剧烈活动，尤其在户外。",
    "Usual outdoor activities for most people; sensitive people with symptoms should do less that is strenuous,"
    " outdoors above all.",
)  # fmt: skip
_UK_HIGH: Final = Word(
    "高", "high", 4,
    "感到眼痛、咳嗽或咽痛的人可考虑减少户外活动；敏感人群应减少剧烈活动，尤其在户外。",
    "Whoever feels sore eyes, a cough or a sore throat should consider less activity outdoors; sensitive people"
    " should do less that is strenuous, outdoors above all.",
)  # fmt: skip
_UK_VERY_HIGH: Final = Word(
    "很高", "very high", 6,
    "所有人应减少户外体力活动，有症状时更应如此；敏感人群应避免剧烈活动。",
    "Everybody should reduce physical exertion outdoors, with symptoms above all; sensitive people should avoid what is"
    " strenuous.",
)  # fmt: skip

WORDS: Final[dict[str, tuple[str, tuple[Word, ...]]]] = {
    "US EPA AQI": ("us", _US),
    "EEA EAQI": ("eu", _EU),
    "UK DAQI": ("uk", (*(_UK_LOW,) * 3, *(_UK_MODERATE,) * 3, *(_UK_HIGH,) * 3, _UK_VERY_HIGH)),
}
"""Palette and the words of each level, by the name under which the standard's indices are stored."""
