"""`collector init --renew`, typed as the manual says it, two years after the installation was made."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from collector.identity.authority import hosts_of
from tests.identity.city import City
from tests.servers import wait_for

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


def serial_of(city: City) -> int:
    """Of the certificate that the broker shows."""
    shown = ssl.get_server_certificate(("127.0.0.1", city.plan.broker_port))
    return x509.load_pem_x509_certificate(shown.encode()).serial_number
