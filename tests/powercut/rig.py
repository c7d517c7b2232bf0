"""File systems within file systems, so that a copy in an instant is a cut of the power. Needs root and loop devices."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from edge_agent.spool.sealing import readings_of
from edge_agent.spool.spool import Spool, SpoolError
from tests.powercut.writer import FIELD, ORIGIN
from tests.proof import Impossible

OUTER_BYTES, INNER_BYTES = 640 * 2**20, 96 * 2**20
FIRST_S, WAIT_S = 15.0, (0.02, 0.5)
CUTS_A_WRITER = 25
TOOLS = ("mkfs.xfs", "mkfs.ext4", "mount", "umount", "losetup")


class Cut(NamedTuple):
    """One cut: readings accepted; those the spool still has, has twice or has not; whether it opened undamaged."""

    accepted: int
    kept: int
    doubled: int
    lost: int
    intact: bool


class Rig:
    """The file systems, for the length of a `with`. `cut` may be called again and again."""

    def __enter__(self) -> Rig:
        need(*TOOLS)
        self._folder = Path(tempfile.mkdtemp(prefix="lamppost-powercut-"))
        self._outer, self._inner, self._copy = (self._folder / name for name in ("outer", "inner", "copy"))
        self._mounted: list[Path] = []
        try:
            image(self._folder / "outer.img", OUTER_BYTES, "mkfs.xfs", "-q", "-m", "reflink=1")
            self._mount(self._folder / "outer.img", self._outer)
            image(self._outer / "inner.img", INNER_BYTES, "mkfs.ext4", "-q", "-F")
        except Impossible:
            self._leave()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    def cuts(self, count: int, rng: random.Random, normal: bool = False) -> list[Cut]:
        """`count` cuts while a writer writes; a fresh spool now and then."""
        found: list[Cut] = []
        while len(found) < count:
            self._mount(self._outer / "inner.img", self._inner)
            shutil.rmtree(self._inner / "spool", ignore_errors=True)
            with _Writer(self._inner / "spool" / "spool.db", normal) as writer:
                found += [self._cut(writer, rng) for _ in range(min(CUTS_A_WRITER, count - len(found)))]
            self._unmount(self._inner)
        return found

    def _cut(self, writer: _Writer, rng: random.Random) -> Cut:
        writer.goes_on(rng.uniform(*WAIT_S))
        image = self._outer / "cut.img"
        with writer.held_if_normal():
            accepted = writer.said
            run("cp", "--reflink=always", str(self._outer / "inner.img"), str(image))
        self._mount(image, self._copy)
        try:
            survived, intact = _numbers(self._copy / "spool" / "spool.db")
        finally:
            self._unmount(self._copy)
            image.unlink()
        said = set(range(1, accepted + 1))
        return Cut(
            accepted, len(said & survived.keys()), survived.total() - len(survived), len(said - survived.keys()), intact
        )

    def _mount(self, image: Path, where: Path) -> None:
        where.mkdir(exist_ok=True)
        run("mount", "-o", "loop", str(image), str(where))
        self._mounted.append(where)

    def _unmount(self, where: Path) -> None:
        run("umount", str(where))
        self._mounted.remove(where)

    def _leave(self) -> None:
        for where in reversed(self._mounted):
            subprocess.run(["umount", "--lazy", str(where)], check=False)
        shutil.rmtree(self._folder, ignore_errors=True)


class _Writer:
    """The writing process. `said` is the last number whose commit has returned."""

    def __init__(self, path: Path, normal: bool) -> None:
        self.said = 0
        self._normal = normal
        command = [sys.executable, "-m", "tests.powercut.writer", str(path), *(["--normal"] if normal else [])]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> _Writer:
        self._thread.start()
        until_s = time.monotonic() + FIRST_S
        while not self.said and time.monotonic() < until_s and self._process.poll() is None:
            time.sleep(0.005)
        if not self.said:
            self.__exit__()
            raise RuntimeError("the writer never accepted a reading")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    @contextmanager
    def held_if_normal(self) -> Iterator[None]:
        """The control stands still while it is cut: a checkpoint in between would make safe what was not."""
        if self._normal:
            self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            if self._normal:
                self._process.send_signal(signal.SIGCONT)

    def goes_on(self, for_s: float) -> None:
        """Let it write for a while, and make sure that it did."""
        before, until_s = self.said, time.monotonic() + FIRST_S
        time.sleep(for_s)
        while self.said == before and time.monotonic() < until_s:
            time.sleep(0.005)
        if self.said == before:
            raise RuntimeError(f"the writer is stuck at {before}")

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said = int(line)


def _numbers(path: Path) -> tuple[Counter[int], bool]:
    """What a restarted agent finds in the spool, and whether it opened without repair."""
    try:
        spool = Spool(path, ORIGIN.node, ORIGIN.site)
    except SpoolError:
        return Counter(), False
    spool.seal()
    found = Counter(int(row.values[FIELD]) for one in spool.oldest(2**31) for row in readings_of(one.data)[0])
    intact = spool.damaged() is None
    spool.close()
    return found, intact


def need(*tools: str) -> None:
    """Raises Impossible with the cure when this machine cannot mount."""
    if os.geteuid() != 0:
        raise Impossible("loop mounts need root. Cure: sudo")
    missing = [tool for tool in tools if shutil.which(tool, path="/usr/sbin:/sbin:/usr/bin:/bin") is None]
    if missing:
        raise Impossible(f"{', '.join(missing)} not installed. Cure: sudo apt-get install xfsprogs e2fsprogs mount")


def image(path: Path, size: int, *make: str) -> None:
    """A file with a file system in it. Raises Impossible."""
    with path.open("wb") as file:
        file.truncate(size)
    run(*make, str(path))


def run(*command: str) -> None:
    """Raises Impossible when the machine will not."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Impossible(f"{' '.join(command[:2])}: {done.stderr.strip()}. Cure: a machine with loop devices and xfs")
