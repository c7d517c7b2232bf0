"""The program with a patient clock watch: `python -m benchmarks.ahead collector run FILE`.

A stream's readings are of the next ten minutes, so that the collector has seen their minutes begin and folds them. To
its clock watch each node would be one whose clock is ahead, and what is measured would be alarms.
"""

from __future__ import annotations

import runpy

from collector.delivery import clocks
from wire.check import FUTURE_MS

if __name__ == "__main__":
    setattr(clocks, "OFF_MS", FUTURE_MS)  # noqa: B010 - a constant everywhere else
    runpy.run_module("lamppost", run_name="__main__")
