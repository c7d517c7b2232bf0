"""Guests and canaries keep nothing on a disk: they begin anew for years, and are stored all the same."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from collector.adapters.guests import QUIET_MS, Guests
from collector.config import Config, Push, SqliteStore, Station
from collector.delivery.registry import Registry
from collector.files.statedb import open_state
from collector.numbers.calibration import Calibrations
from collector.pipeline import make_ingest
from collector.stores.sqlite import Sqlite
from tests.closes import Closes
from wire import batch, status
from wire.ack import Code
from wire.batch import Block

NOW_MS = 1_790_000_062_000
GUEST = Station(node="g-1", zh="市民", en="citizen", push=Push(site="s", secret_file=Path("secret")))
BLOCK = Block("air-1", "air_quality", [NOW_MS], {"pm25_raw_ugm3": [1.0]})


@pytest.mark.parametrize(("node", "lives"), [("g-1", 6), ("canary-c2", 6), ("lp-0017", 3)])
def test_a_spool_of_each_life_uses_up_no_budget_of_who_has_no_disk(
    node: str, lives: int, tmp_path: Path, closes: Closes
) -> None:
    """A collector that had been started two hundred times refused its own canary from then on, and said so for ever."""
    state, store = closes(open_state(tmp_path / "state.db")), closes(Sqlite(tmp_path / "readings.db"))
    store.prepare()
    config = Config(store=SqliteStore(kind="sqlite"), series_per_node=4, stations=[GUEST])
    registry = Registry(state)
    ingest = make_ingest(config, store, registry, state, Calibrations(state))
    for life in range(6):
        spool = f"{life:032x}"
        registry.update(status.Birth(node, "s", "0" * 16, (spool,), 1, None, "1", "synced"), NOW_MS)
        body = batch.encode(node=node, site="s", spool=spool, seq=1, boot="0" * 8, clock="synced", blocks=[BLOCK])
        ingest.take(node, body, NOW_MS)
        ingest.write(NOW_MS)
    codes = [verdict.code for _, said in ingest.acks(NOW_MS) for verdict in said.verdicts]
    assert codes == [Code.STORED] * lives + [Code.QUARANTINED] * (6 - lives)


def test_a_guest_that_was_quiet_for_a_while_goes_on_with_its_number() -> None:
    """Each quarter of an hour without its sender was a series more in the database."""
    guests = Guests()

    def pushed(now_ms: int) -> tuple[list[str], list[tuple[str, int]]]:
        assert asyncio.run(guests.push("g-1", "s", [BLOCK], now_ms, 0.0)) is None, "nobody answers here"
        said = guests.take(now_ms)
        batches = [batch.read("g-1", each.payload) for each in said if each.topic.endswith("/data")]
        states = [status.decode("g-1", each.payload) for each in said if each.topic.endswith("/status")]
        return [type(each).__name__ for each in states], [(each.spool, each.seq) for each in batches]

    births, ((spool, seq),) = pushed(NOW_MS)
    assert (births, seq) == (["Birth"], 1)
    assert pushed(NOW_MS + 1) == ([], [(spool, 2)])
    (death,) = guests.take(NOW_MS + QUIET_MS + 2)
    assert isinstance(status.decode("g-1", death.payload), status.Death)
    assert guests.take(NOW_MS + QUIET_MS + 3) == []
    assert pushed(NOW_MS + QUIET_MS + 4) == (["Birth"], [(spool, 3)])
