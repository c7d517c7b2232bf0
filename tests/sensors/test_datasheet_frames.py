"""Frames of a third reading of every datasheet, whole, split, damaged and glued to those of another sensor."""

from __future__ import annotations

from functools import reduce
from operator import xor
from typing import Any

import pytest

from device_profiles.profile import Profile
from edge_agent.sensors.checksums import CHECKSUMS
from edge_agent.sensors.framing import BadFrame, Frame, Framer
from tests import frames
from tests.sensors import datasheet_frames
from tests.sensors.datasheet_frames import FAMILIES, records
from tests.sensors.golden_names import SENSORS
from tests.sensors.streams import PROFILES

COUNT = 60


@pytest.mark.parametrize("sensor", FAMILIES)
def test_every_value_a_manual_allows_is_read_as_it_says(sensor: str) -> None:
    wrong = {record["hex"]: problem for record in records(sensor, COUNT) if (problem := frames.check(record))}
    assert not wrong


@pytest.mark.parametrize("sensor", FAMILIES)
def test_wherever_the_bytes_are_parted_the_frames_are_the_same(sensor: str) -> None:
    profile = PROFILES[SENSORS[sensor]]
    stream = b"".join(bytes.fromhex(record["hex"]) for record in records(sensor, 4))
    whole = cut(profile, stream)
    for at in range(len(stream)):
        assert cut(profile, stream[:at], stream[at:]) == whole, at
    assert cut(profile, *(bytes([byte]) for byte in stream)) == whole


@pytest.mark.parametrize("sensor", FAMILIES)
def test_another_sensors_frames_on_the_line_are_never_taken_for_ours(sensor: str) -> None:
    """Two streams glued: what is ours comes out, whatever stands before and behind it."""
    profile = PROFILES[SENSORS[sensor]]
    own = [bytes.fromhex(record["hex"]) for record in records(sensor, 3)][:3]
    for other in FAMILIES:
        theirs = bytes.fromhex(next(records(other, 3))["hex"])
        if speaks_alike(profile, theirs) or (profile.frames[0].kind == "line" and sensor == "hikvision_csr"):
            continue
        found = cut(profile, theirs + own[1] + theirs + own[2])
        sound = [item.data for item in found if isinstance(item, Frame) and item.data in own]
        assert own[2] in sound, other
        if theirs.endswith(b"\n") or profile.frames[0].kind != "line":
            assert own[1] in sound, other


def cut(profile: Profile, *parts: bytes) -> list[Frame | BadFrame]:
    """The frames of a stream that was read in parts."""
    framer = Framer(profile)
    return [item for part in parts for item in framer.feed(part)] + framer.flush()


def speaks_alike(profile: Profile, data: bytes) -> bool:
    """Whether a frame of another model is one of this model's as well."""
    return any(isinstance(item, Frame) for item in cut(profile, data))


SPECIAL = [
    # TFmini Plus manual, "abnormal values": with a strength that looks sound, no distance all the same
    ("benewake-tfmini", "59 59 FF FF E8 03 80 08 23", ["no_distance"], {}),
    ("benewake-tfmini", "59 59 FE FF E8 03 80 08 22", ["saturated"], {}),
    ("benewake-tfmini", "59 59 FC FF E8 03 80 08 20", ["sunlight"], {}),
    ("benewake-tfmini", "2D 31 2E 30 30 0D 0A", ["no_distance"], {}),  # -1.00: not a vehicle 1.00 m away
    ("benewake-tfmini", "2D 31 0D 0A", ["no_distance"], {}),
    ("ultrasonic-ff", "FF FF FD FB", ["no_object"], {}),
    ("ultrasonic-ff", "FF FF FE FC", ["interference"], {}),
    # not a number, as an SCD30 answers before its first measurement, is no value
    ("sensirion-scd30", "61 03 0C 7F C0 00 00 41 D9 E7 FF 42 43 3A 1B", [], {"temp_c": 27.238, "rh_pct": 48.807}),
    ("plantower-pms5003t", "42 4D 00 1C 00 03 00 04 00 05 00 03 00 04 00 05 03 84 00 C8 00 1E 00 04 FF 9C 01 F4 9A 00",
     [], {"case_temp_c": -10.0, "case_rh_pct": 50.0}),
    ("hikvision-csr", "2A 30 35 30", [], {"speed_abs_kmh": 50}),  # *050: no direction
    ("hikvision-csr", "F7 32", [], {"speed_abs_kmh": 50}),
    ("mph-radar", "02 14 00 03 00 00 03", [], {}),  # 0 to 3 mean no speed
    ("vaisala-wxt", "30 52 32 2C 54 61 3D 2D 31 38 2E 34 43 2C 55 61 3D 30 2E 30 23 0D 0A", ["invalid_value"],
     {"temp_c": -18.4}),  # 0R2,Ta=-18.4C,Ua=0.0#
]  # fmt: skip


@pytest.mark.parametrize(("model", "text", "flags", "values"), SPECIAL, ids=[f"{s[0]} {s[1][:11]}" for s in SPECIAL])
def test_what_means_no_value_is_none(model: str, text: str, flags: list[str], values: dict[str, float]) -> None:
    data = bytes.fromhex(text)
    if model == "sensirion-scd30":
        data = datasheet_frames.modbus(data)
    if model.startswith("plantower"):
        data += (sum(data) & 0xFFFF).to_bytes(2, "big")
    good, bad = frames.read(PROFILES[model], data, None)
    assert not bad
    (found,) = good
    assert set(flags) <= set(found.flags)
    row = found.rows[0] if found.rows else {}
    assert "range_m" not in row
    assert {name: row[name] for name in values} == values
    assert "co2_ppm" not in row


def test_a_csr_of_one_byte_is_heard_with_its_direction_where_it_tells_one() -> None:
    """F9 to F7 are no speeds: before one they say the direction also on a line of single bytes."""
    single = PROFILES["hikvision-csr"].with_options({"format": "one_byte"})
    good, bad = frames.read(single, bytes.fromhex("3C F9 5A F8 28 32"), None)
    assert not bad
    assert [values.rows for values in good] == [
        [{"speed_abs_kmh": 60}],
        [{"speed_kmh": 90}],
        [{"speed_kmh": -40}],
        [{"speed_abs_kmh": 50}],
    ]


@pytest.mark.parametrize(
    ("state", "fit"), [(0x00, True), (0x02, True), (0x04, False), (0x10, False), (0x20, True), (0x80, True)]
)
def test_a_nextpm_whose_own_thermometer_fails_tells_no_temperature(state: int, fit: bool) -> None:
    """Bit 4 is of the thermometer and hygrometer; fan and laser (bits 5 and 7) are of the particles."""
    frame = bytes([0x81, 0x14, state, 0x0B, 0x40, 0x13, 0xE7])
    good, _ = frames.read(PROFILES["tera-nextpm"], frame + bytes([-sum(frame) % 256]), None)
    assert [(values.measurement, values.fit) for values in good] == [(True, fit)]


def wmt700(line: str) -> Any:
    """One message, with its checksum, read."""
    good, _ = frames.read(PROFILES["vaisala-wmt700"], f"{line}{reduce(xor, line.encode()):02X}\r\n".encode(), None)
    (found,) = good
    return found


def test_a_wind_that_is_missing_is_none_and_its_reason_is_told() -> None:
    """WMT700 user's guide M211095EN-H, 5.10.3 and table 43: 999 is missing; bit 10 blocked, bit 5 low supply."""
    found = wmt700("$999.00,999.00,999.00,999.00,22.13,1024,")
    assert (found.rows, found.flags) == ([{"sonic_temp_c": 22.13}], ("blocked",))
    found = wmt700("$03.22,075.29,03.38,03.07,-22.13,32,")
    assert found.rows[0]["wind_speed_ms"] == 3.22
    assert (found.fit, found.flags) == (True, ("supply_voltage",))
    assert wmt700("$03.22,075.29,03.38,03.07,22.13,130,").flags == ("transducer_error", "temperature_beyond_limits")
    assert wmt700("$03.22,075.29,03.38,03.07,22.13,0,").flags == ()


def test_a_distance_of_nothing_is_no_vehicle_at_the_lamppost() -> None:
    """DYP-A02 tells 0 into open space as before a hand."""
    (found,), _ = frames.read(PROFILES["ultrasonic-ff"], bytes.fromhex("FF 00 00 FF"), None)
    assert (found.rows, found.flags, found.fit) == ([{"range_m": 0}], ("no_distance",), False)


def test_a_line_that_lost_a_letter_names_no_value() -> None:
    """Without its unit a speed in mph would be taken for one in km/h."""
    for line in (b'{"nit":"mph","speed":35.8}', b'{"uunit":"mph","speed":35.8}', b'{"unit":"mph","sped":35.8}'):
        good, bad = frames.read(PROFILES["omnipresense-ops243a"], line + b"\r\n", None)
        assert (good, [item.reason for item in bad]) == ([], ["bad_field"])


def test_how_strong_is_strong_enough_differs_between_the_tfminis() -> None:
    """Below 20 in the first one (user manual A03 p. 12), below 100 in those after it (TFmini-S manual A00 p. 12)."""
    plus, first = PROFILES["benewake-tfmini"], PROFILES["benewake-tfmini"].with_options({"model": "tfmini"})
    for profile, strength, is_fit in [(plus, 99, False), (plus, 100, True), (first, 19, False), (first, 20, True)]:
        data = b"\x59\x59" + bytes.fromhex("E803") + strength.to_bytes(2, "little") + bytes.fromhex("0200")
        (found,), _ = frames.read(profile, data + bytes([sum(data) & 0xFF]), None)
        assert found.fit == is_fit, strength


def test_a_tfmini_that_tells_millimetres_is_an_option() -> None:
    """TFmini Plus manual, command 05: the same frame with the distance in mm."""
    data = bytes.fromhex("59 59 E8 03 40 01 40 09 27")
    for form, range_m in [("cm", 10.0), ("mm", 1.0)]:
        (found,), _ = frames.read(PROFILES["benewake-tfmini"].with_options({"format": form}), data, None)
        assert found.rows == [{"range_m": range_m, "magnitude": 320}]


def test_a_tfmini_says_its_new_speed() -> None:
    (found,), _ = frames.read(PROFILES["benewake-tfmini"], bytes.fromhex("5A 08 06 00 C2 01 00 2B"), None)
    assert (found.message, found.info) == ("set_baud", {"baud": 115200})


def test_an_mhz19_that_boots_has_no_value_yet() -> None:
    """Byte 5 is 1 then, and 64 when it is steady (ESPEasy P049)."""
    for state, is_fit in [(0, True), (1, False), (64, True)]:
        data = bytes.fromhex("FF 86 01 9A 42") + bytes([state, 0, 0])
        (found,), _ = frames.read(PROFILES["winsen-mhz19b"], data + bytes([-sum(data[1:]) & 0xFF]), None)
        assert found.fit == is_fit, state


def test_no_distance_as_text_is_no_vehicle_at_the_lamppost() -> None:
    (found,), _ = frames.read(PROFILES["benewake-tfmini"], b"0.00\r\n", None)
    assert not found.fit


def test_hail_counted_in_hits_costs_no_wind() -> None:
    """WXT530 user guide M211840EN-C p. 140: hail in M and I is of a surface, in H hits alone, which no quantity is."""
    line = b"0R0,Dm=100D,Sm=1.0M,Ta=20.0C,Rc=0.00M,Hc=3.0H,Hd=10s,Hi=7.5H,Hp=8.0H\r\n"
    (found,), bad = frames.read(PROFILES["vaisala-wxt"], line, None)
    wind = {"wind_dir_deg": 100, "wind_speed_ms": 1.0}
    assert (found.rows, bad) == ([{**wind, "temp_c": 20.0, "rain_mm": 0.0, "hail_duration_s": 10}], [])
    (found,), _ = frames.read(PROFILES["vaisala-wxt"], line.replace(b"3.0H", b"3.0M"), None)
    assert found.rows[0]["hail_hits_per_cm2"] == 3.0
    assert not frames.read(PROFILES["vaisala-wxt"], line.replace(b"3.0H", b"3,0H"), None)[0]


def test_a_key_of_its_own_costs_a_proved_wxt_line_nothing() -> None:
    """WXT530 composite message with an analogue input; without a CRC the same key may be damage."""
    body = b"0r0,Ta=20.0C,Sr=0.5V"
    (found,), bad = frames.read(PROFILES["vaisala-wxt"], body + CHECKSUMS["crc16_vaisala"](body) + b"\r\n", None)
    assert (found.rows, found.info["Sr"], bad) == ([{"temp_c": 20.0}], "0.5V", [])
    assert not frames.read(PROFILES["vaisala-wxt"], body.replace(b"r", b"R", 1) + b"\r\n", None)[0]


def test_what_a_wxt_tells_of_its_analogue_inputs_is_no_damage() -> None:
    """A WXT536 that sends by itself tells it between its other messages, without a CRC: each such line was damaged."""
    for text in ("0R4,Tr=8.2C,Ra=0.0M,Sl=0.001262V,Rt=1032.0R,Sr=-0.566715V", "0R4,Tr=-224.2#,Ra=0.0M,Sl=0.000247V"):
        (found,), bad = frames.read(PROFILES["vaisala-wxt"], f"{text}\r\n".encode(), None)
        assert (found.rows, bad) == ([], [])
        assert found.info["Ra"] == "0.0M"


def nmea(body: str) -> Any:
    """One sentence, with its checksum, read."""
    good, bad = frames.read(PROFILES["nmea-gnss"], f"${body}*{reduce(xor, body.encode()):02X}\r\n".encode(), None)
    both: list[Any] = [*good, *bad]
    (found,) = both
    return found


GGA = "GPGGA,184353.07,1929.045,S,02410.506,E,{quality},04,{hdop},100.00,M,-33.9,M,,0000"


def test_what_a_simulator_tells_is_no_position() -> None:
    for quality in "1245":
        assert nmea(GGA.format(quality=quality, hdop="2.6")).rows
    for quality in ("0", "8", ""):
        found = nmea(GGA.format(quality=quality, hdop="2.6"))
        assert (found.rows, found.flags) == ([], ("no_fix",))


def test_a_makers_own_sentence_is_none_of_the_standards() -> None:
    """Garmin's $PGRMC tells of its settings; only by its last letters is it an RMC."""
    found = nmea("PGRMC,A,218.8,100,6378137.000,298.257223563,0.0,0.0,0.0,A,4,1,2,4,30")
    assert (found.message, found.rows) == ("other_sentence", [])


def test_a_number_may_begin_or_end_with_its_point() -> None:
    for hdop, number in [(".9", 0.9), ("0.9", 0.9), ("9.", 9), ("9", 9)]:
        assert nmea(GGA.format(quality=1, hdop=hdop)).rows[0]["hdop"] == number
    for none in (".", "-.", "..9", "--.9"):
        assert nmea(GGA.format(quality=1, hdop=none)).reason == "bad_field"


def test_millimetres_of_mercury_are_exact_to_the_last_digit_that_is_told() -> None:
    """1 mmHg is 133.3224 Pa (NIST SP 811, B.8)."""
    (found,), _ = frames.read(PROFILES["vaisala-wxt"], b"0R2,Pa=760.0M\r\n", None)
    assert found.rows == [{"press_hpa": 1013.2502}]


def test_a_heating_voltage_is_in_volts_whatever_letter_tells_of_its_state() -> None:
    """The F of one that heats was read as a temperature's: -11.11 V."""
    for letter in "NVWF":
        line = f"0R5,Th=50.0F,Vh=12.0{letter}\r\n".encode()
        (found,), _ = frames.read(PROFILES["vaisala-wxt"], line, None)
        assert found.rows == [{"heater_temp_c": 10.0, "heater_v": 12.0}]


def test_a_rangers_other_checksum_is_an_option() -> None:
    """AJ-SR04M adds up the two bytes of the distance only."""
    profile = PROFILES["ultrasonic-ff"].with_options({"checksum": "distance_only"})
    good, bad = frames.read(profile, bytes.fromhex("FF 07 A1 A8"), None)
    assert (len(good), bad) == (1, [])
    good, _ = frames.read(profile, bytes.fromhex("FF 07 A1 A7"), None)
    assert not good
