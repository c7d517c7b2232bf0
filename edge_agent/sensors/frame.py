"""What comes out of a line: a frame that is proved whole, or damage as a value with its reason."""

from __future__ import annotations

from typing import Final, NamedTuple

REASONS: Final = (
    "bad_checksum", "truncated", "bad_header", "bad_tail", "bad_length", "bad_count", "bad_format", "bad_field",
    "bad_stuffing", "unforeseen",
)  # fmt: skip
"""The closed list of what can be wrong with a frame."""


class Frame(NamedTuple):
    """The exact bytes of one whole frame, as they came over the wire."""

    data: bytes


class BadFrame(NamedTuple):
    """Bytes that are no frame, and why (one of REASONS)."""

    data: bytes
    reason: str
