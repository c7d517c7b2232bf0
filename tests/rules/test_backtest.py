"""A backtest says of stored history what the rules would have said live, and how often it would have called people."""

import pytest

from collector.rules.backtest import backtest
from collector.rules.engine import Engine, Expected
from collector.rules.episode import episodes
from collector.rules.parsing import parse
from collector.rules.series import Series
from tests.rules.high import HIGH
from wire.times import MINUTE_MS

T0 = 1_791_000_000_000 // 86_400_000 * 86_400_000
AIR = Series.of("air_quality", {"site": "east", "node": "lp-1", "sensor": "air-1"})


def history(values, step=MINUTE_MS, chunk=60):
    for i in range(0, len(values), chunk):
        part = values[i : i + chunk]
        yield AIR, [T0 + (i + k) * step for k in range(len(part))], {"pm25_ugm3": [float(v) for v in part]}


def test_a_backtest_counts_what_would_have_called_people():
    (found,) = backtest(HIGH, history([10] * 100 + [80] * 30 + [10] * 100 + [80] * 20), [Expected(AIR, MINUTE_MS)])
    assert (found.pages, found.rows, found.firing_ms) == (2, 250, 30 * MINUTE_MS)
    assert [(each.fired_ms - T0) // MINUTE_MS for each in found.episodes] == [100, 230]


@pytest.mark.parametrize("slice_minutes", [60, 10, 1])
@pytest.mark.parametrize("last", [False, True])
def test_a_backtest_of_a_rule_that_compares_says_what_it_would_have_said(slice_minutes, last):
    """By whatever slices history comes, and in whichever order its series: what is compared is of one minute."""
    window = {"mean": "pm25_ugm3", "over": "10m", "versus": "neighbours"}
    raw = {"alert": "off", "kind": "air_quality", "window": window, "raise": "> 50%", "for": "5m"}
    (rule,) = parse([raw | {"text": {"zh": "a", "en": "b"}}])
    series = [Series.of("air_quality", {"site": "east", "node": f"lp-{n}", "sensor": "air-1"}) for n in range(4)]
    inventory = [Expected(each, MINUTE_MS) for each in series]
    odd = series[-1 if last else 0]

    def value(each, minute):
        return 100.0 if each is odd and (65 <= minute < 85 or 200 <= minute < 225) else 20.0

    live, said = Engine([rule]), []
    live.expect(inventory, T0)
    for minute in range(360):
        now_ms = T0 + minute * MINUTE_MS
        for each in series:
            live.observe(each, [now_ms], {"pm25_ugm3": [value(each, minute)]}, now_ms)
        said += live.tick(now_ms)

    def slices():
        for first in range(0, 360, slice_minutes):
            minutes = range(first, first + slice_minutes)
            for each in series:
                yield each, [T0 + m * MINUTE_MS for m in minutes], {"pm25_ugm3": [value(each, m) for m in minutes]}

    (found,) = backtest([rule], slices(), inventory)
    assert len(found.episodes) == 2
    assert found.episodes == episodes(said)


def test_what_still_fires_at_the_end_of_a_backtest_counts_until_then():
    (found,) = backtest(HIGH, history([10] * 10 + [80] * 61), [Expected(AIR, MINUTE_MS)])
    (episode,) = found.episodes
    assert episode.end_ms is None
    assert (found.firing_ms, found.still_ms) == (0, 60 * MINUTE_MS)
    assert episode.fired_ms == T0 + 10 * MINUTE_MS
