"""Surface mqtt: publish, subscribe, connect and take over, with a node's credential or without any."""

from __future__ import annotations

import json
import struct
import time
from typing import Any

import paho.mqtt.client as paho
from _pytest.outcomes import Failed
from paho.mqtt.enums import CallbackAPIVersion

from tests.bad_inputs import oracle
from tests.bad_inputs.around import Around, Case
from tests.bad_inputs.batches import flood, one_batch, restarted, tally
from tests.bad_inputs.births import no_effect
from tests.bad_inputs.peer import Peer, taken
from tests.bad_inputs.system import System
from tests.bad_inputs.verdicts import same, stored, subset
from tests.bad_inputs.vocabulary import UnknownWord, compact, digest, only
from tests.servers import wait_for


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


def _publish(system: System, case: Case, action: dict[str, Any]) -> list[str]:
    who = action.get("as_user", system.users["node"])
    topic = action["topic"] if "topic" in action else system.words.generated(action["topic_gen"]).decode()
    known = ("retain", "qos", "response_topic", "payload_format", "expiry", "user_properties", "collector_away_s")
    options = {key: action[key] for key in known if key in action}
    only(action, {*known, "as_user", "topic", "topic_gen", "payload"}, "publish")
    nodes = (system.users["node"], system.users["other_node"])
    if case["expect"] != "broker_denied" and who in nodes:
        if topic == f"lamppost/1/{who}/data":
            return one_batch(system.voice_of(who), case, action.get("payload"), options)
        if topic == f"lamppost/1/{who}/status":
            payload = system.words.data(action.get("payload"))
            return no_effect(system, system.voice_of(who), payload, action.get("retain", False))
    system.voice.fresh()
    base = (action.get("payload") or {}).get("base")
    data = system.words.data(action.get("payload"), system.voice.base() if base == "batch" else None)
    around = Around(system).begin()
    peer = Peer(system, who)
    try:
        logged = system.broker_log_size()
        reason = peer.publish(topic, data, **options)
    finally:
        peer.close()
    around.end(counted=False)
    faults = around.faults
    if case["expect"] == "broker_denied":
        if taken(reason):
            faults.append(f"the broker took it: {reason}")
        faults += _unseen(system, data, logged)
    elif case["expect"] in ("no_effect", "not_stored", "drop_unaddressed"):
        faults += subset(stored(system, system.voice.node), [])
    else:
        raise UnknownWord(f"publish on {topic} with expect {case['expect']}")
    return faults


def _unseen(system: System, data: bytes, logged: int) -> list[str]:
    """Collector and agents have seen nothing of it, and the broker has a line about it."""
    faults = []
    name = digest(data)
    for table in ("whole", "part", "stray"):
        if data and system.quarantined(f"SELECT 1 FROM quarantine_{table} WHERE digest = ?", name):
            faults.append("the collector has seen it")
    for node in (system.users["node"], system.users["other_node"]):
        if stored(system, node):
            faults.append(f"rows of {node} are stored")
    if system.broker_log_size() <= logged:
        faults.append("no log line")
    return faults


def _publish_many(system: System, case: Case, action: dict[str, Any]) -> list[str]:
    """Many good batches at once, also while the collector is away: each must be stored in the end."""
    system.voice.fresh()
    voice = system.voice
    only(action, {"count", "qos", "retain", "collector_away_s", "topic", "payload"}, "publish_many")
    around = Around(system).begin()
    away_s = min(action.get("collector_away_s", 0), 20)
    if away_s:
        system.collector.stop()
    batches, sent = [], []
    for number in range(system.words.count(action.get("count", 100))):
        document = json.loads(system.words.data(action.get("payload", {"base": "batch"}), voice.base()))
        for block in document["blocks"]:
            block["t0"] -= 60_000 * (number + 1)
        voice.seq += 1
        batches.append(compact(document).encode())
        sent.append(oracle.read(batches[-1], voice.node, system.words.bases["now"]))
    for data in batches:
        topic = action.get("topic", f"lamppost/1/{voice.node}/data")
        voice.peer.client.publish(topic, data, action.get("qos", 1), action.get("retain", False))
    if away_s:
        time.sleep(away_s)  # the case: so long nobody takes them
        system.collector.start()
        around = restarted(system)
    codes = flood(voice, iter(batches))
    around.end(counted=False)
    wanted = [point for reading in sent for point in reading.points]
    faults = around.faults + same(stored(system, voice.node), wanted)
    if not set(codes.values()) <= {0, 3}:
        faults.append(f"answers: {tally(codes)}")
    del case
    return faults


def _subscribe(system: System, case: Case) -> list[str]:
    topic = system.words.text(case["input"]["subscribe"])
    around = Around(system).begin()
    peer = Peer(system, case["input"].get("as_user", system.users["node"]))
    try:
        granted = peer.subscribe(topic)
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
    only(what, {"username", "password", "client_id", "will_topic", "will_payload", "as_user"}, "connect")
    around = Around(system).begin()
    faults = []
    if "will_topic" in what:
        will = (system.words.text(what["will_topic"]), system.words.data(what.get("will_payload")))
        listener = Peer(system, "c1")
        for topic in {"lamppost/1/+/status", "lamppost/1/+/data", will[0]}:
            listener.subscribe(topic)
        peer = Peer(system, what.get("as_user", system.users["node"]), will=will)
        sock = peer.client.socket()
        if sock is not None:
            sock.close()  # without a goodbye: now the will is due
            wait_for("the broker to miss it", lambda: system.broker_has_lost(peer))
        good, _ = system.voice.good()  # what the broker publishes after the will, if it does
        if not listener.wait(lambda heard: any(payload == good for _, _, payload in heard), 10):
            faults.append("what came after the will was not heard")
        if any(topic == will[0] and payload == will[1] for _, topic, payload in listener.heard):
            faults.append("the broker publishes the will")
        peer.client.loop_stop()
        listener.close()
    else:
        name, password, client_id = (
            None if what.get(key) is None else system.words.text(what[key])
            for key in ("username", "password", "client_id")
        )
        state = _knock(system, name, password, client_id)
        if state == "Success":
            faults.append("the broker lets it in")
    around.end(counted=False)
    del case
    return faults + around.faults


def _knock(system: System, name: str | None, password: str | None, client_id: str | None) -> str:
    from common.tls import TlsFiles

    said: list[str] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id or name or "", protocol=paho.MQTTv5)
    client.tls_set_context(TlsFiles(system.city.plan.folder / "pki" / "ca.pem").context())
    client.on_connect = lambda _c, _u, _f, reason, _p: said.append(str(reason))
    client.on_disconnect = lambda *_: said.append("ended")
    try:
        client.username_pw_set(name, password)
        client.connect("127.0.0.1", system.city.plan.broker_port, 10)
    except (OSError, ValueError, struct.error) as error:  # no packet of MQTT can carry it
        return f"refused: {error}"
    client.loop_start()
    until_s = time.monotonic() + 5
    while not said and time.monotonic() < until_s:
        time.sleep(0.02)
    client.loop_stop()
    return said[0] if said else "nothing said"


def _no_collector(system: System, case: Case) -> list[str]:
    """The broker takes what nobody is there to hear: nothing is acknowledged, and the agent's copy is still there."""
    system.voice.fresh()
    system.collector.stop()
    data = system.words.data({"base": "batch"}, system.voice.document())
    reason = system.voice.send(data)
    answered = system.voice.answer(data, 3)
    system.collector.start()
    around = restarted(system)
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
        broker = system.city.broker
        wait_for("the broker to answer or to give up", lambda: broker.ready() or broker.has_ended())
        peer = Peer(system, system.users["node"])
        reason = peer.publish(f"lamppost/1/{system.users['other_node']}/data", b"x")
        if peer.subscribe("#") or taken(reason):
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
    voice = system.voice_of(node)
    voice.fresh()
    around = Around(system).begin()
    session = voice.birth()
    peers: list[Peer] = []
    began_s = time.monotonic()
    raised_s = None
    voice.good(20)
    while time.monotonic() - began_s < 60 and raised_s is None:
        number = len(peers)
        session |= {"session": f"{number % 2:016x}", "spools": [voice.spool]}
        death = compact({"v": 1, "state": "offline", "node": node, "session": session["session"], "reason": "lost"})
        peers.append(Peer(system, node, node, will=(f"lamppost/1/{node}/status", death.encode())))
        peers[-1].publish(f"lamppost/1/{node}/status", compact(session).encode(), retain=True)
        time.sleep(what["period_s"] / 2)  # the case: so often they push each other out
        new = {key for key, text in system.counters()[1].items() if around.alarms.get(key) != text}
        if any(key.startswith(("flapping", "clone")) for key in new):
            raised_s = time.monotonic() - began_s
    for peer in peers:
        peer.close()
    voice.born()
    around.end(counted=True)
    faults = around.faults
    if raised_s is None:
        faults.append("no alarm within 60 s")
    if not system.points(node, "air_quality"):
        faults.append("readings are gone")
    return faults
