"""What is fuzzed: each target takes any bytes and may end in two ways only, a result or the refusal it documents."""

from __future__ import annotations

import contextlib
import math
import sqlite3
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.alerts.loading import load_rules
from collector.delivery.ingest import Ingest
from collector.delivery.pace import Pace
from collector.delivery.registry import Registry
from collector.stores.line_protocol import Unwritable, lines
from collector.stores.store import Stored, Table
from common.strict_model import fit
from common.strict_yaml import NotUsable, parse
from device_profiles.catalogue import load
from device_profiles.profile import Profile
from edge_agent.sensors.decoding import decode
from edge_agent.sensors.framing import BadFrame, Frame, Framer
from edge_agent.sensors.unforeseen import UNFORESEEN
from tests.ingest import ingest_on
from wire import ack, batch, check, enrolment, request, signed, status

NOW_MS = 1_790_000_062_000
_KEY = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32).public_key()


def framer(data: bytes) -> None:
    """A profile chosen by the first byte; the rest in pieces. Every byte ends in a frame, in damage or waits."""
    if len(data) < 2:
        return
    profiles = _profiles()
    profile = profiles[data[0] % len(profiles)]
    stream, piece = data[2:], data[1] % 17 + 1
    machine = Framer(profile)
    for start in range(0, len(stream), piece):
        for frame in machine.feed(stream[start : start + piece]):
            _decode(profile, frame)
    for frame in machine.flush():
        _decode(profile, frame)


def envelope(data: bytes) -> None:
    """A batch: read, checked, and what is sound rendered for the database."""
    try:
        opened = batch.read("lp-0017", data)
    except (batch.Unaddressed, batch.Refused):
        return
    checked = check.check(opened.blocks, NOW_MS)
    for block in checked.blocks:
        tags = tuple(sorted({"node": "lp-0017", "sensor": block.sensor, **block.tags}.items()))
        lines(Table(block.kind, tags, block.times_ms, dict(block.fields)))


def answer(data: bytes) -> None:
    """An acknowledgement, with and without its signature line; births and requests by the way."""
    for reader, refusal in ((ack.decode, ack.BadAck), (request.decode, request.BadRequest)):
        with contextlib.suppress(refusal):
            reader(data)
    try:
        signed.open_sealed("lamppost/1/lp-0017/ack", data, (_KEY,))
        raise AssertionError("a forged signature was taken")
    except signed.BadSignature:
        pass
    with contextlib.suppress(status.BadStatus):
        status.decode("lp-0017", data)


def collected(data: bytes) -> None:
    """A payload on a node's data topic through the collector's own ingest, quarantine and answers."""
    ingest = _ingest()
    ingest.take("lp-0017", data, NOW_MS)
    ingest.write(NOW_MS)
    for _, said in ingest.acks(NOW_MS):
        ack.encode(said)


def said_of_itself(data: bytes) -> None:
    """A birth or death: what is taken can be said again, byte for byte the same, also after a restart."""
    with contextlib.suppress(status.BadStatus):
        said = status.decode("lp-0017", data)
        again = status.encode(said)
        assert status.decode("lp-0017", again) == said
        _registry().update(said, NOW_MS)


def profile(data: bytes) -> None:
    """A sensor's profile."""
    with contextlib.suppress(NotUsable):
        fit(Profile, parse(data, "fuzz.yaml"))


def rules(data: bytes) -> None:
    """A file of rules, as the collector reads it."""
    import tempfile
    from pathlib import Path

    with tempfile.NamedTemporaryFile(suffix=".yaml") as file:
        file.write(data)
        file.flush()
        with contextlib.suppress(NotUsable):
            load_rules([Path(file.name)])


def line_protocol(data: bytes) -> None:
    """Texts in tags and fields: escaped into exactly one line, or refused."""
    text = data.decode("utf-8", "surrogateescape")
    half = len(text) // 2
    table = Table("alerts", (("site", text[:half] or "x"),), [NOW_MS], {"who": [text[half:]]})
    try:
        made = lines(table)
        assert len(made) == 1
        assert b"\n" not in made[0].replace(b"\\\n", b"") or "\n" in text[half:]
    except (Unwritable, UnicodeEncodeError):
        pass


def token(data: bytes) -> None:
    """An enrolment token as somebody typed it."""
    with contextlib.suppress(enrolment.BadToken):
        enrolment.read_token(data.decode("utf-8", "replace"))


TARGETS: dict[str, Callable[[bytes], None]] = {
    "framer": framer,
    "batch": envelope,
    "collector": collected,
    "ack": answer,
    "status": said_of_itself,
    "profile": profile,
    "rules": rules,
    "line_protocol": line_protocol,
    "token": token,
}


class _Database:
    """Takes everything in the form of line protocol, and remembers nothing."""

    name = "fuzz"

    def render(self, table: Table) -> list[bytes]:
        return lines(table)

    def write(self, _: Any) -> Stored:
        return Stored()

    def select(self, _: Any) -> list[Any]:
        return []


@lru_cache
def _state() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None)


@lru_cache
def _registry() -> Registry:
    return Registry(_state())


@lru_cache
def _ingest() -> Ingest:
    registry = Registry(_state())
    spool = "00112233445566778899aabbccddeeff"
    registry.update(status.Birth("lp-0017", "s", "0" * 16, (spool,), 1, None, "1", "synced"), NOW_MS)
    ingest = ingest_on(_Database(), registry, _state())  # type: ignore[arg-type]
    ingest.pace = Pace(math.inf)
    return ingest


@lru_cache
def _profiles() -> list[Profile]:
    return list(load())


def _decode(which: Profile, frame: Frame | BadFrame) -> None:
    read = decode(which, frame) if isinstance(frame, Frame) else frame
    assert not isinstance(read, BadFrame) or read.reason != UNFORESEEN
