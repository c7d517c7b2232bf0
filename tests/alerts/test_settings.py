"""What the settings say of telling people, as the desk gets it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import ValidationError

import lamppost
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


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"channels": [{"name": "bureau", **WEBHOOK}] * 2}, "'bureau' is a second channel of that name"),
        ({"channels": [{"name": "bureau", **WEBHOOK, "second": "burau"}]}, "did you mean 'bureau'"),
        ({"escalate": [{"after": "15m", "notify": ["phone", "fone"]}]}, "did you mean 'phone'"),
        ({"repeat": "59s"}, "1m or more is wanted"),
        ({"inner": ["10.20.0.0/33"]}, "a network such as 10.20.0.0/16"),
        ({"link": "https://someone:secret@city.example"}, "no user or password in an address"),
        ({"link": "ftp://city.example"}, "an address such as"),
        ({"link": "http://169.254.169.254"}, "link-local"),
        ({"canary": {"heartbeat": "http://127.0.0.1:99999/"}}, "an address such as"),
        ({"canary": {"heartbeat": "http://watch..city.example/"}}, "an address such as"),
    ],
)
def test_a_slip_in_who_is_told_and_how_is_refused_with_its_cure(more: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        alerts(**more)


@pytest.mark.parametrize(
    ("held", "word"), [(None, "No such file"), (b"# none\n", "no address"), (b"\xff\xbe\n", "not UTF-8")]
)
def test_a_file_of_addresses_that_cannot_be_used_is_told_before_a_start(
    tmp_path: Path, held: bytes | None, word: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, settings = tmp_path / "duty.urls", tmp_path / "collector.yaml"
    if held is not None:
        file.write_bytes(held)
    duty = {"name": "duty", "kind": "apprise", "urls_file": str(file)}
    store = {"kind": "sqlite", "path": str(tmp_path / "readings.db")}
    settings.write_text(json.dumps({"broker": {"host": "127.0.0.1"}, "store": store, "alerts": {"channels": [duty]}}))
    monkeypatch.setattr(sys, "argv", ["lamppost", "collector", "check", str(settings)])
    with pytest.raises(SystemExit) as ended:
        lamppost.main()
    assert ended.value.code == 3
    said = capsys.readouterr().err
    assert str(file) in said
    assert word in said


def test_a_rule_whose_scope_names_what_nobody_is_called_is_pointed_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was fine, and its street was never watched. A station may be on its way: that is no reason to refuse it."""
    rules, settings = tmp_path / "rules.yaml", tmp_path / "collector.yaml"
    scopes: dict[str, Any] = {
        "far": {"node": ["lp-1", "lp-01"]},
        "school": {"labels": {"beside": "shcool"}},
        "fine": {"node": "lp-0*", "sensor": "air-1", "site": "east", "labels": {"beside": "school"}},
    }
    bare = {"kind": "weather", "absent": "10m", "text": {"zh": "无", "en": "none"}}
    english = {"alert": "english", "kind": "air_index", "category": "Unhealthy", "text": bare["text"]}
    named = [{"alert": name, "scope": scope} | bare for name, scope in scopes.items()]
    rules.write_text(json.dumps([*named, english]))
    store = {"kind": "sqlite", "path": str(tmp_path / "readings.db")}
    stations = [{"node": "lp-01", "zh": "甲", "en": "A", "labels": {"beside": "school"}}]
    plain = {"broker": {"host": "127.0.0.1"}, "store": store, "stations": stations, "rules": [str(rules)]}
    settings.write_text(json.dumps(plain | {"state_file": str(tmp_path / "state.db")}))
    monkeypatch.setattr(sys, "argv", ["lamppost", "collector", "check", str(settings)])
    with pytest.raises(SystemExit) as ended:
        lamppost.main()
    assert not ended.value.code
    said = capsys.readouterr().err.splitlines()
    assert said[:3] == [
        "far: no node is called lp-1; did you mean lp-01?",
        "school: no station of the settings has such labels; it watches none yet",
        "english: no station of the settings reports an index of such a category",
    ]
    assert not any(line.startswith("fine:") for line in said)
