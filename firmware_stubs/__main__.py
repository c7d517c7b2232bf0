"""`python -m firmware_stubs`: many sensors in one process, driven by lines of JSON.

In, one object a line:
    {"open": "air-1", "model": "nova-sds011", "with": {"zero_after_wake": 3}}   answered by {"opened": ..., "path": ...}
    {"open": "wind-2", "model": "rs485-modbus-weather", "with": {"address": 2}, "on": "wind-1"}   on its wires
    {"world": "air-1", "values": {"pm25_ugm3": 35.0}}                           the physical truth from now on
    {"vehicle": "radar-1", "in_s": 2.0, "speed_kmh": 43.0, "length_m": 4.5}     passes the pole in two seconds
    {"faults": "air-1", "seed": 1, "list": ["bitflip@0.01", "silence:60@90s"]}  from now on; an empty list heals
    {"unplug": "air-1"}                                                         the port vanishes
Out, beside the answers, every measurement frame as it is sent:
    {"sent": "air-1", "t_s": 12.0, "hex": "aac0...", "rows": [{"pm25_raw_ugm3": 35.0}]}
    {"spoilt": "air-1", "t_s": 13.0, "hex": "aac0...", "arrives": "aae0..."}    a frame that a fault has damaged
"""

from __future__ import annotations

import json
import math
import sys
import time
from contextlib import suppress
from typing import Any

from firmware_stubs.bus import Bus
from firmware_stubs.faults import parse
from firmware_stubs.faulty import Faulty
from firmware_stubs.models import MODELS, RADARS
from firmware_stubs.pty import StubHost
from firmware_stubs.road import Road, Vehicle
from firmware_stubs.stub import Row, Stub


class Console:
    """One host and what its sensors see."""

    def __init__(self) -> None:
        self.host = StubHost()
        self.stubs: dict[str, Stub] = {}
        self.worlds: dict[str, dict[str, float]] = {}
        self.roads: dict[str, Road] = {}

    def obey(self, order: Any) -> dict[str, Any]:
        """Do one order; the answer says what was done or what is wrong. Raises what a part of it does that is none."""
        if not isinstance(order, dict):
            return {"error": 'an object is wanted, such as {"unplug": "air-1"}'}
        verb = next(iter(order), "")
        name = order.get(verb, "")
        if verb == "open":
            return self._open(name, order["model"], order.get("with", {}), order.get("on"))
        if verb == "world":
            values = {quantity: _number(value) for quantity, value in order["values"].items()}
            self.worlds[name].clear()
            self.worlds[name].update(values)
        elif verb == "vehicle":
            in_s, length_m = _number(order.get("in_s", 0.0)), _number(order.get("length_m", 4.5))
            self.roads[name].add(Vehicle(time.monotonic() + in_s, _number(order["speed_kmh"]), length_m))
        elif verb == "faults":
            faults = [parse(text) for text in order.get("list", [])]
            self.stubs[name].faulty = Faulty(order.get("seed", 0), faults) if faults else None
        elif verb == "unplug":
            self.host.remove(name)
        else:
            return {"error": f"{verb!r} is not open, world, vehicle, faults or unplug"}
        return {verb: name}

    def answer(self, line: str) -> dict[str, Any]:
        """The same for a line of JSON, whatever it holds."""
        try:
            return self.obey(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return {"error": f"{type(error).__name__}: {error}"}

    def _open(self, name: str, model: str, manners: dict[str, Any], on: str | None) -> dict[str, Any]:
        if model not in MODELS:
            return {"error": f"model {model!r} is not known; known are {', '.join(sorted(MODELS))}"}
        if model in RADARS:
            road = self.roads[name] = Road()
            stub = MODELS[model](road.targets, **manners)
        else:
            world = self.worlds[name] = {}
            stub = MODELS[model](lambda t_s: world, **manners)  # noqa: ARG005
        stub.sent = lambda t_s, frame, rows: _say(_sent(name, t_s, frame, rows))
        stub.spoilt = lambda t_s, frame, arrives: _say(_spoilt(name, t_s, frame, arrives))
        self.stubs[name] = stub
        if on is not None:
            return {"opened": name, "path": self._share(on, stub)}
        self.host.remove(name)  # one of that name makes room
        return {"opened": name, "path": self.host.add(name, stub)}

    def _share(self, on: str, stub: Stub) -> str:
        """The path of that one's port, where the other hangs from now on too."""
        port = self.host.port(on)
        if isinstance(port.stub, Bus):
            port.stub.stubs.append(stub)
        else:
            port.stub = Bus(port.stub, stub)
        return port.path


def _number(value: Any) -> float:
    """What a stub can compute with: its thread has others to serve. Raises ValueError, TypeError."""
    number = float(value)
    if math.isinf(number):
        raise ValueError(f"{value!r} is no number")
    return number


def _sent(name: str, t_s: float, frame: bytes, rows: list[Row]) -> dict[str, Any]:
    return {"sent": name, "t_s": round(t_s, 3), "hex": frame.hex(), "rows": rows}


def _spoilt(name: str, t_s: float, frame: bytes, arrives: bytes) -> dict[str, Any]:
    return {"spoilt": name, "t_s": round(t_s, 3), "hex": frame.hex(), "arrives": arrives.hex()}


def _say(answer: dict[str, Any]) -> None:
    with suppress(BrokenPipeError):  # nobody listens any more; the end of the input will end us
        sys.stdout.write(json.dumps(answer, separators=(",", ":")) + "\n")
        sys.stdout.flush()


def main() -> None:
    """Obey line after line until the input ends."""
    console = Console()
    console.host.start()
    try:
        for line in sys.stdin:
            _say(console.answer(line))
    finally:
        console.host.stop()


if __name__ == "__main__":
    print(__doc__) if sys.argv[1:] else main()
