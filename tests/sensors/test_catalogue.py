"""Every profile found by itself: examples decode, any split is the same, damage costs itself only."""

import random
import re
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

from common.strict_yaml import NotUsable
from device_profiles import catalogue
from device_profiles.commands import Command
from device_profiles.frames import Check, CheckKind, LineShape
from device_profiles.messages import Flag, Message
from device_profiles.profile import Example, Profile
from edge_agent.sensors.checksums import CHECKSUMS
from edge_agent.sensors.commands import command_bytes, recognise
from edge_agent.sensors.decoding import Values, decode
from edge_agent.sensors.framing import REASONS, BadFrame, Frame, Framer
from edge_agent.sensors.shapes import WAIT, compile_shape
from tests.sensors.streams import PROFILES, framed

EXAMPLES = [
    pytest.param(profile, example, id=f"{profile.name}-{number}")
    for profile in PROFILES.values()
    for number, example in enumerate(profile.examples)
]
PROFILE = pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)


@pytest.mark.parametrize(("profile", "example"), EXAMPLES)
def test_example_decodes_to_what_it_says(profile: Profile, example: Example) -> None:
    unit = profile.with_options(example.options)
    frames = framed(unit, [example.data])
    assert len(frames) == 1, frames
    assert isinstance(frames[0], Frame), frames
    values = decode(unit, frames[0], example.asked)
    assert isinstance(values, Values), values
    assert values.message == example.message
    assert values.rows == [pytest.approx(row) for row in example.rows]
    assert {key: values.info.get(key) for key in example.info} == example.info
    assert set(values.flags) == set(example.flags)


@PROFILE
def test_any_split_gives_the_same_frames(profile: Profile) -> None:
    stream = b"".join(example.data for example in profile.examples[:3]) + profile.examples[0].data[:5]
    whole = framed(profile, [stream])
    for at in range(1, len(stream)):
        assert framed(profile, [stream[:at], stream[at:]]) == whole
    assert framed(profile, [stream[at : at + 1] for at in range(len(stream))]) == whole


@PROFILE
def test_damage_at_any_split_too(profile: Profile) -> None:
    seeds = random.Random(profile.name)
    for _ in range(60):
        stream = bytearray(b"".join(seeds.choice(profile.examples).data for _ in range(6)))
        for _ in range(seeds.randrange(1, 5)):
            stream[seeds.randrange(len(stream))] = seeds.randrange(256)
        whole = framed(profile, [bytes(stream)])
        cuts = sorted(seeds.sample(range(len(stream)), 5))
        pieces = [bytes(stream[a:b]) for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
        assert framed(profile, pieces) == whole
        assert all(bad.reason in REASONS for bad in whole if isinstance(bad, BadFrame))


@PROFILE
def test_a_damage_costs_its_own_frame_and_at_most_one_good_one(profile: Profile) -> None:
    frames = [example.data for example in profile.examples] * 3
    sound = _frames_of(profile, frames)
    seeds = random.Random(profile.name)
    for _ in range(30):
        hit = seeds.randrange(len(frames))
        spoilt = [*frames[:hit], _spoilt(frames[hit], seeds), *frames[hit + 1 :]]
        assert (sound - _frames_of(profile, spoilt)).total() <= 2, [frame.hex() for frame in spoilt[hit : hit + 2]]


def _frames_of(profile: Profile, stream: list[bytes]) -> Counter[bytes]:
    return Counter(item.data for item in framed(profile, [b"".join(stream)]) if isinstance(item, Frame))


def _spoilt(frame: bytes, seeds: random.Random) -> bytes:
    """One byte changed, some lost, some added, or some the other way round."""
    at, some = seeds.randrange(len(frame)), seeds.randrange(1, 20)
    before, hit, after = frame[:at], frame[at : at + some], frame[at + some :]
    other = bytes((hit[0] ^ seeds.randrange(1, 256),)) + hit[1:]
    return before + seeds.choice((other, b"", seeds.randbytes(some) + hit, hit[::-1])) + after


@PROFILE
def test_noise_is_bounded_and_forgotten(profile: Profile) -> None:
    framer = Framer(profile)
    for noise in (b"\xff" * 20_000, b"9" * 20_000, random.Random(7).randbytes(20_000)):
        for at in range(0, len(noise), 500):
            framer.feed(noise[at : at + 500])
            assert len(framer._buffer) < 3 * framer._longest
    framer.flush()
    framer.feed(b"\r\n")
    assert Frame(profile.examples[0].data) in framer.feed(profile.examples[0].data) + framer.flush()


@PROFILE
def test_every_command_is_recognised_with_its_values(profile: Profile) -> None:
    for name, command in profile.commands.items():
        values: dict[str, int | str] = {slot: 1 for slot in command.slots if slot not in profile.options}
        for slot, param in command.params.items():
            values[slot] = param.max if param.max is not None else param.min or 1
        values |= {slot: "A160" for slot in command.slots if slot.endswith("_hex")}
        values |= {slot: "00" * 24 for slot in command.slots if slot == "zones"}
        data = command_bytes(profile, name, values).removeprefix(bytes.fromhex(command.before or ""))
        found = recognise(profile, data)
        assert isinstance(found, list), (name, found)
        match = next(match for match in found if match.command == name)
        assert {slot: match.values[slot] for slot in values} == values


@PROFILE
def test_of_what_is_asked_dust_comes_last_for_screens_show_the_last(profile: Profile) -> None:
    """A NextPM was the temperature of its case on every screen, and no dust."""
    with_dust = {m.name for m in profile.messages if any(f.quantity == "pm25_raw_ugm3" for f in m.fields)}
    for mode in profile.modes.values():
        replies = [profile.commands[step.command].reply for step in mode.ask]
        assert not with_dust & set(replies) or replies[-1] in with_dust


def test_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(catalogue.UnknownProfile, match="did you mean 'nova-sds011'"):
        catalogue.load().get("nova-sds01")
    for word, model in (("sps30", "sensirion-sps30"), ("PMS5003", "plantower-pms5003"), ("radar", "mph-radar")):
        with pytest.raises(catalogue.UnknownProfile, match=f"did you mean '{model}'"):
            catalogue.load().get(word)
    with pytest.raises(catalogue.UnknownProfile, match="there is nova-sds011@1"):
        catalogue.load().get("nova-sds011@9")


def test_a_unit_of_any_model_may_be_set_to_another_speed_or_parity() -> None:
    receiver = catalogue.load().get("nmea-gnss")
    assert receiver.with_options({"baud": 115200, "parity": "even"}).serial.told == "115200 8E1"
    assert receiver.serial.told == "9600 8N1"
    for wrong, said in (
        ({"baud": "fast"}, "option baud is 'fast'; a whole number of 300 to 3000000 is wanted"),
        ({"parity": "mark"}, "option parity is 'mark'; one of none, even, odd is wanted"),
        ({"bauds": 4800}, "option 'bauds' is not known; did you mean 'baud'?"),
    ):
        with pytest.raises(ValueError, match=re.escape(said)):
            receiver.with_options(wrong)  # type: ignore[arg-type]


def test_user_folder_overrides_by_name_and_version(tmp_path) -> None:
    text = catalogue.load().path("nova-sds011").read_text()
    (tmp_path / "nova-sds011.yaml").write_text(text.replace("Nova Fitness", "Us"))
    (tmp_path / "nova-sds011@2.yaml").write_text(text.replace("version: 1", "version: 2"))
    found = catalogue.load(tmp_path)
    assert found.get("nova-sds011").ref == "nova-sds011@2"
    assert found.get("nova-sds011@1").maker == "Us"


BROKEN = {
    "unknown key": ("baud: 9600", "buad: 9600", "did you mean 'baud'"),
    "parity word": ("baud: 9600", "baud: 9600, parity: evn", "did you mean 'even'"),
    "parity NO": ("baud: 9600", "baud: 9600, parity: NO", "in quotes"),
    "baud below zero": ("baud: 9600", "baud: -9600", "greater than or equal"),
    "frame length 0": ("length: 10", "length: 0", "greater than or equal to 1"),
    "field outside": ("at: 2, type: u16le", "at: 4000, type: u16le", "outside the frame"),
    "expression": ("scale: 0.1", "scale: 9**9**9", "valid number"),
    "scale nan": ("scale: 0.1", "scale: .nan", "ambiguous"),
    "range reversed": ("max: 999.9,", "min: 10, max: 1,", "is not below"),
    "quantity time": ("quantity: pm25_raw_ugm3", "quantity: time", "'time' is not known"),
    "quantity near": ("quantity: pm25_raw_ugm3", "quantity: pm25_raw_ugm", "did you mean 'pm25_raw_ugm3'"),
    "quantity twice": ("quantity: pm25_raw_ugm3", "quantity: pm10_raw_ugm3", "two fields"),
    "name is a path": ("profile: nova-sds011", "profile: ../../etc/cron.d/x", "lower-case"),
    "weak without a reason": (
        "evidence: strong",
        "evidence: weak",
        "evidence: weak evidence wants a reason in the key",
    ),
    "kind of the collector's": ("kind: air_quality", "kind: gap", "known are air_quality"),
    "checksum in the tail": ("from: 2, at: -2}", "from: 2}", "check wants at: -2"),
    "half a byte": ("hex: AA C0", "hex: A C0", "pairs of hex digits are wanted"),
    "checksum without a rule": ("command_check: {kind: sum8, from: 2}\n", "", "{check} wants its rule"),
    "slot without a value": ("with: {working_period_min: 0}", "with: {}", "no value for working_period_min"),
    "value without a slot": ("with: {working_period_min: 0}", "with: {period: 0}", "'period' is not known"),
    "option of a shape": (
        "length: 10, check",
        "option: {dialect: 1}, length: 10, check",
        "option 'dialect' is not known",
    ),
    "brace": ('send: "AA B4 02 00', 'text: "{AA B4 02 00', "belongs to no slot"),
    "tail of alternatives": (
        'tail: "AB"',
        'tail: "AB|AC"',
        "frames[0].tail: bytes in hex with spaces between are wanted",
    ),
    "no header": ('header: "AA C0|C5"', 'header: ""', "frames[0].header: bytes in hex with spaces between are wanted"),
    "checksum from the front": (
        "from: 2, at: -2}",
        "from: 2, at: 8}",
        "frames[0].check.at: counted from the frame's end",
    ),
    "table of no bytes": (
        "length: 10, check",
        "length_table: {at: 1, bytes: {first: 10}}, check",
        "a byte in hex is wanted here, such as 06, not 'first'",
    ),
    "words for words": (
        "type: hex, size: 2, name: device_id_hex}",
        "type: u8, name: device_id_hex, words: {ff: true}}",
        "a number is wanted before its word, such as 8 or 0x08, not 'ff'",
    ),
    "bits of a text": (
        "type: hex, size: 2, name: device_id_hex}",
        "type: hex, size: 2, name: device_id, mask: 3}",
        "mask and bit",
    ),
    "scale of a text": (
        "type: hex, size: 2, name: device_id_hex}",
        "type: hex, size: 2, name: device_id, scale: 3}",
        "is a text",
    ),
    "flag outside": (
        "    flags:\n",
        "    flags:\n      - {name: error, at: 9, type: u16be}\n",
        "flags[0].at: error is outside the longest frame of 10 bytes",
    ),
    "condition outside": (
        "{at: 1, is:",
        "{at: -11, is:",
        "when[0].at: this byte is outside the longest frame of 10 bytes",
    ),
    "unknown command": ("{command: set_work}", "{command: set_wrk}", "did you mean 'set_work'"),
}


@pytest.mark.parametrize(("old", "new", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_profile_is_refused_with_line_and_cure(tmp_path, old: str, new: str, message: str) -> None:
    path = tmp_path / "nova-sds011.yaml"
    text = catalogue.load().path("nova-sds011").read_text()
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(NotUsable) as caught:
        catalogue.read(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}:")


def test_a_file_that_is_not_named_like_its_profile_hears_both_right_names(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(catalogue.load().path("nova-sds011").read_text())
    with pytest.raises(NotUsable, match=r"is called nova-sds011\.yaml or nova-sds011@1\.yaml"):
        catalogue.read(path)


def test_a_profile_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "own-sensor.yaml").symlink_to(tmp_path / "nowhere.yaml")
    with pytest.raises(NotUsable, match=r"own-sensor\.yaml:1: cannot be read"):
        catalogue.load(tmp_path).get("own-sensor")


def test_a_commands_text_takes_the_checksum_that_its_rule_says() -> None:
    words = {"text": "$PMTK220,1000*{check}\r\n", "check": {"kind": "xor8_nmea", "from": 1}}
    command = Command.model_validate(words)
    profile = PROFILES["nmea-gnss"].model_copy(update={"commands": {"set_pace": command}})
    data = command_bytes(profile, "set_pace")
    assert data == b"$PMTK220,1000*1F\r\n"  # as MediaTek's packet list prints it
    assert isinstance(recognise(profile, data), list)
    assert recognise(profile, data.replace(b"1F", b"2F")) == "bad_checksum"


def test_a_form_of_letters_waits_for_its_end_however_the_stream_is_split() -> None:
    """A letter that had come alone was damage; with the digit behind it, it was a frame."""
    form = compile_shape(LineShape(kind="line", start="V", templates=["V@#"], end="none"))
    assert form.measure(bytearray(b"VA"), 0) == WAIT
    assert form.measure(bytearray(b"VA7"), 0) == (3, None)
    assert form.measure(bytearray(b"V-"), 0) == (3, "bad_format")


def test_the_schema_knows_every_checksum_and_how_many_bytes_it_takes() -> None:
    """A new one of two bytes took one, and was wrong in every frame."""
    assert {kind: Check(kind=kind).size for kind in get_args(CheckKind)} == {
        kind: len(checksum(b"\x01\x02")) for kind, checksum in CHECKSUMS.items()
    }


def test_a_frame_too_short_for_a_flag_is_badly_formed() -> None:
    """It was told as a frame that breaks this program, to be reported."""
    pms = PROFILES["plantower-pms5003"]
    answer = Message(name="answer", flags=[Flag(name="error", at=8)])
    profile = pms.model_construct(**{**pms.__dict__, "messages": [answer]})
    profile.__dict__.pop("compiled decoder", None)
    short, whole = Frame(pms.examples[1].data), Frame(pms.examples[0].data)
    assert decode(profile, short) == BadFrame(short.data, "bad_format")
    assert isinstance(decode(profile, whole), Values)
