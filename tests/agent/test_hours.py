"""The sensor ledger's hours: what is told of them, and when."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.hours import GRACE_MS, KIND, LAST_MS, Hours
from edge_agent.reading import Reading, Series
from edge_agent.spool.unique_times import UniqueTimes
from wire.times import HOUR_MS

H = 1_790_000_000_000 // HOUR_MS * HOUR_MS


def told(hours: Hours, now_ms: int, closing: bool = False) -> list[tuple[int, float]]:
    """(time, accepted) of each row."""
    return [(row.time_ms, row.values["accepted"]) for row in hours.tick(now_ms, closing)]


def test_an_agent_that_stops_just_after_the_hour_tells_both_hours() -> None:
    hours = Hours()
    hours.accept("air-1", 7, H + HOUR_MS - 1)
    hours.accept("air-1", 3, H + HOUR_MS + 5)
    now_ms = H + HOUR_MS + 30_000
    (last_ms, seven), this_hour = told(hours, now_ms, closing=True)
    assert (seven, this_hour) == (7, (now_ms, 3))
    assert H + HOUR_MS - LAST_MS <= last_ms < H + HOUR_MS - 1


def test_an_hour_is_told_as_of_its_last_millisecond_when_it_is_closed() -> None:
    hours = Hours()
    hours.accept("air-1", 7, H + 10)
    hours.accept("air-1", 3, H + HOUR_MS + 5)
    assert told(hours, H + HOUR_MS + GRACE_MS)[0] == (H + HOUR_MS - 1, 7)


class Account:
    """An agent's accounts over restarts, as a recorder keeps them: each reading accepted, each row told."""

    def __init__(self) -> None:
        self.hours, self.unique = Hours(), UniqueTimes()
        self.accepted: Counter[int] = Counter()
        self.told: Counter[int] = Counter()

    def second(self, now_ms: int, readings: list[Reading], stops: bool) -> None:
        """One commit; whoever stops writes first what the account told last must hold."""
        if stops:
            self._write(readings)
            readings = []
        self.hours.observe("air-1", 0, 0.0, now_ms)
        self._write([*readings, *self.hours.tick(now_ms, stops)])

    def restart(self) -> None:
        self.hours = Hours(self.hours.state())

    def _write(self, pending: list[Reading]) -> None:
        for reading in pending:
            hour_ms = self.unique.unique(reading).time_ms // HOUR_MS * HOUR_MS
            if reading.series.kind == KIND:
                self.told[hour_ms] = max(self.told[hour_ms], int(reading.values["accepted"]))
            else:
                self.hours.accept("air-1", 1, reading.time_ms)
                self.accepted[hour_ms] += 1


STEPS = st.tuples(
    st.sampled_from([500, 999, 1000, 1000, 1001, 2000, 60_000, 121_000, 301_000]), st.integers(0, 9),
    st.sampled_from(["goes on", "goes on", "stops", "dies"]),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.integers(-130_000, 3_000), st.lists(STEPS, min_size=1, max_size=14))
def test_every_hour_is_accounted_for_however_often_the_agent_restarts_around_its_end(
    start_ms: int, steps: list[tuple[int, int, str]]
) -> None:
    """What is told of an hour stands in that hour, also when a later one has been told already."""
    account, now_ms = Account(), H + HOUR_MS + start_ms
    began_ms = now_ms
    for gap_ms, count, then in [*steps, (1000, 0, "stops")]:
        before_ms, now_ms = now_ms, now_ms + gap_ms
        times = sorted(now_ms - min(999, gap_ms - 1) * number // 10 for number in range(count))
        readings = [Reading(Series("air-1", "air_quality"), time_ms, {"pm25_raw_ugm3": 1}) for time_ms in times]
        if gap_ms <= 60_000 and now_ms // 60_000 != before_ms // 60_000:  # an interval is told when it is over
            readings.append(Reading(Series("air-1", "traffic_flow"), max(now_ms - 60_000, began_ms), {"count": 1}))
        account.second(now_ms, readings, then == "stops")
        if then != "goes on":
            account.restart()
    assert +account.told == account.accepted


def test_a_clock_that_was_years_ahead_for_a_while_keeps_no_account_from_being_told() -> None:
    hours = Hours()
    for now_ms in (H, H + 3 * 8760 * HOUR_MS, H + 3 * 8760 * HOUR_MS + 2 * HOUR_MS):
        hours.accept("air-1", 1, now_ms)
        hours.tick(now_ms)
    told = []
    for minute in range(180, 250):
        hours.accept("air-1", 1, H + minute * 60_000)
        told += hours.tick(H + minute * 60_000)
    accounts = {row.time_ms // HOUR_MS * HOUR_MS: row.values["accepted"] for row in told}
    assert accounts[H + 3 * HOUR_MS] == 60


def test_what_was_accepted_under_a_clock_that_was_ahead_is_no_account_of_the_hour_in_which_the_agent_stops() -> None:
    """So many readings seemed to be missing from it."""
    hours = Hours()
    hours.accept("air-1", 3000, H + 5 * HOUR_MS)
    hours.accept("air-1", 7, H + 10)
    assert told(hours, H + 20_000, closing=True) == [(H + 20_000, 7)]
    again = Hours(hours.state())
    assert (H + 6 * HOUR_MS - 1, 3000) in told(again, H + 6 * HOUR_MS + GRACE_MS)


def test_two_accounts_told_at_once_after_a_clock_was_set_back_have_each_its_time_within_the_hour() -> None:
    """Of an agent that stopped then: two rows of one time, and the whole block of accounts was refused."""
    unique, series = UniqueTimes(), Series("air-1", KIND)
    unique.unique(Reading(series, H + HOUR_MS + 5, {"accepted": 1}))
    for time_ms in (H + 100, H + HOUR_MS - 1):
        told = {unique.unique(Reading(series, time_ms, {"accepted": n})).time_ms for n in (29, 16, 3)}
        assert len(told) == 3
        assert {one // HOUR_MS * HOUR_MS for one in told} == {H}


def test_hours_that_an_earlier_agent_counted_since_boot_are_told_of_no_day_in_1970() -> None:
    hours = Hours({"0": {"air-1": {"accepted": 3600}}, str(H): {"air-1": {"accepted": 7}}})
    (told,) = hours.tick(H + 2 * HOUR_MS)
    assert (told.time_ms // HOUR_MS * HOUR_MS, told.values["accepted"]) == (H, 7)


def test_many_that_were_dropped_are_shared_by_the_hours_in_which_they_came() -> None:
    hours = Hours()
    hours.spread("air-1", 7_201, H + HOUR_MS // 2, H + HOUR_MS // 2 + 2 * HOUR_MS)
    hours.spread("air-1", 1, H + 10, H + 10)
    told = hours.tick(H + 4 * HOUR_MS)
    assert [row.values["accepted"] for row in told] == [1801, 3600, 1801]
