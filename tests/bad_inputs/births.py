"""Surface status: births and deaths with something wrong in them."""

from __future__ import annotations

import json
from typing import Any

from tests.bad_inputs.around import Around, Case
from tests.bad_inputs.documents import json_changed
from tests.bad_inputs.peer import taken
from tests.bad_inputs.system import System
from tests.bad_inputs.vocabulary import UnknownWord
from tests.bad_inputs.voice import Voice

STATUS_ROLES = {"session": "/session", "spools": "/spools", "next_seq": "/next_seq", "sensors": "/sensors",
                "version": "/version"}  # fmt: skip
WORDS = {"sample", "as", "role", "yaml"}


def status(system: System, case: Case) -> list[str]:
    """A birth or death with something wrong in it: the last good birth stays in force."""
    what, voice = case["input"], system.voice
    if what.get("sample") != "status":
        return no_effect(system, voice, system.words.data(what), retain=True)
    if what.keys() - WORDS or what.get("as", "death") != "death":
        raise UnknownWord(f"status {sorted(what)}")
    system.drop(voice.node)
    birth = voice.born()
    sample: dict[str, Any] = dict(birth)
    if what.get("as") == "death":
        sample = {"v": 1, "state": "offline", "node": birth["node"], "session": birth["session"], "reason": "lost"}
    roles = {role: _value(system, role, value) for role, value in what.get("role", {}).items()}
    data = json_changed(sample, STATUS_ROLES, what | {"role": roles}, system.words)
    if case["expect"] == "stored":
        return _accepted(system, data)
    if case["expect"] != "no_effect":
        raise UnknownWord(f"expect {case['expect']!r} of a status")
    return no_effect(system, voice, data, retain=True, born=True)


def _value(system: System, role: str, value: Any) -> Any:
    """A role's value: as it stands, or a list of so many, or generated text."""
    if not isinstance(value, dict) or "gen" not in value:
        return value
    gen = value["gen"]
    if gen["op"] != "list":
        return system.words.generated(gen).decode("utf-8", "surrogatepass")
    listed = system.words.listed(gen, system.voice.rng)
    return [[name, "plantower-pms5003@1"] for name in listed] if role == "sensors" else listed


def no_effect(system: System, voice: Voice, data: bytes, retain: bool, born: bool = False) -> list[str]:
    """Bytes on a status topic that leave the birth in force as it is, and are counted or refused by the broker."""
    if not born:
        voice.fresh()
    before, logged = _birth_of(system, voice), system.broker_log_size()
    around = Around(system).begin()
    reason = voice.peer.publish(f"lamppost/1/{voice.node}/status", data, retain=retain)
    around.end(counted=taken(reason))
    faults = around.faults
    if not taken(reason) and system.broker_log_size() <= logged:
        faults.append("the broker refuses it without a line in its log")
    if _birth_of(system, voice) != before:
        faults.append("the birth in force has changed")
    return faults


def _accepted(system: System, data: bytes) -> list[str]:
    """A birth that is unusual and right: it is in force afterwards."""
    voice = system.voice
    around = Around(system).begin()
    voice.peer.publish(f"lamppost/1/{voice.node}/status", data, retain=True)
    around.end(counted=False)
    ((body, _),) = _birth_of(system, voice)
    missing = [key for key, value in json.loads(data).items() if key in STATUS_ROLES and body.get(key) != value]
    return around.faults + [f"not in force: {key}" for key in missing]


def _birth_of(system: System, voice: Voice) -> Any:
    rows = system.quarantined("SELECT body, online FROM node WHERE node = ?", voice.node)
    return [(json.loads(body), online) for body, online in rows]
