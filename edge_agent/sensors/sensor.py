"""One sensor: bytes from its port become readings. No port, clock or log inside: times are given by the caller."""

from __future__ import annotations

from collections import Counter, deque
from contextlib import suppress
from typing import Any

from device_profiles.profile import Profile
from edge_agent.reading import Reading, Series
from edge_agent.sensors.decoding import Values, decode
from edge_agent.sensors.framing import BadFrame, Framer
from edge_agent.sensors.freshness import Freshness
from edge_agent.sensors.last_word import last_word
from edge_agent.sensors.polling import Poller
from edge_agent.sensors.presence import Presence
from edge_agent.sensors.traffic import Counter as TrafficCounter
from edge_agent.timeline import FLOOR_MS
from wire.quantities import QUANTITIES
from wire.times import HOUR_MS

DETECTION = "detection"
LATELY = 100
Counting = TrafficCounter | Presence
"""What makes counts of detections."""


class Sensor:
    """Framing, decoding, polling and, for radars, counting of one sensor."""

    def __init__(
        self,
        name: str,
        profile: Profile,
        traffic: Counting | None = None,
        mode: str | None = None,
        period_s: float | None = None,
    ) -> None:
        self.name = name
        self.profile = profile
        self.traffic = traffic
        self.poller = Poller(profile, mode, period_s)
        self.silence_s = profile.silence_s + self.poller.pause_s
        self.bad: Counter[str] = Counter()
        self.unfit: Counter[str] = Counter()
        self.frames = 0
        self.given = 0  # readings, by its frames
        self.lately: deque[bool] = deque(maxlen=LATELY)  # of what came last: True for a sound frame, False for damage
        self.unread_bytes = 0  # since the last frame that could be read
        self.last_frame_ms: int | None = None
        self.last_values: dict[str, float | int] = {}
        self.last_frame: tuple[int, bytes, Values] | None = None
        self.last_bad: tuple[int, BadFrame] | None = None
        self.doubt: str | None = None
        self._framer = Framer(profile)
        self._freshness = Freshness(profile.stale_s)
        self._heard_s = self._measured_s = 0.0
        self._left_open: dict[str, Any] | None = None  # the interval of a boot before, until the clock is set
        self._spoilt_reply = False  # damage has come since the last command that wants a reply
        self._run_as = f"{profile.ref} {mode or profile.mode}"

    def begin(self, now_s: float, powered_s: float | None = None) -> None:
        """The port was opened; the sensor has had power since `powered_s` at least, else from now on."""
        self._framer = Framer(self.profile)
        self._measured_s = now_s
        self.poller.begin(now_s, powered_s)

    def feed(self, data: bytes, now_ms: int, now_s: float) -> list[Reading]:
        """Readings in `data`, all at `now_ms`: the time of the last byte. Damage is counted by reason."""
        readings: list[Reading] = []
        self._heard_s = now_s
        self.unread_bytes += len(data)
        for frame in self._framer.feed(data):
            decoded = frame if isinstance(frame, BadFrame) else decode(self.profile, frame, self.poller.asked)
            if isinstance(decoded, BadFrame):
                self.last_bad = now_ms, decoded
                self._damaged(decoded)
                continue
            self.unread_bytes = 0
            if self.poller.heard(decoded):
                self._count("refused")
            self._spoilt_reply = self._spoilt_reply and self.poller.asked is not None
            if decoded.measurement:
                self.frames += 1
                self.lately.append(True)
                self.last_frame_ms = now_ms
                self._measured_s = now_s
                self.last_frame = now_ms, frame.data, decoded
                readings += self._readings(decoded, now_ms, now_s)
        self.given += len(readings)
        return readings

    def late(self, now_s: float) -> None:
        """Count a reply that has not come in time, and half a frame whose rest never comes.

        A sensor that has been silent for too long is begun anew: one whose power alone was gone, and not its port, has
        forgotten what it was told, and would wait for it for ever.
        """
        if self._framer.waiting and now_s - self._heard_s <= self.profile.gap_s:
            return  # something is arriving: on a busy machine its second half may be a moment late
        asked = self.poller.asked
        overdue = self.poller.overdue(now_s) is not None
        if overdue or self._framer.waiting:
            for frame in self._framer.flush():
                if isinstance(frame, BadFrame):
                    self._damaged(frame, asked)
        if overdue:
            if not self._spoilt_reply:
                self._count("no_reply")
            self._spoilt_reply = False
        if self.poller.tells and now_s - self._measured_s > self.silence_s:
            self._measured_s = now_s
            self.poller.begin(now_s)

    def _damaged(self, frame: BadFrame, asked: str | None = None) -> None:
        """Count damage; what comes instead of one reply is one damaged frame, in however many parts it is found."""
        if asked is not None or self.poller.asked is not None:
            if self._spoilt_reply:
                return
            self._spoilt_reply = True
        self._count(frame.reason)

    def _count(self, reason: str) -> None:
        self.bad[reason] += 1
        self.lately.append(False)

    def tick(self, now_ms: int) -> list[Reading]:
        """Readings that come with time alone: closed traffic intervals."""
        if self.traffic is None:
            return []
        return [*self._close_left_open(now_ms), *self.traffic.tick(now_ms)]

    def restore(self, state: dict[str, Any] | None, now_ms: int, moved_ms: int | None = 0) -> list[Reading]:
        """Go on with the interval that was open; what a disk has changed of it is begun anew.

        One that begins after `now_ms` is in true time, which a box that has just begun does not know: it is left as
        it is until the clock is set. Moved with the clock it would never end, nor would any after it.

        What was counted for another lane is over too, and told of that one.

        What a boot counted that did not know the time is in times since then: of this boot they are moved by `moved_ms`
        to what is known now; None says that they are of an earlier one. Such an interval is over: it is returned.
        """
        told = list[Reading]()
        with suppress(AttributeError, KeyError, TypeError, ValueError):
            if self.traffic is None or state is None:
                return []
            left = state.get("left_open")
            if left is not None and left["start_ms"] > 0:
                self._left_open = self._of_today(left)
            if self._of_another_lane(state) and FLOOR_MS <= state["start_ms"] <= now_ms:
                return last_word(self.name, state)
            state = self._of_today(state)
            if state["start_ms"] < FLOOR_MS:
                if moved_ms is None:
                    self.traffic.restore(state)
                    told = self.traffic.tick(state["start_ms"] + HOUR_MS)
                    state = {"start_ms": now_ms}
                else:
                    state = state | {key: state[key] + moved_ms for key in ("start_ms", "until_ms")}
            if state["start_ms"] > now_ms:
                self._left_open = state
            else:
                self.traffic.restore(state)
        return told

    def _close_left_open(self, now_ms: int) -> list[Reading]:
        """The interval of a boot before, once the clock is behind its end; that of now goes on beside it."""
        left = self._left_open
        if self.traffic is None or left is None or left["start_ms"] > now_ms:
            return []
        closed, mine, self._left_open = list[Reading](), self.traffic.state() | {"until_ms": now_ms}, None
        with suppress(AttributeError, TypeError, ValueError):
            self.traffic.restore(left)
            closed = self.traffic.tick(now_ms)
            if not closed:
                self._left_open = left
        self.traffic.restore(mine)
        return closed

    def shift(self, by_ms: int) -> None:
        """The clock was set: when it was heard, what it said last, and an interval that is open, move with it.

        Else a sensor would be silent for the hour that a clock has leapt over, and heard all through the hour by which
        one was set back.
        """
        if self.last_frame_ms is not None:
            self.last_frame_ms += by_ms
        if self.last_frame is not None:
            self.last_frame = self.last_frame[0] + by_ms, *self.last_frame[1:]
        if self.last_bad is not None:
            self.last_bad = self.last_bad[0] + by_ms, self.last_bad[1]
        if self.traffic is not None:
            self.traffic.shift(by_ms)

    def state(self) -> dict[str, Any] | None:
        """State of the open interval, committed with the readings."""
        if self.traffic is None:
            return None
        left = {} if self._left_open is None else {"left_open": self._left_open}
        return self.traffic.state() | {"run_as": self._run_as} | left

    def _of_today(self, state: dict[str, Any]) -> dict[str, Any]:
        """What another model or mode told of (lengths, directions), this one may not: its zeros would be made up."""
        return state if state.get("run_as", self._run_as) == self._run_as else state | {"tells": []}

    def _of_another_lane(self, state: dict[str, Any]) -> bool:
        """Whether a person has said meanwhile that this is another lane, or for a ranger another direction."""
        mine = {} if self.traffic is None else self.traffic.state()
        return any(name in state and state[name] != mine.get(name) for name in ("lane", "direction"))

    def _see(self, seen: dict[str, float | int], now_ms: int) -> None:
        """Tell the counter what was detected."""
        if isinstance(self.traffic, Presence):
            if "range_m" in seen:
                self.traffic.detect(now_ms, seen["range_m"])
        elif self.traffic is not None and "speed_kmh" in seen:
            self.traffic.detect(now_ms, seen["speed_kmh"], seen.get("length_m"), seen.get("range_m"))
        elif self.traffic is not None and "speed_abs_kmh" in seen:
            self.traffic.detect_unsigned(now_ms, seen["speed_abs_kmh"])

    def _readings(self, decoded: Values, now_ms: int, now_s: float) -> list[Reading]:
        """Values that are not to be believed (warming up, stale, in another unit) are counted, never published."""
        self.doubt = self._doubt(decoded, now_s)
        if self.doubt is not None:
            self.unfit[self.doubt] += 1
            return []
        if not decoded.rows and self.traffic is not None:
            self.traffic.see_nothing(now_ms)
        return [reading for row in decoded.rows for reading in self._row(row, now_ms)]

    def _doubt(self, decoded: Values, now_s: float) -> str | None:
        if not decoded.fit:
            return ",".join(decoded.flags) or "unfit"
        if self.poller.warming_up(now_s):
            return "warming_up"
        if not self.poller.settled:
            return "settling"
        return "stale" if self._freshness.stale(decoded.rows, now_s) else None

    def _row(self, row: dict[str, float | int], now_ms: int) -> list[Reading]:
        by_kind: dict[str, dict[str, float | int]] = {}
        for name, value in row.items():
            by_kind.setdefault(QUANTITIES[name].kind, {})[name] = value
        seen = by_kind.pop(DETECTION, None)
        if seen is not None and self.traffic is not None:
            self._see(seen, now_ms)
        self.last_values = row
        return [
            Reading(Series(self.name, kind, (), self.profile.ref), now_ms, values) for kind, values in by_kind.items()
        ]


def counter_of(
    profile: Profile,
    name: str,
    lane: str,
    directions: tuple[str, ...],
    interval_s: int,
    one_way: str | None = None,
    angle_deg: float = 0.0,
) -> Counting | None:
    """What counts vehicles for a sensor: by their speeds, or by what comes nearer where only a distance is told."""
    if profile.kind != "detection":
        return None
    measured = [message for message in profile.messages if message.role == "measurement"]
    told = {field.quantity for message in measured for field in message.fields}
    speaks = any(message.helper for message in measured)  # what a helper makes of a line only its lines will tell
    if "range_m" in told and not any("speed" in (q or "") for q in told) and not speaks:
        return Presence(name, profile.ref, lane, directions if one_way is None else (one_way,), interval_s)
    signed = "speed_kmh" in told or speaks
    return TrafficCounter(name, profile.ref, lane, directions, interval_s, one_way, signed=signed, angle_deg=angle_deg)
