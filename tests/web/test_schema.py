"""The open API keeps its own description, whatever it is asked: schemathesis makes the questions, right and wrong ones.

A schema cannot say that `from` is before `to` or which stations there are, so a question that it allows may be refused;
half of them are therefore brought to a station and a time that exist.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from collector.web.api import PATHS, ROOT
from tests.web.served import Served

QUESTIONS = 30
HOURS = st.none() | st.integers(0, 400)


def before(served: Served, hours: int) -> str:
    return datetime.fromtimestamp(served.city.started_ms / 1000 - 3600 * hours, UTC).isoformat(timespec="seconds")


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("path", PATHS)
def test_every_answer_is_described_and_none_is_a_server_error(
    standing: Served, path: str, mode: GenerationMode
) -> None:
    described = schemathesis.openapi.from_url(standing.url(f"{ROOT}/openapi.json"))

    @given(case=described[path]["GET"].as_strategy(generation_mode=mode), known=st.booleans(), since=HOURS, until=HOURS)
    @settings(max_examples=QUESTIONS, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def ask(case: Any, known: bool, since: int | None, until: int | None) -> None:
        if known and mode is GenerationMode.POSITIVE:
            right = {"node": "lp-0001", "tz": "Europe/Berlin", "after": "lp-0001"}
            case.query = {name: right.get(name, value) for name, value in case.query.items()}
            ends = {"from": since, "to": until}
            case.query |= {
                name: before(standing, hours) for name, hours in ends.items() if hours and name in case.query
            }
        case.call_and_validate(excluded_checks=[CHECKS.get_one("positive_data_acceptance")])

    ask()


@pytest.mark.parametrize("path", PATHS)
def test_so_is_what_a_bad_token_is_told(standing: Served, path: str) -> None:
    described = json.loads(standing.get(f"{ROOT}/openapi.json").text)["paths"][path]["get"]["responses"]
    assert str(standing.get(f"{ROOT}{path}", Authorization="Bearer none").status) in described
