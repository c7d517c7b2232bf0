"""`python -m tests.frames FILE`: run every record of a golden-frames file through the profile its sensor names.

A measurement, reply or command passes when all its values are right (numbers within 0.001). A corrupt record passes
when exactly as many good frames come out as it says, and the damage is named. Ends with `N passed, N failed`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from device_profiles import catalogue
from device_profiles.profile import Profile
from edge_agent.sensors.commands import Recognised, recognise
from edge_agent.sensors.decoding import Values, decode
from edge_agent.sensors.framing import BadFrame, Frame, Framer
from tests.sensors.golden_names import DIRECTIONS, IMPLIED, SENSORS, VALUES

TOLERANCE = 0.001
LABELS = ("command", "reply_to")
_CATALOGUE = catalogue.load()


def main(path: str) -> int:
    """Check a file, print each failure and the sum; the exit code says whether all passed."""
    records = json.loads(Path(path).read_text(encoding="utf-8"))
    failures = {record["id"]: problem for record in records if (problem := check(record)) is not None}
    for name, problem in failures.items():
        print(f"FAIL {name}: {problem}")
    print(f"{len(records) - len(failures)} passed, {len(failures)} failed")
    return 1 if failures else 0


def check(record: dict[str, Any]) -> str | None:
    """What is wrong with our reading of one record; None when it is right."""
    name = SENSORS.get(record["sensor"])
    if name is None:
        return f"no profile is known for the sensor {record['sensor']}"
    expect = record["expect"]
    profile = _set_as_implied(_CATALOGUE.get(name), expect, record["hex"])
    data = bytes.fromhex(record["hex"])
    if record["kind"] == "command":
        return _check_command(profile, data, expect)
    good, bad = read(profile, data, _asked(profile, record))
    if record["kind"] == "corrupt":
        return _check_corrupt(profile, data, expect, good, bad)
    if bad or len(good) != 1:
        return f"{len(good)} frames and {[item.reason for item in bad]}"
    if good[0].measurement != (record["kind"] == "measurement"):
        return f"taken for message {good[0].message}"
    echoed = recognise(profile, data)  # an answer that echoes the command says what the command says
    words: dict[str, Any] = {}
    if not isinstance(echoed, str):
        said = _likeliest(echoed, expect.get("reply_to"))
        words = {"reply_to": said.command, **said.values}
    return _wrong_values(profile, good[0]._replace(info={**words, **good[0].info}), expect)


def read(profile: Profile, data: bytes, asked: str | None) -> tuple[list[Values], list[BadFrame]]:
    """A whole stream through framer and decoder."""
    framer = Framer(profile)
    good: list[Values] = []
    bad: list[BadFrame] = []
    for item in framer.feed(data) + framer.flush():
        result = decode(profile, item, asked) if isinstance(item, Frame) else item
        good.append(result) if isinstance(result, Values) else bad.append(result)
    return good, bad


def reasons(profile: Profile, data: bytes, good: list[Values], bad: list[BadFrame]) -> set[str]:
    """Every damage that was named: by the framer, by a flag, or of a command with a wrong checksum."""
    named = {item.reason for item in bad} | {flag for values in good for flag in values.flags}
    command = recognise(profile, data)
    if command == "bad_checksum":
        named.add(command)
    if bad and good:
        named.add("garbage_prefix")
    return named


def _check_command(profile: Profile, data: bytes, expect: dict[str, Any]) -> str | None:
    matches = recognise(profile, data)
    if isinstance(matches, str):
        return f"not recognised: {matches}"
    found = _likeliest(matches, expect["command"])
    if expect["command"] != found.command and expect["command"] in profile.commands:
        return f"taken for the command {found.command}"
    told = {**_words(profile, found), **found.values}
    free = [value for slot, value in found.values.items() if slot not in expect and slot not in profile.options]
    for key, wanted in expect.items():
        seen = told.get(key, free[0] if len(free) == 1 else None)  # a single value needs no name in common
        if key not in LABELS and not _same(seen, wanted):
            return f"{key} is {seen!r}, not {wanted!r}"
    return None


def _likeliest(matches: list[Recognised], wanted: str | None) -> Recognised:
    """The wanted command where it is among those that the bytes may be."""
    return next((match for match in matches if match.command == wanted), matches[0])


def _check_corrupt(
    profile: Profile, data: bytes, expect: dict[str, Any], good: list[Values], bad: list[BadFrame]
) -> str | None:
    measured = [values for values in good if values.measurement]
    if not measured and expect["frames_decoded"]:  # the good one is an answer
        measured = good
    if len(measured) != expect["frames_decoded"]:
        return f"{len(measured)} frames decoded, not {expect['frames_decoded']}"
    if not reasons(profile, data, good, bad) and len(good) == len(measured):
        return "no damage was named"
    values = {key: value for key, value in expect.items() if key not in ("error", "frames_decoded")}
    return _wrong_values(profile, measured[-1], values) if values and measured else None


def _wrong_values(profile: Profile, values: Values, expect: dict[str, Any]) -> str | None:
    for key, wanted in expect.items():
        if key == "command":
            continue
        if key in LABELS:
            told = values.info.get(key, values.message)
            if wanted != told and wanted in {message.name for message in profile.messages} | profile.commands.keys():
                return f"taken for the message {told}"
        elif key in ("direction", "target_direction"):
            if _direction(values, wanted) is not True:
                return f"{key} is not {wanted}: {values.rows}"
        elif key == "target_count":
            if len(values.rows) != wanted:
                return f"{len(values.rows)} targets, not {wanted}"
        elif key == "targets":
            for row, target in zip(values.rows, wanted, strict=True):
                one = values._replace(rows=[row], info={**values.info, **_of_target(values, row)})
                if problem := _wrong_values(profile, one, target):
                    return problem
        elif isinstance(wanted, list) and values.rows:
            seen = [_value(values._replace(rows=[row]), _singular(key)) for row in values.rows]
            if len(seen) != len(wanted) or not all(map(_same, seen, wanted)):
                return f"{key} is {seen}, not {wanted}"
        else:
            seen_one = _value(values, key)
            if not _same(seen_one, wanted) and not (_unsigned(expect) and _same(_magnitude(seen_one), wanted)):
                return f"{key} is {seen_one!r}, not {wanted!r}"
    return None


def _value(values: Values, key: str) -> Any:
    """One value of a frame by its golden name."""
    if key in values.info:
        return values.info[key]
    row = {**values.info, **(values.rows[0] if values.rows else {})}
    told = VALUES.get(key)
    if told is not None:
        for name in told.names:
            if row.get(name) is not None:
                return row[name] * told.factor if isinstance(row[name], (int, float)) else row[name]
    told_names = {name.lower(): value for name, value in row.items()}
    return told_names.get(key, _akin(key, told_names))


def _akin(key: str, row: dict[str, Any]) -> Any:
    """The value whose name shares most words with `key`, when one alone does."""
    words = set(key.split("_"))
    shared = {name: len(words & set(name.split("_"))) for name in row}
    best = max(shared.values(), default=0)
    names = [name for name, number in shared.items() if number == best]
    return row[names[0]] if best >= 2 and len(names) == 1 else None


def _same(seen: Any, wanted: Any) -> bool:
    if isinstance(wanted, bool) or wanted is None or isinstance(wanted, (str, list)):
        return bool(seen == wanted) and (seen is None) == (wanted is None)
    if isinstance(seen, str):
        try:
            seen = float(seen)
        except ValueError:
            return False
    return isinstance(seen, (int, float)) and abs(seen - wanted) <= TOLERANCE


def _unsigned(expect: dict[str, Any]) -> bool:
    """Golden speeds with a direction beside them may be without sign."""
    return "direction" in expect or "target_direction" in expect


def _magnitude(value: Any) -> Any:
    return abs(value) if isinstance(value, (int, float)) else value


def _direction(values: Values, word: str) -> bool:
    if word not in DIRECTIONS:
        return bool(values.info.get("direction") == word)
    speeds = [row["speed_kmh"] for row in values.rows if "speed_kmh" in row]
    return bool(speeds) and all((speed > 0) == (DIRECTIONS[word] > 0) for speed in speeds)


def _of_target(values: Values, row: dict[str, float]) -> dict[str, Any]:
    told = values.info.get("targets")
    return told[values.rows.index(row)] if isinstance(told, list) else {}


def _singular(key: str) -> str:
    first, _, rest = key.partition("_")
    return f"{first.removesuffix('s')}_{rest}" if rest else first.removesuffix("s")


def _words(profile: Profile, found: Recognised) -> dict[str, Any]:
    """What a command says by being itself, from its profile."""
    return dict(profile.commands[found.command].means)


def _asked(profile: Profile, record: dict[str, Any]) -> str | None:
    """Modbus replies do not say what they answer: the record does, or it was a plain read of registers."""
    asked = record["expect"].get("reply_to")
    if asked is None and record["kind"] == "reply" and profile.frames[0].kind == "modbus":
        asked = "read_holding"
    return asked if asked in profile.commands else None


def _choices(profile: Profile, name: str) -> list[Any]:
    return list(profile.options[name].choices or ())


def _set_as_implied(profile: Profile, expect: dict[str, Any], raw: str) -> Profile:
    for ending, options in IMPLIED.items():
        known = all(name in profile.options and value in _choices(profile, name) for name, value in options.items())
        if known and any(key.endswith(ending) for key in expect):
            profile = profile.with_options(options)
    if "address" in profile.options and profile.frames[0].kind == "modbus" and 0 < int(raw[:2], 16) <= 247:
        profile = profile.with_options({"address": int(raw[:2], 16)})
    if "format" in profile.options and len(raw) == 2:
        return profile.with_options({"format": "one_byte"})
    return profile


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
