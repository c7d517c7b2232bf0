"""The demo's table in the terminal: one line a lamppost, renewed every second."""

from __future__ import annotations

import time
from typing import Any

from rich.live import Live
from rich.table import Table


class LiveTable:
    """Shows the newest values of each node until closed."""

    def __init__(self, names: dict[str, str], page: str) -> None:
        self._names = names
        self._page = page
        self._live = Live(auto_refresh=False, transient=False)
        self._live.start()

    def show(self, latest: dict[str, dict[str, Any]], alerts_fired: int) -> None:
        """Renew the table."""
        title = f"{self._page}   alerts fired: {alerts_fired}   Ctrl-C ends"
        table = Table(title=title, title_justify="left", expand=False)
        for heading in ("station", "PM2.5", "PM10", "veh/h", "km/h", "age"):
            table.add_column(heading, justify="left" if heading == "station" else "right", no_wrap=heading != "station")
        for node, values in latest.items():
            table.add_row(
                self._names[node],
                _number(values.get("pm25_ugm3")),
                _number(values.get("pm10_ugm3")),
                _number(values.get("flow_vph")),
                _number(values.get("speed_tms_kmh")),
                _age(values.get("time_ms")),
            )
        self._live.update(table, refresh=True)

    def close(self) -> None:
        """Leave the last table on the screen."""
        self._live.stop()


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _age(time_ms: int | None) -> str:
    return "-" if time_ms is None else f"{max(0, time.time() - time_ms / 1000):.0f} s"
