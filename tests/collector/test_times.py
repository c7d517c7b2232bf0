"""Times, lengths, spans and zones as people write them: read right, or refused with the cure; never a traceback."""

from __future__ import annotations

import pytest

from collector.commands.times import length_ms, span_of, time_of
from collector.zones import day_and_clock, zone_of
from wire.exits import Exit, Failure

BERLIN = "Europe/Berlin"


def test_a_time_is_the_city_s_unless_it_names_an_offset() -> None:
    assert time_of("2026-10-26", BERLIN) - time_of("2026-10-25", BERLIN) == 25 * 3_600_000
    assert time_of("2026-10-25T02:30", BERLIN) == time_of("2026-10-25T00:30Z", BERLIN)
    assert time_of("2026-03-29T02:30", BERLIN) == time_of("2026-03-29T01:30+00:00", BERLIN)


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31T23:59:59-12:00", "1969-12-31", "2200-01-01", "24h", ""])
def test_a_time_that_no_database_can_be_asked_for_is_refused(text: str) -> None:
    with pytest.raises(Failure) as refused:
        time_of(text, BERLIN)
    assert refused.value.code == Exit.USAGE
    assert refused.value.cure


@pytest.mark.parametrize("text", ["", "h", "0h", "-1h", "24", "1w", "٣h", "1.5h", "99999999999999999999h", "1000000d"])
def test_a_length_is_a_number_and_a_unit_within_a_lifetime(text: str) -> None:
    with pytest.raises(Failure, match="no length of time"):
        length_ms(text)


def test_a_span_goes_back_from_its_end_or_begins_at_a_time() -> None:
    until_ms = time_of("2026-03-02", BERLIN)
    assert span_of("90m", "2026-03-02", BERLIN) == (until_ms - 90 * 60_000, until_ms)
    assert span_of("2026-03-01", "2026-03-02", BERLIN) == (until_ms - 24 * 3_600_000, until_ms)
    with pytest.raises(Failure, match="not before"):
        span_of("2026-03-02", "2026-03-02", BERLIN)


@pytest.mark.parametrize(
    "name", ["Asia", "", "localtime", "right/UTC", "Mars/Olympus", "../UTC", "/etc/localtime", "x" * 300, "a\0b"]
)
def test_what_is_no_zone_is_named_whatever_keeps_it_from_being_one(name: str) -> None:
    with pytest.raises(ValueError, match="unknown time zone"):
        zone_of(name)


def test_of_an_hour_that_comes_twice_it_is_said_which_of_the_two() -> None:
    """A table of hours had 02:00 twice in the night in which clocks go back, and nobody could tell which was which."""
    berlin, utc_ms = zone_of(BERLIN), time_of("2026-10-25T00:00Z", BERLIN)
    told = [day_and_clock(utc_ms + n * 3_600_000, berlin) for n in range(-1, 3)]
    assert told == ["10-25 01:00", "10-25 02:00 +0200", "10-25 02:00 +0100", "10-25 03:00"]
    assert day_and_clock(time_of("2026-03-29T01:00Z", BERLIN), berlin) == "03-29 03:00"
