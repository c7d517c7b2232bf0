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
from wire.both import Both, same, zh
from wire.exits import in_both
from wire.exits import reason as in_words

if TYPE_CHECKING:
    from common.settings import BrokerAddress
    from edge_agent.settings.config import Config

STEP_S = 4.0
NO_ANSWER = Both(f"no answer in {STEP_S:g} s", f"{STEP_S:g} 秒内没有应答")
RIGHTS_CURE = Both("tell the office: the node's rights at the broker", "请告知管理中心：本站在服务器上的权限不对")
_OTHER_CURE = Both("is that a broker? check host and port", "那是消息服务器吗？请核对地址和端口")
_OUT_CURE = Both(
    "is the station retired? ask the office for a token, then: lamppost agent enrol",
    "本站已停用？向管理中心要令牌，然后：lamppost agent enrol",
)
_FULL_CURE = Both("a slow or full broker: tell the office", "服务器太慢或已满，请告知管理中心")
_REFUSAL_CURES = {
    "Retain not supported": same("mosquitto: retain_available true"),
    "QoS not supported": Both("mosquitto: max_qos 1 or 2", "mosquitto: max_qos 1 或 2"),
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
        text = Both("it hangs up without an answer", "没有应答就断开了连接")
        yield fail(check, text, _OTHER_CURE if settings.identity is None else _OUT_CURE)
        return
    if answer is None:
        cure = Both(
            "is that a broker that keeps retained messages, and is the port right?",
            "服务器支持保留消息吗？端口对吗？",
        )
        yield fail(check, NO_ANSWER, cure)
        return
    reason, properties = answer
    if reason.is_failure and "protocol version" in str(reason).lower():
        text = Both(
            "speaks MQTT 3.1.1 only: it says yes to what it throws away",
            "只支持 MQTT 3.1.1：数据被它丢弃时也会答应收下",
        )
        yield fail(check, text, Both("use a broker with MQTT 5", "请换用支持 MQTT 5 的服务器"))
    elif reason.is_failure:
        login = Both(
            "user, password or certificate: sudo lamppost agent setup --anew",
            "用户名、密码或证书不对：sudo lamppost agent setup --anew",
        )
        text = Both(f"refused: {reason}", f"被拒绝：{zh(in_both(str(reason)))}")
        yield fail(check, text, _REFUSAL_CURES.get(str(reason), login))
    else:
        name = settings.broker.username or settings.node
        yield ok(check, Both(f"let in as {name}", f"以 {name} 登录成功"))
    if settings.broker.protocol == "5":
        yield _own_settings(vars(properties) if properties is not None else {})
    else:
        text = Both(
            "MQTT 3.1.1 says yes to a publish that it throws away: only our own confirmations count",
            "MQTT 3.1.1 丢弃数据时也会答应收下：只能以采集器的入库确认为准",
        )
        cure = Both(
            "a broker with MQTT 5, then broker.protocol: 5", "换用支持 MQTT 5 的服务器，再设 broker.protocol: 5"
        )
        yield warn("broker.settings", text, cure)


def _hear(settings: Config, talk: _Talk) -> Iterator[Result]:
    """May we hear acknowledgements? A refusal alone is told: what else there is comes with the next step."""
    check = "broker.acl"
    talk.client.subscribe([(names.ack(settings.node), 1), (names.request(settings.node, "+"), 1)])
    granted = talk.wait("suback")
    if talk.has_ended:
        text = Both("it hangs up on whoever wants to hear acknowledgements", "一订阅确认消息就被断开")
        yield fail(check, text, RIGHTS_CURE)
    elif granted is None:
        yield fail(check, NO_ANSWER, _FULL_CURE)
    elif any(code.is_failure for code in granted):
        text = Both(
            "may not hear acknowledgements: nothing would ever be released",
            "无权订阅确认消息：读数会一直留在本机",
        )
        yield fail(check, text, RIGHTS_CURE)


def _tell(settings: Config, talk: _Talk) -> Iterator[Result]:
    check, began_s = "broker.acl", time.monotonic()
    talk.client.publish(names.response(settings.node, "doctor"), b'{"v":1,"tx":"doctor"}', 1)
    done = talk.wait("puback")
    if talk.has_ended:
        yield fail(check, Both("it hangs up on whoever publishes", "一发布数据就被断开"), RIGHTS_CURE)
    elif done is None:
        yield ok(check, Both("may hear acknowledgements and requests", "可以订阅确认消息和指令"))
        yield fail("broker.roundtrip", NO_ANSWER, _FULL_CURE)
    elif done.is_failure:
        text = Both(f"may not publish: {done}", f"无权发布数据：{zh(in_both(str(done)))}")
        yield fail(check, text, RIGHTS_CURE)
    else:
        took_ms = (time.monotonic() - began_s) * 1000
        yield ok(check, Both("may publish, and hear acknowledgements", "可以发布数据、订阅确认消息"))
        yield ok("broker.roundtrip", Both(f"PUBACK {took_ms:.0f} ms", f"PUBACK {took_ms:.0f} 毫秒"))


def _own_settings(said: dict[str, Any]) -> Result:
    """Would this broker's own settings, as its CONNACK tells them, lose or hold up data?"""
    check = "broker.settings"
    largest = said.get("MaximumPacketSize")
    if largest is not None and largest < WIRE_BYTES_MAX:
        text = Both(
            f"takes packets of {largest} bytes; a batch may have {WIRE_BYTES_MAX}: it would never arrive",
            f"最大报文 {largest} 字节；一批数据可达 {WIRE_BYTES_MAX} 字节，永远送不到",
        )
        cure = Both("mosquitto: max_packet_size 393216 or none", "mosquitto: max_packet_size 393216，或删去这一行")
        return fail(check, text, cure)
    alive_s = said.get("ServerKeepAlive")
    if alive_s is not None and alive_s < 10:
        text = Both(f"wants a sign of life every {alive_s} s", f"要求每 {alive_s} 秒发一次心跳")
        return warn(check, text, same("mosquitto: max_keepalive 120"))
    return ok(check, Both("nothing in them would lose data", "没有会丢数据的设置"))
