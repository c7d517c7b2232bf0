"""What one tick of the engine says of each episode: late readings may begin, end and move one within a tick."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from collector.rules.transition import Transition


class Held(NamedTuple):
    """One episode after a tick: how it began and how it ended, None for what the tick does not tell."""

    began: Transition | None = None
    ended: Transition | None = None

    @property
    def known(self) -> Transition:
        """What is known of it: each episode was at least begun or ended."""
        known = self.began or self.ended
        assert known is not None
        return known

    @property
    def start_ms(self) -> int:
        """When it began."""
        return self.known.start_ms

    @property
    def void(self) -> bool:
        """Whether it was taken back: the readings that are there by now know nothing of it."""
        return self.ended is not None and self.ended.void


_NOTHING: Final = Held()


def put_together(said: Iterable[Transition]) -> dict[str, dict[str, Held]]:
    """By fingerprint and key what the transitions of one tick leave of each episode."""
    found: dict[str, dict[str, Held]] = {}
    for each in said:
        own = found.setdefault(each.fingerprint, {})
        began = own.get(each.key, _NOTHING).began
        own[each.key] = Held(each) if each.state == "firing" else Held(None if each.void else began, each)
    return found
