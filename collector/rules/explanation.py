"""An explanation: why one rule stood as it stood on one series at one time, in numbers and in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from collector.rules.alert_words import names_of
from collector.rules.engine import Engine, Expected
from collector.rules.recent import Columns
from collector.rules.reel import Reel
from collector.rules.rhythm import Rhythm
from collector.rules.rule import Rule
from collector.rules.series import Series
from collector.rules.track import Track
from collector.rules.transition import Transition
from collector.rules.words import duration_text, duration_zh, reading


class Explanation(NamedTuple):
    """One rule on one series at one time, in numbers and in words."""

    state: str
    value: float | None
    share: float
    start_ms: int | None
    text_zh: str
    text_en: str


def why_not(rule: Rule) -> str:
    """Why what a rule said cannot be explained from the values of one series; empty when it can."""
    if rule.spec is None:
        return f"{rule.alert} fires when nothing is heard, which no stored value explains"
    return f"{rule.alert} looks at more than one series, whose values do not explain it" if rule.joined else ""


def explain(
    rule: Rule,
    series: Series,
    history: Iterable[tuple[list[int], Columns]],
    at_ms: int,
    interval_ms: int | None,
    zone: str = "UTC",
    standing: Transition | None = None,
) -> Explanation:
    """Why `rule`, of which `why_not` says nothing, stood as it stood at `at_ms`, from the series' rows up to then.

    Times are shown in `zone`; `standing`: the episode that fired already when these rows begin.
    """
    engine, rhythm = Engine([rule]), Rhythm()
    expected = [Expected(series, interval_ms)] if interval_ms is not None else []
    engine.expect(rhythm.of(expected), at_ms)
    engine.adopt([] if standing is None else [standing])
    for times_ms, columns in history:
        end = next((i for i, t in enumerate(times_ms) if t > at_ms), len(times_ms))
        rhythm.note(series, times_ms[:end])
        if rhythm.has_changed():
            engine.expect(rhythm.of(expected), at_ms, rhythm.found)
        engine.observe(series, times_ms[:end], {name: c[:end] for name, c in columns.items()}, at_ms)
    reel = engine.reel(series)
    if reel is None:
        return Explanation("inactive", None, 0.0, None, "规则不看这个序列", "the rule does not watch this series")
    return _explained(rule, reel, at_ms, ZoneInfo(zone))


def _explained(rule: Rule, reel: Reel, at_ms: int, zone: ZoneInfo) -> Explanation:
    assert rule.spec is not None
    reel.wake()
    index = reel.plan.place(rule.spec)
    window = reel.windows[index]
    window.roll(max(at_ms, reel.head_ms))
    value, share = window.value(), window.share(max(at_ms, reel.head_ms), reel.interval_ms)
    track = reel.tracks[index].get(rule.alert)
    state = "inactive" if track is None else track.state
    name_zh, name_en, unit = names_of(rule.spec, rule.limit.percent)
    shown = "-" if value is None else f"{reading(value)}{unit}"
    zh = f"{name_zh} = {shown}（有效 {share:.0%}，至少 {rule.complete:.0%}）"
    en = f"{name_en} = {shown} ({share:.0%} of the window valid, at least {rule.complete:.0%})"
    wait_zh = f"，持续 {duration_zh(rule.for_)}" if rule.for_ else ""
    wait_en = f" for {duration_text(rule.for_)}" if rule.for_ else ""
    keep_zh = f"，持续 {duration_zh(rule.keep_firing_for)}" if rule.keep_firing_for else ""
    keep_en = f" for {duration_text(rule.keep_firing_for)}" if rule.keep_firing_for else ""
    word_zh = {"inactive": "未触发", "pending": "观察中", "firing": "告警中"}[state]
    since_zh, since_en = _since(track, zone)
    text_zh = f"{zh}   触发 {rule.limit}{wait_zh}{since_zh} -> {word_zh}\n解除 {rule.clear_limit}{keep_zh}"
    text_en = f"{en}   raise {rule.limit}{wait_en}{since_en} -> {state.upper()}\nclears {rule.clear_limit}{keep_en}"
    return Explanation(state, value, share, None if track is None else track.start_ms, text_zh, text_en)


def _since(track: Track | None, zone: ZoneInfo) -> tuple[str, str]:
    if track is None:
        return "", ""
    clock = datetime.fromtimestamp(track.start_ms / 1000, zone).strftime("%H:%M")
    return f"，始于 {clock}", f", since {clock}"
