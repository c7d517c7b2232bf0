"""Fifty times pulled out and put back: no restart, every time heard again, told once when lost and once when back."""

from __future__ import annotations

import pytest

from firmware_stubs.models import MODELS
from tests.field.conftest import WORLD, Field
from tests.servers import wait_for

pytestmark = pytest.mark.real


@pytest.mark.long
def test_fifty_rounds_of_unplugging_without_a_restart(field: Field) -> None:
    unplug(field, 50)


def test_some_rounds_of_unplugging_without_a_restart(field: Field) -> None:
    unplug(field, 5)


def test_a_sensor_pulled_out_is_called_so_by_watch_and_status(field: Field) -> None:
    field.start()
    field.stubs.remove("air")
    watched = field.lamppost("agent", "watch", "--seconds", "1", "-c", str(field.config)).stdout
    assert "air-1  port gone: unplugged?" in watched
    wait_for("the agent to say so", lambda: not field.status()["sensors"][0]["open"], 30)
    told = field.lamppost("agent", "status", "-c", str(field.config))
    assert told.returncode == 1
    assert "air-1 port gone" in told.stdout
    assert field.lamppost("agent", "ready", "-c", str(field.config)).returncode == 1


def test_a_port_that_is_there_and_shut_is_called_so_by_watch(field: Field) -> None:
    """It said "silent", as of a sensor that has nothing to say."""
    field.start_alone()
    field.stubs.remove("air")
    (field.ports / "air").symlink_to("/dev/null")
    wait_for("the agent to say so", lambda: field.status()["sensors"][0]["trouble"] == "this is no serial port", 30)
    watched = field.lamppost("agent", "watch", "--seconds", "1", "-c", str(field.config)).stdout
    assert "air-1  port: this is no serial port" in watched


def unplug(field: Field, rounds: int) -> None:
    field.start_alone()
    process = field.agent.process
    assert process is not None
    log = field.folder / "agent.log"

    def told(word: str) -> int:
        return log.read_text().count(f"by-id/air {word}")

    for number in range(1, rounds + 1):
        field.stubs.remove("air")
        wait_for(f"loss {number} to be told", lambda number=number: told("is lost") == number, 30)  # type: ignore[misc]
        field.stubs.add("air", MODELS["plantower-pms5003"](lambda _: WORLD))
        wait_for(f"return {number} to be told", lambda number=number: told("is back") == number, 30)  # type: ignore[misc]
    wait_for("frames after the last round", lambda: field.status()["sensors"][0]["open"], 30)
    assert process.poll() is None
    assert field.status()["pid"] == process.pid
    assert (told("is lost"), told("is back"), told("cannot be opened")) == (rounds, rounds, 0)
