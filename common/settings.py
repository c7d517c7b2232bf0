"""Settings as both programs use them: a file loaded or refused with the cure, and the broker it names."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from common.field_types import ADDRESS, Broker
from common.strict_model import load
from common.strict_yaml import NotUsable
from common.tls import TlsFiles
from wire.both import Both, zh
from wire.exits import CORRECT_LINES, WITH_SUDO, Exit, Failure, of_file, reason

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """How to reach a broker, with its secrets read from their files."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    tls: Callable[[], ssl.SSLContext] | None = None
    """Makes the context of one connection: a renewed certificate is used from the next connection on."""
    protocol: str = "5"
    others: tuple[tuple[str, int], ...] = ()
    client_id: str | None = None
    """As what an agent connects; else by its node's name."""

    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Where it may be reached: the nodes of a cluster, tried in turn."""
        return ((self.host, self.port), *self.others)


def load_settings(model: type[Model], file: Path, none_yet: str) -> Model:
    """The settings of a file. Raises Failure with line, key and cure; `none_yet` is that of a file that is missing."""
    try:
        return load(model, file)
    except NotUsable as error:
        raise Failure(Exit.CONFIGURATION, "config-invalid", str(error), CORRECT_LINES) from error
    except FileNotFoundError as error:
        raise Failure(
            Exit.CONFIGURATION, "config-missing", Both(f"{file} does not exist", f"没有文件 {file}"), none_yet
        ) from error
    except OSError as error:
        cure = WITH_SUDO if isinstance(error, PermissionError) else ""
        raise Failure(Exit.NOT_PERMITTED, "config-unreadable", of_file(file, error), cure) from error


def secret(path: Path | None) -> str | None:
    """What a secret file holds, without the line end. Raises Failure when it cannot be read.

    A service that may not read the file itself is handed a copy of the same name by systemd (LoadCredential=).
    """
    if path is None:
        return None
    handed = os.environ.get("CREDENTIALS_DIRECTORY")
    copy = Path(handed) / path.name if handed else None
    try:
        file = copy if copy is not None and copy.exists() else path
        return file.read_text(encoding="utf-8-sig").strip()  # editors of Windows begin with a byte order mark
    except PermissionError as error:
        raise Failure.shut("secret-unreadable", path) from error
    except (OSError, UnicodeDecodeError) as error:
        why = Both("does not exist", "文件不存在")
        if not isinstance(error, FileNotFoundError):
            why = reason(error) if isinstance(error, OSError) else Both("not UTF-8", "不是 UTF-8 编码")
        cure = Both("write the secret into it, or name the right file", "把密码写进去，或指定正确的文件")
        text = Both(f"{path}: {why}", f"{path}：{zh(why)}")
        raise Failure(Exit.CONFIGURATION, "secret-unreadable", text, cure) from error


def broker_address(wants: Broker) -> BrokerAddress:
    """The address that settings name. Raises Failure for certificates and secrets that cannot be used."""
    files = tls_files(wants)
    if files is not None:
        files.check()
    return BrokerAddress(
        wants.host,
        wants.port,
        wants.username,
        secret(wants.password_file),
        files.context if files else None,
        wants.protocol,
        tuple(_host_and_port(other, wants.port) for other in wants.others),
    )


def tls_files(wants: Broker) -> TlsFiles | None:
    """The certificates that settings name; not looked at yet."""
    return TlsFiles(wants.tls.ca, wants.tls.cert, wants.tls.key) if wants.tls is not None else None


def in_url(host: str) -> str:
    """A host as an address on the web names it: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def _host_and_port(address: str, port: int) -> tuple[str, int]:
    parts = ADDRESS.fullmatch(address)
    assert parts is not None  # it was looked at with the settings
    return parts[1].strip("[]"), int(parts[2] or port)
