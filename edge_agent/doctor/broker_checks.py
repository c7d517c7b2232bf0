"""The way to the broker, step by step; the first step that fails makes the later ones `skip`, not `FAIL`.

Connects as `{node}.doctor`, beside the running agent, with the agent's own credentials.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from socket import getaddrinfo
from typing import TYPE_CHECKING

from edge_agent.doctor.broker_session import NO_ANSWER, RIGHTS_CURE, STEP_S, session
from edge_agent.doctor.result import Result, State, Station, fail, ok, skip, warn
from wire.exits import Failure
from wire.exits import reason as in_words

if TYPE_CHECKING:
    from common.settings import BrokerAddress
    from edge_agent.settings.config import Config

DEAD_S, PAST_DEAD_S = 2.0, 1.0  # all steps together end before the doctor's patience does
UNRENEWED = timedelta(days=14)  # the agent begins thirty days before the end
STEPS = (
    "broker.dns", "broker.tcp", "broker.tls", "broker.expiry", "broker.auth", "broker.settings", "broker.acl",
    "broker.roundtrip", "broker.safe",
)  # fmt: skip
NETWORK_CURE = "is the modem up? lamppost agent doctor --only net.route"
_TLS_CURES = {
    "not yet valid": "check the clock: date",
    "expired": "check the clock: date; else tell the office",
    "mismatch": "is that the broker's name? lamppost agent config get broker.host",
}
_TOO_LATE = (NO_ANSWER, "The handshake operation timed out", "timed out")
_SLOW_CURE = "the antenna, if it was quicker; lamppost agent status tells what waits"


def broker(station: Station) -> list[Result]:
    """All steps; what was not reached is skipped."""
    if station.settings is None:
        return [skip(check, "needs config.valid") for check in STEPS]
    results: list[Result] = []
    refusal = (station.said or {}).get("link_refusal")
    for found in _steps(station.settings):
        result = found
        if refusal is not None and found.id == "broker.acl" and found.state is State.OK:
            # the agent, which sends batches, knows more
            result = fail(found.id, f"refuses what the agent sends: {refusal}", RIGHTS_CURE)
        is_lost = result.state is State.FAIL
        if result.text in _TOO_LATE and (station.said or {}).get("connected_s") is not None:
            # the agent has more patience
            text = f"not in {STEP_S:g} s; the agent is connected: a slow line, or just gone"
            result = warn(found.id, text, _SLOW_CURE)
        results.append(result)
        if is_lost:
            reached = STEPS.index(result.id)
            results += [skip(check, f"needs {result.id}") for check in STEPS[reached + 1 :]]
            break
    return results


def steady(station: Station) -> Result:
    """The agent's own connection lasts: a broker lets in one of two devices that have the same name."""
    check = "broker.steady"
    if station.said is None:
        return skip(check, "no agent runs")
    if station.said.get("link_flaps"):
        text = "let in and cut off all the time: a weak line, or another device of our name, a copied card?"
        return fail(check, text, "of two: on one of them sudo lamppost agent setup --anew")
    return ok(check, "the connection lasts" if station.said["connected_s"] is not None else "it is not cut off")


def _steps(settings: Config) -> Iterator[Result]:
    from edge_agent.identity.reach import broker_of, that_answers

    try:
        known = broker_of(settings)
    except Failure as failure:
        yield fail("broker.dns", f"credentials: {failure}", failure.cure)
        return
    address = that_answers(known, STEP_S)
    yield (dns := _dns(address))
    if dns.state is State.FAIL:
        return
    dead = _dead(address)
    tcp = _tcp(address, dead)
    if address != known:
        text = f"{tcp.text}; {known.host}:{known.port} does not answer"
        tcp = warn(tcp.id, text, "a node of the cluster is down: tell the office")
    yield tcp
    if tcp.state is State.FAIL:
        return
    connect_s = PAST_DEAD_S if dead else None
    yield from _tls(settings, address, connect_s)
    yield from session(settings, address, connect_s)
    yield skip("broker.safe", "needs each address to answer") if dead else _safe(settings, address)


def _safe(settings: Config, address: BrokerAddress) -> Result:
    """Would the broker let a thief of this box do more than the box may?"""
    from edge_agent.identity.selftest import SelfTestImpossible, holes, self_test

    if address.tls is None:
        return skip("broker.safe", "not enrolled: this broker knows nobody's name")
    try:
        found = holes(self_test(address, settings.node))
    except SelfTestImpossible as error:
        return fail("broker.safe", str(error), "lamppost agent doctor --only broker")
    if found:
        return fail(
            "broker.safe", f"the broker lets a station do {', '.join(found)}", "tell the office: docs/security.md"
        )
    return ok("broker.safe", "six things that only a thief would do are refused")


def _dns(address: BrokerAddress) -> Result:
    check = "broker.dns"
    try:
        found = getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return fail(check, f"{address.host}: {error.strerror}", NETWORK_CURE)
    return ok(check, f"{address.host} -> {found[0][4][0]}")


def _dead(address: BrokerAddress) -> list[str]:
    """Addresses of a name that do not answer while another does: who connects waits for them first, or now and then."""
    found = getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    hosts = list(dict.fromkeys(str(where[0]) for *_, where in found))
    if len(hosts) == 1:
        return []
    with ThreadPoolExecutor(len(hosts), thread_name_prefix="reach") as pool:
        waited = dict(zip(hosts, pool.map(partial(_waits_in_vain, address.port), hosts), strict=True))
    return [host for host, in_vain in waited.items() if in_vain] if False in waited.values() else []


def _waits_in_vain(port: int, host: str) -> bool | None:
    """Whether who connects there hears nothing; None when it is told at once that this is no way."""
    try:
        socket.create_connection((host, port), DEAD_S).close()
    except TimeoutError:
        return True
    except OSError:
        return None
    return False


def _tcp(address: BrokerAddress, dead: list[str]) -> Result:
    check = "broker.tcp"
    if dead:
        text = f"{address.host} has an address that does not answer: {dead[0]}; connecting waits for it"
        return warn(check, text, "tell the office: is that address right, IPv6 let through?")
    began_s = time.monotonic()
    try:
        socket.create_connection((address.host, address.port), STEP_S).close()
    except TimeoutError:
        return fail(check, f"port {address.port}: no answer in {STEP_S:g} s", "a firewall? ask the office")
    except ConnectionRefusedError:
        return fail(check, f"port {address.port} is closed", "is the broker up? is the port right?")
    except OSError as error:
        return fail(check, error.strerror or str(error), NETWORK_CURE)
    return ok(check, f"port {address.port} in {(time.monotonic() - began_s) * 1000:.0f} ms")


def _tls(settings: Config, address: BrokerAddress, connect_s: float | None) -> Iterator[Result]:
    if address.tls is None:
        loopback = address.host in ("127.0.0.1", "localhost", "::1")
        if loopback:
            yield ok("broker.tls", "none, on loopback")
        else:
            yield warn("broker.tls", "none: anyone on the way can read", "lamppost agent enrol")
        yield skip("broker.expiry", "no certificate")
        return
    try:
        with (
            socket.create_connection((address.host, address.port), connect_s or STEP_S) as raw,
            address.tls().wrap_socket(raw, server_hostname=address.host) as secured,
        ):
            certificate = secured.getpeercert() or {}
            yield ok("broker.tls", f"{secured.version()}, name and chain are right")
    except ssl.SSLCertVerificationError as error:
        said = error.verify_message or "certificate refused"
        cure = next((cure for word, cure in _TLS_CURES.items() if word in said), "lamppost agent enrol again")
        yield fail("broker.tls", said, cure)
        return
    except (ssl.SSLError, OSError) as error:
        yield fail("broker.tls", in_words(error), "is that the TLS port? usually 8883")
        return
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    now, ours = datetime.now(UTC), _our_end(settings)
    days = (until - now).days
    if ours is not None and ours < now:  # the broker would hang up without a word
        yield fail("broker.expiry", f"this station's certificate ended on {ours:%Y-%m-%d}", _renewal_cure(settings))
    elif ours is not None and ours < now + UNRENEWED:
        text = f"this station's certificate ends on {ours:%Y-%m-%d}, and was not renewed in time"
        yield warn("broker.expiry", text, _renewal_cure(settings))
    elif days < 7:
        yield warn("broker.expiry", f"the broker's certificate ends in {days} days", "tell the office")
    else:
        yield ok("broker.expiry", f"the broker's certificate is good for {days} days")


def _our_end(settings: Config) -> datetime | None:
    """Until when our own certificate is good; None when we have none."""
    from edge_agent.identity.identity import Identity

    return None if settings.identity is None else Identity(settings.identity).certificate().not_valid_after_utc


def _renewal_cure(settings: Config) -> str:
    from edge_agent.identity.identity import Identity

    assert settings.identity is not None
    url = Identity(settings.identity).office().url
    if url is None:
        return f"it was enrolled by hand: lamppost agent enrol request {settings.node}, at the office stations accept"
    return f"date right? {url} to be reached? then the agent renews it by itself; after 90 days: lamppost agent enrol"
