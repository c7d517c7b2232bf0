"""The spool looks after itself: damage, a full disk, batches too large, rolled-back cards, replays."""

from __future__ import annotations

import os
import random
import sqlite3
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_agent.delivery.spool_owner import care
from edge_agent.reading import Reading, Series
from edge_agent.settings import config
from edge_agent.spool import gap_records
from edge_agent.spool.gap_records import Loss
from edge_agent.spool.making_room import make_room, purge, split
from edge_agent.spool.sealing import readings_of
from edge_agent.spool.spool import Origin, Sealed, Spool, SpoolError
from edge_agent.timeline import FLOOR_MS
from tests.closes import Closes
from wire import batch

AIR = Series("air-1", "air_quality", (), "plantower-pms5003@1")
ORIGIN = Origin("lp-1", "s", "b71d04c2", "synced")
T0 = 1_790_000_000_000 // 60_000 * 60_000


def fill(spool: Spool, batches: int, rows: int = 10, first: int = 0) -> list[Sealed]:
    sealed = []
    for n in range(first, first + batches):
        start = T0 + n * rows * 1000
        values: list[dict[str, float]] = [{"pm25_raw_ugm3": n * rows + i, "pm10_raw_ugm3": 7} for i in range(rows)]
        spool.accept([Reading(AIR, start + i * 1000, values[i]) for i in range(rows)], ORIGIN)
        sealed += spool.seal()
    return sealed


def rows_of(sealed: list[Sealed]) -> list[Reading]:
    return [row for one in sealed for row in readings_of(one.data)[0]]


def gaps(spool: Spool) -> list[dict[str, Any]]:
    return [
        {"reason": dict(row.series.tags)["reason"], "sensor": row.series.sensor, **row.values}
        for row in rows_of(spool.oldest(1000))
        if row.series.kind == "gap"
    ]


@pytest.mark.parametrize("size", [0, 1, "63 KiB"])
def test_a_spool_in_which_nothing_could_lie_is_refused(size: int | str) -> None:
    with pytest.raises(ValueError, match="from 64 KiB to 1024 GiB, is wanted"):
        config.Spool.model_validate({"max_size": size})
    assert config.Spool.model_validate({"max_size": "64 KiB"}).max_size == 64 * 1024


# -- damage ---------------------------------------------------------------------------------------------------------


def _damaged(path: Path, spoil: bytes, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(spoil)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str, dict[int, Sealed]]:
    """A spool file with 60 batches, its id, and what was sealed in it."""
    path = tmp_path_factory.mktemp("full") / "spool.db"
    spool = Spool(path, "lp-1", "s")
    sealed = {one.seq: one for one in fill(spool, 60, rows=40)}
    spool._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    spool.close()
    return path.read_bytes(), spool.spool_id, sealed


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_file_is_put_aside_and_what_is_intact_goes_on(
    tmp_path: Path, seed: int, full: tuple[bytes, str, dict[int, Sealed]], closes: Closes
) -> None:
    rng = random.Random(seed)
    path = tmp_path / "spool.db"
    whole, old_id, before = full
    path.write_bytes(whole)
    size = len(whole)
    if seed % 3 == 0:
        with path.open("r+b") as file:
            file.truncate(rng.randrange(size // 4, size))
    else:
        for _ in range(3):
            _damaged(path, rng.randbytes(200), rng.randrange(100, size - 200))
    intact = {seq for seq, one in before.items() if one.data in path.read_bytes()}
    again = closes(Spool(path, "lp-1", "s"))
    saved = {one.seq: one.data for one in again.oldest(1000) if one.spool == old_id}
    assert all(data == before[seq].data for seq, data in saved.items()), "never other bytes under an old name"
    assert intact <= saved.keys(), "every batch whose bytes are still in the file goes on"
    if again.damaged():
        assert again.spool_id != old_id
        assert Path(str(again.damaged())).exists(), "moved aside"
    fill(again, 1, first=1000)


def test_a_file_of_noise_is_put_aside(tmp_path: Path, closes: Closes) -> None:
    path = tmp_path / "spool.db"
    path.write_bytes(random.Random(1).randbytes(50_000))
    spool = closes(Spool(path, "lp-1", "s"))
    assert spool.oldest(1) == []
    assert spool.damaged() == str(path) + ".damaged-1"
    fill(spool, 1)


def test_a_card_that_goes_bad_again_and_again_is_not_filled_with_damaged_files(tmp_path: Path, closes: Closes) -> None:
    path, kept = tmp_path / "spool.db", list[str]()
    for number in range(1, 5):
        path.write_bytes(random.Random(number).randbytes(50_000))
        path.with_name("spool.db-wal").unlink(missing_ok=True)
        spool = closes(Spool(path, "lp-1", "s"))
        kept = [*kept[-1:], str(spool.damaged())]
        spool.close()
    assert sorted(map(str, tmp_path.glob("*.damaged-*"))) == sorted(kept)
    assert len(kept) == 2


def test_most_batches_survive_one_spoiled_page(tmp_path: Path, closes: Closes) -> None:
    path = tmp_path / "spool.db"
    spool = closes(Spool(path, "lp-1", "s"))
    fill(spool, 100, rows=30)
    old_id = spool.spool_id
    spool._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    spool.close()
    _damaged(path, b"\xff" * 4096, path.stat().st_size // 4096 // 2 * 4096)
    again = closes(Spool(path, "lp-1", "s"))
    kept = [one for one in again.oldest(1000) if one.spool == old_id]
    assert len(kept) >= 60
    assert again.spools() == (again.spool_id, old_id)
    assert all(batch.digest(one.data) == one.digest for one in kept)


def test_what_was_saved_from_a_damaged_file_shares_no_time_with_what_comes(tmp_path: Path, closes: Closes) -> None:
    """A clock that was ahead is set back after the repair: the database keeps one of two readings of one time."""
    path = tmp_path / "spool.db"
    spool = closes(Spool(path, "lp-1", "s"))
    fill(spool, 20, rows=1)
    spool._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    spool.close()
    _damaged(path, b"\xff" * 4096, 4096)
    again = closes(Spool(path, "lp-1", "s"))
    waiting = {row.time_ms for row in rows_of(again.oldest(99)) if row.series == AIR}
    assert T0 + 15_000 in waiting
    (taken,) = again.accept([Reading(AIR, T0 + 15_000, {"pm25_raw_ugm3": 9})], ORIGIN)
    assert taken.time_ms not in waiting


class Killed(BaseException):
    """The process ends here."""


def test_damage_is_told_also_by_a_board_that_never_knew_the_time(tmp_path: Path, closes: Closes) -> None:
    """Its record stood in 1970, when the file was written by the board's clock, and was refused."""
    path = tmp_path / "spool.db"
    closes(Spool(path, "lp-1", "s")).close()
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 4096)
    os.utime(path, (5, 5))
    spool = closes(Spool(path, "lp-1", "s"))
    spool.seal()
    assert [(gap["reason"], gap["to_ms"]) for gap in gaps(spool)] == [("damaged", FLOOR_MS)]


def test_a_start_that_is_cut_off_while_a_damaged_file_is_read_is_done_again(
    tmp_path: Path, full: tuple[bytes, str, dict[int, Sealed]], closes: Closes
) -> None:
    """By a watchdog, or for want of memory: the next start began with an empty spool, and said nothing of it."""
    path = tmp_path / "spool.db"
    whole, old_id, before = full
    path.write_bytes(whole)
    _damaged(path, b"\xff" * 4096, len(whole) // 4096 // 2 * 4096)
    left = 3

    def killed() -> None:
        nonlocal left
        left -= 1
        if not left:
            raise Killed

    with pytest.raises(Killed):
        Spool(path, "lp-1", "s", alive=killed)
    again = closes(Spool(path, "lp-1", "s"))
    assert again.damaged() == str(path) + ".damaged-1"
    assert len([one for one in again.oldest(1000) if one.spool == old_id]) >= len(before) - 8
    again.seal()
    assert [one["reason"] for one in gaps(again)] == ["damaged"]
    again.close()
    assert closes(Spool(path, "lp-1", "s")).spool_id == again.spool_id, "once is enough"


def test_a_damaged_file_is_read_bit_by_bit(tmp_path: Path, closes: Closes) -> None:
    """The unit lets an agent have 200 MB, and a spool may be ten times as large."""
    path = tmp_path / "spool.db"
    spool = closes(Spool(path, "lp-1", "s"))
    fill(spool, 3)
    spool._db.execute("INSERT INTO sealed VALUES (1000, randomblob(4000000))")
    spool._db.execute("DELETE FROM sealed WHERE id = 1000")  # free pages, as of a backlog that has drained
    spool._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    spool.close()
    _damaged(path, b"\xff" * 4096, 4096)
    tracemalloc.start()
    try:
        again = closes(Spool(path, "lp-1", "s"))
        took = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert again.damaged()
    assert took < path.with_name("spool.db.damaged-1").stat().st_size / 2


# -- room -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows_a_batch", [60, 50], ids=["whole minutes", "minutes cut by batches"])
def test_a_full_spool_thins_the_oldest_and_accounts_for_every_row(spool: Spool, rows_a_batch: int) -> None:
    fill(spool, 200, rows=rows_a_batch)
    total = 200 * rows_a_batch
    while make_room(spool, 120_000 if rows_a_batch == 60 else 90_000, T0 + 10**8):
        pass
    rows = rows_of(spool.oldest(10_000))
    raw = [row for row in rows if row.series.kind == "air_quality"]
    thin = [row for row in rows if row.series.kind == "air_quality_1m"]
    lost = sum(gap["lost_count"] for gap in gaps(spool) if gap["reason"] == "thinned")
    assert len(raw) + lost == total
    assert sum(int(row.values["pm25_raw_ugm3_n"]) for row in thin) == lost
    assert thin[0].values["pm25_raw_ugm3_min"] == 0
    assert len({row.time_ms for row in thin}) == len(thin), "no minute takes the place of another's first half"
    assert min(row.time_ms for row in raw) > max(row.time_ms for row in thin) or rows_a_batch != 60
    replaced = {seq for gap in gaps(spool) for seq in range(int(gap["from_seq"]), int(gap["to_seq"]) + 1)}
    present = {one.seq for one in spool.oldest(10_000)}
    assert replaced | present == set(range(1, spool.next_seq)), "every sequence is there or named"


def test_what_is_thinned_stays_with_its_place_and_with_the_word_for_its_clock(spool: Spool) -> None:
    """Of a station that had moved, readings of the new place were stored as of the old one, and estimates as sure."""
    moved = ORIGIN._replace(site="there", clock="estimated")
    for minute in range(6):
        rows = [Reading(AIR, T0 + minute * 60_000 + at * 1000, {"pm25_raw_ugm3": minute}) for at in range(60)]
        spool.accept(rows, moved if minute > 2 else ORIGIN)
        spool.seal()
    assert [make_room(spool, 0, T0) for _ in range(2)] == [180, 180]
    found = {}
    for one in spool.oldest(99):
        rows, envelope = readings_of(one.data)
        of = envelope.site, envelope.clock
        found |= {row.time_ms: of for row in rows if row.series.kind == "air_quality_1m"}
    assert [found[T0 + minute * 60_000] for minute in range(6)] == [("s", "synced")] * 3 + [("there", "estimated")] * 3


def test_when_nothing_can_be_thinned_any_more_the_oldest_is_dropped_and_named(spool: Spool) -> None:
    fill(spool, 30, rows=60)
    for _ in range(200):
        if not make_room(spool, 20_000, T0 + 10**8):
            break
    assert any(gap["reason"] == "dropped" for gap in gaps(spool))
    assert {row.series.kind for row in rows_of(spool.oldest(10_000))} == {"gap"}, "the account is kept to the last"
    assert sum(gap["lost_count"] for gap in gaps(spool)) == 30 * 60, "thinned, then dropped: counted once"


def test_the_replay_ring_goes_before_anything_is_thinned(spool: Spool) -> None:
    for one in fill(spool, 100, rows=60):
        spool.release(one.id, 0, T0)
    fill(spool, 3, first=500)
    assert make_room(spool, 30_000, T0) == 0
    assert gaps(spool) == []


# -- names ----------------------------------------------------------------------------------------------------------


def test_a_batch_too_large_is_sealed_again_in_halves(spool: Spool) -> None:
    (one,) = fill(spool, 1, rows=100)
    split(spool, one.id, T0 + 10**6)
    assert [s.seq for s in spool.oldest(9)] == [2, 3, 4]
    assert [row for row in rows_of(spool.oldest(9)) if row.series == AIR] == rows_of([one])
    (gap,) = gaps(spool)
    assert (gap["reason"], gap["lost_count"], gap["from_seq"], gap["to_seq"]) == ("split", 0, 1, 1)


def test_a_rolled_back_card_begins_a_new_life_with_the_same_rows(spool: Spool, closes: Closes) -> None:
    sealed = fill(spool, 3)
    old_id = spool.spool_id
    spool.begin_life(T0 + 10**6)
    assert spool.spool_id != old_id
    waiting = spool.oldest(99)
    assert {one.spool for one in waiting} == {spool.spool_id}
    assert [row for row in rows_of(waiting) if row.series == AIR] == rows_of(sealed)
    assert [gap["reason"] for gap in gaps(spool)] == ["renumbered"]
    assert closes(Spool(spool.path, "lp-1", "s")).spool_id == spool.spool_id


def test_a_new_life_of_much_that_waits_says_after_each_batch_that_it_goes_on(spool: Spool) -> None:
    fill(spool, 30)
    done: list[tuple[int, int]] = []
    spool.begin_life(T0, lambda: done.append((spool.next_seq - 1, len(spool.batches.waiting_ids()))))
    assert done == [(number, 30) for number in range(1, 31)], "each in the place of an old one: nothing piles up"
    assert sum(row.series == AIR for row in rows_of(spool.oldest(1000))) == 300


def test_a_new_life_goes_on_past_a_batch_that_the_disk_has_changed(spool: Spool) -> None:
    """One flipped bit ended the agent, and each one after it."""
    first, *_ = fill(spool, 3)
    crc = len(first.data) - 8  # RFC 1952 2.3: a flipped bit before it may be one that means nothing
    flipped = first.data[:crc] + bytes([first.data[crc] ^ 1]) + first.data[crc + 1 :]
    spool._db.execute("UPDATE sealed SET bytes = ? WHERE id = ?", (flipped, first.id))
    spool.begin_life(T0)
    assert sum(row.series == AIR for row in rows_of(spool.oldest(99))) == 20
    assert {gap["reason"]: gap["lost_count"] for gap in gaps(spool)} == {"damaged": 10, "renumbered": 0}
    assert spool.lost("damaged") == 10


def test_a_new_life_goes_on_past_a_batch_that_a_newer_agent_has_sealed(spool: Spool) -> None:
    """Of a kind that this one does not know, before it was rolled back: it ended the agent, and each one after it."""
    spool.accept([Reading(Series("eye-1", "of_a_newer_agent"), T0 + n, {"value": n}) for n in range(5)], ORIGIN)
    spool.seal()
    fill(spool, 1)
    spool.begin_life(T0)
    assert sum(row.series == AIR for row in rows_of(spool.oldest(99))) == 10
    assert {gap["reason"]: gap["lost_count"] for gap in gaps(spool)} == {"damaged": 5, "renumbered": 0}


def _renumbered(spool: Spool) -> None:
    spool.begin_life(T0)


def _halved(spool: Spool) -> None:
    split(spool, spool.oldest(1)[0].id, T0)


def _thinned(spool: Spool) -> None:
    make_room(spool, 0, T0)


def _dropped(spool: Spool) -> None:
    purge(spool, T0 + 10**6, T0)


@pytest.mark.parametrize("gone", [_renumbered, _halved, _thinned, _dropped])
def test_what_a_newer_agent_sealed_beside_the_rest_is_counted_and_recorded(
    spool: Spool, gone: Callable[[Spool], None]
) -> None:
    """The rows that an agent which was rolled back cannot read went without a word."""
    newer = [Reading(Series("eye-1", "of_a_newer_agent"), T0 + n, {"value": n}) for n in range(5)]
    spool.accept([*newer, Reading(AIR, T0 + 9, {"pm25_raw_ugm3": 7.0})], ORIGIN)
    spool.seal()
    gone(spool)
    assert [gap["lost_count"] for gap in gaps(spool) if gap["reason"] == "damaged"] == [5]
    assert spool.lost("damaged") == 5


def test_a_replay_sends_the_same_bytes_again_marked(spool: Spool) -> None:
    first, second = fill(spool, 2)
    for one in (first, second):
        spool.release(one.id, 0, T0)
    assert spool.replay(second.from_ms, second.to_ms + 1) == 1
    (again,) = spool.oldest(9)
    assert again == second._replace(replay=1)  # type: ignore[arg-type]
    spool.release(again.id, 0, T0)
    assert spool.oldest(9) == []


def test_rows_without_a_true_time_wait_and_get_it_later(spool: Spool, closes: Closes) -> None:
    unsynced = ORIGIN._replace(clock="unsynced")
    spool.accept([Reading(AIR, 5_000, {"pm25_raw_ugm3": 1})], unsynced)
    spool.accept([Reading(AIR, 6_000, {"pm25_raw_ugm3": 2})], unsynced)
    assert spool.seal() == []
    assert spool.unsynced(9) == 2
    assert closes(Spool(spool.path, "lp-1", "s")).untimed() == [("b71d04c2", 6_000)]
    (sealed,) = spool.seal(lambda _: (T0, "restored"))
    assert batch.read("lp-1", sealed.data).clock == "restored"
    assert [row.time_ms for row in rows_of([sealed])] == [T0 + 5_000, T0 + 6_000]


def test_what_waits_for_the_time_keeps_within_the_limit_and_what_goes_is_told_at_its_true_time(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No setting bound it: six sensors filled a card within weeks, without a word."""
    monkeypatch.setattr("edge_agent.spool.making_room.DROP_COMMITS", 7)
    limit = 96 * 1024
    for n in range(900):  # in the third boot the time comes
        boot = ORIGIN._replace(boot=f"{n // 300:032x}", clock="unsynced")
        row = Reading(AIR, n % 300 * 1000, {"pm25_raw_ugm3": n})
        spool.accept([row, row._replace(series=AIR._replace(sensor="air-2"))], boot)
        if n % 20 == 0:
            care(spool, limit, 0)
            assert spool.used_bytes() <= limit
    assert spool.depth().rows + spool.lost("dropped") == 1800
    assert 0 < spool.lost("dropped") < 1500
    sealed = spool.seal(lambda boot: (T0 + int(boot, 16) * 10**6, "restored"))
    rows, told = (
        [row for row in rows_of(sealed) if row.series == AIR],
        [one for one in gaps(spool) if one["sensor"] == "air-1"],
    )
    assert [one["reason"] for one in told] == ["dropped"] * len(told)
    assert sum(one["lost_count"] for one in told) == 900 - len(rows)
    assert [one["from_ms"] for one in told] == [T0 + boot * 10**6 for boot in range(len(told))]
    assert max(one["to_ms"] for one in told) < rows[0].time_ms
    assert (spool.depth().rows, spool.unsynced(1)) == (sum(one.rows for one in sealed), 0)


def test_a_clock_of_1970_leaves_nothing_behind_that_was_answered(spool: Spool) -> None:
    """Of the replay ring, which goes first, nothing was older than 1970: what waited went in its place."""
    for one in fill(spool, 60, rows=60)[:40]:
        spool.release(one.id, 0, T0)
    care(spool, spool.used_bytes() // 2, 0)
    assert len(spool.oldest(99)) == 20
    assert spool.lost("thinned") == 0


def test_what_waits_is_counted_without_looking_through_it(spool: Spool) -> None:
    """All that waited for the time was read every two seconds, for a number of the status file: 200 MB."""
    unsynced = ORIGIN._replace(clock="unsynced")
    asked: list[str] = []
    for n in range(3):
        spool.accept([Reading(AIR, 5_000 + n, {"pm25_raw_ugm3": 1}), Reading(AIR, 6_000 + n, {})], unsynced)
    spool._db.set_trace_callback(asked.append)
    assert spool.depth().rows == 6
    assert [one for one in asked if "chunk" in one] == []
    spool._db.set_trace_callback(None)
    spool.close()
    again = Spool(spool.path, "lp-1", "site-1")
    assert again.depth().rows == 6
    again._db.execute("CREATE TEMP TRIGGER fails BEFORE INSERT ON state BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(SpoolError):
        again.accept([Reading(AIR, 7_000, {"pm25_raw_ugm3": 1})], unsynced, {"hours": {}})
    assert again.depth().rows == 6
    again.seal(lambda _: (T0, "restored"))
    assert again.depth()[:2] == (6, 1)
    again.close()


def test_what_is_due_is_found_without_looking_through_all_that_waits(spool: Spool) -> None:
    """Each look read and sorted it: after weeks offline a tenth of a second for each answer of the collector."""
    spool._db.execute("PRAGMA synchronous=OFF")
    steps: list[int] = []
    for batches in (20, 400):
        fill(spool, batches, rows=1, first=spool.next_seq)
        steps.append(0)

        def count() -> None:
            steps[-1] += 1

        spool._db.set_progress_handler(count, 1)
        assert [one.seq for one in spool.oldest(3)] == [1, 2, 3]
        assert [one.seq for one in spool.newest(2, [spool.next_seq - 1])] == [spool.next_seq - 2, spool.next_seq - 3]
        spool._db.set_progress_handler(None, 0)
    assert steps[1] < 1.5 * steps[0]


def test_a_disk_that_fails_is_told_apart_from_a_full_one(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    from edge_agent.spool.spool import SpoolError, SpoolIoError

    class Disk:
        """SQLite's connection cannot be patched; this stands before it and fails as a disk does."""

        def __init__(self, error: str) -> None:
            self.error = error

        def execute(self, text: str, *_: object) -> object:
            if text.startswith(("BEGIN", "ROLLBACK")):
                return None
            raise sqlite3.OperationalError(self.error)

        in_transaction = False

    for text, kind in (("disk I/O error", SpoolIoError), ("database or disk is full", SpoolError)):
        monkeypatch.setattr(spool, "_db", Disk(text))
        with pytest.raises(kind, match="Cure"):
            spool.accept([Reading(AIR, T0, {"pm25_raw_ugm3": 1})], ORIGIN)


@pytest.mark.parametrize("set_back_ms", [0, 100_000])
def test_a_disk_that_is_full_for_a_while_moves_no_reading_in_time(spool: Spool, set_back_ms: int) -> None:
    """After the clock was set back each try moved them by a millisecond."""
    spool.accept([Reading(AIR, T0 + set_back_ms, {"pm25_raw_ugm3": 1.0})], ORIGIN)
    rows = [Reading(AIR, T0 + at * 200 + 1, {"pm25_raw_ugm3": 1.0}) for at in range(5)]
    pages = spool._db.execute("PRAGMA page_count").fetchone()[0]
    spool._db.execute(f"PRAGMA max_page_count = {pages}")
    for _ in range(5):
        with pytest.raises(SpoolError):
            spool.accept(rows, ORIGIN, {"fill": "x" * 100_000})
    spool._db.execute("PRAGMA max_page_count = 1000000")
    assert [row.time_ms for row in spool.accept(rows, ORIGIN)] == [row.time_ms for row in rows]


def test_a_spool_is_closed_also_where_the_disk_takes_nothing(spool: Spool, closes: Closes) -> None:
    """An agent that was told to stop, or had new settings, ended with a traceback."""
    (one,) = fill(spool, 1)
    spool.release(one.id, 0, T0)
    spool._db.execute("PRAGMA query_only = 1")
    spool.close()
    assert closes(Spool(spool.path, "lp-1", "s")).oldest(9), "what was answered goes once more"


def test_room_that_cannot_be_made_skips_no_sequence(spool: Spool) -> None:
    """Each attempt on a full disk left one out: an audit takes it for a batch that was lost."""
    last = fill(spool, 3)[-1].seq
    spool._db.execute("CREATE TEMP TRIGGER full BEFORE INSERT ON sealed BEGIN SELECT RAISE(FAIL, 'disk is full'); END")
    for _ in range(3):
        with pytest.raises(SpoolError, match="disk is full"):
            make_room(spool, 0, T0)
    spool._db.execute("DROP TRIGGER full")
    assert fill(spool, 1)[0].seq == last + 1


@pytest.mark.parametrize("table", ["life", "chunk", "batch", "sealed", "meta"])
def test_damage_in_the_names_of_the_tables_is_damage_like_any_other(tmp_path: Path, table: str) -> None:
    path = tmp_path / "spool.db"
    spool = Spool(path, "lp-1", "s")
    spool.close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA writable_schema=ON")
    db.execute("UPDATE sqlite_master SET sql = replace(sql, 'TEXT', 'TEYT') WHERE name = ?", (table,))
    db.execute("UPDATE sqlite_master SET sql = replace(sql, 'bytes', 'bytfs') WHERE name = ?", (table,))
    db.commit()
    db.close()
    again = Spool(path, "lp-1", "s")
    assert again.path.with_name("spool.db.damaged-1").exists()
    again.close()


def test_a_spool_that_stays_full_stays_bounded_and_names_every_row_and_number(spool: Spool) -> None:
    limit, sizes, rng = 72_000, [], random.Random(5)
    spool._db.execute("PRAGMA synchronous=OFF")  # the account is looked at here, not the disk
    for minute in range(0, 8_000, 10):
        values: list[dict[str, float]] = [
            {"pm25_raw_ugm3": rng.randrange(500), "pm10_raw_ugm3": rng.randrange(500)} for _ in range(10)
        ]
        spool.accept_and_seal([Reading(AIR, T0 + (minute + i) * 60_000, values[i]) for i in range(10)], ORIGIN)
        while make_room(spool, limit, T0 + minute * 60_000):
            pass
        sizes.append(spool.used_bytes())
    assert max(sizes) <= limit
    while make_room(spool, limit // 2, T0 + 8_000 * 60_000):
        pass
    rows = rows_of(spool.oldest(10_000))
    raw = sum(row.series.kind == "air_quality" for row in rows)
    lost = sum(gap["lost_count"] for gap in gaps(spool))
    assert raw + lost == 8_000
    assert {gap["reason"] for gap in gaps(spool)} >= {"thinned", "dropped"}
    replaced = {seq for gap in gaps(spool) for seq in range(int(gap["from_seq"]), int(gap["to_seq"]) + 1)}
    present = {one.seq for one in spool.oldest(10_000)}
    assert replaced | present == set(range(1, spool.next_seq)), "every sequence is there or named"
    assert not replaced & present


def test_records_of_years_become_one_without_a_look_at_every_number() -> None:
    """Half a million numbers, a year without a link, took 96 MB and seconds of a board."""
    years = 10**12
    first = gap_records.record(Loss("air-1", 7, T0, T0 + 1), "dropped", T0 + 1, 1, years)
    second = gap_records.record(Loss("air-1", 2, T0 + 2, T0 + 3), "dropped", T0 + 3, years + 1, years + 5)
    assert gap_records.merged([years + 6], [second, first], T0, lambda row: row) == [
        gap_records.record(Loss("air-1", 9, T0, T0 + 3), "dropped", T0 + 3, 1, years + 6)
    ]


def test_old_readings_are_given_up_also_behind_many_gap_records(spool: Spool) -> None:
    for n in range(70):
        spool.replace(fill(spool, 1, first=n), ORIGIN, [], "dropped", [Loss("air-1", 10, T0, T0 + 1)], T0)
    fill(spool, 1, first=70)
    assert purge(spool, T0 + 10**8, T0) == 10
    assert sum(gap["lost_count"] for gap in gaps(spool)) == 710
