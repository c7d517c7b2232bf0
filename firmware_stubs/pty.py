"""Pseudo-terminals for stubs: the real agent opens them as if a sensor hung there. Many stubs, one thread.

A reader that has set another speed than the device has hears what a UART at that speed would, and is not understood.

with open_stub(Pms5003(air)) as port:
    serial.Serial(port.path, 9600)

host = StubHost()
path = host.add("air-1", Pms5003(air))
host.start() ... host.stop()
"""

from __future__ import annotations

import os
import selectors
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from firmware_stubs.line import resampled, set_speed, speed
from firmware_stubs.stub import Stub

LONGEST_WAIT_S = 0.05


@dataclass(slots=True)
class Port:
    """One stub on a pseudo-terminal. `path` is what the agent opens."""

    name: str
    stub: Stub
    path: str
    master: int
    slave: int

    def write(self, data: bytes) -> None:
        """Send to whoever reads; what does not fit is lost, as on a real line."""
        if not data:
            return
        with suppress(BlockingIOError):
            os.write(self.master, resampled(data, self.stub.line.baud, speed(self.slave)))

    def read(self) -> bytes:
        """What the reader has written, as the device hears it."""
        try:
            data = os.read(self.master, 4096)
        except BlockingIOError:
            return b""
        return resampled(data, speed(self.slave), self.stub.line.baud)


class StubHost:
    """Runs many stubs in one thread; `clock` gives the seconds that stubs and their worlds live in.

    With a folder for `links` a stub's path is a link there, which comes back when it is plugged in again.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, links: Path | None = None) -> None:
        self._clock, self._links = clock, links
        self._ports: dict[str, Port] = {}
        self._out: dict[str, Stub] = {}  # unplugged by a fault
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._thread: threading.Thread | None = None
        self._running = False

    def add(self, name: str, stub: Stub) -> str:
        """Give a stub a pseudo-terminal in raw mode; returns its path, the same again for a name that was unplugged.

        The slave stays open on our side too, so that a reader who leaves and comes back sees no EIO.
        """
        with self._lock:
            port = self._plug(name, stub)
        self._wake()
        return port.path

    def _plug(self, name: str, stub: Stub) -> Port:
        master, slave = os.openpty()
        tty.setraw(slave)
        set_speed(slave, stub.line.baud)  # who sets no speed hears the device
        os.set_blocking(master, False)
        port = self._ports[name] = Port(name, stub, self._link(name, os.ttyname(slave)), master, slave)
        self._selector.register(master, selectors.EVENT_READ, port)
        return port

    def port(self, name: str) -> Port:
        """The port of that name. KeyError while it is unplugged."""
        return self._ports[name]

    def _link(self, name: str, device: str) -> str:
        """The device by a name that outlives it, as /dev/serial/by-id does, where a folder for links was given."""
        if self._links is None:
            return device
        link = self._links / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(device)
        return str(link)

    def remove(self, name: str) -> None:
        """Unplug: the pseudo-terminal goes, and its reader sees the device vanish."""
        with self._lock:
            self._out.pop(name, None)
            if name in self._ports:
                self._pull(name)

    def _pull(self, name: str) -> Stub:
        port = self._ports.pop(name)
        if self._links is not None:
            (self._links / name).unlink(missing_ok=True)
        self._selector.unregister(port.master)
        os.close(port.master)
        os.close(port.slave)
        return port.stub

    def _obey_unplugging(self, now_s: float) -> None:
        """Stubs whose fault it is to be unplugged lose their port and get it back, cold."""
        for name, port in list(self._ports.items()):
            if port.stub.faulty is not None and port.stub.faulty.unplugged(now_s):
                port.stub.unplug()
                self._out[name] = self._pull(name)
        for name, stub in list(self._out.items()):
            if stub.faulty is None or not stub.faulty.unplugged(now_s):
                del self._out[name]
                self._plug(name, stub)

    def start(self) -> None:
        """Run in a thread of its own."""
        self._running = True
        self._thread = threading.Thread(target=self.run, name="firmware stubs", daemon=True)
        self._thread.start()

    def hush(self) -> None:
        """Say and hear nothing more; what was said can still be read, for the ports stay."""
        self._running = False
        self._wake()
        if self._thread is not None:
            self._thread.join()

    def stop(self) -> None:
        """End the thread and close every port."""
        self.hush()
        for name in [*self._ports, *self._out]:
            self.remove(name)
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def run(self) -> None:
        """The loop: answer what was written, send what is due."""
        self._running = True
        while self._running:
            for key, _ in self._selector.select(self._wait_s()):
                if key.data is None:
                    os.read(self._wake_read, 64)
            with self._lock:
                self._obey_unplugging(self._clock())
                for port in self._ports.values():
                    _serve(port, self._clock())

    def _wait_s(self) -> float:
        now_s = self._clock()
        with self._lock:
            due = [port.stub.next_s for port in self._ports.values()]
        soonest = min((next_s for next_s in due if next_s is not None), default=now_s + LONGEST_WAIT_S)
        return min(max(soonest - now_s, 0.0), LONGEST_WAIT_S)

    def _wake(self) -> None:
        os.write(self._wake_write, b"w")


def _serve(port: Port, now_s: float) -> None:
    port.write(port.stub.tick(now_s))
    port.write(port.stub.receive(port.read()))


@contextmanager
def open_stub(stub: Stub) -> Iterator[Port]:
    """One stub on one pseudo-terminal, for the length of a `with`."""
    host = StubHost()
    host.add("stub", stub)
    port = host.port("stub")
    host.start()
    try:
        yield port
    finally:
        host.stop()
