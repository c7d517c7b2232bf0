"""The office's own certificates end: a person must hear of it in time, since nobody but a person renews them."""

from __future__ import annotations

import re
import time
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from collector.alerts.self_watch import of_alarms
from collector.commands import token
from collector.config import Config
from collector.health.certificates import Certificates
from collector.identity.authority import new_key, pem_key
from collector.init import Plan, begin
from collector.web.desk.api_tokens import ApiTokens
from collector.web.desk.file import DeskFile
from wire.times import DAY_MS


@pytest.fixture
def config(tmp_path: Path) -> Config:
    begin(Plan(tmp_path / "city", tls=True, data=tmp_path))
    settings = yaml.safe_load((tmp_path / "city" / "collector.yaml").read_text())
    pki = tmp_path / "city" / "pki"
    settings["web"]["tls"] = {"cert": str(pki.parent / "mosquitto" / "server.pem"), "key": str(pki / "server.key")}
    return Config(**settings)


def told(config: Config, days: float) -> list[str]:
    """File and verb of each, so many days from now."""
    said = Certificates(config, list).look(int(time.time() * 1000 + days * DAY_MS)) or ""
    return re.findall(r"[a-z0-9]+\.pem end[a-z]+", said)


def test_a_tenth_of_a_life_before_its_end_each_is_named_with_its_cure(config: Config) -> None:
    assert told(config, 0.9 * 730 - 2) == []
    assert sorted(told(config, 0.9 * 730 + 2)) == ["c1.pem ends", "server.pem ends", "server.pem ends"]
    assert sorted(told(config, 731)) == ["c1.pem ended", "server.pem ended", "server.pem ended"]
    assert "ca.pem ends" in told(config, 0.9 * 3650 + 2)
    said = Certificates(config, list).look(int(time.time() * 1000 + 3400 * DAY_MS)) or ""
    cures = [part.split("; ")[0].split()[-1] for part in said.split("Cure: ")[1:]]
    assert cures == ["it", "--renew", "--renew", "--roll-over"], said


def test_they_are_looked_at_once_an_hour_and_one_that_is_gone_is_left_to_who_opens_it(config: Config) -> None:
    late_ms = int(time.time() * 1000) + 700 * DAY_MS
    certificates = Certificates(config, list)
    assert certificates.look(late_ms)
    assert certificates.look(late_ms + 3_599_999) is None
    assert config.identities is not None
    for path in config.identities.folder.glob("*.pem"):
        path.unlink()
    said = certificates.look(late_ms + 3_600_000) or ""
    assert said.count("Cure: ") == 1, "the pages' own is there still"


def test_a_renewed_pair_of_the_pages_that_cannot_be_used_is_told_while_the_old_one_is_good(config: Config) -> None:
    """What is on the disk is new, and what the pages show comes to its end without a word."""
    assert config.web.tls is not None
    config.web.tls.key.write_bytes(pem_key(new_key()))
    said = Certificates(config, list).look(int(time.time() * 1000)) or ""
    assert "certificate and key do not belong together: the pages show the one of before until it ends. Cure: " in said


def test_a_token_in_use_is_named_before_its_program_is_refused(config: Config, tmp_path: Path) -> None:
    now_ms = int(time.time() * 1000)
    with closing(DeskFile(tmp_path / "desk.db")) as file:
        tokens = ApiTokens(file)
        for name, days in (("pager", 365), ("unused", 365), ("young", 500)):
            token = tokens.create(name, ["handle"], "wang.lei", now_ms, days)
            assert name == "unused" or tokens.check(token, now_ms + 330 * DAY_MS)
        certificates = Certificates(config, tokens.listed)
        assert certificates.look(now_ms + 334 * DAY_MS) is None
        said = certificates.look(now_ms + 336 * DAY_MS) or ""
    assert re.findall("API token ([a-z]+) ends on", said) == ["pager"]


def test_tokens_of_programs_are_listed_with_their_end(tmp_path: Path) -> None:
    settings = tmp_path / "collector.yaml"
    settings.write_text(f"store: {{kind: sqlite}}\nstate_file: {tmp_path / 'c.db'}\n")

    def run(*words: str) -> str:
        return CliRunner().invoke(token.app, ["api", *words, "-c", str(settings)]).output

    assert "good until 20" in run("pager", "--scope", "handle")
    assert re.fullmatch(r"pager +handle +until 20\d\d-\d\d-\d\d \d\d:\d\d  never used\n", run())


def test_it_is_an_alert() -> None:
    assert of_alarms({"certificate": "server.pem ends on 2028-11-26"}) == {
        ("collector-certificate", "collector"): "server.pem ends on 2028-11-26"
    }
