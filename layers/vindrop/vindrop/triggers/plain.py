"""An object named plainly: what a workflow passes, or a person who writes into a queue by hand.

``{"bucket": …, "key": …, "region": …}`` with ``version``, ``size`` and ``cloud`` where they are
known; COS's workflow (``{"ObjectInfo": {"BucketId", "Region", "Object"}}``); an item of an S3
listing (``Key``, ``Etag``, ``Size``) to which the state machine has added ``Bucket`` and ``Region``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from vindrop.clouds import STORES, cloud_of_region
from vindrop.domain.arrivals import Message
from vindrop.tracing import first
from vindrop.triggers.common import FieldError, Fields, Filled, Size, arrival, mapping

_NAMES: Final = {
    "bucket": ("bucket", "Bucket", "BucketId"),
    "key": ("key", "Key", "Object"),
    "region": ("region", "Region"),
    "version": ("version", "VersionId", "Etag", "ETag"),
    "size": ("size", "Size"),
    "cloud": ("cloud",),
}
"""What a field may be called; the first that is there is taken."""


class _Object(Fields, frozen=True):
    bucket: Filled
    key: Filled
    region: Filled
    version: str = ""
    size: Size | None = None
    cloud: str | None = None


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
    cloud = found.cloud or cloud_of_region(found.region)
    if cloud not in STORES:
        raise FieldError(f"cloud: takes {' or '.join(STORES)}")
    return {
        "cloud": cloud,
        "bucket": found.bucket,
        "region": found.region,
        "key": found.key,
        "version": found.version.strip('"'),
        "size": found.size,
    }
