"""Enrolment on the device: the key is made here and never leaves; what comes back is a certificate for it.

    by_token(text, folder)        asks the office that the token names, and keeps its answer
    new_request(node, folder)     a request to carry by hand (file, QR code)
    take_answer(content, folder)  the office's answer to it
    renew(folder)                 a new key and certificate, vouched for by the old ones

Each returns what was enrolled or raises Failure with the cure. The setup wizard, the command and the agent itself call
these; nothing here asks a person anything.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import socket
import ssl
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from common.tls import NO_CHECK_TIME, believing
from common.whole_file import PRIVATE, write_whole
from edge_agent.device.clock import synchronised
from edge_agent.identity.identity import Identity, Office, read_key
from wire import enrolment, names
from wire.both import Both, same, zh
from wire.exits import Exit, Failure, of_file, reason

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

TIMEOUT_S: Final = 30.0  # a slow line shakes hands for half of it
ANSWER_MAX: Final = 64 * 1024
_NEW_TOKEN = Both("lamppost token create NODE, at the office", "在管理中心执行 lamppost token create NODE")
_WAIT = {503: Both("try again in a minute", "一分钟后再试"), 429: Both("wait a minute", "等一分钟")}


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What a device has become: its name, the broker it shall use, the keys it has pinned, when to renew by."""

    node: str
    broker_host: str
    broker_port: int
    collector_keys: tuple[str, ...]
    expires: str
    folder: Path


def by_token(text: str, folder: Path) -> Enrolled:
    """Enrol with a one-time token. The authority is believed because the token carries its digest."""
    try:
        token = enrolment.read_token(text)
    except enrolment.BadToken as error:
        raise Failure(Exit.USAGE, "token-unreadable", error.args[0], _NEW_TOKEN) from error
    request = new_request(token.node, folder)
    authority = _fetch_authority(token)
    body = {"node": token.node, "token": token.secret, "request": request.decode()}
    answer = _post(token.url + enrolment.ENROL_PATH, body, authority)
    return take_answer(answer, folder, token.url)


def by_token_once(text: str, folder: Path) -> Office:
    """The same, and the office as it is known from now on; where this token has enrolled us already that will do.

    A set-up that was cut off behind its enrolment goes on: a token is good only once.
    """
    identity = Identity(folder)
    try:
        by_token(text, folder)
    except Failure as failure:
        if failure.word != "token-refused" or not (folder / "node.pem").exists():
            raise
        known = identity.office()
        if known.node != enrolment.read_token(text).node:
            raise
        return known
    return identity.office()


def new_request(node: str, folder: Path) -> bytes:
    """A certificate request (PEM) for a key that waits in `folder`: the same key until the request is answered."""
    from cryptography.hazmat.primitives.asymmetric import ec

    if not names.is_node(node):
        text = Both(
            f"{node!r} is no name of a node: small letters, digits and hyphens, at most 63",
            f"{node!r} 不能作站点名：只能用小写字母、数字和连字符，最多 63 个",
        )
        raise Failure(Exit.USAGE, "bad-node", text)
    try:
        _make(folder)
        key = _pending(folder)
        if key is None:
            key = ec.generate_private_key(ec.SECP256R1())
            _put(folder / "pending.key", _pem_key(key))
    except OSError as error:
        raise _unusable(folder, error) from error
    return _request(node, key)


def take_answer(content: bytes, folder: Path, url: str | None = None) -> Enrolled:
    """Keep the office's answer. It must hold a certificate for the key that waits in `folder`."""
    key = _pending(folder)
    if key is None:
        text = Both(f"{folder} has no key that waits for a certificate", f"{folder} 里没有等待证书的密钥")
        raise Failure(Exit.CONFIGURATION, "no-request", text, "lamppost agent enrol request NODE")
    enrolled = _keep(_parse(content), key, folder, url)
    (folder / "pending.key").unlink()
    return enrolled


def renew(folder: Path) -> Enrolled:
    """A new key and certificate. The old ones stay in force until the new are on disk."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    identity = Identity(folder)
    office = identity.office()
    if office.url is None:
        text = Both(
            "the office's address is not known here: enrolled by hand",
            "不知道管理中心的地址：本站是手工入网的",
        )
        cure = Both(
            "lamppost agent enrol request, and carry the answer here",
            "lamppost agent enrol request，再把答复带回来",
        )
        raise Failure(Exit.NETWORK, "no-office", text, cure)
    whole = (folder / "node.pem").read_bytes()
    old = load_pem_private_key(whole, None)
    assert isinstance(old, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    request = _request(office.node, key)
    signature = old.sign(enrolment.renewal_message(office.node, request), ec.ECDSA(hashes.SHA256()))
    body = {
        "node": office.node,
        "certificate": whole[whole.index(b"-----BEGIN CERTIFICATE") :].decode(),
        "request": request.decode(),
        "signature": base64.b64encode(signature).decode(),
    }
    answer = _post(office.url + enrolment.RENEW_PATH, body, (folder / "ca.pem").read_text(encoding="utf-8"))
    return _keep(_parse(answer), key, folder, office.url)


def _unusable(folder: Path, error: OSError) -> Failure:
    if error.errno in (errno.EROFS, errno.ENOSPC):
        raise error  # no matter of whose the folder is: the command names the cure
    cure = Both("run this as the agent's user, or name another --folder", "用采集程序的用户运行，或换一个 --folder")
    return Failure(Exit.NOT_PERMITTED, "folder-unusable", of_file(folder, error), cure)


def _parse(content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content)
        if answer.get("schema") != enrolment.SCHEMA:
            raise ValueError("another schema")
        for key in answer["collector_keys"]:
            read_key(key)
        if not answer["collector_keys"]:
            raise ValueError("no key to pin")
        answer["certificate"].encode(), answer["authority"].encode()
        str(answer["broker"]["host"]), int(answer["broker"]["port"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        text = Both(f"this is no answer to an enrolment ({error})", f"这不是入网答复（{error}）")
        cure = Both("lamppost stations accept, at the office", "在管理中心执行 lamppost stations accept")
        raise Failure(Exit.CONFIGURATION, "answer-unreadable", text, cure) from error
    return dict(answer)


def _keep(answer: dict[str, Any], key: ec.EllipticCurvePrivateKey, folder: Path, url: str | None) -> Enrolled:
    """Write the identity: the office first, key and certificate last, so that a cut leaves the old or the new whole."""
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificate(answer["certificate"].encode())
        authorities = x509.load_pem_x509_certificates(answer["authority"].encode())
        certificate.verify_directly_issued_by(authorities[0])
    except Exception as error:
        why = type(error).__name__
        text = Both(f"the answer's certificate cannot be used ({why})", f"答复中的证书不能用（{why}）")
        cure = Both("ask the office again", "请管理中心重新答复")
        raise Failure(Exit.CONFIGURATION, "answer-unusable", text, cure) from error
    if certificate.public_key() != key.public_key() or certificate.subject.rfc4514_string() != f"CN={answer['node']}":
        text = Both(
            "the answer's certificate is for another key or node than the request",
            "答复中的证书属于另一个密钥或站点",
        )
        cure = Both("import the answer on the device that asked", "请在提出申请的设备上导入答复")
        raise Failure(Exit.CONFIGURATION, "answer-unusable", text, cure)
    broker = answer["broker"]
    office = {key: answer[key] for key in ("node", "collector_keys", "broker")} | {"url": url}
    try:
        _put(folder / "ca.pem", answer["authority"].encode())
        _put(folder / "office.json", json.dumps(office).encode())
        _put(folder / "node.pem", _pem_key(key) + answer["certificate"].encode())
    except OSError as error:
        raise _unusable(folder, error) from error
    return Enrolled(
        answer["node"],
        broker["host"],
        broker["port"],
        tuple(answer["collector_keys"]),
        certificate.not_valid_after_utc.strftime("%Y-%m-%d"),
        folder,
    )


def _make(folder: Path) -> None:
    """The folder of an identity, which belongs to whom the settings belong: root enrols, and the service reads."""
    if not folder.is_dir():
        folder.mkdir(parents=True, mode=0o700)
        settings = folder.parent.stat()
        with suppress(PermissionError):
            os.chown(folder, settings.st_uid, settings.st_gid)


def _put(file: Path, content: bytes) -> None:
    write_whole(file, content, PRIVATE, like=file if file.exists() else file.parent)


def _fetch_authority(token: enrolment.Token) -> str:
    """The authority's certificate: fetched from whoever answers, believed only when it is the one the token names."""
    anyone = ssl.create_default_context()
    anyone.check_hostname = False
    anyone.verify_mode = ssl.CERT_NONE
    content = _ask(urllib.request.Request(token.url + enrolment.AUTHORITY_PATH), anyone)
    if enrolment.digest_of(content) != token.authority_sha256:
        text = Both(f"{token.url} is not the office that the token names", f"{token.url} 不是令牌指定的管理中心")
        cure = Both("is somebody between? ask the office for a new token", "中间有人冒充？请向管理中心要新的令牌")
        raise Failure(Exit.NETWORK, "other-office", text, cure)
    return content.decode()


def _post(url: str, body: dict[str, str], authority: str) -> bytes:
    context = believing(cadata=authority)
    if not synchronised():  # a board without a battery: the authority is known by its digest, the time is not
        context.verify_flags |= NO_CHECK_TIME
    data = json.dumps(body).encode()
    return _ask(urllib.request.Request(url, data, {"Content-Type": "application/json"}), context)


def _ask(request: urllib.request.Request, context: ssl.SSLContext) -> bytes:
    where = request.full_url
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoRedirect)
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            content: bytes = answer.read(ANSWER_MAX)
            return content
    except urllib.error.HTTPError as error:
        said = b""
        with error, suppress(OSError, HTTPException):  # it may be cut off in the middle of its words
            said = error.read(2048)
        raise _refused(error.code, said) from error
    except (OSError, HTTPException) as error:  # the latter: what answers there speaks something else
        cause = getattr(error, "reason", error)
        why = same(str(cause)) if cause else Both("it does not speak HTTP", "对方说的不是 HTTP")
        if isinstance(cause, OSError):
            why = Both(str(cause), zh(reason(cause)))
        cure = Both("is the collector up, the port open?", "采集器在运行吗？端口开放吗？")
        if isinstance(cause, socket.gaierror):
            name, _, _ = request.host.partition(":")
            cure = Both(
                f"is the network up? getent hosts {name}; else a token with another --url, at the office",
                f"通网吗？getent hosts {name}；通的话请管理中心换一个 --url 的令牌",
            )
        raise Failure(Exit.NETWORK, "office-silent", Both(f"{where}: {why}", f"{where}：{zh(why)}"), cure) from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An office does not send its devices elsewhere."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _refused(status: int, said: bytes) -> Failure:
    try:
        raw = json.loads(said)
        word, text = str(raw["error"])[:40], str(raw["text"])[:200]
    except (ValueError, KeyError, TypeError):
        word, text = "refused", Both(f"the office answered {status}", f"管理中心答复 {status}")
    if 300 <= status < 400:
        cure = Both(
            "is a log-in page between? open any page on this network",
            "网络要先登录？请在这个网络上随便打开一个网页",
        )
        return Failure(Exit.NETWORK, word, text, cure)
    cure = _WAIT.get(status, _NEW_TOKEN)
    return Failure(Exit.NETWORK if status >= 429 else Exit.NOT_PERMITTED, word, text, cure)


def _request(node: str, key: ec.EllipticCurvePrivateKey) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, node)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def _pending(folder: Path) -> ec.EllipticCurvePrivateKey | None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key((folder / "pending.key").read_bytes(), None)
    except FileNotFoundError:
        return None
    except ValueError:
        return None  # a cut while it was written: a new one is made
    return key if isinstance(key, ec.EllipticCurvePrivateKey) else None


def _pem_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
