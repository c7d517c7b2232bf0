"""When there is enough data to speak of a mean: rules of several regimes, and what EEA validity codes mean.

A rule counts what is there; "75 %" and "at least 20 hours" are both a `required` number in the rule's own unit. A mean
without its completeness is a number without a meaning, so windows carry both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from measures.rounding import Number, exact

GB_3095: Final = "GB 3095—2026 Table 4"
EU_2008_50: Final = "Directive 2008/50/EC Annex VII A.2 / XI"
HJ_663_2013: Final = "HJ 663—2013"
US_40_CFR_50: Final = "40 CFR 50"
BERLIN_VIZ: Final = "VIZ Berlin traffic detection"


@dataclass(frozen=True, slots=True)
class Rule:
    """At least `required` of what `counts` says before there is a mean over `period`, by `regime`.

    `period` is `1h`, `8h`, `8h-max` (a day's largest 8-hour mean), `24h`, `month`, `february` or `year`.
    """

    regime: str
    period: str
    counts: str
    required: int

    def is_met(self, available: Number) -> bool:
        """Whether `available`, counted as the rule counts, is enough. Raises ValueError below 0."""
        if available < 0:
            raise ValueError(f"{available} {self.counts}: cannot be below 0")
        return available >= self.required


GB_HOUR: Final = Rule(GB_3095, "1h", "minutes sampled", 45)
GB_8H: Final = Rule(GB_3095, "8h", "valid hourly values", 6)
GB_DAY: Final = Rule(GB_3095, "24h", "valid hourly values", 20)
GB_MONTH: Final = Rule(GB_3095, "month", "valid daily means", 27)
GB_FEBRUARY: Final = Rule(GB_3095, "february", "valid daily means", 25)
GB_YEAR: Final = Rule(GB_3095, "year", "valid daily means", 324)
HJ_663_8H_MAX: Final = Rule(HJ_663_2013, "8h-max", "valid 8-hour means ending 08:00 to 24:00", 14)
EU_HOUR: Final = Rule(EU_2008_50, "1h", "minutes sampled", 45)
EU_8H: Final = Rule(EU_2008_50, "8h", "valid hourly values", 6)
EU_8H_MAX: Final = Rule(EU_2008_50, "8h-max", "valid 8-hour running means", 18)
EU_DAY: Final = Rule(EU_2008_50, "24h", "valid hourly values", 18)
EU_YEAR: Final = Rule(EU_2008_50, "year", "percent of valid hourly values", 90)
US_DAY: Final = Rule(US_40_CFR_50, "24h", "valid hourly values", 18)
US_8H_MAX: Final = Rule(US_40_CFR_50, "8h-max", "valid 8-hour means beginning 07:00 to 23:00", 13)
BERLIN_HOUR: Final = Rule(BERLIN_VIZ, "1h", "percent of valid measurement intervals", 75)
RULES: Final = {
    (rule.regime, rule.period): rule
    for rule in (
        *(GB_HOUR, GB_8H, GB_DAY, GB_MONTH, GB_FEBRUARY, GB_YEAR, HJ_663_8H_MAX),
        *(EU_HOUR, EU_8H, EU_8H_MAX, EU_DAY, EU_YEAR, US_DAY, US_8H_MAX, BERLIN_HOUR),
    )
}


def is_mda8_valid(means_8h: int, daily_maximum: Number | None, limit: Number, rule: Rule = HJ_663_8H_MAX) -> bool:
    """A day's maximum 8-hour O3 counts with as many means as `rule` asks, or with fewer when above the limit.

    HJ 663-2013: 14 means ending 08:00 to 24:00. 40 CFR 50 App. U section 3 (US_8H_MAX): 13 beginning 07:00 to 23:00.
    """
    return rule.is_met(means_8h) or (daily_maximum is not None and exact(daily_maximum) > exact(limit))


def is_year_valid(days_by_month: dict[int, int]) -> bool:
    """GB 3095-2026 Table 4: valid daily means by month 1 to 12 suffice for an annual mean, in all and in each month."""
    return GB_YEAR.is_met(sum(days_by_month.values())) and all(
        (GB_FEBRUARY if month == 2 else GB_MONTH).is_met(days_by_month.get(month, 0)) for month in range(1, 13)
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
