"""What rules may name: the measurements, and the fields of each, as they are stored."""

from __future__ import annotations

from typing import Final

from collector.numbers import windows
from measures import china_aqi, eu_aqi, uk_daqi, us_aqi
from wire.quantities import KINDS, QUANTITIES, ROLLUPS, agent_fields
from wire.traffic import DIRECTIONS

INDEX_KIND: Final = "air_index"
INDEX_FIELDS: Final = ("value", "category", "primary", "completeness")
INDEX_WORDS: Final = ("category", "primary")
"""Those of them that are no numbers."""
_SCALES: Final = (china_aqi.HJ_633_2026, *(each.SCALE for each in (us_aqi, eu_aqi, uk_daqi)))
CATEGORIES: Final = {scale.standard: tuple(dict.fromkeys(band.category for band in scale.bands)) for scale in _SCALES}
"""By standard, the words of every index that is made here."""
TAG_WORDS: Final = {
    "direction": tuple(sorted(DIRECTIONS)),
    "standard": tuple(dict.fromkeys(scale.standard for scale in _SCALES)),
    "edition": ("2012", *(scale.edition for scale in _SCALES)),
    "period": ("1h", "1d"),
}
"""Tags that are no names, with all that they may say."""
OWN_LINK: Final = "collector"
"""The collector's own link to the broker, as a kind for `offline` and in a node's place; no node may be called so."""
ANNOUNCED: Final = (*windows.ROLLED, "position", "node_health")
"""The kinds of what a node announces, and so can be missed."""
_STORED_KINDS: Final = [kind.name for kind in KINDS.values() if kind.on_wire]
KINDS_WATCHED: Final = (
    *_STORED_KINDS,
    *(kind + end for kind in _STORED_KINDS for end in ROLLUPS),
    INDEX_KIND,
    OWN_LINK,
)


def tags_of(kind: str) -> tuple[str, ...]:
    """The tags that series of a measurement have, by which a scope may narrow them."""
    if kind == OWN_LINK:
        return ("node",)
    if kind == INDEX_KIND:
        return ("site", "node", "sensor", "standard", "edition", "period")
    of = KINDS[kind] if kind in KINDS else KINDS[kind.rpartition("_")[0]]
    return ("site", "node", *(("sensor",) if of.sensor else ()), *of.tags)


def fields_of(kind: str) -> tuple[str, ...]:
    """The fields a rule may name in a measurement, roll-ups and the index included."""
    if kind == INDEX_KIND:
        return INDEX_FIELDS
    base, _, end = kind.rpartition("_")
    if "_" + end not in ROLLUPS:
        return tuple(quantity.name for quantity in QUANTITIES.values() if quantity.kind == kind)
    ours = windows.field_names(base) if base in windows.ROLLED else ()
    share = ("completeness",) if ours and "_" + end != windows.MINUTES else ()
    return tuple(dict.fromkeys((*ours, *share, *(agent_fields(kind) or ()))))
