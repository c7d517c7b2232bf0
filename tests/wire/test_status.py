"""Births and deaths as they stand on the wire, and what is none: the last good one stays in force."""

import json
from typing import Any

import pytest

from wire import status
from wire.status import BadStatus, Birth, Death, Sensor

SPOOL, OTHER = "6f1c" * 8, "0" * 32
BIRTH = Birth(
    "lp-0017", "jianguo-rd-east", "9d02" * 4, (SPOOL,), 1042, None, "0.1.0", "synced",
    (Sensor("air-1", "plantower-pms5003@1"),), {"temp_c": 41.5, "disk_free_b": 2**62},
)  # fmt: skip
DEATH = Death("lp-0017", "9d02" * 4, "lost")


@pytest.mark.parametrize(
    "message",
    [BIRTH, DEATH, Death("lp-0017", "9d02" * 4, "stopped"),
     Birth("lp-0017", "s", "0" * 16, (SPOOL, OTHER), 2**53, 0, "v" * 40, "unsynced")],
)  # fmt: skip
def test_what_is_said_is_what_is_read(message: Birth | Death) -> None:
    assert status.decode("lp-0017", status.encode(message)) == message


def test_the_bytes_of_a_death() -> None:
    text = f'{{"v":1,"state":"offline","node":"lp-0017","session":"{"9d02" * 4}","reason":"lost"}}'
    assert status.encode(DEATH) == text.encode()


@pytest.mark.parametrize(
    ("message", "change"),
    [
        *((BIRTH, {"v": value}) for value in (2, True, None)),
        *((BIRTH, {"node": value}) for value in ("lp-0018", None)),
        *((BIRTH, {"session": value}) for value in ("9d02", "G" * 16, 7, None)),
        *((BIRTH, {"state": value}) for value in ("on", None)),
        *((DEATH, {"reason": value}) for value in ("killed", None)),
        *((BIRTH, {"site": value}) for value in ("Site", 7, None)),
        *((BIRTH, {"spools": value}) for value in ([], [SPOOL, OTHER, "f" * 32], ["6f1c"], [7], SPOOL, None)),
        *((BIRTH, {"next_seq": value}) for value in (0, 2**53 + 1, 1.0, True, None)),
        *((BIRTH, {"oldest_ms": value}) for value in (-1, 253_402_300_800_000, 1.0, "1")),
        *((BIRTH, {"version": value}) for value in ("", "v" * 41, "a\nb", 7)),
        *((BIRTH, {"clock": value}) for value in ("fine", None)),
        *((BIRTH, {"sensors": value}) for value in ({}, [["air-1"]], [["Air", "a@1"]], [["air-1", "a"]], [7])),
        (BIRTH, {"sensors": [[f"a-{number}", "a@1"] for number in range(65)]}),
        *(
            (BIRTH, {"vitals": value})
            for value in ([], {"Temp": 1}, {"t": "1"}, {"t": True}, {"t": 2**63}, {"t": None})
        ),
        (BIRTH, {"vitals": {f"t{number}": 0 for number in range(33)}}),
    ],
)
def test_what_is_no_birth_or_death_is_refused(message: Birth | Death, change: dict[str, Any]) -> None:
    with pytest.raises(BadStatus):
        status.decode("lp-0017", json.dumps(json.loads(status.encode(message)) | change).encode())


def test_no_more_bytes_are_read_than_a_birth_can_have() -> None:
    with pytest.raises(BadStatus, match="65537 bytes"):
        status.decode("lp-0017", b" " * (64 * 1024 + 1))
