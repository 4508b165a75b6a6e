"""An object named plainly: what a workflow passes, or a person who writes into a queue by hand.

``{"bucket": …, "key": …, "region": …}`` with ``version``, ``size`` and ``cloud`` where they are
known, and the caller's own ``reference``; COS's workflow (``{"ObjectInfo": {"BucketId", "Region",
"Object"}}``); an item of an S3 listing (``Key``, ``Etag``, ``Size``) to which the state machine has
added ``Bucket`` and ``Region``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from vindrop.clouds import STORES, cloud_of_region, named_version
from vindrop.domain.arrivals import Message
from vindrop.domain.upload import clean_reference
from vindrop.tracing import first
from vindrop.triggers.common import (
    FieldError,
    Fields,
    Filled,
    Loose,
    arrival,
    mapping,
    region,
    size,
    text,
)
from vindrop.triggers.cos import cut

_NAMES: Final = {
    "bucket": ("bucket", "Bucket", "BucketId"),
    "key": ("key", "Key", "Object"),
    "region": ("region", "Region"),
    "version": ("version", "VersionId", "Etag", "ETag"),
    "size": ("size", "Size"),
    "cloud": ("cloud",),
    "reference": ("reference", "Reference"),
}
"""What a field may be called; the first that is there is taken."""


class _Object(Fields, frozen=True):
    bucket: Filled
    key: Filled
    region: Loose = None
    version: Loose = None
    size: Loose = None
    cloud: Loose = None
    reference: Loose = None


def plain(payload: Mapping[str, Any]) -> list[Message]:
    """Return the object. Without a version its bucket is asked which one is there."""
    named = mapping(payload.get("ObjectInfo")) or payload
    given = {
        field: next(named[name] for name in names if name in named)
        for field, names in _NAMES.items()
        if any(name in named for name in names)
    }
    found = arrival(payload, _Object, _upload, given=given)
    return [Message(found, trace=first(payload.get("traceparent")))]


def _upload(found: _Object) -> dict[str, Any]:
    where = region(found.region, found.cloud if found.cloud in STORES else None)
    cloud = found.cloud or cloud_of_region(where)
    if cloud not in STORES:
        raise FieldError(f"cloud: takes {' or '.join(STORES)}")
    version = text(found.version).strip('"')
    key = found.key
    if cloud == "tencent" and key.startswith("/"):  # as a field of COS's own event has it
        whole = cut(key, found.bucket)
        key = whole if whole != key.removeprefix("/") else key
    return {
        "cloud": cloud,
        "bucket": found.bucket,
        "region": where,
        "key": key,
        "version": version,
        "size": size(found.size),
        "reference": clean_reference(text(found.reference)),
        **named_version(cloud, version),
    }
