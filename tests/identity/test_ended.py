"""A station whose certificate has ended: the broker hangs up without a word, so doctor has to say why."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509

from collector.identity.authority import Authority, pem, utc_now
from edge_agent.identity.enrol import renew
from tests.identity.city import City

pytestmark = pytest.mark.real


def end_in(folder: Path, authority: Authority, left: timedelta) -> None:
    """The same certificate for the same key, as it is so long before its end."""
    whole = (folder / "node.pem").read_bytes()
    old, end = x509.load_pem_x509_certificate(whole), utc_now() + left
    builder = x509.CertificateBuilder(
        old.issuer, old.subject, old.public_key(), old.serial_number, end - timedelta(days=90), end
    )
    for each in old.extensions:
        builder = builder.add_extension(each.value, each.critical)
    made = builder.sign(authority.key, old.signature_hash_algorithm)  # type: ignore[arg-type]  # it was one
    (folder / "node.pem").write_bytes(whole[: whole.index(b"-----BEGIN CERTIFICATE")] + pem(made))


def test_doctor_names_the_certificate_that_ended_and_the_office_renews_it(city: City, tmp_path: Path) -> None:
    folder = city.enrol("lp-0090")
    authority = Authority.load(city.plan.folder / "pki")
    settings = tmp_path / "agent.yaml"
    settings.write_text(
        yaml.safe_dump(
            {
                "node": "lp-0090", "site": "s",
                "sensors": [{"name": "air-1", "profile": "plantower-pms5003", "port": "/dev/ttyNONE"}],
                "identity": str(folder),
                "broker": {"host": "127.0.0.1", "port": city.plan.broker_port},
                "spool": {"path": str(tmp_path / "spool.db"), "allow_tmpfs": True},
            }
        )
    )  # fmt: skip

    def expiry() -> tuple[str, str, str]:
        said = city.lamppost("agent", "doctor", "--json", "--only", "broker", "--config", str(settings)).stdout
        (found,) = [each for each in json.loads(said)["results"] if each["id"] == "broker.expiry"]
        return found["state"], found["text"], found.get("cure") or ""

    end_in(folder, authority, timedelta(days=-2))
    state, text, cure = expiry()
    assert state == "fail"
    assert f"ended on {utc_now() - timedelta(days=2):%Y-%m-%d}" in text
    assert f"https://127.0.0.1:{city.plan.enrol_port}" in cure
    end_in(folder, authority, timedelta(days=5))
    assert expiry()[0] == "warn"
    renew(folder)
    assert expiry()[0] == "ok"
