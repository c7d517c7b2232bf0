"""A radio link, packet by packet: a network namespace behind two tunnels that are slow, late and lossy. Needs root.

What makes such a line hard is the modem's queue: it holds minutes of what TCP sent, and what TCP sent again.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
import shutil
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from tests.proof import Impossible

TUNNEL: Final = "/dev/net/tun"
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
PACKET_BYTES: Final = 4096
NEAR, FAR = "198.18.0.1", "198.18.0.2"  # a network for measurements (RFC 2544), which nobody else uses


@dataclass(slots=True)
class Way:
    """One direction. Times are seconds of one monotonic clock, given by the caller."""

    bytes_s: float
    delay_s: float
    lost_share: float
    queue_bytes: float = 32_000.0
    rng: random.Random = field(default_factory=random.Random)
    carried_bytes: int = 0
    dropped: int = 0
    _free_s: float = 0.0

    def take(self, size: int, now_s: float) -> float | None:
        """When a packet of so many bytes arrives; None when it never does."""
        begins_s = max(now_s, self._free_s)
        if (begins_s - now_s) * self.bytes_s > self.queue_bytes or self.rng.random() < self.lost_share:
            self.dropped += 1
            return None
        self._free_s = begins_s + size / self.bytes_s
        self.carried_bytes += size
        return self._free_s + self.delay_s


class Radio(threading.Thread):
    """Carries packets between two tunnels until `stop`."""

    def __init__(self, near: int, far: int, up: Way, down: Way) -> None:
        super().__init__(name="radio link", daemon=True)
        self._tunnels = near, far
        self._loop = asyncio.new_event_loop()
        self._loop.add_reader(far, self._carry, far, near, up)
        self._loop.add_reader(near, self._carry, near, far, down)

    def run(self) -> None:
        """In its own thread."""
        self._loop.run_forever()
        self._loop.close()

    def stop(self) -> None:
        """The link is gone."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self.join()
        for tunnel in self._tunnels:
            os.close(tunnel)

    def _carry(self, source: int, target: int, way: Way) -> None:
        packet = os.read(source, PACKET_BYTES)
        arrives_s = way.take(len(packet), self._loop.time())
        if arrives_s is not None:
            self._loop.call_at(arrives_s, os.write, target, packet)


@contextmanager
def link(up: Way, down: Way) -> Iterator[tuple[str, ...]]:
    """The words before a command that runs behind the link; this machine is `NEAR` to it. Raises Impossible."""
    if shutil.which("ip") is None or not os.access(TUNNEL, os.W_OK):
        raise Impossible(f"no tunnels here. Cure: as root, apt-get install iproute2, and {TUNNEL}")
    place = f"lamppost-{os.getpid()}"
    inside = ("ip", "netns", "exec", place)
    _do("ip", "netns", "add", place)
    try:
        near, far = f"lp{os.getpid()}n", f"lp{os.getpid()}f"
        radio = Radio(_tunnel(near), _tunnel(far), up, down)
        _do("ip", "link", "set", far, "netns", place)
        _do("ip", "addr", "add", f"{NEAR}/30", "dev", near)
        _do("ip", "link", "set", near, "up")
        _do(*inside, "ip", "addr", "add", f"{FAR}/30", "dev", far)
        _do(*inside, "ip", "link", "set", far, "up")
        radio.start()
        try:
            yield inside
        finally:
            radio.stop()
    finally:
        _do("ip", "netns", "delete", place)


def _tunnel(name: str) -> int:
    tunnel = os.open(TUNNEL, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tunnel, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return tunnel


def _do(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Impossible(f"{' '.join(words)}: {done.stderr.strip()}. Cure: as root, where namespaces are allowed")
