"""Network, broker, clock, power and sensor faults each give the doctor line that names the cure."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from common.language import OURS
from edge_agent.device import clock
from edge_agent.doctor import broker_checks, broker_session, machine_checks, sensor_checks, serial_checks
from edge_agent.doctor.result import Result, State, Station, fail
from edge_agent.doctor.run import CHECKS, Check, chosen, examine
from edge_agent.doctor.screen import screen
from edge_agent.lines.not_opened import BUSY, NOT_PERMITTED, STUCK
from tests.field.conftest import NODE, Field
from tests.sensors.streams import PROFILES
from tests.servers import free_port, wait_for
from wire.both import same
from wire.cells import width_of
from wire.exits import Failure

pytestmark = pytest.mark.real


def test_a_healthy_station_passes_here_and_from_the_office_and_each_fault_names_its_cure(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    field.start()
    well = field.doctor()
    assert {r["id"] for r in well.values() if r["state"] == "fail"} == set(), well
    assert well["collector.ack"]["state"] == "ok"
    assert well["broker.roundtrip"]["state"] == "ok"
    assert well["sensor.air-1"]["state"] == "ok"

    afar = field.office("stations", "doctor", NODE, "--only", "sensor")
    assert afar.returncode == 0, afar.stderr
    assert "sensor.air-1" in afar.stdout
    monkeypatch.setenv(OURS, "zh")
    assert "坏帧" in field.office("stations", "doctor", NODE, "--only", "sensor").stdout
    listed, facts = field.office("stations", "list").stdout, field.office("stations", "show", NODE).stdout.splitlines()
    assert re.search(rf"^{NODE} +在线 +已 \d+ (秒|分钟)", listed)
    assert {
        width_of(line[: line.index(text)]) for line, text in zip(facts[1:3], ("test-site", "在线"), strict=True)
    } == {10}
    monkeypatch.setenv(OURS, "en")

    frames = field.office("stations", "frames", NODE)
    assert frames.returncode == 0, frames.stderr
    assert "air-1  plantower-pms5003@1" in frames.stdout
    assert " 42 4d 00 1c | 00 14 | " in frames.stdout
    assert "pm25_raw_ugm3 35" in frames.stdout

    shown = field.office("stations", "show", NODE)
    assert "online" in shown.stdout
    assert "plantower-pms5003" in shown.stdout

    field.stubs.remove("air")  # pulled out
    wait_for("the port to be missed", lambda: not field.status()["sensors"][0]["open"], 20)
    gone = field.doctor("sensor", "serial.exists")
    assert gone["sensor.air-1"]["state"] == "fail"
    assert gone["serial.exists.air-1"]["cure"].startswith("plug it in")
    assert gone["serial.exists.air-1"]["cure"].endswith("sudo lamppost agent config set sensors.air-1.port=NAME")
    assert field.lamppost("agent", "ready", "--file", str(field.folder / "status.json")).returncode == 1

    field.collector.stop()  # nobody confirms any more
    wait_for("a reading to wait", lambda: field.status()["waiting_rows"] > 0, 20)  # else all that was taken is stored
    silent = field.doctor("collector.ack")
    assert silent["collector.ack"]["state"] == "fail"
    assert "nothing is lost" in silent["collector.ack"]["cure"]

    field.broker.stop()
    down = field.doctor("broker")
    assert down["broker.dns"]["state"] == "ok"
    assert down["broker.tcp"]["state"] == "fail"
    assert "is the broker up" in down["broker.tcp"]["cure"]
    assert down["broker.auth"]["state"] == "skip"


def test_a_dead_node_of_a_cluster_is_told_and_hides_no_other(field: Field) -> None:
    """The doctor looked at the first alone, and failed beside an agent that delivered by the second."""
    dead = free_port()
    field.start(broker={"port": dead, "others": [f"127.0.0.1:{field.broker.port}"], "spread_s": 0.0})
    found = field.doctor("broker", "collector")
    assert {name for name, each in found.items() if each["state"] == "fail"} == set(), found
    assert found["broker.tcp"]["state"] == "warn"
    assert f"127.0.0.1:{dead} does not answer" in found["broker.tcp"]["text"]
    assert found["collector.ack"]["state"] == "ok"


def test_a_broker_that_refuses_us_and_one_with_too_small_packets(field: Field) -> None:
    field.write(field.settings())
    field.broker.extra = "max_packet_size 20000\n"
    field.broker.configure()
    field.broker.start()
    found = field.doctor("broker")
    assert found["broker.settings"]["state"] == "fail"
    assert "never arrive" in found["broker.settings"]["text"]
    field.broker.stop()
    settings = field.folder / "broker/mosquitto.conf"
    settings.write_text(settings.read_text().replace("allow_anonymous true", "allow_anonymous false"))
    field.broker.start()
    found = field.doctor("broker")
    assert found["broker.auth"]["state"] == "fail"
    assert "password" in found["broker.auth"]["cure"]


def test_a_broker_that_refuses_batches_is_named_though_it_takes_what_the_doctor_says(field: Field) -> None:
    """All of it was well, and readings waited for a collector that was not to blame."""
    field.write(field.settings())
    field.broker.start()
    now_ms = round(time.time() * 1000)
    (field.folder / "status.json").write_text(json.dumps(said() | {"at_ms": now_ms, "link_refusal": "Quota exceeded"}))
    found = field.doctor("broker")
    assert found["broker.acl"]["state"] == "fail"
    assert "Quota exceeded" in found["broker.acl"]["text"]
    assert "rights" in found["broker.acl"]["cure"]


def test_an_unknown_host_is_a_matter_of_names_and_takes_seconds(field: Field) -> None:
    field.write(field.settings(broker={"host": "broker.invalid"}))
    began_s = time.monotonic()
    found = field.doctor("broker", "config")
    assert found["broker.dns"]["state"] == "fail"
    assert found["config.valid"]["state"] == "ok"
    assert time.monotonic() - began_s < 20


def test_an_address_that_is_dead_is_named_and_the_steps_behind_it_are_taken(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a name whose IPv6 went nowhere it said "no answer within 9 s; is the board very busy?", and nothing else."""
    field.write(field.settings())
    field.broker.start()
    connect = socket.create_connection

    def one_is_dead(where: tuple[str, int], timeout: float | None = None, *rest: Any, **more: Any) -> socket.socket:
        if where[0] == "2001:db8::1":
            raise TimeoutError
        return connect(where, timeout, *rest, **more)

    def two_addresses(_host: str, port: int, *_: object, **__: object) -> list[Any]:
        inet, inet6 = (2, 1, 6, "", ("127.0.0.1", port)), (10, 1, 6, "", ("2001:db8::1", port, 0, 0))
        return [inet6, inet]

    monkeypatch.setattr(socket, "create_connection", one_is_dead)
    monkeypatch.setattr(broker_checks, "getaddrinfo", two_addresses)
    found = {one.id: one for one in broker_checks.broker(Station(field.folder / "agent.yaml"))}
    assert found["broker.tcp"].state is State.WARN
    assert "2001:db8::1" in found["broker.tcp"].text
    assert found["broker.roundtrip"].state is State.OK


def said(**sensor: Any) -> dict[str, Any]:
    now_ms = time.time() * 1000
    entry = {
        "name": "air-1",
        "open": True,
        "frames": 100,
        "bad": {},
        "doubt": None,
        "last_frame_ms": now_ms,
        "values": {"pm25_raw_ugm3": 12},
    }
    return {"node": NODE, "up_s": 4000, "pid": 1, "sensors": [entry | sensor]}


@pytest.mark.parametrize(
    ("sensor", "state", "cure"),
    [
        ({}, State.OK, ""),
        ({"open": False}, State.FAIL, "plug it in"),
        ({"open": False, "trouble": BUSY}, State.FAIL, "end that program"),
        ({"open": False, "trouble": NOT_PERMITTED}, State.FAIL, "serial.access"),
        ({"trouble": STUCK, "last_frame_ms": 1.0}, State.FAIL, "pull its adapter out"),
        ({"last_frame_ms": 1.0, "unread_bytes": 320}, State.FAIL, "probe"),
        ({"last_frame_ms": None, "frames": 0}, State.FAIL, "its TX to the Pi's RX"),
        ({"last_frame_ms": None, "frames": 0, "bad": {"bad_header": 50}}, State.FAIL, "probe"),
        ({"last_frame_ms": None, "frames": 0, "unread_bytes": 320}, State.FAIL, "probe"),
        ({"last_frame_ms": None, "frames": 0, "bad": {"no_reply": 50}}, State.FAIL, "its TX to the Pi's RX"),
        ({"last_frame_ms": None, "frames": 0, "bad": {"refused": 80}, "bytes": 400}, State.FAIL, "profiles show"),
        ({"last_frame_ms": 1.0}, State.FAIL, "its TX to the Pi's RX"),
        ({"last_frame_ms": 1.0, "flaps": True}, State.WARN, "push it in"),
        ({"lately": {"frames": 60, "bad": 40}}, State.FAIL, "cable"),
        ({"lately": {"frames": 90, "bad": 10}, "bad": {"bad_checksum": 400}}, State.OK, ""),  # the cable was mended
        ({"doubt": "stale"}, State.FAIL, "power"),
        ({"doubt": "fan_error"}, State.FAIL, "profiles show plantower-pms5003"),
        ({"doubt": "settling"}, State.OK, ""),
        ({"values": {"pm25_raw_ugm3": 99_999}}, State.WARN, "inlet"),
        ({"crowded": True}, State.WARN, "across the lane"),
        ({"values": {}}, State.WARN, "profiles show"),
        ({"values": {}, "doubt": "warming_up"}, State.OK, ""),
    ],
)
def test_each_sensor_fault_has_its_cure(sensor: dict[str, Any], state: State, cure: str) -> None:
    from edge_agent.settings.config import Sensor

    wants = Sensor(name="air-1", profile="plantower-pms5003", port="/dev/null")
    result = sensor_checks._told(wants, PROFILES["plantower-pms5003"], said(**sensor))
    assert result.state is state
    assert cure in result.cure


def test_a_port_that_the_agent_finds_in_use_is_not_said_to_be_free(field: Field) -> None:
    """Who may not see other people's programs read "no other program has a port of ours open" beside "port shut"."""
    field.write(field.settings())
    now_ms = round(time.time() * 1000)
    busy = said(open=False, trouble=BUSY, port="/dev/ttyUSB0") | {"at_ms": now_ms}
    (field.folder / "status.json").write_text(json.dumps(busy))
    found = field.doctor("serial.busy")["serial.busy"]
    assert (found["state"], found["text"]) == ("fail", "ttyUSB0 is in use")
    assert "sudo lamppost agent ports" in found["cure"]


def test_the_wires_to_look_at_are_those_of_the_model() -> None:
    """Whoever stood before a bus of 24 V was told to check 5 V, and TX and RX, which it has not."""
    from edge_agent.settings.config import Sensor

    wants = Sensor(name="air-1", profile="rs485-modbus-weather", port="/dev/null")
    result = sensor_checks._told(wants, PROFILES["rs485-modbus-weather"], said(last_frame_ms=None, frames=0))
    assert "10 to 30 V supply; A and B" in result.cure
    assert result.cure.endswith("Are A and B swapped?")


@pytest.mark.parametrize(
    ("heard", "text", "cure"),
    [
        (0, "0 bytes in 8 s", "its TX to the Pi's RX"),
        (40, "40 bytes, no whole frame yet", "wait"),
        (320, "another model", "probe"),
    ],
)
def test_a_sensor_that_has_given_no_reading_yet_is_told_by_its_bytes(heard: int, text: str, cure: str) -> None:
    from edge_agent.settings.config import Sensor

    wants = Sensor(name="air-1", profile="plantower-pms5003", port="/dev/null")
    told = said(last_frame_ms=None, frames=0, bytes=heard, unread_bytes=heard) | {"up_s": 8}
    result = sensor_checks._told(wants, PROFILES["plantower-pms5003"], told)
    assert text in result.text
    assert cure in result.cure


def test_ports_are_listened_to_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, three silent sensors took longer than the doctor waits, and nothing was told of any."""
    met = Barrier(8)

    def heard(sensor: Any, *_: object) -> Result:
        met.wait(timeout=10)
        return fail(f"sensor.{sensor.name}", same("0 bytes"), same("wires"))

    monkeypatch.setattr(sensor_checks, "_heard", heard)
    sensors = [{"name": f"air-{n}", "profile": "plantower-pms5003", "port": f"/dev/{n}"} for n in range(8)]
    settings = {"node": NODE, "site": "here", "status_file": str(tmp_path / "none.json"), "sensors": sensors}
    (tmp_path / "agent.yaml").write_text(yaml.safe_dump(settings))
    results = sensor_checks.sensors(Station(tmp_path / "agent.yaml"))
    assert [result.id for result in results] == [f"sensor.air-{n}" for n in range(8)]


def board(root: Path, **files: str) -> Station:
    for place, text in files.items():
        path = root / place.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Station(root / "none.yaml", root)


def test_power_faults_name_the_supply(tmp_path: Path) -> None:
    place = tmp_path / "sys/devices/platform/soc/soc:firmware"
    place.mkdir(parents=True)
    for text, state in (("0x0", State.OK), ("0x50000", State.WARN), ("0x50005", State.FAIL)):
        (place / "get_throttled").write_text(text)
        result = machine_checks.power(Station(tmp_path / "none", tmp_path))
        assert result.state is state
        assert state is State.OK or "supply" in result.cure


def test_a_clock_in_the_past_and_one_without_ntp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    station = Station(tmp_path / "none", tmp_path)
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    assert machine_checks.clock_past(station).state is State.FAIL
    monkeypatch.setattr(clock, "synchronised", lambda: False)
    result = machine_checks.clock_sync(station)
    assert result.state is State.WARN
    assert "set-ntp" in result.cure


def test_no_network_at_all(tmp_path: Path) -> None:
    station = board(tmp_path, proc__net__route="Iface Destination\neth0 0000FEA9 0\n")
    result = machine_checks.route(station)
    assert result.state is State.FAIL
    assert "antenna" in result.cure


def test_systemd_words() -> None:
    dead = machine_checks.service_results({"ActiveState": "failed", "UnitFileState": "enabled", "NRestarts": "7"})
    assert [r.state for r in dead] == [State.FAIL, State.WARN, State.WARN]
    well = {"ActiveState": "active", "UnitFileState": "enabled", "NRestarts": "0", "WatchdogUSec": "1min"}
    assert {r.state for r in machine_checks.service_results(well)} == {State.OK}


@pytest.mark.parametrize(
    ("says", "cure"), [("retain_available false\n", "retain_available true"), ("max_qos 0\n", "max_qos 1")]
)
def test_a_broker_that_does_not_let_the_agent_in_lets_in_no_doctor(field: Field, says: str, cure: str) -> None:
    """The doctor, which had no last will, was let in and found nothing that would explain the agent's silence."""
    field.broker.extra = says
    field.broker.configure()
    field.broker.start()
    field.write(field.settings())
    found = field.doctor("broker")
    assert (found["broker.auth"]["state"], found["broker.settings"]["state"]) == ("fail", "skip")
    assert cure in found["broker.auth"]["cure"]
    field.write(field.settings(broker={"port": field.broker.port, "protocol": "3.1.1"}))
    assert field.doctor("broker")["broker.auth"]["state"] == "fail"


@pytest.mark.parametrize("takes", ["connect", "subscribe"])
def test_a_broker_that_hangs_up_on_whom_it_let_in_is_no_slow_one(tmp_path: Path, takes: str) -> None:
    """One that ends the connection over a right (EMQX can be told to) was "no answer in 4 s: a slow or full broker"."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=hang_up_behind, args=(server, takes), daemon=True)
        thread.start()
        station = Station(agent_file(tmp_path, server.getsockname()[1]))
        station.__dict__["said"] = None
        began_s = time.monotonic()
        found = {result.id: result for result in broker_checks.broker(station)}
    assert found["broker.auth"].state is State.OK
    assert found["broker.acl"].state is State.FAIL
    assert "hangs up" in found["broker.acl"].text
    assert "rights" in found["broker.acl"].cure
    assert found["broker.roundtrip"].state is State.SKIP
    assert time.monotonic() - began_s < broker_session.STEP_S


def hang_up_behind(server: socket.socket, takes: str) -> None:
    """A broker of MQTT 5 that lets everybody in and ends the connection at the first thing, or the second."""
    with suppress(OSError):
        while True:
            talking, _ = server.accept()
            with talking:
                if not talking.recv(4096):
                    continue
                talking.sendall(bytes.fromhex("20 03 00 00 00"))
                asked = talking.recv(4096)
                if takes == "subscribe" and asked:
                    talking.sendall(bytes.fromhex("90 05") + asked[2:4] + bytes.fromhex("00 01 01"))
                    talking.recv(4096)


def agent_file(folder: Path, port: int) -> Path:
    """Settings of an agent of one sensor, whose broker is on this machine."""
    file = folder / "agent.yaml"
    air = {"name": "air-1", "profile": "plantower-pms5003", "port": "/dev/a"}
    broker = {"host": "127.0.0.1", "port": port}
    file.write_text(yaml.safe_dump({"node": "lp-1", "site": "s", "broker": broker, "sensors": [air]}))
    return file


@pytest.mark.parametrize(("connected_s", "state"), [(None, State.FAIL), (90.0, State.WARN)])
def test_a_line_that_is_slower_than_the_doctor_waits_is_no_wrong_port(
    tmp_path: Path, connected_s: float | None, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an agent that was connected it said so, at six seconds there and back."""
    monkeypatch.setattr(broker_session, "STEP_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        station = Station(agent_file(tmp_path, mute.getsockname()[1]))
        station.__dict__["said"] = {"connected_s": connected_s}
        found = {result.id: result for result in broker_checks.broker(station)}
    assert found["broker.auth"].state is state
    assert ("slow line" in found["broker.auth"].text) == (state is State.WARN)
    assert found["broker.acl"].state is State.SKIP


def test_every_line_fits_sixty_columns_and_every_failure_has_a_cure(field: Field) -> None:
    field.write(field.settings(broker={"host": "broker.invalid"}))
    results, took_s = examine(Station(field.config, listen_s=0.2), CHECKS)
    assert took_s < 10
    for result in results:
        assert result.cure or result.state in (State.OK, State.SKIP), result
    long = [line for line in screen(results, took_s).splitlines() if len(line) > 60]
    assert not long


def test_what_one_check_may_not_see_costs_no_other_its_word(tmp_path: Path) -> None:
    """As an ordinary user, to whom the folder of the readings is shut; or on a card that fails."""

    def shut(_: Station) -> Result:
        raise PermissionError(13, "Permission denied", "/var/lib/lamppost/spool.db")

    def broken(_: Station) -> Result:
        raise OSError(5, "Input/output error", "/etc/x")

    def unforeseen(_: Station) -> Result:
        raise KeyError("vitals")

    looks = {"a": shut, "b": broken, "c": unforeseen, "d": lambda _: fail("d", same("x"), same("y"))}
    checks = [Check(name, same("?"), look) for name, look in looks.items()]
    results, _ = examine(Station(tmp_path / "none.yaml"), checks)
    assert [(r.id, r.state) for r in results] == [("a", State.SKIP), *((name, State.FAIL) for name in "bcd")]
    assert results[2].text.startswith(f"the check itself breaks: KeyError at {__file__}:")
    assert results[0].text == "/var/lib/lamppost/spool.db may not be seen by you: sudo"
    assert results[1].text == "/etc/x: Input/output error"


def test_checks_are_chosen_by_the_beginning_of_their_ids() -> None:
    assert [check.id for check in chosen(["clock"])] == ["clock.sync", "clock.backwards", "clock.rtc"]
    assert [check.id for check in chosen(["broker.tls"])] == ["broker"]
    assert "sensor" not in [check.id for check in chosen((), ["sensor"])]
    with pytest.raises(Failure, match="no check is called moon"):
        chosen(["moon"])


def test_a_port_that_is_not_the_groups_is_named_though_the_user_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sensor's check sent people to this one, which found nothing: a login had taken the port and left it so."""
    port = tmp_path / "ttyAMA0"
    port.touch()
    monkeypatch.setattr("pwd.getpwnam", lambda _: SimpleNamespace(pw_gid=999))
    group = SimpleNamespace(gr_mem=["lamppost"], gr_gid=os.getgid())
    monkeypatch.setattr("grp.getgrnam", lambda _: group)
    station: Any = SimpleNamespace(settings=SimpleNamespace(sensors=[SimpleNamespace(port=str(port))]))
    port.chmod(0o660)
    assert serial_checks.serial_access(station).state is State.OK
    port.chmod(0o600)
    told = serial_checks.serial_access(station)
    assert (told.state, told.cure) == (State.FAIL, "sudo udevadm trigger --subsystem-match=tty")
    assert "ttyAMA0 is not open to the group dialout" in told.text
