"""What to say to a sensor, and when: start-up commands, polls, waking, sleeping. Pure; whoever waits holds the clock.

poller = Poller(profile)
poller.begin(t)
while True:
    wait for bytes or until poller.next_s
    for ask in poller.due(t): write(ask.data)
    if poller.overdue(t): framer.flush(), count a missing reply
    poller.heard(values, t) for what was decoded
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from edge_agent.checksums import CHECKSUMS
from edge_agent.shapes import unstuff

if TYPE_CHECKING:
    from device_profiles.commands import Command, Step
    from device_profiles.profile import Profile
    from edge_agent.decoding import Values

_SIZES = {"u8": 1, "u16be": 2, "u16le": 2, "u32be": 4, "u32le": 4}


class Ask(NamedTuple):
    """Bytes to write now, and the command they are."""

    command: str
    data: bytes


def command_bytes(profile: Profile, name: str, values: Mapping[str, int | str] | None = None) -> bytes:
    """The bytes of a command with its values filled in. Raises ValueError naming a missing or impossible value."""
    command = profile.commands[name]
    filled = {slot: _value(profile, command, name, slot, values or {}) for slot in command.slots}
    if command.text is not None:
        text, check, end = command.text.format(**filled, check="\0").partition("\0")
        return (text.encode() + CHECKSUMS["crc16_vaisala"](text.encode()) if check else text.encode()) + end.encode()
    return bytes.fromhex(command.before or "") + _binary(profile, command, filled)


def _value(profile: Profile, command: Command, name: str, slot: str, values: Mapping[str, int | str]) -> int | str:
    param = command.params.get(slot)
    if slot in values:
        value = values[slot]
    elif param is not None and param.default is not None:
        value = param.default
    elif slot in profile.options:
        value = (
            str(profile.options[slot].default)
            if isinstance(profile.options[slot].default, str)
            else int(profile.options[slot].default)
        )
    else:
        raise ValueError(f"{profile.ref}: command {name} needs a value for {slot}")
    if param is not None and isinstance(value, int):
        low, high = param.min if param.min is not None else 0, param.max if param.max is not None else 2**32 - 1
        if not low <= value <= high:
            raise ValueError(f"{profile.ref}: command {name}: {slot} is {value}, allowed {low} to {high}")
    return value


def _binary(profile: Profile, command: Command, filled: Mapping[str, int | str]) -> bytes:
    check = command.check or profile.command_check
    out = bytearray()
    for token in (command.send or "").split():
        if token == "{check}":
            assert check is not None
            out += CHECKSUMS[check.kind](bytes(out[check.start :]))
        elif token[0] != "{":
            out.append(int(token, 16))
        else:
            slot, _, kind = token[1:-1].partition(":")
            value = filled[slot]
            if kind.startswith("hex"):
                out += bytes.fromhex(str(value))
            else:
                out += int(value).to_bytes(_SIZES[kind], "little" if kind.endswith("le") else "big")
    if any(shape.kind == "shdlc" for shape in profile.frames):
        return stuff(bytes(out))
    return bytes(out)


def stuff(frame: bytes) -> bytes:
    """SHDLC stuffing of everything between the first and the last byte."""
    inside = frame[1:-1].replace(b"\x7d", b"\x7d\x5d")
    for byte, code in ((b"\x7e", b"\x7d\x5e"), (b"\x11", b"\x7d\x31"), (b"\x13", b"\x7d\x33")):
        inside = inside.replace(byte, code)
    return frame[:1] + inside + frame[-1:]


class Poller:
    """Decides what goes to one sensor. `next_s` is when to look again; `asked` the command that waits for its reply."""

    def __init__(self, profile: Profile, mode: str | None = None, period_s: float | None = None) -> None:
        self._profile = profile
        self._mode = profile.modes[mode or profile.mode]
        self._period_s = period_s or self._mode.period_s
        self._queue: deque[Step] = deque()
        self._reply_by_s: float | None = None
        self._free_s = 0.0  # nothing may be sent before
        self._poll_s = 0.0
        self._turn_s: float | None = None  # when duty changes between awake and asleep
        self._awake_since_s = 0.0
        self._settled = False
        self.awake = True
        self.asked: str | None = None

    def begin(self, t_s: float, powered_s: float | None = None) -> None:
        """(Re)start the sensor: at start, and when it has been silent for too long.

        `powered_s` is since when it has had power at least; a sensor that runs already need not warm up again.
        """
        self._queue = deque(self._mode.start)
        self.asked = self._reply_by_s = None
        self._free_s = self._poll_s = t_s
        self._awake_since_s = t_s if powered_s is None else powered_s
        self.awake, self._settled = True, False
        if self._mode.duty is not None:
            self._queue.appendleft(self._mode.duty.wake)
            self._turn_s = t_s + self._mode.duty.awake_s

    @property
    def next_s(self) -> float | None:
        """When `due` or `overdue` will next have something to say; None when never."""
        times = [self._turn_s] if self._turn_s is not None else []
        if self._reply_by_s is not None:
            times.append(self._reply_by_s)
        elif self._queue or not self._settled:
            times.append(self._free_s)
        elif self._mode.ask and self.awake:
            times.append(max(self._poll_s, self._free_s))
        return min(times, default=None)

    @property
    def settled(self) -> bool:
        """True once every start-up command was sent and answered; until then frames may be in another unit or mode."""
        return self._settled

    def due(self, t_s: float) -> list[Ask]:
        """What to write now: at most one command, because sensors hear one at a time."""
        self._take_turns(t_s)
        if self._reply_by_s is not None or t_s < self._free_s:
            return []
        self._settled = self._settled or not self._queue
        if not self._queue and self._mode.ask and self.awake and t_s >= self._poll_s:
            self._queue.extend([self._mode.gate.ask] if self._mode.gate else self._mode.ask)
            missed = int((t_s - self._poll_s) // self._period_s)
            self._poll_s += (missed + 1) * self._period_s
        if not self._queue:
            return []
        step = self._queue.popleft()
        command = self._profile.commands[step.command]
        if command.reply is not None:
            self.asked, self._reply_by_s = step.command, t_s + command.timeout_s
        self._free_s = t_s + command.pause_s
        return [Ask(step.command, command_bytes(self._profile, step.command, step.values))]

    def heard(self, values: Values) -> None:
        """A frame was decoded: is it what was waited for?"""
        if self.asked is not None:
            awaited = self._profile.commands[self.asked].reply
            role_of = {message.name: message.role for message in self._profile.messages}
            if values.message == awaited or role_of.get(values.message) == "no_data":
                self.asked = self._reply_by_s = None
                gate = self._mode.gate
                if gate is not None and values.info.get(gate.wants):
                    self._queue.extend(self._mode.ask)

    def overdue(self, t_s: float) -> str | None:
        """The command whose reply has not come in time; told once, and the next command may go."""
        if self._reply_by_s is None or t_s < self._reply_by_s:
            return None
        late, self.asked, self._reply_by_s = self.asked, None, None
        return late

    def warming_up(self, t_s: float) -> bool:
        """True while values after power-up or waking are not to be believed."""
        return self.awake and t_s - self._awake_since_s < self._profile.warm_up_s

    def silence_is_fault(self, t_s: float, last_frame_s: float) -> bool:
        """True when the sensor has said nothing for longer than it may, sleep excepted."""
        return self.awake and t_s - max(last_frame_s, self._awake_since_s) > self._profile.silence_s

    def _take_turns(self, t_s: float) -> None:
        duty = self._mode.duty
        if duty is None or self._turn_s is None or t_s < self._turn_s:
            return
        self.awake = not self.awake
        self._queue.append(duty.wake if self.awake else duty.sleep)
        if self.awake:
            self._awake_since_s = self._poll_s = t_s
        self._turn_s = t_s + (duty.awake_s if self.awake else duty.asleep_s)


class Recognised(NamedTuple):
    """A command that somebody sent, with its values."""

    command: str
    values: dict[str, int | str]


def recognise(profile: Profile, data: bytes) -> list[Recognised] | str:
    """Which of the profile's commands these bytes are; else what is wrong: bad_checksum, or bad_header for unknown.

    The most particular command comes first: `set_work` before a `set` with values.
    """
    content = data
    if any(shape.kind == "shdlc" for shape in profile.frames):
        content = data[:1] + (unstuff(data[1:-1]) or b"") + data[-1:]
    by_slots = sorted(profile.commands.items(), key=lambda item: len(item[1].slots))
    damage = "bad_header"
    matches: list[Recognised] = []
    for name, command in by_slots:
        found = _fits_text(command, data) if command.text is not None else _fits(profile, command, content)
        if isinstance(found, dict):
            matches.append(Recognised(name, found))
        else:
            damage = found or damage
    return matches or damage


def _fits(profile: Profile, command: Command, data: bytes) -> dict[str, int | str] | str | None:
    """The values, or None when it is another command, or that only the checksum is wrong."""
    check = command.check or profile.command_check
    values: dict[str, int | str] = {}
    at = 0
    damage = None
    for token in (command.send or "").split():
        slot, _, kind = token[1:-1].partition(":") if token[0] == "{" else ("", "", "u8")
        size = check.size if slot == "check" and check else int(kind[3:]) if kind.startswith("hex") else _SIZES[kind]
        part = data[at : at + size]
        if len(part) < size:
            return None
        if slot == "check" and check is not None:
            damage = None if part == CHECKSUMS[check.kind](data[check.start : at]) else "bad_checksum"
        elif slot:
            order: Any = "little" if kind.endswith("le") else "big"
            values[slot] = part.hex().upper() if kind.startswith("hex") else int.from_bytes(part, order)
        elif part[0] != int(token, 16):
            return None
        at += size
    return None if at != len(data) else damage or values


def _fits_text(command: Command, data: bytes) -> dict[str, int | str] | str | None:
    pieces = re.split(r"\{([a-z][a-z0-9_]*)\}", command.text or "")
    slots = {piece: "(?P<check>...)" if piece == "check" else f"(?P<{piece}>[0-9]+)" for piece in pieces[1::2]}
    pattern = "".join(slots[piece] if at % 2 else re.escape(piece) for at, piece in enumerate(pieces))
    found = re.fullmatch(pattern, data.decode("ascii", "replace"))
    if found is None:
        return None
    values = found.groupdict()
    check = values.pop("check", None)
    if check is not None and CHECKSUMS["crc16_vaisala"](data[: found.start("check")]) != check.encode():
        return "bad_checksum"
    return {name: int(text) for name, text in values.items()}
