"""Secrets with a mark in every slot; everything is run; the mark is in no log, argument, environment, page, bundle."""

from __future__ import annotations

import http.client
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.identity.city import City
from tests.rig import Program
from tests.servers import free_port, wait_for
from tests.typed import typed

pytestmark = pytest.mark.real
CANARY = "CANARY"


def mark(name: str) -> str:
    return f"{CANARY}-{name}-5f3c9a71"


def test_no_secret_leaves_its_file(tmp_path: Path) -> None:
    secrets = {name: tmp_path / name for name in ("influx", "hook", "broker")}
    for name, path in secrets.items():
        path.write_text(mark(name) + "\n")
        path.chmod(0o600)
    city = make_city(tmp_path, secrets)
    folder = tmp_path / "nodes" / "lp-0001"
    agent = Program(tmp_path, "agent", "agent", settings_of_agent(city, folder, secrets["broker"]))
    try:
        city.start()
        token = city.token("lp-0001")
        enrolled = city.lamppost("agent", "enrol", "--token-file", "-", "--folder", str(folder), stdin=token)
        assert enrolled.returncode == 0, enrolled.stderr
        agent.start()
        wait_for("the agent's status", lambda: (tmp_path / "status.json").exists())
        said = [enrolled.stdout, enrolled.stderr, (tmp_path / "status.json").read_text()]
        said += [*by_programs(city.collector, agent), *by_pages(city), *by_commands(city), *in_bundle(city)]
        private = private_keys(city, folder)
        for text in said:
            assert CANARY not in text
            assert token not in text
            assert not re.search(r"PRIVATE KEY", text)
            assert not any(key in text for key in private)
        for path in [*city.plan.folder.rglob("*.key"), *folder.rglob("*"), *city.plan.folder.rglob("c1.pem")]:
            assert not path.stat().st_mode & 0o077, path
    finally:
        agent.stop()
        city.close()


def make_city(folder: Path, secrets: dict[str, Path]) -> City:
    database = f"http://127.0.0.1:{free_port()}"
    hook = {"name": "hook", "kind": "webhook", "url": "https://alerts.example/x", "secret_file": str(secrets["hook"])}
    return City(
        folder,
        store={"kind": "influx1", "url": database, "username": "u", "password_file": str(secrets["influx"])},
        alerts={"channels": [hook]},
    )


def settings_of_agent(city: City, identity: Path, password: Path) -> dict[str, Any]:
    folder = city.folder
    return {
        "node": "lp-0001", "site": "here", "identity": str(identity), "status_file": str(folder / "status.json"),
        "broker": {"port": city.plan.broker_port, "spread_s": 0, "password_file": str(password)},
        "spool": {"path": str(folder / "spool" / "s.db"), "allow_tmpfs": True},
        "sensors": [{"name": "air-1", "profile": "plantower-pms5003", "port": str(folder / "tty")}],
    }  # fmt: skip


def by_programs(*programs: Program) -> Iterator[str]:
    """Arguments, environment and log of each."""
    for program in programs:
        assert program.process is not None
        proc = Path(f"/proc/{program.process.pid}")
        yield from ((proc / "cmdline").read_text(), (proc / "environ").read_text(), program.log.read_text())


def by_pages(city: City) -> list[str]:
    return [_page(city.page_port, path) for path in ("/", "/api/v1/stations", "/ops/login")]


def by_commands(city: City) -> Iterator[str]:
    """Of the office, on good settings and on broken ones; and what they leave in files."""
    broken = city.folder / "broken.yaml"
    broken.write_text(yaml.safe_dump(yaml.safe_load(city.settings.read_text()) | {"port": mark("influx")[:3]}))
    for settings in (city.settings, broken):
        yield _run(city, "collector", "check", str(settings))
    for words in (("token", "list"), ("stations", "list"), ("trail", "list")):
        yield city.office(*words).stdout
    for path in city.plan.data.glob("*.json"):
        yield path.read_text()


def in_bundle(city: City) -> Iterator[str]:
    """What a technician would send away."""
    packed = city.folder / "help.tar.gz"
    bundle = city.lamppost("agent", "support-bundle", "-o", str(packed), "--config", str(city.folder / "agent.yaml"))
    assert packed.exists(), bundle.stderr
    with tarfile.open(packed) as archive:
        for member in archive.getmembers():
            content = archive.extractfile(member)
            yield content.read().decode(errors="replace") if content is not None else ""


def private_keys(city: City, folder: Path) -> list[str]:
    """A piece of each."""
    return [
        "".join(line for line in path.read_text().splitlines() if "-----" not in line)[8:48]
        for path in (city.plan.folder / "sign.key", city.plan.folder / "pki" / "ca.key", folder / "node.pem")
    ]


def _page(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def _run(city: City, *words: str) -> str:
    ended = typed(*words)
    assert city.folder.exists()
    return ended.stdout + ended.stderr
