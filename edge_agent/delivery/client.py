"""A client of the MQTT library that hears and says what the library keeps to itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from wire import ack as wire_ack

T = TypeVar("T")


class Client(aiomqtt.Client):
    """A client that knows when a broker hangs up instead of an answer; aiomqtt waits for it as long as for a batch.

    And one that hears two things which neither aiomqtt nor paho pass on: how much the broker takes at once, and why it
    `refused` a publish.
    """

    def __init__(self, *address: Any, refused: Callable[[str], None] = lambda _: None, **more: Any) -> None:
        super().__init__(*address, **more)
        self._refused = refused

    def _on_socket_open(self, client: paho.Client, userdata: Any, sock: Any) -> None:
        # since when it waits for the broker: else what the handshake took would be time in which nothing was said
        client._last_bytes_received = client._last_msg_out = time.monotonic()
        super()._on_socket_open(client, userdata, sock)

    def _on_connect(
        self, client: paho.Client, userdata: Any, flags: Any, reason_code: ReasonCode, properties: Any = None
    ) -> None:
        most = getattr(properties, "ReceiveMaximum", wire_ack.WINDOW_MAX)
        # its setter wants to know before the broker has said
        client._max_inflight_messages = min(most, wire_ack.WINDOW_MAX)
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_publish(
        self, client: paho.Client, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        if reason_code.is_failure:
            self._refused(str(reason_code))
        super()._on_publish(client, userdata, mid, reason_code, properties)

    async def _wait_for(self, fut: Awaitable[T], timeout: float | None) -> T:
        answer = asyncio.ensure_future(fut)
        try:
            waits_s = self.timeout if timeout is None else timeout
            either: set[asyncio.Future[Any]] = {answer, self._disconnected}
            await asyncio.wait(either, timeout=waits_s, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            if self._disconnected.done() and not self._disconnected.cancelled():
                raise aiomqtt.MqttError("it hangs up") from self._disconnected.exception()
            raise aiomqtt.MqttError("Operation timed out")
        finally:
            answer.cancel()  # which may be the end of the connection itself

    def _on_disconnect(self, client: paho.Client, *said: Any) -> None:
        if self._connected.done():
            super()._on_disconnect(client, *said)
            if self._disconnected.done() and not self._disconnected.cancelled():  # as a goodbye is that took too long
                self._disconnected.exception()  # asyncio's log is full of those that nobody looked at
        else:
            self._connected.set_exception(aiomqtt.MqttError("it hangs up without an answer"))
