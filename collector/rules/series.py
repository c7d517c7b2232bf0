"""A series: one place's measurement, as the rules and the database tell it from others."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple


class Series(NamedTuple):
    """A measurement and its tags; `sensor` is empty for the node's own, `tags` are sorted pairs."""

    kind: str
    site: str
    node: str
    sensor: str = ""
    tags: tuple[tuple[str, str], ...] = ()

    @classmethod
    @lru_cache(32_768)
    def at(cls, kind: str, tags: tuple[tuple[str, str], ...]) -> Series:
        """The series of a table with these tags."""
        return cls.of(kind, dict(tags))

    @classmethod
    def of(cls, kind: str, tags: dict[str, str]) -> Series:
        """The series of a point with these tags."""
        rest = tuple(sorted((key, value) for key, value in tags.items() if key not in ("site", "node", "sensor")))
        return cls(kind, tags.get("site", ""), tags.get("node", ""), tags.get("sensor", ""), rest)

    def labels(self) -> dict[str, str]:
        """The tags, site and node included."""
        named = {"site": self.site, "node": self.node, "sensor": self.sensor, **dict(self.tags)}
        return {key: value for key, value in named.items() if value}

    def __str__(self) -> str:
        return ",".join((self.kind, *(f"{key}={value}" for key, value in sorted(self.labels().items()))))

    @classmethod
    def read(cls, text: str) -> Series:
        """The series whose text this is."""
        kind, *tags = text.split(",")
        return cls.of(kind, dict(tag.split("=", 1) for tag in tags))
