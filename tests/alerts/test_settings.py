"""What the settings say of telling people, as the desk gets it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from collector.alerts.settings import Alerts
from collector.config import Config
from collector.notify.setup import telling

WEBHOOK = {"kind": "webhook", "url": "http://127.0.0.1:9"}


def alerts(**more: Any) -> Config:
    """Settings of which only the alerts matter."""
    channels = [{"name": name, **WEBHOOK} for name in ("bureau", "phone")]
    return cast(Config, SimpleNamespace(alerts=Alerts.model_validate({"channels": channels} | more)))


def test_escalation_goes_by_time_whatever_the_order_of_its_lines() -> None:
    steps = [{"after": "60m", "notify": ["phone"], "severity": "info"}, {"after": "15m", "notify": ["bureau"]}]
    assert [step.after_ms for step in telling(alerts(escalate=steps)).policy.steps] == [900_000, 3_600_000]
