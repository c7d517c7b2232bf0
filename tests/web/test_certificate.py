"""A certificate of the pages that somebody's client renews on disk every few weeks, without a word to the collector."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from starlette.applications import Starlette

from collector.identity.authority import Authority, new_key, pem, pem_key, utc_now
from collector.web import server as web_server
from collector.web.server import WebServer
from tests.servers import wait_for
from tests.typed import typed
from wire.exits import Exit, Failure

HOST = "127.0.0.1"


class Pages:
    """Pages that show a certificate from two files."""

    def __init__(self, folder: Path) -> None:
        self.cert, self.key = folder / "web.pem", folder / "web.key"
        self._authority = Authority.new("test", utc_now())
        self._authority.save(folder)
        self._believes = folder / "ca.pem"
        self.renew()
        self.server = WebServer(Starlette(), HOST, 0, (self.cert, self.key))
        self.server.start()
        self.shown()  # it has read the first pair

    def renew(self, with_key: bool = True) -> int:
        """Write a new pair; its serial number."""
        key = new_key()
        made = self._authority.sign_server([HOST], key.public_key(), utc_now())
        self.cert.write_bytes(pem(made))
        if with_key:
            self.key.write_bytes(pem_key(key))
        return made.serial_number

    def shown(self) -> int:
        """The serial number that a reader sees."""
        address = (HOST, int(self.server.url.rstrip("/").rpartition(":")[2]))
        context = ssl.create_default_context(cafile=str(self._believes))
        with socket.create_connection(address, 10) as plain, context.wrap_socket(plain, server_hostname=HOST) as safe:
            return x509.load_der_x509_certificate(safe.getpeercert(binary_form=True) or b"").serial_number


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    monkeypatch.setattr(web_server, "LOOK_S", 0)
    made = Pages(tmp_path)
    yield made
    made.server.stop()


def test_a_renewed_certificate_is_shown_without_a_restart(pages: Pages) -> None:
    renewed = pages.renew()
    wait_for("the new certificate", lambda: pages.shown() == renewed)


def test_half_a_renewal_leaves_the_old_one_in_force(pages: Pages, caplog: pytest.LogCaptureFixture) -> None:
    before = pages.shown()
    pages.renew(with_key=False)
    wait_for("the pair to be looked at", lambda: "the certificate in force stays" in caplog.text)
    assert pages.shown() == before
    renewed = pages.renew()
    wait_for("the new certificate", lambda: pages.shown() == renewed)


def test_a_renewed_key_behind_a_locked_door_is_waited_for(
    pages: Pages, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """certbot's own folders are root's alone: looking for a change there ended the server, and all pages with it."""
    before = pages.shown()
    renewed = pages.renew()
    pages.key.rename(tmp_path / "kept.key")
    pages.key.symlink_to("x" * 300)  # may not even be asked for: whoever runs this may look into every folder
    wait_for("the pair to be looked at", lambda: "the certificate in force stays" in caplog.text)
    assert pages.shown() == before
    pages.key.unlink()
    (tmp_path / "kept.key").rename(pages.key)
    wait_for("the new certificate", lambda: pages.shown() == renewed)


@pytest.mark.parametrize(("spoil", "said"), [("key", "do not belong together"), ("cert", "web.pem: does not exist")])
def test_a_pair_that_cannot_be_used_is_named_before_anything_begins(tmp_path: Path, spoil: str, said: str) -> None:
    """The collector began, and went on without pages."""
    pages = Pages(tmp_path)
    pages.server.stop()
    pages.renew(with_key=False)
    if spoil == "cert":
        pages.cert.unlink()
    with pytest.raises(Failure, match=said) as refused:
        WebServer(Starlette(), HOST, 0, (pages.cert, pages.key))
    assert refused.value.cure == "name the right files"
    settings = tmp_path / "collector.yaml"
    settings.write_text(
        f"store: {{kind: sqlite}}\nstate_file: {tmp_path / 'c.db'}\n"
        f"web: {{tls: {{cert: {pages.cert}, key: {pages.key}}}}}\n"
    )
    checked = typed("collector", "check", str(settings))
    assert (checked.returncode, said in checked.stderr) == (Exit.CONFIGURATION, True)
