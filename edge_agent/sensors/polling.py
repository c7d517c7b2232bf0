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

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.sensors.commands import command_bytes

if TYPE_CHECKING:
    from device_profiles.commands import Step
    from device_profiles.profile import Profile
    from edge_agent.sensors.decoding import Values


class Ask(NamedTuple):
    """Bytes to write now, and the command they are."""

    command: str
    data: bytes


class Poller:
    """Decides what goes to one sensor. `next_s` is when to look again; `asked` the command that waits for its reply.

    `pause_s` is how much longer than its profile says the sensor is left in peace: asked more seldom, or put to sleep.
    Raises ValueError for a mode that is not known, and for options of which its commands cannot be made.
    """

    def __init__(self, profile: Profile, mode: str | None = None, period_s: float | None = None) -> None:
        self._profile = profile
        if mode is not None and mode not in profile.modes:
            raise ValueError(f"{profile.ref}: mode '{mode}' is not known; known are {', '.join(profile.modes)}")
        self._mode = profile.modes[mode or profile.mode]
        self._period_s = period_s or self._mode.period_s
        rests_s = self._mode.duty.asleep_s if self._mode.duty is not None else 0.0
        self.pause_s = max(0.0, self._period_s - self._mode.period_s) + rests_s
        self._no_data, self._refusals = profile.named("no_data"), profile.named("refusal")
        asks = partial(_asks, profile)
        self._start, self._ask = asks(self._mode.start), asks(self._mode.ask)
        self._gate = asks([self._mode.gate.ask] if self._mode.gate else [])
        self._turns = asks([self._mode.duty.wake, self._mode.duty.sleep] if self._mode.duty else [])
        self._queue: deque[Ask] = deque()
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
        self._queue = deque(self._start)
        self.asked = self._reply_by_s = None
        self._free_s = self._poll_s = t_s
        self._awake_since_s = t_s if powered_s is None else powered_s
        self.awake, self._settled = True, False
        if self._mode.duty is not None:
            self._queue.appendleft(self._turns[0])
            self._turn_s = t_s + self._mode.duty.awake_s

    @property
    def asks(self) -> bool:
        """True when the sensor speaks only because it is asked, again and again."""
        return bool(self._mode.ask)

    @property
    def tells(self) -> bool:
        """True when the sensor is told something at its start, which it forgets with its power."""
        return bool(self._mode.start) or self._mode.duty is not None

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
            self._queue.extend(self._gate or self._ask)
            missed = int((t_s - self._poll_s) // self._period_s)
            self._poll_s += (missed + 1) * self._period_s
        if not self._queue:
            return []
        ask = self._queue.popleft()
        command = self._profile.commands[ask.command]
        if command.reply is not None:
            self.asked, self._reply_by_s = ask.command, t_s + command.timeout_s
        self._free_s = t_s + command.pause_s
        return [ask]

    def heard(self, values: Values) -> bool:
        """A frame was decoded: is it what was waited for? True when the sensor refuses what it was asked."""
        if self.asked is None:
            return False
        refused = values.message in self._refusals
        if refused or values.message == self._profile.commands[self.asked].reply or values.message in self._no_data:
            self.asked = self._reply_by_s = None
            gate = self._mode.gate
            if gate is not None and values.info.get(gate.wants):
                self._queue.extend(self._ask)
        return refused

    def overdue(self, t_s: float) -> str | None:
        """The command whose reply has not come in time; told once, and the next command may go."""
        if self._reply_by_s is None or t_s < self._reply_by_s:
            return None
        late, self.asked, self._reply_by_s = self.asked, None, None
        return late

    def warming_up(self, t_s: float) -> bool:
        """True while values after power-up or waking are not to be believed."""
        return self.awake and t_s - self._awake_since_s < self._profile.warm_up_s

    def _take_turns(self, t_s: float) -> None:
        duty = self._mode.duty
        if duty is None or self._turn_s is None or t_s < self._turn_s:
            return
        self.awake = not self.awake
        self._queue.append(self._turns[not self.awake])
        if self.awake:
            self._awake_since_s = self._poll_s = t_s
        self._turn_s = t_s + (duty.awake_s if self.awake else duty.asleep_s)


def _asks(profile: Profile, steps: list[Step]) -> list[Ask]:
    return [Ask(step.command, command_bytes(profile, step.command, step.values)) for step in steps]
