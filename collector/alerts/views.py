"""Alerts as the pages show them."""

from __future__ import annotations

from collections.abc import Iterable

from collector.rules.desk import Desk
from collector.rules.engine import Alert
from collector.rules.rule import Rule
from collector.rules.standing import Standing
from collector.rules.transition import Transition
from collector.web.site import AlertView
from wire.quantities import QUANTITIES

_ORDER = {"firing": 0, "pending": 1, "resolved": 2}


def views(
    desk: Desk, episodes: Iterable[Transition], pending: Iterable[Alert], rules: dict[str, Rule], now_ms: int
) -> tuple[AlertView, ...]:
    """Firing, pending and lately resolved alerts, the newest of each first."""
    told = [_told(each, desk.standings.get(each.fingerprint), rules.get(each.rule), desk, now_ms) for each in episodes]
    waiting = [_pending(alert) for alert in pending]
    return tuple(sorted([*told, *waiting], key=lambda view: (_ORDER[view.state], -view.since_ms)))


def _told(told: Transition, standing: Standing | None, rule: Rule | None, desk: Desk, now_ms: int) -> AlertView:
    ack = None if standing is None or told.state == "resolved" else standing.ack
    quantity, unit = _quantity(rule)
    over = told.state == "resolved"  # a word beside the text says so: it need not say it too, nor the number twice
    text_zh, text_en = told.words_zh, told.words_en
    limit = None if rule is None or rule.spec is None else rule.clear_limit if over else rule.limit
    silenced_until_ms = desk.silences.until_ms(told, now_ms)
    return AlertView(
        fingerprint=told.fingerprint,
        state="resolved" if over else "firing",
        severity=told.severity,
        rule=told.rule,
        text_zh=text_zh,
        text_en=text_en,
        detail_zh="" if over else told.text_zh.removeprefix(text_zh),
        detail_en="" if over else told.text_en.removeprefix(text_en),
        node=told.labels.get("node", ""),
        since_ms=told.event_ms,
        quantity=quantity,
        value=told.value,
        threshold=None if limit is None else limit.level,
        unit=unit,
        acked_by=None if ack is None else ack.who,
        acked_note="" if ack is None else ack.note,
        acked_ms=None if ack is None else ack.at_ms,
        acked_until_ms=None if ack is None else ack.until_ms,
        silenced_until_ms=silenced_until_ms,
        key=standing.alert.key if standing is not None and told.is_of(standing.alert) else told.key,
        follows=silenced_until_ms is None and desk.hidden(told, now_ms) is not None,
        kind=told.kind,
    )


def _pending(alert: Alert) -> AlertView:
    rule, series = alert.rule, alert.series
    quantity, unit = _quantity(rule)
    return AlertView(
        fingerprint=f"pending-{rule.alert}-{series}",
        state="pending",
        severity=rule.severity,
        rule=rule.alert,
        text_zh=rule.text.zh,
        text_en=rule.text.en,
        node=series.node,
        since_ms=alert.start_ms,
        quantity=quantity,
        value=alert.value,
        unit=unit,
        kind=series.kind,
    )


def _quantity(rule: Rule | None) -> tuple[str | None, str]:
    quantity = rule.spec.quantity if rule is not None and rule.spec is not None else None
    return quantity, QUANTITIES[quantity].unit if quantity in QUANTITIES else ""
