"""The enrolment door: tokens used twice, names that are none, requests that ask for too much."""

from __future__ import annotations

import http.client
import json
import re
import secrets
import ssl
import time
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.bad_inputs.said import SLOW_S, Said
from tests.bad_inputs.system import System

if TYPE_CHECKING:
    from tests.bad_inputs.pages import Pages


def door(system: System, body: dict[str, Any], path: str = "/enrol/v1/enrol") -> Said:
    context = ssl.create_default_context(cafile=str(system.city.plan.folder / "pki" / "ca.pem"))
    connection = http.client.HTTPSConnection("127.0.0.1", system.city.plan.enrol_port, context=context, timeout=20)
    began_s = time.monotonic()
    try:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return Said(answer.status, {}, answer.read(), time.monotonic() - began_s)
    finally:
        connection.close()


def request_pem(name: str, authority: bool = False, key: Any = None, more: str = "") -> str:
    """A certificate request with whatever a hostile device would like to have in it."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    )
    if authority:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    if more:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(more)]), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def new_token(system: System, node: str) -> str:
    now_ms = system.words.bases["now"] + 1000
    with system.office(system.city) as office:
        return office.book.new_token(node, "test", now_ms, 3_600_000)


def token_twice(pages: Pages, what: dict[str, Any]) -> list[str]:
    system = pages.system
    node = f"lp-t{secrets.token_hex(3)}"
    token = new_token(system, node)
    codes = [
        door(system, {"node": node, "token": token, "request": request_pem(node)}).status for _ in range(what["times"])
    ]
    if codes[0] != 200 or any(not 400 <= code < 500 for code in codes[1:]):
        return [f"answers {codes}"]
    return []


def enrol(pages: Pages, what: dict[str, Any]) -> list[str]:
    """An id that is no name, or a request that asks for more than a device may have."""
    system = pages.system
    node = what.get("id", f"lp-e{secrets.token_hex(3)}")
    node = node if isinstance(node, str) else system.words.data(node).decode("utf-8", "replace")
    token = new_token(system, node if re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", node) else "lp-other")
    csr = str(what.get("csr", ""))
    if "CA:TRUE" in csr:
        request = request_pem(node, authority=True)
    elif re.search(r"rsa|RSA|bit|weak|P-?192|curve|ed25519|Ed25519", csr):
        request = request_pem(node, key=_weak(csr))
    elif "SAN" in csr or "subjectAlt" in csr:
        request = request_pem(node, more="other.example")
    elif csr.startswith("CN=") or "CN" in csr:
        request = request_pem(re.sub(r".*CN ?= ?", "", csr) or "other")
    elif csr:
        request = csr
    else:
        request = request_pem("lp-x")
    said = door(system, {"node": node, "token": token, "request": request})
    if not 400 <= said.status < 500:
        return [f"answered {said.status}"]
    return [f"took {said.took_s:.1f} s"] if said.took_s > SLOW_S else []


def _weak(csr: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

    if "d25519" in csr:
        return ed25519.Ed25519PrivateKey.generate()
    if "192" in csr or "curve" in csr:
        return ec.generate_private_key(ec.SECP384R1())
    return rsa.generate_private_key(65537, 1024)
