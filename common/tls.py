"""Certificates on disk and the TLS context of one connection. Every file is checked before a program does anything."""

from __future__ import annotations

import os
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wire.exits import Exit, Failure

CURE = "enrol again, or name the right files"
LOCKED = "is behind a passphrase, and nobody is there to type it"
UNLOCK = "keep a copy without one: openssl pkey -in LOCKED.pem -out KEY.pem; chmod 600 KEY.pem"
_NO_PASSPHRASE = ""  # without one, OpenSSL asks the terminal for it, at every connection
HANDSHAKE_S = 30.0
NO_CHECK_TIME = 0x20_0000  # OpenSSL's X509_V_FLAGNO_CHECK_TIME, which the ssl module does not name


class PatientSocket(ssl.SSLSocket):
    """Shakes hands for as long as a slow line takes: certificates are 3 KB both ways, 15 s at 120 bytes/s.

    MQTT libraries give it no more than a connection on TCP, where a few seconds are plenty and the next address waits.
    """

    def do_handshake(self, block: bool = False) -> None:
        self.settimeout(HANDSHAKE_S)
        super().do_handshake(block)


def believing(cafile: str | None = None, cadata: str | None = None) -> ssl.SSLContext:
    """A context for a client that believes this authority alone. Raises OSError, of which ssl.SSLError is one.

    Python 3.13 also wants the full form of RFC 5280 (VERIFY_X509_STRICT). Every Python believes the same here: with an
    authority of the city's own, or an older one of ours, an upgrade would cut its nodes off, and nothing were safer.
    """
    context = ssl.create_default_context(cafile=cafile, cadata=cadata)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Whom we believe (`ca`) and who we are (`cert`, `key`; the key may stand in the certificate's file)."""

    ca: Path
    cert: Path | None = None
    key: Path | None = None

    def check(self) -> None:
        """Raises Failure naming the file and the cure when a connection cannot be made with these."""
        key = self.key or self.cert
        if key is not None:
            _private(key)
        try:
            self._context()
        except OSError as error:
            raise self._failure(error) from error

    def context(self) -> ssl.SSLContext:
        """A context for one connection. Raises OSError naming the file, which may have changed since it was checked."""
        try:
            return self._context()
        except OSError as error:
            raise OSError(str(self._failure(error))) from error

    def _failure(self, error: OSError) -> Failure:
        files = [file for file in (self.ca, self.cert, self.key) if file is not None]
        return _why(files, self._at_fault(), error)

    def _context(self) -> ssl.SSLContext:
        """The same. Raises OSError, of which ssl.SSLError is one, in OpenSSL's words.

        A board without a battery starts in 1970, or when its system was built. A clock from before our own certificate
        is certainly wrong; then, and only then, times in certificates are not looked at, so that the board can connect.
        """
        context = believing(cafile=str(self.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.cert is not None:
            context.load_cert_chain(self.cert, self.key, _NO_PASSPHRASE)
            if _clock_is_before(self.cert):
                context.verify_flags |= NO_CHECK_TIME
        return context

    def _at_fault(self) -> Path:
        """The file that OpenSSL does not like: it does not say."""
        try:
            ssl.create_default_context(cafile=str(self.ca))
        except (ssl.SSLError, OSError):
            return self.ca
        return self.cert or self.ca


def show(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    """Let a server's context show these, or leave it as it was. Raises Failure naming the file and the cure."""
    try:
        trial = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # what cannot be used would spoil the other
        trial.load_cert_chain(cert, key, _NO_PASSPHRASE)
        context.load_cert_chain(cert, key, _NO_PASSPHRASE)
    except OSError as error:
        raise _why([cert, key], cert, error, "name the right files") from error


def _clock_is_before(cert: Path) -> bool:
    from cryptography import x509

    with suppress(ValueError):  # OpenSSL has taken it; what is odd in it is no word about the clock
        return time.time() < x509.load_pem_x509_certificate(cert.read_bytes()).not_valid_before_utc.timestamp()
    return False


def _private(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise _unusable(path, "does not exist") from None
    except OSError as error:
        raise _refused(path, error) from error
    if mode & 0o077:
        text = f"{path} can be read by others (mode {mode & 0o777:04o}), and it holds a private key"
        raise Failure(Exit.CONFIGURATION, "key-readable", text, f"chmod 600 {path}")


def _reason(error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return "certificate and key do not belong together"
    return f"is not usable PEM ({(error.reason or 'unknown').lower().replace('_', ' ')})"


def _why(files: list[Path], at_fault: Path, error: OSError, cure: str = CURE) -> Failure:
    """Which of the files cannot be used, and why."""
    if isinstance(error, FileNotFoundError):
        missing = next((file for file in files if not file.exists()), at_fault)
        return _unusable(error.filename or missing, "does not exist", cure)
    if isinstance(error, ssl.SSLError):
        locked = next((file for file in files if b"ENCRYPTED" in file.read_bytes()), None)
        if locked is not None:
            return _unusable(locked, LOCKED, UNLOCK)
        return _unusable(at_fault, _reason(error), cure)
    shut = next((file for file in files if not os.access(file, os.R_OK)), at_fault)
    return _refused(error.filename or shut, error, cure)


def _refused(path: object, error: OSError, cure: str = CURE) -> Failure:
    if isinstance(error, PermissionError):
        return Failure.shut("tls-unreadable", path)
    return _unusable(path, error.strerror or str(error), cure)


def _unusable(path: object, reason: str, cure: str = CURE) -> Failure:
    return Failure(Exit.CONFIGURATION, "tls-unusable", f"{path}: {reason}", cure)
