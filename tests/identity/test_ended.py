"""Whose certificate has ended or was revoked: the broker hangs up without a word, so doctor and status say why."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import yaml
from cryptography import x509

from collector.identity.authority import Authority, pem, utc_now
from edge_agent.identity.enrol import renew
from tests.identity.city import City
from tests.servers import wait_for
from wire.exits import Exit

pytestmark = pytest.mark.real


def end_in(pair: Path, authority: Authority, left: timedelta) -> None:
    """The same certificate for the same key, as it is so long before its end."""
    whole = pair.read_bytes()
    old, end = x509.load_pem_x509_certificate(whole), utc_now() + left
    builder = x509.CertificateBuilder(
        old.issuer, old.subject, old.public_key(), old.serial_number, end - timedelta(days=90), end
    )
    for each in old.extensions:
        builder = builder.add_extension(each.value, each.critical)
    made = builder.sign(authority.key, old.signature_hash_algorithm)  # type: ignore[arg-type]  # it was one
    pair.write_bytes(whole[: whole.index(b"-----BEGIN CERTIFICATE")] + pem(made))


def doctor(city: City, folder: Path, node: str, check: str) -> tuple[str, str, str]:
    """State, text and cure of one of the doctor's checks at a station with this identity."""
    settings = folder.parent / "agent.yaml"
    settings.write_text(
        yaml.safe_dump(
            {
                "node": node, "site": "s",
                "sensors": [{"name": "air-1", "profile": "plantower-pms5003", "port": "/dev/ttyNONE"}],
                "identity": str(folder),
                "broker": {"host": "127.0.0.1", "port": city.plan.broker_port},
                "spool": {"path": str(folder.parent / "spool.db"), "allow_tmpfs": True},
            }
        )
    )  # fmt: skip
    said = city.lamppost("agent", "doctor", "--json", "--only", "broker", "--config", str(settings)).stdout
    (found,) = [each for each in json.loads(said)["results"] if each["id"] == check]
    return found["state"], found["text"], found.get("cure") or ""


def test_doctor_names_the_certificate_that_ended_and_the_office_renews_it(city: City) -> None:
    folder = city.enrol("lp-0090")
    authority = Authority.load(city.plan.folder / "pki")
    expiry = partial(doctor, city, folder, "lp-0090", "broker.expiry")

    end_in(folder / "node.pem", authority, timedelta(days=-2))
    state, text, cure = expiry()
    assert state == "fail"
    assert f"ended on {utc_now() - timedelta(days=2):%Y-%m-%d}" in text
    assert f"https://127.0.0.1:{city.plan.enrol_port}" in cure
    end_in(folder / "node.pem", authority, timedelta(days=5))
    assert expiry()[0] == "warn"
    renew(folder)
    assert expiry()[0] == "ok"


def test_status_asks_whether_the_collectors_own_certificate_has_ended(city: City) -> None:
    """It waited ten seconds, and asked after user and password."""
    own = city.plan.folder / "pki/c1.pem"
    good = own.read_bytes()
    end_in(own, Authority.load(own.parent), timedelta(days=-2))
    try:
        said = city.lamppost("collector", "status", str(city.settings))
    finally:
        own.write_bytes(good)
    assert said.returncode == Exit.NETWORK
    assert f"does not let us listen. Cure: has {own} ended?" in said.stderr


def test_doctor_asks_whether_a_station_that_nobody_answers_is_retired(city: City) -> None:
    folder = city.enrol("lp-0091")
    assert doctor(city, folder, "lp-0091", "broker.auth")[0] == "ok"
    assert city.office("stations", "retire", "lp-0091").returncode == 0
    city.broker.reload()
    wait_for("the list of the revoked to be read", lambda: not city.client("lp-0091").is_in, 10)
    state, text, cure = doctor(city, folder, "lp-0091", "broker.auth")
    assert (state, text) == ("fail", "it hangs up without an answer")
    assert "is the station retired?" in cure
