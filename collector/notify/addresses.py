"""Which addresses may be called: never a machine's own secrets, and inside only where the settings say so.

    link-local, multicast, unspecified, reserved    never: there sit metadata services
    loopback                                         when the settings name it as such
    private (RFC 1918, 6598, 4193)                   when the settings name the address itself, or `alerts.inner` lists
                                                     the host or a network that the address is in
    any other                                        yes

A name is judged by every address it leads to, so that a stranger's name server cannot point it at the city's inside.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], list[str]]

_PRIVATE: Final = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


class Forbidden(Exception):
    """The name leads to an address that is not called; the text says which, and the cure where there is one."""


class Inner:
    """What `alerts.inner` allows: hosts by name, and networks."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._hosts: set[str] = set()
        self._networks: list[Network] = []
        for text in allowed:
            network = network_of(text)
            if network is None:
                self._hosts.add(text.lower())
            else:
                self._networks.append(network)

    def allows(self, host: str, address: Address) -> bool:
        return host.lower() in self._hosts or any(address in network for network in self._networks)


NONE: Final = Inner()


def network_of(text: str) -> Network | None:
    """A network or one address, or None for a name."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def resolve(host: str, port: int) -> list[str]:
    """Every address of a name. Raises OSError."""
    return list(dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def checked_addresses(host: str, port: int, resolved: Resolve = resolve, inner: Inner = NONE) -> list[str]:
    """The addresses of the host, in the order in which to call them. Raises Forbidden when any may not be, OSError."""
    named = _literal(host)
    found = [str(named)] if named is not None else resolved(host, port)
    for text in found:
        _check(host, named, text, inner)
    return found


def _check(host: str, named: Address | None, text: str, inner: Inner) -> None:
    address = _inside_of(ipaddress.ip_address(text.partition("%")[0]))
    if address.is_loopback:
        if host != "localhost" and (named is None or not named.is_loopback) and not inner.allows(host, address):
            raise Forbidden(f"{host} leads to {text}, this machine itself. Cure: write the address 127.0.0.1")
        return
    if address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved:
        raise Forbidden(f"{host} leads to {text}, which is never called")
    is_private = any(address in network for network in _PRIVATE if network.version == address.version)
    if is_private and named is None and not inner.allows(host, address):
        text = f"{host} leads to {text}, an inner address. Cure: if that is right, alerts: inner: [{host}]"
        raise Forbidden(text)


def _inside_of(address: Address) -> Address:
    """The IPv4 address that an IPv6 one carries, where it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
