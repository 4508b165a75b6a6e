"""An object named plainly: what a workflow passes, or a person who writes into a queue by hand.

``{"bucket": …, "key": …, "region": …}`` with ``version``, ``size`` and ``cloud`` where they are
known; COS's workflow (``{"ObjectInfo": {"BucketId", "Region", "Object"}}``); an item of an S3
listing (``Key``, ``Etag``, ``Size``) to which the state machine has added ``Bucket`` and ``Region``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from vindrop.clouds import STORES, cloud_of_region
from vindrop.domain.arrivals import Arrival, Message
from vindrop.tracing import first
from vindrop.triggers.common import (
    Envelope,
    FieldError,
    Fields,
    Filled,
    Size,
    malformed,
    mapping,
    read,
    upload,
)

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


def messages(payload: Mapping[str, Any]) -> list[Message | Envelope]:
    """Return the object. Without a version its bucket is asked which one is there."""
    return [Message(_arrival(payload), trace=first(payload.get("traceparent")))]


def _arrival(payload: Mapping[str, Any]) -> Arrival:
    try:
        found = read(_renamed(mapping(payload.get("ObjectInfo")) or payload), _Object)
    except FieldError as error:
        return malformed(payload, error)
    cloud = found.cloud or cloud_of_region(found.region)
    if cloud not in STORES:
        return malformed(payload, f"cloud: takes {' or '.join(STORES)}")
    return upload(
        payload,
        cloud=cloud,
        bucket=found.bucket,
        region=found.region,
        key=found.key,
        version=found.version.strip('"'),
        size=found.size,
    )


def _renamed(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        field: next(given[name] for name in names if name in given)
        for field, names in _NAMES.items()
        if any(name in given for name in names)
    }
