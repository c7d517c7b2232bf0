"""The uplink: one MQTT connection that carries batches up and acknowledgements down.

Every session is new (clean start, no expiry): nothing of the promise rests on what a broker remembers. The node is
subscribed to its acknowledgements before its first batch leaves. A client object is used for one connection only.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import aiomqtt
import aiomqtt.exceptions
import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from common.comings import Comings
from common.settings import BrokerAddress
from common.tls import PatientSocket
from edge_agent.delivery.client import Client
from edge_agent.delivery.delivery import Delivery
from edge_agent.delivery.skew import Skew
from edge_agent.flapping import Flapping
from edge_agent.spool.spool import Sealed
from wire import ack as wire_ack
from wire import names, signed, status
from wire.exits import reason

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

log = logging.getLogger("lamppost.uplink")
_library = log.getChild("mqtt")
_library.disabled = True  # it says of each try what we say of the first

RECONNECT_S = (1.0, 2.0, 5.0, 10.0, 20.0)
STEADY_S = 60.0
CUT_OFF, WITHIN_S = 5, 600.0  # as beside another device of our name
SUBACK_FAILURE = UNSPECIFIED = 0x80
KEEPALIVE_S = 30
SILENT_S = 3 * KEEPALIVE_S  # our own end to patience: a broker may want a sign of life once a day, or none at all
TICK_S = 1.0
ANSWER_S = 30.0
ERRAND, ERRANDS_MAX = "answer a request that takes its time", 2


class Uplink:
    """Keeps one node connected.

    `birth` gives the current birth; `answer` takes a request's verb and body and gives the response, now or later, or
    None; `keys` are the pinned keys of its collectors.
    """

    def __init__(
        self,
        broker: BrokerAddress,
        node: str,
        delivery: Delivery,
        birth: Callable[[], status.Birth],
        answer: Callable[[str, bytes], Coroutine[None, None, bytes] | bytes | None],
        keys: tuple[Ed25519PublicKey, ...] = (),
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.skew = Skew()
        self.line_bytes = 0  # batches out and acknowledgements in; TCP and TLS add a tenth to a half
        self.connected_since_s: float | None = None
        self.trouble: str | None = None  # why it is not connected
        self.refusal: str | None = None  # why the broker, which lets us in, takes nothing; until an answer comes
        self.flapping = Flapping(CUT_OFF, WITHIN_S)
        self._comings = Comings()
        self._troubles: set[str] = set()  # that were said since it was said that it is connected
        self._broker = broker
        self._speaks_5 = broker.protocol == "5"
        self._node = node
        self._delivery = delivery
        self._birth = birth
        self._answer = answer
        self._birth_due = False
        self._address = (broker.host, broker.port)
        self.announced_spools: tuple[str, ...] = ()
        self._keys = keys
        self._work_due = asyncio.Event()
        self._heard_s = 0.0
        self._is_owed = False  # something was not confirmed since the broker was heard

    def wake(self) -> None:
        """There is something new to send."""
        self._work_due.set()

    def believe(self, keys: tuple[Ed25519PublicKey, ...]) -> None:
        """From now on what one of these has signed counts, and nothing else.

        Answers that were not believed before are asked for once more, with a birth: its hello tells what is missing.
        """
        if keys != self._keys:
            self._keys = keys
            self.announce()

    async def run(self) -> None:
        """Stay connected until cancelled; a clean stop says so in the node's status."""
        failures = attempts = 0
        addresses = self._broker.addresses()
        while True:
            started_s = time.monotonic()
            self._address = addresses[attempts % len(addresses)]
            attempts += 1
            try:
                await self._session()
            except (aiomqtt.MqttError, OSError, TimeoutError) as error:
                self.trouble = _why(error)
                failures = 0 if time.monotonic() - started_s > STEADY_S else failures
                if self.trouble not in self._troubles:
                    log.warning("broker %s:%s: %s; trying again", *self._address, self.trouble)
                self._troubles.add(self.trouble)
                if self.connected_since_s is not None:
                    self._comings.gone(time.monotonic())
                    self.flapping.lost(time.monotonic())
                self.counts["disconnected"] += 1
            finally:
                self._delivery.on_disconnect()
                self.connected_since_s = None
            await asyncio.sleep(self._wait_s(failures))
            failures += 1

    def _wait_s(self, failures: int) -> float:
        """How long until the next try, by chance: after a broker's restart a fleet must not come in one second."""
        wait_s = RECONNECT_S[min(failures, len(RECONNECT_S) - 1)]
        return wait_s / 2 + self._delivery.rng.uniform(0, max(wait_s, self._delivery.connect_pause_s))

    def announce(self) -> None:
        """Have the birth published as it then is. Returns at once: who records must never wait for a broker."""
        self._birth_due = True
        self._work_due.set()

    async def _say_birth(self, client: aiomqtt.Client) -> None:
        self._birth_due = False
        birth = self._birth()
        self.announced_spools = birth.spools
        await client.publish(names.status(self._node), status.encode(birth), qos=1, retain=True)
        self._hear()

    def _hear(self) -> None:
        self._heard_s, self._is_owed = time.monotonic(), False

    def _miss(self) -> None:
        self.counts["unconfirmed"] += 1
        self._is_owed = True

    async def _session(self) -> None:
        async with self._client() as client:
            self.refusal = None  # of the broker before; another node of a cluster may take what that one does not
            await self._subscribe(client)
            await self._say_birth(client)
            self.connected_since_s, self.trouble = time.monotonic(), None
            self._delivery.on_connect(time.monotonic())
            publishing: set[asyncio.Task[None]] = set()
            both = (
                asyncio.create_task(self._pump(client, publishing), name="publish what is due"),
                asyncio.create_task(self._receive(client, publishing), name="hear answers and requests"),
            )
            try:
                done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in (*both, *publishing):
                    task.cancel()
                await asyncio.gather(*both, *publishing, return_exceptions=True)
                with contextlib.suppress(aiomqtt.MqttError, TimeoutError):
                    await self._say_goodbye(client)

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        """Raises MqttError when a part is refused: who cannot hear answers would send for ever."""
        granted = await client.subscribe([(names.ack(self._node), 1), (names.request(self._node, "+"), 1)])
        codes = [code if isinstance(code, int) else code.value for code in granted]
        refused = [f"{code:#x}" for code in codes if code >= SUBACK_FAILURE]
        if refused:
            raise aiomqtt.MqttError(f"a subscription of {self._node} is refused: {refused[0]}")

    def _client(self) -> aiomqtt.Client:
        will = status.encode(status.Death(self._node, self._birth().session, "lost"))
        kind: dict[str, Any] = {
            "protocol": aiomqtt.ProtocolVersion.V5,
            "clean_start": paho.MQTT_CLEAN_START_FIRST_ONLY,
        }
        if not self._speaks_5:
            kind = {"protocol": aiomqtt.ProtocolVersion.V311, "clean_session": True}
        tls = self._broker.tls() if self._broker.tls is not None else None
        if tls is not None:
            tls.sslsocket_class = PatientSocket
        return Client(
            *self._address,
            refused=self._on_refusal,
            username=self._broker.username or self._node,
            password=self._broker.password,
            identifier=self._broker.client_id or self._node,
            **kind,
            keepalive=KEEPALIVE_S,
            will=aiomqtt.Will(names.status(self._node), will, qos=1, retain=True),
            logger=_library,
            tls_context=tls,
            timeout=ANSWER_S,
            max_inflight_messages=wire_ack.WINDOW_MAX,
        )

    async def _receive(self, client: aiomqtt.Client, publishing: set[asyncio.Task[None]]) -> None:
        async for message in client.messages:
            self._hear()
            payload = message.payload if isinstance(message.payload, bytes) else b""
            topic = message.topic.value
            if topic == names.ack(self._node):
                self._on_ack(payload)
            elif not message.retain:  # a request is never retained: a stored one may be years old
                await self._on_request(client, topic, payload, publishing)

    async def _on_request(
        self, client: aiomqtt.Client, topic: str, payload: bytes, errands: set[asyncio.Task[None]]
    ) -> None:
        """Obey a request that a pinned key has signed for this very topic; anything else is only counted.

        What takes its time is done beside everything else, at most `ERRANDS_MAX` at once.
        """
        verb = topic.rpartition("/")[2]
        try:
            body = signed.open_sealed(topic, payload, self._keys)
        except signed.BadSignature as error:
            self._refuse("request_bad_signature", error)
            return
        response = self._answer(verb, body)
        self._work_due.set()
        if response is None:
            self.counts["request_malformed"] += 1
        elif isinstance(response, bytes):
            await client.publish(names.response(self._node, verb), response, qos=1)
        elif sum(task.get_name() == ERRAND for task in errands) < ERRANDS_MAX:
            task = asyncio.create_task(self._run_errand(client, verb, response), name=ERRAND)
            errands.add(task)
            task.add_done_callback(errands.discard)
        else:
            self.counts["request_too_many"] += 1
            response.close()

    async def _run_errand(self, client: aiomqtt.Client, verb: str, errand: Coroutine[None, None, bytes]) -> None:
        try:
            await client.publish(names.response(self._node, verb), await errand, qos=1)
        except (aiomqtt.MqttError, ValueError, TimeoutError):
            self._miss()

    def _on_ack(self, payload: bytes) -> None:
        """Only a sound, rightly signed acknowledgement reaches delivery; everything else is counted."""
        self.line_bytes += len(payload)
        try:
            body = signed.open_sealed(names.ack(self._node), payload, self._keys)
            message = wire_ack.decode(body)
        except signed.BadSignature as error:
            self._refuse("ack_bad_signature", error)
        except wire_ack.BadAck as error:
            self._refuse("ack_malformed", error)
        else:
            now_s = time.monotonic()
            self.skew.note(int(time.time() * 1000), message.now_ms)
            if isinstance(message, wire_ack.Hello):
                birth = self._birth()
                self._delivery.on_hello(message, birth.next_seq, now_s, birth.session)
            elif self._delivery.on_ack(message, now_s):
                self.refusal = None
            self._work_due.set()

    def _on_refusal(self, why: str) -> None:
        """The broker has answered a publish with a reason to throw it away. It waits in the spool, as ever."""
        if not self.counts["publish_refused"]:
            log.warning("broker %s:%s refuses what is sent: %s (further ones are only counted)", *self._address, why)
        self.counts["publish_refused"] += 1
        self.refusal = why

    def _refuse(self, reason: str, error: ValueError) -> None:
        if not self.counts[reason]:
            log.warning("%s: %s (further ones are only counted)", reason, error)
        self.counts[reason] += 1

    async def _pump(self, client: aiomqtt.Client, publishing: set[asyncio.Task[None]]) -> None:
        """Publish what delivery says is due, as soon as there is something, and at least once a second."""

        def begin(what: Coroutine[None, None, None], name: str) -> None:
            task = asyncio.create_task(what, name=name)
            publishing.add(task)
            task.add_done_callback(publishing.discard)

        while True:
            if self._is_owed and time.monotonic() - self._heard_s > SILENT_S:
                raise aiomqtt.MqttError("it has gone silent")
            if self._comings.there(time.monotonic()):
                self._troubles.clear()
                log.info("connected to broker %s:%s", *self._address)
            if self._birth_due:
                begin(self._say_birth_again(client), "say the birth again")
            for sealed in self._delivery.due(time.monotonic()):
                begin(self._publish(client, sealed), f"publish batch {sealed.seq}")
            self._work_due.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):  # wait_for of 3.11 swallows a cancel that meets a set event
                    await self._work_due.wait()

    async def _say_birth_again(self, client: aiomqtt.Client) -> None:
        try:
            await self._say_birth(client)
        except (aiomqtt.MqttError, ValueError, TimeoutError):
            self._miss()
            self.announced_spools = ()  # the owner of the spool will ask again

    async def _publish(self, client: aiomqtt.Client, sealed: Sealed) -> None:
        """A copy dies in the broker when the next one is due; the broker's own word (PUBACK) releases nothing."""
        topic, properties = names.data(self._node), None
        if self._speaks_5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = self._delivery.copy_lives_s(sealed.id)
            if sealed.replay:
                properties.ContentType = names.REPLAY
        elif sealed.replay:
            topic = names.replay(self._node)
        self.line_bytes += len(topic) + len(sealed.data)  # they go, however late the broker answers
        try:
            await client.publish(topic, sealed.data, qos=1, properties=properties)
            self.counts["published"] += 1
            self._hear()
        except (aiomqtt.MqttError, ValueError, TimeoutError):
            self._miss()

    async def _say_goodbye(self, client: aiomqtt.Client) -> None:
        """A clean stop is told apart from a lost link."""
        death = status.Death(self._node, self._birth().session, "stopped")
        await client.publish(names.status(self._node), status.encode(death), qos=1, retain=True, timeout=2)


def _why(error: Exception) -> str:
    """Why there is no connection, or no more; a refusal, or a goodbye, in the broker's own words."""
    if isinstance(error, aiomqtt.exceptions.MqttConnectError):
        return f"refused: {error.rc}"
    lost = error.__cause__ or error  # aiomqtt itself says what it was about when it heard of it
    if isinstance(lost, aiomqtt.MqttCodeError):
        has_said = isinstance(lost.rc, ReasonCode) and lost.rc.value != UNSPECIFIED
        return f"it hangs up: {lost.rc}" if has_said else "it hangs up"
    return reason(lost)
