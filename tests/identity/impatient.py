"""The program with an agent that asks for keys at once: `python -m tests.identity.impatient agent run FILE`."""

from __future__ import annotations

import runpy

from edge_agent.identity import renewal

if __name__ == "__main__":
    renewal.LOOK_S, renewal.SPREAD_S = 0.5, 0.0
    runpy.run_module("lamppost", run_name="__main__")
