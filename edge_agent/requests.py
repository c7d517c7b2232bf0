"""Requests from the office: what a signed request may ask of an agent, and the answer with the same transaction id."""

from __future__ import annotations

from typing import Any, Protocol

from edge_agent.spool import Spool
from wire import strictjson

TRANSACTION_MAX = 64


class Keeper(Protocol):
    """Who has the spool."""

    spool: Spool


class Requests:
    """Answers requests. A malformed one changes nothing; an unknown verb is an error with its transaction id."""

    def __init__(self, node: str, keeper: Keeper) -> None:
        self._node = node
        self._keeper = keeper
        self._seen: list[str] = []

    def answer(self, verb: str, body: bytes) -> bytes | None:
        """The response's JSON, or None when no transaction can be read or it was answered before."""
        try:
            asked = strictjson.loads(body)
        except strictjson.NotStrict:
            return None
        transaction = asked.get("tx")
        if (
            not isinstance(transaction, str)
            or not 1 <= len(transaction) <= TRANSACTION_MAX
            or transaction in self._seen
        ):
            return None
        self._seen = [*self._seen[-999:], transaction]
        try:
            result = self._do(verb, asked)
        except ValueError as error:
            result = {"ok": False, "error": str(error)}
        return strictjson.dumps({"v": 1, "node": self._node, "tx": transaction, **result})

    def _do(self, verb: str, asked: dict[str, Any]) -> dict[str, Any]:
        if verb == "ping":
            return {"ok": True}
        if verb == "resend":
            from_ms, to_ms = asked.get("from_ms"), asked.get("to_ms")
            if type(from_ms) is not int or type(to_ms) is not int or from_ms >= to_ms:
                raise ValueError("resend wants from_ms and to_ms, whole milliseconds, from before to")
            return {"ok": True, "batches": self._keeper.spool.replay(from_ms, to_ms)}
        raise ValueError("no such request; known are ping and resend")
