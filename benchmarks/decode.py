"""How long one frame takes from bytes to values, framer included: `python -m benchmarks.decode`.

The budget is 15 µs for a 32-byte frame. Processor time, the best of several rounds: what the code
needs, not what else ran.
"""

from __future__ import annotations

import sys
import time

from device_profiles import catalogue
from device_profiles.profile import Profile
from edge_agent.sensors.decoding import Decoder
from edge_agent.sensors.framing import Frame, Framer

BUDGET_US = 15.0
BUDGET_OF = "plantower-pms5003"
FRAMES, ROUNDS = 2_000, 7


def measure(profile: Profile) -> float:
    """Microseconds a frame of the profile's first example."""
    data, framer, decoder = profile.examples[0].data, Framer(profile), Decoder(profile)
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(FRAMES):
            for item in framer.feed(data):
                assert isinstance(item, Frame)
                decoder.decode(item.data)
        best = min(best, time.process_time() - start)
    return best / FRAMES * 1e6


def main() -> int:
    """Every model, slowest first; fails when the budget is broken."""
    found = {}
    for name in catalogue.load().names():
        profile = catalogue.load().get(name)  # one at a time, as on a device: the collector of garbage counts them all
        found[name] = (measure(profile), len(profile.examples[0].data))
    for name, (us, size) in sorted(found.items(), key=lambda item: -item[1][0]):
        print(f"{name:24} {size:4} bytes {us:7.1f} µs")
    us = found[BUDGET_OF][0]
    print(f"{BUDGET_OF}: {us:.1f} µs of {BUDGET_US:g} µs")
    return 0 if us <= BUDGET_US else 1


if __name__ == "__main__":
    sys.exit(main())
