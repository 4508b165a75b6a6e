"""The event COS sends for a new object, and the identity it carries.

Field names and shapes are those of the events that Tencent documents and that were captured
(https://cloud.tencent.com/document/product/583/9707).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from vindrop_local.bucket.spec import Bucket

PUT: Final = "cos:ObjectCreated:Put"
COPY: Final = "cos:ObjectCreated:Copy"
_MAX_AUTHORIZATION: Final = 4096  # so that an event never grows over the platforms' 128 KB

MULTIPART: Final = "cos:ObjectCreated:CompleteMultipartUpload"


@dataclass(frozen=True)
class Sent:
    """How an object came: what the event tells of the request. Empty for a file copied in."""

    event_name: str = PUT
    authorization: str = field(default="", repr=False)
    """COS passes the uploader's signature on. Whoever handles events must not log them."""
    source_ip: str = "127.0.0.1"


def _digest(bucket: str, key: str, size: int, mtime_ns: int, etag: str) -> str:
    parts = json.dumps([bucket, key, size, mtime_ns, etag])
    return hashlib.sha256(parts.encode()).hexdigest()


def request_id(bucket: str, key: str, size: int, mtime_ns: int, etag: str) -> str:
    """Return the ``x-cos-request-id`` under which this very content was written.

    A pure function of what lies in the folder, so that a file announced again after a crash is
    the same upload; a second PUT gets a later ``mtime_ns``, and so is another one. The shape is
    COS's: base64 over four hexadecimal numbers, the first of them the time in seconds.
    """
    digest = _digest(bucket, key, size, mtime_ns, etag)
    seconds = mtime_ns // 1_000_000_000
    text = f"{seconds & 0xFFFFFFFF:08x}_{digest[:16]}_{digest[16:20]}_{digest[20:32]}"
    return base64.b64encode(text.encode()).decode()


def created(
    bucket: Bucket,
    key: str,
    *,
    size: int,
    mtime_ns: int,
    etag: str,
    headers: Mapping[str, str],
    sent: Sent,
    function: str,
    event_time: int,
) -> dict[str, Any]:
    """Return the event for an object of ``size`` bytes last written at ``mtime_ns`` (since 1970).

    :param event_time: when it came into the bucket, seconds since 1970: later than it was written
        where a file was copied in with its time kept.
    :param headers: what was stored with the object: Content-Type, x-cos-meta-….
    :param function: the function it is sent to.
    """
    meta = {
        name: value
        for name, value in headers.items()
        if name == "Content-Type" or name.startswith("x-cos-")
    }
    meta.setdefault("Content-Type", "")
    identity = (bucket.name, key, size, mtime_ns, etag)
    cos = {
        "cosSchemaVersion": "1.0",
        "cosObject": {
            "url": f"http://{bucket.host}/{quote(key)}",
            "meta": {"x-cos-request-id": request_id(*identity), **meta},
            "vid": "",
            "key": f"/{bucket.appid}/{bucket.short_name}/{key}",
            "size": size,
        },
        "cosBucket": {
            "region": bucket.short_region,
            "name": bucket.short_name,
            "appid": bucket.appid,
        },
        "cosNotificationId": "unkown",  # so spelt in the documented event
    }
    queue = f"qcs:0:scf:{bucket.short_region}:appid/{bucket.appid}:default.{function}.$LATEST"
    event = {
        "eventName": sent.event_name,
        "eventVersion": "1.0",
        "eventTime": event_time,
        "eventSource": "qcs::cos",
        "requestParameters": {
            "requestSourceIP": sent.source_ip,
            "requestHeaders": {"Authorization": sent.authorization[:_MAX_AUTHORIZATION]},
        },
        "eventQueue": queue,
        "reservedInfo": "",
        "reqid": int(_digest(*identity)[:7], 16),
    }
    return {"Records": [{"cos": cos, "event": event}]}
