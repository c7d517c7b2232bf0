"""What operators do about alerts: acknowledge, silence, note; and the audit of everything done at the desk.

An acknowledgement belongs to an episode: the alert's next one begins unacknowledged. Nobody can resolve a firing alert
by hand; it may be silenced, always with an end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final, NamedTuple

from collector import trail
from collector.rules.silences import UNTIL_RESOLVED_MS
from collector.web.desk.file import DeskFile
from collector.web.duty import Duty
from collector.web.site import AlertView

VERBS: Final = ("acknowledge", "silence", "note")
LENGTHS_MS: Final = {"1h": 3_600_000, "8h": 8 * 3_600_000, "24h": 24 * 3_600_000, "resolved": UNTIL_RESOLVED_MS}
NOTE_MAX: Final = 1000
_REMEMBERED_MS: Final = 90 * 24 * 3_600_000


def end_ms(length: str, now_ms: int) -> int:
    """When something ends that begins now and has one of the lengths."""
    length_ms = LENGTHS_MS[length]
    return length_ms if length_ms == UNTIL_RESOLVED_MS else now_ms + length_ms


class Deed(NamedTuple):
    """One thing done about one alert."""

    fingerprint: str
    verb: str
    who: str
    note: str
    until_ms: int | None
    at_ms: int


def asked(deed: Deed) -> tuple[str, dict[str, Any]]:
    """The deed as the duty desk is asked for it."""
    known = {"alert": deed.fingerprint, "who": deed.who, "note": deed.note}
    if deed.verb == "silence":
        once = deed.until_ms == UNTIL_RESOLVED_MS
        return "silence", known | {"match": f"fingerprint={deed.fingerprint}", "end_ms": deed.until_ms, "once": once}
    return ("ack" if deed.verb == "acknowledge" else "note"), known | {"until_ms": deed.until_ms}


class Handling:
    """Deeds, in the file and in memory. Every method may be called from any thread."""

    def __init__(self, file: DeskFile, now_ms: int) -> None:
        self._file = file
        self._deeds: dict[str, tuple[Deed, ...]] = defaultdict(tuple)
        with file.use() as db:
            rows = db.execute(
                "SELECT fingerprint, verb, who, note, until_ms, at_ms FROM handled WHERE at_ms > ? ORDER BY id",
                (now_ms - _REMEMBERED_MS,),
            ).fetchall()
        for row in rows:
            deed = Deed(*row)
            self._deeds[deed.fingerprint] += (deed,)

    def do(self, deed: Deed) -> None:
        """Keep a deed. Raises ValueError for an unknown verb, an overlong note or a silence without end."""
        if deed.verb not in VERBS or len(deed.note) > NOTE_MAX or (deed.verb == "silence" and deed.until_ms is None):
            raise ValueError("a deed is to acknowledge, to note, or to silence until a time")
        with self._file.use() as db:
            db.execute(
                "INSERT INTO handled (fingerprint, verb, who, note, until_ms, at_ms) VALUES (?, ?, ?, ?, ?, ?)", deed
            )
            trail.append(db, trail.Line(deed.at_ms, deed.who, deed.verb, deed.fingerprint))
        self._deeds[deed.fingerprint] += (deed,)

    def history(self, fingerprint: str) -> list[Deed]:
        """What was done about an alert, newest first."""
        return list(reversed(self._deeds.get(fingerprint, ())))

    def silenced(self, fingerprint: str, since_ms: int, now_ms: int) -> bool:
        """Whether nobody is to be told of this episode now."""
        return self._silenced_until_ms(fingerprint, since_ms) > now_ms

    def on(self, alerts: Iterable[AlertView], now_ms: int) -> list[AlertView]:
        """The alerts with what was done about them."""
        return [self._on_one(alert, now_ms) for alert in alerts]

    def have_done(self, duty: Duty | None, deed: Deed) -> None:
        """Have a deed done where alerts are kept: by the duty desk, or here where there is none. Raises ValueError."""
        if duty is None:
            self.do(deed)
        elif "refused" in (answer := duty.ask(*asked(deed))):
            raise ValueError(answer["refused"])

    def audit(self, who: str, what: str, about: str, now_ms: int) -> None:
        """Write down that somebody did something."""
        with self._file.use() as db:
            trail.append(db, trail.Line(now_ms, who, what, about))

    def audited(self, limit: int = 200) -> list[trail.Line]:
        """The newest lines of the trail."""
        with self._file.use() as db:
            return trail.newest(db, limit)

    def _on_one(self, alert: AlertView, now_ms: int) -> AlertView:
        until_ms = self._silenced_until_ms(alert.fingerprint, alert.since_ms)
        alert = replace(alert, silenced_until_ms=until_ms if until_ms > now_ms else None)
        for deed in self.history(alert.fingerprint):
            still = deed.until_ms is None or deed.until_ms > now_ms
            if deed.verb == "acknowledge" and deed.at_ms >= alert.since_ms and still:
                return replace(alert, acked_by=deed.who, acked_note=deed.note, acked_ms=deed.at_ms)
        return alert

    def _silenced_until_ms(self, fingerprint: str, since_ms: int) -> int:
        """The latest end of its silences; one until it resolves holds for its own episode only."""
        deeds = self._deeds.get(fingerprint, ())
        ends = [
            deed.until_ms
            for deed in deeds
            if deed.verb == "silence"
            and deed.until_ms is not None
            and (deed.until_ms != UNTIL_RESOLVED_MS or deed.at_ms >= since_ms)
        ]
        return max(ends, default=0)
