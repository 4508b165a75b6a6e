"""One function per operation of COS's XML API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from vindrop_local.bucket import bodies, events, form, listing, multipart
from vindrop_local.bucket.errors import XML, CosError, invalid
from vindrop_local.bucket.events import Sent
from vindrop_local.bucket.journal import Entry
from vindrop_local.bucket.objects import CHUNK, Objects
from vindrop_local.bucket.responses import (
    byte_range,
    condition,
    object_headers,
    respond,
    send,
    stored_headers,
)
from vindrop_local.bucket.spec import Account
from vindrop_local.bucket.xml import Node, read, time_text, write

_MAX_DELETES: Final = 1000


@dataclass(frozen=True)
class Call:
    """A request that may be answered: who and what it asks for is settled."""

    request: Request
    headers: Mapping[str, str]
    """Names in small letters."""
    query: Mapping[str, str]
    key: str
    objects: Objects
    buckets: Mapping[str, Objects]
    accounts: Sequence[Account]
    now: Callable[[], float]

    def sent(self, event_name: str) -> Sent:
        """Return what the event tells of this request."""
        client = self.request.client
        return Sent(
            event_name, self.headers.get("authorization", ""), client.host if client else ""
        )


def _xml(body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    return respond(200, {"Content-Type": XML, **(headers or {})}, body)


def _written(entry: Entry) -> dict[str, str]:
    return {"ETag": f'"{entry.etag}"', "x-cos-request-id": entry.request_id}


async def get_object(call: Call) -> Response:
    """GET Object."""
    entry, opened = await run_in_threadpool(call.objects.open, call.key)
    return send(entry, opened, call.headers, call.query)


async def head_object(call: Call) -> Response:
    """HEAD Object."""
    entry, opened = await run_in_threadpool(call.objects.open, call.key)
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
    written = await bodies.receive(call.request, call.headers, call.objects)
    try:
        entry = await run_in_threadpool(
            lambda: call.objects.put(
                call.key,
                written,
                stored_headers(call.headers),
                call.sent(events.PUT),
                overwrite=call.headers.get("x-cos-forbid-overwrite", "").lower() != "true",
            )
        )
    finally:
        written.discard()
    return respond(200, _written(entry))


def _source(call: Call) -> tuple[Entry, BinaryIO]:
    """Open what x-cos-copy-source names."""
    source, _, version = call.headers["x-cos-copy-source"].partition("?")
    host, slash, path = source.partition("/")
    name = host.partition(".")[0]
    if not slash or version:
        raise invalid("x-cos-copy-source must be <bucket>.cos.<region>.myqcloud.com/<encoded key>.")
    objects = call.buckets.get(name)
    if objects is None:
        raise CosError(404, "NoSuchBucket", "The bucket to copy from is not served here.")
    entry, opened = objects.open(unquote(path))
    if condition(entry, call.headers, "x-cos-copy-source-") is not None:
        opened.close()
        raise CosError(412, "PreconditionFailed", "The object to copy is not the one you named.")
    return entry, opened


def _copy(call: Call) -> Response:
    entry, opened = _source(call)
    with opened:
        written = call.objects.begin()
        try:
            written.copy_from(opened)
            replaced = call.headers.get("x-cos-metadata-directive", "Copy") == "Replaced"
            headers = stored_headers(call.headers) if replaced else entry.headers
            made = call.objects.put(call.key, written, headers, call.sent(events.COPY))
        finally:
            written.discard()
    body = write(
        "CopyObjectResult",
        {"ETag": f'"{made.etag}"', "LastModified": time_text(made.mtime_ns / 1e9)},
    )
    return _xml(body, _written(made))


async def delete_object(call: Call) -> Response:
    """DELETE Object: 204 also where there was none."""
    await run_in_threadpool(call.objects.delete, call.key)
    return respond(204, {})


async def delete_objects(call: Call) -> Response:
    """POST ?delete: up to 1,000 keys at once."""
    tree = read(await bodies.small(call.request, call.headers), "Delete")
    quiet = (tree.findtext("Quiet") or "").strip().lower() == "true"
    wanted = [element.findtext("Key") or "" for element in tree.findall("Object")]
    if not wanted or "" in wanted or len(wanted) > _MAX_DELETES:
        raise CosError(400, "MalformedXML", f"List 1 to {_MAX_DELETES} Objects, each with its Key.")

    def delete() -> None:
        for key in wanted:
            call.objects.delete(key.removeprefix("/"))

    await run_in_threadpool(delete)
    deleted = [] if quiet else [{"Key": key} for key in wanted]
    return _xml(write("DeleteResult", {"Deleted": deleted}))


async def initiate_multipart(call: Call) -> Response:
    """Initiate Multipart Upload."""
    headers = stored_headers(call.headers)
    return _xml(await run_in_threadpool(multipart.initiate, call.objects, call.key, headers))


async def put_part(call: Call) -> Response:
    """Upload Part, or Upload Part - Copy."""
    multipart.check_part(call.objects, call.key, call.query)
    if "x-cos-copy-source" in call.headers:
        return await run_in_threadpool(_copy_part, call)
    written = await bodies.receive(call.request, call.headers, call.objects)
    try:
        etag = await run_in_threadpool(
            multipart.put_part, call.objects, call.key, call.query, written
        )
    finally:
        written.discard()
    return respond(200, {"ETag": f'"{etag}"'})


def _copy_part(call: Call) -> Response:
    entry, opened = _source(call)
    with opened:
        span = byte_range(call.headers.get("x-cos-copy-source-range"), entry.size)
        first, last = span or (0, entry.size - 1)
        written = call.objects.begin()
        try:
            opened.seek(first)
            written.copy_from(opened, last - first + 1)
            etag = multipart.put_part(call.objects, call.key, call.query, written)
        finally:
            written.discard()
    when = time_text(call.now())
    return _xml(write("CopyPartResult", {"ETag": f'"{etag}"', "LastModified": when}))


async def list_parts(call: Call) -> Response:
    """List Parts."""
    return _xml(await run_in_threadpool(multipart.list_parts, call.objects, call.key, call.query))


async def complete_multipart(call: Call) -> Response:
    """Complete Multipart Upload."""
    body = await bodies.small(call.request, call.headers)
    entry = await run_in_threadpool(
        multipart.complete,
        call.objects,
        call.key,
        call.query["uploadId"],
        body,
        call.sent(events.MULTIPART),
    )
    bucket = call.objects.bucket
    content = {
        "Location": f"{bucket.host}/{call.key}",
        "Bucket": bucket.name,
        "Key": call.key,
        "ETag": f'"{entry.etag}"',
    }
    return _xml(write("CompleteMultipartUploadResult", content), _written(entry))


async def abort_multipart(call: Call) -> Response:
    """Abort Multipart Upload."""
    await run_in_threadpool(multipart.abort, call.objects, call.key, call.query["uploadId"])
    return respond(204, {})


async def list_uploads(call: Call) -> Response:
    """List Multipart Uploads."""
    return _xml(await run_in_threadpool(multipart.list_uploads, call.objects, call.query))


async def list_objects(call: Call) -> Response:
    """GET Bucket (List Objects)."""
    objects = call.objects

    def fetch(key: bytes, inclusive: bool, limit: int) -> list[Entry]:  # noqa: FBT001 - listing.Fetch
        return objects.journal.after(objects.bucket.name, key, limit, inclusive=inclusive)

    owner = objects.bucket.appid
    body = await run_in_threadpool(
        listing.answer, objects.bucket.name, call.query, fetch, objects.exists, owner
    )
    return _xml(body)


async def head_bucket(call: Call) -> Response:
    """HEAD Bucket."""
    return respond(200, {"x-cos-bucket-region": call.objects.bucket.region})


async def put_bucket(call: Call) -> Response:
    """PUT Bucket: it exists, whoever asks."""
    raise CosError(
        409, "BucketAlreadyOwnedByYou", f"The bucket is the folder {call.objects.folder.name!r}."
    )


async def delete_bucket(call: Call) -> Response:
    """DELETE Bucket: refused, a folder is not ours to remove."""
    raise CosError(
        403,
        "AccessDenied",
        f"The bucket is the folder {call.objects.folder.name!r}: remove it there.",
    )


async def get_versioning(call: Call) -> Response:  # noqa: ARG001 - all handlers are alike
    """GET ?versioning: never switched on."""
    return _xml(write("VersioningConfiguration", {}))


async def get_location(call: Call) -> Response:
    """GET ?location."""
    region = call.objects.bucket.region
    body = f'<?xml version="1.0"?><LocationConstraint>{region}</LocationConstraint>'
    return _xml(body.encode())


def list_buckets(buckets: Sequence[Objects], account: Account) -> Response:  # noqa: ARG001 - all see all
    """GET Service."""
    owner = buckets[0].bucket.appid if buckets else ""
    content: dict[str, Node] = {
        "Owner": {"ID": owner, "DisplayName": owner},
        "Buckets": {
            "Bucket": [
                {
                    "Name": each.bucket.name,
                    "Location": each.bucket.region,
                    "CreationDate": time_text(each.folder.stat().st_ctime),
                }
                for each in buckets
            ]
        },
    }
    return _xml(write("ListAllMyBucketsResult", content))


async def post_object(call: Call) -> Response:
    """POST Object: an upload form, signed by its policy."""
    fields, upload = await form.parse(call.request)
    try:
        form.check(fields, call.objects.bucket.name, call.accounts, call.now())
        written = await run_in_threadpool(call.objects.begin)
        try:
            while data := await upload.read(CHUNK):
                written.write(data)
            form.check_size(fields, written.size)
            entry = await run_in_threadpool(
                call.objects.put,
                form.key_of(fields, upload.filename or ""),
                written,
                stored_headers(fields),
                call.sent(events.POST),
            )
        finally:
            written.discard()
    finally:
        await upload.close()
    return form.answer(fields, call.objects.bucket, entry)
