"""The certificate authority: one key that signs nodes, brokers and collectors of one city, and the list of the revoked.

ECDSA on P-256, which every TLS stack on a small device speaks. Of a request only the key is taken: name, life and
purpose of a certificate are decided here (threat T12). The authority signs leaves only (path length 0).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from common.tls import LOCKED
from common.whole_file import PRIVATE, PUBLIC, write_whole

AUTHORITY_LIFE = timedelta(days=3650)
SERVER_LIFE = timedelta(days=730)
NODE_LIFE = timedelta(days=90)
BACKDATE = timedelta(hours=1)  # a device whose clock is a little slow shall believe a new certificate
_USES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip
_END = re.compile(rb"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----\n", re.S)


class BadRequest(ValueError):
    """A certificate cannot be made from this; the text says why."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Key and certificate of the authority, and older certificates that are still believed while it is rolled over."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    older: tuple[Authority, ...] = ()

    @classmethod
    def new(cls, name: str, now: datetime) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(name)
        builder = _builder(subject, subject, key.public_key(), now, AUTHORITY_LIFE)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
        return cls(key, builder.sign(key, hashes.SHA256()))

    @classmethod
    def load(cls, folder: Path) -> Authority:
        """The authority of a folder: `ca.key` and `ca.pem`, each with the newest first.

        One of them may be ahead, where a rollover was cut off between the two: what has key and certificate counts.
        """
        keys = [load_key(folder / "ca.key", part) for part in _END.findall((folder / "ca.key").read_bytes())]
        certificates = x509.load_pem_x509_certificates((folder / "ca.pem").read_bytes())
        pairs = [(key, one) for one in certificates for key in keys if key.public_key() == one.public_key()]
        if not pairs or pairs[0][1] != certificates[0]:
            raise ValueError(f"{folder / 'ca.key'}: not the keys of {folder / 'ca.pem'}")
        (key, newest), *older = pairs
        return cls(key, newest, tuple(cls(*pair) for pair in older))

    def save(self, folder: Path) -> None:
        write_whole(folder / "ca.key", b"".join(pem_key(one.key) for one in (self, *self.older)), PRIVATE)
        write_whole(folder / "ca.pem", self.bundle(), PUBLIC)

    def bundle(self) -> bytes:
        """What others believe: the newest certificate first, then those that a rollover still needs."""
        return b"".join(pem(one.certificate) for one in (self, *self.older))

    @property
    def begun(self) -> datetime:
        """Since when it signs."""
        return self.certificate.not_valid_before_utc + BACKDATE

    @property
    def oldest(self) -> Authority:
        """The one that everybody out there believes already."""
        return self.older[-1] if self.older else self

    def rolled_over(self, name: str, now: datetime) -> Authority:
        """A new key; what the old one signed stays believed until the old certificate ends."""
        new = Authority.new(name, now)
        mine = (Authority(self.key, self.certificate), *self.older)
        return Authority(new.key, new.certificate, tuple(o for o in mine if o.certificate.not_valid_after_utc > now))

    def sign_node(self, node: str, request: bytes, now: datetime, life: timedelta = NODE_LIFE) -> x509.Certificate:
        """A client certificate for `node` from a request (PEM) of which only the key is taken. Raises BadRequest."""
        builder = _builder(_name(node), self.certificate.subject, read_request(request), now, life)
        builder = self._leaf(builder, ExtendedKeyUsageOID.CLIENT_AUTH)
        return builder.sign(self.key, hashes.SHA256())

    def sign_client(self, name: str, key: ec.EllipticCurvePublicKey, now: datetime) -> x509.Certificate:
        """A client certificate for one of our own programs."""
        builder = _builder(_name(name), self.certificate.subject, key, now, SERVER_LIFE)
        return self._leaf(builder, ExtendedKeyUsageOID.CLIENT_AUTH).sign(self.key, hashes.SHA256())

    def sign_server(self, hosts: Iterable[str], key: ec.EllipticCurvePublicKey, now: datetime) -> x509.Certificate:
        """A server certificate for host names and addresses; the first is its name."""
        names = [_host(host) for host in hosts]
        builder = _builder(_name(str(names[0].value)), self.certificate.subject, key, now, SERVER_LIFE)
        builder = self._leaf(builder, ExtendedKeyUsageOID.SERVER_AUTH)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def signed(self, certificate: x509.Certificate) -> bool:
        """Whether this authority, or an older one that is still believed, made the certificate."""
        for one in (self, *self.older):
            try:
                certificate.verify_directly_issued_by(one.certificate)
            except (ValueError, TypeError, InvalidSignature):
                continue
            return True
        return False

    def revocations(self, serials: Iterable[int], now: datetime) -> bytes:
        """The lists of the revoked as PEM, one of each authority that is believed.

        They never run out before their authority: a broker with an outdated list would refuse everybody.
        """
        gone = [x509.RevokedCertificateBuilder().serial_number(n).revocation_date(now).build() for n in serials]
        return b"".join(one._revocations(gone, now) for one in (self, *self.older))

    def _leaf(self, builder: x509.CertificateBuilder, purpose: x509.ObjectIdentifier) -> x509.CertificateBuilder:
        """What is no authority, and names ours by its key (RFC 5280, 4.2.1.1): Python 3.13 looks for that."""
        mine = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage("digital_signature"), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        return builder.add_extension(mine, critical=False)

    def _revocations(self, gone: list[x509.RevokedCertificate], now: datetime) -> bytes:
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(now - BACKDATE).next_update(self.certificate.not_valid_after_utc)
        for entry in gone:
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def load_key(path: Path, part: bytes) -> ec.EllipticCurvePrivateKey:
    """The key that is in a part of this file. Raises ValueError."""
    try:
        key = load_pem_private_key(part, None)
    except TypeError as error:  # so cryptography says that it wants a passphrase
        raise ValueError(f"{path} {LOCKED}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path}: not an ECDSA key")
    return key


def read_request(request: bytes) -> ec.EllipticCurvePublicKey:
    """The key of a certificate request (PEM), proven to be the sender's. Everything else in it is passed over.

    A request that asks to be an authority is refused outright: nobody asks that by mistake.
    """
    try:
        asked = x509.load_pem_x509_csr(request)
        sound = asked.is_signature_valid
        authority = any(isinstance(one.value, x509.BasicConstraints) and one.value.ca for one in asked.extensions)
        key = asked.public_key()
    except Exception as error:
        raise BadRequest("not a certificate request in PEM") from error
    if not sound:
        raise BadRequest("the request is not signed by its own key")
    if authority:
        raise BadRequest("the request asks to be an authority")
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadRequest("the key is not of the kind wanted: ECDSA on P-256")
    return key


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def pem_key(key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def utc_now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*uses: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{use: use in uses for use in _USES})


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def hosts_of(certificate: bytes) -> tuple[str, ...]:
    """The names and addresses that a server's certificate is for. Raises ValueError when it is none."""
    found = x509.load_pem_x509_certificate(certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return tuple(str(one.value) for one in found.value)
