"""Surface payload: what a node, or somebody with a node's credential, can put on its data topic."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

from tests.bad_inputs import oracle
from tests.bad_inputs.around import Around, Case
from tests.bad_inputs.peer import taken
from tests.bad_inputs.system import System
from tests.bad_inputs.verdicts import FINAL, judge, same, stored
from tests.bad_inputs.vocabulary import compact, digest, get, put, touches
from tests.bad_inputs.voice import Voice

WINDOW = 64
SERIES_MAX = 205  # the budget of a node, and the series of the good batches


def payload(system: System, case: Case) -> list[str]:
    """One payload on the node's data topic."""
    what = case["input"]
    op = what.get("gen", {}).get("op")
    if op in ("many_batches", "replay", "equivocate"):
        return {"many_batches": _many, "replay": _replay, "equivocate": _equivocate}[op](system, case)
    return one_batch(system.voice, case, what, {})


# -- one batch --------------------------------------------------------------------------------------------------------


def one_batch(voice: Voice, case: Case, what: Any, publish: dict[str, Any]) -> list[str]:
    """Send one payload as a node and see what becomes of it."""
    system, expect = voice.system, case["expect"]
    voice.fresh()
    data = system.words.data(what, voice.base())
    if not touches(what, "seq"):
        voice.seq += 1
    logged = system.broker_log_size()
    around = Around(system).begin()
    away_s = min(publish.pop("collector_away_s", 0), 20)
    if away_s:
        system.collector.stop()
    reason = voice.send(data, **publish)
    if away_s:
        time.sleep(away_s)  # the case: so long nobody takes it
        system.collector.start()
        around = restarted(system)
        if not voice.answers(data):  # it may have ended in the broker: an agent would send it again
            voice.send(data)
    elif not taken(reason):
        return _refused_by_broker(voice, expect, data, around, logged)
    if expect in ("stored", "partial", "nack_dead", "refused_kept", "exact_or_refused"):
        voice.answer(data, 20)
    around.end(counted=expect not in ("stored", "exact_or_refused"))
    return around.faults + judge(voice, expect, data, around)


def _refused_by_broker(voice: Voice, expect: str, data: bytes, around: Around, logged: int) -> list[str]:
    """The broker's own limits end it: nobody has seen it, the broker has a line about it, the node goes on."""
    system = voice.system
    around.end(counted=False)
    faults = around.faults
    if expect not in ("not_stored", "drop_unaddressed"):
        faults.append(f"the broker refuses it; wanted {expect}")
    if stored(system, voice.node) or voice.answers(data):
        faults.append("stored or answered although the broker has refused it")
    if system.broker_log_size() <= logged:
        faults.append("the broker refuses it without a line in its log")
    return faults


def _many(system: System, case: Case) -> list[str]:
    """Batches that differ at one place, each answered as all of them must be; only so many series are stored."""
    gen, voice, expect = case["input"]["gen"], system.voice, case["expect"]
    voice.fresh()
    voice.good(50)  # the series of the good batches are known before others use the budget up
    sent: list[bytes] = []
    around = Around(system).begin()

    def batches() -> Iterator[bytes]:
        for number in range(system.words.count(gen["count"])):
            document = voice.document()
            put(document, gen["vary"], varied(get(document, gen["vary"]), number))
            voice.seq += 1
            sent.append(compact(document).encode())
            yield sent[-1]

    codes = flood(voice, batches(), final=expect != "hold")
    around.end(counted=expect != "stored")
    known = {(row.kind, row.site, row.sensor, row.tags) for row in stored(system, voice.node)}
    faults = around.faults
    if len(known) > SERIES_MAX:
        faults.append(f"{len(known)} series of one node in the database")
    allowed: dict[str, set[int | None]] = {
        "stored": {0, 3}, "nack_dead": {2}, "hold": {10, 12, None}, "not_stored": {1, 2, 10, 11, 12, None}
    }  # fmt: skip
    if not set(codes.values()) <= allowed.get(expect, {0, 1, 2, 3}):
        faults.append(f"answers: {tally(codes)}; wanted {expect}")
    if expect == "stored":
        wanted = {point for one in sent for point in oracle.read(one, voice.node, system.words.bases["now"]).points}
        faults += same(stored(system, voice.node), list(wanted))
    refused = sum(code in (1, 2) for code in codes.values())
    if refused:  # the budget is used up; what was not would be forgotten here and not there
        system.forget_series(voice.node)
    kept = system.quarantined(
        "SELECT (SELECT count(*) FROM quarantine_part WHERE node = ?) + (SELECT count(*) FROM quarantine_whole"
        " WHERE node = ?)", voice.node, voice.node,
    )[0][0]  # fmt: skip
    if kept < refused or (expect == "refused_kept" and not refused):
        faults.append(f"{refused} refused, {kept} kept")
    return faults


def varied(value: Any, number: int) -> Any:
    """Another good value of the same sort: numbers count on, hex digits stay hex, names get a number."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value + number
    if isinstance(value, str) and len(value) >= 8 and re.fullmatch(r"[0-9a-f]+", value):
        return f"{number:0{len(value)}x}"
    return f"v{number}"


def _replay(system: System, case: Case) -> list[str]:
    """The same batch again and again: one set of rows, the rest are answers only."""
    gen = case["input"]["gen"]
    system.voice.fresh()
    voice = system.voice
    data = system.words.data(gen["of"], voice.base())
    voice.seq += 1
    around = Around(system).begin()
    times = system.words.count(gen["times"])
    voice.send(data)
    voice.answer(data, 10)
    first = voice.answers(data)
    for _ in range(times // WINDOW + 1):
        infos = [voice.peer.client.publish(f"lamppost/1/{voice.node}/data", data, 1) for _ in range(WINDOW)]
        infos[-1].wait_for_publish(20)
    if first:
        voice.peer.wait(lambda _: len(voice.answers(data)) > 1, 30)
    around.end(counted=False)
    faults = around.faults + judge(voice, case["expect"], data, around)
    ledger = [row for row in system.points(voice.node, "batch_ledger") if row["digest"] == digest(data)]
    if len(ledger) != 1 and case["expect"] == "stored":
        faults.append(f"{len(ledger)} rows in the ledger for one batch")
    return faults


def _equivocate(system: System, case: Case) -> list[str]:
    """The same name, other content: the first stays, nobody is told that the second is stored."""
    system.voice.fresh()
    voice = system.voice
    document = voice.document()
    first = compact(document).encode()
    voice.send(first)
    voice.answer(first)
    kept = stored(system, voice.node)
    document["blocks"][0]["fields"]["pm25_raw_ugm3"] = [99, None, 98]
    second = compact(document).encode()
    voice.seq += 1
    around = Around(system).begin()
    voice.send(second)
    around.end(counted=True)
    faults = around.faults
    if set(stored(system, voice.node)) != set(kept):
        faults.append("the first batch's rows have changed")
    if any(entry[2] in FINAL for entry in voice.answers(second)):
        faults.append("the second is acknowledged")
    if not any("clone" in key for key in around.standing):
        faults.append("no alarm")
    del case
    return faults


def flood(voice: Voice, batches: Iterator[bytes], timeout_s: float = 900, final: bool = True) -> dict[str, int | None]:
    """Send many, a window at a time, each again until it is answered; the codes by digest.

    Without `final` any answer will do, and none within five seconds is one too.
    """
    codes: dict[str, int | None] = {}
    flying: dict[str, tuple[bytes, float]] = {}
    topic = f"lamppost/1/{voice.node}/data"
    until_s = time.monotonic() + timeout_s
    source: Iterator[bytes] | None = batches
    while (source is not None or flying) and time.monotonic() < until_s:
        while source is not None and len(flying) < WINDOW:
            data = next(source, None)
            if data is None:
                source = None
                break
            flying[digest(data)] = (data, time.monotonic())
            voice.peer.client.publish(topic, data, 1)
        voice.peer.wait(lambda heard: bool(heard), 0.5)
        answers = voice.answers()
        voice.peer.forget()
        for _, name, code, _ in answers:
            if (code in FINAL or not final) and flying.pop(name, None) is not None:
                codes[name] = code
        for name, (data, sent_s) in list(flying.items()):
            if time.monotonic() - sent_s > 5 and not final:
                codes[name] = None
                del flying[name]
            elif time.monotonic() - sent_s > 5:
                flying[name] = (data, time.monotonic())
                voice.peer.client.publish(topic, data, 1)
    codes |= dict.fromkeys(flying)
    return codes


def tally(codes: dict[str, int | None]) -> dict[Any, int]:
    return {code: list(codes.values()).count(code) for code in set(codes.values())}


def restarted(system: System) -> Around:
    from tests.servers import listens, wait_for

    wait_for("the collector's page", lambda: listens(system.city.page_port), 30)
    return Around(system).begin()
