"""What a broker answers in one short MQTT session, as `{node}.doctor`: whom it lets in, its settings, our rights."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edge_agent.doctor.result import Result, State, fail, ok, warn
from wire import names
from wire.batch import WIRE_BYTES_MAX
from wire.exits import reason as in_words

if TYPE_CHECKING:
    from common.settings import BrokerAddress
    from edge_agent.settings.config import Config

STEP_S = 4.0
NO_ANSWER = f"no answer in {STEP_S:g} s"
RIGHTS_CURE = "tell the office: the node's rights at the broker"
_OTHER_CURE = "is that a broker? check host and port"
_OUT_CURE = "is the station retired? ask the office for a token, then: lamppost agent enrol"
_FULL_CURE = "a slow or full broker: tell the office"
_REFUSAL_CURES = {
    "Retain not supported": "mosquitto: retain_available true",
    "QoS not supported": "mosquitto: max_qos 1 or 2",
}


@dataclass
class _Talk:
    """The session, its answers in a queue."""

    client: Any
    answers: queue.Queue[tuple[str, Any]] = field(default_factory=queue.Queue)
    has_ended: bool = False

    def wait(self, kind: str) -> Any:
        """The next answer of that kind; None when none comes in time, or the broker hangs up."""
        until_s = time.monotonic() + STEP_S
        while (left_s := until_s - time.monotonic()) > 0:
            try:
                found, answer = self.answers.get(timeout=left_s)
            except queue.Empty:
                return None
            if found == kind:
                return answer
            if found == "end":
                self.has_ended = True
                return None
        return None


def session(settings: Config, address: BrokerAddress, connect_s: float | None) -> Iterator[Result]:
    """From being let in to a publish there and back; ends with the first that fails."""
    from edge_agent.identity.reach import mqtt_client

    client = mqtt_client(settings, address, "doctor")
    client.will_set(names.response(settings.node, "doctor"), None, 1, True)  # as the agent's; empty, it leaves nothing
    if connect_s is not None:
        client.connect_timeout = connect_s
    talk = _Talk(client)
    client.on_connect = lambda _c, _u, _f, reason, properties: talk.answers.put(("connack", (reason, properties)))
    client.on_subscribe = lambda _c, _u, _m, reasons, _p: talk.answers.put(("suback", reasons))
    client.on_publish = lambda _c, _u, _m, reason, _p: talk.answers.put(("puback", reason))
    client.on_disconnect = lambda *_: talk.answers.put(("end", None))
    try:
        client.connect(address.host, address.port, 30)
        client.loop_start()
        for step in (_let_in, _hear, _tell):
            for result in step(settings, talk):
                yield result
                if result.state is State.FAIL:
                    return
    except OSError as error:
        yield fail("broker.auth", in_words(error), _OTHER_CURE)
    finally:
        client.disconnect()
        client.loop_stop()


def _let_in(settings: Config, talk: _Talk) -> Iterator[Result]:
    check = "broker.auth"
    answer = talk.wait("connack")
    if talk.has_ended:
        yield fail(check, "it hangs up without an answer", _OTHER_CURE if settings.identity is None else _OUT_CURE)
        return
    if answer is None:
        cure = "is that a broker that keeps retained messages, and is the port right?"
        yield fail(check, NO_ANSWER, cure)
        return
    reason, properties = answer
    if reason.is_failure and "protocol version" in str(reason).lower():
        text = "speaks MQTT 3.1.1 only: it says yes to what it throws away"
        yield fail(check, text, "use a broker with MQTT 5")
    elif reason.is_failure:
        cure = _REFUSAL_CURES.get(str(reason), "user, password or certificate: sudo lamppost agent setup --anew")
        yield fail(check, f"refused: {reason}", cure)
    else:
        yield ok(check, f"let in as {settings.broker.username or settings.node}")
    if settings.broker.protocol == "5":
        yield _own_settings(vars(properties) if properties is not None else {})
    else:
        text = "MQTT 3.1.1 says yes to a publish that it throws away: only our own confirmations count"
        yield warn("broker.settings", text, "a broker with MQTT 5, then broker.protocol: 5")


def _hear(settings: Config, talk: _Talk) -> Iterator[Result]:
    """May we hear acknowledgements? A refusal alone is told: what else there is comes with the next step."""
    check = "broker.acl"
    talk.client.subscribe([(names.ack(settings.node), 1), (names.request(settings.node, "+"), 1)])
    granted = talk.wait("suback")
    if talk.has_ended:
        yield fail(check, "it hangs up on whoever wants to hear acknowledgements", RIGHTS_CURE)
    elif granted is None:
        yield fail(check, NO_ANSWER, _FULL_CURE)
    elif any(code.is_failure for code in granted):
        yield fail(check, "may not hear acknowledgements: nothing would ever be released", RIGHTS_CURE)


def _tell(settings: Config, talk: _Talk) -> Iterator[Result]:
    check, began_s = "broker.acl", time.monotonic()
    talk.client.publish(names.response(settings.node, "doctor"), b'{"v":1,"tx":"doctor"}', 1)
    done = talk.wait("puback")
    if talk.has_ended:
        yield fail(check, "it hangs up on whoever publishes", RIGHTS_CURE)
    elif done is None:
        yield ok(check, "may hear acknowledgements and requests")
        yield fail("broker.roundtrip", NO_ANSWER, _FULL_CURE)
    elif done.is_failure:
        yield fail(check, f"may not publish: {done}", RIGHTS_CURE)
    else:
        yield ok(check, "may publish, and hear acknowledgements")
        yield ok("broker.roundtrip", f"PUBACK {(time.monotonic() - began_s) * 1000:.0f} ms")


def _own_settings(said: dict[str, Any]) -> Result:
    """Would this broker's own settings, as its CONNACK tells them, lose or hold up data?"""
    check = "broker.settings"
    largest = said.get("MaximumPacketSize")
    if largest is not None and largest < WIRE_BYTES_MAX:
        text = f"takes packets of {largest} bytes; a batch may have {WIRE_BYTES_MAX}: it would never arrive"
        return fail(check, text, "mosquitto: max_packet_size 393216 or none")
    alive_s = said.get("ServerKeepAlive")
    if alive_s is not None and alive_s < 10:
        return warn(check, f"wants a sign of life every {alive_s} s", "mosquitto: max_keepalive 120")
    return ok(check, "nothing in them would lose data")
