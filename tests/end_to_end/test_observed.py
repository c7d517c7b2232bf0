"""Seen from outside: metrics that Prometheus can scrape, rules that promtool accepts, probes that tell the truth."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from collector.web.desk.file import DeskFile
from collector.web.desk.reports import Reports
from firmware_stubs.plantower import Pms5003
from tests.rig import Rig
from tests.servers import free_port, listens, wait_for

pytestmark = pytest.mark.real

RULES = Path(__file__).parents[2] / "deploy/prometheus/lamppost.rules.yml"


def metrics(port: int) -> dict[str, float]:
    """Every sample of a scrape, by name and labels."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    return {
        sample.name + "".join(f",{k}={v}" for k, v in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def probe(rig: Rig, path: str) -> tuple[int, dict[str, object]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{rig.page_port}{path}", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def test_metrics_rules_and_probes_tell_what_is(rig: Rig) -> None:
    port = free_port()
    collector = rig.collector(metrics={"port": port})
    collector.start()
    wait_for("the metrics' address", lambda: listens(port))
    agent = rig.agent("lp-1", {"air-1": ("plantower-pms5003", Pms5003(lambda _: {"pm25_ugm3": 7}, period_s=0.1))})
    agent.start()
    rig.stubs.start()
    wait_for("rows in the metrics", lambda: metrics(port).get("lamppost_ingest_total,what=stored_rows", 0) > 10, 30)
    seen = metrics(port)
    assert seen["lamppost_active"] == seen["lamppost_alive"] == seen["lamppost_database_ready"] == 1
    assert seen["lamppost_node_online,node=lp-1,site=test-site"] == 1
    assert {seen[f"lamppost_ingest_total,what=quarantined_{what}"] for what in ("batches", "rows")} == {0}, (
        "what is there first with 1 has not increased: of the first batch in the quarantine nobody was told"
    )
    assert seen["process_resident_memory_bytes"] > 1e6
    with closing(DeskFile(rig.folder / "desk.db")) as desk:
        Reports(desk).add_change("lp-1", "removed", "", "", 1)
        assert "lamppost_node_online,node=lp-1,site=test-site" not in metrics(port), "who was put out is not missed"
        Reports(desk).add_change("lp-1", "installed", "", "", 2)
    names = set(re.findall(r"lamppost_\w+", RULES.read_text())) - {"lamppost_rules"}
    assert names <= {name.partition(",")[0] for name in seen}, "every rule asks for something that there is"
    assert probe(rig, "/readyz") == (200, {"ready": True, "role": "active", "wrong": []})
    rig.broker.kill()
    wait_for("a collector that is not ready", lambda: probe(rig, "/readyz")[0] == 503, 30)
    assert probe(rig, "/readyz")[1]["wrong"] == ["broker"]
    assert probe(rig, "/healthz") == (200, {"alive": True})
    assert metrics(port)["lamppost_broker_connected"] == 0
    rig.broker.start()


def test_promtool_accepts_the_rules() -> None:
    promtool = shutil.which("promtool")
    assert promtool is not None, "apt-get install prometheus"
    for what, name in (("rules", RULES.name), ("config", "prometheus.yml")):
        done = subprocess.run(
            [promtool, "check", what, name], capture_output=True, text=True, timeout=60, cwd=RULES.parent
        )
        assert done.returncode == 0, done.stdout + done.stderr
