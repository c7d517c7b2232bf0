"""Other people's decoders and drivers, from PyPI, on the same bytes: three readings of a datasheet instead of two.

PyPMS, pymodbus and pynmeagps decode what our impersonators send and must see what our profiles see; they refuse what
our framer refuses. sds011lib drives our SDS011 as if it were one.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from pms.core import Sensor as PyPms
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU
from pynmeagps import NMEAParseError, NMEAReader
from sds011lib import SDS011QueryReader

from edge_agent.sensors.commands import command_bytes
from edge_agent.sensors.decoding import Values, decode
from edge_agent.sensors.framing import Frame
from firmware_stubs.models import MODELS
from tests.sensors.streams import PROFILES, decoded, framed
from tests.sensors.test_counting import moving
from tests.sensors.test_stubs import Reader

SDS = "nova-sds011"


class Twin(NamedTuple):
    """PyPMS' name of a sensor, its names of our quantities, and its names of our commands."""

    name: str
    values: dict[str, tuple[str, float]]
    commands: dict[str, str]


def _raw(*names: str) -> dict[str, tuple[str, float]]:
    return {f"{ours}_raw_ugm3": (theirs, 1.0) for ours, theirs in (name.split(":") for name in names)}


MASSES = _raw("pm1:pm01", "pm25:pm25", "pm10:pm10") | {
    "pm1_cf1_ugm3": ("raw01", 1.0), "pm25_cf1_ugm3": ("raw25", 1.0), "pm10_cf1_ugm3": ("raw10", 1.0),
}  # fmt: skip
COUNTS = {"n_over03_per_dl": ("n0_3", 100.0), "n_over05_per_dl": ("n0_5", 100.0), "n_over1_per_dl": ("n1_0", 100.0),
          "n_over25_per_dl": ("n2_5", 100.0)}  # fmt: skip
LARGE = {"n_over5_per_dl": ("n5_0", 100.0), "n_over10_per_dl": ("n10_0", 100.0)}
CASE = {"case_temp_c": ("temp", 1.0), "case_rh_pct": ("rhum", 1.0)}
SIZES = ("05:n0_5", "1:n1_0", "25:n2_5", "4:n4_0", "10:n10_0")
PMS = {"read_passive": "passive_read", "set_passive_mode": "passive_mode", "set_active_mode": "active_mode",
       "sleep": "sleep", "wake": "wake"}  # fmt: skip
HPMA = {"read_measurement": "passive_read", "stop_auto_send": "passive_mode", "enable_auto_send": "active_mode"}
TWINS = {
    "plantower-pms5003": Twin("PMSx003", MASSES | COUNTS | LARGE, PMS),
    "plantower-pms3003": Twin("PMS3003", MASSES, {}),
    "plantower-pms5003t": Twin("PMS5003T", MASSES | COUNTS | CASE, PMS),
    "plantower-pms5003s": Twin("PMS5003S", MASSES | COUNTS | LARGE | {"hcho_ugm3": ("HCHO", 1000.0)}, PMS),
    "plantower-pms5003st": Twin("PMS5003ST", MASSES | COUNTS | LARGE | CASE | {"hcho_ugm3": ("HCHO", 1000.0)}, PMS),
    SDS: Twin("SDS01x", _raw("pm25:pm25", "pm10:pm10"), {}),
    "nova-sds198": Twin("SDS198", _raw("pm100:pm100"), {}),
    "sensirion-sps30": Twin(
        "SPS30",
        _raw("pm1:pm01", "pm25:pm25", "pm4:pm04", "pm10:pm10")
        | {f"n_to{ours}_per_cm3": (theirs, 1.0) for ours, theirs in (size.split(":") for size in SIZES)}
        | {"typical_size_um": ("diam", 1.0)},
        {"read_measured_values": "passive_read", "stop_measurement": "sleep"},
    ),
    "winsen-mhz19b": Twin("MHZ19B", {"co2_ppm": ("CO2", 1.0)}, {"read_co2": "passive_read"}),
    "honeywell-hpma115s0": Twin("HPMA115S0", _raw("pm25:pm25", "pm10:pm10"), HPMA),
    "honeywell-hpma115c0": Twin("HPMA115C0", _raw("pm1:pm01", "pm25:pm25", "pm4:pm04", "pm10:pm10"), HPMA),
}
POLLED = {"honeywell-hpma115s0": "polled", "honeywell-hpma115c0": "polled"}
"""Where PyPMS knows the answers to a poll only."""


def measured(name: str, seconds: float = 60.0, mode: str | None = None) -> list[bytes]:
    """Measurement frames of an impersonator in moving air."""
    stub = moving(name, seconds)
    frames: list[bytes] = []
    stub.sent = lambda t_s, frame, rows: frames.append(frame)  # noqa: ARG005
    list(Reader(PROFILES[name], stub, mode).run(seconds))
    assert len(frames) > 3
    return frames


def spoilt(frames: list[bytes]) -> Iterator[bytes]:
    """Every frame with one bit changed."""
    seeds = random.Random(7)
    for frame in frames:
        at = seeds.randrange(len(frame))
        yield frame[:at] + bytes((frame[at] ^ 1 << seeds.randrange(8),)) + frame[at + 1 :]


def ours(name: str, frame: bytes, asked: str | None = None) -> dict[str, float]:
    """What our profile reads in one frame."""
    values = decode(PROFILES[name], Frame(frame), asked)
    assert isinstance(values, Values), values
    return values.rows[0]


@pytest.mark.parametrize("name", TWINS)
def test_pypms_reads_the_same_values(name: str) -> None:
    twin, sensor = TWINS[name], PyPms[TWINS[name].name]
    frames = measured(name, mode=POLLED.get(name))
    for frame in frames[2:]:  # it takes the zeros of the first moments for a sensor that warms up
        theirs, row = sensor.decode(frame, time=1), ours(name, frame)
        seen = {key: getattr(theirs, their) * factor for key, (their, factor) in twin.values.items()}
        assert row == pytest.approx(seen, abs=0.06), "PyPMS rounds to a tenth" if name == "sensirion-sps30" else name


@pytest.mark.parametrize("name", TWINS)
def test_pypms_refuses_what_we_refuse(name: str) -> None:
    sensor = PyPms[TWINS[name].name]
    for frame in spoilt(measured(name, mode=POLLED.get(name)) * 5):
        assert not sensor.check(frame, "passive_read") or name == "winsen-mhz19b"  # it does not look at the first byte
        assert not any(isinstance(item, Frame) for item in framed(PROFILES[name], [frame]))


@pytest.mark.parametrize(
    ("name", "command", "theirs"),
    [(name, command, theirs) for name, twin in TWINS.items() for command, theirs in twin.commands.items()],
)
def test_pypms_sends_the_same_commands(name: str, command: str, theirs: str) -> None:
    assert command_bytes(PROFILES[name], command) == PyPms[TWINS[name].name].command(theirs).command


@pytest.mark.parametrize(
    "name", ["senseair-s8", "sensirion-scd30", "rs485-modbus-weather", "tera-nextpm-modbus", "xy-md02"]
)
def test_pymodbus_reads_the_same_registers(name: str) -> None:
    framer = FramerRTU(DecodePDU(False))
    for frame in measured(name):
        used, address, _, pdu = framer.decode(frame)
        reply = framer.decoder.decode(pdu)
        assert used == len(frame)
        assert address == frame[0]
        assert reply is not None
        assert b"".join(register.to_bytes(2, "big") for register in reply.registers) == frame[3:-2]
    for frame in spoilt(measured(name) * 5):
        assert not framer.decode(frame)[3]
        assert not any(isinstance(item, Frame) and len(item.data) > 5 for item in framed(PROFILES[name], [frame]))


def test_pymodbus_writes_the_same_requests() -> None:
    framer = FramerRTU(DecodePDU(True))
    profile = PROFILES["sensirion-scd30"]
    for command, step in ((name, command) for name, command in profile.commands.items() if command.send):
        values = {slot: step.params[slot].min or 1 if slot in step.params else 1 for slot in step.slots}
        values = {slot: value for slot, value in values.items() if slot not in profile.options}
        data = command_bytes(profile, command, values)
        assert framer.decode(data)[3] == data[1:-2], command


def test_pynmeagps_reads_the_same_position() -> None:
    for frame in measured("nmea-gnss"):
        theirs, row = NMEAReader.parse(frame), ours("nmea-gnss", frame)
        assert theirs is not None
        assert (row["lat_deg"], row["lon_deg"]) == pytest.approx((theirs.lat, theirs.lon), abs=1e-6)
        if theirs.msgID == "GGA":
            told = (theirs.alt, theirs.sep, theirs.numSV, theirs.HDOP)
            assert (row["alt_m"], row["geoid_m"], row["satellites"], row["hdop"]) == pytest.approx(told)


def _parses(frame: bytes) -> bool:
    try:
        return NMEAReader.parse(frame) is not None
    except NMEAParseError:
        return False


def test_pynmeagps_refuses_what_we_refuse() -> None:
    for frame in spoilt(measured("nmea-gnss")):
        good = [item for item in decoded(PROFILES["nmea-gnss"], frame) if isinstance(item, Values)]
        assert good or not _parses(frame)


class Wire:
    """A serial port whose other end is a stub, for a driver that polls."""

    def __init__(self) -> None:
        self.stub = MODELS[SDS](lambda t_s: {"pm25_ugm3": 34.6, "pm10_ugm3": 55.2})  # noqa: ARG005
        self.t_s = 0.0
        self.waiting = self.stub.tick(0.0)

    def open(self) -> None:
        """It is."""

    def close(self) -> None:
        """Nothing to do."""

    def write(self, data: bytes) -> int:
        self.waiting += self.stub.receive(data)
        return len(data)

    def read(self, size: int) -> bytes:
        self.t_s += 1.0
        self.waiting += self.stub.tick(self.t_s)
        data, self.waiting = self.waiting[:size], self.waiting[size:]
        return data


def test_sds011lib_drives_our_impersonator() -> None:
    reader = SDS011QueryReader(Wire(), send_command_sleep=0)
    told = reader.query()
    assert (told.pm25, told.pm10) == (34.6, 55.2)
    reader.set_working_period(5)
    assert reader.get_working_period().interval == 5
    reader.set_working_period(0)
    assert reader.get_firmware_version().year >= 15
    reader.sleep()
    reader.wake()
    assert reader.query().pm25 == 34.6
