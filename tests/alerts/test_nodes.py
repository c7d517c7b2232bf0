"""What the rules know of stations: lost, moved, put out of service, expected by another rule."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from collector.identity.book import Book as IdentityBook
from collector.rules.parsing import parse
from collector.stores.store import Table
from tests.alerts.desk import HIGH, OFFLINE, SILENT, TAGS, Desk, node
from tests.closes import Closes
from wire.times import HOUR_MS, MINUTE_MS


def test_a_lost_node_stays_lost_over_a_restart(tmp_path: Path, closes: Closes) -> None:
    desk = closes(Desk(tmp_path, OFFLINE))
    desk.nodes = [node(online=False)]
    desk.die()
    desk.alerting.watch.node_state("lp-1", False, desk.now_ms)
    desk.wait(20 * MINUTE_MS)
    desk.die()
    desk.wait(20 * MINUTE_MS)
    assert [[state for state, _ in lines] for _, lines in desk.told] == [["firing"]]
    desk.alerting.watch.node_state("lp-1", True, desk.now_ms)
    desk.wait(20 * MINUTE_MS)
    assert [[state for state, _ in lines] for _, lines in desk.told] == [["firing"], ["resolved"]]


def test_when_the_offline_rule_is_changed_the_sensors_of_its_node_are_heard_again(
    tmp_path: Path, closes: Closes
) -> None:
    desk = closes(Desk(tmp_path, HIGH, OFFLINE))
    desk.nodes = [node(online=False)]
    desk.alerting.watch.expect(desk.nodes, desk.now_ms)
    desk.alerting.watch.node_state("lp-1", False, desk.now_ms)
    desk.wait(7 * MINUTE_MS)
    assert [state for _, lines in desk.told for state, _ in lines] == ["firing"]
    desk.rules = parse([HIGH, OFFLINE | {"offline": "20m"}])
    desk.die()
    desk.wait(6 * MINUTE_MS)
    desk.reading(90.0)
    desk.wait(MINUTE_MS)
    assert [(state, key.partition("@")[0]) for _, lines in desk.told for state, key in lines] == [
        ("firing", "offline"),
        ("resolved", "offline"),
        ("firing", "pm25-high"),
    ]


def test_a_station_that_was_put_out_of_service_is_missed_no_more_and_its_alerts_end(
    tmp_path: Path, closes: Closes
) -> None:
    hour = HIGH | {"alert": "hour", "kind": "air_quality_1h", "window": {"last": "pm25_ugm3_mean"}}
    desk = Desk(tmp_path, HIGH, hour, SILENT, OFFLINE)
    desk.nodes = [node()]
    desk.die()
    closes(desk).tick()
    desk.reading(90.0)
    table = Table("air_quality_1h", TAGS, [desk.now_ms - HOUR_MS], {"pm25_ugm3_mean": [90.0]})
    desk.alerting.watch.observe([table], desk.now_ms)
    desk.wait(MINUTE_MS)
    desk.alerting.watch.node_state("lp-1", False, desk.now_ms)
    desk.wait(7 * MINUTE_MS)
    IdentityBook(desk.trail).retire("lp-1", "li", desk.now_ms)
    desk.wait(2 * HOUR_MS)
    told = [(state, key.partition("@")[0]) for _, lines in desk.told for state, key in lines]
    assert sorted(told) == sorted((s, a) for s in ("firing", "resolved") for a in ("pm25-high", "hour", "offline"))


def test_a_station_that_moved_while_the_collector_was_away_has_no_alert_at_its_old_site(
    tmp_path: Path, closes: Closes
) -> None:
    desk = Desk(tmp_path, HIGH)
    desk.nodes = [node()]
    desk.die()
    closes(desk).tick()
    for _ in range(6):
        desk.reading(90.0)
        desk.wait(MINUTE_MS)
    desk.nodes = [node()._replace(birth=replace(node().birth, site="west"))]
    desk.die()
    desk.wait(6 * MINUTE_MS)
    assert [state for _, lines in desk.told for state, _ in lines] == ["firing", "resolved"]
