"""What `lamppost agent watch` knows and shows: live values with unit, age, quality and a line of the last ones. Pure.

watch = Watch("air-1", profile)
watch.read(data, t_s), watch.wrote(data, t_s)     what went over the line; frames come back
screen([watch, ...], t_s)                         at most 60 columns
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.screens.words import span, sparkline
from edge_agent.sensors.commands import recognise
from edge_agent.sensors.decoding import Decoded, Values, decode
from edge_agent.sensors.frame import BadFrame, Frame
from edge_agent.sensors.framing import Framer
from wire.both import Both, joined, same, zh
from wire.cells import clipped, width_of
from wire.quantities import QUANTITIES

if TYPE_CHECKING:
    from device_profiles.profile import Profile

WIDTH = 60
RECENT = 16
VALUES_MAX = 8
_SILENT = Both("silent", "没有数据")


class Seen(NamedTuple):
    """A frame, what it says, and when its last byte came."""

    t_s: float
    data: bytes
    decoded: Decoded


@dataclass(slots=True)
class Track:
    """One quantity: its last values and the time of the newest."""

    values: deque[float]
    t_s: float


class Watch:
    """One sensor, read along."""

    def __init__(self, name: str, profile: Profile, start_s: float, silence_s: float | None = None) -> None:
        self.name, self.profile = name, profile
        self._silence_s = silence_s or profile.silence_s
        self.tracks: dict[str, Track] = {}
        self.frames = 0
        self.bad: Counter[str] = Counter()
        self.flags: tuple[str, ...] = ()
        self.fit = True
        self._framer = Framer(profile)
        self._refusals = profile.named("refusal")
        self.trouble: Both | None = None  # what is wrong with its port; told by whoever may look at devices
        self._asked: str | None = None
        self._start_s = self._heard_s = start_s
        self._frame_s: float | None = None

    def wrote(self, data: bytes, t_s: float) -> None:  # noqa: ARG002 (as `read`)
        """The agent has said something: what comes next may be the answer."""
        found = recognise(self.profile, data)
        self._asked = found[0].command if isinstance(found, list) else None

    def read(self, data: bytes, t_s: float) -> list[Seen]:
        """The sensor was heard; the frames that are complete now, damaged ones included."""
        if self._framer.waiting and t_s - self._heard_s > self.profile.gap_s:
            late = self._take(self._framer.flush(), self._heard_s)
        else:
            late = []
        self._heard_s = t_s
        return late + self._take(self._framer.feed(data), t_s)

    def quality(self, t_s: float) -> Both:
        """In a word or two: ok, or what is wrong."""
        if self.trouble is not None:
            return self.trouble
        if self._frame_s is None:
            if self.bad:
                return Both("no sound frame yet", "还没有完好的帧")
            is_early = t_s - self._start_s < self._silence_s
            return Both("nothing heard yet", "还没有数据") if is_early else _SILENT
        if t_s - self._frame_s > self._silence_s:
            return _SILENT
        if self.flags:
            flags = same(", ".join(self.flags))
            return flags if self.fit else Both(f"{flags} (not published)", f"{flags}（不发布）")
        return Both("ok", "正常")

    def age_s(self, t_s: float) -> float | None:
        """Seconds since the last sound frame."""
        return None if self._frame_s is None else t_s - self._frame_s

    def _take(self, items: list[Frame | BadFrame], t_s: float) -> list[Seen]:
        seen = []
        for item in items:
            decoded = decode(self.profile, item, self._asked) if isinstance(item, Frame) else item
            seen.append(Seen(t_s, item.data, decoded))
            if isinstance(decoded, BadFrame):
                self.bad[decoded.reason] += 1
            elif decoded.measurement:
                self._measured(decoded, t_s)
            elif decoded.message in self._refusals:
                self.bad["refused"] += 1
        return seen

    def _measured(self, values: Values, t_s: float) -> None:
        self.frames += 1
        self._frame_s, self.flags, self.fit = t_s, values.flags, values.fit
        for row in values.rows:
            for name, value in row.items():
                track = self.tracks.setdefault(name, Track(deque(maxlen=RECENT), t_s))
                track.values.append(value)
                track.t_s = t_s


def screen(watches: list[Watch], t_s: float, clock: str, every: bool = False) -> list[Both]:
    """The lines of the live screen; `every` value instead of the first few of a sensor."""
    lines = [Both(_ends(f"live {clock}", "Ctrl-C ends"), _ends(f"实时 {clock}", "Ctrl-C 结束"))]
    for watch in watches:
        lines += [same(""), *_sensor(watch, t_s, every)]
    return lines


def _ends(left: str, right: str) -> str:
    return left + " " * (WIDTH - width_of(left) - width_of(right)) + right


def _sensor(watch: Watch, t_s: float, every: bool) -> list[Both]:
    age_s = watch.age_s(t_s)
    bad = watch.bad.total()
    parts = [same(watch.name), watch.quality(t_s)]
    if age_s is not None:
        age = _age(age_s)
        parts.append(Both(f"{age} ago", f"{zh(age)}前"))
    frames = watch.frames
    whole = Both(f"{frames} frame{'s' * (frames != 1)}", f"{frames} 帧")
    parts.append(Both(f"{bad} bad of {frames + bad}", f"{frames + bad} 帧中坏 {bad}") if bad else whole)
    lines = [_clipped(joined("  ", parts))]
    if bad:
        reasons = "  ".join(f"{reason} {count}" for reason, count in watch.bad.most_common(3))
        lines.append(_clipped(same(f"  {reasons}")))
    names = list(watch.tracks)
    shown = names if every or len(names) <= VALUES_MAX else _telling(names)
    lines += [_value(name, watch.tracks[name], t_s) for name in shown]
    if len(shown) < len(names):
        more = len(names) - len(shown)
        lines.append(Both(f"  and {more} more: --all", f"  还有 {more} 个：--all"))
    return lines


def _clipped(line: Both) -> Both:
    return Both(clipped(line, WIDTH), clipped(zh(line), WIDTH))


def _telling(names: list[str]) -> list[str]:
    """Those that are published as themselves first, then what fits."""
    first = sorted(names, key=lambda name: (name.startswith("n_") or "_cf1_" in name, names.index(name)))
    return sorted(first[:VALUES_MAX], key=names.index)


def _value(name: str, track: Track, t_s: float) -> Both:
    number = f"{track.values[-1]:g} {QUANTITIES[name].unit}"
    old = joined("  ", ["", _age(t_s - track.t_s)]) if t_s - track.t_s >= 5 else same("")
    head, bars = f"  {name:<24}{number:<{15}} ", sparkline(list(track.values))
    room = WIDTH - 2 - 24 - 16 - 1
    en, chinese = (f"{head}{bars[-(room - width_of(age)) :]}{age}".rstrip() for age in (str(old), zh(old)))
    return Both(en, chinese)


def _age(seconds: float) -> Both:
    return Both(f"{max(seconds, 0):.1f} s", f"{max(seconds, 0):.1f} 秒") if seconds < 10 else span(seconds)


def raw_line(watch: Watch, seen: Seen, clock: str) -> Both:
    """A frame as bytes with the boundaries of its fields, and what they say."""
    what = seen.decoded
    if isinstance(what, BadFrame):
        head = f"{clock} {watch.name}  {seen.data.hex(' ')}"
        return Both(f"{head}  bad: {what.reason}", f"{head}  坏帧：{what.reason}")
    told = " ".join(f"{name}={value:g}" for row in what.rows for name, value in row.items())
    frame = frame_text(watch.profile, what.message, seen.data)
    return same(f"{clock} {watch.name}  {frame}  {what.message} {told}".rstrip())


def frame_text(profile: Profile, message: str, data: bytes) -> str:
    """A frame with the boundaries of its fields."""
    return parted(data, boundaries(profile, message, data))


def parted(data: bytes, cuts: set[int]) -> str:
    """`aa c0 | 4b 00 | 51 00`: hex with a stroke before each of `cuts`; text as text."""
    if data.isascii() and data.rstrip().decode().isprintable() and data.strip():
        return data.rstrip().decode()
    inside = sorted(cut for cut in cuts if 0 < cut < len(data))
    return " | ".join(data[a:b].hex(" ") for a, b in zip([0, *inside], [*inside, len(data)], strict=True))


def boundaries(profile: Profile, message: str, data: bytes) -> set[int]:
    """Where the fields of a message begin and end, and its checksum."""
    cuts: set[int] = set()
    for known in profile.messages:
        if known.name == message and known.length in (None, len(data)):
            for field in known.fields:
                if field.at is not None:
                    at = field.at if field.at >= 0 else len(data) + field.at
                    cuts |= {at, at + field.bytes}
    for shape in profile.frames:
        if shape.kind == "bytes" and shape.check is not None and cuts:
            at = len(data) + shape.check.position
            cuts |= {at, at + shape.check.size}
    return cuts
