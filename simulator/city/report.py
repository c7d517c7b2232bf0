"""`python -m simulator.city.report docs`: writes docs/city.md and its plots, the city beside real data."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from simulator.city import real
from simulator.city.city import City
from simulator.city.events import EVENTS, Event
from simulator.city.likeness import Check, Likeness, compare
from simulator.city.shape import Hours, shape
from simulator.plots import Line, plot
from wire.times import HOUR_MS

SEED: Final = 7
SEEDS_TRIED: Final = 8
HOURS = [f"{hour}" for hour in range(24)]
DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
NAMES = {"pm25_ugm3": "PM2.5", "pm10_ugm3": "PM10", "no2_ugm3": "NO2", "o3_ugm3": "O3", "co_mgm3": "CO",
         "so2_ugm3": "SO2", "wind_speed_ms": "wind"}  # fmt: skip
FIREWORKS_MS: Final = 1_771_257_600_000  # 2026-02-17T00:00 in Beijing, the Lunar New Year

_HEAD = """# How like a real city

The simulated city is a pure function of place, time and seed (`simulator/city/`); nothing of it is replayed. This page
is written by `make city` from a simulated year (seed {seed}, 2026) beside the real data that the project ships
(`simulator/real_data/README.md`): air and weather of Beijing Wanliu 2016, traffic of I-94 in Minneapolis 2017, the
kerbside of London Marylebone 2003. A test holds every line of the table below.

Not claimed: that any day is right, or any other city. Claimed: hours, weekdays and seasons move as they do there, and
quantities move together as they do there, so that windows, rules, indices, flags and pages meet what they will meet.

Nor that a blocked lane is as full as a real one: an accident takes flow and speed at once and leaves 20 to 30 vehicles
to the kilometre, where a queue has near a hundred. A simple radar can neither part the vehicles of a queue nor see past
it, and a run's verdict compares what radars count. Carbon dioxide has no real series here; a test holds it to
published ones.

"""


def main(docs: Path) -> None:
    """Write the page and its pictures."""
    like = compare(SEED)
    pictures = docs / "images" / "city"
    pictures.mkdir(parents=True, exist_ok=True)
    drawn = _pictures(like)
    for name, svg in drawn.items():
        (pictures / f"{name}.svg").write_text(svg, encoding="utf-8")
    (docs / "city.md").write_text(
        _HEAD.format(seed=SEED) + _plots(drawn) + _table(like.checks) + _others() + _events(), encoding="utf-8"
    )


def _pictures(like: Likeness) -> dict[str, str]:
    wanliu, i94, london = real.beijing(), real.i94(), real.london()
    found = {}
    for name, words in NAMES.items():
        found[f"hours-{name.partition('_')[0]}"] = _profile(
            f"{words}, hours", "by_hour", HOURS, like.roofs, wanliu, name
        )
    for name in ("pm25_ugm3", "o3_ugm3", "co_mgm3"):
        found[f"months-{name.partition('_')[0]}"] = _profile(
            f"{NAMES[name]}, months", "by_month", MONTHS, like.roofs, wanliu, name
        )
    for of, labels in (("by_hour", HOURS), ("by_weekday", DAYS)):
        lines = [
            Line("city", getattr(shape(like.roofs, "busy"), of)),
            Line("I-94", getattr(shape(i94, "traffic_volume_veh_h"), of)),
        ]
        found[f"traffic-{of}"] = plot(f"Traffic, {of.replace('_', ' ')}", labels, lines, "of the mean")
    kerb = [Line("city, kerb", shape(like.kerb, "nox_ppb").by_hour), Line("London", shape(london, "nox_ppb").by_hour)]
    found["kerb-nox"] = plot("NOx at the kerb, hours", HOURS, kerb, "of the mean")
    festival = City(SEED, (Event("fireworks", FIREWORKS_MS - 4 * HOUR_MS, FIREWORKS_MS + 6 * HOUR_MS),))
    night = [festival.air("lp-0001", FIREWORKS_MS + (hour - 12) * HOUR_MS).pm25_ugm3 for hour in range(24)]
    eve = (31 + 7) * 24  # 2016-02-08T00:00, hours from the start of that year
    true = wanliu.columns["pm25_ugm3"][eve - 12 : eve + 12]
    labels = [f"{(hour + 12) % 24}" for hour in range(24)]
    found["fireworks"] = plot("PM2.5, New Year's night", labels, [Line("city", night), Line("Wanliu", true)], "µg/m³")
    return found


def _profile(title: str, of: str, labels: list[str], ours: Hours, theirs: Hours, name: str) -> str:
    lines = [Line("city", getattr(shape(ours, name), of)), Line("Wanliu", getattr(shape(theirs, name), of))]
    return plot(title, labels, lines, "of the mean")


def _plots(drawn: dict[str, str]) -> str:
    cells = [f'<img src="images/city/{name}.svg" width="270" alt="{name}">' for name in drawn]
    return "## Side by side\n\n" + "\n".join(cells) + "\n\n"


def _table(checks: list[Check]) -> str:
    rows = "\n".join(
        f"| {check.what} | {check.city:.2f} | {check.real:.2f} | {check.tolerance} | {'yes' if check.kept else 'NO'} |"
        for check in checks
    )
    head = "Profiles are means divided by the mean of the year. A difference of profiles is the largest of any hour.\n"
    titles = "| what | city | real | tolerance | kept |\n|---|---|---|---|---|"
    return f"## Figures and tolerances\n\n{head}\n{titles}\n{rows}\n\n"


def _others() -> str:
    missed = {seed: [c.what for c in compare(seed).checks if not c.kept] for seed in range(1, SEEDS_TRIED + 1)}
    told = [f"- seed {seed}: {', '.join(whats)}" for seed, whats in missed.items() if whats]
    kept = sum(not whats for whats in missed.values())
    return (
        f"Of the seeds 1 to {SEEDS_TRIED}, {kept} keep every line. The others, each with its own weather, miss:\n\n"
        f"{chr(10).join(told) or '- none'}\n\n"
    )


def _events() -> str:
    rows = "\n".join(f"| `{kind}` | {words} |" for kind, words in EVENTS.items())
    head = "What scenarios can let happen ([simulator.md](simulator.md)):\n\n| event | what it does |\n|---|---|"
    return f"## Events\n\n{head}\n{rows}\n"


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("docs", type=Path)
    main(words.parse_args().docs)
