"""A batch: the readings of one node, site, boot and clock state, in columns.

    {"v":1,"node":"lp-0017","site":"jianguo-rd-east","spool":"6f1c...","seq":1042,"boot":"b71d04c2","clock":"synced",
     "blocks":[{"sensor":"air-1","kind":"air_quality","profile":"plantower-pms5003@1","t0":1790000000000,
                "dt":[0,1000,1002],"fields":{"pm25_raw_ugm3":[12,null,13]}}]}

`dt[i]` is milliseconds since the previous row. Sealed once: the bytes spooled are the bytes published, and their digest
completes the name (spool, seq, digest) that an acknowledgement must carry. Compression is gzip, recognised by its first
bytes; opening is streamed and bounded.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, NamedTuple

from wire import names, strictjson

VERSION: Final = 1
WIRE_BYTES_MAX: Final = 256 * 1024
OPEN_BYTES_MAX: Final = 4 * 1024 * 1024
ROWS_MAX: Final = 5_000
CLOCKS: Final = {"synced": 0, "restored": 1, "estimated": 2}
"""Clock state to clock quality `cq`."""
SEQ_MAX: Final = 2**53 - 1

_GZIP = b"\x1f\x8b"
_COMPRESS_FROM = 200
_KEYS = 8  # of an envelope that is sound
_PEEK_BYTES = 4096
_SEQ = re.compile(rb"[1-9][0-9]{0,15}")
_LETTERS = rb'(?:[^"\\]++|\\.)*+'
_PLAIN = rb'"(' + _LETTERS + rb')"\s*+:\s*+("' + _LETTERS + rb'"|[^\s"\[\]{},]++)\s*+[,}]'
_PLAIN_PAIR = re.compile(_PLAIN)
_PLAIN_PAIRS = re.compile(rb"\s*+\{(?:\s*+" + _PLAIN + rb")++")
"""What stands in an envelope before its blocks: texts and numbers, in any order and with any white space."""

Column = list[Any]
Span = tuple[float, float, bool]
"""The least and the largest value of a column, and whether each of its cells is there and a whole number."""


class Unaddressed(ValueError):
    """No spool and sequence can be read: there is nothing to acknowledge by."""


class Refused(ValueError):
    """The batch as a whole cannot be stored, but it can be answered: `spool`, `seq` and why."""

    def __init__(self, spool: str, seq: int, reason: str) -> None:
        super().__init__(reason)
        self.spool = spool
        self.seq = seq


class TooLarge(Refused):
    """A limit is exceeded: bytes, unpacked bytes, rows or depth. The agent seals smaller children."""


class VersionUnknown(Refused):
    """A protocol version of the future: the agent keeps the batch."""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of one series. `times_ms` are absolute; every column is as long as `times_ms`, absent values are None.

    `spans` and `step_ms`, the least time between two rows, say what the check has seen already of columns and times.
    """

    sensor: str
    kind: str
    times_ms: list[int]
    fields: dict[str, Column]
    tags: dict[str, str] = field(default_factory=dict)
    profile: str | None = None
    spans: dict[str, Span] = field(default_factory=dict, compare=False, repr=False)
    step_ms: int | None = field(default=None, compare=False, repr=False)


class Envelope(NamedTuple):
    """A batch whose envelope is sound; `blocks` are still as they came and want checking (wire.check)."""

    node: str
    site: str
    spool: str
    seq: int
    boot: str
    clock: str
    blocks: list[Any]
    unknown_keys: int = 0


def digest(data: bytes) -> str:
    """The first 16 bytes of SHA-256 in hex, over the bytes one holds."""
    return hashlib.sha256(data).hexdigest()[:32]


def encode(*, node: str, site: str, spool: str, seq: int, boot: str, clock: str, blocks: list[Block]) -> bytes:
    """Seal a batch into its final bytes, compressed where that is shorter."""
    body = strictjson.dumps(
        {
            "v": VERSION,
            "node": node,
            "site": site,
            "spool": spool,
            "seq": seq,
            "boot": boot,
            "clock": clock,
            "blocks": [_block(block) for block in blocks],
        }
    )
    if len(body) < _COMPRESS_FROM:
        return body
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)  # 31: gzip frame, largest window
    packed = packer.compress(body) + packer.flush()
    return packed if len(packed) < len(body) else body


def read(topic_node: str, payload: bytes, loads: Callable[[bytes], dict[str, Any]] = strictjson.loads) -> Envelope:
    """Open and check the envelope. Raises Unaddressed, TooLarge, VersionUnknown or Refused (RELIABILITY 4.2, 4.6).

    `loads` may be a faster reader that says exactly what wire.strictjson.loads says.
    """
    if len(payload) > WIRE_BYTES_MAX:
        raise _too_large(payload, f"{len(payload)} bytes on the wire, at most {WIRE_BYTES_MAX}")
    opened = unpack(payload)
    if len(opened) > OPEN_BYTES_MAX:
        raise _too_large(payload, f"more than {OPEN_BYTES_MAX} bytes unpacked")
    try:
        raw = loads(opened)
    except strictjson.TooLarge as error:
        raise _too_large(payload, str(error)) from error
    except strictjson.HalfCharacter as error:
        raise _at_head(payload, Refused, str(error)) from error
    except strictjson.NotStrict as error:
        raise Unaddressed(str(error)) from error
    spool, seq = raw.get("spool"), raw.get("seq")
    if not isinstance(spool, str) or not names.is_spool(spool) or type(seq) is not int or not 1 <= seq <= SEQ_MAX:
        raise Unaddressed("spool or seq is missing or malformed")
    return _envelope(topic_node, spool, seq, raw)


def unpack(payload: bytes, limit: int = OPEN_BYTES_MAX) -> bytes:
    """The JSON bytes of a payload, at most `limit` + 1 of them. Raises Unaddressed for a damaged frame."""
    if payload[:2] != _GZIP:
        return payload
    opener = zlib.decompressobj(31)
    try:
        opened = opener.decompress(payload, limit + 1)
    except zlib.error as error:
        raise Unaddressed(f"damaged gzip frame: {error}") from error
    if len(opened) <= limit and (not opener.eof or opener.unused_data):
        raise Unaddressed("gzip frame cut short" if not opener.eof else "bytes behind the gzip frame")
    return opened


def _envelope(topic_node: str, spool: str, seq: int, raw: dict[str, Any]) -> Envelope:
    if not strictjson.is_version(raw, VERSION):
        raise VersionUnknown(spool, seq, f"version {raw.get('v')!r:.40}")
    node, site, boot, clock, blocks = (raw.get(key) for key in ("node", "site", "boot", "clock", "blocks"))
    if node != topic_node:
        raise Refused(spool, seq, "the batch claims another node than its topic")
    if not isinstance(site, str) or not names.is_name(site):
        raise Refused(spool, seq, "site is not a name")
    if not isinstance(boot, str) or not names.is_boot(boot):
        raise Refused(spool, seq, "boot is not 8 to 32 hex digits")
    if not isinstance(clock, str) or clock not in CLOCKS:
        raise Refused(spool, seq, "clock is not synced, restored or estimated")
    if not isinstance(blocks, list):
        raise Refused(spool, seq, "blocks is not a list")
    rows = sum(len(b["dt"]) for b in blocks if isinstance(b, dict) and isinstance(b.get("dt"), list))
    if rows > ROWS_MAX or len(blocks) > ROWS_MAX:  # 4 KB hold a million empty blocks, each of them to be refused
        raise TooLarge(spool, seq, f"{rows} rows in {len(blocks)} blocks, at most {ROWS_MAX} of either")
    return Envelope(topic_node, site, spool, seq, boot, clock, blocks, len(raw) - _KEYS)


def _block(block: Block) -> dict[str, Any]:
    times = block.times_ms
    out: dict[str, Any] = {"sensor": block.sensor, "kind": block.kind}
    if block.profile is not None:
        out["profile"] = block.profile
    if block.tags:
        out["tags"] = block.tags
    out["t0"] = times[0]
    out["dt"] = [0, *(later - earlier for earlier, later in pairwise(times))]
    out["fields"] = block.fields
    return out


def _too_large(payload: bytes, reason: str) -> Unaddressed | Refused:
    """A limit is exceeded before the whole can be parsed."""
    return _at_head(payload, TooLarge, reason)


def _at_head(payload: bytes, kind: type[Refused], reason: str) -> Unaddressed | Refused:
    """What is refused before the whole is read: spool and seq are looked for in the first bytes alone."""
    found = peek(payload)
    return Unaddressed(reason) if found is None else kind(*found, reason)


def peek(payload: bytes) -> tuple[str, int] | None:
    """Spool and seq from the first bytes alone, or None when they do not stand there, before anything nested."""
    try:
        head = unpack(payload, _PEEK_BYTES)[:_PEEK_BYTES]
    except Unaddressed:
        return None
    plain = _PLAIN_PAIRS.match(head)
    pairs = dict(_PLAIN_PAIR.findall(plain[0])) if plain is not None else {}
    spool, seq = pairs.get(b"spool", b"")[1:-1].decode("ascii", "replace"), pairs.get(b"seq", b"")
    return (spool, int(seq)) if names.is_spool(spool) and _SEQ.fullmatch(seq) else None
