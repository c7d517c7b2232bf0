"""A port without a port: the prober's moves played against a pure stub, wrong speeds and noise included."""

from __future__ import annotations

import random

from edge_agent.sensors.probing import Outcome, search
from firmware_stubs.faults import Fault
from firmware_stubs.faulty import Faulty
from firmware_stubs.line import resampled
from firmware_stubs.stub import Stub
from tests.sensors.streams import PROFILES

TICK_S = 0.02


def probed(stub: Stub, seed: int = 0, noise: float = 0.0, left_over: bytes = b"") -> Outcome:
    """What the search finds. `noise` is the share of frames that are spoilt, and stray bytes come between them; what is
    `left_over` of one speed is read first at the next.
    """
    rng = random.Random(seed)
    if noise:
        stub.faulty = noisy(seed, noise)
    moves = search(PROFILES.values())
    move, t_s, before = next(moves), 0.0, None
    while True:
        speed, device = move.serial.baud, stub.line.baud
        heard = resampled(stub.receive(resampled(move.write, speed, device)), device, speed)
        if move.serial != before:
            heard, before = left_over + heard, move.serial
        until_s = t_s + move.listen_s
        while t_s < until_s:
            t_s += TICK_S
            heard += resampled(stub.tick(t_s), device, speed)
            if rng.random() < noise / 5:
                heard += rng.randbytes(3)
        try:
            move = moves.send(heard)
        except StopIteration as stop:
            outcome: Outcome = stop.value
            return outcome


def noisy(seed: int | str, share: float) -> Faulty:
    """A line that spoils that share of the frames in each of two ways, and half of it in a third."""
    shares = {"bitflip": share, "garbage": share, "truncate": share / 2}
    return Faulty(seed, [Fault(kind, share=part) for kind, part in shares.items()])
