"""Chance by counting: a random number is a function of a key and an index, so that any time can be asked directly.

A generator that must be run from its beginning cannot tell the air of next March without living through the winter.
Here `Chance(seed, "weather wind").normal(7)` is the same number whoever asks, in whatever order, on whatever machine.
The mixer is SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators", figure 15).
"""

from __future__ import annotations

import hashlib
import math
from typing import Final

_MASK: Final = 2**64 - 1
_GOLDEN: Final = 0x9E3779B97F4A7C15


class Chance:
    """One stream of numbers, named by a seed and words."""

    __slots__ = ("_key", "_step")

    def __init__(self, seed: int, *words: str) -> None:
        name = " ".join((str(seed), *words)).encode()
        self._key = int.from_bytes(hashlib.sha256(name).digest()[:8], "big")
        self._step: tuple[int, float, float] | None = None  # the two numbers between which `smooth` stood last

    def bits(self, index: int) -> int:
        """64 random bits at an index, which may be negative."""
        mixed = (self._key + (index + 1) * _GOLDEN) & _MASK
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _MASK
        return mixed ^ mixed >> 31

    def uniform(self, index: int) -> float:
        """A number in [0, 1)."""
        return (self.bits(index) >> 11) / 2**53

    def normal(self, index: int) -> float:
        """A number of the standard normal distribution (Box and Muller 1958)."""
        bits = self.bits(index)
        radius = math.sqrt(-2 * math.log(((bits >> 32) + 1) / 2**32))
        return radius * math.cos(2 * math.pi * (bits & 0xFFFFFFFF) / 2**32)

    def smooth(self, at: float) -> float:
        """Noise that wanders: standard normal at every place, independent two steps apart, without jumps between."""
        step = math.floor(at)
        known = self._step
        if known is None or known[0] != step:
            known = self._step = step, self.normal(step), self.normal(step + 1)
        turn = (at - step) * math.pi / 2
        return known[1] * math.cos(turn) + known[2] * math.sin(turn)

    def poisson(self, index: int, mean: float) -> int:
        """A whole number of the Poisson distribution, by inversion; beyond 60 its normal approximation."""
        if mean <= 0:
            return 0
        if mean > 60:
            return max(0, round(mean + math.sqrt(mean) * self.normal(index)))
        left, share, count = self.uniform(index), math.exp(-mean), 0
        while left >= share and count < 1000:
            left -= share
            count += 1
            share *= mean / count
        return count
