"""`make fuzz ARGS="--target batch --seconds 600"`: atheris on the targets, or plain mutation where it is not installed.

Coverage-guided fuzzing needs atheris, whose wheels exist for some Pythons only (requirements/fuzz.txt). Without it the
same targets run on seeded mutations of the corpus: weaker, and it says so.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).with_name("corpus")
BYTES_MAX = 65_536
KEPT_BYTES_MAX = 1_024
CORPUS_BYTES_MAX = 22_000  # of each target


def main() -> None:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--target", default="", help="one target; by default all, one after the other")
    parser.add_argument("--seconds", default=600, type=int, help="for each target")
    parser.add_argument("--seed", default=1, type=int)
    parser.add_argument(
        "--keep", action="store_true", help="put what was found into the repository's corpus, smallest first"
    )
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.inside:
        guided(asked.target, asked.seconds, asked.seed)
        return
    from tests.fuzz.targets import TARGETS

    for name in [asked.target] if asked.target else list(TARGETS):
        if _has_atheris():
            words = ["--inside", "--target", name, "--seconds", str(asked.seconds), "--seed", str(asked.seed)]
            ended = subprocess.run([sys.executable, "-m", "tests.fuzz", *words], check=False)
            if ended.returncode:
                sys.exit(f"{name}: failed; the input is in crash-*")
            if asked.keep:
                keep(name, TARGETS[name])
            print(f"{name}: {asked.seconds} s coverage-guided, no failure", flush=True)
        else:
            tried = mutate(TARGETS[name], name, asked.seconds, asked.seed)
            print(f"{name}: {tried} mutations, no failure (atheris is not installed: not coverage-guided)", flush=True)


def mutate(target: Callable[[bytes], None], name: str, seconds: float, seed: int) -> int:
    """Run a target on mutations of its corpus for so long; how many. What a target may not raise comes through."""
    rng = random.Random(seed)
    until_s = time.process_time() + seconds
    seeds = list(corpus(name)) or [b""]
    tried = 0
    while time.process_time() < until_s:
        data = mutated(rng, rng.choice(seeds), rng.choice(seeds))
        try:
            target(data)
        except BaseException:
            print(f"{name} fails on {data.hex()[:4000]}", file=sys.stderr)
            raise
        tried += 1
    return tried


def mutated(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """One to eight small damages."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(out) + 1)
        match rng.randrange(7):
            case 0 if out:
                out[at % len(out)] ^= 1 << rng.randrange(8)
            case 1:
                out[at:at] = rng.randbytes(rng.randrange(1, 9))
            case 2:
                del out[at : at + rng.randrange(1, 9)]
            case 3:
                out[at:at] = rng.choice(_WORDS)
            case 4:
                start = rng.randrange(len(other) + 1)
                out[at:at] = other[start : start + rng.randrange(64)]
            case 5:
                out = out[:at]
            case _:
                out[at:at] = out[at : at + rng.randrange(1, 33)] * rng.randrange(1, 9)
    return bytes(out[:BYTES_MAX])


_WORDS = [b'"', b"{", b"[", b"]", b"}", b",", b":", b"\n", b"\\", b"null", b"NaN", b"1e400", b"-0", b"9" * 30, b"\xff",
          b"\xef\xbb\xbf", b"&a", b"*a", b"!!python/object:os.system", b"---\n", b"\t", b"time", b"\x1f\x8b\x08",
          "１２".encode(), b"1_000", b"\x00", b"../", b"#", b"+", b"'", b"%s", b"{0}"]  # fmt: skip


def corpus(name: str) -> Iterator[bytes]:
    """The kept inputs of a target, and the samples that the project has anyway."""
    folder = CORPUS / name
    for path in sorted(folder.iterdir()) if folder.exists() else []:
        yield path.read_bytes()
    yield from _samples(name)


def _samples(name: str) -> Iterator[bytes]:
    import json

    root = Path(__file__).parents[2]
    bases = json.loads((root / "tests" / "bad_inputs" / "cases.json").read_text())["bases"]
    if name in ("batch", "collector"):
        yield json.dumps(bases["batch"] | {"blocks": []}, separators=(",", ":")).encode()
        yield json.dumps(bases["batch"], separators=(",", ":")).encode()
    elif name == "status":
        birth = {"v": 1, "state": "online", "node": "lp-0017", "site": "s", "session": "0" * 16, "spools": ["0" * 32]}
        more = {"next_seq": 1, "oldest_ms": None, "version": "1", "clock": "synced", "sensors": [["air-1", "a@1"]]}
        yield json.dumps(birth | more | {"vitals": {"a": 1.5}}).encode()
        yield json.dumps(birth | {"state": "offline", "reason": "lost"}).encode()
    elif name == "ack":
        yield b"-\n" + json.dumps(bases["ack"]).encode()
        yield json.dumps(bases["ack"]).encode()
    elif name == "rules":
        yield bases["rules_yaml"].encode()
    elif name == "profile":
        yield from (path.read_bytes() for path in sorted((root / "device_profiles" / "models").glob("*.yaml"))[:8])
    elif name == "framer":
        from tests.sensors.golden_names import SENSORS
        from tests.sensors.streams import PROFILES

        names = list(PROFILES)
        records = json.loads((root / "tests" / "sensors" / "golden_frames.json").read_text())
        for number, record in enumerate(records):
            yield bytes([names.index(SENSORS[record["sensor"]]), number % 17]) + bytes.fromhex(record["hex"])
    elif name == "line_protocol":
        yield '建国路 a=b,c \\ "x"\n'.encode()
    elif name == "token":
        yield b"lamppost1.eyJuIjoibHAtMSIsInUiOiJodHRwczovL2EiLCJhIjoiIiwidCI6IiJ9"


def keep(name: str, target: Callable[[bytes], None]) -> None:
    """Of what was found, smallest first, what runs lines that nothing smaller ran, as far as there is room."""
    folder, seen, held = CORPUS / name, set[tuple[str, int, int]](), 0
    folder.mkdir(parents=True, exist_ok=True)
    found = {path.read_bytes() for place in (folder, Path(".fuzz") / name) for path in place.iterdir()}
    for path in folder.iterdir():
        path.unlink()
    for data in sorted(found, key=lambda one: (len(one), one)):
        if len(data) > KEPT_BYTES_MAX or held + len(data) > CORPUS_BYTES_MAX:
            break
        ran = _lines_run(target, data)
        if not ran <= seen:
            seen |= ran
            held += len(data)
            (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    print(f"{name}: {len(list(folder.iterdir()))} inputs of {held} bytes are kept", flush=True)


def _lines_run(target: Callable[[bytes], None], data: bytes) -> set[tuple[str, int, int]]:
    """Steps from line to line in our own code."""
    ran: set[tuple[str, int, int]] = set()

    def trace(frame: FrameType, event: str, _: object) -> Any:
        file = frame.f_code.co_filename
        if event == "call" and not file.startswith(str(ROOT)):
            return None
        ran.add((file, last.get(id(frame), 0), frame.f_lineno))
        last[id(frame)] = frame.f_lineno
        return trace

    last: dict[int, int] = {}
    sys.settrace(trace)
    try:
        target(data)
    finally:
        sys.settrace(None)
    return ran


def guided(name: str, seconds: int, seed: int) -> None:
    """Coverage-guided, in a process of its own: atheris ends it."""
    import atheris

    with atheris.instrument_imports(include=["wire", "edge_agent", "device_profiles", "collector"]):
        from tests.fuzz.targets import TARGETS
    folder = Path(".fuzz") / name
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(corpus(name)):
        (folder / f"sample-{number}").write_bytes(data)
    words = [f"-max_total_time={seconds}", f"-seed={seed}", f"-max_len={BYTES_MAX}", "-timeout=5", str(folder)]
    atheris.Setup([sys.argv[0], *words], TARGETS[name])
    atheris.Fuzz()


def _has_atheris() -> bool:
    from importlib.util import find_spec

    return find_spec("atheris") is not None


if __name__ == "__main__":
    main()
