"""A station's identity on its disk: one folder, written whole, readable by its owner only.

node.pem      private key and certificate in one file: they can never be of two pairs, also when the power goes
ca.pem        the authority (while it is rolled over: authorities) that brokers are believed by
office.json   the keys whose signature lets readings go, and where to renew
pending.key   a key that waits for its certificate
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.tls import TlsFiles
from wire.both import Both, zh
from wire.exits import Exit, Failure, reason

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KEYS_MAX = 8


@dataclass(frozen=True, slots=True)
class Office:
    """What the office told at enrolment."""

    node: str
    collector_keys: tuple[str, ...]
    broker_host: str
    broker_port: int
    url: str | None


class Identity:
    """The folder of one station. Nothing is read until it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def tls(self) -> TlsFiles:
        return TlsFiles(self.folder / "ca.pem", self.folder / "node.pem")

    def office(self) -> Office:
        """Raises Failure when the station is not enrolled or the file is damaged."""
        path = self.folder / "office.json"
        try:
            raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            keys = tuple(map(str, raw["collector_keys"]))
            for key in keys:
                read_key(key)
            if not 1 <= len(keys) <= KEYS_MAX:
                raise ValueError("no key to pin")
            broker = raw["broker"]
            return Office(str(raw["node"]), keys, str(broker["host"]), int(broker["port"]), raw.get("url"))
        except FileNotFoundError as error:
            text = Both(f"{path} does not exist: this station is not enrolled", f"没有 {path}：本站尚未入网")
            raise Failure(Exit.CONFIGURATION, "not-enrolled", text, "lamppost agent enrol --token-file FILE") from error
        except PermissionError as error:
            raise Failure.shut("identity-unreadable", path) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            text = Both(f"{path}: {reason(error)}", f"{path}：{zh(reason(error))}")
            raise Failure(Exit.CONFIGURATION, "identity-damaged", text, Both("enrol again", "请重新入网")) from error

    def client_id(self, node: str) -> str:
        """As what a node connects: a broker lets everybody take any id, and ends who had it.

        Only who has this very key can tell it. A copy of the card has: by pushing each other out the two are found.
        Raises OSError.
        """
        return f"{node}-{sha256((self.folder / 'node.pem').read_bytes()).hexdigest()[:16]}"

    def pinned(self) -> tuple[Ed25519PublicKey, ...]:
        """The keys whose signature an acknowledgement or a request must carry."""
        return tuple(read_key(key) for key in self.office().collector_keys)

    def certificate(self) -> x509.Certificate:
        """Our certificate. Raises OSError or ValueError."""
        from cryptography import x509

        return x509.load_pem_x509_certificate((self.folder / "node.pem").read_bytes())

    def renewal_due(self, now: datetime) -> bool:
        """Two thirds of the certificate's life have passed."""
        certificate = self.certificate()
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        return now >= begin + (end - begin) * 2 / 3

    def ends_in(self, now: datetime) -> timedelta:
        """How long the certificate is still good; negative when it has ended."""
        return self.certificate().not_valid_after_utc - now


def read_key(text: str) -> Ed25519PublicKey:
    """A key as it is pinned: base64 of 32 bytes. Raises ValueError."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except binascii.Error as error:
        raise ValueError("a collector's key is base64 of 32 bytes") from error


def now_utc() -> datetime:
    return datetime.now(UTC)
