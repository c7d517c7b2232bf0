"""What the database is known to have, by spool and sequence; what memory has lost the ledger is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from sys import intern
from typing import TypeVar

from collector.delivery import ledger
from collector.delivery.quarantine import Name
from collector.delivery.runs import Runs
from collector.stores import care
from collector.stores.store import Store, StoreDown

Found = TypeVar("Found")

ASKED_AT_ONCE = 100  # spools: a question is an address of some kilobytes
MEMORY = 50_000  # batches by name at most, some 180 bytes each, in two generations of half as many: at a thousand a
# second as long as an agent waits to resend


class Known:
    """The memory of one ingest, for each node by itself: who knows a spool's name need not be its owner.

    Of each spool it also has the sequences that may be in the database: up to the highest that was there when it was
    asked first, and all that were stored since. Only of those whose digest was forgotten the database is asked again: a
    backlog that comes behind live batches is known to be new.

    While the store is `away` or `slow` it is not asked: one that hangs would hold up its asker for half a minute each
    time. It is away when it has not answered, of which `complain` hears, until whoever writes says that it is back, and
    slow while a write waits long for its answer, which whoever writes says as well.
    """

    def __init__(self, store: Store, complain: Callable[[str], None]) -> None:
        self.away = self.slow = False
        self._store = store
        self._complain = complain
        self._young: dict[tuple[str, str, int], bytes] = {}
        self._old: dict[tuple[str, str, int], bytes] = {}
        self._runs: dict[tuple[str, str], Runs] = {}

    def digest(self, name: Name) -> str | None:
        """The digest under which this batch is in the database, as far as anyone can tell now."""
        found = self.remembered(name)
        if found is None and name.seq in self._of(name.node, name.spool):
            found = self._ask(lambda: ledger.digest_of(self._store, *name[:3]), None)
        return found

    def remembered(self, name: Name) -> str | None:
        """The same, of what is in memory."""
        key = (name.node, name.spool, name.seq)
        found = self._young.get(key) or self._old.get(key)
        return None if found is None else found.hex()

    def remember(self, name: Name) -> None:
        """This batch is in the database, or in the quarantine."""
        if len(self._young) >= MEMORY // 2:
            self._young, self._old = {}, self._young
        self._young[intern(name.node), intern(name.spool), name.seq] = bytes.fromhex(name.digest)
        runs = self._runs.get((name.node, name.spool))
        if runs is not None:
            runs.add(name.seq)

    def highest(self, node: str, spool: str) -> int:
        """The highest sequence of a spool that is known to be in the database, 0 for none."""
        return self._of(node, spool).highest

    def _of(self, node: str, spool: str) -> Runs:
        """What may be in the database of a spool."""
        runs = self._runs.get((node, spool))
        if runs is None:
            found = self._ask(lambda: ledger.highest(self._store, node, spool), None)
            if found is None:
                return Runs()  # asked again at the next birth or batch
            if len(self._runs) >= MEMORY:  # a node may name a new spool with each birth
                self._runs.clear()
            runs = self._runs[node, spool] = Runs(found)
        return runs

    def learn(self, spools: Sequence[tuple[str, str]]) -> None:
        """Have the highest sequences of these nodes and spools at hand: many new ones are few questions."""
        new = [each for each in spools if each not in self._runs]
        for first in range(0, len(new) if len(new) > 1 else 0, ASKED_AT_ONCE):
            some = new[first : first + ASKED_AT_ONCE]
            found = self._ask(partial(ledger.highest_of, self._store, [spool for _, spool in some]), None)
            if found is None or len(self._runs) + len(some) > MEMORY:
                return
            self._runs |= {each: Runs(found.get(each, 0)) for each in some}

    def look_up(self) -> None:
        """Another collector may have written meanwhile: all of it comes from the database anew."""
        self._young, self._old = {}, {}
        self._runs = self._ask(self._runs_of_all, {})

    def _runs_of_all(self) -> dict[tuple[str, str], Runs]:
        care.ask_whether_it_answers(self._store)
        return {spool: Runs(highest) for spool, highest in ledger.highest_of_all(self._store).items()}

    def _ask(self, question: Callable[[], Found], otherwise: Found) -> Found:
        if self.away or self.slow:
            return otherwise
        try:
            return question()
        except StoreDown as error:
            self.away = True
            self._complain(str(error))
            return otherwise
