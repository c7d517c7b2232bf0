"""Nothing that a line can carry breaks framer, decoder or a helper; and what would break one costs its frame only."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from device_profiles.profile import Profile
from edge_agent.sensors.checksums import CHECKSUMS
from edge_agent.sensors.decoding import decode
from edge_agent.sensors.framing import BadFrame, Frame, Framer
from edge_agent.sensors.helpers import modbus, ops243
from edge_agent.sensors.sensor import Sensor
from edge_agent.sensors.shapes import _Bytes
from edge_agent.sensors.unforeseen import UNFORESEEN, _told
from tests.fuzz.__main__ import mutated
from tests.sensors.streams import PROFILES

OPS, SDS, WEATHER = (PROFILES[name] for name in ("omnipresense-ops243a", "nova-sds011", "rs485-modbus-weather"))
TEXT = b"++++++----......,,,,:;*#=09DMHN\r\n"


def spoilt(profile: Profile, seeds: random.Random) -> Iterator[bytes]:
    """Noise, echoes, and what damage makes of worked examples: as it is, and with a checksum that is right again."""
    yield seeds.randbytes(seeds.randrange(64))
    yield from sealed(profile, bytes((1, seeds.choice((3, 4)), *seeds.choices(range(8), k=4), 0, 0)))
    example, other = (seeds.choice(profile.examples).data for _ in range(2))
    data = bytearray(example)
    for _ in range(seeds.randrange(1, 4)):
        at = seeds.randrange(len(data) + 1)
        data[at : at + seeds.randrange(2)] = bytes(seeds.choices(TEXT, k=seeds.randrange(1, 3)))
    for damaged in (bytes(data), mutated(seeds, example, other)):
        yield damaged
        yield from sealed(profile, damaged)


def sealed(profile: Profile, data: bytes) -> Iterator[bytes]:
    """The same with every checksum of the profile's frames put right: else no damage would come to the helpers."""
    for shape in profile.frames:
        if shape.kind == "modbus" and len(data) > 4:
            yield data[:-2] + CHECKSUMS["crc16_modbus"](data[:-2])
        elif shape.kind == "bytes" and shape.check is not None and len(data) > 4:
            at = len(data) + shape.check.position
            yield data[:at] + CHECKSUMS[shape.check.kind](data[shape.check.start : at]) + data[at + shape.check.size :]
        elif shape.kind == "line" and shape.check is not None:
            first, mark = (1, b"*") if shape.check.kind == "xor8_nmea" else (0, b",")
            at = data.rfind(mark)
            yield data[: at + 1] + CHECKSUMS[shape.check.kind](data[first : at + 1 - first]) + b"\r\n"


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_no_bytes_break_framer_or_decoder(profile: Profile) -> None:
    seeds, framer = random.Random(profile.name), Framer(profile)
    for _ in range(400):
        for data in spoilt(profile, seeds):
            asked = seeds.choice([None, *profile.commands])
            for item in framer.feed(data) + (framer.flush() if seeds.random() < 0.5 else []):
                read = decode(profile, item, asked) if isinstance(item, Frame) else item
                assert not isinstance(read, BadFrame) or read.reason != UNFORESEEN, (item.data, asked)


def test_a_star_in_the_middle_of_a_line_ends_no_line() -> None:
    """All behind it was taken for the checksum, and the line had too few cells for this program."""
    line = Frame(b"$999.0*+,999.00,999.0H0,999.00,999.00,1280,41\r\n")
    read = decode(PROFILES["vaisala-wmt700"], line, "poll_with_voltages")
    assert not isinstance(read, BadFrame) or read.reason != UNFORESEEN


@pytest.fixture
def _nothing_told() -> Iterator[None]:
    _told.clear()
    yield
    _told.clear()


@pytest.mark.usefixtures("_nothing_told")
def test_a_line_that_breaks_a_helper_costs_itself_and_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plain = ops243._plain

    def breaks(data: bytes, line: str, settings: dict[str, str]) -> object:
        return [][1] if line == "7" else plain(data, line, settings)

    monkeypatch.setattr(ops243, "_plain", breaks)
    sensor = Sensor("radar-1", OPS)
    for now_s in range(3):
        sensor.feed(b"12.0\r\n7\r\n13.0\r\n", now_s * 1000, float(now_s))
    assert (sensor.frames, sensor.bad) == (6, {UNFORESEEN: 3})
    (told,) = caplog.messages
    assert told.startswith("a frame of omnipresense-ops243a@1 breaks this program: IndexError(")
    assert "37 0d 0a" in told


@pytest.mark.usefixtures("_nothing_told")
def test_a_proved_frame_that_breaks_a_helper_costs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modbus, "struct", None)
    refused = bytes.fromhex("01040200 0A3937")
    assert decode(WEATHER, Frame(refused), "read_input") == BadFrame(refused, UNFORESEEN)


@pytest.mark.usefixtures("_nothing_told")
def test_bytes_that_break_a_shape_do_not_stay(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    good, hurt = SDS.examples[0].data, bytes.fromhex("aac0ffffffff00000000")
    measure = _Bytes.measure

    def breaks(shape: _Bytes, buffer: bytearray, start: int) -> tuple[int, str | None]:
        return [][1] if buffer[start + 2 : start + 3] == b"\xff" else measure(shape, buffer, start)

    monkeypatch.setattr(_Bytes, "measure", breaks)
    framer = Framer(SDS)
    assert framer.feed(good + hurt + good) == [Frame(good), BadFrame(hurt, UNFORESEEN), Frame(good)]
    assert framer.feed(hurt) + framer.flush() == [BadFrame(hurt, UNFORESEEN)]
    assert framer.feed(good) == [Frame(good)]
    assert len(caplog.messages) == 1
