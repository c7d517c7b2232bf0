"""What people have the duty desk do about an alert: acknowledge, silence, note, give back.

Nobody can resolve a firing alert by hand; it may be silenced, always with an end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from collector.rules.silences import UNTIL_RESOLVED_MS
from collector.web.site import AlertView, Site
from wire.times import DAY_MS, HOUR_MS

VERBS: Final = ("acknowledge", "silence", "note", "giveback")
LENGTHS_MS: Final = {"1h": HOUR_MS, "8h": 8 * HOUR_MS, "24h": DAY_MS, "resolved": UNTIL_RESOLVED_MS}
_ASKED: Final = {"acknowledge": "ack", "giveback": "unack"}
"""Two verbs as the duty desk has them."""


def end_ms(length: str, now_ms: int) -> int:
    """When something ends that begins now and has one of the lengths."""
    length_ms = LENGTHS_MS[length]
    return length_ms if length_ms == UNTIL_RESOLVED_MS else now_ms + length_ms


class Deed(NamedTuple):
    """One thing to be done about one alert."""

    fingerprint: str
    verb: str
    who: str
    note: str
    until_ms: int | None


def is_anothers(alert: AlertView, who: str, shown: str) -> bool:
    """Whether somebody took the alert since the page was made whose reader `who` saw that `shown` had it."""
    return alert.acked_by not in (None, who, shown)


def do(site: Site, deed: Deed) -> None:
    """Have it done, on disk and in the audit trail, and tell open pages. Raises ValueError with the desk's reason."""
    asked: dict[str, Any] = {"alert": deed.fingerprint, "who": deed.who, "note": deed.note}
    if deed.verb == "silence":
        once = deed.until_ms == UNTIL_RESOLVED_MS
        asked |= {"match": f"fingerprint={deed.fingerprint}", "end_ms": deed.until_ms, "once": once}
    else:
        asked |= {"until_ms": deed.until_ms}
    answer = site.duty.ask(_ASKED.get(deed.verb, deed.verb), asked)
    if "refused" in answer:
        raise ValueError(answer["refused"])
    site.feed.publish({"type": "alert", "fingerprint": deed.fingerprint})


def do_all(site: Site, verb: str, fingerprints: Sequence[str], who: str, note: str, until_ms: int | None) -> int:
    """Have many alerts acknowledged or given back in one commit; how many were. Those that have ended are left out."""
    asked = [{"alert": one, "who": who, "note": note, "until_ms": until_ms} for one in fingerprints]
    answers = site.duty.ask_all(_ASKED[verb], asked)
    done = [one for one, answer in zip(fingerprints, answers, strict=True) if "refused" not in answer]
    for one in done:
        site.feed.publish({"type": "alert", "fingerprint": one})
    return len(done)
