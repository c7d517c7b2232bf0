"""What people may ask of the duty desk while it works: one verb each, a plain value in, a plain value out.

The command line and the pages ask the same way. Everything that changes something names who asked and is a deed in the
audit trail.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from collector.rules.deed import Deed
from collector.rules.desk import Desk
from collector.rules.outbox import Delivery, Outbox
from collector.rules.silence import SILENCE_MS_MAX, Silence, Unfit, matchers
from collector.tame import one_line, tame

NOTE_MAX: Final = 1000
Asked = dict[str, Any]


class Refused(ValueError):
    """The desk will not do that; the text says why."""


class Duty:
    """Answers requests on a desk and an outbox. Used by the thread that owns them."""

    def __init__(
        self,
        desk: Desk,
        outbox: Outbox,
        ended: Callable[[str], list[str]] = lambda _: [],
        buried: Callable[[str], Delivery | None] = lambda _: None,
    ) -> None:
        """`ended` finds alerts that the desk has done with, by the beginning of their fingerprint; `buried` a dead
        letter that the outbox has forgotten, by its name.
        """
        self._ended, self._buried = ended, buried
        self._desk = desk
        self._outbox = outbox
        self._other_deeds: list[Deed] = []
        self._verbs: dict[str, Callable[[Asked, int], Asked]] = {
            "ack": self._ack,
            "unack": self._unack,
            "note": self._note,
            "silence": self._silence,
            "unsilence": self._unsilence,
            "preview": self._preview,
            "revive": self._revive,
        }

    def do(self, verb: str, asked: Asked, now_ms: int) -> Asked:
        """The answer: `{"done": true, ...}`, or `{"refused": why}`."""
        deed = self._verbs.get(verb)
        if deed is None:
            return {"refused": f"there is no {verb!r}"}
        try:
            return {"done": True, **deed(asked, now_ms)}
        except Unfit as unfit:
            return {"refused": str(unfit), "refused_zh": unfit.zh}
        except (Refused, ValueError) as error:
            return {"refused": str(error)}
        except (KeyError, TypeError) as error:
            return {"refused": f"the request is not as it must be: {error!r}"}

    def deeds(self) -> list[Deed]:
        """What was done since the last call, the desk's own deeds included."""
        own, self._other_deeds = self._other_deeds, []
        return self._desk.deeds() + own

    def _ack(self, asked: Asked, now_ms: int) -> Asked:
        name, who, note = self._alert(asked["alert"]), _who(asked), _note(asked)
        before = self._desk.standings[name].ack
        if not self._desk.acknowledge(name, who, note, int(asked["until_ms"]), now_ms):
            raise Refused("it does not fire: there is nothing to acknowledge")
        return {"fingerprint": name} | ({"taken_over_from": before.who} if before and before.who != who else {})

    def _unack(self, asked: Asked, now_ms: int) -> Asked:
        name = self._alert(asked["alert"])
        if not self._desk.unacknowledge(name, _who(asked), now_ms):
            raise Refused("nobody has acknowledged it")
        return {"fingerprint": name}

    def _note(self, asked: Asked, now_ms: int) -> Asked:
        name, note = self._alert(asked["alert"], self._ended), _note(asked)
        if not note:
            raise Refused("a note needs words")
        self._other_deeds.append(Deed(now_ms, _who(asked), "noted", name, note))
        return {"fingerprint": name}

    def _silence(self, asked: Asked, now_ms: int) -> Asked:
        start_ms = int(asked.get("start_ms") or now_ms)
        wanted = matchers(asked["match"])
        once = bool(asked.get("once"))
        end_ms = start_ms + SILENCE_MS_MAX if once else int(asked["end_ms"])
        if end_ms <= now_ms:
            raise Unfit("结束时间已经过去", "it would have ended before now")
        silence = Silence.made(wanted, start_ms, end_ms, _who(asked), _note(asked), once)
        self._desk.silence(silence, now_ms)
        return {"silence": silence.name, "matches": len(self._desk.preview(wanted))}

    def _unsilence(self, asked: Asked, now_ms: int) -> Asked:
        if not self._desk.unsilence(asked["silence"], _who(asked), now_ms):
            raise Refused(f"there is no silence {asked['silence']!r}")
        return {"silence": asked["silence"]}

    def _preview(self, asked: Asked, _: int) -> Asked:
        found = self._desk.preview(matchers(asked["match"]))
        return {"alerts": [each.as_json() for each in found]}

    def _revive(self, asked: Asked, now_ms: int) -> Asked:
        name = asked["delivery"]
        dead = self._outbox.dead.get(name) or self._buried(name)
        if dead is None:
            raise Refused("there is no dead letter of that name")
        if dead.channel not in self._outbox.channels:
            raise Refused(f"the settings name no channel {dead.channel!r}")
        self._outbox.dead[name] = dead
        self._outbox.revive(name, now_ms)
        self._other_deeds.append(Deed(now_ms, _who(asked), "sent again", name))
        return {"delivery": name}

    def _alert(self, name: str, ended: Callable[[str], list[str]] = lambda _: []) -> str:
        """The fingerprint that `name` begins. Raises Refused when none or several do."""
        wanted = name.removeprefix("a-")
        found = [each for each in self._desk.standings if wanted and each.startswith(wanted)] or ended(wanted)
        if len(found) != 1:
            raise Refused(f"no alert {name!r}" if not found else f"{name!r} begins {len(found)} alerts: write more")
        return found[0]


def _who(asked: Asked) -> str:
    who = one_line(str(asked.get("who", ""))).strip()
    if not who:
        raise Refused("say who you are")
    return who[:80]


def _note(asked: Asked) -> str:
    note = str(tame(str(asked.get("note", "")))).strip()
    if len(note) > NOTE_MAX:
        raise Refused(f"a note has at most {NOTE_MAX} characters")
    return note
