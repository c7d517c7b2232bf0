"""What an InfluxDB's answer means: success is 204 alone, and only some refusals are about the data."""

from __future__ import annotations

import pytest

from collector.stores.answers import of_write
from collector.stores.store import Held, Later, Refused, Stored


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (204, "", Stored),
        (200, "<html>Login</html>", Held),
        (301, "", Held),
        (400, '{"error":"partial write: field type conflict: input field \\"v\\" dropped=1"}', Refused),
        (400, '{"error":"unable to parse \'m v= 1\': missing field value"}', Refused),
        (400, '{"error":"partial write: points beyond retention policy dropped=1"}', Refused),
        (
            400,
            '{"error":"partial write: max-values-per-tag limit exceeded (9/9): tag="sensor" value="timeout""}',
            Refused,
        ),
        (500, '{"error":"max-series-per-database limit exceeded: (1000000) dropped=3"}', Refused),
        (422, "", Refused),
        (413, "", Refused),
        (401, "", Held),
        (403, "", Held),
        (404, '{"error":"database not found: \\"d\\""}', Held),
        (429, "", Later),
        (500, "timeout", Later),
        (503, "", Later),
    ],
)
def test_of_write(status: int, body: str, meaning: type) -> None:
    assert isinstance(of_write(status, body), meaning)


def test_how_many_rows_a_database_claims_to_have_dropped() -> None:
    body = '{"error":"partial write: points beyond retention policy dropped=500"}'
    assert of_write(400, body) == Refused("HTTP 400 partial write: points beyond retention policy dropped=500", 500)
    assert of_write(422, '{"message":"dropped=٣"}') == Refused("HTTP 422 dropped=٣")


@pytest.mark.parametrize(
    ("header", "after_s"),
    [("30", 30.0), ("86400", 600.0), ("-5", None), ("soon", None), ("٣", None), ("Wed, 21 Oct", None), (None, None)],
)
def test_retry_after_is_honoured_and_garbage_ignored(header: str | None, after_s: float | None) -> None:
    assert of_write(429, "", header) == Later("HTTP 429", after_s)
