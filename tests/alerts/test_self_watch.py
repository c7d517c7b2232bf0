"""The collector's own troubles: told when they last, over when they have been over for a while."""

from __future__ import annotations

from collector.alerts.self_watch import CLEAR_MS, RAISE_MS, RECENT_MS, TROUBLES, Faults, SelfWatch

NOW = 1_795_700_000_000
WRONG = {("collector-database", "collector"): "connection refused"}


def test_a_trouble_that_comes_back_before_it_was_told_began_when_it_came_back() -> None:
    watch = SelfWatch()
    assert watch.look(WRONG, NOW) == []
    assert watch.look({}, NOW + RAISE_MS - 1) == []
    back_ms = NOW + RAISE_MS
    assert watch.look(WRONG, back_ms) == []
    (told,) = watch.look(WRONG, back_ms + RAISE_MS)
    assert (told.state, told.start_ms, told.event_ms) == ("firing", back_ms, back_ms + RAISE_MS)


def test_a_trouble_that_is_over_before_it_was_told_is_never_told() -> None:
    watch = SelfWatch()
    for at_ms, wrong in ((NOW, WRONG), (NOW + 1, {}), (NOW + 1 + RAISE_MS, {}), (NOW + 1 + CLEAR_MS, {})):
        assert watch.look(wrong, at_ms) == []


def test_a_trouble_that_is_away_for_a_moment_goes_on_and_one_that_stays_away_is_over() -> None:
    watch = SelfWatch()
    watch.look(WRONG, NOW)
    (told,) = watch.look(WRONG, NOW + RAISE_MS)
    gone_ms = NOW + 60_000
    for at_ms, wrong in ((gone_ms, {}), (gone_ms + CLEAR_MS - 1, {}), (gone_ms + CLEAR_MS, WRONG)):
        assert watch.look(wrong, at_ms) == []
    gone_ms += 2 * CLEAR_MS
    assert watch.look({}, gone_ms) == []
    (over,) = watch.look({}, gone_ms + CLEAR_MS)
    assert (over.state, over.start_ms, over.key) == ("resolved", told.start_ms, told.key)
    assert watch.look({}, gone_ms + 2 * CLEAR_MS) == []


def test_a_clock_that_was_hours_ahead_keeps_no_trouble_from_being_told_nor_from_being_over() -> None:
    """A machine that boots with local time for UTC told eight hours later that its database was away."""
    ahead_ms = NOW + 8 * 3_600_000
    watch = SelfWatch()
    assert watch.look(WRONG, ahead_ms) == []
    assert watch.look(WRONG, NOW) == []
    (told,) = watch.look(WRONG, NOW + RAISE_MS)
    assert (told.state, told.start_ms) == ("firing", NOW)
    watch.look({}, ahead_ms)
    assert watch.look({}, NOW + 60_000) == []
    assert [each.state for each in watch.look({}, NOW + 60_000 + CLEAR_MS)] == ["resolved"]


def test_what_went_to_quarantine_by_a_clock_that_was_ahead_is_not_lately_for_hours() -> None:
    faults = Faults()
    counts = {"quarantined_batches": 0, "quarantined_rows": 0}
    faults.found({}, counts, NOW + 8 * 3_600_000)
    counts["quarantined_rows"] = 3
    faults.found({}, counts, NOW + 8 * 3_600_000 + 1)
    assert faults.found({}, counts, NOW + RECENT_MS) == {}


def test_each_trouble_is_told_with_its_cure_in_chinese() -> None:
    """Details are the log's, in English: a title above them said that something is wrong, and not what to do."""
    watch = SelfWatch()
    wrong = {(rule, "collector"): "12" for rule in TROUBLES}
    watch.look(wrong, NOW)
    told = watch.look(wrong, NOW + RAISE_MS)
    assert {each.rule for each in told} == set(TROUBLES)
    for each in told:
        assert each.text_zh.startswith(f"{each.words_zh}：请")
        assert each.text_zh.endswith("（12）")
