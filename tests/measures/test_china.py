"""HJ 633 and GB 3095 on both sides of their dates."""

from datetime import date
from decimal import Decimal

import pytest

from measures import china_aqi, china_limits
from measures.china_aqi import Report
from measures.index import Concentration, NotInStandard

BEFORE, AFTER = date(2026, 2, 28), date(2026, 3, 1)
CLEAN = {"PM2.5": 10, "PM10": 20, "SO2": 5, "NO2": 10, "CO": 0.4, "O3": 50}


def _day(**changed: float | None) -> list[Concentration]:
    values = CLEAN | {name.replace("PM25", "PM2.5"): value for name, value in changed.items()}
    return [
        Concentration(name, "8h" if name == "O3" else "24h", value, "mg/m3" if name == "CO" else "ug/m3")
        for name, value in values.items()
    ]


def test_the_same_air_has_two_indices() -> None:
    old, new = (china_aqi.aqi(_day(PM25=70), Report.DAILY, on).index for on in (BEFORE, AFTER))
    assert old is not None
    assert new is not None
    assert (old.value, old.category, old.edition) == (94, "良", "2012")
    assert (new.value, new.category, new.edition) == (110, "轻度污染", "2026")


def test_a_missing_pollutant_hides_an_index_up_to_100_since_2026() -> None:
    for pm25, text in ((60, "NA"), (61, "101")):
        assert china_aqi.aqi(_day(PM25=pm25, PM10=None), Report.DAILY, AFTER).text == text
    found = china_aqi.aqi(_day(PM25=60, PM10=None), Report.DAILY, AFTER)
    assert found.index is None
    assert found.iaqi["PM10"] is None
    assert found.iaqi["PM2.5"] is not None
    assert china_aqi.aqi(_day(PM25=60, PM10=None), Report.DAILY, BEFORE).text == "82"


def test_a_pollutant_that_is_not_monitored_is_not_missing() -> None:
    only = [Concentration("PM2.5", "24h", 20, "ug/m3")]
    assert china_aqi.aqi(only, Report.DAILY, AFTER).text == "29"
    assert china_aqi.aqi([], Report.DAILY, AFTER).text == "NA"


def test_the_primary_pollutant_is_named_above_50_only_and_ties_together() -> None:
    good = china_aqi.aqi(_day(PM25=35), Report.DAILY, AFTER).index
    tied = china_aqi.aqi(_day(PM25=60, PM10=120), Report.DAILY, AFTER).index
    assert good is not None
    assert tied is not None
    assert (good.value, good.primary) == (50, ())
    assert (tied.value, tied.primary) == (100, ("PM10", "PM2.5"))
    first = china_aqi.aqi(_day(PM10=51), Report.DAILY, AFTER).index
    assert first is not None
    assert (first.value, first.primary) == (51, ("PM10",))


@pytest.mark.parametrize(
    ("hour", "eight_hours", "iaqi"), [(160, 20, 50), (20, 100, 50), (200, None, 100), (None, 160, 100)]
)
def test_of_two_means_of_ozone_the_worse_one_counts_in_whatever_order_they_come(
    hour: float | None, eight_hours: float | None, iaqi: int
) -> None:
    means = [Concentration("O3", "1h", hour, "ug/m3"), Concentration("O3", "8h", eight_hours, "ug/m3")]
    for given in (means, means[::-1]):
        found = china_aqi.aqi(given, Report.DAILY, BEFORE).iaqi["O3"]
        assert found is not None
        assert found.value == iaqi


def test_the_index_is_at_least_1() -> None:
    assert china_aqi.aqi(_day(**dict.fromkeys(("PM25", *CLEAN), 0.0)), Report.DAILY, AFTER).text == "1"


@pytest.mark.parametrize(("pollutant", "averaging", "held"), [("SO2", "1h", 200), ("O3", "8h", 300)])
def test_above_800_the_editions_differ(pollutant: str, averaging: str, held: int) -> None:
    concentration = Concentration(pollutant, averaging, 800.6, "ug/m3")
    new = china_aqi.sub_index(concentration, AFTER)
    assert new is not None
    assert new.value == held
    assert china_aqi.sub_index(concentration, BEFORE) is None


@pytest.mark.parametrize("on", [BEFORE, AFTER])
@pytest.mark.parametrize(
    ("pollutant", "averaging", "unit", "top"),
    [
        ("PM2.5", "24h", "ug/m3", 500), ("PM10", "24h", "ug/m3", 600), ("CO", "1h", "mg/m3", 150),
        ("O3", "1h", "ug/m3", 1200), ("NO2", "1h", "ug/m3", 3840), ("SO2", "24h", "ug/m3", 2620),
    ],
)  # fmt: skip
def test_air_beyond_the_table_is_500_in_both_editions(
    pollutant: str, averaging: str, unit: str, top: float, on: date
) -> None:
    for value in (top, top + 1, 3 * top):
        found = china_aqi.sub_index(Concentration(pollutant, averaging, value, unit), on)
        assert found is not None
        assert (found.value, found.level) == (500, 6)


def test_2012_takes_the_day_where_the_hour_of_so2_ends() -> None:
    hour, day = (Concentration("SO2", averaging, 900, "ug/m3") for averaging in ("1h", "24h"))
    index = china_aqi.aqi([hour, day], Report.REALTIME, BEFORE).index
    assert index is not None
    assert index.value == 213


def test_each_report_is_made_of_its_own_means() -> None:
    with pytest.raises(NotInStandard, match=r"no realtime report of PM2.5 24h"):
        china_aqi.aqi([Concentration("PM2.5", "24h", 20, "ug/m3")], Report.REALTIME, AFTER)
    with pytest.raises(NotInStandard, match="no daily report of O3 1h"):
        china_aqi.aqi([Concentration("O3", "1h", 20, "ug/m3")], Report.DAILY, AFTER)
    assert china_aqi.aqi([Concentration("O3", "1h", 20, "ug/m3")], Report.DAILY, BEFORE).text == "7"
    with pytest.raises(NotInStandard, match=r"HJ 633-2012 has no PM2.5 1h"):
        china_aqi.sub_index(Concentration("PM2.5", "1h", 20, "ug/m3"), BEFORE)


def test_co_of_two_point_two_is_55_exactly() -> None:
    index = china_aqi.sub_index(Concentration("CO", "24h", 2.2, "mg/m3"), AFTER)
    assert index is not None
    assert index.value == 55


def test_a_clock_in_1970_has_no_standard() -> None:
    with pytest.raises(ValueError, match="clock that is wrong"):
        china_aqi.scale(date(2012, 2, 28))
    assert china_aqi.scale(date(2012, 2, 29)) is china_aqi.HJ_633_2012
    with pytest.raises(ValueError, match="clock that is wrong"):
        china_limits.limit("PM2.5", "24h", 2, date(1970, 1, 1))


@pytest.mark.parametrize(
    ("on", "value", "edition"),
    [
        (date(2026, 2, 28), 75, "GB 3095-2012"),
        (date(2026, 3, 1), 60, "GB 3095-2026 transition"),
        (date(2030, 12, 31), 60, "GB 3095-2026 transition"),
        (date(2031, 1, 1), 50, "GB 3095-2026"),
    ],
)
def test_limits_change_on_their_dates(on: date, value: int, edition: str) -> None:
    assert china_limits.limit("PM2.5", "24h", 2, on) == china_limits.Limit(Decimal(value), "ug/m3", edition)


def test_limits_that_are_not_set_and_names_that_are_not_known() -> None:
    assert china_limits.limit("PM2.5", "1h", 2, AFTER) is None
    for arguments in (("H2S", "1h", 2), ("CO", "month", 2), ("CO", "1h", 3)):
        with pytest.raises(ValueError, match="GB 3095 has no"):
            china_limits.limit(*arguments, AFTER)


def test_levels_of_a_column_end_where_the_edition_says() -> None:
    assert china_aqi.level_tops("PM2.5", "24h", date(2026, 2, 28)) == (35, 75, 115, 150, 250)
    assert china_aqi.level_tops("PM2.5", "1h", date(2026, 3, 1)) == (35, 60, 115, 150, 250)
    assert china_aqi.level_tops("SO2", "1h", date(2026, 3, 1)) == (150, 500, 650, 800)
    with pytest.raises(NotInStandard):
        china_aqi.level_tops("PM2.5", "8h", date(2026, 3, 1))
