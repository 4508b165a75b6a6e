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
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from vindrop_local.bucket.errors import CosError, invalid, no_such_upload
from vindrop_local.bucket.events import Sent
from vindrop_local.bucket.journal import Entry, MultipartUpload, Part
from vindrop_local.bucket.listing import encoding_type, number
from vindrop_local.bucket.objects import Objects, Writing
from vindrop_local.bucket.xml import Node, encoded, read, time_text, write

MAX_PARTS: Final = 10_000
MIN_PART_BYTES: Final = 1024 * 1024
"""COS: every part but the last has at least 1 MB."""


def initiate(objects: Objects, key: str, headers: Mapping[str, str]) -> bytes:
    """Begin an upload; ``headers`` will be the object's."""
    upload_id = f"{int(time.time())}{secrets.token_hex(26)}"
    answer = write(
        "InitiateMultipartUploadResult",
        {"Bucket": objects.bucket.name, "Key": key, "UploadId": upload_id},
    )
    upload = MultipartUpload(upload_id, key, headers, time.time())
    objects.journal.begin_upload(objects.bucket.name, upload)
    (objects.parts / upload_id).mkdir(parents=True)
    return answer


def _find(objects: Objects, key: str, upload_id: str) -> MultipartUpload:
    upload = objects.journal.upload(objects.bucket.name, key, upload_id)
    if upload is None:
        raise no_such_upload()
    return upload


def check_part(objects: Objects, key: str, query: Mapping[str, str]) -> int:
    """Return the part's number, if there is such an upload.

    :raises CosError: NoSuchUpload, InvalidArgument.
    """
    _find(objects, key, query.get("uploadId", ""))
    text = query.get("partNumber", "")
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MAX_PARTS):
        raise invalid(f"partNumber must be a whole number from 1 to {MAX_PARTS}.")
    return int(text)


def put_part(objects: Objects, key: str, query: Mapping[str, str], written: Writing) -> str:
    """Keep a part; return its ETag, without quotes."""
    part = check_part(objects, key, query)
    upload_id = query["uploadId"]
    written.sync()
    etag = written.md5.hexdigest()
    try:
        # The name holds the ETag: a part sent again never mixes with the one before it.
        written.path.replace(_part_file(objects, upload_id, part, etag))
    except FileNotFoundError:
        raise no_such_upload() from None  # completed or aborted meanwhile
    objects.journal.set_part(upload_id, Part(part, written.size, etag, time.time()))
    return etag


def _part_file(objects: Objects, upload_id: str, part: int, etag: str) -> Path:
    return objects.parts / upload_id / f"{part}-{etag}"


def complete(objects: Objects, key: str, upload_id: str, body: bytes, sent: Sent) -> Entry:
    """Make the object of the parts that ``body`` (CompleteMultipartUpload) lists.

    Its ETag is COS's: the MD5 of the parts' MD5s, a dash, the number of parts.

    :raises CosError: NoSuchUpload, MalformedXML, InvalidPart, InvalidPartOrder, EntityTooSmall.
    """
    upload = _find(objects, key, upload_id)
    have = {part.number: part for part in objects.journal.parts(upload_id)}
    wanted = _listed(body)
    chosen: list[Part] = []
    for part_number, etag in wanted:
        part = have.get(part_number)
        if part is None or part.etag != etag:
            raise CosError(
                400,
                "InvalidPart",
                f"Part {part_number} was not uploaded with that ETag: upload it again.",
            )
        chosen.append(part)
    if any(one.number >= other.number for one, other in itertools.pairwise(chosen)):
        raise CosError(400, "InvalidPartOrder", "List the parts by rising PartNumber, each once.")
    small = next((part for part in chosen[:-1] if part.size < MIN_PART_BYTES), None)
    if small is not None:
        raise CosError(
            400,
            "EntityTooSmall",
            f"Part {small.number} has {small.size} bytes: all but the last need {MIN_PART_BYTES}.",
        )
    written = objects.begin()
    try:
        for part in chosen:
            with _part_file(objects, upload_id, part.number, part.etag).open("rb") as source:
                written.copy_from(source)
        joined = b"".join(bytes.fromhex(part.etag) for part in chosen)
        digest = hashlib.md5(joined, usedforsecurity=False).hexdigest()
        entry = objects.put(key, written, upload.headers, sent, f"{digest}-{len(chosen)}")
    except FileNotFoundError:
        raise no_such_upload() from None  # another request ended it meanwhile
    finally:
        written.discard()
    _end(objects, upload_id)
    return entry


def _listed(body: bytes) -> list[tuple[int, str]]:
    wanted: list[tuple[int, str]] = []
    for element in read(body, "CompleteMultipartUpload").findall("Part"):
        number_text = (element.findtext("PartNumber") or "").strip()
        etag = (element.findtext("ETag") or "").strip().strip('"').lower()
        if not (number_text.isascii() and number_text.isdigit() and len(number_text) < 6):
            raise CosError(400, "MalformedXML", "A Part lacks its PartNumber.")
        wanted.append((int(number_text), etag))
    if not wanted:
        raise CosError(400, "MalformedXML", "The body lists no Part.")
    return wanted


def abort(objects: Objects, key: str, upload_id: str) -> None:
    """Forget an upload and its parts.

    :raises CosError: NoSuchUpload.
    """
    _find(objects, key, upload_id)
    _end(objects, upload_id)


def _end(objects: Objects, upload_id: str) -> None:
    objects.journal.end_upload(upload_id)
    with contextlib.suppress(OSError):
        shutil.rmtree(objects.parts / upload_id)


def list_parts(objects: Objects, key: str, query: Mapping[str, str]) -> bytes:
    """Answer List Parts."""
    upload = _find(objects, key, query.get("uploadId", ""))
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
        "IsTruncated": "true" if len(parts) > most else "false",
    }
    if len(parts) > most:
        content["NextPartNumberMarker"] = parts[most - 1].number
    if encoding:
        content["EncodingType"] = encoding
    content["Part"] = [
        {
            "PartNumber": part.number,
            "LastModified": time_text(part.written),
            "ETag": f'"{part.etag}"',
            "Size": part.size,
        }
        for part in parts[:most]
    ]
    return write("ListPartsResult", content)


def list_uploads(objects: Objects, query: Mapping[str, str]) -> bytes:
    """Answer List Multipart Uploads. Common prefixes are not made: no client here asks for them.

    :raises CosError: InvalidArgument, also where a delimiter is given.
    """
    encoding = encoding_type(query)
    if query.get("delimiter"):
        raise invalid("Listing multipart uploads takes no delimiter here: use prefix.")
    most = number(query, "max-uploads", 1000, 1000, least=1)
    prefix = query.get("prefix", "")
    marker = query.get("key-marker", "")
    id_marker = query.get("upload-id-marker", "")
    uploads = [
        upload
        for upload in sorted(
            objects.journal.uploads(objects.bucket.name), key=lambda u: (u.key.encode(), u.id)
        )
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
        "IsTruncated": "true" if len(uploads) > most else "false",
    }
    if len(uploads) > most:
        content["NextKeyMarker"] = encoded(uploads[most - 1].key, encoding)
        content["NextUploadIdMarker"] = uploads[most - 1].id
    if encoding:
        content["EncodingType"] = encoding
    content["Upload"] = [
        {
            "Key": encoded(upload.key, encoding),
            "UploadId": upload.id,
            "StorageClass": "STANDARD",
            "Initiated": time_text(upload.started),
        }
        for upload in uploads[:most]
    ]
    return write("ListMultipartUploadsResult", content)
