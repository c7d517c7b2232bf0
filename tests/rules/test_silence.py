"""Silences: whom they cover, how long, and what is said when they end."""

import pytest

from collector.rules.desk import Desk
from collector.rules.silence import Silence, matchers
from tests.rules.transitions import HIGH, T0, firing, heard, resolved, series
from wire.times import HOUR_MS


def test_a_silence_withholds_and_ends():
    desk = Desk()
    quiet = Silence.made(matchers("node=lp-1 rule=pm25-*"), T0, T0 + HOUR_MS, "王磊", "施工")
    heard(desk, 0, firing(0, HIGH, series("lp-2")), firing())
    assert [a.labels["node"] for a in desk.preview(quiet.wanted)] == ["lp-1"]
    desk = Desk()
    desk.silence(quiet, T0)
    assert heard(desk, 0, firing()) == []
    assert heard(desk, 59) == []
    assert heard(desk, 60) == [("bureau", "news", ["firing"])]
    desk.silence(Silence.made(matchers("node=*"), T0 + 2 * HOUR_MS, T0 + 3 * HOUR_MS, "李", ""), T0 + HOUR_MS)
    assert heard(desk, 121, firing(121, HIGH, series("lp-9"))) == []
    assert heard(desk, 130, resolved(130)) == [("bureau", "news", ["resolved"])]
    assert [(deed.who, deed.what, deed.note) for deed in desk.deeds()] == [
        ("王磊", "silenced", "施工"), ("王磊", "silence ended", ""), ("李", "planned maintenance", ""),
    ]  # fmt: skip


def test_a_silence_until_it_is_resolved_outlives_what_else_it_covers_and_begins_meanwhile():
    desk = Desk()
    assert heard(desk, 0, firing())
    desk.silence(Silence.made(matchers("node=lp-1"), T0, T0 + HOUR_MS, "王磊", "", once=True), T0)
    assert heard(desk, 10, firing(10, of=series("lp-1", "air-2"))) == []
    assert heard(desk, 20, resolved(20)) == [("bureau", "news", ["resolved", "firing"])]
    assert not list(desk.silences)


def test_what_comes_and_goes_under_a_silence_until_it_is_resolved_is_nobodys_news():
    desk = Desk()
    desk.silence(Silence.made(matchers("node=lp-1"), T0, T0 + HOUR_MS, "王磊", "", once=True), T0)
    assert heard(desk, 0, firing()) == heard(desk, 20, resolved(20)) == []
    assert not list(desk.silences)
    assert heard(desk, 60, firing(60, start=T0 + HOUR_MS)) == [("bureau", "news", ["firing"])]


@pytest.mark.parametrize("bad", ["", "node", "nod=lp-1", "node="])
def test_a_matcher_that_says_nothing_is_refused(bad):
    with pytest.raises(ValueError, match=r"such as|did you mean|name what"):
        matchers(bad)


@pytest.mark.parametrize("bad", ["node=lp-1,rule=pm25-*", "node=lp-1，rule=x", "node=LP-1", "node=lp–1", 'node="lp-1"'])
def test_a_matcher_that_no_name_can_match_is_refused(bad):
    """Whoever writes a comma between two, as elsewhere, believed in a quiet that never was."""
    with pytest.raises(ValueError, match="can match nothing"):
        matchers(bad)


def test_a_silence_has_an_author_and_an_end():
    with pytest.raises(ValueError, match="author"):
        Silence.made(matchers("node=a"), T0, T0 + 1, " ", "")
    with pytest.raises(ValueError, match="ends after"):
        Silence.made(matchers("node=a"), T0, T0, "w", "")
