"""Tokens are good once, for one node, for a while; certificates renew, roll over and end; no reading is lost."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sqlite3
import ssl
import stat
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from collector.commands.stations import accept
from collector.identity import authority
from collector.identity.authority import Authority, BadRequest, utc_now
from collector.identity.book import Book, TokenRefused
from collector.identity.enrolment import Enrolment, OutForNow, Refused, as_file
from collector.identity.registrar import BrokerSilent
from collector.init import Plan, begin, renew
from collector.web.desk.file import DeskFile
from common.whole_file import PRIVATE, write_whole
from edge_agent.identity import enrol, renewal
from edge_agent.identity.identity import Identity
from firmware_stubs.plantower import Pms5003
from firmware_stubs.pty import StubHost
from tests.bad_inputs.enrolling import request_pem
from tests.closes import Closes
from tests.identity.city import City
from tests.rig import Program
from tests.servers import wait_for
from wire import enrolment as wire
from wire.exits import Exit, Failure

NOW = 1_790_000_000_000
DAY = timedelta(days=1)


def test_a_token_is_good_once_for_its_node_and_for_a_while(office: Enrolment) -> None:
    token = office.book.new_token("lp-1", "anna", NOW)
    assert len(token) >= 43, "256 bits"
    request = request_pem("whatever").encode()
    for node, at_ms in (("lp-2", NOW), ("lp-1", NOW + 15 * 60_000)):
        with pytest.raises(Refused):
            office.enrol(node, token, request, at_ms)
    answer = office.enrol("lp-1", token, request, NOW + 1)
    assert b"CN=lp-1" in _subject(answer)
    with pytest.raises(Refused):
        office.enrol("lp-1", token, request, NOW + 2)
    assert {token.state for token in office.book.tokens(NOW)} == {"used"}


def test_no_station_has_the_name_of_a_program_of_ours(office: Enrolment) -> None:
    """It would have the collector's rights at the broker, and retiring it put the collector out."""
    office = replace(office, programs=frozenset({"c1"}))
    token = office.book.new_token("c1", "anna", NOW)
    request = request_pem("whatever").encode()
    for refused in (
        lambda: office.enrol("c1", token, request, NOW),
        lambda: office.accept("c1", request, "anna", NOW),
        lambda: office.retire("c1", "anna", NOW),
    ):
        with pytest.raises(Refused, match="one of our own programs"):
            refused()


def test_of_fifty_uses_at_once_exactly_one_wins(office: Enrolment) -> None:
    token = office.book.new_token("lp-1", "anna", NOW)
    won: list[int] = []
    begin = threading.Barrier(50)

    def use(number: int) -> None:
        begin.wait()
        try:
            office.book.take_token(token, "lp-1", NOW)
            won.append(number)
        except TokenRefused:
            pass

    threads = [threading.Thread(target=use, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_a_revoked_token_and_the_tokens_of_a_retired_node_are_worthless(office: Enrolment) -> None:
    first, second = office.book.new_token("lp-1", "anna", NOW), office.book.new_token("lp-2", "anna", NOW)
    listed = next(one for one in office.book.tokens(NOW) if one.node == "lp-1")
    assert office.book.revoke_token(listed.id, "anna", NOW)
    office.retire("lp-2", "anna", NOW)
    for node, token in (("lp-1", first), ("lp-2", second)):
        with pytest.raises(Refused):
            office.enrol(node, token, request_pem(node).encode(), NOW + 1)


def test_who_has_stolen_a_station_is_put_out_where_no_disk_takes_it(office: Enrolment) -> None:
    """A full disk was the end of it, and the thief went on as before."""

    class Full(Book):
        def retire(self, *_: object) -> int:
            raise sqlite3.OperationalError("database or disk is full")

    office.accept("lp-1", request_pem("lp-1").encode(), "anna", NOW)
    with pytest.raises(OutForNow, match="disk is full"):
        replace(office, book=Full(office.book._file)).retire("lp-1", "anna", NOW)
    assert "lp-1" not in office.gate.inside  # type: ignore[attr-defined]  # the fixture's


def test_who_is_called_retired_is_out_at_the_broker(office: Enrolment) -> None:
    """Cut off between the two, a stolen station was retired in every list, and sent on."""

    class PowerGone(BaseException):
        pass

    def gone(node: str) -> None:
        raise PowerGone(node)

    office.accept("lp-1", request_pem("lp-1").encode(), "anna", NOW)
    office.gate.expel = gone  # type: ignore[method-assign]
    with pytest.raises(PowerGone):
        office.retire("lp-1", "anna", NOW)
    assert [each.state for each in office.book.stations()] == ["active"]


def test_a_silent_broker_keeps_nobody_off_the_list_of_the_revoked(office: Enrolment) -> None:
    def silent(node: str) -> None:
        raise BrokerSilent(f"it is down: {node}")

    lists: list[bytes] = []
    office.accept("lp-1", request_pem("lp-1").encode(), "anna", NOW)
    office.gate.expel = silent  # type: ignore[method-assign]
    with pytest.raises(BrokerSilent):
        replace(office, publish_revocations=lists.append).retire("lp-1", "anna", NOW)
    assert [each.state for each in office.book.stations()] == ["retired"]
    assert len(lists) == 1


def test_nothing_of_a_request_counts_but_its_key(office: Enrolment) -> None:
    certificate = office.authority.sign_node("lp-1", request_pem("admin", more="evil.example").encode(), utc_now())
    assert certificate.subject.rfc4514_string() == "CN=lp-1"
    assert "evil" not in str([extension.value for extension in certificate.extensions])


@pytest.mark.parametrize("wrong", ["authority", "rsa", "p384", "noise", "empty"])
def test_requests_that_are_refused(office: Enrolment, wrong: str) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    request = {
        "authority": lambda: request_pem("lp-1", authority=True),
        "rsa": lambda: request_pem("lp-1", key=rsa.generate_private_key(65537, 2048)),
        "p384": lambda: request_pem("lp-1", key=ec.generate_private_key(ec.SECP384R1())),
        "noise": lambda: "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
        "empty": lambda: "",
    }[wrong]()
    token = office.book.new_token("lp-1", "anna", NOW)
    with pytest.raises(Refused):
        office.enrol("lp-1", token, request.encode(), NOW)
    office.enrol("lp-1", token, request_pem("lp-1").encode(), NOW)  # a bad request uses no token up
    with pytest.raises(BadRequest):
        authority.read_request(request.encode())


@pytest.mark.parametrize("node", ["+", "#", "", "LP-1", "lp 1", "collector", "alerts", "a/b", "../x", "$SYS", "x" * 64])
def test_no_wildcard_is_ever_a_name(office: Enrolment, node: str) -> None:
    with pytest.raises(Refused):
        office.accept(node, request_pem("x").encode(), "anna", NOW)


def test_a_certificate_renews_itself_three_times_in_270_days_and_after_a_month_too_late(
    office: Enrolment, tmp_path: Path
) -> None:
    folder = tmp_path / "identity"
    begin_ms = int(utc_now().timestamp() * 1000)
    office_keys = replace(office, collector_keys=(_key(),))
    enrol.take_answer(as_file(office_keys.accept("lp-1", enrol.new_request("lp-1", folder), "anna", begin_ms)), folder)
    now_ms = begin_ms
    for days in (61, 61, 61, 120):  # the last time 30 days after its end
        now_ms += days * 86_400_000
        identity = Identity(folder)
        assert identity.renewal_due(_moment(now_ms))
        answer = _renew(office_keys, folder, now_ms)
        assert not Identity(folder).renewal_due(_moment(now_ms + 86_400_000)), answer
    late_ms = now_ms + (90 + 91) * 86_400_000
    with pytest.raises(Refused):
        _renew(office_keys, folder, late_ms)
    office_keys.retire("lp-1", "anna", now_ms)
    with pytest.raises(Refused):
        _renew(office_keys, folder, now_ms + 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root enrols for another user")
def test_what_root_enrols_is_for_the_user_to_whom_the_settings_belong(office: Enrolment, tmp_path: Path) -> None:
    """The service could not read it: the agent never started again, and the doctor, who is root, found nothing."""
    settings = tmp_path / "etc"
    settings.mkdir()
    os.chown(settings, 65_534, 65_534)
    folder = settings / "identity"
    keys = replace(office, collector_keys=(_key(),))
    asked = enrol.new_request("lp-1", folder)
    waiting = {path.stat().st_uid for path in (folder, *folder.iterdir())}
    enrol.take_answer(as_file(keys.accept("lp-1", asked, "anna", NOW)), folder)
    assert waiting | {path.stat().st_uid for path in (folder, *folder.iterdir())} == {65_534}


def test_a_board_whose_clock_is_years_ahead_renews_once_and_not_every_minute(
    office: Enrolment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its clock each new certificate had ended long ago: the office issued one a minute, for ever."""
    folder, begin_ms = tmp_path / "identity", int(utc_now().timestamp() * 1000)
    keys = replace(office, collector_keys=(_key(),))
    enrol.take_answer(as_file(keys.accept("lp-1", enrol.new_request("lp-1", folder), "anna", begin_ms)), folder)

    def without_a_network(folder: Path) -> Any:
        _renew(keys, folder, begin_ms)
        return SimpleNamespace(expires="in 90 days")

    monkeypatch.setattr(renewal, "now_utc", lambda: _moment(begin_ms + 9 * 365 * 86_400_000))
    monkeypatch.setattr(renewal, "LOOK_S", 0.01)
    monkeypatch.setattr(renewal, "renew", without_a_network)
    counts = Counter[str]()

    async def some_looks() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                await renewal.keep_renewed(Identity(folder), counts, lambda _: None)

    asyncio.run(some_looks())
    assert counts == {"certificate_renewed": 1}


def test_a_station_that_is_retired_while_it_renews_is_out(office: Enrolment, tmp_path: Path) -> None:
    """Who held a stolen one had but to ask often enough: it was active again, with a certificate of its own."""

    class Raced(Book):
        """Somebody retires the station just after it was found to be good."""

        def is_good(self, node: str, serial: int) -> bool:
            good = super().is_good(node, serial)
            office.book.retire(node, "anna", NOW)
            return good

    folder = tmp_path / "identity"
    begin_ms = int(utc_now().timestamp() * 1000)
    keys = replace(office, collector_keys=(_key(),))
    enrol.take_answer(as_file(keys.accept("lp-1", enrol.new_request("lp-1", folder), "anna", begin_ms)), folder)
    raced = replace(keys, book=Raced(office.book._file))
    with pytest.raises(Refused, match="cannot be renewed"):
        _renew(raced, folder, begin_ms + 61 * 86_400_000)
    assert [(each.node, each.state, each.expires_ms) for each in office.book.stations()] == [("lp-1", "retired", None)]


@pytest.mark.parametrize("drop_old", [False, True])
def test_a_change_of_the_authority_that_is_cut_off_between_its_files_leaves_one(drop_old: bool, tmp_path: Path) -> None:
    """A full disk, or the power, at that moment, and no station could enrol or renew until somebody mended a file."""
    now = utc_now()
    old = Authority.new("old", now)
    both = old.rolled_over("new", now)
    before, after = (both, replace(both, older=())) if drop_old else (old, both)
    before.save(tmp_path)
    key_file = (tmp_path / "ca.key").read_bytes()
    after.save(tmp_path)
    (tmp_path / "ca.pem").write_bytes(before.bundle())
    assert Authority.load(tmp_path).bundle() == (after if drop_old else before).bundle()
    (tmp_path / "ca.key").write_bytes(key_file)
    assert Authority.load(tmp_path).bundle() == before.bundle(), "and as it was"
    Authority.new("another", now).save(tmp_path)
    (tmp_path / "ca.pem").write_bytes(before.bundle())
    with pytest.raises(ValueError, match="not the keys of"):
        Authority.load(tmp_path)


def test_the_broker_reaches_its_files_through_a_folder_that_an_agents_package_made(tmp_path: Path) -> None:
    """That is shut to others: mosquitto ended at its start without a word."""
    tmp_path.chmod(0o750)
    begin(Plan(tmp_path, tls=True))
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o751


def test_two_installations_share_no_secret_and_ship_no_credential(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        begin(Plan(tmp_path / name, tls=True))
        files = [path for path in (tmp_path / name).rglob("*") if path.is_file()]
        assert not any(
            path.stat().st_mode & 0o077 for path in files if path.suffix in (".key",) or "pki/c1" in str(path)
        )
        keys = [
            key for path in files for key in re.findall(r"-----BEGIN PRIVATE KEY.*?-----END", path.read_text(), re.S)
        ]
        assert len(keys) >= 6
        found.append(set(keys))
        assert b"password" not in b"".join(path.read_bytes() for path in files if path.suffix == ".json")
    assert not found[0] & found[1]


class Portal:
    """Whoever sits between in a hotel or on a SIM that has run out: answers, but is no office."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                link = self._socket.accept()[0]
                with link:
                    link.recv(4096)
                    link.sendall(self._answer)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "SSH-2.0"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://portal/login\r\n\r\n", "the office answered 302"),
        (b"HTTP/1.1 502 Bad Gateway\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nwe are s", "the office answered 502"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "got more than 100 headers"),
    ],
)
def test_whatever_answers_in_the_offices_place_is_a_failure_that_is_tried_again(
    closes: Closes, answer: bytes, reason: str
) -> None:
    """An agent that renews its certificate catches Failure: anything else would end it."""
    portal = closes(Portal(answer))
    request = urllib.request.Request(f"http://127.0.0.1:{portal.port}/enrol/v1/renew")
    with pytest.raises(Failure, match=reason) as raised:
        enrol._ask(request, ssl.create_default_context())
    assert raised.value.code == Exit.NETWORK


def test_an_office_whose_name_nobody_knows_is_a_matter_of_names() -> None:
    """Whether the collector was up it asked, and no packet had left the box."""
    request = urllib.request.Request("https://office.invalid:8885/enrol/v1/ca")
    with pytest.raises(Failure) as raised:
        enrol._ask(request, ssl.create_default_context())
    assert raised.value.cure.startswith("is the network up? getent hosts office.invalid;")


@pytest.mark.real
def test_who_is_refused_is_a_line_of_the_log_with_the_address(city: City) -> None:
    """That an enrolment was refused it said, and of whom nobody could tell."""
    body = {"node": "lp-1", "token": "none", "request": request_pem("lp-1")}
    url = f"https://127.0.0.1:{city.plan.enrol_port}{wire.ENROL_PATH}"
    asked = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    believing = ssl.create_default_context(cafile=str(city.plan.folder / "pki" / "ca.pem"))
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked, context=believing)
    refused.value.close()
    line = "lamppost.enrol: enrolment refused: token-refused, from 127.0.0.1\n"
    wait_for("the line", lambda: line in city.collector.log.read_text())


@pytest.mark.real
def test_an_answer_that_cannot_be_written_is_a_line_and_is_had_by_the_same_again(city: City, tmp_path: Path) -> None:
    """It was a traceback, and whether the station was let in nobody could tell from it."""
    request, answer = tmp_path / "request.csr", tmp_path / "answer.json"
    request.write_text(request_pem("lp-0667"))
    with pytest.raises(Failure, match=f"{tmp_path}: Is a directory") as failed:
        accept("lp-0667", request, tmp_path, city.settings)
    assert failed.value.code is Exit.NOT_PERMITTED
    accept("lp-0667", request, answer, city.settings)
    assert json.loads(answer.read_text())["node"] == "lp-0667"


@pytest.mark.real
def test_who_mistypes_the_name_of_a_stolen_station_hears_of_it(city: City) -> None:
    """It was told: lp-668, out at the broker; and the thief was in."""
    city.enrol("lp-0668")
    done = city.office("stations", "retire", "lp-668")
    assert (done.returncode, done.stdout) == (Exit.NOT_HEALTHY, "")
    assert "nothing is known of lp-668, and nothing was done" in done.stderr
    assert "lp-668" not in [one["node"] for one in json.loads(city.office("stations", "list", "--json").stdout)]
    city.token("lp-0669")
    for name in ("lp-0668", "lp-0668", "lp-0669"):  # also once more, and one with a token alone
        assert city.office("stations", "retire", name).returncode == 0, name


@pytest.mark.real
def test_a_stolen_station_is_out_within_ten_seconds_and_may_come_back_with_a_token(city: City) -> None:
    folder = city.enrol("lp-0666")
    thief = city.client("lp-0666", "lp-0666")
    assert thief.publish("lamppost/1/lp-0666/data")
    began_s = time.monotonic()
    done = city.office("stations", "retire", "lp-0666")
    assert done.returncode == 0, done.stderr
    wait_for("the live session to be cut", lambda: thief.lost > 0, 10)
    again = city.client("lp-0666", "lp-0666")
    assert not again.publish("lamppost/1/lp-0666/data"), "the name means nothing any more"
    assert time.monotonic() - began_s < 10
    city.broker.reload()
    wait_for("the list of the revoked to be read", lambda: not city.client("lp-0666").is_in, 10)
    renewed = city.lamppost("agent", "enrol", "renew", "--folder", str(folder))
    assert renewed.returncode != 0
    city.enrol("lp-0666")
    assert city.client("lp-0666").publish("lamppost/1/lp-0666/data")
    listed = json.loads(city.office("stations", "list", "--json").stdout)
    assert next(one for one in listed if one["node"] == "lp-0666")["state"] == "active"
    assert city.office("trail", "verify").returncode == 0


@pytest.mark.real
@pytest.mark.long
def test_a_certificate_that_ended_30_days_ago_and_a_rollover_lose_no_reading(tmp_path: Path) -> None:
    """The agent records while the broker refuses it, renews itself, and everything arrives; under the old authority
    and, after a rollover, under the new one."""
    city = City(tmp_path)
    city.start()
    stubs = StubHost()
    port = stubs.add("air-1", Pms5003(period_s=0.1))
    folder = city.enrol("lp-0001")
    _make_expired(city, folder, "lp-0001")
    settings = {
        "node": "lp-0001", "site": "here", "seal_s": 1.0, "identity": str(folder),
        "broker": {"port": city.plan.broker_port, "spread_s": 0},
        "spool": {"path": str(tmp_path / "spool" / "s.db"), "allow_tmpfs": True}, "clock": {"trust": "always"},
        "status_file": str(tmp_path / "status.json"),
        "sensors": [{"name": "air-1", "profile": "plantower-pms5003", "port": port}],
    }  # fmt: skip
    agent = Program(tmp_path, "agent", "agent", settings)
    stubs.start()
    try:
        agent.start()
        wait_for(
            "the renewed certificate", lambda: _said(tmp_path).get("counts", {}).get("certificate_renewed") == 1, 30
        )
        wait_for("delivery", lambda: _said(tmp_path).get("counts", {}).get("acked_stored", 0) > 2, 40)
        for options in ({"roll_over": True}, {}):
            renew(city.plan, **options)
            city.collector.stop()
            city.broker.stop()
            city.broker.start()
            city.collector.start()
            city.wait_for_door()
            made = city.lamppost("agent", "enrol", "renew", "--folder", str(folder))
            assert made.returncode == 0, made.stderr
        renew(city.plan, drop_old=True)
        city.collector.stop()
        city.broker.stop()
        city.broker.start()
        city.collector.start()
        acked = _said(tmp_path)["counts"]["acked_stored"]
        wait_for(
            "delivery under the new authority alone", lambda: _said(tmp_path)["counts"]["acked_stored"] > acked + 2, 60
        )
        stubs.stop()
        wait_for("an empty spool", lambda: _said(tmp_path)["waiting_rows"] == 0, 40)
        said = _said(tmp_path)
        assert _stored(city) == said["accepted"], "not one reading lost"
        assert said["refused"] == 0
    finally:
        agent.stop()
        city.close()


def _make_expired(city: City, folder: Path, node: str) -> None:
    """The node's certificate is one that ended 30 days ago, in the book as it would be."""
    now = utc_now()
    made = Authority.load(city.plan.folder / "pki")
    whole = (folder / "node.pem").read_bytes()
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(whole, None)
    request = request_pem(node, key=key).encode()
    old = made.sign_node(node, request, now - 120 * DAY)
    with closing(DeskFile(city.plan.data / "desk.db")) as desk:
        Book(desk).enrolled(node, old.serial_number, int((now - 30 * DAY).timestamp() * 1000), "test", NOW)
    key_pem = whole[: whole.index(b"-----BEGIN CERTIFICATE")]
    write_whole(folder / "node.pem", key_pem + authority.pem(old), PRIVATE)
    assert Identity(folder).ends_in(now) < timedelta(days=-29)


def _renew(office: Enrolment, folder: Path, now_ms: int) -> Any:
    """As `enrol.renew` asks, with another clock."""
    import base64

    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    whole = (folder / "node.pem").read_bytes()
    old = load_pem_private_key(whole, None)
    assert isinstance(old, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    request = request_pem("lp-1", key=key).encode()
    signature = old.sign(wire.renewal_message("lp-1", request), ec.ECDSA(hashes.SHA256()))
    certificate = whole[whole.index(b"-----BEGIN CERTIFICATE") :]
    answer = office.renew("lp-1", certificate, request, signature, now_ms)
    write_whole(folder / "node.pem", authority.pem_key(key) + answer["certificate"].encode(), PRIVATE)
    return base64.b64encode(signature)


def _said(folder: Path) -> dict[str, Any]:
    try:
        said: dict[str, Any] = json.loads((folder / "status.json").read_text())
    except (OSError, ValueError):
        return {}
    return said


def _stored(city: City) -> int:
    from collector.stores.sqlite import Sqlite
    from collector.stores.store import Select

    with closing(Sqlite(city.plan.data / "readings.db")) as store:
        found = store.select(Select("air_quality", ("qc",), aggregate="count"))
    return int(sum(row[1] for series in found for row in series.rows))


def _subject(answer: dict[str, Any]) -> bytes:
    from cryptography import x509

    return x509.load_pem_x509_certificate(answer["certificate"].encode()).subject.rfc4514_string().encode()


def _key() -> str:
    import base64

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return base64.b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()


def _moment(ms: int) -> Any:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(ms // 1000, UTC)
