"""What became of a batch, beside what was to become of it: the database, the quarantine and the answers, looked at."""

from __future__ import annotations

import zlib

from tests.bad_inputs import oracle
from tests.bad_inputs.around import Around
from tests.bad_inputs.oracle import Point
from tests.bad_inputs.system import KINDS, System
from tests.bad_inputs.vocabulary import UnknownWord, digest
from tests.bad_inputs.voice import AFTERWARDS_MS, Voice
from wire.quantities import agent_fields

FINAL = (0, 1, 2, 3)


def judge(voice: Voice, expect: str, data: bytes, around: Around) -> list[str]:
    """Whether what became of a batch is what was to become of it."""
    system, now_ms = voice.system, voice.system.words.bases["now"]
    plain = unpacked(data)
    reading = oracle.read(plain, voice.node, now_ms)
    verdicts = voice.answers(data)
    codes = [entry[2] for entry in verdicts]
    rows = stored(system, voice.node)
    faults = _foreign(rows, plain, reading)
    faults += _acked_rightly(system, data, codes, rows, reading)
    match expect:
        case "stored":
            if not codes or codes[-1] not in (0, 3):
                faults.append(f"answered {codes}, not stored")
            faults += same(rows, reading.points)
        case "nack_dead":
            if codes[-1:] != [2] or rows:
                faults.append(f"answered {codes}, {len(rows)} rows stored; wanted code 2 and none")
        case "partial":
            listed = verdicts[-1][3].get("refused", []) if verdicts else []
            if codes[-1:] != [1] or not listed:
                faults.append(f"answered {codes} with {len(listed)} refused rows; wanted code 1 and its list")
            elif len(listed) != min(100, reading.refused):
                faults.append(f"{len(listed)} rows listed, {reading.refused} are to be refused")
            faults += same(rows, reading.points)
        case "refused_kept":
            if not codes or codes[-1] not in (1, 2):
                faults.append(f"answered {codes}, wanted code 1 or 2")
            faults += subset(rows, reading.points)
        case "not_stored":
            if any(code in (0, 3) for code in codes):
                faults.append(f"answered {codes}: never 0 or 3")
            faults += subset(rows, reading.points)
        case "exact_or_refused":
            if not codes or codes[-1] not in (0, 1, 2):
                faults.append(f"answered {codes}")
            elif codes[-1] == 0:
                faults += same(rows, reading.points)
        case "drop_unaddressed":
            if verdicts or rows:
                faults.append(f"answered {codes}, {len(rows)} rows stored; wanted neither")
            if data and not system.quarantined("SELECT 1 FROM quarantine_stray WHERE digest = ?", digest(data)):
                faults.append("not kept as a stray")
        case "hold":
            if any(code in FINAL for code in codes) or rows:
                faults.append(f"answered {codes}, {len(rows)} rows stored; wanted to be held")
            if not any(voice.node in text for text in around.standing.values()):
                faults.append("no alarm")
        case _:
            raise UnknownWord(f"expect {expect!r} for a batch")
    return faults


def stored(system: System, node: str) -> list[Point]:
    """What the database has of a node, without the good batches that end every case."""
    points = []
    begin = system.words.bases["now"] - AFTERWARDS_MS
    for kind in KINDS:
        names = agent_fields(kind) or {}
        for row in system.points(node, kind):
            if begin - 10_000_000 <= row["time"] <= begin + 10_000:
                continue
            tags = tuple(sorted((key, row[key]) for key in ("lane", "direction") if row.get(key)))
            values = tuple(sorted((n, float(v)) for n, v in row.items() if n in names and v is not None))
            points.append(Point(kind, row["site"], row["sensor"], tags, row["time"], values))
    return points


def unpacked(data: bytes) -> bytes:
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        opened = zlib.decompressobj(31).decompress(data, 5 * 2**20)
    except zlib.error:
        return data
    return opened


def _foreign(rows: list[Point], plain: bytes, reading: oracle.Reading) -> list[str]:
    """Nothing stands in the database that the batch does not hold."""
    sent = set(reading.points)
    bad = [row for row in rows if row not in sent]
    return [f"stored, but not sent so: {bad[0]}"] if bad and plain else []


def same(rows: list[Point], wanted: list[Point]) -> list[str]:
    missing, more = set(wanted) - set(rows), set(rows) - set(wanted)
    if missing or more or len(rows) != len(set(rows)):
        return [f"{len(missing)} rows missing, {len(more)} too many: {next(iter(missing | more), None)}"]
    return []


def subset(rows: list[Point], wanted: list[Point]) -> list[str]:
    more = set(rows) - set(wanted)
    return [f"{len(more)} rows that should not be there: {next(iter(more))}"] if more else []


def _acked_rightly(
    system: System, data: bytes, codes: list[int], rows: list[Point], reading: oracle.Reading
) -> list[str]:
    """Nothing is acked that is not stored or quarantined."""
    name = digest(data)
    whole = system.quarantined("SELECT payload FROM quarantine_whole WHERE digest = ?", name)
    parts = system.quarantined("SELECT count(*) FROM quarantine_part WHERE digest = ?", name)[0][0]
    faults = []
    if 2 in codes and (not whole or whole[0][0] != data):
        faults.append("code 2, but the exact bytes are not in the quarantine")
    if 1 in codes and not parts:
        faults.append("code 1, but nothing is in the quarantine")
    if (0 in codes or 1 in codes) and len(rows) < len(set(reading.points)) and not whole and parts < 1:
        faults.append(f"acked, but only {len(rows)} of {len(reading.points)} rows are stored")
    return faults
