"""Certificates of our authority in a TLS handshake, as the strictest Python looks at them and as ours does."""

from __future__ import annotations

import ssl
import time
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from collector.config import Config, SqliteStore
from collector.identity.authority import Authority, new_key, pem, pem_key, utc_now
from collector.identity.signing import signing_key
from common.tls import NO_CHECK_TIME, TlsFiles, believing, show
from common.whole_file import PRIVATE, write_whole
from edge_agent.identity import enrol
from wire.exits import Failure

HOST = "127.0.0.1"
Make = Callable[[Authority], x509.Certificate]
KEY = new_key()


def today(authority: Authority) -> x509.Certificate:
    return authority.sign_server([HOST], KEY.public_key(), utc_now())


def without_its_authoritys_name(authority: Authority) -> x509.Certificate:
    """As we made them once, and as many who sign their own still do."""
    made = today(authority)
    builder = x509.CertificateBuilder(
        made.issuer, made.subject, KEY.public_key(), 7, made.not_valid_before_utc, made.not_valid_after_utc
    )
    for each in made.extensions:
        if not isinstance(each.value, x509.AuthorityKeyIdentifier):
            builder = builder.add_extension(each.value, each.critical)
    return builder.sign(authority.key, hashes.SHA256())


def shake_hands(client: ssl.SSLContext, folder: Path, certificate: x509.Certificate) -> None:
    """A handshake in memory. Raises ssl.SSLCertVerificationError when the client does not believe the server."""
    (folder / "server.pem").write_bytes(pem_key(KEY) + pem(certificate))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem")
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(back, there, server_hostname=HOST), server.wrap_bio(there, back, server_side=True)]
    for _ in range(10):
        for end in [*ends]:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            ends.remove(end)
    assert not ends


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority.new("test", utc_now())
    made.save(tmp_path)
    return made


def test_what_we_sign_stands_up_to_the_strictest_look(tmp_path: Path, authority: Authority) -> None:
    strict = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    shake_hands(strict, tmp_path, today(authority))
    with pytest.raises(ssl.SSLCertVerificationError, match="Authority Key Identifier"):
        shake_hands(strict, tmp_path, without_its_authoritys_name(authority))


@pytest.mark.parametrize("make", [today, without_its_authoritys_name])
def test_an_older_certificate_is_believed_under_every_python(tmp_path: Path, authority: Authority, make: Make) -> None:
    shake_hands(TlsFiles(tmp_path / "ca.pem").context(), tmp_path, make(authority))
    shake_hands(believing(cadata=authority.bundle().decode()), tmp_path, make(authority))


def test_another_authority_is_not_believed(tmp_path: Path, authority: Authority) -> None:  # noqa: ARG001
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(TlsFiles(tmp_path / "ca.pem").context(), tmp_path, today(Authority.new("test", utc_now())))


def test_a_key_behind_a_passphrase_is_named_and_nobody_is_asked_for_it(tmp_path: Path, authority: Authority) -> None:
    """OpenSSL asked the terminal at each connection; `collector check` ended in a traceback."""
    passphrase = BestAvailableEncryption(b"secret")
    locked = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, passphrase)
    (tmp_path / "ca.key").write_bytes(authority.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, passphrase))
    cert, key = tmp_path / "node.pem", tmp_path / "node.key"
    cert.write_bytes(pem(today(authority)))
    write_whole(key, locked, PRIVATE)
    settings = Config(store=SqliteStore(kind="sqlite", path=tmp_path / "r.db"), signing_key_file=key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    us = TlsFiles(tmp_path / "ca.pem", cert, key)
    for use in (us.check, lambda: show(server, cert, key), lambda: signing_key(settings)):
        with pytest.raises(Failure, match=r"node\.key:? is behind a passphrase"):
            use()
    with pytest.raises(ValueError, match=r"ca\.key is behind a passphrase"):
        Authority.load(tmp_path)


def test_a_file_that_was_spoilt_under_a_running_program_is_named(tmp_path: Path, authority: Authority) -> None:
    """`agent status` said "not connected: [SSL] PEM lib"."""
    whole = pem_key(KEY) + pem(today(authority))
    files = TlsFiles(tmp_path / "ca.pem", tmp_path / "node.pem")
    (tmp_path / "node.pem").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(OSError, match=r"node\.pem: is not usable PEM"):
        files.context()
    (tmp_path / "node.pem").unlink()
    with pytest.raises(OSError, match=r"node\.pem: does not exist"):
        files.context()
    (tmp_path / "node.pem").write_bytes(whole)
    files.context()


@pytest.mark.parametrize("clock_s", [0, 1_740_000_000], ids=["1970", "the day on which Debian 13 was built"])
def test_a_clock_from_before_our_own_certificate_keeps_nobody_out(
    tmp_path: Path, authority: Authority, clock_s: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's clock does not begin in 1970: certificates were "not yet valid" until NTP answered, if it ever did."""
    (tmp_path / "node.pem").write_bytes(pem_key(KEY) + pem(today(authority)))
    files = TlsFiles(tmp_path / "ca.pem", tmp_path / "node.pem")
    assert not files.context().verify_flags & NO_CHECK_TIME
    monkeypatch.setattr(time, "time", lambda: clock_s)
    assert files.context().verify_flags & NO_CHECK_TIME
    assert not TlsFiles(tmp_path / "ca.pem").context().verify_flags & NO_CHECK_TIME


@pytest.mark.parametrize("knows_the_time", [False, True])
def test_a_device_enrols_before_ntp_has_set_its_clock(
    tmp_path: Path, knows_the_time: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = utc_now() + timedelta(days=300)  # seen from there, our clock is of last year
    office = Authority.new("test", later)
    certificate = office.sign_server([HOST], KEY.public_key(), later)

    def ask(_: urllib.request.Request, context: ssl.SSLContext) -> bytes:
        shake_hands(context, tmp_path, certificate)
        return b"welcome"

    monkeypatch.setattr(enrol, "_ask", ask)
    monkeypatch.setattr(enrol, "synchronised", lambda: knows_the_time)
    if knows_the_time:
        with pytest.raises(ssl.SSLCertVerificationError, match="not yet valid"):
            enrol._post("https://office", {}, office.bundle().decode())
    else:
        assert enrol._post("https://office", {}, office.bundle().decode()) == b"welcome"
