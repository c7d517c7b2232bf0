"""The tables of the standards, copied once more from print: where a column says that a level ends, it ends."""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal

import pytest

from measures import china_aqi, eu_aqi, india_naqi, uk_daqi, us_aqi
from measures.index import Concentration, Index

Judge = Callable[[Concentration], Index | None]
CHINA = {
    "SO2 24h ug/m3": "50 150 475 800 1600 2100 2620",
    "SO2 1h ug/m3": "150 500 650 800",
    "NO2 24h ug/m3": "40 80 180 280 565 750 940",
    "NO2 1h ug/m3": "100 200 700 1200 2340 3090 3840",
    "CO 24h mg/m3": "2 4 14 24 36 48 60",
    "CO 1h mg/m3": "5 10 35 60 90 120 150",
    "O3 8h ug/m3": "100 160 215 265 800",
    "O3 1h ug/m3": "160 200 300 400 800 1000 1200",
}
PM_2012 = {"PM10 24h ug/m3": "50 150 250 350 420 500 600", "PM2.5 24h ug/m3": "35 75 115 150 250 350 500"}
PM_2026 = {
    f"{pollutant} {averaging} ug/m3": column
    for pollutant, column in (("PM10", "50 120 250 350 420 500 600"), ("PM2.5", "35 60 115 150 250 350 500"))
    for averaging in ("24h", "1h")
}
US = {
    "O3 8h ppm": "0.054 0.070 0.085 0.105 0.200",
    "PM2.5 24h ug/m3": "9.0 35.4 55.4 125.4 225.4 325.4",
    "PM10 24h ug/m3": "54 154 254 354 424 604",
    "CO 8h ppm": "4.4 9.4 12.4 15.4 30.4 50.4",
    "SO2 1h ppb": "35 75 185 304",
    "NO2 1h ppb": "53 100 360 649 1249 2049",
}
US_FROM_THE_MIDDLE = {"O3 1h ppm": "0.164 0.204 0.404 0.604", "SO2 24h ppb": "604 1004"}
EU = {
    "PM2.5 1h ug/m3": "5 15 50 90 140",
    "PM10 1h ug/m3": "15 45 120 195 270",
    "NO2 1h ug/m3": "10 25 60 100 150",
    "O3 1h ug/m3": "60 100 120 160 180",
    "SO2 1h ug/m3": "20 40 125 190 275",
}
UK = {
    "NO2 1h ug/m3": "67 134 200 267 334 400 467 534 600",
    "SO2 15min ug/m3": "88 177 266 354 443 532 710 887 1064",
    "O3 8h ug/m3": "33 66 100 120 140 160 187 213 240",
    "PM2.5 24h ug/m3": "11 23 35 41 47 53 58 64 70",
    "PM10 24h ug/m3": "16 33 50 58 66 75 83 91 100",
}
INDIA = {
    "PM10 24h ug/m3": "50 100 250 350 430",
    "PM2.5 24h ug/m3": "30 60 90 120 250",
    "NO2 24h ug/m3": "40 80 180 280 400",
    "O3 8h ug/m3": "50 100 168 208 748",
    "SO2 24h ug/m3": "40 80 380 800 1600",
    "CO 8h mg/m3": "1 2 10 17 34",
}


def china(year: int) -> Judge:
    return lambda concentration: china_aqi.sub_index(concentration, date(year, 3, 1))


def printed() -> Iterator[tuple[Judge, str, str, list[int], bool]]:
    """How a scale judges, a column's name and tops, the indices at these, and whether there is a level above."""
    tables: list[tuple[Judge, dict[str, str], list[int], bool]] = [
        (china(2025), CHINA | PM_2012, [50, 100, 150, 200, 300, 400, 500], False),
        (china(2026), CHINA | PM_2026, [50, 100, 150, 200, 300, 400, 500], False),
        (us_aqi.sub_index, US, [50, 100, 150, 200, 300, 500], False),
        (us_aqi.sub_index, US_FROM_THE_MIDDLE, [150, 200, 300, 500], False),
        (eu_aqi.sub_index, EU, [*range(1, 6)], True),
        (uk_daqi.sub_index, UK, [*range(1, 10)], True),
        (india_naqi.sub_index, INDIA, [50, 100, 200, 300, 400], True),
    ]
    for judge, columns, indices, goes_on in tables:
        for name, tops in columns.items():
            yield judge, name, tops, indices[-2:] if name == "SO2 24h ppb" else indices, goes_on


@pytest.mark.parametrize(("judge", "name", "tops", "indices", "goes_on"), [*printed()])
def test_each_level_ends_where_its_standard_says(
    judge: Judge, name: str, tops: str, indices: list[int], goes_on: bool
) -> None:
    def at(value: Decimal) -> int | None:
        found = judge(Concentration(pollutant, averaging, value, unit))
        return None if found is None else found.value

    pollutant, averaging, unit = name.split()
    ends = [Decimal(top) for top in tops.split()]
    assert [at(end) for end in ends] == indices[: len(ends)]
    step = Decimal("0.1") if unit == "mg/m3" else Decimal(10) ** -len(tops.split()[0].partition(".")[2])
    for end, index in zip(ends if goes_on else ends[:-1], indices, strict=False):
        above = at(end + step)
        assert above is not None
        assert above > index, f"{end + step} is of the next level"
