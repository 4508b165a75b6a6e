"""Reading what a client sends, whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from vindrop_local.bucket.errors import CosError
from vindrop_local.bucket.objects import Objects, Writing
from vindrop_local.bucket.responses import wanted_md5
from vindrop_local.bucket.xml import MAX_BODY

MAX_OBJECT_BYTES: Final = 5 * 1024**3
"""COS: a single PUT carries up to 5 GB."""
_DRAIN_BYTES: Final = 64 * 1024**2


async def receive(request: Request, headers: Mapping[str, str], objects: Objects) -> Writing:
    """Write the body to a temp file; the caller puts it in its place or discards it.

    :raises CosError: BadDigest, InvalidDigest, EntityTooLarge.
    """
    digest = wanted_md5(headers)
    written = await run_in_threadpool(objects.begin)
    try:
        async for chunk in request.stream():
            if written.size + len(chunk) > MAX_OBJECT_BYTES:
                raise CosError(  # noqa: TRY301 - cleaned up below, like all else
                    400, "EntityTooLarge", "A single PUT carries up to 5 GB: upload in parts."
                )
            written.write(chunk)
        if digest is not None and written.md5.digest() != digest:
            raise CosError(  # noqa: TRY301 - cleaned up below, like all else
                400, "BadDigest", "The Content-MD5 you specified did not match what we received."
            )
    except BaseException:
        written.discard()
        raise
    return written


async def small(request: Request, headers: Mapping[str, str]) -> bytes:
    """Return a body of XML.

    :raises CosError: EntityTooLarge, BadDigest, InvalidDigest.
    """
    digest = wanted_md5(headers)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise CosError(400, "EntityTooLarge", f"The XML may have up to {MAX_BODY} bytes.")
    if digest is not None and hashlib.md5(body, usedforsecurity=False).digest() != digest:
        raise CosError(400, "BadDigest", "The Content-MD5 does not match what we received.")
    return bytes(body)


async def drain(request: Request) -> None:
    """Read on after a refusal, so that a client still sending gets to see why (within reason)."""
    left = _DRAIN_BYTES
    with contextlib.suppress(ClientDisconnect, RuntimeError):
        async for chunk in request.stream():
            left -= len(chunk)
            if left < 0:
                return
