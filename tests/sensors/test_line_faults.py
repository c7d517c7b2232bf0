"""What arrives on a bad line: split frames, noise, endless lines, numbers that are none. No wrong value ever."""

import random
from itertools import product

import pytest

from device_profiles.profile import Profile
from edge_agent.sensors.commands import command_bytes
from edge_agent.sensors.decoding import Values, decode
from edge_agent.sensors.framing import BadFrame, Frame, Framer
from tests.sensors.streams import PROFILES, decoded, framed

SDS, OPS = PROFILES["nova-sds011"], PROFILES["omnipresense-ops243a"]
GOOD = bytes.fromhex("aac07d00c800a16046ab")
ROW = {"pm25_raw_ugm3": 12.5, "pm10_raw_ugm3": 20.0}


def rows(profile: Profile, data: bytes) -> list[dict[str, float]]:
    """Every row that comes out of a stream."""
    return [row for item in decoded(profile, data) if isinstance(item, Values) for row in item.rows]


def test_frame_in_ten_pieces() -> None:
    framer = Framer(SDS)
    items = [item for at in range(10) for item in framer.feed(GOOD[at : at + 1])]
    assert items == [Frame(GOOD)]


def test_half_a_frame_then_a_whole_one() -> None:
    assert rows(SDS, GOOD[:5] + GOOD) == [ROW]


def test_header_bytes_inside_a_frame() -> None:
    assert rows(SDS, bytes.fromhex("aac07d00c800aac0afab")) == [ROW]


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_a_megabyte_of_ff_and_of_nines(profile: Profile) -> None:
    for byte in (b"\xff", b"9"):
        framer = Framer(profile)
        if (profile.name, byte) == ("hikvision-csr", b"9") or profile.name == "ultrasonic-ff":
            continue  # every byte is a header there; the next test covers them with less
        for _ in range(20):
            for item in framer.feed(byte * 10_000):
                assert isinstance(item, BadFrame)


def test_noise_of_a_wrong_baud_rate_gives_nothing() -> None:
    assert rows(SDS, random.Random(7).randbytes(65536)) == []


@pytest.mark.parametrize(
    "line",
    ['{"speed":"１２"}', "nan", "1_000", "inf", '{"speed":NaN}', '{"speed":1e999}', "١٢", "0x10", '{"speed":true}'],
)
def test_numbers_that_are_none(line: str) -> None:
    assert rows(OPS, line.encode() + b"\r\n") == []


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("omnipresense-ops243a", "--88.3\r\n"),
        ("omnipresense-ops243a", "+-5\r\n"),
        ("omnipresense-ops243a", '{"speed":"--5.2"}\r\n'),
        ("vaisala-wxt", "0R1,Dm=--5D,Sm=1.0M\r\n"),
        ("agd-315", "0001917903,R,A,22: #T0:A,29,11,--1.7,70.3\r"),
    ],
)
def test_a_second_sign_is_damage_and_the_next_line_comes(name: str, line: str) -> None:
    profile = PROFILES[name]
    good = profile.examples[0].data
    assert framed(profile, [line.encode(), good]) == [BadFrame(line.encode(), "bad_format"), Frame(good)]


def test_broken_json_then_a_good_line() -> None:
    assert rows(OPS, b'{"speed":\r\n{"speed":13.2}\r\n') == [{"speed_kmh": 13.2}]


def test_line_feed_alone_ends_a_line() -> None:
    assert rows(OPS, b'{"speed":13.2}\n{"speed":14.0}\n') == [{"speed_kmh": 13.2}, {"speed_kmh": 14.0}]


def test_rest_of_a_damaged_line_is_no_line() -> None:
    assert rows(OPS, b"\xad88.3\r\n12.0\r\n") == [{"speed_kmh": 12.0}]


def test_a_line_cut_in_its_last_number_is_no_line() -> None:
    """Without checksum or fixed form nothing tells a whole line that lost its end from one cut in `70.3`."""
    agd, gnss = PROFILES["agd-315"], PROFILES["nmea-gnss"]
    line, sentence = agd.examples[0].data, gnss.examples[1].data
    for cut in (line[:-4], line[:-1]):
        assert framed(agd, [cut + line]) == [BadFrame(cut, "bad_tail"), Frame(line)]
    assert framed(gnss, [sentence[:-2] + sentence]) == [Frame(sentence[:-2]), Frame(sentence)]


def test_a_direction_without_its_speed_is_no_speed() -> None:
    """Two-byte format: the byte that tells the next direction is no speed, the radars end at 240 km/h."""
    found = rows(PROFILES["hikvision-csr"], bytes.fromhex("F9 F9 32 F9 3C F8 F7 2A F9 F0"))
    assert found == [{"speed_kmh": 50}, {"speed_kmh": 60}, {"speed_abs_kmh": 42}, {"speed_kmh": 240}]


@pytest.mark.parametrize("spoilt", [b"\xb12.34\r\n", b"\xad1.00\r\n", b"1\xae2.34\r\n"])  # 12.34, -1.00 and 112.34
def test_rest_of_a_damaged_distance_is_no_shorter_one(spoilt: bytes) -> None:
    tfmini = PROFILES["benewake-tfmini"]
    for before in (b"", b"5.00\r\n"):
        found = rows(tfmini, before + spoilt + b"12.00\r\n")
        assert [row["range_m"] for row in found] == [5.0, 12.0][not before :]
    assert rows(tfmini, b".34\r\n" + b"12.00\r\n") == [{"range_m": 12.0}], "who joins in the middle of a line"


@pytest.mark.parametrize("name", ["nova-sds011", "plantower-pms5003", "plantower-pms5003st", "winsen-mhz19b"])
def test_each_damaged_frame_counts_once(name: str) -> None:
    """Damage that keeps the length: as many bad frames as frames were damaged, neighbours included."""
    seeds, profile = random.Random(5), PROFILES[name]
    for _ in range(100):
        frames, hurt = [], 0
        for number in range(12):
            frame = bytearray(profile.examples[0].data)
            if seeds.random() < 0.2 and number != 11:
                frame[seeds.randrange(len(frame))] ^= 1 << seeds.randrange(8)
                hurt += 1
            frames.append(bytes(frame))
        items = framed(profile, [b"".join(frames)])
        assert sum(isinstance(item, BadFrame) for item in items) == hurt
        assert sum(isinstance(item, Frame) for item in items) == 12 - hurt


@pytest.mark.parametrize("start", [0x0000, 0x0200, 0x0300, 0x03FF, 0x0400, 0x2000, 0xF000])
@pytest.mark.parametrize("at_once", [True, False])
def test_an_echo_of_our_own_request_is_no_damage_wherever_its_registers_lie(start: int, at_once: bool) -> None:
    profile = PROFILES["rs485-modbus-weather"].with_options({"start": start})
    request, reply = command_bytes(profile, "read_two", {}), profile.examples[0].data
    framer, stream = Framer(profile), request + reply
    items = [item for at in range(len(stream)) for item in framer.feed(stream[at : at + 1])]
    assert (framed(profile, [stream]) if at_once else items) == [Frame(request), Frame(reply)]
    echoed = decode(profile, Frame(request), "read_two")
    assert isinstance(echoed, Values)
    assert (echoed.message, echoed.info["register"], echoed.info["value"]) == ("modbus", start, 2)


CHECKED = [
    pytest.param(profile, id=name)
    for name, profile in PROFILES.items()
    if name != "vaisala-wxt"  # its upper-case messages carry no checksum
    and all(shape.kind in ("modbus", "shdlc") or getattr(shape, "check", None) is not None for shape in profile.frames)
]


@pytest.mark.parametrize("profile", CHECKED)
def test_mutations_give_no_value_that_the_checksum_would_have_caught(profile: Profile) -> None:
    """One byte changed anywhere: every checksum in the list catches that, so nothing but the original may come out."""
    example = profile.examples[0].data
    original = decode(profile, Frame(example))
    each = list(product(range(len(example)), range(1, 256)))  # of a long frame some
    for at, flips in random.Random(profile.name).sample(each, min(10_000, len(each))):
        data = example[:at] + bytes([example[at] ^ flips]) + example[at + 1 :]
        for item in decoded(profile, data):
            if isinstance(item, Values) and item.measurement:
                assert item.rows == getattr(original, "rows", None) or not item.rows, data.hex()
