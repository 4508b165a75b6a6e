"""Multipart upload: initiate, upload part, list, complete, abort.

https://cloud.tencent.com/document/product/436/14112. Parts lie as files in
``.vindrop/multipart/<upload>/``, so an upload begun before a restart can be ended after it.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import secrets
import shutil
import time
from pathlib import Path
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from vindrop_local.bucket.call import Call
from vindrop_local.bucket.errors import CosError, invalid, no_such_upload
from vindrop_local.bucket.events import MULTIPART
from vindrop_local.bucket.journal import Entry, MultipartUpload, Part
from vindrop_local.bucket.listing import encoding_type, number
from vindrop_local.bucket.objects import Objects, Writing
from vindrop_local.bucket.responses import (
    respond,
    respond_page,
    respond_xml,
    stored_headers,
    written_headers,
)
from vindrop_local.bucket.xml import Node, encoded, read, time_text

MAX_PARTS: Final = 10_000
MIN_PART_BYTES: Final = 1024 * 1024
"""COS: every part but the last has at least 1 MB."""


def initiate(call: Call) -> Response:
    """Initiate Multipart Upload; the request's headers will be the object's."""
    objects, key = call.objects, call.key
    headers = stored_headers(call.headers)
    upload_id = f"{int(time.time())}{secrets.token_hex(26)}"
    answer = respond_xml(
        "InitiateMultipartUploadResult",
        {"Bucket": objects.bucket.name, "Key": key, "UploadId": upload_id},
    )
    upload = MultipartUpload(upload_id, key, headers, time.time())
    objects.journal.begin_upload(objects.bucket.name, upload)
    (objects.parts / upload_id).mkdir(parents=True)
    return answer


def _find(call: Call) -> MultipartUpload:
    upload = call.objects.journal.upload(
        call.objects.bucket.name, call.key, call.query.get("uploadId", "")
    )
    if upload is None:
        raise no_such_upload()
    return upload


def check_part(call: Call) -> int:
    """Return the part's number, if there is such an upload.

    :raises CosError: NoSuchUpload, InvalidArgument.
    """
    _find(call)
    text = call.query.get("partNumber", "")
    if not _is_part_number(text) or not 1 <= int(text) <= MAX_PARTS:
        raise invalid(f"partNumber must be a whole number from 1 to {MAX_PARTS}.")
    return int(text)


def _is_part_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6


def put_part(call: Call, written: Writing) -> str:
    """Keep a part; return its ETag, without quotes."""
    part = check_part(call)
    upload_id = call.query["uploadId"]
    written.sync()
    etag = written.md5.hexdigest()
    try:
        # The name holds the ETag: a part sent again never mixes with the one before it.
        written.path.replace(_part_file(call.objects, upload_id, part, etag))
    except FileNotFoundError:
        raise no_such_upload() from None  # completed or aborted meanwhile
    call.objects.journal.set_part(upload_id, Part(part, written.size, etag, time.time()))
    return etag


def _part_file(objects: Objects, upload_id: str, part: int, etag: str) -> Path:
    return objects.parts / upload_id / f"{part}-{etag}"


async def complete(call: Call) -> Response:
    """Complete Multipart Upload: make the object of the parts that the body lists.

    :raises CosError: NoSuchUpload, MalformedXML, InvalidPart, InvalidPartOrder, EntityTooSmall.
    """
    body = await call.xml()
    entry = await run_in_threadpool(_complete, call, body)
    bucket = call.objects.bucket
    content = {
        "Location": f"{bucket.host}/{call.key}",
        "Bucket": bucket.name,
        "Key": call.key,
        "ETag": f'"{entry.etag}"',
    }
    return respond_xml("CompleteMultipartUploadResult", content, written_headers(entry))


def _complete(call: Call, body: bytes) -> Entry:
    """Put the object. Its ETag is COS's: the MD5 of the parts' MD5s, a dash, the number of parts."""
    objects = call.objects
    upload = _find(call)
    chosen = _chosen(objects, upload.id, _listed(body))
    joined = b"".join(bytes.fromhex(part.etag) for part in chosen)
    etag = f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(chosen)}"
    try:
        with objects.begin() as written:
            for part in chosen:
                with _part_file(objects, upload.id, part.number, part.etag).open("rb") as source:
                    written.copy_from(source)
            entry = objects.put(call.key, written, upload.headers, call.sent(MULTIPART), etag)
    except FileNotFoundError:
        raise no_such_upload() from None  # another request ended it meanwhile
    _end(objects, upload.id)
    return entry


def _chosen(objects: Objects, upload_id: str, wanted: list[tuple[int, str]]) -> list[Part]:
    have = {part.number: part for part in objects.journal.parts(upload_id)}
    chosen: list[Part] = []
    for part_number, etag in wanted:
        part = have.get(part_number)
        if part is None or part.etag != etag:
            text = f"Part {part_number} was not uploaded with that ETag: upload it again."
            raise CosError("InvalidPart", text)
        chosen.append(part)
    if any(one.number >= other.number for one, other in itertools.pairwise(chosen)):
        raise CosError("InvalidPartOrder", "List the parts by rising PartNumber, each once.")
    small = next((part for part in chosen[:-1] if part.size < MIN_PART_BYTES), None)
    if small is not None:
        raise CosError(
            "EntityTooSmall",
            f"Part {small.number} has {small.size} bytes: all but the last need {MIN_PART_BYTES}.",
        )
    return chosen


def _listed(body: bytes) -> list[tuple[int, str]]:
    wanted: list[tuple[int, str]] = []
    for element in read(body, "CompleteMultipartUpload").findall("Part"):
        number_text = (element.findtext("PartNumber") or "").strip()
        etag = (element.findtext("ETag") or "").strip().strip('"').lower()
        if not _is_part_number(number_text):
            raise CosError("MalformedXML", "A Part lacks its PartNumber.")
        wanted.append((int(number_text), etag))
    if not wanted:
        raise CosError("MalformedXML", "The body lists no Part.")
    return wanted


def abort(call: Call) -> Response:
    """Abort Multipart Upload: forget it and its parts.

    :raises CosError: NoSuchUpload.
    """
    _end(call.objects, _find(call).id)
    return respond(204, {})


def _end(objects: Objects, upload_id: str) -> None:
    objects.journal.end_upload(upload_id)
    with contextlib.suppress(OSError):
        shutil.rmtree(objects.parts / upload_id)


def list_parts(call: Call) -> Response:
    """List Parts."""
    objects, key, query = call.objects, call.key, call.query
    upload = _find(call)
    encoding = encoding_type(query)
    most = number(query, "max-parts", 1000, 1000, least=1)
    after = number(query, "part-number-marker", 0, MAX_PARTS)
    parts = [part for part in objects.journal.parts(upload.id) if part.number > after]
    content: dict[str, Node] = {
        "Bucket": objects.bucket.name,
        "Key": encoded(key, encoding),
        "UploadId": upload.id,
        "StorageClass": "STANDARD",
        "PartNumberMarker": after,
        "MaxParts": most,
    }
    further = {"NextPartNumberMarker": parts[most - 1].number} if len(parts) > most else {}
    items: list[Node] = [
        {
            "PartNumber": part.number,
            "LastModified": time_text(part.written),
            "ETag": f'"{part.etag}"',
            "Size": part.size,
        }
        for part in parts[:most]
    ]
    return respond_page("ListPartsResult", content, further, encoding, {"Part": items})


def list_uploads(call: Call) -> Response:
    """List Multipart Uploads. Common prefixes are not made: no client here asks for them.

    :raises CosError: InvalidArgument, also where a delimiter is given.
    """
    objects, query = call.objects, call.query
    encoding = encoding_type(query)
    if query.get("delimiter"):
        raise invalid("Listing multipart uploads takes no delimiter here: use prefix.")
    most = number(query, "max-uploads", 1000, 1000, least=1)
    prefix = query.get("prefix", "")
    marker = query.get("key-marker", "")
    id_marker = query.get("upload-id-marker", "")
    uploads = [
        upload
        for upload in objects.journal.uploads(objects.bucket.name)
        if upload.key.startswith(prefix)
        and (
            (upload.key.encode(), upload.id) > (marker.encode(), id_marker)
            if id_marker
            else not marker or upload.key.encode() > marker.encode()
        )
    ]
    content: dict[str, Node] = {
        "Bucket": objects.bucket.name,
        "Prefix": encoded(prefix, encoding),
        "KeyMarker": encoded(marker, encoding),
        "UploadIdMarker": id_marker,
        "MaxUploads": most,
    }
    further = {}
    if len(uploads) > most:
        last = uploads[most - 1]
        further = {"NextKeyMarker": encoded(last.key, encoding), "NextUploadIdMarker": last.id}
    items: list[Node] = [
        {
            "Key": encoded(upload.key, encoding),
            "UploadId": upload.id,
            "StorageClass": "STANDARD",
            "Initiated": time_text(upload.started),
        }
        for upload in uploads[:most]
    ]
    return respond_page("ListMultipartUploadsResult", content, further, encoding, {"Upload": items})
