"""The batches of one ingest between their check and their answer: what waits, by lanes, and what the store is at.

    take > wait in a lane > a group of rows under way > its ledger under way > answered, some at a time

A group is one write. Each lane has two of them under way at most, and a second only when it is a full one: half-full
writes side by side would cost the store and us a request each, and win nothing. For that reason what is live gathers
for a moment after each write of its own. Groups of a lane end in their order.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future
from itertools import accumulate, chain
from typing import Final

from collector.delivery.quarantine import Name
from collector.delivery.work import Group, Work
from collector.stores.store import Answer
from collector.timers import passed

WRITES_AT_ONCE: Final = 2
"""Of each lane; with two, InfluxDB takes the most. A ledger may be under way beside them."""
LONG_MS: Final = 3_000
GATHER_MS: Final = 50
"""From one live write to the next: a city's stations, a batch each, would make a hundred small ones a second."""


class WriteQueue:
    """Holds no store: `next_works` says what is to be written now, and whoever writes calls `begin`. Lanes are named by
    whether they are live.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.rows_of: Counter[str] = Counter()
        self._works: dict[tuple[str, str, int], Work] = {}  # by node, spool and sequence
        self._waiting: dict[bool, deque[Work]] = {True: deque(), False: deque()}
        self._groups: dict[bool, list[Group]] = {True: [], False: []}
        self._live_ms = 0  # when the latest live write began

    def __contains__(self, name: Name) -> bool:
        return self.rival(name) == name.digest

    def rival(self, name: Name) -> str | None:
        """The digest of the batch of this node, spool and sequence that is here; None when there is none."""
        work = self._works.get(name[:3])
        return None if work is None else work.name.digest

    def add(self, work: Work) -> None:
        """A checked batch waits behind those of its lane."""
        self._works[work.name[:3]] = work
        self._waiting[work.live].append(work)
        self.rows += work.row_count
        self.rows_of[work.node] += work.row_count

    def next_works(self, rows: int, now_ms: int) -> list[Work]:
        """What is to be written now, about so many rows, the live lane first; nothing while both must wait."""
        for live, waiting in self._waiting.items():
            if live and not passed(now_ms, self._live_ms, GATHER_MS):
                continue
            under_way = [group for group in self._groups[live] if not group.is_over()]
            beside = sum(group.kept is None for group in under_way)
            if beside == WRITES_AT_ONCE or len(under_way) > WRITES_AT_ONCE:
                continue
            if waiting and (not beside or _fills(waiting, rows)):
                return self._taken(waiting, rows)
        return []

    def _taken(self, waiting: deque[Work], rows: int) -> list[Work]:
        works = [waiting.popleft()]
        count = len(works[0].rows) + 1  # its ledger
        while waiting and count + len(waiting[0].rows) <= rows:
            works.append(waiting.popleft())
            count += len(works[-1].rows) + 1
        return works

    def begin(self, works: list[Work], answer: Future[Answer], now_ms: int) -> None:
        """The store is at the rows of these."""
        self._groups[works[0].live].append(Group(works, answer, now_ms))
        if works[0].live:
            self._live_ms = now_ms

    def is_gathering(self) -> bool:
        """Whether something live waits for nothing but its moment."""
        return bool(self._waiting[True]) and not self._groups[True]

    def is_writing(self) -> bool:
        """Whether there is any group."""
        return any(self._groups.values())

    def has_answers(self) -> bool:
        """Whether something is to be done that needs no waiting: a group that waits for the one before it is none."""
        return any(
            group.answer.done() and (group.kept is None or group is groups[0])
            for groups in self._groups.values()
            for group in groups
        )

    def answers(self) -> list[Future[Answer]]:
        """What the store owes still."""
        answers = (group.answer for groups in self._groups.values() for group in groups)
        return [answer for answer in answers if not answer.done()]

    def waits_long(self, now_ms: int) -> bool:
        """Whether the store owes an answer for so long that it may hang."""
        groups = chain.from_iterable(self._groups.values())
        return any(now_ms - group.asked_ms > LONG_MS for group in groups if not group.answer.done())

    def stored(self) -> Iterator[Group]:
        """Groups whose rows have an answer, and no ledger yet."""
        for groups in self._groups.values():
            yield from [group for group in groups if group.kept is None and group.answer.done()]

    def over(self) -> Iterator[Group]:
        """The first group of each lane if its ledger has an answer, and the next when the first is gone."""
        for groups in self._groups.values():
            while groups and groups[0].is_over():
                first = groups[0]
                yield first
                if groups and groups[0] is first:
                    break

    def put_back(self, group: Group) -> None:
        """Its batches wait again, before those that came later."""
        self._groups[group.live].remove(group)
        self._waiting[group.live].extendleft(reversed(group.works))

    def end(self, group: Group, rows: int) -> list[Work]:
        """The first batches of a group, of about so many rows, are answered and forgotten; others by the next call."""
        ended, count = [], 0
        while group.works and count < rows:
            work = group.works.pop(0)
            ended.append(work)
            count += len(work.rows)
            del self._works[work.name[:3]]
            self.rows -= work.row_count
            self.rows_of[work.node] -= work.row_count
        if not group.works:
            self._groups[ended[0].live].remove(group)
        return ended


def _fills(waiting: deque[Work], rows: int) -> bool:
    return any(count >= rows for count in accumulate(len(work.rows) for work in waiting))
