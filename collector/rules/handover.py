"""What goes over from a duty desk to the next one: silences, acknowledgements, and what people have not been told.

Each is a JSON text under `silence:NAME`, `ack:FINGERPRINT` or `untold:FINGERPRINT`, an empty one when it is over. What
a collector says of itself is its own and does not go over.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from collector.rules.desk import Desk
from collector.rules.outbox import GIVE_UP_MS
from collector.rules.silence import Silence
from collector.rules.standing import Acknowledgement, Standing

Entries = Mapping[str, str]


def entries(desk: Desk, names: Iterable[str]) -> dict[str, str]:
    """What the next desk must know of those that changed; `names` are those of `Desk.changes`."""
    found: dict[str, str] = {}
    for name in names:
        kind, _, rest = name.partition(":")
        if kind == "silence":
            silence = desk.silences.get(rest)
            found[name] = "" if silence is None else json.dumps(silence)
        elif kind == "standing":
            known = desk.standings.get(rest)
            ack = None if known is None else known.ack
            found[f"ack:{rest}"] = "" if ack is None else json.dumps(ack)
            untold = known is not None and not known.is_told and not known.is_own
            found[f"untold:{rest}"] = json.dumps(known.packed()) if known is not None and untold else ""
    return found


def recall(desk: Desk, said: Entries, now_ms: int) -> list[str]:
    """Have a desk know the alerts of which people were not told all, before it adopts what fires.

    Gives the names of those that only another version can read.
    """

    def untold(name: str, body: str) -> None:
        known = desk.standings.get(name)
        if body:
            found = Standing.unpacked(json.loads(body))
            if found.firing or now_ms - found.alert.event_ms < GIVE_UP_MS:
                desk.place(found)
        elif known is not None and not known.is_told and not known.is_own:
            desk.forget(name)  # what waited here the other has told

    return _each(said, {"untold": untold})


def take_over(desk: Desk, said: Entries, now_ms: int) -> list[str]:
    """Have a desk that knows what fires know the silences and who has which alert; what is over there is over here.

    Gives the names of those that only another version can read.
    """

    def silence(name: str, body: str) -> None:
        desk.silences.follow(name, Silence.read(json.loads(body)) if body else None, now_ms)

    def ack(name: str, body: str) -> None:
        found = Acknowledgement(*json.loads(body)) if body else None
        if (known := desk.standings.get(name)) is not None:
            known.ack = found if found is not None and known.firing and found.until_ms > now_ms else None
            desk.mark(known)

    return _each(said, {"silence": silence, "ack": ack})


def _each(said: Entries, reads: Mapping[str, Callable[[str, str], None]]) -> list[str]:
    unread: list[str] = []
    for key, body in said.items():
        kind, _, name = key.partition(":")
        try:
            if kind in reads:
                reads[kind](name, body)
        except (ValueError, TypeError, KeyError):
            unread.append(key)
    return unread
