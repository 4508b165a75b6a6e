"""One function per operation of COS's XML API, parts and lists aside.

Those that read a body are coroutines; the others are run in a thread.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import BinaryIO, Final
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from vindrop_local.bucket import events, multipart
from vindrop_local.bucket.call import Call
from vindrop_local.bucket.errors import CosError, invalid
from vindrop_local.bucket.journal import Entry
from vindrop_local.bucket.objects import Objects
from vindrop_local.bucket.responses import (
    byte_range,
    condition,
    object_headers,
    respond,
    respond_xml,
    send,
    stored_headers,
    written_headers,
)
from vindrop_local.bucket.xml import Node, read, time_text

_MAX_DELETES: Final = 1000


def get_object(call: Call) -> Response:
    """GET Object."""
    entry, opened = call.objects.open(call.key)
    return send(entry, opened, call.headers, call.query)


def head_object(call: Call) -> Response:
    """HEAD Object."""
    entry, opened = call.objects.open(call.key)
    opened.close()
    refused = condition(entry, call.headers)
    fields = object_headers(entry)
    if refused is not None:
        del fields["Content-Length"]
    return respond(refused or 200, fields)


async def put_object(call: Call) -> Response:
    """PUT Object, or PUT Object - Copy."""
    if "x-cos-copy-source" in call.headers:
        return await run_in_threadpool(_copy, call)
    async with call.received() as written:
        entry = await run_in_threadpool(
            call.objects.put,
            call.key,
            written,
            stored_headers(call.headers),
            call.sent(events.PUT),
            overwrite=call.headers.get("x-cos-forbid-overwrite", "").lower() != "true",
        )
    return respond(200, written_headers(entry))


def _source(call: Call) -> tuple[Entry, BinaryIO]:
    """Open what x-cos-copy-source names."""
    source, _, version = call.headers["x-cos-copy-source"].partition("?")
    host, slash, path = source.partition("/")
    if not slash or version:
        raise invalid("x-cos-copy-source must be <bucket>.cos.<region>.myqcloud.com/<encoded key>.")
    objects = call.buckets.get(host.partition(".")[0])
    if objects is None:
        raise CosError("NoSuchBucket", "The bucket to copy from is not served here.")
    entry, opened = objects.open(unquote(path))
    if condition(entry, call.headers, "x-cos-copy-source-") is not None:
        opened.close()
        raise CosError("PreconditionFailed", "The object to copy is not the one you named.")
    return entry, opened


def _copy(call: Call) -> Response:
    entry, opened = _source(call)
    with opened, call.objects.begin() as written:
        written.copy_from(opened)
        replaced = call.headers.get("x-cos-metadata-directive", "Copy") == "Replaced"
        headers = stored_headers(call.headers) if replaced else entry.headers
        made = call.objects.put(call.key, written, headers, call.sent(events.COPY))
    content = {"ETag": f'"{made.etag}"', "LastModified": time_text(made.mtime_ns / 1e9)}
    return respond_xml("CopyObjectResult", content, written_headers(made))


def delete_object(call: Call) -> Response:
    """DELETE Object: 204 also where there was none."""
    call.objects.delete(call.key)
    return respond(204, {})


async def delete_objects(call: Call) -> Response:
    """POST ?delete: up to 1,000 keys at once."""
    tree = read(await call.xml(), "Delete")
    quiet = (tree.findtext("Quiet") or "").strip().lower() == "true"
    wanted = [element.findtext("Key") or "" for element in tree.findall("Object")]
    if not wanted or "" in wanted or len(wanted) > _MAX_DELETES:
        raise CosError("MalformedXML", f"List 1 to {_MAX_DELETES} Objects, each with its Key.")
    for key in wanted:
        await run_in_threadpool(call.objects.delete, key.removeprefix("/"))
    deleted = [] if quiet else [{"Key": key} for key in wanted]
    return respond_xml("DeleteResult", {"Deleted": deleted})


async def put_part(call: Call) -> Response:
    """Upload Part, or Upload Part - Copy."""
    multipart.check_part(call)
    if "x-cos-copy-source" in call.headers:
        return await run_in_threadpool(_copy_part, call)
    async with call.received() as written:
        etag = await run_in_threadpool(multipart.put_part, call, written)
    return respond(200, {"ETag": f'"{etag}"'})


def _copy_part(call: Call) -> Response:
    entry, opened = _source(call)
    with opened, call.objects.begin() as written:
        span = byte_range(call.headers.get("x-cos-copy-source-range"), entry.size)
        first, last = span or (0, entry.size - 1)
        opened.seek(first)
        written.copy_from(opened, last - first + 1)
        etag = multipart.put_part(call, written)
    content = {"ETag": f'"{etag}"', "LastModified": time_text(time.time())}
    return respond_xml("CopyPartResult", content)


def head_bucket(call: Call) -> Response:
    """HEAD Bucket."""
    return respond(200, {"x-cos-bucket-region": call.objects.bucket.region})


def put_bucket(call: Call) -> Response:
    """PUT Bucket: it exists, whoever asks."""
    raise CosError(
        "BucketAlreadyOwnedByYou", f"The bucket is the folder {call.objects.folder.name!r}."
    )


def delete_bucket(call: Call) -> Response:
    """DELETE Bucket: refused, a folder is not ours to remove."""
    raise CosError(
        "AccessDenied", f"The bucket is the folder {call.objects.folder.name!r}: remove it there."
    )


def get_versioning(call: Call) -> Response:  # noqa: ARG001 - all handlers are alike
    """GET ?versioning: never switched on."""
    return respond_xml("VersioningConfiguration", {})


def get_location(call: Call) -> Response:
    """GET ?location."""
    region = call.objects.bucket.region
    body = f'<?xml version="1.0"?><LocationConstraint>{region}</LocationConstraint>'
    return respond(200, {"Content-Type": "application/xml"}, body.encode())


def list_buckets(buckets: Sequence[Objects]) -> Response:
    """GET Service: every account sees all."""
    owner = buckets[0].bucket.appid if buckets else ""
    listed: list[Node] = [
        {
            "Name": each.bucket.name,
            "Location": each.bucket.region,
            "CreationDate": time_text(each.folder.stat().st_ctime),
        }
        for each in buckets
    ]
    return respond_xml(
        "ListAllMyBucketsResult",
        {"Owner": {"ID": owner, "DisplayName": owner}, "Buckets": {"Bucket": listed}},
    )
