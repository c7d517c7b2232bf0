"""The office: an installation's identities put together from its settings. Used by the collector and by commands."""

from __future__ import annotations

from collector.config import Config
from collector.identity.authority import Authority
from collector.identity.book import Book
from collector.identity.broker_rules import DASHBOARD, REGISTRAR
from collector.identity.enrolment import Enrolment
from collector.identity.registrar import Registrar
from collector.identity.signing import public_key_text, signing_key
from collector.web.desk.file import DeskFile
from common.settings import BrokerAddress
from common.tls import TlsFiles
from common.whole_file import PUBLIC, write_whole
from wire.exits import Exit, Failure, reason

MOSQUITTO = "mosquitto"
REVOKED = "crl.pem"


def enrolment(config: Config, file: DeskFile) -> Enrolment:
    """The enrolment that the settings name. Raises Failure naming file and cure."""
    wants = config.identities
    if wants is None:
        text = "this collector has no certificate authority"
        raise Failure(Exit.CONFIGURATION, "no-identities", text, "lamppost collector init --tls")
    key = signing_key(config)
    if key is None:
        cure = "lamppost collector init writes one: name it in signing_key_file"
        raise Failure(Exit.CONFIGURATION, "no-signing-key", "enrolled agents want signed acknowledgements", cure)
    try:
        Authority.load(wants.folder)
    except (OSError, ValueError) as error:
        text = f"{wants.folder}: {reason(error)}"
        raise Failure(Exit.CONFIGURATION, "authority-unusable", text, "lamppost collector init --tls") from error
    registrar = TlsFiles(wants.folder / "ca.pem", wants.folder / f"{REGISTRAR}.pem")
    registrar.check()
    mosquitto = wants.folder.parent / MOSQUITTO
    return Enrolment(
        lambda: Authority.load(wants.folder),
        Book(file),
        Registrar(BrokerAddress(config.broker.host, config.broker.port, tls=registrar.context), mosquitto),
        (public_key_text(key),),
        wants.broker_host,
        wants.broker_port,
        lambda content: write_whole(mosquitto / REVOKED, content, PUBLIC),
        programs=frozenset({config.name, DASHBOARD, REGISTRAR}),
    )
