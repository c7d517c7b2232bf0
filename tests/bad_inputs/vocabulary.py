"""From the words of a case to bytes. Pure: the same words give the same bytes; bombs are built here, never stored."""

from __future__ import annotations

import bz2
import copy
import gzip
import hashlib
import json
import lzma
import random
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ENCODINGS = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zlib": zlib.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}
_CHANGES = {
    "base", "set", "raw", "raw_gen", "del", "cut", "append", "prefix_hex", "replace_hex", "encode", "replace",
    "columns", "signature", "sign_with", "signed_for", "retain",
}  # fmt: skip
_OPS = {
    "repeat": {"op", "unit", "unit_hex", "times", "prefix", "prefix_hex", "total_len"},
    "repeat_pair": {"op", "open", "close", "times", "prefix", "prefix_hex"},
    "random": {"op", "seed", "len"},
    "concat": {"op", "parts"},
    "nest_object": {"op", "base", "at", "depth"},
    "set_long": {"op", "base", "at", "len", "key_len"},
    "pad_batch": {"op", "base", "total_len"},
} | {name: {"op", "of", "cut_half", "frames", "window_log"} for name in ("zstd", "gzip", "zlib")}
_RLE, _RAW = 1, 0
_BLOCK = 128 * 1024


class UnknownWord(ValueError):
    """The file uses a word that this runner does not know: a failed case, never a skipped one."""


@dataclass(frozen=True, slots=True)
class Words:
    """The bases of a file, and how much of large counts is run (1: all)."""

    bases: Mapping[str, Any]
    scale: float = 1.0

    def count(self, number: int) -> int:
        return max(2, int(number * self.scale)) if number > 1000 else number

    def text(self, what: Any) -> str:
        """What may stand as plain text, or as words that give bytes."""
        return what if isinstance(what, str) else self.data(what).decode("utf-8", "surrogatepass")

    def data(self, what: Any, base: Mapping[str, Any] | None = None) -> bytes:
        """The bytes that `what` says. `base` stands in place of the document of that name, with live spool and seq."""
        if what is None:
            return b""
        if "text" in what:
            return str(what["text"]).encode("utf-8", "surrogatepass")
        if "hex" in what:
            return bytes.fromhex(what["hex"])
        if "concat" in what:
            return b"".join(self.data(part, base) for part in what["concat"])
        if "gen" in what:
            return self.generated(what["gen"], base)
        if "op" in what:
            return self.generated(what, base)
        if "base" in what:
            return self.changed(what, base)
        if "columns" in what:
            return self.changed({"base": "batch", **what}, base)
        raise UnknownWord(f"input {sorted(what)}")

    def document(self, name: str, base: Mapping[str, Any] | None) -> Any:
        return copy.deepcopy(base if base is not None else self.bases[name])

    def changed(self, what: Mapping[str, Any], base: Mapping[str, Any] | None) -> bytes:
        """A base with the case's changes, as bytes."""
        only(what, _CHANGES, "a base")
        document = self.document(what["base"], base)
        if isinstance(document, str):
            if "replace" in what:
                document = document.replace(what["replace"][0], what["replace"][1], 1)
            return self._finish(document.encode(), what)
        if "columns" in what:
            document = with_columns(document, what["columns"])
        literal: dict[str, str] = {}
        for pointer, value in what.get("set", {}).items():
            put(document, pointer, value)
        for pointer in what.get("del", []):
            remove(document, pointer)
        raw = dict(what.get("raw", {}))
        raw |= {pointer: self.generated(gen, base).decode() for pointer, gen in what.get("raw_gen", {}).items()}
        for number, (pointer, text) in enumerate(raw.items()):
            literal[f"\x00{number}\x00"] = text
            put(document, pointer, f"\x00{number}\x00")
        text = compact(document)
        for mark, value in literal.items():
            text = text.replace(json.dumps(mark), value, 1)
        return self._finish(text.encode("utf-8", "surrogatepass"), what)

    def _finish(self, data: bytes, what: Mapping[str, Any]) -> bytes:
        if "replace_hex" in what:
            old, new = map(bytes.fromhex, what["replace_hex"])
            data = data.replace(old, new, 1)
        if "cut" in what:
            data = data[: what["cut"]]
        if "append" in what:
            more = what["append"]
            data += more.encode() if isinstance(more, str) else self.data(more)
        if "prefix_hex" in what:
            data = bytes.fromhex(what["prefix_hex"]) + data
        if "encode" in what:
            data = _encode(data, what["encode"])
        return data

    def generated(self, gen: Mapping[str, Any], base: Mapping[str, Any] | None = None) -> bytes:
        """One of the ops that give bytes."""
        op = gen["op"]
        only(gen, _OPS.get(op, set(gen)), f"gen.op {op}")
        if op == "repeat":
            unit = bytes.fromhex(gen["unit_hex"]) if "unit_hex" in gen else str(gen["unit"]).encode()
            prefix = _prefix(gen)
            if "total_len" in gen:
                return (prefix + unit * (gen["total_len"] // max(1, len(unit)) + 1))[: gen["total_len"]]
            return prefix + unit * gen["times"]
        if op == "repeat_pair":
            return _prefix(gen) + str(gen["open"]).encode() * gen["times"] + str(gen["close"]).encode() * gen["times"]
        if op == "random":
            return random.Random(gen.get("seed", 1)).randbytes(gen["len"])
        if op == "concat":
            return b"".join(self.data(part, base) for part in gen["parts"])
        if op in ("zstd", "gzip", "zlib"):
            return self._compressed(gen, base)
        if op == "nest_object":
            document = self.document(gen.get("base", "batch"), base)
            mark = "\x00nest\x00"
            put(document, gen["at"], mark)
            inside = '{"a":' * gen["depth"] + "1" + "}" * gen["depth"]
            return compact(document).replace(json.dumps(mark), inside).encode()
        if op == "set_long":
            document = self.document(gen.get("base", "batch"), base)
            if "key_len" in gen:
                place = get(document, gen["at"])
                place["k" * gen["key_len"]] = copy.deepcopy(next(iter(place.values()), None))
            else:
                put(document, gen["at"], "x" * gen["len"])
            return compact(document).encode()
        if op == "pad_batch":
            return padded(self.document("batch", base), gen["total_len"])
        raise UnknownWord(f"gen.op {op!r}")

    def _compressed(self, gen: Mapping[str, Any], base: Mapping[str, Any] | None) -> bytes:
        inner = self.data(gen["of"], base)
        one = zstd(inner, gen.get("window_log")) if gen["op"] == "zstd" else _ENCODINGS[gen["op"]](inner)
        data = one * gen.get("frames", 1)
        return data[: len(data) // 2] if gen.get("cut_half") else data

    def listed(self, gen: Mapping[str, Any], rng: random.Random) -> list[Any]:
        """gen.op list: so many different good values of what it says."""
        if gen["op"] != "list":
            raise UnknownWord(f"gen.op {gen['op']!r} where a list is due")
        what = gen["of"]
        if "spool" in what:
            return [f"{rng.getrandbits(128):032x}" for _ in range(gen["count"])]
        if "sensor" in what:
            return [f"sensor-{number}" for number in range(gen["count"])]
        return [f"{what.replace(' ', '-')}-{number}" for number in range(gen["count"])]


def only(what: Mapping[str, Any], known: set[str], where: str) -> None:
    """A word that would be passed over in silence fails the case instead."""
    unknown = what.keys() - known
    if unknown:
        raise UnknownWord(f"{', '.join(sorted(unknown))} in {where}; known there: {', '.join(sorted(known))}")


def compact(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def digest(data: bytes) -> str:
    """The name of bytes: an own reading of the definition."""
    return hashlib.sha256(data).digest()[:16].hex()


def get(document: Any, pointer: str) -> Any:
    for step in _steps(pointer):
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def put(document: Any, pointer: str, value: Any) -> None:
    *path, last = _steps(pointer)
    for step in path:
        document = document[int(step)] if isinstance(document, list) else document[step]
    if isinstance(document, list):
        if last == "-" or int(last) == len(document):
            document.append(value)
        else:
            document[int(last)] = value
    else:
        document[last] = value


def remove(document: Any, pointer: str) -> None:
    *path, last = _steps(pointer)
    for step in path:
        document = document[int(step)] if isinstance(document, list) else document[step]
    if isinstance(document, list):
        del document[int(last)]
    else:
        document.pop(last, None)


def touches(what: Any, key: str) -> bool:
    """Whether a case changes the envelope's `key`."""
    if not isinstance(what, dict):
        return False
    pointers = [*what.get("set", {}), *what.get("raw", {}), *what.get("raw_gen", {}), *what.get("del", [])]
    return f"/{key}" in pointers


def with_columns(document: Any, columns: Mapping[str, Any]) -> Any:
    """The batch with one air_quality block of so many good rows, spread over `blocks_n` sensors; bad values put in."""
    only(columns, {"rows_n", "column", "bad_at", "bad", "blocks_n"}, "columns")
    block = copy.deepcopy(document["blocks"][0])
    rows, last_ms, blocks = columns["rows_n"], block["t0"], columns.get("blocks_n", 1)
    made, start = [], 0
    for number in range(blocks):
        count = rows // blocks + (number < rows % blocks)
        one = copy.deepcopy(block)
        one["sensor"] = block["sensor"] if blocks == 1 else f"{block['sensor']}-{number}"
        one["t0"] = last_ms - (count - 1) * 1000
        one["dt"] = [0] + [1000] * (count - 1)
        one["fields"] = {name: [10 + (start + at) % 50 for at in range(count)] for name in block["fields"]}
        for bad in columns.get("bad_at", ()):
            if start <= bad < start + count:
                one["fields"].setdefault(columns["column"], [None] * count)[bad - start] = columns["bad"]
        made.append(one)
        start += count
    document["blocks"] = made
    return document


def padded(document: Any, total_len: int) -> bytes:
    """A valid batch of at most 5,000 rows whose bytes number exactly `total_len`."""
    low, high = 1, 5000
    while low < high:  # the most rows that still leave room
        middle = (low + high + 1) // 2
        if len(_rows(document, middle)) <= total_len:
            low = middle
        else:
            high = middle - 1
    room = total_len - len(_rows(document, low))
    data = compact(json.loads(_rows(document, low)) | {"pad": "x" * max(0, room - len(',"pad":""'))}).encode()
    if len(data) != total_len:
        raise ValueError(f"no batch of exactly {total_len} bytes: {len(data)}")
    return data


def _rows(document: Any, rows: int) -> bytes:
    whole = with_columns(copy.deepcopy(document), {"rows_n": rows, "column": "pm25_raw_ugm3", "bad_at": []})
    values = {
        name: [float(f"{10 + at % 50}.{at % 10}25") for at in range(rows)] for name in whole["blocks"][0]["fields"]
    }
    whole["blocks"][0]["fields"] = values
    return compact(whole).encode()


def zstd(data: bytes, window_log: int | None = None) -> bytes:
    """A valid Zstandard frame of plain and run-length blocks (RFC 8878), written without the library."""
    frame = bytearray(struct.pack("<I", 0xFD2FB528))
    if window_log is None:
        frame += bytes([0b1110_0000]) + struct.pack("<Q", len(data))  # single segment, 8-byte content size
    else:
        frame += bytes([0b1100_0000, (window_log - 10) << 3]) + struct.pack("<Q", len(data))
    pieces = [data[at : at + _BLOCK] for at in range(0, len(data), _BLOCK)] or [b""]
    for number, piece in enumerate(pieces):
        last = number == len(pieces) - 1
        run = len(piece) > 1 and piece.count(piece[:1]) == len(piece)
        head = len(piece) << 3 | (_RLE if run else _RAW) << 1 | last
        frame += struct.pack("<I", head)[:3] + (piece[:1] if run else piece)
    return bytes(frame)


def _prefix(gen: Mapping[str, Any]) -> bytes:
    if "prefix_hex" in gen:
        return bytes.fromhex(gen["prefix_hex"])
    prefix = gen.get("prefix", "")
    return prefix.encode() if isinstance(prefix, str) else bytes.fromhex(prefix["hex"])


def _encode(data: bytes, name: str) -> bytes:
    if name in _ENCODINGS:
        return _ENCODINGS[name](data)
    if name == "zstd":
        return zstd(data)
    if name == "base64":
        import base64

        return base64.b64encode(data)
    try:
        return data.decode("utf-8", "surrogatepass").encode(name)
    except (LookupError, UnicodeEncodeError) as error:
        raise UnknownWord(f"encode {name!r}") from error


def _steps(pointer: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.removeprefix("/").split("/")]
