"""The two charts of a station's card: the last hour of its air, and of its traffic. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from collector.web import chart
from collector.web.air import FINE_MS
from collector.web.privacy import FEW, WINDOW_MS
from collector.web.readings import YOUNG_MS, View
from collector.web.site import AlertView
from wire.times import HOUR_MS, MINUTE_MS


def air(view: View, alerts: Sequence[AlertView]) -> chart.Chart:
    """PM2.5 of every sensor of a station, by minute, or by ten seconds while the station is young."""
    young = _is_young(view)
    series = [
        (air.sensor, [(t, v) for t, v in (air.fine if young else air.by_minute) if t >= view.since_ms])
        for air in view.pm25
    ]
    limits = [
        alert.threshold
        for alert in alerts
        if alert.node == view.station.node
        and alert.state != "resolved"
        and alert.threshold is not None
        and (alert.quantity or "").startswith("pm25")
    ]
    return chart.lines(series, _frame(view), 2 * (FINE_MS if young else MINUTE_MS), min(limits, default=None))


def traffic(view: View) -> chart.Chart:
    """Vehicles by window; a hidden count is drawn as high as the most it can be, hatched."""
    assert view.traffic is not None
    told = view.traffic.windows
    windows = [(each.start_ms, each.told.values["count"]) for each in told if each.start_ms + WINDOW_MS > view.since_ms]
    in_part = {each.start_ms for each in told if each.in_part}
    return chart.bars(windows, WINDOW_MS, _frame(view), FEW - 1, in_part)


def _is_young(view: View) -> bool:
    return view.now_ms - view.since_ms <= YOUNG_MS


def _frame(view: View) -> chart.Frame:
    """The last hour, or the first minutes of a young station."""
    return chart.Frame(view.since_ms, view.since_ms + (YOUNG_MS if _is_young(view) else HOUR_MS))
