"""The kit of a second collector: an archive with settings, keys and certificate, to be unpacked on its machine.

It works under another name with the same signing key, rules, channels and database. The authority and the door at which
stations enrol stay where they are.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from collector.config import Config, SqliteStore
from collector.files import backup
from collector.identity.authority import Authority, new_key, pem, pem_key
from wire.exits import Exit, Failure

HEADER = "# The settings of a standby, made by `lamppost collector standby`. Every key: lamppost collector sample\n"


def pack(archive: Path, name: str, settings: Path, config: Config, authority: Authority, now: datetime) -> None:
    """Make the kit of the collector `name`. Raises Failure."""
    if isinstance(config.store, SqliteStore):
        text = f"the store of {settings} is a file, which a collector on another machine cannot write to"
        raise Failure(Exit.CONFIGURATION, "standby-needs-a-server", text, "InfluxDB: lamppost collector migrate")
    assert config.identities is not None
    pki = config.identities.folder.absolute()
    pair = pki / f"{name}.pem"
    said = _settings(yaml.safe_load(settings.read_text(encoding="utf-8")), name, config, pair)
    key = new_key()
    made = {
        settings.absolute(): (HEADER + yaml.safe_dump(said, sort_keys=False, allow_unicode=True)).encode(),
        pair: pem_key(key) + pem(authority.sign_client(name, key.public_key(), now)),
    }
    with backup.whole_archive(archive) as tar:
        for path, content in made.items():
            backup.add_file(tar, path, content)
        for path in backup.contents(settings, Config.model_validate(said)).plain:
            if path not in made:
                tar.add(path)


def _settings(said: dict[str, Any], name: str, config: Config, pair: Path) -> dict[str, Any]:
    """The settings of the first, as the second wants them: it reaches the broker as devices do."""
    assert config.identities is not None
    first = said.get("broker", {})  # which may be a plain listener on its own machine
    tls = {"ca": str(pair.with_name("ca.pem"))} | first.get("tls", {}) | {"cert": str(pair)}
    tls.pop("key", None)  # it lies with the certificate
    broker = first | {"host": config.identities.broker_host, "port": config.identities.broker_port, "tls": tls}
    return {key: value for key, value in said.items() if key != "identities"} | {"name": name, "broker": broker}
