"""docs/storage.md names every measurement and tag that the collector writes."""

from __future__ import annotations

from pathlib import Path

from collector.numbers.derive import LEDGER
from collector.numbers.stored_windows import INDEX
from collector.numbers.windows import ROLLED
from wire.quantities import KINDS

PAGE = (Path(__file__).parents[2] / "docs/storage.md").read_text()


def test_every_measurement_and_tag_is_named() -> None:
    kinds = [kind for kind in KINDS.values() if kind.on_wire]
    for name in (*(kind.name for kind in kinds), *(f"{name}_1m" for name in ROLLED[:1]), INDEX, LEDGER, "alerts"):
        assert f"`{name}`" in PAGE, name
    for kind in kinds:
        line = next(line for line in PAGE.splitlines() if line.startswith(f"| `{kind.name}`"))
        assert all(tag in line.split("|")[2] for tag in kind.tags), kind.name
