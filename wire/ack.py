"""Acknowledgements: what the collector says of each batch, and what the agent may do then.

    {"v":1,"col":"c1","now":1790000062000,"spool":"6f1c...","acks":[[1042,"<digest>",0]],"win":8,"pause_ms":0}

Acknowledgements are per batch, never cumulative, and each names spool, sequence and the digest of the bytes it is for:
only that triple lets an agent delete (RELIABILITY rules R3 to R5). The *hello* that answers a birth travels on the
same topic and carries the highest sequence the collector knows of each spool:

    {"v":1,"col":"c1","now":1790000062000,"hello":{"6f1c...":1041},"session":"9d02...","win":8,"pause_ms":0}

`session` is that of the birth it answers. Collectors of before say none, and agents of before do not look at it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from wire import names, strictjson
from wire.batch import SEQ_MAX
from wire.times import is_time

VERSION = 1
WINDOW_MAX = 16
WINDOW_DEFAULT = 8
PAUSE_MS_MAX = 600_000
ACK_BYTES_MAX = 256 * 1024
CODE_MAX = 255


class Code(IntEnum):
    """What became of a batch. Codes below 10 are final: the agent may delete."""

    STORED = 0
    STORED_IN_PART = 1
    QUARANTINED = 2
    ALREADY_STORED = 3
    LATER = 10
    TOO_LARGE = 11
    VERSION_UNKNOWN = 12

    @property
    def final(self) -> bool:
        """True when the bytes are in the database or durably quarantined."""
        return self < 10


class BadAck(ValueError):
    """Not an acknowledgement; nothing may be done because of it."""


class Verdict(NamedTuple):
    """One batch's fate: sequence, digest, code, and details such as `after_ms` or `refused` rows."""

    seq: int
    digest: str
    code: int
    info: Mapping[str, Any] = {}


class Ack(NamedTuple):
    """Verdicts on batches of one spool, with the window and the pause that the collector asks for."""

    collector: str
    now_ms: int
    spool: str
    verdicts: tuple[Verdict, ...]
    window: int = WINDOW_DEFAULT
    pause_ms: int = 0


class Hello(NamedTuple):
    """Answer to a birth: the highest sequence known of each spool (0 for none), and the collector's time.

    `session` is the birth's own, empty from a collector of before.
    """

    collector: str
    now_ms: int
    highest: dict[str, int]
    window: int = WINDOW_DEFAULT
    pause_ms: int = 0
    session: str = ""


def encode(message: Ack | Hello, dumps: Callable[[Any], bytes] = strictjson.dumps) -> bytes:
    """The JSON line of an acknowledgement or hello. `dumps` may be a faster writer of the same JSON."""
    head: dict[str, Any] = {"v": VERSION, "col": message.collector, "now": message.now_ms}
    if isinstance(message, Hello):
        head["hello"] = message.highest
        if message.session:
            head["session"] = message.session
    else:
        head["spool"] = message.spool
        head["acks"] = [
            [v.seq, v.digest, int(v.code), v.info] if v.info else [v.seq, v.digest, int(v.code)]
            for v in message.verdicts
        ]
    return dumps(head | {"win": message.window, "pause_ms": message.pause_ms})


def decode(body: bytes) -> Ack | Hello:
    """Read an acknowledgement or hello. Raises BadAck; a code we do not know is kept as its number."""
    if len(body) > ACK_BYTES_MAX:
        raise BadAck(f"{len(body)} bytes, more than {ACK_BYTES_MAX}")
    try:
        raw = strictjson.loads(body)
    except strictjson.NotStrict as error:
        raise BadAck(str(error)) from error
    if not strictjson.is_version(raw, VERSION):
        raise BadAck(f"version {raw.get('v')!r:.40}")
    collector, now_ms = raw.get("col"), raw.get("now")
    window = _within(raw.get("win"), 0, WINDOW_MAX, "win")
    pause_ms = _within(raw.get("pause_ms"), 0, PAUSE_MS_MAX, "pause_ms")
    if not names.is_name(collector) or not is_time(now_ms):
        raise BadAck("col or now is missing or malformed")
    assert isinstance(collector, str)
    if "hello" in raw:
        session = raw.get("session", "")
        if not isinstance(session, str):
            raise BadAck("session is not text")
        return Hello(collector, now_ms, _highest(raw["hello"]), window, pause_ms, session)
    spool = raw.get("spool")
    if not isinstance(spool, str) or not names.is_spool(spool):
        raise BadAck("spool is not 32 hex digits")
    entries = raw.get("acks")
    if not isinstance(entries, list):
        raise BadAck("acks is not a list")
    return Ack(collector, now_ms, spool, tuple(_verdict(entry) for entry in entries), window, pause_ms)


def _verdict(entry: Any) -> Verdict:
    if not isinstance(entry, list) or len(entry) not in (3, 4):
        raise BadAck("an ack is [seq, digest, code, info?]")
    seq, digest, code = entry[:3]
    info = entry[3] if len(entry) == 4 else {}
    if not isinstance(digest, str) or not isinstance(info, dict):
        raise BadAck("an ack is [seq, digest, code, info?]")
    return Verdict(_within(seq, 1, SEQ_MAX, "seq"), digest, _within(code, 0, CODE_MAX, "code"), info)


def _highest(raw: Any) -> dict[str, int]:
    if not isinstance(raw, dict) or len(raw) > 8:
        raise BadAck("hello is not an object of spools")
    for spool, seq in raw.items():
        if not names.is_spool(spool) or type(seq) is not int or not 0 <= seq <= SEQ_MAX:
            raise BadAck("hello names a spool or sequence that cannot be")
    return raw


def _within(value: Any, low: int, high: int, key: str) -> int:
    if type(value) is not int or not low <= value <= high:
        raise BadAck(f"{key} is {value!r:.40}, allowed {low} to {high}")
    return value
