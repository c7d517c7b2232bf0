"""Surface spool_file: the agent's own disk is damaged, full, old or somebody else's; a real agent starts on it."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import pwd
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from collector.identity.authority import Authority, pem, utc_now
from common.whole_file import PRIVATE, write_whole
from tests.bad_inputs.agent_side import AgentSide
from tests.bad_inputs.around import Case
from tests.bad_inputs.box import Box
from tests.bad_inputs.enrolling import request_pem
from tests.bad_inputs.vocabulary import UnknownWord, digest, only
from tests.bad_inputs.watch import faults_of

FAULT_S_MAX = 6.0
FAULT_WORDS = {"of", "call", "errno", "times", "for_s", "path", "with"}
CALLS = {
    "write": "write", "pwrite": "write", "pwrite64": "write", "fsync": "fsync", "fdatasync": "fsync", "read": "read",
    "pread": "read", "pread64": "read", "open": "open", "openat": "open", "ftruncate": "ftruncate",
}  # fmt: skip


def spool_file(side: AgentSide, case: Case, folder: Path) -> list[str]:
    """Spoil the spool, start the agent, and see what becomes of it."""
    box = Box(side, folder)
    try:
        what = case["input"]
        if "fault" in what:
            return _fault(box, case, what["fault"])
        if "clock" in what:
            return _clock(box, what["clock"])
        return _spoilt(box, case, what["spool"])
    finally:
        box.close()


def _spoilt(box: Box, case: Case, how: Any) -> list[str]:
    if isinstance(how, str):
        how = {how: {}}
    (word, details), *_ = how.items()
    if word == "power_cut":
        return _cuts(box, details)
    if word == "second_agent":
        return _second(box, case)
    if word == "restore_image":
        return _restored(box)
    box.fill()
    spoil = {
        "truncate": _truncate, "flip_bit": _flip, "zero_bytes": _zero, "format_version": _format, "foreign_wal": _wal,
        "owner": _owner,
    }.get(word)  # fmt: skip
    if spoil is None:
        raise UnknownWord(f"spool {word!r}")
    intact = spoil(box, details)
    if case["expect"] not in ("refuse_start", "repair", "stored", "hold"):
        raise UnknownWord(f"expect {case['expect']!r} of a spool")
    if case["expect"] == "refuse_start":
        return _refuses(box, stranger=word == "owner")
    return _repairs(box, intact)


def _repairs(box: Box, intact: set[tuple[str, int]]) -> list[str]:
    """It starts, puts the damaged part aside, sends every intact record, and says what is missing."""
    missing = set(box.batches) - intact
    box.start()
    arrived = box.serve(lambda: intact <= set(box.heard) and (not missing or bool(box.gaps()) or _aside(box)))
    faults = []
    if not box.agent.running():
        return ["the agent does not start"]
    if not arrived:
        faults.append(f"{len(intact - set(box.heard))} of {len(intact)} intact batches have not arrived")
    for name, bodies in box.heard.items():
        if name in box.batches and bodies != {box.batches[name]}:
            faults.append(f"batch {name} has changed")
    box.serve(lambda: bool(box.gaps()), 5)
    if missing and not box.gaps():
        faults.append("no gap record")
    if missing and not _aside(box) and not _says_so(box):
        faults.append("nothing is put aside and nothing is said")
    return faults + faults_of(box.log.fresh())


def _says_so(box: Box) -> bool:
    """The agent's status names the damage."""
    file = box.path.with_name("status.json")
    return box.serve(lambda: file.exists() and bool(json.loads(file.read_text()).get("damaged")), 5)


def _aside(box: Box) -> bool:
    return any("damaged" in path.name for path in box.path.parent.iterdir())


def _refuses(box: Box, stranger: bool = False) -> list[str]:
    become = _as_stranger if stranger and os.geteuid() == 0 else None
    try:
        ended = subprocess.run(box.agent.command, capture_output=True, timeout=15, check=False, preexec_fn=become)
    except subprocess.TimeoutExpired:
        return ["it starts"]
    said = ended.stderr.decode()
    if ended.returncode in (0, 99) or "Traceback" in said or not said.strip():
        return [f"exit code {ended.returncode}: {said[-200:]!r}"]
    return []


def _truncate(box: Box, details: dict[str, Any]) -> set[tuple[str, int]]:
    content = box.path.read_bytes()
    to = str(details["to"])
    size = int(len(content) * float(to.rstrip("%")) / 100) if to.endswith("%") else int(to.split()[0])
    box.path.write_bytes(content[:size])
    return {name for name, data in box.batches.items() if data in content[:size]}


def _flip(box: Box, details: dict[str, Any]) -> set[tuple[str, int]]:
    content = bytearray(box.path.read_bytes())
    place = str(details.get("in", ""))
    if "batch" in place:
        name = sorted(box.batches)[len(box.batches) // 2]
        at = content.find(box.batches[name][:64])
        content[at + 40] ^= 0x10
        box.path.write_bytes(content)
        return set(box.batches) - {name}
    at = 20 if "header" in place else len(content) // 2
    content[at] ^= 0x10
    box.path.write_bytes(content)
    return {name for name, data in box.batches.items() if data in content}


def _zero(box: Box, _: Any) -> set[tuple[str, int]]:
    box.path.write_bytes(b"")
    return set()


def _format(box: Box, details: dict[str, Any]) -> set[tuple[str, int]]:
    with closing(sqlite3.connect(box.path)) as db, db:
        (number,) = db.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
        db.execute("UPDATE meta SET value = ? WHERE key = 'format'", (number + details["delta"],))
    return set(box.batches)


def _wal(box: Box, _: Any) -> set[tuple[str, int]]:
    """The log of another database beside this one."""
    other = box.folder / "other.db"
    db = sqlite3.connect(other, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("CREATE TABLE t (x)")
    db.execute("INSERT INTO t VALUES (randomblob(20000))")
    shutil.copy(other.with_name("other.db-wal"), box.path.with_name(box.path.name + "-wal"))
    db.close()
    return set(box.batches)


def _owner(box: Box, details: dict[str, Any]) -> set[tuple[str, int]]:
    """The spool belongs to another user, who alone may read it."""
    uid = pwd.getpwnam(details["user"]).pw_uid or pwd.getpwnam("nobody").pw_uid  # root's own is no stranger's
    for path in (box.path, box.path.parent):
        if os.geteuid() == 0:
            os.chown(path, uid, uid)
        path.chmod(0o700 if path.is_dir() else 0o600)
    return set(box.batches)


def _as_stranger() -> None:
    """Run in the child: root without what lets it read and write the files of others (capabilities(7))."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (0, 1, 2, 3):  # CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
        if libc.prctl(24, capability, 0, 0, 0) != 0:  # PR_CAPBSET_DROP
            os._exit(99)


def _second(box: Box, case: Case) -> list[str]:
    """A second agent on the same spool."""
    box.start()
    box.serve(lambda: len(box.heard) > 1, 15)
    faults = _refuses(box) if case["expect"] == "refuse_start" else []
    return faults if box.agent.running() else [*faults, "the first one has ended"]


def _restored(box: Box) -> list[str]:
    """The card as it was some time ago: the collector knows more sequences than the card does."""
    box.fill(5)
    kept = box.path.read_bytes()
    spool = next(iter(box.batches))[0]
    box.fill(10)
    box.highest[spool] = max(seq for _, seq in box.batches)
    for path in box.path.parent.glob("spool.db*"):
        path.unlink()
    box.path.write_bytes(kept)
    box.start()
    box.serve(lambda: any(name[0] != spool for name in box.heard))
    faults = []
    if not any(name[0] != spool for name in box.heard):
        faults.append("no new spool begins")
    doubled = [
        n for n, bodies in box.heard.items() if len(bodies) > 1 or (n in box.batches and bodies != {box.batches[n]})
    ]
    if doubled:
        faults.append(f"sequences used twice: {doubled[:3]}")
    return faults


def _cuts(box: Box, details: dict[str, Any]) -> list[str]:
    """Killed again and again while it fills: every batch that was sealed is sent."""
    sealed: dict[tuple[str, int], str] = {}
    for _ in range(min(5, int(details.get("batches", 5)))):
        box.start()
        time.sleep(max(3.0, min(5.0, float(details.get("every_s", 3)))))  # its life: so often it is killed
        with closing(sqlite3.connect(f"{box.path.resolve().as_uri()}?mode=ro", uri=True, timeout=10)) as db:
            rows = db.execute(
                "SELECT spool, seq, digest FROM batch JOIN life ON life = life.id WHERE acked_ms IS NULL"
            ).fetchall()
        sealed |= {(spool, seq): found for spool, seq, found in rows}
        box.agent.kill()
    box.start()
    box.serve(lambda: sealed.keys() <= box.heard.keys())
    lost = [name for name, found in sealed.items() if found not in {digest(body) for body in box.heard.get(name, ())}]
    return [f"{len(lost)} of {len(sealed)} sealed batches are lost"] if lost or not sealed else []


def _clock(box: Box, details: Any) -> list[str]:
    """A start with a wrong clock: the good batches in the spool are sent as they are."""
    box.fill(5)
    box.at(_moment_ms(details))
    box.start()
    box.serve(lambda: box.batches.keys() <= box.heard.keys())
    changed = [name for name, data in box.batches.items() if box.heard.get(name) != {data}]
    return [f"{len(changed)} batches missing or changed"] if changed else []


def _moment_ms(details: Any) -> int:
    """A moment as milliseconds, as seconds, or in words of ISO 8601."""
    if isinstance(details, dict):
        details = next(iter(details.values()))
    if isinstance(details, int | float):
        return int(details if abs(details) > 10**11 else details * 1000)
    moment = datetime.fromisoformat(str(details))
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)


def cert_expired(side: AgentSide, what: dict[str, Any], folder: Path) -> list[str]:
    """The station's certificate has ended: it goes on recording, says so, and delivers all when it has a new one."""
    box = Box(side, folder)
    identity = side.city.folder / "nodes" / box.node
    kept = (identity / "node.pem").read_bytes()
    key = load_pem_private_key(kept, None)
    now = utc_now()
    ended = timedelta(seconds=what.get("for_s", 3600))
    old = Authority.load(side.city.plan.folder / "pki").sign_node(
        box.node, request_pem(box.node, key=key).encode(), now - ended - timedelta(days=90)
    )
    box.fill(5)
    try:
        write_whole(identity / "node.pem", kept[: kept.index(b"-----BEGIN CERT")] + pem(old), PRIVATE)
        box.at(time.time_ns() // 1_000_000 - int(what.get("slow_s", 0) * 1000))
        box.start()
        box.serve(lambda: bool(box.heard), 6)
        faults = [] if box.agent.running() else ["the agent has ended"]
        if box.heard:
            faults.append("an expired certificate still delivers")
        if b"certificate" not in box.agent.log.read_bytes():
            faults.append("it does not say so")
        write_whole(identity / "node.pem", kept, PRIVATE)
        if not box.serve(lambda: box.batches.keys() <= box.heard.keys(), 40):
            faults.append("not everything arrives with a new certificate")
        return faults + faults_of(box.log.fresh())
    finally:
        write_whole(identity / "node.pem", kept, PRIVATE)
        box.close()


def _fault(box: Box, case: Case, fault: dict[str, Any]) -> list[str]:
    """A system call fails for a while, or some times."""
    if fault["of"] != "agent":
        raise UnknownWord(f"fault of {fault['of']!r} is run on the collector")
    preload = shim(box.folder)
    box.start(preload)
    box.serve(lambda: len(box.heard) >= 2)
    before = set(box.heard)
    spools = {name[0] for name in before}
    times = fault.get("times", -1)
    only(fault, FAULT_WORDS, "fault")
    box.control.write_text(f"{failing(fault['call'])} {number_of(fault['errno'])} spool.db {times}\n")
    box.serve(lambda: False, min(fault.get("for_s", 3), FAULT_S_MAX))
    box.control.unlink(missing_ok=True)
    if not box.agent.running():
        return ["the agent has ended"]
    faults = []
    if not box.serve(lambda: len(set(box.heard) - before) >= 2, 20):
        faults.append("nothing arrives afterwards")
    if fault["call"] == "fsync" and case["expect"] == "repair" and {name[0] for name in box.heard} == spools:
        faults.append("no new spool id after a failed fsync")
    box.serve(lambda: not _whole(box), 15)
    faults += _whole(box)
    return faults + faults_of(box.log.fresh())


def _whole(box: Box) -> list[str]:
    """The sensor went on the whole time: what arrived has no hole without a gap record."""
    times = sorted(
        time_ms
        for bodies in box.heard.values() for body in bodies for block in Box.read(body)["blocks"]
        if block["sensor"] == "air-1" and block["kind"] == "air_quality" for time_ms in _times(block)
    )  # fmt: skip
    holes = [later - earlier for earlier, later in pairwise(times) if later - earlier > 1500]
    return [f"holes of {holes} ms without a gap record"] if holes and not box.gaps() else []


def _times(block: dict[str, Any]) -> list[int]:
    out, now = [], block["t0"]
    for step in block["dt"]:
        now += step
        out.append(now)
    return out


def failing(call: str) -> str:
    """The call by the name that the shim knows it under."""
    name = CALLS.get(call)
    if name is None:
        raise UnknownWord(f"call {call!r}; known are {', '.join(sorted(CALLS))}")
    return name


def number_of(name: str) -> int:
    found = getattr(errno, name, None)
    if not isinstance(found, int):
        raise UnknownWord(f"errno {name!r}")
    return found


def shim(folder: Path) -> Path:
    """The library of failing calls, compiled once. Without a compiler the case cannot be run, and fails."""
    library = folder.parent / "fault.so"
    if not library.exists():
        source = Path(__file__).with_name("fault.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True, timeout=60)
    return library
