"""Guests: nodes without an agent. Their readings become batches here, and whoever sent them hears what became of those.

A guest keeps nothing: what could not be stored within the answer's time is lost unless it is sent again, and the sender
is told so. Each life of the collector numbers a guest's batches anew, under a spool of its own; a guest that was quiet
for a while goes on with its number.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final

from collector.broker.inbox import Arrived
from wire import ack, batch, names, signed, status
from wire.ack import Code
from wire.times import MINUTE_MS

GUEST: Final = "guest"
"""In place of a version, in the birth of one."""
QUIET_MS: Final = 15 * MINUTE_MS
"""A guest that has not pushed for so long is offline."""
WAITING_MAX: Final = 1_000


@dataclass(slots=True)
class _Guest:
    site: str
    session: str
    spool: str
    pushed_ms: int = 0
    seq: int = 0
    online: bool = False


Place = tuple[str, int]
"""A batch by its spool and number."""


class Guests:
    """All guests of one collector. `push` is called by any loop, the rest by the ingest."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._guests: dict[str, _Guest] = {}
        self._arrived: deque[Arrived] = deque()
        self._waiting: dict[Place, Future[int]] = {}

    async def push(self, node: str, site: str, blocks: list[batch.Block], now_ms: int, timeout_s: float) -> Code | None:
        """What became of these readings; None when nobody has said in time, or too many wait already.

        Who waits holds no thread: those are few, and readers and operators need them.
        """
        under_way = self._take_in(node, site, blocks, now_ms)
        if under_way is None:
            return None
        place, code = under_way
        try:
            return Code(await asyncio.wait_for(asyncio.wrap_future(code), timeout_s))
        except TimeoutError:
            return None
        finally:
            with self._lock:
                self._waiting.pop(place, None)

    def _take_in(
        self, node: str, site: str, blocks: list[batch.Block], now_ms: int
    ) -> tuple[Place, Future[int]] | None:
        with self._lock:
            if len(self._waiting) >= WAITING_MAX:
                return None
            guest = self._guests.get(node)
            if guest is None:
                guest = self._guests[node] = _Guest(site, secrets.token_hex(8), secrets.token_hex(16))
            if not guest.online:
                guest.online = True
                self._arrived.append(Arrived(names.status(node), status.encode(_birth(node, guest, blocks)), False))
            guest.pushed_ms = now_ms
            guest.seq += 1
            data = batch.encode(
                node=node, site=site, spool=guest.spool, seq=guest.seq, boot="0" * 8, clock="synced", blocks=blocks
            )
            place = (guest.spool, guest.seq)
            code = self._waiting[place] = Future[int]()
            code.set_running_or_notify_cancel()  # who no longer waits cannot take the ingest's word away
            self._arrived.append(Arrived(names.data(node), data, False))
        return place, code

    def take(self, now_ms: int) -> list[Arrived]:
        """What guests have sent since the last call, and the goodbyes of those that have gone quiet."""
        with self._lock:
            for node, guest in self._guests.items():
                if guest.online and now_ms - guest.pushed_ms > QUIET_MS:
                    guest.online = False
                    death = status.Death(node, guest.session, "lost")
                    self._arrived.append(Arrived(names.status(node), status.encode(death), False))
            taken = list(self._arrived)
            self._arrived.clear()
        return taken

    def answered(self, topic: str, sealed: bytes) -> bool:
        """The collector has answered a node; True when that is a guest, who has no connection: it is told here."""
        if not self._guests:
            return False
        address = names.address(topic)
        if address is None or address.node not in self._guests:
            return False
        answer = ack.decode(signed.open_sealed(topic, sealed))
        if isinstance(answer, ack.Ack):
            self._tell(answer)
        return True

    def _tell(self, answer: ack.Ack) -> None:
        with self._lock:
            for verdict in answer.verdicts:
                code = self._waiting.pop((answer.spool, verdict.seq), None)
                if code is not None:
                    code.set_result(verdict.code)


def _birth(node: str, guest: _Guest, blocks: list[batch.Block]) -> status.Birth:
    sensors = tuple(status.Sensor(block.sensor, "airrohr@1") for block in blocks)
    return status.Birth(node, guest.site, guest.session, (guest.spool,), 1, None, GUEST, "synced", sensors)
