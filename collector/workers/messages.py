"""What receiver and workers say to each other: orders down, reports up, many in one message.

Both ends are the same program of the same version on one machine; the form is MessagePack because it is cheap: a
reading that the rules look at costs some 0.1 µs to pass up.
"""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Final, Literal, NamedTuple
from zlib import crc32

import msgspec

from collector.config import Config
from collector.stores.store import Table

Verb = Literal["batch", "live", "replay", "status", "greet", "look up", "look up hours", "end"]
BATCHES: Final = ("batch", "live", "replay")


class Order(NamedTuple):
    """What a worker is to do. `number` names a batch between the two; `body` is what the broker brought."""

    verb: Verb
    node: str = ""
    body: bytes = b""
    number: int = 0


class Done(NamedTuple):
    """A batch that is in the database, with what the rules look at."""

    node: str
    site: str
    tables: list[Table]


class Report(NamedTuple):
    """What a worker has done since its last report, and how it stands.

    `answers` are topics and sealed payloads to publish, `settled` the numbers of the batches about which all is said,
    `windows` what roll-ups are new.
    """

    answers: list[tuple[str, bytes]]
    done: list[Done]
    settled: list[int]
    windows: list[Table]
    counts: dict[str, int]
    window_counts: dict[str, int]
    alarms: dict[str, str]
    pending_rows: int


class Beginning(NamedTuple):
    """The first message to a worker, pickled: who it is, and the settings as the command has read them."""

    number: int
    of: int
    config: Config
    quiet: bool


def worker_of(node: str, workers: int) -> int:
    """Whose node this is. Stable over restarts and machines."""
    return crc32(node.encode()) % workers


_orders_in = msgspec.msgpack.Decoder(list[Order])
_reports_in = msgspec.msgpack.Decoder(Report)
_out = msgspec.msgpack.Encoder()


def send_orders(pipe: Connection, orders: list[Order]) -> None:
    """Raises OSError when the worker is gone, or takes nothing for SEND_S."""
    pipe.send_bytes(_out.encode(orders))


def take_orders(pipe: Connection) -> list[Order]:
    """Waits for some. Raises EOFError, OSError when the receiver is gone."""
    return _orders_in.decode(pipe.recv_bytes())


def send_report(pipe: Connection, report: Report) -> None:
    """Raises OSError when the receiver is gone."""
    pipe.send_bytes(_out.encode(report))


def take_report(pipe: Connection) -> Report:
    """Waits for one. Raises EOFError, OSError when the worker is gone."""
    return _reports_in.decode(pipe.recv_bytes())
