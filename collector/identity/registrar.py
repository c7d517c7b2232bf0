"""The registrar: tells the broker at once who is in and who is out, over the plugin's own control topic."""

from __future__ import annotations

import json
import queue
from pathlib import Path
from shutil import disk_usage
from typing import Any, Final

from collector.broker.mqtt import connect, make_client
from collector.broker.mqtt_session import RULES_LOST
from collector.identity import broker_rules
from common.settings import BrokerAddress
from wire.exits import Failure

_CONTROL: Final = "$CONTROL/dynamic-security/v1"
TIMEOUT_S: Final = 8.0
ROOM_B: Final = 2**22  # the rules of some thousand stations
_HARMLESS: Final = ("already exists", "not found")


class BrokerSilent(Exception):
    """The broker cannot be reached or does not obey; the text says why."""


class Registrar:
    """Commands to one broker, which keeps its rules in this folder; each call is a connection of its own, because they
    are rare."""

    def __init__(self, broker: BrokerAddress, rules: Path) -> None:
        self._broker, self._rules = broker, rules

    def admit(self, node: str) -> None:
        """The broker lets this node in from now on. Raises BrokerSilent."""
        self._must_have_room()
        self._command(broker_rules.admit(node))

    def admit_collector(self, name: str) -> None:
        """The broker lets another collector of ours in from now on. Raises BrokerSilent."""
        self._must_have_room()
        self._command(broker_rules.admit_collector(name))

    def expel(self, node: str) -> None:
        """The node's connection ends now and its name means nothing any more. Raises BrokerSilent."""
        self._command(broker_rules.expel(node))

    def _must_have_room(self) -> None:
        """mosquitto 2.0 writes its rules over the old ones: what a full disk cuts off is gone, at its next start."""
        if self._rules.is_dir() and disk_usage(self._rules).free < ROOM_B:
            raise BrokerSilent(
                f"{self._rules}: its disk is full, and mosquitto would lose its rules; make room (df -h)"
            )

    def _command(self, commands: list[dict[str, Any]]) -> None:
        said: queue.Queue[dict[str, Any] | Exception] = queue.Queue()
        client = make_client(self._broker, "")

        def on_connect(_c: Any, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
            if reason.is_failure:
                said.put(BrokerSilent(f"the broker refuses the registrar: {reason}"))
            client.subscribe(_CONTROL + "/response", 1)

        def on_subscribe(_c: Any, _u: Any, _m: Any, reasons: Any, _p: Any) -> None:
            if reasons[0].is_failure:
                said.put(BrokerSilent(f"the broker does not let the registrar command it; {RULES_LOST}"))
            client.publish(_CONTROL, json.dumps({"commands": commands}), 1)

        client.on_connect, client.on_subscribe = on_connect, on_subscribe
        client.on_message = lambda _c, _u, message: said.put(json.loads(message.payload))
        try:
            connect(client, self._broker)
        except Failure as error:
            raise BrokerSilent(str(error)) from error
        client.loop_start()
        try:
            answer = said.get(timeout=TIMEOUT_S)
        except queue.Empty:
            raise BrokerSilent("the broker has not answered; has it the dynamic-security plugin?") from None
        finally:
            client.disconnect()
            client.loop_stop()
        if isinstance(answer, Exception):
            raise answer
        errors = [one["error"] for one in answer.get("responses", []) if "error" in one]
        errors = [error for error in errors if not any(word in error.lower() for word in _HARMLESS)]
        if errors:
            raise BrokerSilent(f"the broker says: {errors[0]}")
