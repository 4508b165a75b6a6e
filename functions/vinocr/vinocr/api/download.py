"""Download of ImageUrl, with limits on time, size, redirects and addresses (SSRF).

httpcore speaks HTTP; this file decides which address a connection is opened to. Proxies of the
environment are not used.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpcore

from vinocr.api.addresses import AllowList, is_public, is_web_port
from vinocr.api.codes import ApiError

MAX_URL: Final = 8192
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_HEADERS: Final = [
    ("User-Agent", "VinOCR"),
    ("Accept", "image/png, image/jpeg, */*;q=0.1"),
    ("Accept-Encoding", "identity"),
]

_BROKEN: Final = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    httpcore.TimeoutException,
)

# A resolver cannot be interrupted: names that take long must not take everybody's threads.
_NAMES: Final = ThreadPoolExecutor(32, "names")

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""host, port → addresses; raises OSError where there are none."""


class ForbiddenAddressError(OSError):
    """The host is, or resolves to, an address that a download may not reach."""


async def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver, which also reads decimal and octal spellings of addresses."""
    loop = asyncio.get_running_loop()
    ask = functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    answers = await loop.run_in_executor(_NAMES, ask)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in answers))


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections only to addresses that were checked, and to those very addresses."""

    def __init__(self, allow: AllowList, resolver: Resolve = resolve) -> None:
        self._allow = allow
        self._resolve = resolver
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, check every answer, connect to the first that takes the connection.

        :raises ForbiddenAddressError: one of the answers is not public and not allowed.
        """
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("the name does not resolve") from error
        for address in addresses:
            if self._allow.allows(host, port, address):
                continue
            if not is_public(address) or not is_web_port(port):
                raise ForbiddenAddressError
        failure: Exception = httpcore.ConnectError("the name has no address")
        for address in addresses:
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


@dataclass(frozen=True, slots=True)
class Downloader:
    """Downloads images for calls.

    :param seconds: the longest download in total, names, redirects and TLS included.
    :param max_bytes: the largest body.
    :param redirects: how many are followed; each hop is checked like the first.
    """

    allow: AllowList
    seconds: float
    max_bytes: int
    max_base64: int
    redirects: int
    resolver: Resolve = resolve

    async def fetch(self, url: str) -> bytes:
        """Return the body at ``url``.

        :raises ApiError: InvalidParameterValueLimit (not an http or https URL), DownLoadError
            (any failure of the download), TooLargeFileError.
        """
        check_url(url)
        try:
            return await asyncio.wait_for(self._follow(url), self.seconds)
        except asyncio.TimeoutError:
            raise _failed("it took longer than {seconds} s", seconds=f"{self.seconds:g}") from None
        except ForbiddenAddressError:
            raise _failed("the address is not a public one") from None
        except (httpcore.ConnectError, httpcore.ConnectTimeout):
            raise _failed("the host cannot be reached") from None
        except (*_BROKEN, OSError, ValueError):
            raise _failed("the host's answer broke off or is not HTTP") from None

    async def _follow(self, url: str) -> bytes:
        backend = GuardedBackend(self.allow, self.resolver)
        async with httpcore.AsyncConnectionPool(
            ssl_context=_trust(), network_backend=backend, retries=0
        ) as pool:
            for _ in range(self.redirects + 1):
                async with pool.stream("GET", url, headers=_HEADERS) as response:
                    if response.status in _REDIRECTS:
                        url = _next(url, response)
                        continue
                    if response.status != 200:
                        raise _failed("the host answered HTTP {status}", status=response.status)
                    return await self._body(response)
        raise _failed("more than {redirects} redirects", redirects=self.redirects)

    async def _body(self, response: httpcore.Response) -> bytes:
        announced = _header(response, b"content-length")
        if announced.isdigit() and int(announced) > self.max_bytes:
            raise self._too_large()
        if _header(response, b"content-encoding") not in (b"", b"identity"):
            raise _failed("the host sent it compressed although not asked to")
        body = bytearray()
        async for chunk in response.aiter_stream():
            body += chunk
            if len(body) > self.max_bytes:
                raise self._too_large()
        return bytes(body)

    def _too_large(self) -> ApiError:
        return ApiError("LimitExceeded.TooLargeFileError", limit=self.max_base64)


@functools.cache
def _trust() -> ssl.SSLContext:
    return httpcore.default_ssl_context()  # made once: reading the roots takes some 20 ms


def check_url(url: str) -> None:
    """Check the form of ImageUrl, before anything is resolved.

    :raises ApiError: InvalidParameterValue.InvalidParameterValueLimit.
    """
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        raise _bad_url("ImageUrl is not a URL") from None
    if len(url) > MAX_URL:
        raise _bad_url("ImageUrl is longer than {limit} characters", limit=MAX_URL)
    if parts.scheme.lower() not in {"http", "https"}:
        raise _bad_url("ImageUrl must begin with http:// or https://")
    is_plain = url.isascii() and url.isprintable() and " " not in url
    if not (parts.hostname and port_is_fine and is_plain):
        raise _bad_url("ImageUrl must name a host and be percent-encoded")
    if parts.username is not None:
        raise _bad_url("ImageUrl must not carry a user name")


def _next(url: str, response: httpcore.Response) -> str:
    location = _header(response, b"location")
    if not location:
        raise _failed("a redirect leads nowhere")
    target = urljoin(url, location.decode("latin-1"))
    try:
        check_url(target)
    except ApiError:
        raise _failed("a redirect leads to something that is no web address") from None
    return target


def _header(response: httpcore.Response, name: bytes) -> bytes:
    return next((v.strip() for k, v in response.headers if k.lower() == name), b"")


def _failed(why: str, **about: object) -> ApiError:
    return ApiError("FailedOperation.DownLoadError", None, why=why, **about)


def _bad_url(why: str, **about: object) -> ApiError:
    return ApiError("InvalidParameterValue.InvalidParameterValueLimit", None, why=why, **about)
