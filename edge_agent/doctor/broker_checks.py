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
from edge_agent.doctor.result import Result, State, Station, fail, needs, ok, skip, warn
from wire.both import Both, same, zh
from wire.exits import Failure, in_both
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
NETWORK_CURE = Both(
    "is the modem up? lamppost agent doctor --only net.route",
    "上网模块在线吗？lamppost agent doctor --only net.route",
)
_TLS_FAULTS = {
    "not yet valid": (
        "证书尚未生效",
        Both("check the clock: date", "检查时钟：date"),
    ),
    "expired": (
        "证书已过期",
        Both("check the clock: date; else tell the office", "检查时钟：date；时钟没错就告知管理中心"),
    ),
    "mismatch": (
        "证书与服务器名称不符",
        Both(
            "is that the broker's name? lamppost agent config get broker.host",
            "服务器名称对吗？lamppost agent config get broker.host",
        ),
    ),
}
"""What OpenSSL says of a certificate, in Chinese, and the cure."""
_TOO_LATE = (NO_ANSWER, "The handshake operation timed out", "timed out")
_SLOW_CURE = Both(
    "the antenna, if it was quicker; lamppost agent status tells what waits",
    "以前更快的话请检查天线；积压多少看 lamppost agent status",
)


def broker(station: Station) -> list[Result]:
    """All steps; what was not reached is skipped."""
    if station.settings is None:
        return [skip(check, needs("config.valid")) for check in STEPS]
    results: list[Result] = []
    refusal = (station.said or {}).get("link_refusal")
    for found in _steps(station.settings):
        result = found
        if refusal is not None and found.id == "broker.acl" and found.state is State.OK:
            # the agent, which sends batches, knows more
            text = Both(f"refuses what the agent sends: {refusal}", f"拒收采集程序发送的数据：{zh(in_both(refusal))}")
            result = fail(found.id, text, RIGHTS_CURE)
        is_lost = result.state is State.FAIL
        if result.text in _TOO_LATE and (station.said or {}).get("connected_s") is not None:
            # the agent has more patience
            text = Both(
                f"not in {STEP_S:g} s; the agent is connected: a slow line, or just gone",
                f"{STEP_S:g} 秒内没有应答，而采集程序还连着：线路慢，或者刚刚断开",
            )
            result = warn(found.id, text, _SLOW_CURE)
        results.append(result)
        if is_lost:
            reached = STEPS.index(result.id)
            results += [skip(check, needs(result.id)) for check in STEPS[reached + 1 :]]
            break
    return results


def steady(station: Station) -> Result:
    """The agent's own connection lasts: a broker lets in one of two devices that have the same name."""
    check = "broker.steady"
    if station.said is None:
        return skip(check, Both("no agent runs", "采集程序没有运行"))
    if station.said.get("link_flaps"):
        text = Both(
            "let in and cut off all the time: a weak line, or another device of our name, a copied card?",
            "反复连上又断开：信号弱，或者有另一台设备与本站同名（复制过存储卡？）",
        )
        cure = Both(
            "of two: on one of them sudo lamppost agent setup --anew",
            "如有两台同名，在其中一台上执行 sudo lamppost agent setup --anew",
        )
        return fail(check, text, cure)
    if station.said["connected_s"] is None:
        return ok(check, Both("it is not cut off", "没有反复断开"))
    return ok(check, Both("the connection lasts", "连接稳定"))


def _steps(settings: Config) -> Iterator[Result]:
    from edge_agent.identity.reach import broker_of, that_answers

    try:
        known = broker_of(settings)
    except Failure as failure:
        yield fail(
            "broker.dns", Both(f"credentials: {failure}", f"登录凭据：{zh(failure.message)}"), same(failure.cure)
        )
        return
    address = that_answers(known, STEP_S)
    yield (dns := _dns(address))
    if dns.state is State.FAIL:
        return
    dead = _dead(address)
    tcp = _tcp(address, dead)
    if address != known:
        silent = f"{known.host}:{known.port}"
        text = Both(f"{tcp.text}; {silent} does not answer", f"{zh(tcp.text)}；{silent} 没有应答")
        cure = Both("a node of the cluster is down: tell the office", "集群中有一个节点停了，请告知管理中心")
        tcp = warn(tcp.id, text, cure)
    yield tcp
    if tcp.state is State.FAIL:
        return
    connect_s = PAST_DEAD_S if dead else None
    yield from _tls(settings, address, connect_s)
    yield from session(settings, address, connect_s)
    unreached = Both("needs each address to answer", "需要每个地址都有应答")
    yield skip("broker.safe", unreached) if dead else _safe(settings, address)


def _safe(settings: Config, address: BrokerAddress) -> Result:
    """Would the broker let a thief of this box do more than the box may?"""
    from edge_agent.identity.selftest import SelfTestImpossible, holes, self_test

    if address.tls is None:
        nameless = Both("not enrolled: this broker knows nobody's name", "尚未入网：这个服务器不核对设备身份")
        return skip("broker.safe", nameless)
    try:
        found = holes(self_test(address, settings.node))
    except SelfTestImpossible as error:
        return fail("broker.safe", same(error.args[0]), same("lamppost agent doctor --only broker"))
    if found:
        text = Both(
            f"the broker lets a station do {', '.join(found)}",
            f"服务器没有拦住站点不该做的事：{'、'.join(map(zh, found))}",
        )
        cure = Both("tell the office: docs/security.md", "请告知管理中心：docs/security.md")
        return fail("broker.safe", text, cure)
    return ok("broker.safe", Both("six things that only a thief would do are refused", "六种越权操作都被拒绝"))


def _dns(address: BrokerAddress) -> Result:
    check = "broker.dns"
    try:
        found = getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        why = in_both(error.strerror or "")
        return fail(check, Both(f"{address.host}: {why}", f"{address.host}：{zh(why)}"), NETWORK_CURE)
    return ok(check, same(f"{address.host} -> {found[0][4][0]}"))


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
        text = Both(
            f"{address.host} has an address that does not answer: {dead[0]}; connecting waits for it",
            f"{address.host} 有一个地址没有应答：{dead[0]}；每次连接都要等它",
        )
        cure = Both(
            "tell the office: is that address right, IPv6 let through?",
            "请告知管理中心：这个地址对吗，IPv6 放行了吗？",
        )
        return warn(check, text, cure)
    began_s = time.monotonic()
    try:
        socket.create_connection((address.host, address.port), STEP_S).close()
    except TimeoutError:
        text = Both(
            f"port {address.port}: no answer in {STEP_S:g} s",
            f"端口 {address.port} 在 {STEP_S:g} 秒内没有应答",
        )
        return fail(check, text, Both("a firewall? ask the office", "被防火墙拦住了？请问管理中心"))
    except ConnectionRefusedError:
        cure = Both("is the broker up? is the port right?", "服务器在运行吗？端口对吗？")
        return fail(check, Both(f"port {address.port} is closed", f"端口 {address.port} 没有开放"), cure)
    except OSError as error:
        return fail(check, in_both(error.strerror or str(error)), NETWORK_CURE)
    took_ms = (time.monotonic() - began_s) * 1000
    return ok(check, Both(f"port {address.port} in {took_ms:.0f} ms", f"端口 {address.port}，{took_ms:.0f} 毫秒"))


def _tls(settings: Config, address: BrokerAddress, connect_s: float | None) -> Iterator[Result]:
    if address.tls is None:
        loopback = address.host in ("127.0.0.1", "localhost", "::1")
        if loopback:
            yield ok("broker.tls", Both("none, on loopback", "没有加密，仅在本机内"))
        else:
            text = Both("none: anyone on the way can read", "没有加密：途中谁都能读到")
            yield warn("broker.tls", text, same("lamppost agent enrol"))
        yield skip("broker.expiry", Both("no certificate", "没有证书"))
        return
    try:
        with (
            socket.create_connection((address.host, address.port), connect_s or STEP_S) as raw,
            address.tls().wrap_socket(raw, server_hostname=address.host) as secured,
        ):
            certificate = secured.getpeercert() or {}
            version = secured.version()
            yield ok("broker.tls", Both(f"{version}, name and chain are right", f"{version}，名称和证书链都对"))
    except ssl.SSLCertVerificationError as error:
        said = error.verify_message or "certificate refused"
        other = f"证书不可信：{said}", Both("lamppost agent enrol again", "重新入网：lamppost agent enrol")
        said_zh, cure = next((known for word, known in _TLS_FAULTS.items() if word in said), other)
        yield fail("broker.tls", Both(said, said_zh), cure)
        return
    except (ssl.SSLError, OSError) as error:
        yield fail(
            "broker.tls", in_words(error), Both("is that the TLS port? usually 8883", "这是 TLS 端口吗？通常是 8883")
        )
        return
    yield _expiry(settings, datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC))


def _expiry(settings: Config, until: datetime) -> Result:
    """Whether our own certificate, and the broker's, which is good until then, last for a while."""
    check = "broker.expiry"
    now, ours = datetime.now(UTC), _our_end(settings)
    if ours is not None and ours < now:  # the broker would hang up without a word
        text = Both(f"this station's certificate ended on {ours:%Y-%m-%d}", f"本站证书已于 {ours:%Y-%m-%d} 过期")
        return fail(check, text, _renewal_cure(settings))
    if ours is not None and ours < now + UNRENEWED:
        text = Both(
            f"this station's certificate ends on {ours:%Y-%m-%d}, and was not renewed in time",
            f"本站证书 {ours:%Y-%m-%d} 到期，却没有按时续期",
        )
        return warn(check, text, _renewal_cure(settings))
    days = (until - now).days
    if days < 7:
        text = Both(f"the broker's certificate ends in {days} days", f"服务器证书再过 {days} 天到期")
        return warn(check, text, Both("tell the office", "请告知管理中心"))
    return ok(check, Both(f"the broker's certificate is good for {days} days", f"服务器证书还有 {days} 天有效"))


def _our_end(settings: Config) -> datetime | None:
    """Until when our own certificate is good; None when we have none."""
    from edge_agent.identity.identity import Identity

    return None if settings.identity is None else Identity(settings.identity).certificate().not_valid_after_utc


def _renewal_cure(settings: Config) -> Both:
    from edge_agent.identity.identity import Identity

    assert settings.identity is not None
    url = Identity(settings.identity).office().url
    if url is None:
        return Both(
            f"it was enrolled by hand: lamppost agent enrol request {settings.node}, at the office stations accept",
            f"本站是手工入网的：lamppost agent enrol request {settings.node}，再由管理中心执行 stations accept",
        )
    return Both(
        f"date right? {url} to be reached? then the agent renews it by itself; after 90 days: lamppost agent enrol",
        f"日期对吗？{url} 能访问吗？都没问题就会自动续期；过期超过 90 天：lamppost agent enrol",
    )
