"""What the page's fields hold at first: answers of an attempt that was not finished, else a name nobody has."""

from __future__ import annotations

import secrets

from edge_agent.setup.answers import Answers


def suggested(known: Answers) -> dict[str, str]:
    """By field. A token is never remembered."""
    given = {"node": known.node or f"lp-{secrets.token_hex(2)}"}
    for name in ("site", "who", "where"):
        value = getattr(known, name)
        if value is not None:
            given[name] = value
    if known.lat is not None and known.lon is not None:
        given["position"] = f"{known.lat:g},{known.lon:g}"
    if known.broker is not None:
        given["broker"] = ", ".join((f"{known.broker.host}:{known.broker.port}", *known.broker.others))
    return given
