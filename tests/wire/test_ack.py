"""Acknowledgements as they stand on the wire, and what is none: nothing may be deleted because of it."""

import json
from typing import Any

import pytest

from wire import ack
from wire.ack import Ack, BadAck, Code, Hello, Verdict

SPOOL, DIGEST, NOW = "6f1c" * 8, "0123456789abcdef" * 2, 1_790_000_062_000
ACK = Ack("c1", NOW, SPOOL, (Verdict(1042, DIGEST, 0), Verdict(1043, DIGEST, 10, {"after_ms": 500})), 0, 600_000)
HELLO = Hello("c1", NOW, {SPOOL: 1041}, session="9d02")
GOLDEN: list[tuple[Ack | Hello, str]] = [
    (
        ACK,
        f'{{"v":1,"col":"c1","now":{NOW},"spool":"{SPOOL}","acks":[[1042,"{DIGEST}",0],'
        f'[1043,"{DIGEST}",10,{{"after_ms":500}}]],"win":0,"pause_ms":600000}}',
    ),
    (HELLO, f'{{"v":1,"col":"c1","now":{NOW},"hello":{{"{SPOOL}":1041}},"session":"9d02","win":8,"pause_ms":0}}'),
    (HELLO._replace(session=""), f'{{"v":1,"col":"c1","now":{NOW},"hello":{{"{SPOOL}":1041}},"win":8,"pause_ms":0}}'),
]


@pytest.mark.parametrize(("message", "text"), GOLDEN)
def test_the_bytes_of_each_message(message: Ack | Hello, text: str) -> None:
    assert ack.encode(message) == text.encode()
    assert ack.decode(text.encode()) == message


def test_the_codes_that_let_an_agent_delete() -> None:
    assert [code for code in Code if code.final] == [0, 1, 2, 3]
    assert [code for code in Code if not code.final] == [10, 11, 12]


@pytest.mark.parametrize(
    ("message", "change"),
    [
        *((ACK, {"v": value}) for value in (2, True, "1", None)),
        *((ACK, {"col": value}) for value in ("C1", "", 1, None)),
        *((ACK, {"now": value}) for value in (1.0, "1", True, None)),
        *((ACK, {"win": value}) for value in (-1, 17, 1.0, True, None)),
        *((ACK, {"pause_ms": value}) for value in (-1, 600_001, 0.5, None)),
        *((ACK, {"spool": value}) for value in ("6f1c", 7, None)),
        *((ACK, {"acks": value}) for value in ({}, None, [7], [[]], [[1, DIGEST]], [[1, DIGEST, 0, {}, 0]])),
        *((ACK, {"acks": [[*entry]]}) for entry in ((True, DIGEST, 0), (1, 7, 0), (1, DIGEST, "0"), (1, DIGEST, 0, 7))),
        *((HELLO, {"hello": value}) for value in ([], {"6f1c": 1}, {SPOOL: -1}, {SPOOL: 1.0}, {SPOOL: True})),
        (HELLO, {"hello": {f"{number:032x}": 0 for number in range(9)}}),
        (HELLO, {"session": 7}),
    ],
)
def test_what_is_no_acknowledgement_is_refused(message: Ack | Hello, change: dict[str, Any]) -> None:
    with pytest.raises(BadAck):
        ack.decode(json.dumps(json.loads(ack.encode(message)) | change).encode())


def test_limits_are_allowed_and_a_code_of_the_future_is_kept() -> None:
    told = json.loads(ack.encode(ACK)) | {"win": 16, "acks": [[1, DIGEST, 99]], "later": "unknown"}
    found = ack.decode(json.dumps(told).encode())
    assert isinstance(found, Ack)
    assert (found.window, found.verdicts) == (16, (Verdict(1, DIGEST, 99),))
    eight = {f"{number:032x}": 0 for number in range(8)}
    assert ack.decode(ack.encode(HELLO._replace(highest=eight))) == HELLO._replace(highest=eight)
    with pytest.raises(BadAck, match="262145 bytes"):
        ack.decode(b" " * (256 * 1024 + 1))
