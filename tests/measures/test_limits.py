"""The limits of GB 3095 and the guidelines of the WHO, copied once more from print, whole."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from measures import china_limits, who

PERIODS = ("year", "quarter", "24h", "8h", "1h")
# Class 1 / class 2 in the edition of 2012, from 2026-03-01 and from 2031-01-01: GB 3095-2012 and -2026, Tables 1 and 2.
GB_3095 = """
SO2   year     20/60         20/60         20/20
SO2   24h      50/150        50/150        50/50
SO2   1h       150/500       150/500       150/150
NO2   year     40/40         40/40         30/30
NO2   24h      80/80         80/80         50/50
NO2   1h       200/200       200/200       200/200
CO    24h      4/4           4/4           4/4
CO    1h       10/10         10/10         10/10
O3    8h       100/160       100/160       100/160
O3    1h       160/200       160/200       160/200
PM10  year     40/70         40/60         20/50
PM10  24h      50/150        50/120        50/100
PM2.5 year     15/35         15/30         10/25
PM2.5 24h      35/75         35/60         25/50
TSP   year     80/200        80/200        80/200
TSP   24h      120/300       120/300       120/300
NOx   year     50/50         50/50         40/40
NOx   24h      100/100       100/100       70/70
NOx   1h       250/250       250/250       250/250
Pb    year     0.5/0.5       0.5/0.5       0.5/0.5
Pb    quarter  1.0/1.0       1.0/1.0       1.0/1.0
BaP   year     0.001/0.001   0.001/0.001   0.001/0.001
BaP   24h      0.0025/0.0025 0.0025/0.0025 0.0025/0.0025
"""
DATES = (date(2012, 2, 29), date(2026, 3, 1), date(2031, 1, 1))
# Guideline level, then interim targets 1 to 4: WHO 2021, Tables 0.1 and 0.2.
WHO_2021 = """
PM2.5 annual      5 35 25 15 10
PM2.5 24h         15 75 50 37.5 25
PM10  annual      15 70 50 30 20
PM10  24h         45 150 100 75 50
O3    peak_season 60 100 70
O3    8h          100 160 120
NO2   annual      10 40 30 20
NO2   24h         25 120 50
NO2   1h          200
SO2   24h         40 125 50
SO2   10min       500
CO    24h         4 7
CO    8h          10
CO    1h          35
CO    15min       100
"""


def test_every_limit_of_gb_3095_in_each_edition_and_no_other() -> None:
    set_by = {}
    for pollutant, period, *editions in map(str.split, GB_3095.split("\n")[1:-1]):
        for on, classes in zip(DATES, editions, strict=True):
            set_by[pollutant, period, on] = classes.split("/")
    for pollutant in {pollutant for pollutant, _, _ in set_by}:
        for period in PERIODS:
            for on in DATES:
                values = set_by.get((pollutant, period, on), [None, None])
                for area_class, value in enumerate(values, start=1):
                    found = china_limits.limit(pollutant, period, area_class, on)
                    assert (found and found.value) == (value and Decimal(value)), (pollutant, period, area_class, on)
                    assert found is None or found.unit == ("mg/m3" if pollutant == "CO" else "ug/m3")


def test_no_limit_of_a_day_before_the_edition_of_2012() -> None:
    with pytest.raises(ValueError, match="clock that is wrong"):
        china_limits.limit("CO", "1h", 1, DATES[0] - timedelta(days=1))


@pytest.mark.parametrize("row", WHO_2021.split("\n")[1:-1])
def test_every_guideline_of_the_who(row: str) -> None:
    pollutant, averaging, aqg, *targets = row.split()
    found = who.guideline(pollutant, averaging)
    assert found.aqg == Decimal(aqg)
    assert found.interim_targets == (*map(Decimal, targets), *[None] * (4 - len(targets)))
    assert found.unit == ("mg/m3" if pollutant == "CO" else "ug/m3")


def test_no_guideline_where_the_who_sets_none() -> None:
    with pytest.raises(ValueError, match="no guideline for SO2 annual"):
        who.guideline("SO2", "annual")
