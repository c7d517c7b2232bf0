"""Every scale: more pollution never gives a lower index, edges belong where the table says, codes are refused."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measures import china_aqi, eu_aqi, india_naqi, uk_daqi, us_aqi
from measures.index import OF_QUANTITY, POLLUTANTS, Concentration, Index, NotInStandard, Scale
from wire.quantities import QUANTITIES

D2012, D2026 = date(2026, 2, 28), date(2026, 3, 1)


def _china(on: date) -> Callable[[Concentration], Index | None]:
    return lambda concentration: china_aqi.sub_index(concentration, on)


def _column(pollutant: str, averaging: str, unit: str = "ug/m3") -> Concentration:
    return Concentration(pollutant, averaging, None, unit)


US = [
    *(_column("O3", "8h", "ppm"), _column("O3", "1h", "ppm"), _column("PM2.5", "24h"), _column("PM10", "24h")),
    *(
        _column("CO", "8h", "ppm"),
        _column("SO2", "1h", "ppb"),
        _column("SO2", "24h", "ppb"),
        _column("NO2", "1h", "ppb"),
    ),
]
CHINA_2012 = [
    *(_column(p, a) for p in ("SO2", "NO2") for a in ("24h", "1h")),
    *(_column("CO", "24h", "mg/m3"), _column("CO", "1h", "mg/m3"), _column("O3", "8h"), _column("O3", "1h")),
    *(_column("PM10", "24h"), _column("PM2.5", "24h")),
]
CHINA_2026 = [*CHINA_2012, _column("PM10", "1h"), _column("PM2.5", "1h")]
EU = [_column(p, "1h") for p in ("PM2.5", "PM10", "NO2", "O3", "SO2")]
UK = [_column(*key) for key in (("NO2", "1h"), ("SO2", "15min"), ("O3", "8h"), ("PM2.5", "24h"), ("PM10", "24h"))]
INDIA = [
    *(_column(p, "24h") for p in ("PM10", "PM2.5", "NO2", "SO2")),
    *(_column("O3", "8h"), _column("CO", "8h", "mg/m3")),
]
CASES = [
    *((us_aqi.sub_index, column) for column in US),
    *((_china(D2012), column) for column in CHINA_2012),
    *((_china(D2026), column) for column in CHINA_2026),
    *((eu_aqi.sub_index, column) for column in EU),
    *((uk_daqi.sub_index, column) for column in UK),
    *((india_naqi.sub_index, column) for column in INDIA),
]
TOP = {"ppm": 60, "ppb": 2500, "mg/m3": 200, "ug/m3": 4500}


@pytest.mark.parametrize(("sub_index", "column"), CASES)
@settings(max_examples=25)
@given(data=st.data())
def test_more_pollution_never_gives_a_lower_index(
    sub_index: Callable[[Concentration], Index | None], column: Concentration, data: st.DataObject
) -> None:
    values = st.decimals(0, TOP[column.unit], places=3) | st.decimals(0, TOP[column.unit] // 10 or 1, places=3)
    low, high = sorted((data.draw(values), data.draw(values)))
    first, second = sub_index(replace(column, value=low)), sub_index(replace(column, value=high))
    if first is not None and second is not None:
        assert first.value <= second.value
        assert first.level <= second.level


@pytest.mark.parametrize(("sub_index", "column"), CASES)
def test_missing_has_no_index_noise_is_clean_air_and_a_code_is_refused(
    sub_index: Callable[[Concentration], Index | None], column: Concentration
) -> None:
    assert sub_index(column) is None
    assert sub_index(replace(column, value=-0.001)) == sub_index(replace(column, value=0))
    with pytest.raises(ValueError, match=r"-9999 .* is no concentration"):
        sub_index(replace(column, value=-9999))
    with pytest.raises(ValueError, match="finite"):
        sub_index(replace(column, value=float("nan")))


@pytest.mark.parametrize(("sub_index", "column"), CASES)
def test_another_unit_or_averaging_time_is_not_in_the_standard(
    sub_index: Callable[[Concentration], Index | None], column: Concentration
) -> None:
    with pytest.raises(NotInStandard, match="wants"):
        sub_index(replace(column, value=1, unit="ug/l"))
    with pytest.raises(NotInStandard, match=r"has no .* 1min mean"):
        sub_index(replace(column, value=1, averaging="1min"))


@pytest.mark.parametrize("scale", [us_aqi.SCALE, china_aqi.HJ_633_2012, eu_aqi.SCALE, uk_daqi.SCALE, india_naqi.SCALE])
def test_a_scale_rises_and_every_category_has_a_colour(scale: Scale) -> None:
    tops = [band.top for band in scale.bands if band.top is not None]
    assert tops == sorted(set(tops))
    assert all(len(band.colour) == 7 and band.colour.startswith("#") for band in scale.bands)
    with pytest.raises(ValueError, match="is no value of"):
        scale.at(-1)


def test_stored_quantities_go_in_by_name() -> None:
    assert set(OF_QUANTITY) <= set(QUANTITIES)
    assert {pollutant for pollutant, _ in OF_QUANTITY.values()} == set(POLLUTANTS)
    assert Concentration.of_quantity("co_mgm3", "24h", 2.2) == Concentration("CO", "24h", 2.2, "mg/m3")


def test_an_index_names_its_standard_and_is_no_number() -> None:
    index = us_aqi.sub_index(Concentration("PM2.5", "24h", 35.9, "ug/m3"))
    assert index == Index(102, "Unhealthy for Sensitive Groups", 3, ("PM2.5",), "US EPA AQI", "2024-05", "#FF7E00")
    assert not isinstance(index, int | float)


def _us(**values: float | None) -> Index | None:
    units = {"O3": "ppm", "CO": "ppm", "PM2.5": "ug/m3", "PM10": "ug/m3", "SO2": "ppb", "NO2": "ppb"}
    return us_aqi.overall(
        Concentration(name, averaging, value, units[name])
        for key, value in values.items()
        for name, averaging in [key.replace("PM25", "PM2.5").split("_")]
    )


def test_the_worked_example_of_the_us_document() -> None:
    index = _us(O3_8h=0.07853333, PM25_24h=35.9, CO_8h=8.4)
    assert index is not None
    assert (index.value, index.primary) == (126, ("O3",))


@pytest.mark.parametrize(("day", "value"), [(310, 203), (304.9, 200), (0, 200), (None, 200), (605, 301), (2000, 997)])
def test_so2_above_304_ppb_in_an_hour_is_judged_by_the_day(day: float | None, value: int) -> None:
    index = _us(SO2_1h=400, SO2_24h=day)
    assert index is not None
    assert index.value == value
    assert index.primary == ("SO2",)


@pytest.mark.parametrize(("hour", "value"), [(304, 200), (304.9, 200), (305, 200), (185, 150), (186, 151)])
def test_so2_of_an_hour_without_a_day_stands_at_200_from_where_its_column_ends(hour: float, value: int) -> None:
    index = _us(SO2_1h=hour)
    assert index is not None
    assert index.value == value


def test_levels_of_a_us_column_end_with_the_digits_it_keeps() -> None:
    assert [str(top) for top in us_aqi.level_tops("PM2.5", "24h")] == ["9.0", "35.4", "55.4", "125.4", "225.4"]
    assert [str(top) for top in us_aqi.level_tops("NO2", "1h")] == ["53", "100", "360", "649", "1249"]
    assert [str(top) for top in us_aqi.level_tops("SO2", "1h")] == ["35", "75", "185", "304"]


def test_the_us_table_ends_where_it_ends() -> None:
    assert _us(O3_8h=0.201) is None
    assert _us(O3_8h=0.2009) is not None  # truncated to 0.200
    assert _us(O3_1h=0.124) is None
    assert _us(SO2_24h=304) is None
    assert _us(O3_8h=0.21, O3_1h=0.3) == us_aqi.sub_index(Concentration("O3", "1h", 0.3, "ppm"))
    assert _us() is None


def test_tied_pollutants_are_all_named() -> None:
    index = _us(PM25_24h=9.0, PM10_24h=54)
    assert index is not None
    assert index.primary == ("PM10", "PM2.5")


def test_european_and_british_decimals_go_to_the_nearest_whole() -> None:
    for value, band in ((5.4, 1), (5.5, 2), (15.49, 2), (140.5, 6)):
        index = eu_aqi.sub_index(Concentration("PM2.5", "1h", value, "ug/m3"))
        assert index is not None
        assert index.value == band
    both = [Concentration("PM2.5", "24h", 12, "ug/m3"), Concentration("NO2", "1h", 100, "ug/m3")]
    index = uk_daqi.overall(both)
    assert index is not None
    assert (index.value, index.category, index.primary) == (2, "Low", ("NO2", "PM2.5"))


def test_india_wants_three_pollutants_and_particles() -> None:
    gases = [Concentration("NO2", "24h", 90, "ug/m3"), Concentration("SO2", "24h", 10, "ug/m3")]
    ozone, dust = Concentration("O3", "8h", 60, "ug/m3"), Concentration("PM2.5", "24h", 31, "ug/m3")
    assert india_naqi.overall([*gases, dust]) is not None
    assert india_naqi.overall([*gases, ozone]) is None
    assert india_naqi.overall([*gases, replace(dust, value=None)]) is None
    assert india_naqi.overall([gases[0], dust]) is None


@pytest.mark.parametrize(
    ("value", "index"),
    [(0, 0), (0.4, 0), (30, 50), (30.4, 50), (31, 51), (45, 75), (250, 400), (251, 401), (380, 500), (9000, 500)],
)
def test_india_severe_goes_on_to_500(value: float, index: int) -> None:
    found = india_naqi.sub_index(Concentration("PM2.5", "24h", Decimal(str(value)), "ug/m3"))
    assert found is not None
    assert found.value == index


def test_an_index_of_india_changes_its_category_behind_each_hundred() -> None:
    names = ("Good", "Satisfactory", "Moderately polluted", "Poor", "Very Poor", "Severe")
    spans = ((0, 50), (51, 100), (101, 200), (201, 300), (301, 400), (401, 500))
    for level, (name, span) in enumerate(zip(names, spans, strict=True), start=1):
        assert [(index.category, index.level) for index in map(india_naqi.SCALE.at, span)] == [(name, level)] * 2
    with pytest.raises(ValueError, match="501 is no value"):
        india_naqi.SCALE.at(501)


@pytest.mark.parametrize(("value", "index"), [(1.04, 50), (1.05, 51), (1.2, 56), (2.0, 100), (2.1, 101), (34.1, 401)])
def test_india_reads_carbon_monoxide_by_the_tenth(value: float, index: int) -> None:
    found = india_naqi.sub_index(Concentration("CO", "8h", value, "mg/m3"))
    assert found is not None
    assert found.value == index


@pytest.mark.parametrize(
    ("sub_index", "averaging", "noise"),
    [
        (india_naqi.sub_index, "24h", 30),
        (uk_daqi.sub_index, "24h", 11),
        (eu_aqi.sub_index, "1h", 5),
        (us_aqi.sub_index, "24h", 9),
        (_china(D2026), "1h", 35),
    ],
)
def test_noise_is_as_wide_as_the_cleanest_band(
    sub_index: Callable[[Concentration], Index | None], averaging: str, noise: int
) -> None:
    particles = Concentration("PM2.5", averaging, -noise, "ug/m3")
    assert sub_index(particles) == sub_index(replace(particles, value=0))
    with pytest.raises(ValueError, match="is no concentration"):
        sub_index(replace(particles, value=-noise - Decimal("0.1")))


@pytest.mark.parametrize(("scale", "top"), [(eu_aqi.SCALE, 6), (uk_daqi.SCALE, 10)])
def test_a_scale_of_bands_ends_with_its_last(scale: Scale, top: int) -> None:
    assert [scale.at(value).level for value in range(1, top + 1)] == [*range(1, top + 1)]
    assert len(scale.bands) == top
    with pytest.raises(ValueError, match=f"{top + 1} is no value"):
        scale.at(top + 1)
