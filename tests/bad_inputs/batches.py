"""Surfaces payload, status and mqtt: what a node, or somebody with a node's credential, can send to the collector."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Iterator
from typing import Any

import paho.mqtt.client as paho
from _pytest.outcomes import Failed

from tests.bad_inputs import oracle
from tests.bad_inputs.around import Around, Case
from tests.bad_inputs.oracle import Point
from tests.bad_inputs.system import AFTERWARDS_MS, KINDS, Peer, System, Voice
from tests.bad_inputs.vocabulary import UnknownWord, compact, digest, put, touches
from wire.quantities import agent_fields

FINAL = (0, 1, 2, 3)
WINDOW = 64
STATUS_ROLES = {"session": "/session", "spools": "/spools", "next_seq": "/next_seq", "sensors": "/sensors",
                "version": "/version"}  # fmt: skip


def payload(system: System, case: Case) -> list[str]:
    """One payload on the node's data topic."""
    what = case["input"]
    op = what.get("gen", {}).get("op")
    if op in ("many_batches", "replay", "equivocate"):
        return {"many_batches": _many, "replay": _replay, "equivocate": _equivocate}[op](system, case)
    return _one_batch(system, case, what, {})


def mqtt(system: System, case: Case) -> list[str]:
    """One MQTT action."""
    what = case["input"]
    if "publish" in what:
        return _publish(system, case, what["publish"])
    if "publish_many" in what:
        return _publish_many(system, case, what["publish_many"])
    if "subscribe" in what:
        return _subscribe(system, case)
    if "connect" in what:
        return _connect(system, case)
    if "takeover_loop" in what:
        return _takeover(system, case)
    if what.get("scenario") == "no_collector":
        return _no_collector(system, case)
    if what.get("scenario") == "broker_rules_empty":
        return _rules_empty(system, case)
    raise UnknownWord(f"mqtt {sorted(what)}")


# -- one batch --------------------------------------------------------------------------------------------------------


def _one_batch(system: System, case: Case, what: Any, publish: dict[str, Any]) -> list[str]:
    voice = system.voice
    _fresh(system)
    data = system.words.data(what, voice.document())
    if not touches(what, "seq"):
        voice.seq += 1
    around = Around(system).begin()
    away_s = min(publish.pop("collector_away_s", 0), 20)
    if away_s:
        system.collector.stop()
    voice.send(data, **publish)
    if away_s:
        time.sleep(away_s)
        system.collector.start()
        around = _restarted(system)
        if not voice.answers(data):  # it may have ended in the broker: an agent would send it again
            voice.send(data)
    if case["expect"] in ("stored", "partial", "nack_dead", "refused_kept", "exact_or_refused"):
        voice.answer(data, 20)
    around.end(counted=case["expect"] not in ("stored", "exact_or_refused"))
    return around.faults + judge(system, case["expect"], data, around)


def _fresh(system: System) -> None:
    system.drop(system.voice.node)
    system.voice.born()
    system.voice.peer.forget()


def judge(system: System, expect: str, data: bytes, around: Around) -> list[str]:
    """Whether what became of a batch is what was to become of it."""
    voice, now_ms = system.voice, system.words.bases["now"]
    plain = unpacked(data)
    reading = oracle.read(plain, voice.node, now_ms)
    verdicts = voice.answers(data)
    codes = [entry[2] for entry in verdicts]
    rows = stored(system, voice.node)
    faults = _foreign(rows, plain, reading)
    faults += _acked_rightly(system, data, codes, rows, reading)
    match expect:
        case "stored":
            if not codes or codes[-1] not in (0, 3):
                faults.append(f"answered {codes}, not stored")
            faults += _same(rows, reading.points)
        case "nack_dead":
            if codes[-1:] != [2] or rows:
                faults.append(f"answered {codes}, {len(rows)} rows stored; wanted code 2 and none")
        case "partial":
            listed = verdicts[-1][3].get("refused", []) if verdicts else []
            if codes[-1:] != [1] or not listed:
                faults.append(f"answered {codes} with {len(listed)} refused rows; wanted code 1 and its list")
            elif len(listed) != min(100, reading.refused):
                faults.append(f"{len(listed)} rows listed, {reading.refused} are to be refused")
            faults += _same(rows, reading.points)
        case "refused_kept":
            if not codes or codes[-1] not in (1, 2):
                faults.append(f"answered {codes}, wanted code 1 or 2")
            faults += _subset(rows, reading.points)
        case "not_stored":
            if any(code in (0, 3) for code in codes):
                faults.append(f"answered {codes}: never 0 or 3")
            faults += _subset(rows, reading.points)
        case "exact_or_refused":
            if not codes or codes[-1] not in (0, 1, 2):
                faults.append(f"answered {codes}")
            elif codes[-1] == 0:
                faults += _same(rows, reading.points)
        case "drop_unaddressed":
            if verdicts or rows:
                faults.append(f"answered {codes}, {len(rows)} rows stored; wanted neither")
            if data and not system.quarantined("SELECT 1 FROM quarantine_stray WHERE digest = ?", digest(data)):
                faults.append("not kept as a stray")
        case "hold":
            if any(code in FINAL for code in codes) or rows:
                faults.append(f"answered {codes}, {len(rows)} rows stored; wanted to be held")
            if not any(voice.node in text for text in around.standing.values()):
                faults.append("no alarm")
        case _:
            raise UnknownWord(f"expect {expect!r} for a batch")
    return faults


def stored(system: System, node: str) -> list[Point]:
    """What the database has of a node, without the good batches that end every case."""
    points = []
    begin = system.words.bases["now"] - AFTERWARDS_MS
    for kind in KINDS:
        names = agent_fields(kind) or {}
        for row in system.points(node, kind):
            if begin - 10_000_000 <= row["time"] <= begin + 10_000:
                continue
            tags = tuple(sorted((key, row[key]) for key in ("lane", "direction") if row.get(key)))
            values = tuple(sorted((n, float(v)) for n, v in row.items() if n in names and v is not None))
            points.append(Point(kind, row["site"], row["sensor"], tags, row["time"], values))
    return points


def unpacked(data: bytes) -> bytes:
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        opened = zlib.decompressobj(31).decompress(data, 5 * 2**20)
    except zlib.error:
        return data
    return opened


def _foreign(rows: list[Point], plain: bytes, reading: oracle.Reading) -> list[str]:
    """Nothing stands in the database that the batch does not hold."""
    sent = set(reading.points)
    bad = [row for row in rows if row not in sent]
    return [f"stored, but not sent so: {bad[0]}"] if bad and plain else []


def _same(rows: list[Point], wanted: list[Point]) -> list[str]:
    missing, more = set(wanted) - set(rows), set(rows) - set(wanted)
    if missing or more or len(rows) != len(set(rows)):
        return [f"{len(missing)} rows missing, {len(more)} too many: {next(iter(missing | more), None)}"]
    return []


def _subset(rows: list[Point], wanted: list[Point]) -> list[str]:
    more = set(rows) - set(wanted)
    return [f"{len(more)} rows that should not be there: {next(iter(more))}"] if more else []


def _acked_rightly(
    system: System, data: bytes, codes: list[int], rows: list[Point], reading: oracle.Reading
) -> list[str]:
    """Nothing is acked that is not stored or quarantined."""
    name = digest(data)
    whole = system.quarantined("SELECT payload FROM quarantine_whole WHERE digest = ?", name)
    parts = system.quarantined("SELECT count(*) FROM quarantine_part WHERE digest = ?", name)[0][0]
    faults = []
    if 2 in codes and (not whole or whole[0][0] != data):
        faults.append("code 2, but the exact bytes are not in the quarantine")
    if 1 in codes and not parts:
        faults.append("code 1, but nothing is in the quarantine")
    if (0 in codes or 1 in codes) and len(rows) < len(set(reading.points)) and not whole and parts < 1:
        faults.append(f"acked, but only {len(rows)} of {len(reading.points)} rows are stored")
    return faults


# -- many batches -----------------------------------------------------------------------------------------------------


def _many(system: System, case: Case) -> list[str]:
    """Batches that differ at one place, each answered; only so many series reach the database."""
    gen = case["input"]["gen"]
    _fresh(system)
    system.voice.good(50)  # the series of the good batches are known before others use the budget up
    around = Around(system).begin()
    voice = system.voice

    def batches() -> Iterator[bytes]:
        for number in range(system.words.count(gen["count"])):
            document = voice.document()
            put(document, gen["vary"], f"v{number}")
            voice.seq += 1
            yield compact(document).encode()

    codes = flood(voice, batches())
    around.end(counted=True)
    system.forget_series(voice.node)
    faults = around.faults
    known = {(row.kind, row.sensor, row.tags) for row in stored(system, voice.node)}
    if len(known) > 210:
        faults.append(f"{len(known)} series of one node in the database")
    if None in codes or not set(codes.values()) <= {0, 1, 2, 3}:
        faults.append(f"answers: {_tally(codes)}")
    refused = sum(code in (1, 2) for code in codes.values())
    kept = system.quarantined(
        "SELECT (SELECT count(*) FROM quarantine_part WHERE spool = ?) + (SELECT count(*) FROM quarantine_whole"
        " WHERE spool = ?)", voice.spool, voice.spool,
    )[0][0]  # fmt: skip
    if not refused or kept < refused:
        faults.append(f"{refused} refused, {kept} kept")
    return faults


def _replay(system: System, case: Case) -> list[str]:
    """The same batch again and again: one set of rows, the rest are answers only."""
    gen = case["input"]["gen"]
    _fresh(system)
    voice = system.voice
    data = system.words.data(gen["of"], voice.document())
    voice.seq += 1
    around = Around(system).begin()
    times = system.words.count(gen["times"])
    voice.send(data)
    voice.answer(data, 10)
    for _ in range(times // WINDOW + 1):
        infos = [voice.peer.client.publish(f"lamppost/1/{voice.node}/data", data, 1) for _ in range(WINDOW)]
        infos[-1].wait_for_publish(20)
    voice.peer.wait(lambda _: len(voice.answers(data)) > 1, 30)
    around.end(counted=False)
    faults = around.faults + judge(system, "stored", data, around)
    ledger = [row for row in system.points(voice.node, "batch_ledger") if row["digest"] == digest(data)]
    if len(ledger) != 1:
        faults.append(f"{len(ledger)} rows in the ledger for one batch")
    return faults


def _equivocate(system: System, case: Case) -> list[str]:
    """The same name, other content: the first stays, nobody is told that the second is stored."""
    _fresh(system)
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


def flood(voice: Voice, batches: Iterator[bytes], timeout_s: float = 900) -> dict[str, int | None]:
    """Send many, a window at a time, each again until it is answered; the codes by digest."""
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
            if code in FINAL and flying.pop(name, None):
                codes[name] = code
        for name, (data, sent_s) in list(flying.items()):
            if time.monotonic() - sent_s > 5:
                flying[name] = (data, time.monotonic())
                voice.peer.client.publish(topic, data, 1)
    codes |= dict.fromkeys(flying)
    return codes


def _tally(codes: dict[str, int | None]) -> dict[Any, int]:
    return {code: list(codes.values()).count(code) for code in set(codes.values())}


# -- other actions ----------------------------------------------------------------------------------------------------


def _publish(system: System, case: Case, action: dict[str, Any]) -> list[str]:
    who = action.get("as_user", system.users["node"])
    topic = action["topic"] if "topic" in action else system.words.generated(action["topic_gen"]).decode()
    known = ("retain", "qos", "response_topic", "payload_format", "expiry", "user_properties", "collector_away_s")
    options = {key: action[key] for key in known if key in action}
    mine = topic == f"lamppost/1/{system.users['node']}/data" and who == system.users["node"]
    if mine and case["expect"] != "broker_denied":
        return _one_batch(system, case, action.get("payload"), options)
    if topic == f"lamppost/1/{system.users['node']}/status" and case["expect"] == "no_effect":
        return _no_effect(system, system.words.data(action.get("payload")), action.get("retain", False))
    _fresh(system)
    data = system.words.data(action.get("payload"), _as_document(system, action))
    around = Around(system).begin()
    peer = Peer(system, who)
    try:
        before = system.city.broker.folder.joinpath("log").stat().st_size
        reason = peer.publish(topic, data, **options)
    finally:
        peer.close()
    around.end(counted=False)
    faults = around.faults
    if case["expect"] == "broker_denied":
        if reason == "sent" or (reason is not None and not reason.is_failure):
            faults.append(f"the broker took it: {reason}")
        faults += _unseen(system, data, before)
    elif case["expect"] == "no_effect":
        faults += _subset(stored(system, system.voice.node), [])
    else:
        raise UnknownWord(f"publish on {topic} with expect {case['expect']}")
    return faults


def _as_document(system: System, action: dict[str, Any]) -> dict[str, Any] | None:
    base = (action.get("payload") or {}).get("base")
    return system.voice.document() if base == "batch" else None


def _unseen(system: System, data: bytes, log_size: int) -> list[str]:
    """Collector and agents have seen nothing of it, and the broker has a line about it."""
    faults = []
    name = digest(data)
    for table in ("whole", "part", "stray"):
        if data and system.quarantined(f"SELECT 1 FROM quarantine_{table} WHERE digest = ?", name):
            faults.append("the collector has seen it")
    for node in (system.users["node"], system.users["other_node"]):
        if stored(system, node):
            faults.append(f"rows of {node} are stored")
    if system.city.broker.folder.joinpath("log").stat().st_size <= log_size:
        faults.append("no log line")
    return faults


def _publish_many(system: System, case: Case, action: dict[str, Any]) -> list[str]:
    """Many good batches at once, also while the collector is away: each must be stored in the end."""
    _fresh(system)
    voice = system.voice
    around = Around(system).begin()
    away_s = min(action.get("collector_away_s", 0), 20)
    if away_s:
        system.collector.stop()
    batches, sent = [], []
    for number in range(system.words.count(action.get("count", 100))):
        document = voice.document()
        for block in document["blocks"]:
            block["t0"] -= 60_000 * (number + 1)
        voice.seq += 1
        batches.append(compact(document).encode())
        sent.append(oracle.read(batches[-1], voice.node, system.words.bases["now"]))
    for data in batches:
        voice.peer.client.publish(f"lamppost/1/{voice.node}/data", data, action.get("qos", 1))
    if away_s:
        time.sleep(away_s)
        system.collector.start()
        around = _restarted(system)
    codes = flood(voice, iter(batches))
    around.end(counted=False)
    wanted = [point for reading in sent for point in reading.points]
    faults = around.faults + _same(stored(system, voice.node), wanted)
    if not set(codes.values()) <= {0, 3}:
        faults.append(f"answers: {_tally(codes)}")
    del case
    return faults


def _restarted(system: System) -> Around:
    from tests.servers import listens, wait_for

    wait_for("the collector's page", lambda: listens(system.city.page_port), 30)
    return Around(system).begin()


def _subscribe(system: System, case: Case) -> list[str]:
    around = Around(system).begin()
    peer = Peer(system, case["input"].get("as_user", system.users["node"]))
    try:
        granted = peer.subscribe(case["input"]["subscribe"])
        system.voice.good(5)
        heard = [topic for _, topic, _ in peer.heard]
    finally:
        peer.close()
    around.end(counted=False)
    faults = around.faults
    if granted or heard:
        faults.append(f"granted: {granted}; heard {heard[:3]}")
    return faults


def _connect(system: System, case: Case) -> list[str]:
    """A name and password are what somebody without a certificate has; a will comes with the node's certificate."""
    what = case["input"]["connect"]
    around = Around(system).begin()
    faults = []
    if "will_topic" in what:
        will = (what["will_topic"], system.words.data(what.get("will_payload")))
        listener = Peer(system, "c1")
        listener.subscribe("lamppost/1/+/status")
        listener.subscribe("lamppost/1/+/data")
        peer = Peer(system, what.get("as_user", system.users["node"]), will=will)
        sock = peer.client.socket()
        if sock is not None:
            sock.close()  # without a goodbye: now the will is due
        time.sleep(1)
        if any(topic == will[0] and payload == will[1] for _, topic, payload in listener.heard):
            faults.append("the broker publishes the will")
        peer.client.loop_stop()
        listener.close()
    else:
        state = _knock(system, what.get("username"), what.get("password"))
        if state == "Success":
            faults.append("the broker lets it in")
    around.end(counted=False)
    del case
    return faults + around.faults


def _knock(system: System, name: str | None, password: str | None) -> str:
    from device_profiles.tls import TlsFiles

    said: list[str] = []
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, name or "", protocol=paho.MQTTv5)
    client.tls_set_context(TlsFiles(system.city.plan.folder / "pki" / "ca.pem").context())
    client.username_pw_set(name, password)
    client.on_connect = lambda _c, _u, _f, reason, _p: said.append(str(reason))
    client.on_disconnect = lambda *_: said.append("ended")
    try:
        client.connect("127.0.0.1", system.city.plan.broker_port, 10)
    except (OSError, ValueError) as error:
        return f"refused: {error}"
    client.loop_start()
    until_s = time.monotonic() + 5
    while not said and time.monotonic() < until_s:
        time.sleep(0.02)
    client.loop_stop()
    return said[0] if said else "nothing said"


def _no_collector(system: System, case: Case) -> list[str]:
    """The broker takes what nobody is there to hear: nothing is acknowledged, and the agent's copy is still there."""
    _fresh(system)
    system.collector.stop()
    data = system.words.data({"base": "batch"}, system.voice.document())
    reason = system.voice.send(data)
    answered = system.voice.answer(data, 3)
    system.collector.start()
    around = _restarted(system)
    system.voice.seq += 1
    codes = flood(system.voice, iter([data]))
    around.end(counted=False)
    faults = around.faults
    if answered is not None or reason is None or set(codes.values()) != {0}:
        faults.append(f"answered {answered} without a collector, {codes} with one")
    del case
    return faults


def _rules_empty(system: System, case: Case) -> list[str]:
    """A broker that starts with an empty file of rules lets nobody do anything."""
    rules = system.city.broker.folder / "dynamic-security.json"
    kept = rules.read_bytes()
    system.city.broker.stop()
    rules.write_bytes(b"")
    system.city.broker.launch()
    faults = []
    try:
        time.sleep(1)
        peer = Peer(system, system.users["node"])
        taken = peer.publish(f"lamppost/1/{system.users['other_node']}/data", b"x")
        if peer.subscribe("#") or (taken is not None and not taken.is_failure):
            faults.append("with an empty file of rules the broker lets a node do everything")
        peer.close()
    except (OSError, Failed):
        pass  # it does not even start
    finally:
        system.city.broker.stop()
        rules.write_bytes(kept)
        system.city.broker.start()
    system.reconnect()
    around = Around(system).begin()
    around.end(counted=False)
    del case
    return faults + around.faults


def _takeover(system: System, case: Case) -> list[str]:
    """Two devices of one name push each other out: an alarm within 60 s, and nothing is lost."""
    what = case["input"]["takeover_loop"]
    node = what["client_id"]
    _fresh(system)
    around = Around(system).begin()
    session = system.voice.birth()
    peers: list[Peer] = []
    began_s = time.monotonic()
    raised_s = None
    data, _ = system.voice.good(20)
    while time.monotonic() - began_s < 60 and raised_s is None:
        number = len(peers)
        session |= {"session": f"{number % 2:016x}", "spools": [system.voice.spool]}
        death = compact({"v": 1, "state": "offline", "node": node, "session": session["session"], "reason": "lost"})
        peers.append(Peer(system, node, node, will=(f"lamppost/1/{node}/status", death.encode())))
        peers[-1].publish(f"lamppost/1/{node}/status", compact(session).encode(), retain=True)
        time.sleep(what["period_s"] / 2)
        new = {key for key, text in system.counters()[1].items() if around.alarms.get(key) != text}
        if any(key.startswith(("flapping", "clone")) for key in new):
            raised_s = time.monotonic() - began_s
    for peer in peers:
        peer.close()
    system.voice.born()
    around.end(counted=True)
    faults = around.faults
    if raised_s is None:
        faults.append("no alarm within 60 s")
    if not system.points(node, "air_quality"):
        faults.append("readings are gone")
    del case, data
    return faults


# -- status -----------------------------------------------------------------------------------------------------------


def status(system: System, case: Case) -> list[str]:
    """A birth or death with something wrong in it: the last good birth stays in force."""
    what = case["input"]
    if "publish" in what:
        return _publish(system, case, what["publish"])
    system.drop(system.voice.node)
    birth = system.voice.born()
    sample: dict[str, Any] = dict(birth)
    if what.get("as") == "death":
        sample = {"v": 1, "state": "offline", "node": birth["node"], "session": birth["session"], "reason": "lost"}
    for role, value in what.get("role", {}).items():
        if isinstance(value, dict) and "gen" in value:
            op = value["gen"]["op"]
            value = (
                system.words.listed(value["gen"], system.voice.rng)
                if op == "list"
                else system.words.generated(value["gen"]).decode()
            )
            if role == "sensors" and isinstance(value, list):
                value = [[name, "plantower-pms5003@1"] for name in value]
        put(sample, STATUS_ROLES[role], value)
    return _no_effect(system, compact(sample).encode(), True, born=True, counted=case["expect"] == "no_effect")


def _no_effect(system: System, data: bytes, retain: bool, born: bool = False, counted: bool = True) -> list[str]:
    voice = system.voice
    if not born:
        _fresh(system)
    before = _birth_of(system)
    around = Around(system).begin()
    reason = voice.peer.publish(f"lamppost/1/{voice.node}/status", data, retain=retain)
    around.end(counted=counted and reason is not None)  # None: the broker has cut it off
    faults = around.faults
    if _birth_of(system) != before:
        faults.append("the birth in force has changed")
    return faults


def _birth_of(system: System) -> Any:
    rows = system.quarantined("SELECT body, online FROM node WHERE node = ?", system.voice.node)
    return [(json.loads(body), online) for body, online in rows]
