"""Surfaces profile_yaml and config: a file that is wrong is refused by name, before anything is done."""

from __future__ import annotations

import io
import os
import re
import resource
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import yaml

from collector.identity.authority import Authority, new_key, pem, pem_key, utc_now
from common.strict_yaml import NotUsable
from common.whole_file import PRIVATE, PUBLIC, write_whole
from device_profiles.catalogue import SHIPPED, UnknownProfile, load
from tests.bad_inputs import documents
from tests.bad_inputs.around import Case
from tests.bad_inputs.vocabulary import UnknownWord, Words
from tests.bad_inputs.watch import RSS_MAX, faults_of

OTHER_PROFILE = "plantower-pms5003"
REFUSE_S = 15.0
STATES = ("mode_0644", "empty", "of_another_pair", "half_written_on_reload")


def profile(words: Words, case: Case, folder: Path) -> list[str]:
    """A profile's file in a folder of the user's beside a good one."""
    what = case["input"]
    if case["expect"] != "refuse_file":
        raise UnknownWord(f"expect {case['expect']!r} of a profile")
    profiles = folder / "profiles"
    shutil.rmtree(profiles, ignore_errors=True)
    profiles.mkdir(parents=True)
    shutil.copy(SHIPPED / f"{OTHER_PROFILE}.yaml", profiles)
    name = documents.PROFILE
    path = profiles / f"{name}.yaml"
    if what.get("sample") == "profile":
        name, sample = documents.profile_sample(what.get("role", {}))
        path = profiles / f"{name}.yaml"
        path.write_bytes(documents.changed(sample, documents.PROFILE_ROLES, what, words))
    elif "file" in what:
        _special(what["file"], path, words)
    elif what.get("scenario") == "upload_archive":
        path.write_bytes(_archive(words.text(what["entry"])))
    elif "scenario" in what:
        raise UnknownWord(f"scenario {what['scenario']!r}")
    else:
        path.write_bytes(words.data(what))
    before, began_s = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    faults = _refused(profiles, name, path)
    if time.monotonic() - began_s > 1:
        faults.append(f"took {time.monotonic() - began_s:.1f} s")
    if (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 > RSS_MAX:
        faults.append("memory grew")
    return faults


def _archive(entry: str) -> bytes:
    """A bundle in the place of a profile's file: nothing is ever unpacked."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as bundle:
        bundle.writestr(entry, "profile: x\n")
    return held.getvalue()


def _special(file: Any, path: Path, words: Words) -> None:
    if isinstance(file, dict) and file.keys() & {"text", "hex", "concat", "gen", "base"}:
        path.write_bytes(words.data(file))
    elif isinstance(file, dict):
        path.symlink_to(next(target for target in file.values() if isinstance(target, str)))
    else:
        path.symlink_to(str(file))


def _refused(profiles: Path, name: str, path: Path) -> list[str]:
    catalogue = load(profiles)
    faults = []
    try:
        catalogue.get(name)
        faults.append("the profile is taken")
    except NotUsable as error:
        first = error.problems[0]
        if path.name not in first.file or first.line < 1:
            faults.append(f"the message names no file and line: {error}")
        faults += faults_of(str(problem).encode() for problem in error.problems)
    except (UnknownProfile, OSError) as error:
        faults.append(f"{type(error).__name__}: {error}")
    try:
        catalogue.get(OTHER_PROFILE)
    except Exception as error:  # noqa: BLE001
        faults.append(f"the good profile beside it does not work any more: {error}")
    return faults


def config(words: Words, case: Case, folder: Path) -> list[str]:
    """A settings file, or rules: the program that reads it refuses to start, or refuses that file."""
    what = case["input"]
    if case["expect"] not in ("refuse_start", "refuse_file"):
        raise UnknownWord(f"expect {case['expect']!r} of settings")
    folder = folder / "config"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if what.get("base") == "rules_yaml" or (what.get("sample") == "rules"):
        return _rules(folder, words.data(what))
    room = "agent"
    if what.get("sample") == "config":
        roles = what.get("role", {})
        of = (what.get("yaml") or {}).get("of", "")
        if of in documents.COLLECTOR_ROLES or any(role in documents.COLLECTOR_ROLES for role in roles):
            room, sample, places = "collector", documents.collector_sample(folder), documents.COLLECTOR_ROLES
        else:
            sample, places = documents.agent_sample(folder), documents.AGENT_ROLES
        content = documents.changed(sample, places, what, words)
    elif "scenario" in what:
        content = _scenario(what, folder)
    else:
        content = words.data(what)
    file = folder / f"{room}.yaml"
    file.write_bytes(content)
    return _refuses(room, file, folder, what)


def _refuses(room: str, file: Path, folder: Path, what: Any) -> list[str]:
    before = set(folder.rglob("*"))
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "lamppost", room, "run", str(file)],
            capture_output=True, timeout=REFUSE_S, check=False,
            env={key: value for key, value in os.environ.items() if f"${{{key}}}" not in str(what)},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return ["it starts"]
    said = ended.stderr.decode(errors="replace")
    faults = [] if ended.returncode not in (0, -9) else [f"exit code {ended.returncode}"]
    if "Traceback" in said or not said.strip():
        faults.append(f"no clear message: {said[-300:]!r}")
    elif not any(name in said for name in (file.name, str(folder), "spool.path")):
        faults.append(f"the message names no file and no key: {said[:200]!r}")
    if any(secret in said for secret in re.findall(r"://[^/@\s]*:([^/@\s]+)@", str(what))):
        faults.append("the secret is in the message")
    new = set(folder.rglob("*")) - before
    if new:
        faults.append(f"it did something before it refused: {sorted(new)[:2]}")
    return faults + faults_of(line for line in ended.stderr.split(b"\n"))


def _rules(folder: Path, content: bytes) -> list[str]:
    """A rules file: `collector check` refuses it, and a good one beside it still counts."""
    (folder / "rules.yaml").write_bytes(content)
    sample = documents.collector_sample(folder)
    sample["rules"] = [str(folder / "rules.yaml")]
    (folder / "collector.yaml").write_text(yaml.safe_dump(sample, allow_unicode=True))
    ended = subprocess.run(
        [sys.executable, "-m", "lamppost", "collector", "check", str(folder / "collector.yaml")],
        capture_output=True, timeout=REFUSE_S, check=False,
    )  # fmt: skip
    said = ended.stderr.decode(errors="replace")
    if ended.returncode == 0:
        return ["the rule is taken"]
    if "rules.yaml" not in said or "Traceback" in said:
        return [f"the message does not name the file: {said[:200]!r}"]
    return faults_of(ended.stderr.split(b"\n"))


def _scenario(what: Any, folder: Path) -> bytes:
    sample = documents.agent_sample(folder)
    match what["scenario"]:
        case "spool_on":
            sample["spool"] = {"path": str(_volatile(what["on"], folder) / "spool.db")}
        case "same_twice":
            documents._second_item(sample, documents.AGENT_ROLES[what["role"]])
        case "file_state":
            sample["broker"] |= {"tls": _certificates(folder, what["file"], what["is"])}
            if what["file"] not in ("ca", "cert", "key", "config") or what["is"] not in STATES:
                raise UnknownWord(f"file_state {what['file']!r} is {what['is']!r}")
            if what["file"] == "config":
                return _spoilt(yaml.safe_dump(sample).encode(), what["is"])
        case other:
            raise UnknownWord(f"scenario {other!r}")
    return yaml.safe_dump(sample, sort_keys=False).encode()


def _volatile(on: str, folder: Path) -> Path:
    if on == "tmpfs":
        return Path("/dev/shm") / f"lamppost-{os.getpid()}"
    link = folder / "spool"
    link.symlink_to("/tmp")
    return link


def _certificates(folder: Path, which: str, state: str) -> dict[str, str]:
    """Certificates of which one file is not as it should be."""
    now = utc_now()
    authority = Authority.new("test", now)
    key, other = new_key(), new_key()
    certificate = authority.sign_client("lp-0001", (other if state == "of_another_pair" else key).public_key(), now)
    files = {name: folder / f"{name}.pem" for name in ("ca", "cert", "key")}
    write_whole(files["ca"], authority.bundle(), PUBLIC)
    write_whole(files["cert"], pem(certificate), PUBLIC)
    write_whole(files["key"], pem_key(key), PRIVATE)
    if which in files:
        if state == "mode_0644":
            files[which].chmod(0o644)
        elif state in ("empty", "half_written_on_reload"):
            mode = files[which].stat().st_mode
            files[which].write_bytes(_spoilt(files[which].read_bytes(), state))
            files[which].chmod(mode)
    return {name: str(path) for name, path in files.items()}


def _spoilt(content: bytes, state: str) -> bytes:
    if state == "empty":
        return b""
    if state == "half_written_on_reload":
        return content[: len(content) // 2]
    return content
