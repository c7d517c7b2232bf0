"""Prometheus' Alertmanager (API v2): it groups, silences and routes; we say what fires, again and again.

Alertmanager takes an alert for resolved when nobody repeats it (`resolve_timeout`). So what fires is posted when it
changes and every minute after, each time good for four more; the end is posted again for a while, too. So it is also
told of what a silence of ours keeps from people: it was told that it fires.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from collector.notify.addresses import NONE, Forbidden, Inner
from collector.notify.channel import NotNow, Outcome, Told
from collector.notify.message import Writer
from collector.notify.post import outcome, post, trouble
from collector.rules.outbox import Delivery
from collector.rules.transition import Transition
from collector.zones import utc
from wire.times import MINUTE_MS

REPEAT_MS: Final = MINUTE_MS
GOOD_FOR_MS: Final = 4 * REPEAT_MS
MOST: Final = 500


class Alertmanager:
    """POSTs alerts to `/api/v2/alerts`. `standing` gives what it was told of, firing or just resolved."""

    at_once = 1
    pause_s = 0.0

    def __init__(
        self,
        name: str,
        url: str,
        writer: Writer,
        standing: Callable[[], Iterable[Transition]],
        now_ms: Callable[[], int],
        inner: Inner = NONE,
    ) -> None:
        self.name = name
        self._url = url.rstrip("/") + "/api/v2/alerts"
        self._writer = writer
        self._standing = standing
        self._now_ms = now_ms
        self._inner = inner

    def send(self, deliveries: Sequence[Delivery]) -> Outcome:
        """Post what changed; an alert that flaps is said to fire."""
        (delivery,) = deliveries
        alerts = [Transition.read(value) for _, value in delivery.body["lines"]]
        return self._post(alerts) if alerts else self._post_test(delivery)

    def repeat(self) -> Outcome | None:
        """Say again what fires and what has just ended; None where nothing does: nobody was asked."""
        alerts = list(self._standing())
        if not alerts:
            return None
        for start in range(0, len(alerts), MOST):
            said = self._post(alerts[start : start + MOST])
            if not isinstance(said, Told):
                return said
        return Told()

    def _post(self, alerts: list[Transition]) -> Outcome:
        return self._send([self._alert(each) for each in alerts])

    def _alert(self, alert: Transition) -> dict[str, Any]:
        ends_ms = alert.event_ms if alert.state == "resolved" else self._now_ms() + GOOD_FOR_MS
        place = self._writer.place(alert.labels.get("node", ""))
        labels = {"alertname": alert.rule, "severity": alert.severity, "kind": alert.kind, **alert.labels}
        notes = {
            "summary": alert.text_en,
            "summary_zh": alert.text_zh,
            "station": place.en,
            "station_zh": place.zh,
            "value": "" if alert.value is None else f"{alert.value:g}",
            "limit": alert.limit,
            "key": alert.key,
        }
        link = self._writer.link_to(alert.fingerprint)
        return {
            "labels": labels | {"fingerprint": alert.fingerprint},
            "annotations": {key: text for key, text in notes.items() if text},
            "startsAt": utc(min(alert.start_ms, ends_ms)),
            "endsAt": utc(ends_ms),
            **({} if link is None else {"generatorURL": link}),
        }

    def _post_test(self, delivery: Delivery) -> Outcome:
        now_ms = self._now_ms()
        labels = {"alertname": "lamppost-test", "severity": "info"}
        notes = {"summary": delivery.text_en, "summary_zh": delivery.text_zh}
        times = {"startsAt": utc(now_ms), "endsAt": utc(now_ms + MINUTE_MS)}
        return self._send([{"labels": labels, "annotations": notes, **times}])

    def _send(self, alerts: list[dict[str, Any]]) -> Outcome:
        import urllib3

        try:
            said = json.dumps(alerts, ensure_ascii=False).encode()
            return outcome(post(self._url, said, {"Content-Type": "application/json"}, inner=self._inner))
        except Forbidden as error:
            return NotNow(str(error))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return trouble(error)
