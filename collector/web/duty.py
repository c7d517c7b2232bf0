"""What the operators' pages ask of the duty desk; the collector fills it in.

Verbs and what they take (`who` always):

    ack       alert, note, until_ms          unack     alert
    note      alert, note                    preview   match
    silence   match, start_ms (maintenance when later than now), end_ms, note, once (ends when its alert does)
    unsilence silence                        revive    delivery (a dead letter, tried again)

`match` is `key=pattern ...` as in `lamppost alerts silence`; `alert` a fingerprint. The answer has `done`, or `refused`
with the reason; what is wrong with a silence is told in Chinese too, as `refused_zh`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from collector.rules.deed import Deed
from collector.rules.outbox import Attempt
from collector.rules.silence import Silence


class Delivered(NamedTuple):
    """One notification on one channel: waiting, sending, delivered or dead; and every attempt, newest first.

    `alert` is the fingerprint of the first that it tells of, `node` the station of all.
    """

    name: str
    alert: str
    node: str
    channel: str
    state: str
    severity: str
    text_zh: str
    text_en: str
    made_ms: int
    done_ms: int
    due_ms: int
    why: str
    attempts: list[Attempt]


class Duty(Protocol):
    """The desk at work. Every method may be called from any thread."""

    def ask(self, verb: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Do something; when this returns it is done, on disk and in the audit trail."""

    def ask_all(self, verb: str, asked: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Do many things in one commit; each has its answer."""

    def history(self, fingerprint: str) -> list[Deed]:
        """What was done about one alert, newest first."""

    def deliveries(self, fingerprint: str | None = None) -> list[Delivered]:
        """What was told lately, of one alert or of all, newest first."""

    def dead_letters(self) -> list[Delivered]:
        """What could not be told anywhere."""

    def silences(self) -> list[Silence]:
        """Silences and planned maintenance that have not ended, the first to end first."""
