"""The status LED. A fake: /sys/class/leds is a folder of plain files here; no real LED was seen by this test."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from edge_agent.device.identify import blink, find_led
from edge_agent.device.led_patterns import Shown, is_dark, pattern, state_of
from edge_agent.device.status_led import StatusLed
from edge_agent.doctor import fixes, machine_checks
from edge_agent.doctor.result import State, Station
from edge_agent.settings.config import Led
from tests.field.conftest import Field
from tests.servers import wait_for

NOW_MS = 1_790_000_000_000
SENSOR = {"name": "air-1", "open": True, "last_frame_ms": NOW_MS - 1000, "silence_s": 10}
WELL: dict[str, Any] = {
    "at_ms": NOW_MS, "up_s": 100, "connected_s": 90.0, "acked_s": 3.0, "refused": 0, "waiting_rows": 2,
    "oldest_ms": NOW_MS - 2000, "clock": "synced", "disk_ok": True, "disk_free_b": 10**9, "spool_share": 0.1,
    "config_note": None, "sensors": [SENSOR],
}  # fmt: skip
OLD = {"oldest_ms": NOW_MS - 600_000, "acked_s": 600.0}


@pytest.fixture
def led(tmp_path: Path) -> Path:
    folder = tmp_path / "sys/class/leds/ACT"
    folder.mkdir(parents=True)
    (folder / "trigger").write_text("none [mmc0] heartbeat")
    (folder / "brightness").write_text("0")
    return folder


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({}, Shown.WELL),
        ({"sensors": [SENSOR, SENSOR | {"open": False}]}, Shown.SENSOR),
        ({"sensors": [SENSOR | {"last_frame_ms": NOW_MS - 11_000}]}, Shown.SENSOR),
        ({"sensors": [SENSOR | {"last_frame_ms": None}]}, Shown.SENSOR),
        ({"connected_s": None}, Shown.BROKER),
        (OLD, Shown.BROKER),
        ({"acked_s": None}, Shown.WELL),
        ({"disk_ok": False, "connected_s": None}, Shown.DISK),
        ({"refused": 3}, Shown.DISK),
        ({"disk_free_b": 10**6}, Shown.DISK),
        ({"spool_share": 0.99}, Shown.WELL),
        ({"spool_share": 0.99, **OLD}, Shown.DISK),
        ({"spool_share": 0.99, "clock": "unsynced"}, Shown.DISK),
        ({"clock": "unsynced"}, Shown.CLOCK),
        ({"clock": "unsynced", "connected_s": None}, Shown.BROKER),
        ({"config_note": "put back"}, Shown.SETTINGS),
        ({"up_s": 3, "connected_s": None}, Shown.STARTING),
        ({"up_s": 3, "disk_ok": False}, Shown.DISK),
        ({"up_s": 0}, Shown.WELL),
    ],
)
def test_the_most_urgent_trouble_is_shown(change: dict[str, Any], shown: Shown) -> None:
    assert state_of(WELL | change) is shown


def test_before_the_agent_has_said_anything_it_is_starting() -> None:
    assert state_of(None) is Shown.STARTING


def test_no_two_states_look_alike_and_the_blinks_can_be_counted() -> None:
    rounds = {state: pattern(state) for state in Shown}
    assert len(set(rounds.values())) == len(Shown)
    for state in Shown:
        ons = [step for step in rounds[state] if step.on]
        offs = [step for step in rounds[state] if not step.on]
        assert len(ons) == max(1, state)
        if state > 0:
            assert offs[-1].seconds > 4 * max([0.3, *(step.seconds for step in offs[:-1])])  # where counting begins
        assert sum(step.seconds for step in rounds[state]) < 5


@pytest.mark.parametrize(
    ("dark", "time", "off"),
    [
        (None, "03:00", False), ("22:00-06:00", "21:59", False), ("22:00-06:00", "22:00", True),
        ("22:00-06:00", "00:00", True), ("22:00-06:00", "05:59", True), ("22:00-06:00", "06:00", False),
        ("01:00-05:00", "03:00", True), ("01:00-05:00", "05:00", False),
    ],
)  # fmt: skip
def test_it_is_off_at_night(dark: str | None, time: str, off: bool) -> None:
    assert is_dark(dark, int(time[:2]) * 60 + int(time[3:])) is off


def steps_of(led: Path, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any] | None, count: int) -> list[str]:
    """What the file held at each of the first `count` waits."""
    seen: list[str] = []

    async def instead_of_waiting(_: float) -> None:
        seen.append((led / "brightness").read_text())
        if len(seen) == count:
            raise asyncio.CancelledError

    monkeypatch.setattr("edge_agent.device.status_led.asyncio.sleep", instead_of_waiting)
    lamp = StatusLed(Led(name=str(led)), lambda: said)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(lamp.show_for_ever())
    lamp.give_back()
    return seen


def test_blinks_are_written_and_the_led_then_does_again_what_it_did(led: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = WELL | {"sensors": [SENSOR | {"open": False}]}
    assert steps_of(led, monkeypatch, said, 8) == ["1", "0", "1", "0"] * 2
    assert (led / "trigger").read_text() == "mmc0"


def test_whoever_identifies_the_box_has_the_led(led: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def busy(_: float) -> None:
        (led / "trigger").write_text("none [timer]")
        (led / "brightness").write_text("by hand")
        busy.times += 1  # type: ignore[attr-defined]
        if busy.times == 5:  # type: ignore[attr-defined]
            raise asyncio.CancelledError

    busy.times = 0  # type: ignore[attr-defined]
    monkeypatch.setattr("edge_agent.device.status_led.asyncio.sleep", busy)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(StatusLed(Led(name=str(led)), lambda: WELL).show_for_ever())
    assert (led / "brightness").read_text() == "by hand"


def test_identify_lets_the_kernel_blink_where_it_can(led: Path, tmp_path: Path) -> None:
    (led / "trigger").write_text("[none] timer mmc0")
    during: list[str] = []
    blink(led, 3.0, lambda s: during.append(f"{s:g} {(led / 'trigger').read_text()} {(led / 'delay_on').read_text()}"))
    assert during == ["3 timer 100"]
    assert (led / "trigger").read_text() == "none"
    assert find_led(tmp_path, "ACT") == led
    assert find_led(tmp_path, "PWR") is None


def test_an_led_that_cannot_be_set_is_told_once(
    led: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (led / "trigger").unlink()
    assert len(steps_of(led, monkeypatch, WELL, 4)) == 4
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "lamppost agent doctor --only led" in caplog.text


def test_doctor_names_the_cure_and_fix_shows_the_files(led: Path, tmp_path: Path) -> None:
    settings = tmp_path / "etc/lamppost/agent.yaml"
    settings.parent.mkdir(parents=True)
    sensor = "{name: air-1, profile: plantower-pms5003, port: /dev/a}"
    settings.write_text(f"node: lp-1\nsite: here\nled: {{name: ACT}}\nsensors:\n  - {sensor}\n")
    (led / "brightness").chmod(0o644)
    found = machine_checks.led(Station(settings, tmp_path))
    assert (found.state, found.cure) == (State.WARN, "sudo lamppost agent fix led")
    cure = fixes.led(tmp_path)
    assert 'KERNEL=="ACT"' in cure.shown()
    assert f"ReadWritePaths=-{led}" in cure.shown()
    (led / "brightness").chmod(0o664)
    assert machine_checks.led(Station(settings, tmp_path)).state is State.OK


@pytest.mark.real
def test_a_running_agent_shows_that_all_is_well_and_gives_the_led_back(field: Field, led: Path) -> None:
    field.start(led={"name": str(led)})
    wait_for("the LED lit", lambda: (led / "brightness").read_text() == "1", 10)
    assert (led / "trigger").read_text() == "none"
    wait_for("a wink", lambda: (led / "brightness").read_text() == "0", 10)
    said = json.loads((field.folder / "status.json").read_text())
    assert state_of(said) is Shown.WELL
    field.agent.stop()
    assert (led / "trigger").read_text() == "mmc0"
