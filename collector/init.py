"""`lamppost collector init`: everything a city needs to begin, made once, in one folder. No two cities share a secret.

collector.yaml     settings of the collector
sign.key           signs acknowledgements and requests; agents pin its public half
pki/               the authority, and the certificates of collector, registrar and dashboard
mosquitto/         what the broker reads: its settings, certificate, the revoked, who may do what
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.identity import broker_rules
from collector.identity.authority import (
    Authority,
    hosts_of,
    load_key,
    new_key,
    pem,
    pem_key,
    utc_now,
)
from collector.identity.office import MOSQUITTO, REVOKED
from collector.identity.signing import public_key_text
from common.whole_file import PRIVATE, PUBLIC, write_whole
from wire.both import Both, same, zh
from wire.exits import Exit, Failure, reason

SIGNING_KEY = "sign.key"
RULES = "dynamic-security.json"
PLUGINS = (
    "/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so",
    "/usr/lib/aarch64-linux-gnu/mosquitto_dynamic_security.so",
    "/usr/lib/arm-linux-gnueabihf/mosquitto_dynamic_security.so",
    "/usr/lib/mosquitto_dynamic_security.so",
    "/usr/local/lib/mosquitto_dynamic_security.so",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be made. `hosts` are the names and addresses by which devices reach the broker and the door."""

    folder: Path
    name: str = "c1"
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost")
    tls: bool = False
    broker_port: int = 8883
    enrol_port: int = 8443
    listen: str = "127.0.0.1"
    data: Path = Path("/var/lib/lamppost")


def everywhere() -> str:
    """Every address of this machine, those of IPv6 too where it has any."""
    return "::" if socket.has_dualstack_ipv6() else "0.0.0.0"


def begin(plan: Plan) -> list[str]:
    """Make a new installation; returns the next steps. Raises Failure rather than touch one that is there."""
    settings = plan.folder / "collector.yaml"
    there = [path for path in (plan.folder / "pki" / "ca.key", plan.folder / SIGNING_KEY, settings) if path.exists()]
    if there:
        first = there[0]
        text = Both(f"{first} is there already, and agents out there trust it", f"已有 {first}，外面的站点信任它")
        cure = Both(
            "another folder; --renew for new certificates, --roll-over for a new authority",
            "换一个目录；换证书用 --renew，换签发机构用 --roll-over",
        )
        if not settings.exists():  # which is written last
            text = Both(
                f"{first} is there already, and {settings} is not: was a beginning cut off?",
                f"已有 {first}，却没有 {settings}：上次安装中断了？",
            )
            cure = Both(
                "remove sign.key, pki and mosquitto there; "
                "where a station is enrolled, bring the settings back instead",
                "删除那里的 sign.key、pki 和 mosquitto；已有站点入网时，请改为恢复配置文件",
            )
        raise Failure(Exit.CONFIGURATION, "already-initialised", text, cure)
    try:
        _make(plan, settings)
    except OSError as error:
        raise _unusable(plan.folder, error) from error
    return _next_steps(plan)


def renew(plan: Plan, roll_over: bool = False, drop_old: bool = False) -> list[str]:
    """New certificates for our own programs and the broker; with `roll_over` there is a new authority beside the old.

    Agents learn of it with their next renewal. Until `drop_old`, what the agents must believe is signed by the old
    one, which all of them know; wait with that until every station has renewed (90 days at most). A plan without hosts
    keeps those of the certificate in force: agents believe the broker, and the door, under the names that they know.

    Who signs is believed before it has signed, and until nothing of its is shown: cut off at any file, all go on.
    """
    pki, now = plan.folder / "pki", utc_now()
    try:
        authority = Authority.load(pki)
        plan = replace(plan, hosts=plan.hosts or hosts_of((pki / "server.pem").read_bytes()))
    except (OSError, ValueError) as error:
        text = Both(f"{pki}: {reason(error)}", f"{pki}：{zh(reason(error))}")
        cure = Both("run init --tls first", "请先执行 init --tls")
        raise Failure(Exit.CONFIGURATION, "authority-unusable", text, cure) from error
    if roll_over:
        authority = authority.rolled_over(_authority_name(now), now)
    if drop_old:
        authority = replace(authority, older=())
    try:
        if not drop_old:
            authority.save(pki)
        _issue(plan, authority, now)
        if drop_old:
            authority.save(pki)
    except OSError as error:
        raise _unusable(plan.folder, error) from error
    again = "sudo systemctl reload mosquitto && sudo systemctl restart lamppost-collector"
    steps: list[str] = [Both(f"{again}  # reads {pki} again", f"{again}  # 重新读取 {pki}")]
    if roll_over:
        backup = "sudo lamppost collector backup FOLDER"
        text = Both(
            f"{backup}  # from one made before, who renews from now on would be out",
            f"{backup}  # 若用旧备份恢复，此后续期的站点会连不上",
        )
        steps.append(text)
    return steps


def new_signing_key(file: Path) -> list[str]:
    """Another key in place of the one that signs what agents obey; returns the next steps. Raises Failure.

    Enrolled agents learn of it by themselves: an answer that none of their keys has signed lets them ask the office.
    """
    was_there = file.exists()
    try:
        pinned = _write_signing_key(file)
    except OSError as error:
        raise _unusable(file, error) from error
    return [
        *([] if was_there else [f"sudo chown lamppost: {file}"]),
        Both(f"copy {file} to every standby", f"把 {file} 复制到每台备用机"),
        "sudo systemctl restart lamppost-collector",
        Both(
            "wait an hour: enrolled agents ask for it within ten minutes, and keep their readings meanwhile",
            "等一小时：已入网的站点十分钟内会来取，期间读数留在本机",
        ),
        Both(
            f"where an agent's settings have collector_keys, and for who checks alerts: {pinned}",
            f"站点配置里写有 collector_keys 的，以及核对告警签名的人，请换成：{pinned}",
        ),
    ]


def _write_signing_key(file: Path) -> str:
    """A new key; gives the public half as agents pin it."""
    key = Ed25519PrivateKey.generate()
    write_whole(file, pem_key(key), PRIVATE)
    return public_key_text(key)


def new_broker_rules(folder: Path, name: str, nodes: Iterable[str]) -> list[str]:
    """The file of mosquitto's plugin anew, where it was lost or damaged: our programs and these nodes are in.

    Returns the next steps. Raises Failure.
    """
    try:
        _write_broker_rules(folder, name, nodes)
    except OSError as error:
        raise _unusable(folder, error) from error
    return [
        f"sudo chown mosquitto: {folder / RULES} && sudo systemctl restart mosquitto",
        Both(
            "where there is a second collector: sudo lamppost collector standby NAME ARCHIVE, once more",
            "有第二个采集器时，再执行一次 sudo lamppost collector standby NAME ARCHIVE",
        ),
    ]


def _write_broker_rules(folder: Path, name: str, nodes: Iterable[str] = ()) -> None:
    write_whole(folder / RULES, json.dumps(broker_rules.whole_file(name, nodes), indent=1).encode(), PRIVATE)


def _make(plan: Plan, settings: Path) -> None:
    plan.folder.mkdir(parents=True, exist_ok=True)
    _write_signing_key(plan.folder / SIGNING_KEY)
    if plan.tls:
        now = utc_now()
        plan.folder.chmod(plan.folder.stat().st_mode | 0o001)  # an agent's is shut, and the broker has to pass
        (plan.folder / "pki").mkdir(mode=0o700, exist_ok=True)
        authority = Authority.new(_authority_name(now), now)
        authority.save(plan.folder / "pki")
        _issue(plan, authority, now)
        broker = plan.folder / MOSQUITTO
        _write_broker_rules(broker, plan.name)
        write_whole(broker / "lamppost.conf", mosquitto_settings(plan).encode(), PUBLIC)
    write_whole(settings, yaml.safe_dump(_settings(plan), sort_keys=False, allow_unicode=True).encode(), PUBLIC)


def _issue(plan: Plan, authority: Authority, now: datetime) -> None:
    write_whole(plan.folder / MOSQUITTO / "ca.pem", authority.bundle(), PUBLIC)
    write_whole(plan.folder / MOSQUITTO / REVOKED, authority.revocations(revoked(plan), now), PUBLIC)
    key = _server_key(plan)
    server = pem(authority.oldest.sign_server(plan.hosts, key.public_key(), now))
    for folder in (plan.folder / "pki", plan.folder / MOSQUITTO):
        write_whole(folder / "server.pem", server, PUBLIC)
        write_whole(folder / "server.key", pem_key(key), PRIVATE)
    for client in (plan.name, broker_rules.REGISTRAR, broker_rules.DASHBOARD):
        key = new_key()
        certificate = authority.sign_client(client, key.public_key(), now)
        write_whole(plan.folder / "pki" / f"{client}.pem", pem_key(key) + pem(certificate), PRIVATE)


def _server_key(plan: Plan) -> ec.EllipticCurvePrivateKey:
    """The one that is there: of a new one, cut off between key and certificate, mosquitto would not start."""
    path = plan.folder / MOSQUITTO / "server.key"
    with suppress(OSError, ValueError):
        return load_key(path, path.read_bytes())
    return new_key()


def revoked(plan: Plan) -> list[int]:
    """Serial numbers that the list of the revoked holds now."""
    path = plan.folder / MOSQUITTO / REVOKED
    if not path.exists():
        return []
    return [entry.serial_number for entry in x509.load_pem_x509_crl(path.read_bytes())]


def mosquitto_settings(plan: Plan) -> str:
    """The broker's settings: TLS only, everyone by certificate, dynamic-security for rights, bounded packets."""
    folder = (plan.folder / MOSQUITTO).resolve()
    plugin = next((path for path in PLUGINS if Path(path).exists()), PLUGINS[0])
    address = "" if plan.listen == "::" else f" {plan.listen}"  # for mosquitto :: is IPv6 alone, and none is all
    return f"""# Made by `lamppost collector init --tls`. A file for /etc/mosquitto/conf.d/, or for mosquitto -c.
# An access file (acl_file) does not check SUBSCRIBE; the dynamic-security plugin does. Its file begins with deny.
listener {plan.broker_port}{address}
cafile {folder}/ca.pem
certfile {folder}/server.pem
keyfile {folder}/server.key
crlfile {folder}/{REVOKED}
require_certificate true
use_identity_as_username true
tls_version tlsv1.2
allow_anonymous false
plugin {plugin}
plugin_opt_config_file {folder}/{RULES}

# A batch is at most 256 KiB; what is a little larger must still reach the collector, to be answered "too large".
message_size_limit 327680
max_packet_size 393216
max_keepalive 120

# Nothing of the delivery rests on these: an agent keeps its readings until the database has them.
max_inflight_messages 200
max_queued_messages 1000
persistence false
"""


def _settings(plan: Plan) -> dict[str, object]:
    folder, data = plan.folder.resolve(), plan.data.resolve()  # whoever reads them may stand elsewhere
    broker: dict[str, object] = {"host": "127.0.0.1", "port": 1883}
    settings: dict[str, object] = {"name": plan.name, "broker": broker}
    if plan.tls:
        pki = folder / "pki"
        host = "127.0.0.1" if "127.0.0.1" in plan.hosts else plan.hosts[0]
        tls = {"ca": str(pki / "ca.pem"), "cert": str(pki / f"{plan.name}.pem")}
        broker |= {"host": host, "port": plan.broker_port, "tls": tls}
        settings["identities"] = {
            "folder": str(pki),
            "broker_host": plan.hosts[0],
            "broker_port": plan.broker_port,
            "host": plan.listen,
            "port": plan.enrol_port,
        }
    return settings | {
        "store": {"kind": "sqlite", "path": str(data / "readings.db")},
        "state_file": str(data / "collector.db"),
        "signing_key_file": str(folder / SIGNING_KEY),
        "web": {"port": 8080},
    }


def _authority_name(now: datetime) -> str:
    return f"Lamppost authority {now:%Y-%m-%d %H:%M:%S}"


def _next_steps(plan: Plan) -> list[str]:
    settings = plan.folder / "collector.yaml"
    own = f"sudo chown -R lamppost: {plan.folder}"
    steps = [
        Both(
            f"edit {settings}: store, stations, rules   (lamppost collector sample explains every key)",
            f"编辑 {settings}：store、stations、rules   （各项说明见 lamppost collector sample）",
        ),
        Both(
            f"{own}   (for the service, which runs as that user: docs/install.md)",
            f"{own}   （服务以这个用户运行：docs/install.md）",
        ),
    ]
    if plan.tls:
        broker = plan.folder.resolve() / MOSQUITTO
        steps += [
            same(f"sudo chown -R mosquitto:lamppost {broker} && sudo chmod 2770 {broker}"),
            same(f"sudo ln -s {broker}/lamppost.conf /etc/mosquitto/conf.d/ && sudo systemctl restart mosquitto"),
        ]
    steps.append(same(f"lamppost collector check {settings} && lamppost collector run {settings}"))
    if plan.tls:
        token = f"lamppost token create lp-0001 --config {settings}"
        steps += [
            Both(f"{token}   (good once, for 15 minutes)", f"{token}   （只用一次，15 分钟内有效）"),
            Both(
                "on the device:  lamppost agent enrol --token-file -", "在设备上：lamppost agent enrol --token-file -"
            ),
        ]
    return list(steps)


def _unusable(path: Path, error: OSError) -> Failure:
    cure = Both(
        "the same with sudo, where there is room and nothing is read-only",
        "加 sudo 重新运行；磁盘要有空间，也不能只读",
    )
    text = Both(f"{path}: {reason(error)}", f"{path}：{zh(reason(error))}")
    return Failure(Exit.NOT_PERMITTED, "folder-unusable", text, cure)
