"""Several devices on one pair of wires (RS-485): all hear what the host says, and whose address it bears answers."""

from __future__ import annotations

from firmware_stubs.stub import Stub


class Bus(Stub):
    """Devices that share a port. Each keeps its own world, faults and truth; their line settings are the first's."""

    def __init__(self, *stubs: Stub) -> None:
        super().__init__()
        self.stubs = [*stubs]
        self.line = stubs[0].line

    @property
    def next_s(self) -> float | None:
        """When one of them will next have something."""
        return min((at_s for stub in self.stubs if (at_s := stub.next_s) is not None), default=None)

    def receive(self, data: bytes) -> bytes:
        """What the host wrote arrives at all of them."""
        return b"".join(stub.receive(data) for stub in self.stubs)

    def tick(self, t_s: float) -> bytes:
        """Time goes on for all of them."""
        self.t_s = t_s
        return b"".join(stub.tick(t_s) for stub in self.stubs)
