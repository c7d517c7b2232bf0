"""Why a rule stood as it stood is told in numbers and in words."""

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from collector.alerts.book import Happened
from collector.alerts.points import point
from collector.commands.rules import rules_explain
from collector.rules.engine import Engine
from collector.rules.explanation import explain
from collector.rules.parsing import parse
from collector.rules.series import Series
from collector.rules.transition import transition
from collector.stores.sqlite import Sqlite
from collector.stores.store import Table
from tests.stored import put
from wire.exits import Failure
from wire.times import HOUR_MS, MINUTE_MS

T0 = 1_791_000_000_000 // 86_400_000 * 86_400_000
AIR = Series.of("air_quality", {"site": "east", "node": "lp-1", "sensor": "air-1"})


def test_a_rule_is_explained_in_numbers_and_words():
    (rule,) = parse(
        [
            {
                "alert": "high",
                "kind": "air_quality",
                "window": {"mean": "pm25_ugm3", "over": "1h"},
                "raise": "> 150",
                "clear": "< 135",
                "for": "10m",
                "keep_firing_for": "20m",
                "text": {"zh": "过高", "en": "too high"},
            }
        ]
    )
    rows = [([T0 + minute * MINUTE_MS], {"pm25_ugm3": [183.0]}) for minute in range(100)]
    found = explain(rule, AIR, rows, T0 + 80 * MINUTE_MS, MINUTE_MS, "Asia/Shanghai")
    assert found.text_en == (
        "PM2.5 1h mean = 183 µg/m³ (100% of the window valid, at least 75%)"
        "   raise > 150 for 10m, since 08:44 -> FIRING\nclears < 135 for 20m"
    )
    assert found.text_zh.endswith("解除 < 135，持续 20 分钟")
    assert explain(rule, AIR, rows, T0 + 50 * MINUTE_MS, MINUTE_MS).state == "pending"
    assert explain(rule, AIR, [], T0, MINUTE_MS).state == "inactive"


def test_an_alert_raised_before_the_rows_that_are_looked_at_is_explained_as_firing():
    """Between the two levels since: these rows alone raise nothing."""
    raw = {"alert": "high", "kind": "air_quality", "window": {"last": "pm25_ugm3"}, "raise": "> 75", "clear": "< 60"}
    (rule,) = parse([raw | {"text": {"zh": "a", "en": "b"}}])
    live = Engine([rule])
    live.observe(AIR, [T0 - 12 * HOUR_MS], {"pm25_ugm3": [90.0]}, T0 - 12 * HOUR_MS)
    (raised,) = live.tick(T0 - 12 * HOUR_MS)
    rows = [([T0 + minute * MINUTE_MS], {"pm25_ugm3": [70.0]}) for minute in range(60)]
    assert explain(rule, AIR, rows, T0 + HOUR_MS, MINUTE_MS).state == "inactive"
    why = explain(rule, AIR, rows, T0 + HOUR_MS, MINUTE_MS, standing=raised)
    assert (why.state, why.start_ms, why.value) == ("firing", T0 - 12 * HOUR_MS, 70.0)


def test_an_episode_that_was_taken_back_and_found_again_is_explained_as_firing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Late readings had moved its beginning, and later ones back: it stood in every list, and was explained away."""
    rules, settings = tmp_path / "rules.yaml", tmp_path / "collector.yaml"
    raw = {"alert": "high", "kind": "air_quality", "window": {"last": "pm25_ugm3"}, "raise": "> 75", "clear": "< 60"}
    raw |= {"text": {"zh": "a", "en": "b"}}
    rules.write_text(json.dumps([raw]))
    settings.write_text(f"store: {{kind: sqlite, path: {tmp_path / 'r.db'}}}\nstate_file: {tmp_path / 's.db'}\n")
    (rule,) = parse([raw])
    began = T0 - 12 * HOUR_MS
    fires = transition(AIR, rule, began, 90.0, "firing", began)
    taken_back = replace(fires, state="resolved", void=True, reason="corrected")
    with closing(Sqlite(tmp_path / "r.db")) as store:
        store.prepare()
        put(store, *(point(Happened(n, began + n, each)) for n, each in enumerate((fires, taken_back, fires))))
        put(
            store,
            Table(
                "air_quality", (("node", "lp-1"), ("sensor", "air-1"), ("site", "east")), [T0], {"pm25_ugm3": [70.0]}
            ),
        )
    rules_explain("high", "lp-1", "2026-10-03T08:01+08:00", None, [rules], settings, True)
    (why,) = json.loads(capsys.readouterr().out)
    assert (why["state"], why["start_ms"]) == ("firing", began)


@pytest.mark.parametrize(
    ("fires", "said"),
    [
        ("absent: 2m", "nothing is heard"),
        ('window: {mean: pm25_ugm3, over: 1h, versus: neighbours}\n  raise: "> 150%"', "more than one series"),
    ],
)
def test_what_no_reading_explains_is_said_and_where_to_look_instead(fires: str, said: str, tmp_path: Path):
    """Of a sensor that had fallen silent it said that nothing of it was stored."""
    rules, settings = tmp_path / "rules.yaml", tmp_path / "collector.yaml"
    rules.write_text(f"- alert: strange\n  kind: air_quality\n  {fires}\n  text: {{zh: 异常, en: strange}}\n")
    settings.write_text(f"store: {{kind: sqlite, path: {tmp_path / 'r.db'}}}\nstate_file: {tmp_path / 's.db'}\n")
    with pytest.raises(Failure, match=said) as refused:
        rules_explain("strange", "lp-1", None, None, [rules], settings, False)
    assert refused.value.cure == "lamppost alerts history --rule strange --node lp-1"
