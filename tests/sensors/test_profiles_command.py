"""`lamppost profiles` as a person and a program meet it."""

import json
from pathlib import Path

import pytest
from jsonschema_rs import Draft202012Validator
from typer.testing import CliRunner

from common.strict_yaml import read
from device_profiles import catalogue, pages
from edge_agent.commands.profiles import app
from tests.sensors.streams import PROFILES
from wire.exits import Exit, Failure

run = CliRunner()


def test_list_names_every_model() -> None:
    result = run.invoke(app, ["list", "--json"])
    assert {item["profile"] for item in json.loads(result.stdout)} == {profile.ref for profile in PROFILES.values()}
    assert "nova-sds011@1" in run.invoke(app, ["list"]).stdout


def test_decode_gives_values_with_units() -> None:
    result = run.invoke(app, ["decode", "nova-sds011", "--hex", "AA C0 4B 00 51 00 E9 77 FC AB", "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)[0]["rows"] == [
        {"pm25_raw_ugm3": {"value": 7.5, "unit": "µg/m³"}, "pm10_raw_ugm3": {"value": 8.1, "unit": "µg/m³"}}
    ]


def test_decode_names_the_damage() -> None:
    result = run.invoke(app, ["decode", "nova-sds011", "--hex", "AAC04B005000E977FCAB"])
    assert result.exit_code == 1
    assert "bad_checksum" in result.stdout


def test_decode_reads_stdin_and_options() -> None:
    command = ["decode", "omnipresense-ops243a", "--file", "-", "--option", "unit=mph"]
    assert "16.093" in run.invoke(app, command, input=b"10.0\r\n").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["show", "nova-sds01"], 2, "did you mean 'nova-sds011'"),
        (["decode", "nova-sds011"], 2, "either --hex or --file"),
        (["decode", "nova-sds011", "--hex", "xy"], 2, "pairs of hex digits"),
        (["decode", "omnipresense-ops243a", "--hex", "30", "--option", "unit=miles"], 2, "mph"),
        (["decode", "renke-rs-fsxcs", "--hex", "01", "--asked", "read_wether"], 2, "did you mean 'read_weather'"),
        (["check", "missing.yaml"], 3, "No such file"),
    ],
)
def test_mistakes_are_answered_with_the_cure(arguments: list[str], code: int, message: str) -> None:
    failure = run.invoke(app, arguments).exception
    assert isinstance(failure, Failure)
    assert failure.code == code
    assert message in failure.line()


def test_check_runs_the_examples(tmp_path: Path) -> None:
    path = tmp_path / "nova-sds011.yaml"
    text = catalogue.load().path("nova-sds011").read_text()
    path.write_text(text)
    assert "3 examples decode as they say" in run.invoke(app, ["check", str(path)]).stdout
    path.write_text(text.replace("pm25_raw_ugm3: 7.5", "pm25_raw_ugm3: 7.6"))
    failure = run.invoke(app, ["check", str(path)]).exception
    assert isinstance(failure, Failure)
    assert failure.code == Exit.CONFIGURATION
    line = next(number for number, line in enumerate(text.splitlines(), 1) if line.startswith("  - hex:"))
    assert f"nova-sds011.yaml:{line}: examples[0]: pm25_raw_ugm3 is 7.5, not 7.6" in failure.line()


TEXT = """
format: 1
profile: text
version: 1
maker: m
models: [m]
title: {zh: m, en: m}
kind: weather
evidence: medium
serial: {baud: 9600}
silence_s: 10
frames: [{kind: line, opening: "$BAR,", check: {kind: xor8_nmea}, anchored: false, longest: 64}]
messages:
  - name: data
    columns: 3
    fields: [{column: 1, quantity: press_hpa}, {column: 2, quantity: temp_c}]
mode: push
modes: {push: {period_s: 1}}
wiring: {zh: m, en: m}
sources: [m]
examples: [{hex: "24 42 41 52 2C 31 30 31 33 2E 32 2C 32 31 2E 34 2A 35 37 0D 0A", message: data,
            rows: [{press_hpa: 1013.2, temp_c: 21.4}], source: m}]
"""


def test_the_last_cell_of_a_line_ends_before_its_checksum(tmp_path: Path) -> None:
    path = tmp_path / "text.yaml"
    path.write_text(TEXT)
    answer = run.invoke(app, ["check", str(path)])
    assert "1 examples decode as they say" in answer.stdout, answer.exception


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("    columns: 3\n", "", "press_hpa: a column goes with columns of its message"),
        ("column: 2,", "column: 3,", "temp_c: of 3 columns the last is 2"),
        ("column: 2,", "at: 5, type: u8,", "temp_c: a column goes with columns of its message"),
    ],
)
def test_a_cell_that_a_line_has_not_is_named(right: str, wrong: str, said: str, tmp_path: Path) -> None:
    """It broke the reading of every frame, and asked its author to report that."""
    path = tmp_path / "text.yaml"
    path.write_text(TEXT.replace(right, wrong))
    failure = run.invoke(app, ["check", str(path)]).exception
    assert isinstance(failure, Failure)
    assert f"text.yaml:14: messages[0]: {said}" in failure.line()


SDS, LINE = "nova-sds011", "text"
AMISS = [
    (SDS, "from: 2, at", "from: 1, at", "['bad_checksum']: what stands there is sum8 from 2, by sum8 it would be "),
    (SDS, "77 FC AB", "77 00 AB", "by sum8 it would be FC"),
    (SDS, "length: 10", "length: 11", "['truncated']: length is 11, so the frame is 11 bytes long, these are 10"),
    (
        SDS,
        "length: 10,",
        "length_field: {at: 0, type: u8, add: -8, allow: [10]},",
        "its length field holds 170, and add is -8: 162 is none of allow, [10]",
    ),
    (SDS, "length: 10,", "length_table: {at: 1, bytes: {C5: 10}},", "byte 1 is C0, which length_table has not"),
    (SDS, 'header: "AA C0|C5"', 'header: "AB C0"', "['bad_header']: a frame begins with AB C0"),
    (SDS, 'tail: "AB"', 'tail: "AC"', "['bad_tail']: a frame ends with AC, these with AB"),
    (SDS, 'when: [{at: 1, is: "C0"}]', "length: 8", "message unknown, not data: that is 8 bytes long, these are 10"),
    (SDS, '{at: 1, is: "C0"}', '{at: 1, is: "CF"}', "message unknown, not data: byte 1 of that is CF, here C0"),
    ("renke-rs-fsxcs", "00 00 FB 43", "00 00 00 00", "by crc16_modbus it would be FB 43"),
    (
        "renke-rs-fsxcs",
        "hex: 01 03 20",
        "hex: 01 03 1E",
        "byte 2 counts 1E, so the frame is 35 bytes long, these are 37",
    ),
    (
        LINE,
        "2A 35 37",
        "2A 30 30",
        "['bad_checksum']: what stands there is none that is known, by xor8_nmea it would be 35 37",
    ),
    (LINE, "35 37 0D 0A", "35 37", "['truncated']: it does not end with 0A"),
    (LINE, "2A 35 37 ", "", "xor8_nmea is two hex digits at its end"),
    (LINE, "longest: 64", "longest: 16", "['bad_length']: a line is at most longest, 16 bytes long, these are 21"),
    (LINE, "columns: 3", "columns: 4", "['bad_format']: data has 4 columns, these are 3"),
    (LINE, "$BAR,", "$PAR,", "['bad_header']: a frame begins with $PAR,"),
    (LINE, "check: {kind: xor8_nmea}", 'templates: ["$BAR,#"]', "it is written as none of templates, $BAR,#"),
    (LINE, "xor8_nmea}", "sum8}", "a line carries xor8_nmea, xor8_from_dollar, crc16_vaisala, not sum8"),
    (LINE, "xor8_nmea}", "xor8_nmea, from: 2}", "xor8_nmea has bounds of its own in a line: leave from and at out"),
]


@pytest.mark.parametrize(("name", "right", "spoilt", "told"), AMISS)
def test_check_tells_what_is_amiss_with_a_frame(tmp_path: Path, name: str, right: str, spoilt: str, told: str) -> None:
    """Who builds an example from a table of registers cannot reckon a CRC by hand, nor see where a length leads."""
    path = tmp_path / f"{name}.yaml"
    text = TEXT if name == LINE else catalogue.load().path(name).read_text()
    assert right in text
    path.write_text(text.replace(right, spoilt, 1))
    failure = run.invoke(app, ["check", str(path)]).exception
    assert isinstance(failure, Failure)
    assert told in failure.line()


def test_a_quantity_that_is_the_collectors_to_say_is_refused(tmp_path: Path) -> None:
    """A profile of corrected `pm25_ugm3` was fine, and the collector refused each of its blocks."""
    path = tmp_path / "nova-sds011.yaml"
    path.write_text(catalogue.load().path("nova-sds011").read_text().replace("pm25_raw_ugm3", "pm25_ugm3"))
    failure = run.invoke(app, ["check", str(path)]).exception
    assert isinstance(failure, Failure)
    assert "'pm25_ugm3' is not known; did you mean 'pm25_raw_ugm3'?" in failure.line()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The model in it was unknown, and nothing said why."""
    failure = run.invoke(app, ["show", "mine", "--folder", str(tmp_path / "profils")]).exception
    assert isinstance(failure, Failure)
    assert f"{tmp_path}/profils is no folder" in failure.line()


@pytest.mark.parametrize("name", PROFILES)
def test_every_model_has_a_page(name: str) -> None:
    text = pages.page(PROFILES[name])
    assert "## Wiring" in text
    assert "## Examples" in text
    folder = Path(__file__).parents[2] / "docs" / "sensors"
    assert (folder / f"{name}.md").read_text(encoding="utf-8") == f"{pages.MADE}\n\n{text}", "run make sensor-pages"


@pytest.mark.parametrize("name", PROFILES)
def test_the_schema_for_editors_accepts_what_we_accept(name: str) -> None:
    schema = json.loads(run.invoke(app, ["schema"]).stdout)
    data = read(catalogue.load().path(name)).data
    assert not list(Draft202012Validator(schema).iter_errors(data))


def test_the_schema_for_editors_refuses_a_misspelt_key() -> None:
    schema = json.loads(run.invoke(app, ["schema"]).stdout)
    data = read(catalogue.load().path("nova-sds011")).data
    data["serial"]["buad"] = 9600
    assert [list(error.instance_path) for error in Draft202012Validator(schema).iter_errors(data)] == [["serial"]]
