"""10,000 forged, mutated and replayed acknowledgements delete nothing; the true one then does."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from common.settings import BrokerAddress
from edge_agent.delivery.delivery import Delivery
from edge_agent.delivery.uplink import Uplink
from edge_agent.reading import Reading, Series
from edge_agent.spool.spool import SYNCED, Origin, Spool
from tests.closes import Closes
from wire import ack, names, signed, status

NOW = 1_790_000_062_000
NODE = "lp-0017"
OURS, OTHER = Ed25519PrivateKey.from_private_bytes(b"\1" * 32), Ed25519PrivateKey.from_private_bytes(b"\2" * 32)
TOPIC = names.ack(NODE)


class Bench:
    """A real spool with waiting batches behind a real uplink's reader, without a broker."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        for number in range(8):
            rows = [Reading(Series("air-1", "air_quality"), NOW + number * 1000, {"pm25_raw_ugm3": 12.0})]
            self.spool.accept(rows, Origin(NODE, "here", "b71d04c2", SYNCED))
            self.spool.seal()
        self.delivery = Delivery(self.spool, random.Random(7), connect_pause_s=0)
        self.delivery.on_connect(0)
        self.uplink = Uplink(
            BrokerAddress("127.0.0.1", 1), NODE, self.delivery, self.birth, lambda *_: None, (OURS.public_key(),)
        )
        self.delivery.due(1)
        self.waiting = self.spool.oldest(100)

    def birth(self) -> status.Birth:
        return status.Birth(NODE, "here", "0" * 16, self.spool.spools(), self.spool.next_seq, None, "1", "synced")

    def true_ack(self, now_ms: int = NOW) -> bytes:
        verdicts = tuple(ack.Verdict(one.seq, one.digest, ack.Code.STORED) for one in self.waiting)
        return ack.encode(ack.Ack("c1", now_ms, self.spool.spool_id, verdicts))

    def hear(self, payload: bytes) -> None:
        self.uplink._on_ack(payload)

    def waits(self) -> int:
        return len(self.spool.oldest(100))


def forgeries(bench: Bench, rng: random.Random) -> Any:
    """Each is wrong in one way that a hostile broker or a stranger could try."""
    body = bench.true_ack()
    true = signed.seal(TOPIC, body, OURS)
    while True:
        yield signed.seal(TOPIC, body, OTHER)
        yield signed.seal(TOPIC, body)
        yield signed.seal(names.ack("lp-0018"), body, OURS)  # rightly signed, for another node
        at = rng.randrange(len(true))
        yield true[:at] + bytes([true[at] ^ (1 << rng.randrange(8))]) + true[at + 1 :]
        yield true[: rng.randrange(len(true))]
        yield true + bytes([rng.randrange(256)])
        signature, _, line = true.partition(b"\n")
        yield signature + b"\n" + line.replace(b'"now":', b'"now": ')
        yield b"\n" + line
        yield rng.randbytes(rng.randrange(200))
        other = ack.Verdict(bench.waiting[0].seq, f"{rng.randrange(2**128):032x}", ack.Code.STORED)
        yield signed.seal(TOPIC, ack.encode(ack.Ack("c1", NOW, bench.spool.spool_id, (other,))), OURS)  # wrong digest
        stranger = f"{rng.randrange(2**128):032x}"
        yield signed.seal(TOPIC, body.replace(bench.spool.spool_id.encode(), stranger.encode()), OURS)  # other spool
        code = rng.choice([4, 9, 10, 12, 13, 77, -1, 2**31])
        yield signed.seal(TOPIC, body.replace(b",0]", b",%d]" % code), OURS)


def test_ten_thousand_forged_and_mutated_acks_delete_nothing(tmp_path: Path, closes: Closes) -> None:
    bench = Bench(closes(Spool(tmp_path / "spool.db", NODE, "here")))
    waiting = bench.waits()
    source = forgeries(bench, random.Random(11))
    for _ in range(10_000):
        bench.hear(next(source))
    assert bench.waits() == waiting == 8
    noted = sum(bench.delivery.counts.values()) + sum(bench.uplink.counts.values())
    assert noted >= 10_000, "every one of them is counted"
    bench.hear(signed.seal(TOPIC, bench.true_ack(), OURS))
    assert bench.waits() == 0, "the true one still works"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"now":%d' % NOW, b'"now":1' + b"0" * 400),
        (b'"now":%d' % NOW, b'"now":-1'),
        (b'"acks":[', b'"acks":[[%d,"",0],' % 2**70),
        (b",0]", b",1" + b"0" * 3000 + b"]"),
        (b'"win":8', b'"win":"' + b"x" * 100_000 + b'"'),
        (b'"v":1', b'"v":1' + b"0" * 3000),
    ],
    ids=["now", "before 1970", "sequence", "code", "window", "version"],
)
def test_a_number_beyond_every_file_and_clock_is_malformed_also_when_it_is_signed(
    tmp_path: Path, closes: Closes, caplog: pytest.LogCaptureFixture, old: bytes, new: bytes
) -> None:
    """It ended the agent: no SQLite has such an integer, and no float."""
    bench = Bench(closes(Spool(tmp_path / "spool.db", NODE, "here")))
    bench.hear(signed.seal(TOPIC, bench.true_ack().replace(old, new, 1), OURS))
    assert bench.uplink.counts == {"ack_malformed": 1}
    assert bench.waits() == 8
    assert bench.uplink.skew.take_s() is None
    assert len(caplog.text) < 2048


def test_the_answer_of_the_first_time_does_not_release_what_is_sent_again(tmp_path: Path, closes: Closes) -> None:
    bench = Bench(closes(Spool(tmp_path / "spool.db", NODE, "here")))
    kept = signed.seal(TOPIC, bench.true_ack(), OURS)
    bench.hear(kept)
    assert bench.waits() == 0
    bench.spool.replay(0, 2**62)
    bench.delivery.not_before(NOW + 60_000)  # as the request to resend says
    for _ in range(1000):
        bench.hear(kept)
    assert bench.waits() == 8
    assert bench.delivery.counts["ack_outdated"] == 1000
    bench.hear(signed.seal(TOPIC, bench.true_ack(NOW + 61_000), OURS))
    assert bench.waits() == 0
