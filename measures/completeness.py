"""When there is enough data to speak of a mean: rules of several regimes, and what EEA validity codes mean.

A rule counts what is there; "75 %" and "at least 20 hours" are both a `required` number in the rule's own unit. A mean
without its completeness is a number without a meaning, so windows carry both.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from measures.rounding import Number, exact

GB_3095: Final = "GB 3095—2026 Table 4"
EU_2008_50: Final = "Directive 2008/50/EC Annex VII A.2 / XI"
HJ_663_2013: Final = "HJ 663—2013"
US_40_CFR_50: Final = "40 CFR 50"
BERLIN_VIZ: Final = "VIZ Berlin traffic detection"


@dataclass(frozen=True, slots=True)
class Rule:
    """At least `required` of what `counts` says, by `regime`."""

    regime: str
    counts: str
    required: int

    def is_met(self, available: Number) -> bool:
        """Whether `available`, counted as the rule counts, is enough. Raises ValueError below 0."""
        if available < 0:
            raise ValueError(f"{available} {self.counts}: cannot be below 0")
        return available >= self.required


GB_HOUR_MINUTES: Final = Rule(GB_3095, "minutes sampled for an hourly mean (gases)", 45)
GB_8H_HOURS: Final = Rule(GB_3095, "valid hourly values for an 8-hour mean", 6)
GB_DAY_HOURS: Final = Rule(GB_3095, "valid hourly values for a daily mean", 20)
GB_MONTH_DAYS: Final = Rule(GB_3095, "valid daily means in a month", 27)
GB_FEBRUARY_DAYS: Final = Rule(GB_3095, "valid daily means in February", 25)
GB_YEAR_DAYS: Final = Rule(GB_3095, "valid daily means for an annual mean", 324)
HJ_663_MDA8: Final = Rule(HJ_663_2013, "valid 8-hour means ending 08:00 to 24:00 for the daily maximum", 14)
EU_HOUR_MINUTES: Final = Rule(EU_2008_50, "minutes sampled for an hourly mean", 45)
EU_8H_HOURS: Final = Rule(EU_2008_50, "valid hourly values for an 8-hour mean", 6)
EU_MDA8: Final = Rule(EU_2008_50, "valid 8-hour running means for the daily maximum", 18)
EU_DAY_HOURS: Final = Rule(EU_2008_50, "valid hourly values for a daily mean", 18)
EU_YEAR_PERCENT: Final = Rule(EU_2008_50, "percent of valid hourly values for an annual mean", 90)
US_DAY_HOURS: Final = Rule(US_40_CFR_50, "valid hourly values for a daily mean", 18)
US_MDA8: Final = Rule(US_40_CFR_50, "valid 8-hour means beginning 07:00 to 23:00 for the daily maximum", 13)
BERLIN_HOUR_PERCENT: Final = Rule(BERLIN_VIZ, "percent of valid measurement intervals for an hourly traffic value", 75)
RULES: Final = (
    *(GB_HOUR_MINUTES, GB_8H_HOURS, GB_DAY_HOURS, GB_MONTH_DAYS, GB_FEBRUARY_DAYS, GB_YEAR_DAYS, HJ_663_MDA8),
    *(EU_HOUR_MINUTES, EU_8H_HOURS, EU_MDA8, EU_DAY_HOURS, EU_YEAR_PERCENT),
    *(US_DAY_HOURS, US_MDA8, BERLIN_HOUR_PERCENT),
)


def ratio(valid: int, expected: int) -> Decimal:
    """Share of expected values that are there, 0 to 1 and more if some came twice. Raises ValueError for 0 expected."""
    if expected <= 0 or valid < 0:
        raise ValueError(f"{valid} of {expected} values is no share")
    return Decimal(valid) / Decimal(expected)


def is_complete(valid: int, expected: int, required: Number = Decimal("0.75")) -> bool:
    """Whether at least the share `required` is there; 75 % is the common rule (2008/50/EC Annex XI, 40 CFR 50)."""
    if expected <= 0 or valid < 0:
        raise ValueError(f"{valid} of {expected} values is no share")
    return exact(valid) >= exact(required) * expected


def is_mda8_valid(means_8h: int, daily_maximum: Number | None, limit: Number) -> bool:
    """HJ 663-2013: a day's maximum 8-hour O3 counts with 14 means ending 08:00 to 24:00, or when above the limit."""
    return HJ_663_MDA8.is_met(means_8h) or (daily_maximum is not None and exact(daily_maximum) > exact(limit))


def is_year_valid(days_by_month: dict[int, int]) -> bool:
    """GB 3095-2026 Table 4: valid daily means by month 1 to 12 suffice for an annual mean, in all and in each month."""
    return GB_YEAR_DAYS.is_met(sum(days_by_month.values())) and all(
        (GB_FEBRUARY_DAYS if month == 2 else GB_MONTH_DAYS).is_met(days_by_month.get(month, 0))
        for month in range(1, 13)
    )


@dataclass(frozen=True, slots=True)
class Validity:
    """Whether an observation with this EEA code may be used, and the vocabulary's label."""

    valid: bool
    label: str


_EEA: Final = {
    -99: Validity(False, "Not valid due to station maintenance or calibration"),
    -1: Validity(False, "Not valid"),
    1: Validity(True, "Valid"),
    2: Validity(True, "Valid, but below detection limit, measurement value given"),
    3: Validity(True, "Valid, but below detection limit and number replaced by 0.5*detection limit"),
    4: Validity(True, "Valid (Ozone only) using CCQM.O3.2019"),
}


def eea_validity(code: int) -> Validity:
    """Meaning of an observation's validity code (Eionet Data Dictionary, aq/observationvalidity).

    Keeping only code 1 would drop the cleanest hours (2, 3) and, from 2025, most ozone (4). Raises ValueError.
    """
    found = _EEA.get(code)
    if found is None:
        raise ValueError(f"{code} is no EEA validity code; known are {sorted(_EEA)}")
    return found
