"""Which addresses a download may reach: public ones, and what the operator allows (SSRF).

The address that is connected to is checked, never the name: DNS rebinding and odd spellings of
an address do not help an attacker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Network = IPv4Network | IPv6Network
_NAT64: Final = ip_network("64:ff9b::/96")
_NOT_PUBLIC: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001:db8::/32",
        "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip
"""IANA's special-purpose and multicast ranges, and the retired site-local one: what Python's own
tables say of them differs from one version to the next."""
_WELL_KNOWN_PORTS: Final = frozenset({80, 443})
_FIRST_USER_PORT: Final = 1024


def networks(entries: Sequence[str]) -> tuple[Network, ...]:
    """Return addresses and CIDR notations as networks.

    :raises ValueError: an entry is neither; ``str()`` names it.
    """
    for entry in entries:
        try:
            ip_network(entry, strict=False)
        except ValueError:
            raise ValueError(f"{entry!r} is not an address or network") from None
    return tuple(ip_network(entry, strict=False) for entry in entries)


@dataclass(frozen=True, slots=True)
class AllowList:
    """What ImageUrl may reach although it is not public: networks, hosts, and host:port pairs."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[tuple[str, int | None]] = frozenset()

    @classmethod
    def parse(cls, entries: Sequence[str]) -> AllowList:
        """Read entries such as ``127.0.0.1:9001``, ``bucket.local:9001``, ``10.0.0.0/8``.

        :raises ValueError: an entry is none of these; ``str()`` names it.
        """
        hosts = frozenset(_host_and_port(entry) for entry in entries if "/" not in entry)
        return cls(networks([entry for entry in entries if "/" in entry]), hosts)

    def allows(self, host: str, port: int, address: str) -> bool:
        """Whether the operator lets a URL of ``host`` and ``port`` reach ``address``."""
        host = host.lower().strip("[]")
        if (host, port) in self.hosts or (host, None) in self.hosts:
            return True
        return any(_plain(address) in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class DenyList:
    """Networks that no download may reach, although they are public or allowed: clouds' own."""

    networks: tuple[Network, ...] = ()

    def denies(self, address: str) -> bool:
        """Whether ``address``, or an IPv4 one that it carries, is in one of the networks."""
        ip = _plain(address)
        return any(i in network for i in (ip, *_carried(ip)) for network in self.networks)


def _host_and_port(entry: str) -> tuple[str, int | None]:
    host, colon, port = entry.rpartition(":")
    if entry.startswith("["):
        inner, _, rest = entry[1:].partition("]")
        host, colon, port = (inner, rest[:1], rest[1:]) if rest else (inner, "", "")
    elif not colon or entry.count(":") > 1:
        host, colon, port = entry, "", ""
    if not host or (colon and not (port.isdigit() and 0 < int(port) < 65536)):
        raise ValueError(f"{entry!r} is neither host:port, host nor network")
    return host.lower(), int(port) if colon else None


def is_public(address: str) -> bool:
    """Whether an address (IPv4 or IPv6, as text) belongs to the open internet.

    False for loopback, link-local (169.254.0.23, where clouds keep their metadata), private,
    carrier-grade NAT (100.64.0.0/10), multicast, unspecified and reserved ranges, and for an IPv6
    address that carries such an IPv4 one (mapped, 6to4, Teredo, NAT64).
    """
    ip = _plain(address)
    return all(
        i.is_global
        and not (i.is_multicast or i.is_reserved or i.is_unspecified)
        and not any(i in network for network in _NOT_PUBLIC)
        for i in (ip, *_carried(ip))
    )


def _carried(ip: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """Return the IPv4 addresses inside an IPv6 one that leads to them (6to4, Teredo)."""
    if isinstance(ip, IPv4Address):
        return []
    return [i for i in (ip.sixtofour, *(ip.teredo or ())) if i is not None]


def is_web_port(port: int) -> bool:
    """Whether a download may speak HTTP to ``port``: 80, 443, or one that no daemon owns."""
    return port in _WELL_KNOWN_PORTS or port >= _FIRST_USER_PORT


def _plain(address: str) -> IPv4Address | IPv6Address:
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        if ip in _NAT64:  # how an IPv6-only network reaches IPv4: judged as where it leads
            return IPv4Address(int(ip) & 0xFFFFFFFF)
        return ip.ipv4_mapped or ip
    return ip
