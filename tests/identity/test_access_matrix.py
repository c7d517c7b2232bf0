"""The access matrix: three roles, twelve topics, publish, subscribe, receive; each cell on a real broker with TLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest

from tests.identity.city import City, Client
from tests.rig import Program
from tests.servers import wait_for

pytestmark = pytest.mark.real

NODE, OTHER = "lp-0017", "lp-0018"
ROLES = {"node": NODE, "collector": "c1", "dashboard": "dashboard"}
# topic: who may publish, who may subscribe and is given what others publish there
TOPICS = {
    f"lamppost/1/{NODE}/data": ("node collector", "collector"),
    f"lamppost/1/{NODE}/ack": ("collector", "node"),
    f"lamppost/1/{NODE}/status": ("node", "collector dashboard"),
    f"lamppost/1/{NODE}/request/ping": ("collector", "node"),
    f"lamppost/1/{NODE}/response/ping": ("node", "collector"),
    f"lamppost/1/{OTHER}/data": ("collector", "collector"),
    f"lamppost/1/{OTHER}/ack": ("collector", ""),
    f"lamppost/1/{OTHER}/status": ("", "collector dashboard"),
    f"lamppost/1/{OTHER}/request/ping": ("collector", ""),
    "lamppost/1/collector/c1/status": ("collector", "collector dashboard"),
    "lamppost/1/alerts/jianguo/0123": ("collector", "dashboard"),
    "$CONTROL/dynamic-security/v1": ("", ""),
}
# a node subscribes to its requests by the pattern, not one by one
ASKED = {f"lamppost/1/{NODE}/request/ping": f"lamppost/1/{NODE}/request/+"}


@pytest.fixture(scope="module")
def people(city: City) -> Iterator[dict[str, Client]]:
    city.enrol(NODE)
    city.enrol(OTHER)
    clients = {role: city.client(who) for role, who in ROLES.items()}
    clients["other"] = city.client(OTHER)
    yield clients
    for client in clients.values():
        client.close()


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("role", ROLES)
def test_publish(people: dict[str, Client], role: str, topic: str) -> None:
    assert people[role].publish(topic) == (role in TOPICS[topic][0].split())


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("role", ROLES)
def test_subscribe(people: dict[str, Client], role: str, topic: str) -> None:
    wanted = ASKED.get(topic, topic) if role == "node" else topic
    assert people[role].subscribe(wanted) == (role in TOPICS[topic][1].split())


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("role", ROLES)
def test_receive(people: dict[str, Client], role: str, topic: str) -> None:
    """Whoever may, hears what another one publishes; a message to all, sent after it, proves that nothing came."""
    writers = {"node": people["node"], "collector": people["collector"]} if OTHER not in topic else {
        "collector": people["collector"], "other": people["other"]
    }  # fmt: skip
    listener = people[role]
    listener.subscribe(ASKED.get(topic, topic) if role == "node" else topic)
    mark = f"{role} {topic}".encode()
    sent = [writer.publish(topic, mark) for writer in writers.values()]
    may = role in TOPICS[topic][1].split()
    if may:
        assert any(sent)
        wait_for(f"{role} to hear {topic}", lambda: (topic, mark) in listener.heard)
    else:
        _echo(people, listener, role)
        assert (topic, mark) not in listener.heard


def _echo(people: dict[str, Client], listener: Client, role: str) -> None:
    """Send something that the listener does hear, behind everything sent so far."""
    topic, writer = {
        "node": (f"lamppost/1/{NODE}/ack", "collector"),
        "collector": (f"lamppost/1/{NODE}/data", "node"),
        "dashboard": ("lamppost/1/alerts/jianguo/0123", "collector"),
    }[role]
    assert listener.subscribe(topic)
    mark = f"echo {len(listener.heard)}".encode()
    assert people[writer].publish(topic, mark)
    wait_for("the echo", lambda: (topic, mark) in listener.heard)


@pytest.mark.parametrize(
    "topic",
    ["#", "+/#", "lamppost/#", "lamppost/1/+/data", "lamppost/1/+/ack", f"lamppost/1/{NODE}/#",
     f"lamppost/1/{OTHER}/data", f"$share/g/lamppost/1/{NODE}/ack", "$share/g/lamppost/1/+/data",
     "$SYS/#", "$CONTROL/#"],
)  # fmt: skip
def test_no_wildcard_and_no_shared_group_is_granted_to_a_node(people: dict[str, Client], topic: str) -> None:
    assert not people["node"].subscribe(topic)


def test_a_hostile_member_of_a_shared_group_steals_nothing(people: dict[str, Client]) -> None:
    """200 of 200 arrive although a node has asked for half of them."""
    assert not people["other"].subscribe(f"$share/g/lamppost/1/{NODE}/data")
    collector = people["collector"]
    collector.subscribe(f"lamppost/1/{NODE}/data")
    before = len(collector.heard)
    for number in range(200):
        assert people["node"].publish(f"lamppost/1/{NODE}/data", b"batch %d" % number)
    wait_for("200 batches", lambda: sum(p.startswith(b"batch") for _, p in collector.heard[before:]) >= 200)


def test_no_station_takes_the_collectors_place(city: City) -> None:
    """A broker lets each take every client id, and ends who had it: the credential of one stolen box was enough to keep
    the collector of a whole city off its broker."""
    city.enrol(NODE)
    thieves = [city.client(NODE, name) for name in ("collector-c1", "canary-c1", "c1")]
    log = (city.broker.folder / "log").read_text()
    for thief in thieves:
        assert thief.is_in
        thief.close()
    assert "as collector-c1-" in log
    assert not [line for line in log.splitlines() if "already connected" in line and "c1" in line]


def test_no_station_takes_another_s_place_but_a_copy_of_its_card_does(city: City, tmp_path: Path) -> None:
    """One stolen box could keep every other off the broker by their names; two of one card must go on to be found."""
    node = "lp-0019"
    mine, card = city.enrol(node), tmp_path / "card"
    copytree(mine, card)
    log = city.broker.folder / "log"

    def agent(folder: Path, identity: Path) -> Program:
        folder.mkdir()
        settings = {
            "node": node, "site": "here", "identity": str(identity), "status_file": str(folder / "status.json"),
            "broker": {"port": city.plan.broker_port, "spread_s": 0},
            "spool": {"path": str(folder / "spool" / "s.db"), "allow_tmpfs": True}, "clock": {"trust": "always"},
            "sensors": [{"name": "air-1", "profile": "plantower-pms5003", "port": str(folder / "tty")}],
        }  # fmt: skip
        return Program(folder, "agent", "agent", settings)

    def comings() -> int:
        return log.read_text().count(f" as {node}-")

    first, second = agent(tmp_path / "first", mine), agent(tmp_path / "second", card)
    first.start()
    try:
        wait_for("the agent at the broker", lambda: comings() == 1)
        city.enrol(OTHER)
        thief = city.client(OTHER, node)
        assert thief.is_in
        second.start()
        wait_for("the copy at the broker", lambda: comings() > 1)
        assert thief.is_in
        thief.close()
    finally:
        first.stop()
        second.stop()
    pushed_out = [line for line in log.read_text().splitlines() if "already connected" in line and node in line]
    assert pushed_out
    assert all(f"Client {node}-" in line for line in pushed_out)


def test_nobody_without_a_certificate(city: City) -> None:
    stranger = city.client(None, "stranger")
    assert not stranger.is_in
