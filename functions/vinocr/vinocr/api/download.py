"""Download of ImageUrl, with limits on time, size, redirects and addresses (SSRF).

httpcore speaks HTTP; this file decides which address a connection is opened to. Proxies of the
environment are not used.
"""

from __future__ import annotations

import asyncio
import functools
import re
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import httpcore

from vinocr.api import web_address
from vinocr.api.addresses import AllowList, DenyList, is_public, is_web_port
from vinocr.api.codes import ApiError
from vinocr.api.names import BusyError, Names, Resolve
from vinocr.api.web_address import WebAddress

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

_NOTHING: Final = DenyList()
_READ_SIZE: Final = 16 * 1024
_MOST_LINES: Final = 100
_MOST_HEAD: Final = 64 * 1024
_HEAD_END: Final = re.compile(rb"\n\r?\n")
_FREE_CHUNKS: Final = 128
_LEAST_CHUNK: Final = 256
"""Bytes that the chunks of a body must have on average, after the free ones."""


class ForbiddenAddressError(OSError):
    """The host is, or resolves to, an address that a download may not reach."""


class GuardedStream(httpcore.AsyncNetworkStream):
    """A connection whose other end cannot flood us with headers."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner
        self._lines = self._bytes = 0
        self._tail: bytes | None = b""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read a little at a time, so that other calls get their turn.

        :raises httpcore.RemoteProtocolError: a head of too many lines or bytes.
        """
        data = await self._inner.read(min(max_bytes, _READ_SIZE), timeout)
        if self._tail is not None:
            joined = self._tail + data
            end = _HEAD_END.search(joined)
            upto = end.end() if end else len(joined)
            self._lines += joined.count(b"\n", len(self._tail), upto)
            self._bytes += upto - len(self._tail)
            self._tail = None if end else joined[-2:]
            if self._lines > _MOST_LINES or self._bytes > _MOST_HEAD:
                raise httpcore.RemoteProtocolError("too many headers")
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write."""
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close."""
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Speak TLS from here on."""
        return GuardedStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """Return what is known of the connection."""
        return self._inner.get_extra_info(info)


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections only to addresses that were checked, and to those very addresses."""

    def __init__(self, allow: AllowList, resolver: Resolve, deny: DenyList = _NOTHING) -> None:
        self._allow, self._deny = allow, deny
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
            if self._deny.denies(address):
                raise ForbiddenAddressError
            if self._allow.allows(host, port, address):
                continue
            if not is_public(address) or not is_web_port(port):
                raise ForbiddenAddressError
        failure: Exception = httpcore.ConnectError("the name has no address")
        for address in addresses:
            try:
                stream = await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
                return GuardedStream(stream)
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
    deny: DenyList = _NOTHING
    names: Names = field(default_factory=Names)
    resolver: Resolve | None = None
    """Instead of ``names``, for tests."""

    async def fetch(self, url: str, owner: str = "") -> bytes:
        """Return the body at ``url``.

        :param owner: the account that asks: its slow names are at its own cost.
        :raises ApiError: InvalidParameterValueLimit (not an http or https URL), DownLoadError
            (any failure of the download), TooLargeFileError, ResourceInsufficient (too many of the
            account's names are being resolved).
        """
        web_address.parse(url)
        resolver = self.resolver or functools.partial(self.names.resolve, owner)
        try:
            return await asyncio.wait_for(self._follow(url, resolver), self.seconds)
        except asyncio.TimeoutError:
            raise _failed("it took longer than {seconds} s", seconds=f"{self.seconds:g}") from None
        except ForbiddenAddressError:
            raise _failed("the address is not a public one") from None
        except BusyError:
            why = "too many names are being resolved"
            wait = max(1, round(self.seconds))
            raise ApiError(
                "ResourceInsufficient", retry_after=wait, why=why, seconds=wait
            ) from None
        except (httpcore.ConnectError, httpcore.ConnectTimeout):
            raise _failed("the host cannot be reached") from None
        except (*_BROKEN, OSError, ValueError):
            raise _failed("the host's answer broke off or is not HTTP") from None

    async def _follow(self, url: str, resolver: Resolve) -> bytes:
        backend = GuardedBackend(self.allow, resolver, self.deny)
        async with httpcore.AsyncConnectionPool(
            ssl_context=_trust(), network_backend=backend, retries=0
        ) as pool:
            for _ in range(self.redirects + 1):
                address = web_address.parse(url)
                headers = [("Host", address.authority), *_HEADERS]
                async with pool.stream("GET", _wire(address), headers=headers) as response:
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
        body, chunks = bytearray(), 0
        async for chunk in response.aiter_stream():
            body += chunk
            chunks += 1
            if chunks > _FREE_CHUNKS + len(body) // _LEAST_CHUNK:
                raise httpcore.RemoteProtocolError("chunks of a few bytes each")
            if len(body) > self.max_bytes:
                raise self._too_large()
        return bytes(body)

    def _too_large(self) -> ApiError:
        return ApiError("LimitExceeded.TooLargeFileError", limit=self.max_base64)


@functools.cache
def _trust() -> ssl.SSLContext:
    return httpcore.default_ssl_context()  # made once: reading the roots takes some 20 ms


def _wire(address: WebAddress) -> httpcore.URL:
    scheme, host, target = (
        part.encode() for part in (address.scheme, address.host, address.target)
    )
    return httpcore.URL(scheme=scheme, host=host, port=address.port, target=target)


def _next(url: str, response: httpcore.Response) -> str:
    location = _header(response, b"location")
    if not location:
        raise _failed("a redirect leads nowhere")
    target = web_address.join(url, location)
    try:
        web_address.parse(target)
    except ApiError:
        raise _failed("a redirect leads to something that is no web address") from None
    return target


def _header(response: httpcore.Response, name: bytes) -> bytes:
    return next((v.strip() for k, v in response.headers if k.lower() == name), b"")


def _failed(why: str, **about: object) -> ApiError:
    return ApiError("FailedOperation.DownLoadError", None, retry_after=None, why=why, **about)
