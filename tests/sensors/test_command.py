"""`lamppost agent command`: what a person says to a sensor, on a pseudo-terminal with the stub behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import serial
from typer.testing import CliRunner, Result

from firmware_stubs.models import MODELS
from firmware_stubs.pty import StubHost
from lamppost import _build
from wire.exits import Failure

SENSORS = {"air-1": "nova-sds011", "co2-1": "winsen-mhz19b", "radar-1": "hilink-ld2451", "th-1": "rs485-modbus-weather"}


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Path]:
    stubs = StubHost(links=tmp_path)
    lines = ["node: lp-1", "site: s", "sensors:"]
    for name, profile in SENSORS.items():
        stubs.add(name, MODELS[profile]())
        lines.append(f"  - {{name: {name}, profile: {profile}, port: {tmp_path}/{name}}}")
    file = tmp_path / "agent.yaml"
    file.write_text("\n".join(lines))
    stubs.start()
    yield file
    stubs.stop()


def said(settings: Path, *words: str) -> Result:
    return CliRunner().invoke(_build("agent"), ["agent", "command", *words, "--config", str(settings)])


def test_alone_it_lists_what_can_be_said(settings: Path) -> None:
    text = said(settings, "co2-1").stdout
    assert "read_co2\n" in text
    assert "calibrate_span span_ppm=1000..10000  (by a person only)" in text


def test_the_answer_is_told(settings: Path) -> None:
    assert "read_co2: co2_ppm=" in said(settings, "co2-1", "read_co2").stdout
    assert "firmware=" in said(settings, "air-1", "query_firmware").stdout


def test_a_refusal_is_an_answer(settings: Path) -> None:
    result = said(settings, "th-1", "read_holding", "start=40", "count=2")
    assert "refused: modbus_address=1 function=3 modbus_exception=2 says=illegal register" in result.stdout
    assert result.exit_code == 1


def test_several_in_one_go_with_their_values(settings: Path) -> None:
    values = ["max_distance_m=80", "direction_filter=2", "min_speed_km_h=5", "no_target_delay_s=2"]
    words = ["enable_config", "set_detection", *values, "read_detection", "end_config"]
    result = said(settings, "radar-1", *words)
    assert result.exit_code == 0, result.output
    assert "max_distance_m=80" in result.stdout


def test_what_changes_a_calibration_needs_a_person(settings: Path) -> None:
    refused = said(settings, "co2-1", "calibrate_zero").exception
    assert isinstance(refused, Failure)
    assert refused.word == "not-confirmed"
    assert "it is not answered" in said(settings, "co2-1", "calibrate_zero", "--yes").stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nix-1"], "one of air-1, co2-1, radar-1, th-1"),
        (["co2-1", "calibrat_zero"], "did you mean 'calibrate_zero'"),
        (["co2-1", "calibrate_span"], "needs a value for span_ppm"),
        (["co2-1", "calibrate_span", "span_ppm=5"], "allowed 1000 to 10000"),
        (["co2-1", "calibrate_span", "span_ppm=--5"], "a whole number of 0 to 65535 is wanted"),
        (["co2-1", "calibrate_span", "span_ppm=２０００"], "a whole number of 0 to 65535 is wanted"),
        (["co2-1", "calibrate_span", "span=2000"], "span_ppm"),
        (["air-1", "set_device_id", "new_device_id_hex=160"], "is '160'; 4 hexadecimal digits are wanted"),
        (["air-1", "set_device_id", "new_device_id_hex=XYZW"], "is 'XYZW'; 4 hexadecimal digits are wanted"),
        (["air-1", "set_working_period_min", "working_period_min=many"], "a whole number of 0 to 255 is wanted"),
    ],
)
def test_mistakes_are_answered_with_the_cure(settings: Path, words: list[str], message: str) -> None:
    failure = said(settings, *words).exception
    assert isinstance(failure, Failure)
    assert message in failure.line()


def test_a_number_in_hex_keeps_its_zeros(settings: Path) -> None:
    """0160 was sent as 160, which is no command."""
    said(settings, "air-1", "set_device_id", "new_device_id_hex=0160", "--yes")
    assert "0160" in said(settings, "air-1", "query_firmware").stdout


def test_a_port_that_is_held_is_said(settings: Path) -> None:
    with serial.Serial(str(settings.parent / "co2-1"), 9600, exclusive=True):
        failure = said(settings, "co2-1", "read_co2").exception
    assert isinstance(failure, Failure)
    assert failure.word == "port-busy"
