"""A frame at which our own decoding raises: it counts as damaged, the stream goes on, and the log has it once.

Helpers are the part of this program that others write; what one of them did not think of may cost its frame only.
"""

from __future__ import annotations

import logging
from typing import Final

from edge_agent.sensors.frame import BadFrame
from wire.breakdown import place_of

log = logging.getLogger("lamppost.sensor")
UNFORESEEN: Final = "unforeseen"
_SHOWN_BYTES: Final = 128
_told: set[tuple[str, str, int]] = set()


def broken_by(profile: str, data: bytes, error: Exception) -> BadFrame:
    """The frame as damage; the log holds the first of each place in the program, with what a report needs."""
    place = (profile, *place_of(error))
    if place not in _told:
        _told.add(place)
        log.error(
            "a frame of %s breaks this program: %r at %s:%d; such frames are counted as %s. Cure: report it with %s",
            *(profile, error, *place[1:], UNFORESEEN, data[:_SHOWN_BYTES].hex(" ")),
        )
    return BadFrame(data, UNFORESEEN)
