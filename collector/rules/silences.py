"""The silences of a desk, planned ones included: which there are, what they cover, and how each of them ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from collector.rules.deed import Deed

if TYPE_CHECKING:
    from collector.rules.silence import Silence
    from collector.rules.transition import Transition

UNTIL_RESOLVED_MS: Final = 2**53


class Silences:
    """Those that have not ended, by name. What begins or ends one is a deed."""

    def __init__(self) -> None:
        self._by_name: dict[str, Silence] = {}
        self._touched: set[str] = set()  # names that changes() has not given out

    def __iter__(self) -> Iterator[Silence]:
        return iter(self._by_name.values())

    def get(self, name: str) -> Silence | None:
        return self._by_name.get(name)

    def begin(self, silence: Silence, now_ms: int) -> Deed:
        """From now on, or from its start."""
        self._by_name[silence.name] = silence
        self._touched.add(silence.name)
        what = "silenced" if silence.start_ms <= now_ms else "planned maintenance"
        about = f"{silence.name} {' '.join(map(str, silence.wanted))}"
        return Deed(now_ms, silence.who, what, about, silence.note)

    def end(self, name: str, who: str, now_ms: int) -> Deed | None:
        """Somebody ends it before its time. None when there is none of that name."""
        if self._by_name.pop(name, None) is None:
            return None
        self._touched.add(name)
        return Deed(now_ms, who, "ended silence", name)

    def resolve(self, alert: Transition, now_ms: int) -> list[Deed]:
        """The end of those that last until their alert is resolved."""
        return self._over((each for each in self if each.once and each.covers(alert, now_ms)), now_ms)

    def expire(self, now_ms: int) -> list[Deed]:
        """The end of those whose time has come."""
        return self._over((each for each in self if each.end_ms <= now_ms), now_ms)

    def _over(self, ended: Iterable[Silence], now_ms: int) -> list[Deed]:
        deeds = [Deed(now_ms, each.who, "silence ended", each.name) for each in ended]
        for _, _, _, name, _ in deeds:
            del self._by_name[name]
            self._touched.add(name)
        return deeds

    def covering(self, alert: Transition, now_ms: int) -> str | None:
        """The name of one that keeps this alert quiet now; None when none does."""
        return next((each.name for each in self if each.covers(alert, now_ms)), None)

    def until_ms(self, alert: Transition, now_ms: int) -> int | None:
        """Until when this alert is kept quiet; None when it is not."""
        ends = (UNTIL_RESOLVED_MS if each.once else each.end_ms for each in self if each.covers(alert, now_ms))
        return max(ends, default=None)

    # As plain values

    def changes(self) -> dict[str, Silence | None]:
        """Those that changed since the last call; None stands for what has ended."""
        touched, self._touched = self._touched, set()
        return {name: self._by_name.get(name) for name in touched}

    def packed(self) -> dict[str, Silence | None]:
        """All of them, in the same entries."""
        self._touched = set(self._by_name)
        return self.changes()

    def follow(self, name: str, silence: Silence | None, now_ms: int) -> None:
        """What has become of one at another desk; None where it is over."""
        self._by_name.pop(name, None)
        if silence is not None and silence.end_ms > now_ms:
            self._by_name[name] = silence
        self._touched.add(name)

    def restore(self, silence: Silence) -> None:
        """One that was there when the last desk stopped."""
        self._by_name[silence.name] = silence
