"""New settings and an agent that runs: taken up, put back, refused, or heard between two of its lives."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest

from common.yaml_splice import with_value
from tests.field.conftest import NODE, Field
from tests.servers import wait_for


@pytest.mark.real
def test_the_running_agent_takes_a_change_up_and_puts_back_what_silences_a_sensor(field: Field) -> None:
    """The trial is cut to 8 s here; on a device it is 100 s."""
    field.start()
    before = json.loads((field.folder / "status.json").read_text())
    options = ("--config", str(field.config))

    done = field.lamppost("agent", "config", "set", "seal_s", "2", *options)
    assert done.returncode == 0, done.stderr
    assert "in force: the agent runs with it" in done.stdout
    after = json.loads((field.folder / "status.json").read_text())
    assert after["pid"] == before["pid"]  # begun anew, not started again
    assert after["settings"] != before["settings"]

    kept = field.lamppost("agent", "config", "set", "seal_s=1", "--try", *options)
    assert kept.returncode == 0, kept.stderr
    assert "kept: every sensor is heard" in kept.stdout

    afar = field.office("stations", "config", "set", NODE, "sensors.air-1.lane=2")
    assert afar.returncode == 0, afar.stderr
    assert 'lane: "2"' in afar.stdout  # a word where a word is wanted: the station knows
    assert "version 1 kept" in afar.stdout
    unknown = field.office("stations", "config", "set", NODE, "seel_s=2", "--dry-run")
    assert unknown.returncode == 3
    assert "did you mean 'seal_s'?" in unknown.stderr
    assert 'lane: "2"' in field.config.read_text()

    good = field.config.read_text()
    wrong = field.lamppost("agent", "config", "set", f"sensors.air-1.port={field.ports}/gone", "--try", *options)
    assert wrong.returncode == 1, wrong.stdout + wrong.stderr
    assert "the old settings are back: air-1 is silent" in wrong.stderr
    assert field.config.read_text() == good


@pytest.mark.real
def test_an_agent_does_not_take_up_a_file_that_was_broken_by_hand(field: Field) -> None:
    field.start_alone()
    begun, good = field.status(), field.config.read_text()
    no_secret = with_value(good, ("broker", "password_file"), "/no/file")
    no_spool = with_value(good, ("spool", "path"), "/dev/null/spool.db")
    for number, broken in enumerate(("node: [\n", "# \udcb4\n", no_secret, no_spool, None), 1):
        if broken is None:
            field.config.unlink()
        else:
            field.config.write_text(broken, errors="surrogateescape")
        said = field.status()
        os.kill(begun["pid"], signal.SIGHUP)

        def told(number: int = number) -> bool:
            return field.agent.log.read_text().count("the settings are not taken up") == number

        def goes_on(said: dict[str, Any] = said) -> bool:
            now = field.status()
            return now["at_ms"] > said["at_ms"] + 2000 and now["up_s"] > said["up_s"] and now["pid"] == begun["pid"]

        wait_for(f"word of {broken!r}", told, 20)
        wait_for(f"the agent going on beside {broken!r}", goes_on, 20)
        assert field.agent.running()
    assert "Errno" not in field.agent.log.read_text()


@pytest.mark.real
def test_what_was_broken_by_hand_is_told_mended_and_never_put_back(field: Field) -> None:
    """The agent goes on with what it had, and could not begin again with the file as it stands."""
    field.start()
    good, options = field.config.read_text(), ("--config", str(field.config))
    broken = good.replace("seal_s", "seel_s")
    field.config.write_text(broken)
    os.kill(field.status()["pid"], signal.SIGHUP)
    wait_for("the note", lambda: field.status().get("config_note") is not None)
    told = field.lamppost("agent", "status", *options, "--file", str(field.folder / "status.json"))
    assert told.returncode == 1
    assert "did you mean 'seal_s'?" in told.stderr
    assert "the settings are not taken up" in told.stdout

    tried = field.lamppost("agent", "config", "unset", "seel_s", "--try", *options)
    assert tried.returncode == 3
    assert "could not be put back" in tried.stderr

    wrong = field.folder / "wrong.yaml"
    wrong.write_text(with_value(good, ("sensors", 0, "port"), f"{field.ports}/gone"))
    back = field.office("stations", "config", "apply", NODE, str(wrong))
    assert "rolled back: air-1 is silent" in back.stdout, back.stderr
    assert field.config.read_text() == good
    assert field.agent.running()

    field.config.write_text(broken)
    mended = field.lamppost("agent", "config", "unset", "seel_s", *options)
    assert "in force: the agent runs with it" in mended.stdout, mended.stderr


@pytest.mark.real
def test_watch_says_of_a_running_agent_that_it_has_no_socket(field: Field) -> None:
    field.start_alone()
    (field.folder / "status.sock").unlink()
    watched = field.lamppost("agent", "watch", "--seconds", "1", "--config", str(field.config))
    assert watched.returncode == 5
    assert "an agent runs, but not with the socket" in watched.stderr


@pytest.mark.real
def test_an_end_that_is_asked_for_between_two_lives_is_heard(field: Field) -> None:

    between = field.folder / "between"
    field.agent.command[1:3] = ["-c", SLOW_BETWEEN.format(str(between))]  # in place of -m lamppost
    field.start_alone()
    assert field.agent.process is not None
    os.kill(field.agent.process.pid, signal.SIGHUP)
    wait_for("the end of the first life", between.exists, 20)
    assert field.agent.stop() == 0


SLOW_BETWEEN = """
import asyncio, pathlib, time
import lamppost
close = asyncio.Runner.close
def slow(runner):
    pathlib.Path({!r}).touch()
    time.sleep(1)  # the slow end of a life, in which the signal comes
    close(runner)
asyncio.Runner.close = slow
lamppost.main()
"""
