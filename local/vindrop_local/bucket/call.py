"""A request that may be answered, and how what the client sends is read: whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from vindrop_local.bucket.errors import CosError
from vindrop_local.bucket.events import Sent
from vindrop_local.bucket.objects import Objects, Writing
from vindrop_local.bucket.responses import wanted_md5
from vindrop_local.bucket.xml import MAX_BODY

MAX_OBJECT_BYTES: Final = 5 * 1024**3
"""COS: a single PUT carries up to 5 GB."""
_DRAIN_BYTES: Final = 64 * 1024**2


@dataclass(frozen=True)
class Call:
    """Who asks, and for what."""

    request: Request
    headers: Mapping[str, str]
    """Names in small letters."""
    query: Mapping[str, str]
    key: str
    objects: Objects
    buckets: Mapping[str, Objects]

    def sent(self, event_name: str) -> Sent:
        """Return what the event tells of this request."""
        client = self.request.client
        return Sent(
            event_name, self.headers.get("authorization", ""), client.host if client else ""
        )

    @contextlib.asynccontextmanager
    async def received(self) -> AsyncIterator[Writing]:
        """Write the body to a temp file; what the block does not put in its place is gone.

        :raises CosError: BadDigest, InvalidDigest, EntityTooLarge.
        """
        digest = wanted_md5(self.headers)
        with await run_in_threadpool(self.objects.begin) as written:
            async for chunk in self.request.stream():
                if written.size + len(chunk) > MAX_OBJECT_BYTES:
                    raise CosError(
                        "EntityTooLarge", "A single PUT carries up to 5 GB: upload in parts."
                    )
                written.write(chunk)
            _match(digest, written.md5.digest())
            yield written

    async def xml(self) -> bytes:
        """Return a body of XML.

        :raises CosError: EntityTooLarge, BadDigest, InvalidDigest.
        """
        digest = wanted_md5(self.headers)
        body = bytearray()
        async for chunk in self.request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise CosError("EntityTooLarge", f"The XML may have up to {MAX_BODY} bytes.")
        _match(digest, hashlib.md5(body, usedforsecurity=False).digest())
        return bytes(body)


def _match(wanted: bytes | None, found: bytes) -> None:
    if wanted not in (None, found):
        raise CosError("BadDigest", "The Content-MD5 you specified did not match what we received.")


async def drain(request: Request) -> None:
    """Read on after a refusal, so that a client still sending gets to see why (within reason)."""
    left = _DRAIN_BYTES
    with contextlib.suppress(ClientDisconnect, RuntimeError):
        async for chunk in request.stream():
            left -= len(chunk)
            if left < 0:
                return
