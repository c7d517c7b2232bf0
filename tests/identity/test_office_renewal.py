"""`collector init --renew`, typed as the manual says it, two years after the installation was made."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from collector.identity.authority import Authority, hosts_of, new_key, pem, pem_key, utc_now
from collector.init import Plan, begin, renew
from common.tls import TlsFiles
from tests.identity.city import City
from tests.servers import wait_for
from wire.exits import Exit

pytestmark = pytest.mark.real
HOSTS = ("mqtt.city.example", "192.0.2.7", "127.0.0.1", "localhost")
THEIR_USER = 4321  # where nobody may give files away, it is our own


def test_the_broker_s_names_the_collector_s_name_and_the_files_owners_stay(tmp_path: Path) -> None:
    city = City(tmp_path, hosts=HOSTS)
    pki, key = city.plan.folder / "pki", city.plan.folder / "mosquitto" / "server.key"
    owner = THEIR_USER if os.geteuid() == 0 else os.geteuid()
    city.collector.settings.write_text(city.settings.read_text().replace("name: c1", "name: west"))
    (pki / "c1.pem").rename(pki / "west.pem")
    city.broker.start()
    try:
        seen = {serial_of(city)}
        for word in ("--renew", "--roll-over", "--drop-old"):
            os.chown(key, owner, owner)
            made = city.lamppost("collector", "init", str(city.plan.folder), word)
            assert made.returncode == 0, made.stderr
            assert ("collector backup" in made.stdout) == (word == "--roll-over"), "what an older one does not know"
            assert set(hosts_of((pki / "server.pem").read_bytes())) == set(HOSTS)
            assert sorted(path.stem for path in pki.glob("*.pem")) == ["ca", "dashboard", "registrar", "server", "west"]
            assert (key.stat().st_uid, key.stat().st_mode & 0o777) == (owner, 0o600)
            os.chown(key, os.geteuid(), os.getegid())  # the broker of this test is ours
            city.broker.reload()
            wait_for("the broker to show its new certificate", lambda: serial_of(city) not in seen)
            seen.add(serial_of(city))
        assert len(seen) == 4
    finally:
        city.close()


def test_the_old_authority_is_dropped_unasked_only_when_no_station_is_left_that_knows_no_other(tmp_path: Path) -> None:
    """Dropped right after the rollover it left every station of the city out, until somebody had climbed its pole."""
    city = City(tmp_path)
    city.start()
    try:
        folders = [city.enrol(node) for node in ("lp-0001", "lp-0002", "lp-0003")]
        time.sleep(1 - time.time() % 1)  # an authority begins with a second
        for word in ("--roll-over", "--drop-old"):
            made = city.lamppost("collector", "init", str(city.plan.folder), word, stdin="n\n")
        assert made.returncode == Exit.USAGE
        assert "not renewed since the rollover: lp-0001, lp-0002, lp-0003\n" in made.stderr
        assert "3 stations will then have to be enrolled again on the pole" in made.stderr
        assert len(Authority.load(city.plan.folder / "pki").older) == 1, "nothing was changed"
        city.broker.reload()
        city.collector.stop()
        city.collector.start()
        city.wait_for_door()
        for folder in folders[:2]:
            renewed = city.lamppost("agent", "enrol", "renew", "--folder", str(folder))
            assert renewed.returncode == 0, renewed.stderr
        made = city.lamppost("collector", "init", str(city.plan.folder), "--drop-old", stdin="")
        assert "rollover: lp-0003\n1 station will" in made.stderr
        assert city.office("stations", "retire", "lp-0003").returncode == 0
        made = city.lamppost("collector", "init", str(city.plan.folder), "--drop-old")
        assert made.returncode == 0, made.stderr
        assert not Authority.load(city.plan.folder / "pki").older
    finally:
        city.close()


def test_who_renews_after_a_rollover_knows_the_new_authority_also_before_the_collector_begins_anew(
    tmp_path: Path,
) -> None:
    """The door went on with the old one until a restart: who had come to it meanwhile counted as renewed, was not named
    by --drop-old, and was cut off."""
    city = City(tmp_path)
    city.start()
    try:
        folder = city.enrol("lp-0001")
        assert city.lamppost("collector", "init", str(city.plan.folder), "--roll-over").returncode == 0
        renewed = city.lamppost("agent", "enrol", "renew", "--folder", str(folder))
        assert renewed.returncode == 0, renewed.stderr
        newest = Authority.load(city.plan.folder / "pki")
        assert x509.load_pem_x509_certificate((folder / "node.pem").read_bytes()).issuer == newest.certificate.subject
        assert (folder / "ca.pem").read_bytes() == newest.bundle()
    finally:
        city.close()


@pytest.mark.parametrize(
    ("hosts", "days", "cure"),
    [
        (HOSTS, -800, "sudo lamppost collector init --renew"),
        (HOSTS, 800, "is the clock right?"),
        (("elsewhere.example",), 0, "its certificate must be for broker.host"),
    ],
)
def test_status_tells_what_is_wrong_with_the_brokers_certificate(
    tmp_path: Path, hosts: tuple[str, ...], days: int, cure: str
) -> None:
    """Of one that had ended it asked whether the broker was running."""
    city = City(tmp_path)
    key, authority = new_key(), Authority.load(city.plan.folder / "pki")
    made = authority.sign_server(hosts, key.public_key(), utc_now() + timedelta(days=days))
    (city.broker.folder / "server.pem").write_bytes(pem(made))
    (city.broker.folder / "server.key").write_bytes(pem_key(key))
    city.broker.start()
    try:
        ask = [sys.executable, "-m", "lamppost", "collector", "status", str(city.settings)]
        asked = subprocess.run(ask, capture_output=True, text=True, check=False)  # the library leaves its socket open
        assert asked.returncode == Exit.NETWORK
        assert cure in asked.stderr.partition("Cure: ")[2]
    finally:
        city.close()


@pytest.mark.parametrize("how", [{}, {"roll_over": True}, {"drop_old": True}])
def test_cut_off_at_any_file_broker_collector_and_stations_go_on(how: dict[str, bool], tmp_path: Path) -> None:
    """The broker did not start, its key being of another certificate; or it let no collector in, until somebody had
    typed the same once more."""
    plan = Plan(tmp_path / "before", tls=True)
    begin(plan)
    if "drop_old" in how:
        renew(plan, roll_over=True)
    authority = Authority.load(plan.folder / "pki")
    station = authority.sign_client("lp-0001", new_key().public_key(), utc_now())
    files, is_cut = 0, True
    while is_cut:
        folder = shutil.copytree(plan.folder, tmp_path / str(files))
        is_cut = _is_cut_off(replace(plan, folder=folder), how, files)
        _goes_on(folder, authority, station)
        renew(replace(plan, folder=folder), **how)
        _goes_on(folder, authority, station)
        files += 1
    assert files > 9


class _Gone(BaseException):
    """The power."""


def _is_cut_off(plan: Plan, how: dict[str, bool], after: int) -> bool:
    """Renew until so many files have their new content."""
    left = iter(range(after))
    put = Path.replace

    def until(path: Path, target: Path) -> Path:
        if next(left, None) is None:
            raise _Gone
        return put(path, target)

    with patch.object(Path, "replace", until), suppress(_Gone):
        renew(plan, **how)
        return False
    return True


def _goes_on(folder: Path, authority: Authority, station: x509.Certificate) -> None:
    """Broker and door start; the broker believes collector and station, and is believed by them."""
    pki, broker = folder / "pki", folder / "mosquitto"
    for each in (pki, broker):
        TlsFiles(pki / "ca.pem", each / "server.pem", each / "server.key").check()
    for client in (station, *(_certificates(pki / f"{who}.pem")[0] for who in ("c1", "registrar", "dashboard"))):
        assert _is_by(client, _certificates(broker / "ca.pem"))
    (shown,) = _certificates(broker / "server.pem")
    for ca in (_certificates(pki / "ca.pem"), x509.load_pem_x509_certificates(authority.bundle())):
        assert _is_by(shown, ca)


def _certificates(path: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(path.read_bytes())


def _is_by(certificate: x509.Certificate, authorities: list[x509.Certificate]) -> bool:
    """Whether one of these has signed it."""
    for one in authorities:
        with suppress(ValueError, InvalidSignature):
            certificate.verify_directly_issued_by(one)
            return True
    return False


def serial_of(city: City) -> int:
    """Of the certificate that the broker shows."""
    shown = ssl.get_server_certificate(("127.0.0.1", city.plan.broker_port))
    return x509.load_pem_x509_certificate(shown.encode()).serial_number
