"""Ingest answers a batch only for what is in the database or durably quarantined."""

from __future__ import annotations

import copy
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from collector.stores.store import Answer, Held, Later, Stored
from collector.zones import utc
from tests.closes import Closes
from tests.collector.bench import BATCH, NOW, SPOOL, Bench, changed, dump
from wire import batch
from wire.ack import WINDOW_DEFAULT, Code
from wire.status import Birth, Death


@pytest.fixture
def bench(tmp_path: Path, closes: Closes) -> Bench:
    return closes(Bench(tmp_path))


def test_a_batch_is_stored_with_derived_values_flags_and_ledger(bench: Bench) -> None:
    assert bench.send(dump(BATCH)) == [(42, Code.STORED)]
    assert bench.rows("air_quality", "pm25_raw_ugm3", "pm25_ugm3", "cal_id", "cq", "qc") == [
        [1_790_000_000_000, 12, 12, "identity", 0, 1],
        [1_790_000_001_000, None, None, "identity", 0, 1],
        [1_790_000_002_002, 13, 13, "identity", 0, 1],
    ]
    assert bench.rows("traffic_flow", "count", "speed_tms_kmh") == [[1_790_000_000_000, 14, 43.2]]
    digest = batch.digest(dump(BATCH))
    assert bench.rows("batch_ledger", "seq", "rows", "quarantined", "digest") == [[1_790_000_002_002, 42, 4, 0, digest]]


def test_the_same_batch_again_is_already_stored(bench: Bench) -> None:
    bench.send(dump(BATCH))
    assert bench.send(dump(BATCH)) == [(42, Code.ALREADY_STORED)]
    assert len(bench.rows("air_quality", "pm10_raw_ugm3")) == 3


def test_the_same_sequence_with_other_bytes_is_held_with_an_alarm(bench: Bench) -> None:
    bench.send(dump(BATCH))
    bench.ingest.take("lp-0017", changed("/blocks/0/fields/pm10_raw_ugm3", [1, 2, 3]), NOW)
    ((_, answer),) = bench.ingest.acks(NOW)
    assert answer.verdicts[0].digest == batch.digest(dump(BATCH)), "the sender learns which bytes stand"
    assert "Cure: look whether two devices run on copies of one card" in bench.ingest.alarms["clone:lp-0017"]
    assert [row[1] for row in bench.rows("air_quality", "pm10_raw_ugm3")] == [20, 21, 20]


def test_a_value_out_of_range_is_flagged_and_kept(bench: Bench) -> None:
    assert bench.send(changed("/blocks/0/fields/pm10_raw_ugm3", [20, 9999, 20])) == [(42, Code.STORED)]
    flags = bench.rows("air_quality", "pm10_raw_ugm3", "qc", "qc_code")
    assert [row[1:] for row in flags] == [[20, 1, None], [9999, 4, "pm10_raw_ugm3:range"], [20, 1, None]]


def test_a_collector_that_is_behind_its_nodes_holds_what_seems_to_be_of_the_future(bench: Bench) -> None:
    behind_ms = NOW - 2 * 3_600_000
    for number in range(1, 5):
        node, spool = f"lp-{number}", f"{number:032x}"
        bench.born(spool, node)
        said = bench.send(dump(BATCH | {"node": node, "spool": spool}), behind_ms, node)
        assert said == [(42, Code.QUARANTINED if number < 3 else Code.LATER)]  # of two nobody knows which is wrong
    assert [name for name in bench.ingest.alarms if "clock" in name] == ["own-clock"]
    assert bench.ingest.counts["held_clock"] == 2
    assert bench.send(dump(BATCH | {"node": node, "spool": spool}), NOW, node) == [(42, Code.STORED)]


def test_a_collector_whose_clock_was_set_back_holds_what_seems_to_be_of_the_future_until_nodes_can_have_said_so(
    bench: Bench,
) -> None:
    """Of half a fleet the next batch went into the quarantine, before most of them had shown whose clock it was."""
    assert bench.send(dump(BATCH)) == [(42, Code.STORED)]
    back_ms = NOW - 3_600_000
    assert bench.send(dump(BATCH | {"seq": 43}), back_ms) == [(43, Code.LATER)]
    assert bench.send(dump(BATCH | {"seq": 43}), NOW) == [(43, Code.STORED)]
    for seconds, code in ((0, Code.LATER), (179, Code.LATER), (180, Code.QUARANTINED)):
        assert bench.send(dump(BATCH | {"seq": 44}), back_ms + 1_000 * seconds) == [(44, code)]


def test_a_collector_that_is_ahead_of_its_nodes_holds_nothing_of_the_future(bench: Bench) -> None:
    health = {"sensor": "node", "kind": "node_health", "dt": [0], "fields": {"clock_offset_s": [-7200]}}
    for number in range(1, 4):
        node, spool = f"lp-{number}", f"{number:032x}"
        bench.born(spool, node)
        blocks = [health | {"t0": NOW - 7_200_000}]
        assert bench.send(dump(BATCH | {"node": node, "spool": spool, "blocks": blocks}), NOW, node)
    assert "own-clock" in bench.ingest.alarms
    early = [block | {"t0": NOW + 7_200_000} for block in BATCH["blocks"]]
    assert bench.send(dump(BATCH | {"blocks": early})) == [(42, Code.QUARANTINED)], "it is off by itself"


STRAY = {
    "empty object": b"{}",
    "not JSON": b"not json",
    "two documents": dump(BATCH) + b"{}",
    "byte order mark": b"\xef\xbb\xbf" + dump(BATCH),
    "invalid UTF-8": dump(BATCH).replace(b"jianguo", b"\xff\xfe"),
    "100,000 nested arrays": b"[" * 100_000,
    "a key twice": dump(BATCH).replace(b'"seq":42', b'"seq":42,"seq":43'),
    "NaN": dump(BATCH).replace(b"[12,null,13]", b"[NaN,null,13]"),
    "seq is a text": changed("/seq", "42"),
    "seq is true": changed("/seq", True),
    "seq is 0": changed("/seq", 0),
    "cut in the spool": dump(BATCH)[:70],
    "CBOR": bytes.fromhex("9b0000010000000000"),
    "zstd frame": bytes.fromhex("28b52ffd0400010000000000000000"),
    "damaged gzip": b"\x1f\x8b\x08" + b"\x00" * 30,
    "a JSON array": b"[1,2,3]",
}


@pytest.mark.parametrize("what", STRAY)
def test_what_cannot_be_answered_is_counted_kept_once_and_never_stored(bench: Bench, what: str) -> None:
    for _ in range(2):
        assert bench.send(STRAY[what]) == []
    assert bench.ingest.counts["unaddressed"] == 2
    assert bench.ingest.quarantine.counts() == {"whole": 0, "part": 0, "stray": 1}
    assert bench.rows("air_quality", "pm10_raw_ugm3") == []


WHOLE = {
    "another node than the topic": changed("/node", "lp-0018"),
    "blocks is null": changed("/blocks", None),
    "boot with control characters": changed("/boot", "x\r\n2026 INFO \x1b[2J"),
    "site is no name": changed("/site", "../etc"),
    "clock unknown": changed("/clock", "sundial"),
    "no blocks": changed("/blocks", []),
}


@pytest.mark.parametrize("what", WHOLE)
def test_a_wrong_envelope_is_quarantined_whole(bench: Bench, what: str) -> None:
    assert bench.send(WHOLE[what]) == [(42, Code.QUARANTINED)]
    assert bench.ingest.quarantine.counts()["whole"] == 1
    assert bench.rows("traffic_flow", "count") == []


BLOCK = {
    "one column shorter": changed("/blocks/0/fields/pm10_raw_ugm3", [20, 21]),
    "dt goes backwards": changed("/blocks/0/dt", [0, 1000, -500]),
    "two rows of one time": changed("/blocks/0/dt", [0, 0, 1002]),
    "dt[0] is not 0": changed("/blocks/0/dt", [5, 1, 1]),
    "a column named time": changed("/blocks/0/fields", {"pm25_raw_ugm3": [1, 2, 3], "time": [1, 2, 3]}),
    "kind with #": changed("/blocks/0/kind", "#air_quality"),
    "a field that is no quantity": changed("/blocks/0/fields", {"pm25_mgm3": [1, 2, 3]}),
    "the corrected twin from an agent": changed("/blocks/0/fields", {"pm25_ugm3": [1, 2, 3]}),
    "tags of another kind": changed("/blocks/0/tags", {"lane": "1"}),
    "a tag with a line feed": changed("/blocks/0/tags", {"lane": "1\nx"}),
    "t0 is a float": changed("/blocks/0/t0", 1.5),
    "a detection": changed("/blocks/0/kind", "detection"),
    "a block is a number": changed("/blocks/0", 7),
}


@pytest.mark.parametrize("what", BLOCK)
def test_a_wrong_block_is_kept_aside_and_the_rest_stored(bench: Bench, what: str) -> None:
    assert bench.send(BLOCK[what]) == [(42, Code.STORED_IN_PART)]
    assert bench.rows("air_quality", "pm10_raw_ugm3") == []
    assert len(bench.rows("traffic_flow", "count")) == 1
    assert bench.ingest.quarantine.counts()["part"] == 1


ROW = {
    "a text for a number": changed("/blocks/0/fields/pm10_raw_ugm3", [20, "21", 20]),
    "a boolean": changed("/blocks/0/fields/pm10_raw_ugm3", [20, True, 20]),
    "infinity": dump(BATCH).replace(b"[20,21,20]", b"[20,1e400,20]"),
    "5,000 digits": dump(BATCH).replace(b"[20,21,20]", b"[20," + b"9" * 5000 + b",20]"),
    "no value in the row": changed("/blocks/0/fields/pm10_raw_ugm3", [20, None, 20]),
}


@pytest.mark.parametrize("what", ROW)
def test_a_wrong_row_is_kept_aside_and_its_neighbours_stored(bench: Bench, what: str) -> None:
    assert bench.send(ROW[what]) == [(42, Code.STORED_IN_PART)]
    assert [row[0] for row in bench.rows("air_quality", "pm10_raw_ugm3")] == [1_790_000_000_000, 1_790_000_002_002]
    assert bench.ingest.quarantine.counts()["part"] == 1


@pytest.mark.parametrize(
    ("pointer", "value", "stored"),
    [
        ("/blocks/0/t0", 1_577_836_799_000, 2),  # the first row one second before 2020
        ("/blocks/0/t0", 1_790_000_000, 0),  # seconds where milliseconds are due
        ("/blocks/0/t0", 2**63 - 1, 0),
        ("/blocks/0/dt", [0, 1000, 700_000], 2),  # the last row more than ten minutes ahead
    ],
)
def test_the_clock_is_judged_row_by_row(bench: Bench, pointer: str, value: Any, stored: int) -> None:
    assert bench.send(changed(pointer, value)) == [(42, Code.STORED_IN_PART)]
    assert len(bench.rows("air_quality", "pm10_raw_ugm3")) == stored
    assert len(bench.rows("traffic_flow", "count")) == 1


def test_a_second_block_of_one_series_may_not_overwrite_the_first(bench: Bench) -> None:
    document = copy.deepcopy(BATCH)
    document["blocks"].append(copy.deepcopy(BATCH["blocks"][1]))
    document["blocks"][2]["fields"]["count"] = [99]
    assert bench.send(dump(document)) == [(42, Code.STORED_IN_PART)]
    assert [row[1] for row in bench.rows("traffic_flow", "count")] == [14]


@pytest.mark.parametrize(
    "good",
    [
        changed("/blocks/1/fields/speed_tms_kmh", [43]),
        changed("/blocks/0/fields/pm25_raw_ugm3", [None, 11, 13]),
        changed("/blocks/1/fields/count", [14.0]),
        changed("/site", "nanhu-rd-west"),
        changed("/future_key", {"x": 1}),
        dump(BATCH).replace(b"jianguo", b"\\u006aianguo"),
    ],
)
def test_tempting_refusals_are_not_made(bench: Bench, good: bytes) -> None:
    assert bench.send(good) == [(42, Code.STORED)]
    assert len(bench.rows("air_quality", "pm10_raw_ugm3")) == 3


@pytest.mark.parametrize("number", ["1e19", "-1e300", "1.7976931348623157e308", "1" + "0" * 30])
def test_a_number_beyond_any_sensor_is_flagged_and_not_refused(bench: Bench, number: str) -> None:
    """What an SPS30 or SCD30 may say by mistake: its other values in the row are right."""
    assert bench.send(dump(BATCH).replace(b"[20,21,20]", b"[20,%s,20]" % number.encode())) == [(42, Code.STORED)]
    rows = bench.rows("air_quality", "pm10_raw_ugm3", "pm10_ugm3", "qc_code")
    assert [row[1:] for row in rows] == [[20, 20, None], [float(number), None, "pm10_raw_ugm3:range"], [20, 20, None]]


def test_a_thinned_number_beyond_any_sensor_is_refused_for_nobody_tests_it(bench: Bench) -> None:
    block: dict[str, Any] = {"sensor": "air-1", "kind": "air_quality_1m", "t0": 1_790_000_000_000, "dt": [0, 60_000]}
    block["fields"] = {"case_temp_c_mean": [1e300, 20.5]}
    assert bench.send(dump(BATCH | {"blocks": [block]})) == [(42, Code.STORED_IN_PART)]


def test_5000_rows_are_allowed_and_5001_are_too_large(bench: Bench) -> None:
    block = {"sensor": "air-1", "kind": "air_quality", "t0": NOW - 5_001_000, "fields": {}}
    for rows, code in ((5000, Code.STORED), (5001, Code.TOO_LARGE)):
        block |= {"dt": [0] + [1000] * (rows - 1), "fields": {"pm25_raw_ugm3": [1] * rows}}
        assert bench.send(dump(BATCH | {"seq": rows, "blocks": [block]})) == [(rows, code)]


def test_a_block_counts_as_a_row_at_least(bench: Bench) -> None:
    """Of a million empty blocks in four kilobytes each would be refused by itself: minutes, and half a gigabyte."""
    for blocks, code in ((5000, Code.QUARANTINED), (5001, Code.TOO_LARGE)):
        assert bench.send(dump(BATCH | {"seq": blocks, "blocks": [{}] * blocks})) == [(blocks, code)]


def test_limits_are_answered_too_large_by_the_first_bytes(bench: Bench) -> None:
    padded = changed("/pad", "x" * batch.WIRE_BYTES_MAX)
    assert bench.send(padded) == [(42, Code.TOO_LARGE)]


_DEEP = json.loads("[" * 20 + "]" * 20)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(BATCH | {"pad": _DEEP}),
        json.dumps(BATCH | {"pad": _DEEP}, indent=1),
        json.dumps({"seq": 42, "spool": SPOOL} | {key: BATCH[key] for key in ("blocks", "v")} | {"pad": _DEEP}),
    ],
    ids=["spaces", "lines", "another order"],
)
def test_the_name_in_the_first_bytes_is_read_however_it_is_written(bench: Bench, text: str) -> None:
    assert bench.send(text.encode()) == [(42, Code.TOO_LARGE)]
    assert bench.send(gzip.compress(text.encode())) == [(42, Code.TOO_LARGE)]


def test_a_bomb_is_not_unpacked(bench: Bench) -> None:
    import gzip

    assert bench.send(gzip.compress(b"\x00" * 50_000_000)) == []
    assert bench.ingest.counts["unaddressed"] == 1


def test_a_version_of_the_future_is_held(bench: Bench) -> None:
    assert bench.send(changed("/v", 999)) == [(42, Code.VERSION_UNKNOWN)]
    assert bench.ingest.quarantine.counts() == {"whole": 0, "part": 0, "stray": 0}


def test_a_spool_the_birth_does_not_name_is_held_without_an_answer(bench: Bench) -> None:
    assert bench.send(changed("/spool", "5eed" * 8)) == []
    assert "spool:lp-0017" in bench.ingest.alarms


def test_before_the_birth_the_agent_is_asked_to_come_again(bench: Bench) -> None:
    bench.registry._nodes.clear()
    assert bench.send(dump(BATCH)) == [(42, Code.LATER)]


def test_a_death_of_an_older_session_changes_nothing(bench: Bench) -> None:
    assert not bench.registry.update(Death("lp-0017", "1" * 16, "lost"), NOW)
    assert bench.registry.update(Death("lp-0017", "0" * 16, "lost"), NOW)


@pytest.mark.parametrize("answer", [Held("HTTP 401"), Held("HTTP 200 <html>"), Later("HTTP 503", 30.0), Later("reset")])
def test_while_the_store_is_away_nothing_is_answered_and_the_same_write_follows(
    bench: Bench, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[list[Any]] = []

    def away(rows: list[Any]) -> Answer:
        writes.append(list(rows))
        return answer

    real = bench.store.write
    monkeypatch.setattr(bench.store, "write", away)
    assert bench.send(dump(BATCH)) == []
    assert bench.send(dump(BATCH), NOW + 100) == []
    assert "store" in bench.ingest.alarms
    later = NOW + 61_000
    bench.ingest.write(later)
    monkeypatch.setattr(bench.store, "write", real)
    bench.ingest.write(later + 61_000)
    assert bench.answers() == [(42, Code.STORED)]
    assert writes[0] == writes[1]
    assert "store" not in bench.ingest.alarms


def test_the_alarm_says_until_when_a_database_wants_to_be_left_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.store, "write", lambda _: Later("HTTP 503", 30.0))
    bench.send(dump(BATCH))
    assert bench.ingest.alarms["store"] == f"HTTP 503; it wants to be left alone for 30 s, until {utc(NOW + 30_000)}"


@pytest.mark.parametrize(("answer", "prepared"), [(Held("HTTP 404"), 2), (Later("read timed out"), 0)])
def test_only_a_database_that_answers_is_made_ready_again(
    bench: Bench, answer: Answer, prepared: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that hangs would be waited for by all, half a minute each time."""
    calls: list[int] = []
    monkeypatch.setattr(bench.store, "write", lambda _: answer)

    def prepare() -> Answer:
        calls.append(1)
        return Stored()

    monkeypatch.setattr(bench.store, "prepare", prepare)
    bench.send(dump(BATCH))
    for again_ms in (NOW + 60_000, NOW + 120_000):
        bench.ingest.write(again_ms)
    assert len(calls) == prepared


def test_agents_may_have_less_under_way_the_longer_the_store_is_away(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def window() -> int:
        return bench.ingest.hello(Birth("lp-0017", "s", "0" * 16, (SPOOL,), 1, None, "1", "synced"), NOW).window

    assert window() == WINDOW_DEFAULT
    real, windows = bench.store.write, []
    monkeypatch.setattr(bench.store, "write", lambda _: Later("HTTP 503"))
    bench.ingest.take("lp-0017", dump(BATCH), NOW)
    for minute in range(5):
        bench.ingest.write(NOW + minute * 61_000)
        windows.append(window())
    assert windows == [4, 2, 1, 1, 1]
    monkeypatch.setattr(bench.store, "write", real)
    bench.ingest.write(NOW + 9 * 61_000)
    ((_, stored),) = bench.ingest.acks(NOW)
    assert (stored.verdicts[0].code, stored.window) == (Code.STORED, WINDOW_DEFAULT)


def test_unknown_keys_of_envelope_and_block_are_passed_over_and_counted(bench: Bench) -> None:
    document = copy.deepcopy(BATCH) | {"later": 1, "more": {"of": ["it"]}}
    document["blocks"][1]["hint"] = "x"
    assert bench.send(dump(document)) == [(42, Code.STORED)]
    assert bench.ingest.counts["unknown_keys"] == 3


def test_each_fate_of_a_batch_is_counted_once(bench: Bench) -> None:
    row = copy.deepcopy(BATCH["blocks"][0]) | {"dt": [0, 1000, 10**9]}
    fates: list[tuple[bytes, dict[str, int]]] = [
        (dump(BATCH), {"stored_batches": 1, "stored_rows": 4}),
        (dump(BATCH), {"already_stored": 1}),
        (changed("/boot", "b71d04c3"), {"held_equivocation": 1}),
        (changed("/spool", "5eed" * 8), {"held_spool": 1}),
        (changed("/v", 999), {"version_unknown": 1}),
        (dump(BATCH | {"seq": 43, "pad": "x" * batch.WIRE_BYTES_MAX}), {"too_large": 1}),
        (dump(BATCH | {"seq": 44, "site": "?"}), {"quarantined_batches": 1}),
        (
            dump(BATCH | {"seq": 45, "blocks": [row]}),
            {"stored_batches": 1, "stored_rows": 2, "quarantined_rows": 1, "clock_off": 1},
        ),
        (b"{}", {"unaddressed": 1}),
    ]
    for payload, counted in fates:
        before = bench.ingest.counts.copy()
        bench.send(payload)
        assert bench.ingest.counts - before == {"batches": 1} | counted, payload[:100]
    before = bench.ingest.counts.copy()
    bench.registry._nodes.clear()
    bench.send(dump(BATCH))
    assert bench.ingest.counts - before == {"batches": 1, "before_birth": 1}


def test_two_series_whose_tags_share_a_value_are_two(bench: Bench) -> None:
    one, other = copy.deepcopy(BATCH["blocks"][1]), copy.deepcopy(BATCH["blocks"][1])
    one["tags"], other["tags"] = {"lane": "1"}, {"direction": "1"}
    assert bench.send(changed("/blocks", [one, other])) == [(42, Code.STORED)]
    assert len(bench.rows("traffic_flow", "count")) == 2


def test_memory_stays_bounded_while_the_store_is_away(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.delivery.ingest.PENDING_ROWS_MAX", 8)
    monkeypatch.setattr(bench.store, "write", lambda _: Later("down"))
    codes = [code for seq in range(1, 6) for _, code in bench.send(dump(BATCH | {"seq": seq}))]
    assert codes == [Code.LATER] * 3
    assert bench.ingest.pending_rows() == 8


def test_a_quarantine_without_a_disk_is_no_database_that_is_away(bench: Bench) -> None:
    """The rest is stored; what was refused waits with its batch, the longer the more often it failed."""
    bench.ingest.take("lp-0017", ROW["a boolean"], NOW)
    bench.ingest.series.flush()  # they are known since long
    bench.state.execute("PRAGMA query_only = ON")
    for wait_ms in (0, 400, 600, 900, 1_100):
        assert bench.send(ROW["a boolean"], NOW + wait_ms) == []
    assert "quarantine's disk" in bench.ingest.alarms["quarantine"]
    assert "store" not in bench.ingest.alarms
    assert len(bench.rows("air_quality", "pm10_raw_ugm3")) == 2
    bench.state.execute("PRAGMA query_only = OFF")
    assert bench.send(ROW["a boolean"], NOW + 1_500) == [], "it waits for a second now"
    assert bench.send(ROW["a boolean"], NOW + 60_000) == [(42, Code.STORED_IN_PART)]
    assert bench.ingest.quarantine.counts()["part"] == 1
