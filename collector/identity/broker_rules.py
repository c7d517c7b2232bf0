"""Who may do what at the broker: the rules in one table, as mosquitto's dynamic-security plugin keeps them.

Everything is denied but what stands here, SUBSCRIBE included. A node reaches its own topics by literal names: no
wildcard and no shared group of a node's ever matches. `docs/security.md` shows the table, `deploy/emqx/` the same rules
for EMQX, and `tests/identity/test_access_matrix.py` asserts every cell on a real broker.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from collector.config import CANARY
from wire import names

REGISTRAR: Final = "registrar"
DASHBOARD: Final = "dashboard"
_CONTROL: Final = "$CONTROL/dynamic-security/#"
SEND, RECEIVE, LITERAL, PATTERN = "publishClientSend", "publishClientReceive", "subscribeLiteral", "subscribePattern"

Rule = tuple[str, str]


def node_rules(node: str) -> list[Rule]:
    """A node writes its data, status and answers, and hears its acknowledgements and requests."""
    mine = (names.ack(node), names.request(node, "+"))
    return [
        (SEND, names.data(node)),
        (SEND, names.replay(node)),
        (SEND, names.status(node)),
        (SEND, names.response(node, "+")),
        *((RECEIVE, topic) for topic in mine),
        *((LITERAL, topic) for topic in mine),
    ]


def collector_rules(name: str) -> list[Rule]:
    """A collector hears every node, answers it, asks it; may clear a retained batch; says how it and its canary are."""
    heard = (
        names.data("+"), names.replay("+"), names.status("+"), names.response("+", "+"), names.collector_status("+"),
    )  # fmt: skip
    said = (
        names.ack("+"), names.request("+", "+"), names.data("+"), names.replay("+"), names.collector_status(name),
        names.status(f"{CANARY}{name}"),
    )  # fmt: skip
    return [
        *((SEND, topic) for topic in (*said, names.alert("+", "+"))),
        *((RECEIVE, topic) for topic in heard),
        *((PATTERN, topic) for topic in heard),
    ]


def dashboard_rules() -> list[Rule]:
    """A wall or another program of the city hears alerts and who is there; it writes nothing and sees no readings."""
    heard = (names.status("+"), names.collector_status("+"), names.alert("+", "+"))
    return [*((RECEIVE, topic) for topic in heard), *((PATTERN, topic) for topic in heard)]


def registrar_rules() -> list[Rule]:
    """The registrar changes these rules and sees no reading."""
    return [(SEND, _CONTROL), (RECEIVE, _CONTROL), (PATTERN, _CONTROL)]


def role(name: str, rules: list[Rule]) -> dict[str, Any]:
    """A role as the plugin wants it."""
    acls = [{"acltype": kind, "topic": topic, "priority": 0, "allow": True} for kind, topic in rules]
    return {"rolename": name, "acls": acls}


def whole_file(collector: str, nodes: Iterable[str]) -> dict[str, Any]:
    """The plugin's file: programs of the city and the nodes that are in, nobody anonymous."""
    programs = {
        collector: _collector_role(collector),
        DASHBOARD: role(DASHBOARD, dashboard_rules()),
        REGISTRAR: role(REGISTRAR, registrar_rules()),
    }
    everybody = programs | {node: _node_role(node) for node in nodes}
    return {
        "defaultACLAccess": {
            SEND: False,
            RECEIVE: False,
            "subscribe": False,
            "unsubscribe": True,
        },
        "clients": [{"username": who, "roles": [{"rolename": one["rolename"]}]} for who, one in everybody.items()],
        "groups": [],
        "roles": list(everybody.values()),
    }


def admit_collector(name: str) -> list[dict[str, Any]]:
    """The commands that let another collector in."""
    return _admit(name, _collector_role(name))


def admit(node: str) -> list[dict[str, Any]]:
    """The plugin's commands that let a node in; those that fail because it is in already do no harm."""
    return [*_admit(node, _node_role(node)), {"command": "enableClient", "username": node}]


def expel(node: str) -> list[dict[str, Any]]:
    """The commands that end a node's rights and its connection at once.

    Disabling alone is not enough where the name comes from the certificate: mosquitto 2.0.11 cuts the connection, lets
    the node connect again and grants it all it had (measured). Without client and role it has nothing.
    """
    return [
        {"command": "disableClient", "username": node},
        {"command": "deleteClient", "username": node},
        {"command": "deleteRole", "rolename": _role_of(node)},
    ]


def _admit(who: str, allowed: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"command": "createRole", **allowed},
        {"command": "createClient", "username": who, "roles": [{"rolename": allowed["rolename"]}]},
    ]


def _collector_role(name: str) -> dict[str, Any]:
    return role(f"collector-{name}", collector_rules(name))


def _node_role(node: str) -> dict[str, Any]:
    return role(_role_of(node), node_rules(node))


def _role_of(node: str) -> str:
    return f"node-{node}"
