"""A TCP proxy that makes a link bad: late, in slices, slow, reset, or a black hole. One thread for all links."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from tests.servers import free_port

Fault = Literal["none", "latency", "slices", "bandwidth", "reset", "black-hole", "down", "limit-data", "slow-close"]
FAULTS: tuple[Fault, ...] = (
    "latency", "slices", "bandwidth", "reset", "black-hole", "down", "limit-data", "slow-close",
)  # fmt: skip
LIMIT_BYTES = (1, 6_000)
SLOW_CLOSE_S = (0.5, 5.0)
LATENCY_S = (0.05, 0.5)
SLICE_BYTES = (1, 40)
SLICES_MAX = 200
BANDWIDTH_BYTES_S = 20_000
CHUNK = 16_384


@dataclass(slots=True)
class Link:
    """One way through the proxy: who connects to `port` reaches `target`. `fault` may be changed at any time."""

    name: str
    target: int
    port: int = field(default_factory=free_port)
    fault: Fault = "none"
    limit_bytes: int = 0
    writers: set[asyncio.StreamWriter] = field(default_factory=set)


class Proxy:
    """All links. Runs in a thread of its own from `start` to `stop`."""

    def __init__(self, links: list[Link], rng: random.Random) -> None:
        self.links = links
        self._rng = rng
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fault proxy", daemon=True)
        self._ready = threading.Event()

    def start(self) -> None:
        """Listen on every link."""
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the proxy does not listen")

    def stop(self) -> None:
        """Drop every connection."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def set(self, link: Link, fault: Fault) -> None:
        """Change what a link does. A reset strikes at once; a black hole ends in one, as a dead path does."""
        self._loop.call_soon_threadsafe(self._set, link, fault)

    def _set(self, link: Link, fault: Fault) -> None:
        if fault in ("reset", "down") or (link.fault == "black-hole" and fault == "none"):
            for writer in list(link.writers):
                _reset(writer)
        link.fault = "none" if fault == "reset" else fault
        link.limit_bytes = self._rng.randint(*LIMIT_BYTES)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        servers = []
        for link in self.links:
            serving = asyncio.start_server(self._accepting(link), "127.0.0.1", link.port, limit=CHUNK)
            servers.append(self._loop.run_until_complete(serving))
        self._ready.set()
        self._loop.run_forever()
        for server in servers:
            server.close()
        writers = [writer for link in self.links for writer in link.writers]
        for writer in writers:
            _reset(writer)
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        closed = (writer.wait_closed() for writer in writers)
        self._loop.run_until_complete(asyncio.gather(*closed, return_exceptions=True))
        self._loop.close()

    def _accepting(self, link: Link) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if link.fault == "down":
                _reset(writer)
                return
            try:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", link.target)
            except OSError:
                _reset(writer)
                return
            ends = {writer, far_writer}
            link.writers |= ends
            pumps = [
                asyncio.create_task(self._pump(link, reader, far_writer)),
                asyncio.create_task(self._pump(link, far_reader, writer)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            if link.fault == "slow-close":
                await asyncio.sleep(self._rng.uniform(*SLOW_CLOSE_S))  # the fault itself, as those below
            link.writers -= ends
            for end in ends:
                end.close()

        return accept

    async def _pump(self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                if link.fault == "black-hole":
                    continue
                if link.fault == "latency":
                    await asyncio.sleep(self._rng.uniform(*LATENCY_S))
                elif link.fault == "bandwidth":
                    await asyncio.sleep(len(data) / BANDWIDTH_BYTES_S)
                elif link.fault == "slices":
                    data = await self._sliced(writer, data)
                elif link.fault == "limit-data":
                    data, over = data[: link.limit_bytes], len(data) >= link.limit_bytes
                    link.limit_bytes -= len(data)
                    if over:
                        link.limit_bytes = self._rng.randint(*LIMIT_BYTES)
                        writer.write(data)
                        return
                writer.write(data)
                await writer.drain()

    async def _sliced(self, writer: asyncio.StreamWriter, data: bytes) -> bytes:
        """Send the head in small pieces; gives what is left."""
        for _ in range(SLICES_MAX):
            if not data:
                break
            size = self._rng.randint(*SLICE_BYTES)
            writer.write(data[:size])
            await writer.drain()
            await asyncio.sleep(0)
            data = data[size:]
        return data


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST: what was on its way is gone."""
    found = writer.get_extra_info("socket")
    if found is not None:
        with contextlib.suppress(OSError):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
