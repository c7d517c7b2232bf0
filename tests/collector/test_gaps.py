"""What `lamppost gaps` says of an hour, from rows in a database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from collector.delivery.audit import audit
from collector.delivery.gap_table import lines
from collector.delivery.gaps import Hour, gaps
from collector.stores.sqlite import Sqlite
from collector.stores.store import Table
from tests.stored import put
from tests.typed import typed
from wire.times import HOUR_MS, MINUTE_MS

H = 495_000 * HOUR_MS
SENSOR = (("node", "lp-1"), ("sensor", "air-1"), ("site", "s"))


def measured(store: Sqlite, stored: int, accepted: int, silent_s: float) -> None:
    """So many readings of the hour, and the agent's account of it."""
    times = [H + 1000 * number for number in range(stored)]
    readings = Table("air_quality", SENSOR, times, {"cq": [0] * stored}, frozenset({"cq"}))
    account: dict[str, list[Any]] = {"accepted": [accepted], "bad_frames_1h": [0], "silent_s": [silent_s]}
    tags = tuple(sorted((*SENSOR, ("spool", "f" * 32))))
    ledger = Table("sensor_ledger", tags, [H + MINUTE_MS], account, frozenset({"accepted", "bad_frames_1h"}))
    put(store, readings, ledger)


def account(store: Sqlite, spool: str, told: dict[int, int]) -> None:
    """An agent's account under one spool: accepted so far, by minute."""
    tags = tuple(sorted((*SENSOR, ("spool", spool))))
    times, accepted = [H + minute * MINUTE_MS for minute in told], [*told.values()]
    put(store, Table("sensor_ledger", tags, times, {"accepted": accepted}, frozenset({"accepted"})))


def hour(store: Sqlite, now_ms: int) -> Hour:
    (found,) = (each for each in gaps(store, H, now_ms, {}, {}) if each.hour_ms == H)
    return found


def test_a_healthy_sensor_that_started_a_second_late_has_no_hole(store: Sqlite) -> None:
    measured(store, stored=300, accepted=92, silent_s=1.0)
    found = hour(store, H + 5 * MINUTE_MS)
    assert (found.missing, found.causes, found.goes_on) == (0, [], True)
    assert not hour(store, H + HOUR_MS + 10 * MINUTE_MS).goes_on


def test_a_minute_of_silence_is_told_with_its_seconds(store: Sqlite) -> None:
    measured(store, stored=300, accepted=300, silent_s=60.0)
    found = hour(store, H + 10 * MINUTE_MS)
    assert (found.causes, found.silent_s) == (["sensor-silent"], 60.0)


def test_what_was_accepted_and_is_nowhere_is_missing_still(store: Sqlite) -> None:
    measured(store, stored=300, accepted=320, silent_s=0.0)
    found = hour(store, H + 3 * HOUR_MS)
    assert (found.missing, found.causes) == (20, ["unexplained"])


@pytest.mark.parametrize(
    ("second", "accepted"),
    [
        ({5: 240, 10: 300, 15: 320}, 320),  # a disk failed: what waited is told again under it, and the count goes on
        ({5: 240, 15: 20}, 320),  # a card was rolled back: told again is what waited there, and counted what comes
        ({15: 20, 20: 70}, 370),  # a new card
    ],
)
def test_an_hour_of_two_spools_counts_no_reading_twice(store: Sqlite, second: dict[int, int], accepted: int) -> None:
    """Both accounts were added up: for as much as both told a hole was shown that nobody could explain."""
    measured(store, stored=320, accepted=0, silent_s=0.0)
    account(store, "e" * 32, {5: 240, 10: 300})
    account(store, "d" * 32, second)
    found = hour(store, H + 3 * HOUR_MS)
    assert (found.accepted, found.missing) == (accepted, accepted - 320)


def test_a_clock_that_was_set_is_told_of_every_hour_whose_times_it_makes_doubtful(store: Sqlite) -> None:
    measured(store, stored=300, accepted=300, silent_s=0.0)
    tags = (("node", "lp-1"), ("reason", "clock-set"), ("sensor", "node"), ("site", "s"), ("spool", "f" * 32))
    values = {"from_ms": H - 5, "to_ms": H + 5, "lost_count": 0, "from_seq": 0, "to_seq": 0}
    table = Table("gap", tags, [H + 9], {name: [value] for name, value in values.items()}, frozenset(values))
    put(store, table)
    found = hour(store, H + 3 * HOUR_MS)
    assert (found.causes, found.missing, found.replaced) == (["clock-set"], 0, 0)


def test_a_gap_record_with_holes_of_its_own_keeps_no_other_from_being_told(store: Sqlite) -> None:
    """`gaps`, its page and `audit` ended with a traceback for every node."""
    tags = (("node", "lp-1"), ("reason", "dropped"), ("sensor", "air-1"), ("spool", "f" * 32))
    told = {"lost_count": [4], "from_ms": [H], "to_ms": [H]}
    for at, columns in enumerate(({"lost_count": [4]}, told)):
        put(store, Table("gap", tags, [H + at], columns, frozenset(told)))
    measured(store, stored=3540, accepted=3600, silent_s=0.0)
    assert hour(store, H + 3 * HOUR_MS).replaced == 4
    assert audit(store)[0].sequences_replaced == 0


OLD, NEW = "a" * 32, "b" * 32


def arrived(store: Sqlite, spool: str, seqs: set[int]) -> None:
    """The account of these batches, which brought no row."""
    for seq in seqs:
        row: dict[str, list[Any]] = {"seq": [seq], "rows": [0], "quarantined": [0], "digest": ["d"]}
        table = Table("batch_ledger", (("node", "lp-1"), ("spool", spool)), [H + seq], row, frozenset(row) - {"digest"})
        put(store, table)


def replaced(store: Sqlite, spool: str, reason: str, first: int, last: int) -> None:
    """A record, sealed in this spool, of what went."""
    tags = (("node", "lp-1"), ("reason", reason), ("sensor", "air-1"), ("site", "s"), ("spool", spool))
    values = {"from_ms": [H], "to_ms": [H], "lost_count": [9], "from_seq": [first], "to_seq": [last]}
    put(store, Table("gap", tags, [H + first], values, frozenset(values)))


@pytest.mark.parametrize(
    ("by", "reason", "first", "missing"),
    [
        (NEW, "thinned", 5, [(OLD, 5), (OLD, 6)]),  # the new life lacks them itself
        (OLD, "thinned", 5, [(NEW, 5), (NEW, 6)]),  # and the other way round: what was replaced long ago
        (NEW, "renumbered", 5, [(NEW, 5), (NEW, 6)]),
        (NEW, "thinned", 3, [(OLD, 5), (OLD, 6), (NEW, 5), (NEW, 6)]),
        (NEW, "dropped", 11, [(OLD, 5), (OLD, 6), (NEW, 5), (NEW, 6)]),
    ],
)
def test_one_record_explains_no_hole_in_two_lives(
    store: Sqlite, by: str, reason: str, first: int, missing: list[tuple[str, int]]
) -> None:
    """What one life of a spool had replaced hid what another had lost under the same numbers."""
    for spool in (OLD, NEW):
        arrived(store, spool, {*range(1, 11)} - {5, 6})
    replaced(store, by, reason, first, first + 1)
    (finding,) = audit(store)
    assert sorted(finding.sequences_missing) == missing
    assert finding.batches_missing == len(missing)


def test_the_audit_says_how_many_batches_are_missing_beyond_those_that_it_names(store: Sqlite, tmp_path: Path) -> None:
    """After a database was restored it named twenty of a day's, and said that 0 rows were missing."""
    arrived(store, OLD, {1, 101})
    settings = tmp_path / "collector.yaml"
    settings.write_text(
        f"broker: {{host: 127.0.0.1}}\nstate_file: {tmp_path}/state.db\n"
        f"store: {{kind: sqlite, path: {tmp_path}/readings.db}}\n"
    )
    told = typed("audit", "--config", str(settings))
    assert told.returncode == 1
    first = ", ".join(f"{seq} of {OLD[:8]}" for seq in range(2, 22))
    assert told.stdout == (
        "lp-1         2 batches, 0 rows sent, 0 in quarantine, 0 stored:"
        f" NOT COMPLETE: 99 batches missing: {first} and 79 more\n"
    )


def test_what_a_new_life_gives_up_of_an_old_one_is_no_hole(store: Sqlite) -> None:
    """Numbers that the new one has itself, or has not come to."""
    arrived(store, OLD, {*range(1, 31)} - {7, 25})
    arrived(store, NEW, {*range(1, 11)})
    for seq in (7, 25):
        replaced(store, NEW, "dropped", seq, seq)
    assert audit(store)[0].complete


def test_a_station_that_was_dead_before_the_span_began_has_a_hole_in_every_hour_of_it(store: Sqlite) -> None:
    measured(store, stored=300, accepted=300, silent_s=0.0)
    found = gaps(store, H + 24 * HOUR_MS, H + 27 * HOUR_MS, {}, {})
    assert [(each.hour_ms, each.causes) for each in found] == [(H + n * HOUR_MS, ["agent-off"]) for n in (24, 25, 26)]
    assert gaps(store, H + 24 * HOUR_MS, H + 27 * HOUR_MS, {}, {}, "lp-2") == []


def test_a_sensor_that_was_taken_down_long_ago_is_no_hole(store: Sqlite) -> None:
    measured(store, stored=300, accepted=300, silent_s=0.0)
    assert gaps(store, H + 800 * HOUR_MS, H + 803 * HOUR_MS, {}, {}) == []


def test_hours_are_a_table_where_it_fits_and_two_lines_each_where_not() -> None:
    found = [Hour("lp-0001", "air-1", H, 300, 290, 10, silent_s=60.4, causes=["sensor-silent"], goes_on=True)]
    place, why = ("lp-0001", "air-1", "2026-06-21 00:00"), "sensor-silent (hour goes on)"
    head, row = lines(found, 120)
    assert " ".join(head.split()) == "node sensor hour (UTC) accepted stored refused replaced missing s silent cause"
    assert row.endswith(why)
    assert list(lines(found, 60)) == ["  ".join((*place, why)), "  300 accepted, 290 stored, 10 refused, 60 s silent"]
    assert list(lines([], 60)) == []
