"""Enrolment: a device becomes a station. The device makes its key; a token or an operator vouches for its name.

    first time   token (or `lamppost stations accept`) + request  ->  certificate, authority, keys to pin
    renewal      request signed by the key of the old certificate  ->  new certificate

A certificate that has ended can still renew itself for `RENEWABLE_AFTER`: a lamppost that stood without a link for a
month comes back by itself. One that was revoked cannot.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from collector.identity import authority
from collector.identity.authority import NODE_LIFE, Authority, BadRequest
from collector.identity.book import Book
from collector.identity.registrar import BrokerSilent
from wire import enrolment as wire
from wire import names
from wire.exits import reason

RENEWABLE_AFTER: Final = timedelta(days=90)


class Refused(Exception):
    """The answer is no. `word` is for programs; the text does not say more than the sender knows."""

    def __init__(self, word: str, text: str) -> None:
        super().__init__(text)
        self.word = word


class OutForNow(Exception):
    """A node is out at the broker, and nothing on the disk says so; the text says why."""


class Gate(Protocol):
    """Who lets nodes and collectors in at the broker, and nodes out of it."""

    def admit(self, node: str) -> None: ...
    def admit_collector(self, name: str) -> None: ...
    def expel(self, node: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One city's enrolment. `publish_revocations` takes the new list of the revoked to where the broker reads it."""

    read_authority: Callable[[], Authority]
    """Asked each time: after a rollover nobody may get a certificate of the old one and count as renewed."""
    book: Book
    gate: Gate
    collector_keys: tuple[str, ...]
    broker_host: str
    broker_port: int
    publish_revocations: Callable[[bytes], None]
    life: timedelta = NODE_LIFE
    programs: frozenset[str] = frozenset()
    """Names that have other rights at the broker: a station of that name would have them, and take them along."""

    @property
    def authority(self) -> Authority:
        """The one in force. Raises OSError, ValueError."""
        return self.read_authority()

    def may_be_called(self, node: str) -> None:
        """Raises Refused unless this can be the name of a station."""
        if not names.is_node(node):
            raise Refused("bad-node", "this is no name of a node")
        if node in self.programs:
            raise Refused("bad-node", "one of our own programs has this name, and its rights at the broker")

    def enrol(self, node: str, token: str, request: bytes, now_ms: int) -> dict[str, Any]:
        """The answer to a first request. Raises Refused, BrokerSilent."""
        self.may_be_called(node)
        try:
            authority.read_request(request)  # before the token is used up
        except BadRequest as error:
            raise Refused("bad-request", str(error)) from error
        try:
            self.book.take_token(token, node, now_ms)
        except ValueError:
            raise Refused("token-refused", "the token is not good for this node") from None
        try:
            return self.accept(node, request, f"token of {node}", now_ms)
        except BaseException:
            self.book.give_back(token)
            raise

    def accept(self, node: str, request: bytes, who: str, now_ms: int) -> dict[str, Any]:
        """Enrol on an operator's word. Raises Refused, BrokerSilent."""
        self.may_be_called(node)
        answer, certificate = self._sign(node, request, now_ms)
        self.gate.admit(node)
        self.book.enrolled(node, certificate.serial_number, _ends_ms(certificate), who, now_ms)
        return answer

    def renew(self, node: str, certificate: bytes, request: bytes, signature: bytes, now_ms: int) -> dict[str, Any]:
        """A new certificate for who proves to hold the old one's key. Raises Refused."""
        self.may_be_called(node)  # a stranger's words are not for the trail
        try:
            old = x509.load_pem_x509_certificate(certificate)
            key = old.public_key()
            name = old.subject.rfc4514_string()
        except Exception as error:
            raise Refused("bad-certificate", "no certificate in PEM") from error
        ended = _moment(now_ms) - old.not_valid_after_utc
        good = self.authority.signed(old) and name == f"CN={node}" and self.book.is_good(node, old.serial_number)
        if not good or ended > RENEWABLE_AFTER or not isinstance(key, ec.EllipticCurvePublicKey):
            self.book.refused(node, "renewal-refused", f"{old.serial_number:x}", now_ms)
            raise Refused("certificate-refused", "the certificate cannot be renewed; enrol with a token")
        try:
            key.verify(signature, wire.renewal_message(node, request), ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise Refused("certificate-refused", "the request is not signed by the certificate's key") from None
        answer, new = self._sign(node, request, now_ms)
        if not self.book.renewed(node, old.serial_number, new.serial_number, _ends_ms(new), now_ms):
            raise Refused("certificate-refused", "the certificate cannot be renewed; enrol with a token")
        return answer

    def strangers(self, now_ms: int) -> list[str]:
        """Stations that do not know the newest authority: they hear of it when they renew."""
        newest = self.authority
        if not newest.older:
            return []
        begun_ms = int(newest.begun.timestamp() * 1000)
        renewable_ms = now_ms - int(RENEWABLE_AFTER.total_seconds() * 1000)
        return self.book.not_renewed(begun_ms, renewable_ms)

    def retire(self, node: str, who: str, now_ms: int) -> int:
        """The node is out: at the broker now, and by the list of the revoked. Returns how many certificates it had.

        Raises Refused; BrokerSilent after the list was written: say it again when the broker is back. Where no disk
        takes it, a thief is put out all the same: OutForNow, or what the disk says if the broker is silent too.
        The broker first: cut off before it, it would be retired in every list, and go on.
        """
        self.may_be_called(node)
        silent: BrokerSilent | None = None
        try:
            self.gate.expel(node)
        except BrokerSilent as error:
            silent = error
        try:
            count = self.book.retire(node, who, now_ms)
            self.publish_revocations(self.authority.revocations(self.book.revoked(), _moment(now_ms)))
        except (OSError, sqlite3.Error) as error:
            if silent is not None:
                raise
            raise OutForNow(reason(error)) from error
        if silent is not None:
            raise silent
        return count

    def _sign(self, node: str, request: bytes, now_ms: int) -> tuple[dict[str, Any], x509.Certificate]:
        signer = self.authority
        try:
            certificate = signer.sign_node(node, request, _moment(now_ms), self.life)
        except BadRequest as error:
            raise Refused("bad-request", str(error)) from error
        return {
            "schema": wire.SCHEMA,
            "node": node,
            "certificate": authority.pem(certificate).decode(),
            "authority": signer.bundle().decode(),
            "collector_keys": list(self.collector_keys),
            "broker": {"host": self.broker_host, "port": self.broker_port},
        }, certificate


def as_file(answer: dict[str, Any]) -> bytes:
    """An answer as the file that `lamppost agent enrol import` takes."""
    return json.dumps(answer, indent=1).encode()


def _moment(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms // 1000, UTC)


def _ends_ms(certificate: x509.Certificate) -> int:
    return int(certificate.not_valid_after_utc.timestamp() * 1000)
