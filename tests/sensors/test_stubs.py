"""Stub and profile, two readings of one datasheet, agree: in every mode, in memory and through a pseudo-terminal."""

import json
import os
import random
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import serial

from collector.numbers.calibration import Calibrations
from collector.numbers.reporting import reports_as_china
from device_profiles.profile import Profile
from edge_agent.sensors.commands import command_bytes
from edge_agent.sensors.decoding import Row, Values, decode
from edge_agent.sensors.framing import BadFrame, Frame, Framer
from edge_agent.sensors.polling import Poller
from firmware_stubs.__main__ import Console
from firmware_stubs.faults import Fault
from firmware_stubs.faulty import Faulty
from firmware_stubs.models import MODELS, RADARS
from firmware_stubs.pty import StubHost, open_stub
from firmware_stubs.renke import Fsxcs
from firmware_stubs.road import Road, Vehicle
from firmware_stubs.stub import Stub
from firmware_stubs.vaisala import Wxt
from tests.closes import Closes
from tests.sensors.streams import PROFILES
from wire.quantities import DERIVED

WORLD = {"pm25_ugm3": 34.6, "pm10_ugm3": 55.2, "pm1_ugm3": 20.1, "co2_ppm": 612.0, "temp_c": 21.4, "rh_pct": 43.2,
         "wind_speed_ms": 3.3, "wind_dir_deg": 271.0, "press_hpa": 1009.8, "range_m": 4.2, "hcho_ugm3": 41.0,
         "lat_deg": 39.9087, "lon_deg": 116.4605, "noise_db": 64.2}  # fmt: skip
MODES = [pytest.param(name, mode, id=f"{name}-{mode}") for name, profile in PROFILES.items() for mode in profile.modes]


def stub_of(name: str) -> Stub:
    """The impersonator with something to measure."""
    if name in RADARS:
        vehicles = [Vehicle(3.0 + 2.5 * number, 43.0 if number % 2 else -38.0) for number in range(12)]
        slow = [Vehicle(2.0 + 3 * number, 6.0, offset_m=0.5) for number in range(8)]
        return MODELS[name](Road(slow if name == "hilink-ld2450" else vehicles, near_m=0.5).targets)
    return MODELS[name](lambda t_s: WORLD)  # noqa: ARG005


class Reader:
    """The agent's loop without its clock: poller, framer, decoder around a pure stub."""

    def __init__(self, profile: Profile, stub: Stub, mode: str | None = None, seed: int = 0) -> None:
        self.profile, self.stub, self.poller = profile, stub, Poller(profile, mode)
        self.framer = Framer(profile)
        self.bad: list[BadFrame] = []
        self.replies: list[Values] = []
        self.overdue: list[str] = []
        self._pieces = random.Random(seed)

    def run(self, until_s: float) -> Iterator[tuple[Row, ...]]:
        """Rows of every measurement frame, in order."""
        self.poller.begin(0.0)
        for tick in range(int(until_s * 50)):
            t_s = tick / 50
            arrived = self.stub.tick(t_s)
            for ask in self.poller.due(t_s):
                arrived += self.stub.receive(ask.data)
            yield from self._hear(arrived)
            if (late := self.poller.overdue(t_s)) is not None:
                self.overdue.append(late)
                self.bad += [item for item in self.framer.flush() if isinstance(item, BadFrame)]
        yield from self._take(self.framer.flush())

    def _hear(self, arrived: bytes) -> Iterator[tuple[Row, ...]]:
        while arrived:
            at = self._pieces.randrange(1, len(arrived) + 1)
            yield from self._take(self.framer.feed(arrived[:at]))
            arrived = arrived[at:]

    def _take(self, items: list[Frame | BadFrame]) -> Iterator[tuple[Row, ...]]:
        for item in items:
            values = decode(self.profile, item, self.poller.asked) if isinstance(item, Frame) else item
            if isinstance(values, BadFrame):
                self.bad.append(values)
                continue
            self.poller.heard(values)
            if not values.measurement:
                self.replies.append(values)
            elif self.poller.settled:
                yield tuple(values.rows)


def test_every_profile_has_its_stub() -> None:
    assert set(MODELS) == set(PROFILES)
    for name, profile in PROFILES.items():
        line = stub_of(name).line
        if name != "rs485-modbus-weather":
            assert (line.baud, line.parity) == (profile.serial.baud, profile.serial.parity), name


@pytest.mark.parametrize(("name", "mode"), MODES)
def test_stub_and_profile_agree(name: str, mode: str) -> None:
    profile, stub = PROFILES[name], stub_of(name)
    if mode in ("one_register", "one_input"):
        stub.kind, profile = "noise", profile.with_options({"map": "noise"})  # type: ignore[attr-defined]
    if (name, mode) == ("vaisala-wxt", "push"):
        stub.automatic_s = 10.0  # type: ignore[attr-defined]
    if (name, mode) == ("vaisala-wmt700", "polled"):
        stub.automatic = False  # type: ignore[attr-defined]
    truth: list[tuple[Row, ...]] = []
    stub.sent = lambda t_s, frame, rows: truth.append(tuple(rows))  # noqa: ARG005
    reader = Reader(profile, stub, mode)
    seen = list(reader.run(25.0 if mode != "minute" else 125.0))
    assert not reader.bad
    assert not reader.overdue
    assert len(seen) >= 2
    for rows, told in zip(reversed(seen), reversed(truth), strict=False):
        assert len(rows) == len(told)
        for row, wanted in zip(rows, told, strict=True):
            assert row == pytest.approx(wanted, abs=0.002)
    assert any(rows for rows in seen) or name == "cubic-pm1003"


@pytest.mark.parametrize("name", PROFILES)
def test_every_command_is_understood_by_the_stub(name: str) -> None:
    profile = PROFILES[name]
    for command_name, command in profile.commands.items():
        stub = stub_of(name)
        stub.tick(0.0)
        values: dict[str, int | str] = {
            slot: command.params[slot].min or 1 if slot in command.params else 1
            for slot in command.slots
            if slot not in profile.options
        }
        values.update({slot: "A160" for slot in values if slot.endswith("_hex")})
        values.update({slot: "00" * 24 for slot in values if slot == "zones"})
        if name.startswith("hilink") and command_name not in ("enable_config", "read_parameters"):
            stub.receive(bytes.fromhex("FDFCFBFA0400FF00010004030201"))
        answer = stub.receive(command_bytes(profile, command_name, values))
        if command.reply is None or name == "ultrasonic-ff":
            continue
        framer = Framer(profile)
        items = framer.feed(answer) + framer.flush()
        told = [decode(profile, item, command_name) for item in items if isinstance(item, Frame)]
        if (command.reply == "data" and name.startswith(("plantower", "winsen"))) or command_name in (
            "read",
            "request_speed",
        ):
            continue  # answered in another mode only
        assert told, command_name
        anywhere = {"start", "register"} & set(command.slots)  # not every register is there
        refusals = frozenset() if anywhere else profile.named("refusal")
        assert all(isinstance(values, Values) and values.message not in refusals for values in told), command_name


def test_an_sps30_that_sleeps_hears_no_command_before_its_interface_is_awake() -> None:
    """Datasheet 1.0, 5.3.6: wake it with FF, or send the command twice within 100 ms."""
    profile = PROFILES["sensirion-sps30"]
    wake = command_bytes(profile, "wake_up")
    for heard, sent in ((False, [wake[1:]]), (True, [wake]), (True, [wake[1:], wake[1:]])):
        stub = stub_of(profile.name)
        stub.tick(0.0)
        assert stub.receive(command_bytes(profile, "sleep"))
        assert any(stub.receive(data) for data in sent) is heard


def test_a_radar_that_waits_for_the_end_of_a_number_hears_the_next_command() -> None:
    """UM-003-A p. 10: a command with a number "requires a return after the number"; without it the next one is lost."""
    profile = PROFILES["omnipresense-ops243a"]
    for name, command in profile.commands.items():
        stub = stub_of(profile.name)
        stub.tick(0.0)
        stub.receive(command_bytes(profile, name, dict.fromkeys(command.slots, 3)))
        assert b'{"Version":' in stub.receive(b"?V"), name
    stub.receive(b"R>50")
    assert not stub.receive(b"?V")


@pytest.mark.parametrize("name", ["plantower-pms5003", "sensirion-sps30", "omnipresense-ops243a"])
def test_agree_through_a_real_pseudo_terminal(name: str) -> None:
    targets = [{"speed_kmh": 40.0, "range_m": 20.0}]
    stub = MODELS[name]((lambda t_s: targets) if name in RADARS else (lambda t_s: WORLD))  # noqa: ARG005
    profile = PROFILES[name]
    truth: list[list[Row]] = []
    stub.sent = lambda t_s, frame, rows: truth.append(rows)  # noqa: ARG005
    with open_stub(stub) as port, serial.Serial(port.path, timeout=0.05, **profile.serial.settings()) as line:
        poller, framer, seen = Poller(profile), Framer(profile), []
        poller.begin(time.monotonic())
        until_s = time.monotonic() + 5
        while time.monotonic() < until_s and len(seen) < 2:
            for ask in poller.due(time.monotonic()):
                line.write(ask.data)
            poller.overdue(time.monotonic())
            for item in framer.feed(line.read(256)):
                assert isinstance(item, Frame), item
                values = decode(profile, item, poller.asked)
                assert isinstance(values, Values)
                poller.heard(values)
                if values.measurement and poller.settled:
                    seen.append(values.rows)
    assert len(seen) == 2
    for rows in seen:
        assert [pytest.approx(row, abs=0.002) for row in rows] in truth


def test_many_stubs_in_one_thread() -> None:
    host = StubHost()
    paths = [host.add(f"air-{number}", MODELS["plantower-pms5003"](lambda t_s: WORLD)) for number in range(8)]  # noqa: ARG005
    host.start()
    try:
        lines = [serial.Serial(path, 9600, timeout=3) for path in paths]
        for line in lines:
            assert line.read(32).startswith(b"BM")
            line.close()
    finally:
        host.stop()


@pytest.fixture
def console() -> Iterator[Console]:
    """Two sensors, one of them a radar."""
    one = Console()
    one.obey({"open": "a", "model": "nova-sds011"})
    one.obey({"open": "r", "model": "omnipresense-ops243a"})
    yield one
    one.host.stop()


NONSENSE: list[Any] = [
    [], 5, None, {}, {"open": "c", "model": "nova-sds012"}, {"open": "c", "model": None}, {"world": "a", "values": []},
    {"world": "a", "values": {"pm25_ugm3": "much"}}, {"world": "a", "values": {"pm25_ugm3": 1e999}}, {"world": "zz"},
    {"vehicle": "r", "speed_kmh": "fast"}, {"vehicle": "r", "speed_kmh": None}, {"faults": "a", "list": [5]},
]  # fmt: skip


@pytest.mark.parametrize("order", NONSENSE, ids=map(str, NONSENSE))
def test_an_order_that_makes_no_sense_is_answered_and_all_sensors_go_on(order: Any, console: Console) -> None:
    """Such a one ended the process, or the thread in which every sensor speaks: from then on none said a word."""
    assert "error" in console.answer(json.dumps(order))
    for name in ("a", "r"):
        for t_s in (0.0, 3.0):
            console.host.port(name).stub.tick(t_s)


def test_a_sensor_opened_on_the_wires_of_another_has_its_port_and_its_own_world(console: Console) -> None:
    weather, first = "rs485-modbus-weather", console.obey({"open": "t-1", "model": "rs485-modbus-weather"})
    for name, address in (("t-2", 2), ("t-3", 3)):
        opened = console.obey({"open": name, "model": weather, "with": {"address": address}, "on": "t-1"})
        assert opened["path"] == first["path"]
    console.obey({"world": "t-2", "values": {"temp_c": -4.0}})
    stub = console.host.port("t-1").stub
    stub.tick(0.0)
    request = command_bytes(PROFILES[weather].with_options({"address": 2}), "read_two", {})
    assert stub.receive(request)[3:5] == (-40).to_bytes(2, "big", signed=True)


def test_a_sensor_that_is_opened_again_has_one_port(console: Console) -> None:
    """The one before could be closed by nobody."""
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        assert console.obey({"open": "a", "model": "nova-sds011"})["path"] == console.host.port("a").path
    assert len(os.listdir("/proc/self/fd")) == before


def test_unplugged_and_plugged_in_again(tmp_path: Path) -> None:
    host = StubHost(links=tmp_path)
    path = host.add("air-1", MODELS["nova-sds011"]())
    host.start()
    try:
        with serial.Serial(path, 9600, timeout=3) as line:
            assert line.read(10).startswith(b"\xaa\xc0")
            host.remove("air-1")
            assert not (tmp_path / "air-1").exists()
            with pytest.raises((serial.SerialException, OSError)):
                line.read(10_000)
        assert host.add("air-1", MODELS["nova-sds011"]()) == path
        with serial.Serial(path, 9600, timeout=3) as line:
            assert len(line.read(10)) == 10
    finally:
        host.stop()


@pytest.mark.parametrize("kind", ["bitflip", "truncate", "checksum", "garbage", "drop", "baud"])
@pytest.mark.parametrize("name", ["plantower-pms5003", "nova-sds011", "sensirion-sps30", "tera-nextpm-modbus"])
def test_damage_costs_itself_only_and_lets_no_wrong_value_through(name: str, kind: str) -> None:
    profile, stub = PROFILES[name], stub_of(name)
    truth: list[tuple[Row, ...]] = []
    spoilt: list[bytes] = []
    stub.sent = lambda t_s, frame, rows: truth.append(tuple(rows))  # noqa: ARG005
    stub.spoilt = lambda t_s, frame, arrives: spoilt.append(arrives)  # noqa: ARG005
    stub.faulty = Faulty(11, [Fault(kind, share=0.15)])
    reader = Reader(profile, stub)
    seen = list(reader.run(120.0))
    good = [rows for rows in seen if rows]
    for rows in good:
        wanted = next(told[0] for told in truth if told[0].keys() == rows[0].keys())
        assert rows[0] == pytest.approx(wanted, abs=0.002), "a wrong value came through"
    assert spoilt
    if kind != "garbage":
        assert len(good) >= len(truth) - 3


def test_a_weather_station_tells_how_hard_it_rains_and_what_has_fallen_since_a_reset() -> None:
    wxt = Wxt(lambda t_s: {"rain_rate_mmh": 6.0 if 600 <= t_s < 2400 else 0.0})
    told: list[bytes] = []
    for t_s in range(0, 3000, 10):
        wxt.tick(float(t_s))
        told.append(wxt.receive(b"0R3\r\n"))
    assert b"Rc=0.00M,Rd=0s,Ri=0.0M" in told[0]
    assert b"Rc=1.50M,Rd=900s,Ri=6.0M" in told[149]
    assert b"Rc=3.00M,Rd=1800s,Ri=0.0M" in told[-1]
    assert wxt.receive(b"0XZRU\r\n") == b"0TX,Rain reset\r\n"
    assert b"Rc=0.00M,Rd=0s" in wxt.receive(b"0R3\r\n")


@pytest.mark.parametrize("fitted", [False, True])
def test_a_weather_station_without_noise_and_dust_tells_of_neither(fitted: bool) -> None:
    """Where nothing is fitted the registers hold 0: the cleanest air there can be, and a silence that is none."""
    profile = PROFILES["renke-rs-fsxcs"].with_options({"dust": "fitted"} if fitted else {})
    *_, (row,) = Reader(profile, Fsxcs(lambda t_s: WORLD, noise_and_dust=fitted)).run(16.0)  # noqa: ARG005
    assert {name for name in row if name.startswith(("pm", "noise"))} == (
        {"pm25_raw_ugm3", "pm10_raw_ugm3", "noise_db"} if fitted else set()
    )
    assert row["press_hpa"] == 1010


COLD = {
    "pm1_ugm3": 33.0, "pm25_ugm3": 51.0, "pm10_ugm3": 87.0, "no2_ugm3": 94.0, "o3_ugm3": 98.1, "co_mgm3": 1.145,
    "co2_ppm": 433.0, "temp_c": -12.3, "rh_pct": 83.0, "press_hpa": 655.3, "wind_speed_ms": 7.5, "wind_dir_deg": 351.0,
    "rain_rate_mmh": 4.2,
}  # fmt: skip
HOT = COLD | {
    "temp_c": 41.7,
    "rh_pct": 9.0,
    "pm1_ugm3": 700.0,
    "pm25_ugm3": 880.0,
    "pm10_ugm3": 990.0,
    "co2_ppm": 1900.0,
}


@pytest.mark.parametrize("world", [COLD, HOT], ids=["cold", "hot"])
@pytest.mark.parametrize("name", sorted(set(MODELS) - set(RADARS)))
def test_what_the_element_feels_is_what_is_stored(name: str, world: dict[str, float], closes: Closes) -> None:
    """Through bytes, decoder and the collector's µg/m³, to within what the sensor can resolve."""
    reader = Reader(PROFILES[name], MODELS[name](lambda t_s: world))  # noqa: ARG005
    told: Row = {}
    for rows in reader.run(16.0):
        for row in rows:
            told |= row
    raw = {field: [value] for field, value in told.items() if field in DERIVED}
    made = Calibrations(closes(sqlite3.connect(":memory:"))).derive("lp-1", "s", [0], raw, reports_as_china("lp-1"))
    told |= {field: column[0] for field, column in made.items() if field != "cal_id"}
    known = {field: value for field, value in told.items() if field in world}
    assert known == pytest.approx({field: world[field] for field in known}, rel=0.01, abs=0.5)
