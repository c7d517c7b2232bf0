"""What an InfluxDB's answer means: success is 204 alone, and only some refusals are about the data."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import pytest
from typer.testing import CliRunner

from collector.stores.answers import of_write
from collector.stores.influx1 import Influx1
from collector.stores.influx2 import Influx2
from collector.stores.store import Held, Later, Refused, Select, Store, Stored, StoreDown
from lamppost import _build
from tests.closes import Closes
from tests.garbage import none_is_left
from tests.servers import free_port
from tests.typed import typed
from wire.exits import Exit, Failure


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
        (400, "[" * 100_000, Held),
    ],
)
def test_of_write(status: int, body: str, meaning: type) -> None:
    assert isinstance(of_write(status, body), meaning)


def test_a_page_is_called_so_and_not_told_tag_by_tag() -> None:
    page = "<html>\n<head><title>502 Bad Gateway</title></head></html>"
    assert of_write(502, page) == Later("HTTP 502 and a web page: is a proxy or a log-in page between?")


def test_how_many_rows_a_database_claims_to_have_dropped() -> None:
    body = '{"error":"partial write: points beyond retention policy dropped=500"}'
    assert of_write(400, body) == Refused("HTTP 400 partial write: points beyond retention policy dropped=500", 500)
    assert of_write(422, '{"message":"dropped=٣"}') == Refused("HTTP 422 dropped=٣")


def test_influxdb_3_names_its_reason_and_as_many_lines_as_it_has_refused() -> None:
    """As in its own tests (influxdb3_server). It was "partial write of line protocol occurred" in each quarantine."""
    line = {"original_line": "m v=x 1", "line_number": 2, "error_message": "invalid column type for column 'v'"}
    body = json.dumps({"error": "partial write of line protocol occurred", "data": [line, line]})
    said = "HTTP 400 partial write of line protocol occurred: invalid column type for column 'v'"
    assert of_write(400, body) == Refused(said, 2)
    whole = json.dumps({"error": "parsing failed for write_lp endpoint", "data": line})
    assert of_write(400, whole) == Refused("HTTP 400 parsing failed for write_lp endpoint")
    assert of_write(400, '{"error":"no","data":[{}]}') == Refused("HTTP 400 no")


@pytest.mark.parametrize(
    ("header", "after_s"),
    [("30", 30.0), ("86400", 600.0), ("-5", None), ("soon", None), ("٣", None), ("Wed, 21 Oct", None), (None, None)],
)
def test_retry_after_is_honoured_and_garbage_ignored(header: str | None, after_s: float | None) -> None:
    assert of_write(429, "", header) == Later("HTTP 429", after_s)


@pytest.mark.parametrize("kind", ["influx1", "influx2"])
def test_why_no_answer_came_is_told_in_words(kind: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    store: Store = Influx1(url, "lamppost") if kind == "influx1" else Influx2(url, "lamppost", "lamppost", "t")
    try:
        assert store.write([b"a b=1 1"]) == Later("InfluxDB does not answer: Connection refused")
        with pytest.raises(StoreDown, match=f"^{url}/query does not answer: Connection refused$"):
            store.select(Select("air_quality", ("cq",)))
    finally:
        store.close()


@pytest.mark.parametrize("make", [lambda url: Influx1(url, "d"), lambda url: Influx2(url, "d", "o", "t")])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_was_not_answered_is_not_kept(make: Callable[[str], Store], scheme: str, closes: Closes) -> None:
    """It was: each try left its body in a ring that only the garbage collector undoes, 40 MB a minute at full rate."""
    store = closes(make(f"{scheme}://127.0.0.1:{free_port()}"))
    with none_is_left():
        assert isinstance(store.write([b"a b=1 1"]), Later)
    with none_is_left(), suppress(StoreDown):
        store.select(Select("air_quality", ("cq",)))


@pytest.mark.parametrize("words", ["quarantine list", "gaps"])
def test_a_state_without_a_collector_is_no_fault_of_the_disk(words: str, tmp_path: Path) -> None:
    settings = tmp_path / "collector.yaml"
    settings.write_text(f"store: {{kind: sqlite, path: {tmp_path}/r.db}}\nstate_file: {tmp_path}/c.db\n")
    (tmp_path / "c.db").touch()
    done = CliRunner().invoke(_build(words.split()[0]), [*words.split(), "-c", str(settings)])
    assert isinstance(done.exception, Failure), done.output
    assert done.exception.code == Exit.CONFIGURATION
    assert "no collector of this version has run" in str(done.exception)


def test_a_user_who_may_not_write_is_told_one_cure(tmp_path: Path) -> None:
    """There were two, and the second was none."""
    settings = tmp_path / "collector.yaml"
    settings.write_text(f"store: {{kind: sqlite, path: {tmp_path}/r.db}}\nstate_file: {tmp_path}/c.db\n")
    with patch("collector.stores.sqlite.Sqlite.prepare", lambda _: of_write(401, "authorization failed")):
        said = typed("collector", "database", str(settings))
    assert said.stderr.count("Cure:") == 1
    assert ": readings would stay with their agents. Cure: user and password, or token" in said.stderr
