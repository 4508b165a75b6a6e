"""Who may see what is for operators: clients of their networks, by a host name of this server."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

from starlette.requests import Request as HttpRequest

from vinocr.api.addresses import networks

_INNER: Final = (
    ".localhost", ".local", ".localdomain", ".internal", ".intranet", ".lan", ".home.arpa",
    ".svc", ".test", ".invalid", ".example",
)  # fmt: skip
"""Names below these belong to nobody in the public DNS."""


class Operators:
    """Clients of these networks.

    A web page that an operator opens may point its own name at this machine (DNS rebinding) and
    would then come from an operator's address. So Host must be an address, a name that nobody can
    own in the public DNS, or one of ``hosts``; and Origin, where a browser sends it, must be Host.

    :param entries: networks.
    :param hosts: names under which the operators reach this server.
    """

    def __init__(self, entries: tuple[str, ...], hosts: tuple[str, ...] = ()) -> None:
        self._networks = networks(entries)
        self._hosts = {host.lower() for host in hosts}

    def refusal(self, http: HttpRequest) -> str | None:
        """Return why a request is none of an operator's, in one sentence; None if it is."""
        if not self._is_near(http):
            return "VINOCR_OPERATORS does not name your address"
        host = http.headers.get("host", "")
        if not self._is_ours(host):
            return "VINOCR_HOSTS does not name the host that you asked for"
        origin = http.headers.get("origin")
        if origin is not None and origin.partition("://")[2].lower() != host.lower():
            return "a page of another site asked for this"
        return None

    def include(self, http: HttpRequest) -> bool:
        """Whether a request is an operator's."""
        return self.refusal(http) is None

    def _is_near(self, http: HttpRequest) -> bool:
        try:
            address = ip_address(http.client.host if http.client else "")
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._networks)

    def _is_ours(self, host: str) -> bool:
        name, _, port = host.rpartition(":")
        if not port.isdigit():
            name = host
        name = name.lower().rstrip(".")
        try:
            ip_address(name.strip("[]"))
        except ValueError:
            inner = "." not in name or name.endswith(_INNER)
            return bool(name) and (inner or name in self._hosts)
        return True
