"""Surface serial: bytes through a real pseudo-terminal and the product's own port, framer and decoder."""

from __future__ import annotations

import asyncio
import os
import random
import re
import resource
import tty
from pathlib import Path
from typing import Any

from device_profiles.catalogue import UnknownProfile, load
from device_profiles.profile import Profile
from edge_agent.lines.port import Port
from edge_agent.sensors.decoding import decode
from edge_agent.sensors.framing import BadFrame, Framer
from tests.bad_inputs.around import Case
from tests.bad_inputs.vocabulary import UnknownWord, Words, only
from tests.bad_inputs.watch import RSS_MAX

GOOD = {
    "nova-sds011": bytes.fromhex("aac07d00c800a16046ab"),
    "omnipresense-ops243a": b'{"speed":13.2}\r\n',
}
_LINE = re.compile(rb'\{ *"speed" *: *"?-?[0-9]+(\.[0-9]+)?"? *\}')
AWAY_S = 3.0
WORDS = {
    "sensor", "text", "hex", "concat", "gen", "split", "gap_ms", "repeat", "rate", "scenario", "at_byte", "for_s",
}  # fmt: skip


def serial(words: Words, case: Case, folder: Path) -> list[str]:
    """What the port gives, as readings; then one good frame must be read within a second."""
    return asyncio.run(_Bench(words, case["input"], folder).run(case["expect"]))


class _Bench:
    def __init__(self, words: Words, what: dict[str, Any], folder: Path) -> None:
        self.words, self.what = words, what
        only(what, WORDS, "serial")
        self.name = what["sensor"].replace("_", "-")
        self.profile: Profile = _profile(self.name)
        self.good = good_frame(self.profile)
        self.framer = Framer(self.profile)
        self.readings: list[Any] = []
        self.bad: list[str] = []
        self.taken = 0
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "tty"
        self.master = self.slave = -1

    async def run(self, expect: str) -> list[str]:
        self._plug()
        port = Port(str(self.path), self.profile.serial, self._on_bytes)
        task = asyncio.create_task(port.run())
        await asyncio.wait_for(port.opened(), 5)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            data = await self._play(port)
            faults = self._judge(expect, data)
            faults += await self._next()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self._unplug()
        if (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 > RSS_MAX:
            faults.append("memory grew")
        return faults

    async def _play(self, port: Port) -> bytes:
        what = self.what
        if what.get("scenario") == "unplug":
            good = self.good
            await self._write(good[: what["at_byte"]], len(good))
            self._unplug()
            await asyncio.sleep(min(what["for_s"], AWAY_S))  # the case: so long it is unplugged
            self._plug()
            await asyncio.wait_for(port.opened(), 10)
            self.framer = Framer(self.profile)  # as Sensor.begin does when a port comes back
            await self._write(good, len(good))
            return good
        data = self._data()
        repeat, gap_s = what.get("repeat", 1), what.get("gap_ms", 0) / 1000
        if "rate" in what:
            gap_s = 1 / what["rate"]
        for _ in range(repeat):
            await self._write(data, what.get("split", 4096), gap_s)
            if repeat > 1:
                await asyncio.sleep(gap_s)
        return data * repeat

    def _data(self) -> bytes:
        gen = self.what.get("gen", {})
        if gen.get("op") == "random_frames":
            of = str(gen.get("profile", gen.get("of", self.name))).replace("_", "-")
            return _frames(_profile(of), gen["count"], gen.get("seed", 1))
        return self.words.data({k: self.what[k] for k in ("text", "hex", "concat", "gen") if k in self.what})

    async def _write(self, data: bytes, split: int, gap_s: float = 0) -> None:
        """Write in pieces, waiting until the port has taken them."""
        goal = self.taken
        for start in range(0, len(data), split):
            piece = data[start : start + split]
            goal += len(piece)
            while piece:
                try:
                    piece = piece[os.write(self.master, piece) :]
                except BlockingIOError:
                    await asyncio.sleep(0.001)
            if gap_s:
                await asyncio.sleep(gap_s)  # the pace of the line
        for _ in range(2000):
            if self.taken >= goal:
                break
            await asyncio.sleep(0.005)

    async def _next(self) -> list[str]:
        """The next good frame gives exactly one reading."""
        before = len(self.readings)
        if self.framer.waiting:  # what begins and never ends is given up after a silence, as Sensor.late does
            await asyncio.sleep(self.profile.gap_s)
            self.framer.flush()
        await self._write(self.good, 4096)
        for _ in range(200):
            if len(self.readings) > before:
                break
            await asyncio.sleep(0.005)
        got = len(self.readings) - before
        return [] if got == 1 else [f"the next good frame gave {got} readings"]

    def _judge(self, expect: str, data: bytes) -> list[str]:
        wanted = _expected(self.profile, data)
        got = len(self.readings)
        if expect == "no_reading":
            faults = [] if got == 0 else [f"{got} readings: {self.readings[:2]}"]
            if data.strip(b"\x00") and not self.bad and not self.framer.waiting:
                faults.append("not counted")
            return faults
        if expect != "reading_ok":
            raise UnknownWord(f"expect {expect!r} on a port")
        return [] if got == wanted > 0 else [f"{got} readings, {wanted} valid frames; bad: {self.bad[:3]}"]

    def _on_bytes(self, data: bytes, _: float) -> None:
        self.taken += len(data)
        for frame in self.framer.feed(data):
            decoded = frame if isinstance(frame, BadFrame) else decode(self.profile, frame)
            if isinstance(decoded, BadFrame):
                self.bad.append(decoded.reason)
            elif decoded.measurement:
                self.readings += decoded.rows

    def _plug(self) -> None:
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(self.slave))

    def _unplug(self) -> None:
        self.path.unlink(missing_ok=True)
        for descriptor in (self.master, self.slave):
            if descriptor >= 0:
                os.close(descriptor)
        self.master = self.slave = -1


def _profile(name: str) -> Profile:
    try:
        return load().get(name)
    except UnknownProfile as error:
        raise UnknownWord(f"sensor {name!r}") from error


def good_frame(profile: Profile) -> bytes:
    """A frame that gives one reading: the one that the cases state, or the first of the profile's worked examples."""
    if profile.name in GOOD:
        return GOOD[profile.name]
    wanted = {message.name for message in profile.messages if message.role == "measurement"}
    return next(example.data for example in profile.examples if example.message in wanted and len(example.rows) == 1)


def _expected(profile: Profile, data: bytes) -> int:
    """How many valid frames there are: an own reading of the two stated formats; of others, their examples."""
    name = profile.name
    if name not in GOOD:
        return sum(data.count(frame) for frame in {example.data for example in profile.examples})
    if name == "omnipresense-ops243a":
        return sum(_LINE.fullmatch(line.strip()) is not None for line in re.split(rb"[\r\n]+", data))
    count = at = 0
    while at + 10 <= len(data):
        frame = data[at : at + 10]
        if frame[:2] == b"\xaa\xc0" and frame[9] == 0xAB and sum(frame[2:8]) % 256 == frame[8]:
            count, at = count + 1, at + 10
        else:
            at += 1
    return count


def _frames(profile: Profile, count: int, seed: int) -> bytes:
    name, rng = profile.name, random.Random(seed)
    if name not in GOOD:
        return good_frame(profile) * count
    if name == "omnipresense-ops243a":
        return b"".join(b'{"speed":%d.%d}\r\n' % (rng.randrange(1, 90), rng.randrange(10)) for _ in range(count))
    out = b""
    for _ in range(count):
        body = rng.randrange(1, 9000).to_bytes(2, "little") + rng.randrange(1, 9000).to_bytes(2, "little") + b"\xa1\x60"
        out += b"\xaa\xc0" + body + bytes([sum(body) % 256]) + b"\xab"
    return out
