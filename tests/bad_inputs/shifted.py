"""A program of ours with its clock set to another moment: `python -m tests.bad_inputs.shifted MS lamppost-arguments`.

Everything else of it is as it is: the clock alone is set, as the times of the cases are written against one moment.
"""

from __future__ import annotations

import sys
import time


def main() -> None:
    shift_ns = int(sys.argv[1]) * 1_000_000
    true_ns, true_s = time.time_ns, time.time
    time.time_ns = lambda: true_ns() + shift_ns
    time.time = lambda: true_s() + shift_ns / 1e9
    sys.argv = ["lamppost", *sys.argv[2:]]
    import lamppost

    lamppost.main()


if __name__ == "__main__":
    main()
