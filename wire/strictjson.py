"""JSON as the wire wants it: UTF-8, one object, no duplicate keys, no NaN, nothing behind it, bounded depth and parts.

The standard library's reader is lenient where a forger would like it to be: it skips a byte order mark, keeps the
last of two equal keys, reads NaN and turns 1e400 into infinity. Each leniency is closed here, once.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

DEPTH_MAX = 16
PARTS_MAX = 250_000
"""Objects, lists and keys. A batch of the most rows has fewer; a million `{}` in four kilobytes become 90 MiB."""
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.S)  # a text without its end is taken whole, and once
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


class NotStrict(ValueError):
    """The bytes are not one strict JSON object; the text says why."""


class TooLarge(NotStrict):
    """Nested deeper than DEPTH_MAX, or of more parts than PARTS_MAX."""


class HalfCharacter(NotStrict):
    """An escape that is half of a surrogate pair: JSON's grammar has it, no text in UTF-8 can hold it."""


class HugeNumber:
    """Stands where a whole number had more digits than a reader will convert; no quantity accepts it."""

    def __repr__(self) -> str:
        return "a number of thousands of digits"


def loads(data: bytes) -> dict[str, Any]:
    """Read one JSON object. Raises NotStrict, TooLarge for a limit alone. Infinity from 1e400 is left to callers."""
    try:
        text = data.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        raise NotStrict(f"not UTF-8 at byte {error.start}") from error
    containers = data.count(b"[") + data.count(b"{")
    if containers + data.count(b":") > PARTS_MAX:
        raise TooLarge(f"more than {PARTS_MAX} objects, lists and keys")
    if containers > DEPTH_MAX and _depth(data) > DEPTH_MAX:
        raise TooLarge(f"nested deeper than {DEPTH_MAX}")
    try:
        value = _read(text, _reader)
    except NotStrict:
        raise
    except json.JSONDecodeError as error:
        raise NotStrict(f"not JSON: {error.msg} at character {error.pos}") from error
    except ValueError:  # a whole number beyond the interpreter's digit limit: valid JSON all the same
        value = _read(text, _huge_reader)
    if not isinstance(value, dict):
        raise NotStrict("not a JSON object")
    if _SURROGATE.search(data) and _has_half(value):
        raise HalfCharacter("half of a surrogate pair: no text")
    return value


def is_version(raw: dict[str, Any], version: int) -> bool:
    """Whether a message is of this version; `true` and `1.0` are no version, though Python finds them equal to 1."""
    return type(raw.get("v")) is int and raw["v"] == version


def dumps(value: Any) -> bytes:
    """Compact UTF-8 JSON; refuses NaN and infinity."""
    return _encode(value).encode()


def _read(text: str, reader: json.JSONDecoder) -> Any:
    if text[:1].isspace() or text[-1:].isspace():
        raise NotStrict("white space around the document")
    return reader.decode(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise NotStrict(f"the key {_first_double(keys)!r:.80} twice")
    return found


def _first_double(keys: list[str]) -> str:
    seen: set[str] = set()
    return next(key for key in keys if key in seen or seen.add(key))  # type: ignore[func-returns-value]


def _no_constant(word: str) -> NoReturn:
    raise NotStrict(f"{word} is not JSON")


def _whole(digits: str) -> int | HugeNumber:
    return int(digits) if len(digits) <= 4000 else HugeNumber()


_reader = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
_huge_reader = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_whole)


def _has_half(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        return True
    return False


def _depth(data: bytes) -> int:
    """The deepest nesting, counted without recursion."""
    depth = deepest = 0
    for token in _BRACKETS.findall(data):
        if token in (b"[", b"{"):
            depth += 1
            deepest = max(deepest, depth)
        elif token in (b"]", b"}"):
            depth -= 1
    return deepest
