"""The collector's key: it signs what agents obey, and its public half is pinned at enrolment."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from collector.config import Config
from common.tls import LOCKED, UNLOCK
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def signing_key(config: Config) -> Ed25519PrivateKey | None:
    """The key that signs acknowledgements and requests, when there is one. Raises Failure when it cannot be read."""
    if config.signing_key_file is None:
        return None
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key: object = load_pem_private_key(config.signing_key_file.read_bytes(), None)
    except FileNotFoundError as error:
        text = f"{config.signing_key_file} does not exist"
        raise Failure(Exit.CONFIGURATION, "signing-key-missing", text, "lamppost collector init writes one") from error
    except OSError as error:
        cure = "it belongs to the collector's user: sudo -u lamppost lamppost ..."
        text = f"{config.signing_key_file}: {error.strerror}"
        raise Failure(Exit.NOT_PERMITTED, "signing-key-unreadable", text, cure) from error
    except TypeError as error:  # so cryptography says that it wants a passphrase
        text = f"{config.signing_key_file} {LOCKED}"
        raise Failure(Exit.CONFIGURATION, "signing-key-locked", text, UNLOCK) from error
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        text = f"{config.signing_key_file} holds no Ed25519 key in PEM"
        raise Failure(Exit.CONFIGURATION, "signing-key-damaged", text, "lamppost collector init writes one")
    return key


def public_key_text(key: Ed25519PrivateKey) -> str:
    """The public half as agents pin it: base64 of 32 bytes."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()
