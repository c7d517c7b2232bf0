"""Helpers for the sensor tests: whole streams through framer and decoder."""

from __future__ import annotations

from collections.abc import Iterable

from device_profiles import catalogue
from device_profiles.profile import Profile
from edge_agent.sensors.decoding import Decoded, decode
from edge_agent.sensors.framing import BadFrame, Frame, Framer

SHIPPED = catalogue.load()
PROFILES = {profile.name: profile for profile in SHIPPED}


def framed(profile: Profile, pieces: Iterable[bytes]) -> list[Frame | BadFrame]:
    """What a framer makes of the pieces, the end of the stream included."""
    framer = Framer(profile)
    out: list[Frame | BadFrame] = []
    for piece in pieces:
        out += framer.feed(piece)
    return out + framer.flush()


def decoded(profile: Profile, data: bytes, asked: str | None = None) -> list[Decoded]:
    """Every frame of a stream decoded, damage as it is."""
    return [decode(profile, item, asked) if isinstance(item, Frame) else item for item in framed(profile, [data])]
