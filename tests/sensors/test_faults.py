"""Faults of stubs: written as people write them, the same for the same seed, each with the effect that it names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import serial

from edge_agent.sensors.decoding import Values
from firmware_stubs.faults import KINDS, Fault, parse
from firmware_stubs.faulty import Faulty
from firmware_stubs.models import MODELS
from firmware_stubs.pty import StubHost
from firmware_stubs.spoiling import misread
from tests.sensors.streams import PROFILES, decoded
from tests.sensors.test_stubs import Reader, stub_of
from tests.servers import wait_for

SDS = PROFILES["nova-sds011"]


class Told:
    """A stub run for some seconds, and all it told."""

    def __init__(self, name: str, faults: list[str], seconds: float = 60.0, seed: int = 3) -> None:
        self.sent: list[tuple[float, list[Any]]] = []
        self.spoilt: list[tuple[float, bytes, bytes]] = []
        self.stub = stub_of(name)
        self.stub.faulty = Faulty(seed, [parse(text) for text in faults])
        self.stub.sent = lambda t_s, frame, rows: self.sent.append((t_s, rows))  # noqa: ARG005
        self.stub.spoilt = lambda t_s, frame, arrives: self.spoilt.append((t_s, frame, arrives))
        self.line = [(tick / 10, self.stub.tick(tick / 10)) for tick in range(int(seconds * 10))]
        self.bytes = b"".join(data for _, data in self.line)
        self.done = self.stub.faulty.done
        self.waiting = len(self.stub.faulty._late)

    def pm25(self) -> list[float]:
        return [rows[0]["pm25_raw_ugm3"] for _, rows in self.sent]


def sound(data: bytes) -> int:
    """How many frames of an SDS011 come out whole."""
    return sum(isinstance(item, Values) for item in decoded(SDS, data))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("bitflip@0.01", Fault("bitflip", share=0.01)),
        ("bitflip@0.01/byte", Fault("bitflip", share=0.01, per_byte=True)),
        ("silence:60@08:00", Fault("silence", 60.0, from_s=28_800.0, until_s=28_860.0)),
        ("nan@08:00-08:30", Fault("nan", from_s=28_800.0, until_s=30_600.0)),
        ("drift:0.1@90s", Fault("drift", 0.1, from_s=90.0)),
        ("unplug@5s", Fault("unplug", from_s=5.0, until_s=35.0)),
        ("late:2.5@0.1", Fault("late", 2.5, share=0.1)),
    ],
)
def test_written_as_people_write_them(text: str, fault: Fault) -> None:
    assert parse(text) == fault


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bitflop@0.01", "known are drift, spike"),
        ("bitflip", "such as bitflip@0.01"),
        ("bitflip@1.5", "0 to 1 is wanted"),
        ("dup:3@0.1", "takes no argument"),
        ("nan@08:30-08:00", "no time after the beginning"),
        ("nan@0.1-0.2", "a share has no end"),
        ("nan@25:99", "such as bitflip@0.01"),
        ("late:1.2.3@0.1", "such as bitflip@0.01"),
    ],
)
def test_mistakes_are_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MODELS)
def test_every_fault_is_possible_with_every_model_and_repeats_itself(name: str, kind: str) -> None:
    def run() -> tuple[list[Any], int]:
        stub = stub_of(name)
        stub.faulty = Faulty(3, [Fault(kind, share=0.3)])
        return list(Reader(PROFILES[name], stub).run(6.0)), stub.faulty.done[kind]

    assert run() == run()


def test_one_fault_more_does_not_move_the_others() -> None:
    alone, both = Told("nova-sds011", ["bitflip@0.1"]), Told("nova-sds011", ["bitflip@0.1", "spike@0.1"])
    assert [t_s for t_s, _, _ in alone.spoilt] == [t_s for t_s, _, _ in both.spoilt]


def test_drift_grows_with_the_hours() -> None:
    values = Told("nova-sds011", ["drift:3.6@0s"], seconds=101).pm25()
    assert values[0] == 34.6
    assert values[100] == pytest.approx(34.6 * 1.1, abs=0.06)


def test_spike_is_one_reading() -> None:
    told = Told("nova-sds011", ["spike:4@0.2"])
    assert set(told.pm25()) == {34.6, 138.4}
    assert told.pm25().count(138.4) == told.done["spike"] > 3


def test_stuck_repeats_the_last_reading() -> None:
    stub = MODELS["nova-sds011"](lambda t_s: {"pm25_ugm3": t_s, "pm10_ugm3": t_s})
    stub.faulty = Faulty(1, [parse("stuck@10s-20s")])
    seen: list[float] = []
    stub.sent = lambda t_s, frame, rows: seen.append(rows[0]["pm25_raw_ugm3"])  # noqa: ARG005
    for second in range(30):
        stub.tick(float(second))
    assert seen == [*range(10), *[9.0] * 10, *range(20, 30)]


def test_without_a_value_none_is_told() -> None:
    """NaN in a float, # in a text, all ones in a word: never a number that looks like one."""
    for name, lost in (("sensirion-sps30", {}), ("vaisala-wxt", {}), ("winsen-mhz19b", {"co2_ppm": 0xFFFF})):
        stub = stub_of(name)
        stub.faulty = Faulty(1, [parse("nan@0s")])
        told = [rows[0] if rows else {} for rows in Reader(PROFILES[name], stub).run(20.0)]
        assert told
        assert all(row.items() >= lost.items() for row in told)
        assert not any(row.keys() & {"pm25_raw_ugm3", "temp_c"} for row in told)


def test_silence_neither_speaks_nor_hears() -> None:
    told = Told("nova-sds011", ["silence:20@10s"])
    assert [data for t_s, data in told.line if 10 <= t_s < 30 and data] == []
    assert [arrives for _, _, arrives in told.spoilt] == [b""] * told.done["silence"]
    told.stub.t_s = 15.0
    assert told.stub.receive(bytes.fromhex("AAB406010000000000000000000000FFFF06AB")) == b""


def test_damage_is_told_as_it_arrives() -> None:
    for kind in ("bitflip", "truncate", "checksum", "baud"):
        told = Told("nova-sds011", [f"{kind}@0.1"])
        assert sound(told.bytes) == len(told.sent)
        assert len(told.spoilt) == told.done[kind] > 0
        assert all(frame != arrives for _, frame, arrives in told.spoilt)


def test_checksum_leaves_all_else_right() -> None:
    told = Told("nova-sds011", ["checksum@1"])
    assert all(frame[:8] + frame[9:] == arrives[:8] + arrives[9:] for _, frame, arrives in told.spoilt)
    assert not Told("omnipresense-ops243a", ["checksum@1"]).spoilt, "there is no checksum to be wrong"


def test_doubled_dropped_late_and_reordered_frames() -> None:
    for fault in ("dup@0.2", "late:2.5@0.2", "reorder@0.2"):
        told = Told("nova-sds011", [fault], seconds=120)
        assert not told.spoilt
        assert sound(told.bytes) == len(told.sent) == 120 + told.done["dup"] - (fault == "late:2.5@0.2") * told.waiting
        assert told.done.total() > 10
    told = Told("nova-sds011", ["drop@0.2"], seconds=120)
    assert sound(told.bytes) == len(told.sent) == 120 - told.done["drop"]


def test_wrong_baud_rate_is_what_a_receiver_would_sample() -> None:
    assert misread(b"\xaa\xc0\x00\xff", 9600, 9600) == b"\xaa\xc0\x00\xff"
    assert misread(b"U", 9600, 19200)[:1] == bytes([0b01100110])  # every bit seen twice, the start bit once
    assert len(misread(bytes(100), 19200, 9600)) < 100 < len(misread(bytes(100), 4800, 9600))


def test_unplugged_for_a_while_and_back_under_its_name(tmp_path: Path) -> None:
    now = [0.0]
    host = StubHost(clock=lambda: now[0], links=tmp_path)
    stub = stub_of("nova-sds011")
    stub.faulty = Faulty(1, [parse("unplug:30@10s")])
    path = Path(host.add("air-1", stub))
    host.start()

    def after(seconds: float, there: bool) -> Callable[[], bool]:
        now[0] = seconds
        return lambda: path.exists() == there

    try:
        wait_for("the port to vanish", after(11.0, there=False))
        wait_for("the port to come back", after(41.0, there=True))
        with serial.Serial(str(path), 9600, timeout=3) as line:
            now[0] = 45.0
            assert line.read(10).startswith(b"\xaa\xc0")
    finally:
        host.stop()


def test_the_page_tells_of_every_fault() -> None:
    page = (Path(__file__).parents[2] / "docs" / "faults.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert rows == set(KINDS)
