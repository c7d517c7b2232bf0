"""Requests from the office: what a signed request may ask of an agent, and the answer with the same transaction id."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Protocol

from edge_agent.spool.spool import Spool, SpoolError
from wire import names, strictjson
from wire import request as wire
from wire.times import is_time

REMEMBERED = 1000
Errand = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class Keeper(Protocol):
    """Who has the spool."""

    spool: Spool


class Requests:
    """Answers requests of this `session`. What is malformed, of another session, late or said before changes nothing.

    `now_ms` gives the time, or None while the clock is not trusted: then the session alone must do. Of what is sent
    again only answers written from then on may release it: `acks_not_before` is told when. `errands` are verbs that
    take their time (doctor, identify, config); each gives its result later.
    """

    def __init__(
        self,
        node: str,
        keeper: Keeper,
        session: str,
        now_ms: Callable[[], int | None],
        acks_not_before: Callable[[int], None],
        errands: Mapping[str, Errand],
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._node = node
        self._keeper = keeper
        self._session = session
        self._now_ms = now_ms
        self._acks_not_before = acks_not_before
        self._errands = errands
        self._seen: OrderedDict[str, int] = OrderedDict()
        self._forgotten_ms = 0

    def answer(self, verb: str, body: bytes) -> Coroutine[None, None, bytes] | bytes | None:
        """The response's JSON, now or later; None when no transaction can be read or it was answered before."""
        if verb in names.QUESTIONS:  # an answer to a tool beside us
            return None
        try:
            asked = wire.decode(body)
            if self._was_seen(asked):
                self.counts["request_replayed"] += 1
                return None
            self._check_time(asked)
            self._remember(asked)
        except wire.BadRequest as error:
            self.counts["request_refused"] += 1
            return None if error.transaction is None else self._say(error.transaction, _no(str(error)))
        if verb in self._errands:
            return self._run(self._errands[verb], asked)
        try:
            result = self._do(verb, asked.arguments, asked.at_ms)
        except (ValueError, SpoolError) as error:
            self.counts["request_refused"] += 1
            result = _no(str(error))
        return self._say(asked.transaction, result)

    async def _run(self, errand: Errand, asked: wire.Request) -> bytes:
        try:
            result = await errand(asked.arguments)
        except (ValueError, OSError) as error:
            self.counts["request_refused"] += 1
            result = _no(str(error))
        return self._say(asked.transaction, result)

    def _check_time(self, asked: wire.Request) -> None:
        if asked.session != self._session:
            raise wire.BadRequest("of another session of this agent", asked.transaction)
        now_ms = self._now_ms()
        if now_ms is not None and abs(asked.at_ms - now_ms) > wire.SKEW_MS:
            late_s = (now_ms - asked.at_ms) / 1000
            off = f"{abs(late_s):.0f} s {'before' if late_s > 0 else 'after'} this node's time"
            text = f"written {off}, at most {wire.SKEW_MS // 1000} s count: is its clock right, or yours?"
            raise wire.BadRequest(text, asked.transaction)

    def _was_seen(self, asked: wire.Request) -> bool:
        """Said before; or so old that it may have been."""
        return asked.transaction in self._seen or asked.at_ms <= self._forgotten_ms

    def _remember(self, asked: wire.Request) -> None:
        self._seen[asked.transaction] = asked.at_ms
        if len(self._seen) > REMEMBERED:
            _, at_ms = self._seen.popitem(last=False)
            self._forgotten_ms = max(self._forgotten_ms, at_ms)

    def _say(self, transaction: str, result: dict[str, Any]) -> bytes:
        return strictjson.dumps({"v": 1, "node": self._node, "tx": transaction, **result})

    def _do(self, verb: str, asked: dict[str, Any], at_ms: int) -> dict[str, Any]:
        if verb == "ping":
            return {"ok": True}
        if verb == "resend":
            from_ms, to_ms = asked.get("from_ms"), asked.get("to_ms")
            if not is_time(from_ms) or not is_time(to_ms) or from_ms >= to_ms:
                raise ValueError("resend wants from_ms and to_ms, whole milliseconds, from before to")
            self._acks_not_before(at_ms)
            return {"ok": True, "batches": self._keeper.spool.replay(from_ms, to_ms)}
        known = ", ".join(sorted({"ping", "resend", *self._errands}))
        raise ValueError(f"no such request; known are {known}")


def _no(text: str) -> dict[str, Any]:
    return {"ok": False, "error": text}
