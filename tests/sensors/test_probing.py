"""Probing: every model is found on its stub, wrong speeds first and with noise, and never taken for another."""

import multiprocessing
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from edge_agent.lines.port_probe import Finding, probe_addresses, probe_ports
from edge_agent.screens.ports import finding_lines
from edge_agent.sensors.commands import recognise
from edge_agent.sensors.probing import Listening, plans, search, search_addresses
from edge_agent.settings.check import checked_file
from edge_agent.settings.edit import add_sensors
from firmware_stubs.bus import Bus
from firmware_stubs.modbus import Transmitter, XyMd02
from firmware_stubs.models import MODELS, RADARS
from firmware_stubs.pty import StubHost
from firmware_stubs.senseair import S8
from firmware_stubs.stub import Line
from tests.sensors.probed import noisy, probed
from tests.sensors.streams import PROFILES
from tests.sensors.test_stubs import WORLD, stub_of


def at_9600() -> Listening:
    plan = next(plan for plan in plans(PROFILES.values()) if plan.serial.baud == 9600)
    return Listening(plan.profiles)


def test_three_frames_make_sure() -> None:
    frame = PROFILES["nova-sds011"].examples[0].data
    listening = at_9600()
    listening.feed(frame)
    assert not any(verdict.sure for verdict in listening.verdicts())
    listening.feed(frame + frame)
    first = listening.verdicts()[0]
    assert (first.profile, first.sound, first.sure) == ("nova-sds011", 3, True)


def test_twins_that_nothing_tells_apart_are_both_named_and_nobody_is_sure() -> None:
    """Heavy dust: what a PMS5003 counts above 10 µm could as well be a dry PMS5003T's humidity."""
    world = {"pm25_ugm3": 853.0, "pm10_ugm3": 900.0, "pm1_ugm3": 400.0}
    outcome = probed(MODELS["plantower-pms5003"](lambda _: world))
    assert outcome.found is None
    assert {"plantower-pms5003", "plantower-pms5003t"} <= {verdict.profile for verdict in outcome.verdicts}
    assert "plantower-pms5003t" in {name for verdict in outcome.verdicts for name in verdict.alike}


def test_whoever_writes_sentences_is_no_receiver_for_that() -> None:
    """A model of one's own that says $WIMWV or $WX could never be told from a GNSS receiver."""
    listening = at_9600()
    listening.feed(b"$WIMWV,214.8,R,0.1,K,A*28\r\n$WX,20.0,50.0,1013.0*39\r\n" * 3)
    assert listening.verdicts() == []
    listening.feed(b"$GPTXT,01,01,02,ANTSTATUS=OK*3B\r\n" * 9)
    assert listening.verdicts()[0].profile == "nmea-gnss"


def test_noise_fits_nobody() -> None:
    listening = at_9600()
    listening.feed(bytes(range(256)) * 4)
    listening.feed(random.Random(5).randbytes(20_000))
    assert not any(verdict.sure for verdict in listening.verdicts())


def test_every_model_is_in_one_plan_a_speed_and_questions_are_asked_once() -> None:
    found = plans(PROFILES.values())
    at = sorted((profile.name, plan.serial.baud) for plan in found for profile in plan.profiles)
    assert at == sorted((name, baud) for name, one in PROFILES.items() for baud in (one.serial.baud, *one.probe.bauds))
    for plan in found:
        assert len({question.data for question in plan.asks}) == len(plan.asks)


@pytest.mark.parametrize("noise", [0.0, 0.05])
@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_found_at_its_speed(name: str, noise: float) -> None:
    outcome = probed(stub_of(name), seed=3, noise=noise)
    assert outcome.found is not None, outcome
    assert outcome.found.profile == name
    assert outcome.serial == PROFILES[name].serial


@pytest.mark.parametrize(("name", "baud"), [(name, baud) for name in MODELS for baud in PROFILES[name].probe.bauds])
def test_a_unit_that_comes_with_another_speed_is_found_and_set_up_with_it(name: str, baud: int) -> None:
    """A Renke at its 4800 was "no known model", and so were a receiver at 115200 and a radar at 19200."""
    stub = stub_of(name)
    stub.line = Line(baud)
    outcome = probed(stub, seed=3, noise=0.05)
    assert outcome.found is not None, outcome
    assert outcome.found.profile == name
    assert Finding("/dev/a", outcome).options(PROFILES[name]) == {"baud": baud}


@pytest.mark.parametrize("name", ["mph-radar", "hikvision-csr", "plantower-pms5003", "winsen-mhz19b"])
def test_what_is_left_over_from_another_speed_speaks_against_nobody(name: str) -> None:
    """A frame of 1200 baud is a thousand zeros at 256000, and an adapter hands out what it has kept."""
    outcome = probed(stub_of(name), seed=3, noise=0.05, left_over=bytes(1248))
    assert outcome.found is not None, outcome
    assert outcome.found.profile == name


@pytest.mark.parametrize("seed", range(12))
def test_no_model_is_taken_for_another_whatever_the_air_and_the_line(seed: int) -> None:
    rng = random.Random(seed)
    pm = rng.choice([0, 1, 5, 20, 100, 500, 900]) * rng.random()
    world = {
        "pm25_ugm3": pm, "pm10_ugm3": pm * rng.uniform(1, 4), "pm1_ugm3": pm * rng.uniform(0.3, 1),
        "co2_ppm": rng.uniform(390, 3000), "temp_c": rng.uniform(-15, 45), "rh_pct": rng.uniform(5, 100),
        "hcho_ugm3": rng.uniform(0, 300),
    }  # fmt: skip
    for name in sorted(set(MODELS) - RADARS):
        found = probed(MODELS[name](lambda _: world), seed, rng.choice([0.0, 0.05, 0.15])).found
        assert found is None or found.profile == name


def test_no_question_can_change_a_sensor() -> None:
    """What is asked of one model is, to every other that would understand it, a question too."""
    for plan in plans(PROFILES.values()):
        for question in plan.asks:
            for profile in PROFILES.values():
                understood = recognise(profile, question.data)
                for meant in understood[:1] if isinstance(understood, list) else []:  # the most particular meaning
                    command = profile.commands[meant.command]
                    asks = {step.command for mode in profile.modes.values() for step in mode.ask}
                    reads = meant.command in asks or meant.command.startswith(
                        ("read", "query", "plain_query", "product")
                    )
                    assert reads, (profile.name, meant.command)
                    assert not command.person, (profile.name, meant.command)


@contextmanager
def sensors_elsewhere() -> Iterator[dict[str, str]]:
    """Every model on a port; as on a pole, none waits for the processor of who listens."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=impersonate_all, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.close()
        process.join()


def impersonate_all(told: Connection) -> None:
    """In a process of its own until the other end is closed; tells the paths and whose they are."""
    host = StubHost()
    ports: dict[str, str] = {}
    for name in MODELS:
        speed_kmh = 6.0 if name == "hilink-ld2450" else 43.0
        traffic = [{"speed_kmh": speed_kmh, "range_m": 4.0, "angle_deg": 0.0}]
        stub = MODELS[name]((lambda _, seen=traffic: seen) if name in RADARS else lambda _: WORLD)
        stub.faulty = noisy(name, 0.04)
        ports[host.add(name, stub)] = name
    host.start()
    told.send(ports)
    with suppress(EOFError):
        told.recv()
    host.stop()


def test_every_model_through_real_ports_at_once_wrong_speed_first_with_noise() -> None:
    """All stubs on pseudo-terminals whose speed matters; each port is searched as on a pole."""
    with sensors_elsewhere() as ports:
        findings = probe_ports(ports, list(PROFILES.values()))
    wrong = [(ports[f.path], f.as_json()) for f in findings if f.sensor is None or f.sensor.profile != ports[f.path]]
    assert not wrong
    assert {f.outcome.serial for f in findings if f.outcome} == {profile.serial for profile in PROFILES.values()}


def test_a_port_that_is_taken_or_gone_says_so(tmp_path: Path) -> None:
    import serial

    host = StubHost()
    path = host.add("air", stub_of("nova-sds011"))
    host.start()
    try:
        with serial.Serial(path, exclusive=True):
            taken, gone = probe_ports([path, str(tmp_path / "none")], list(PROFILES.values()))
    finally:
        host.stop()
    assert taken.error == "another program reads it"
    assert gone.error == "there is no such port"


def test_a_port_on_which_nobody_speaks_costs_about_a_minute_as_the_screens_say() -> None:
    moves = search(PROFILES.values())
    move, took_s = next(moves), 0.0
    with suppress(StopIteration):
        while True:
            took_s += move.listen_s
            move = moves.send(b"")
    assert 50 < took_s < 70


def test_who_shares_a_line_is_found_by_address_and_written_down_with_it(tmp_path: Path) -> None:
    host = StubHost()
    path = host.add(
        "bus",
        Bus(Transmitter(lambda _: WORLD, address=2), XyMd02(lambda _: WORLD, address=5), S8(lambda _: WORLD)),
    )
    host.start()
    file = tmp_path / "agent.yaml"
    file.write_text(
        f"node: lp-1\nsite: s\nsensors:\n  - {{name: t, profile: xy-md02, port: {path}, options: {{address: 5}}}}\n"
    )
    try:
        findings = probe_addresses(path, list(PROFILES.values()), [1, 2, 5, 104, 247])
    finally:
        host.stop()
    found = [(finding.address, finding.sensor and finding.sensor.profile) for finding in findings]
    assert found == [(2, "rs485-modbus-weather"), (5, "xy-md02"), (104, "senseair-s8")]
    assert finding_lines(findings[0], PROFILES.__getitem__)[1:3] == [
        "  rs485-modbus-weather  at address 2, 9600 baud, 3 frames, none bad",
        "  its settings want options: {address: 2}",
    ]
    assert add_sensors(file, findings) == ["weather-1", "air-1"]
    assert add_sensors(file, findings) == []
    assert [sensor.options.get("address") for sensor in checked_file(file).sensors] == [5, 2, 104]


def test_an_address_that_nobody_has_costs_up_to_three_seconds() -> None:
    moves = search_addresses(PROFILES.values(), range(1, 11))
    move, took_s = next(moves), 0.0
    with suppress(StopIteration):
        while True:
            took_s += move.listen_s
            move = moves.send(b"")
    assert 1 < took_s / 10 < 3
