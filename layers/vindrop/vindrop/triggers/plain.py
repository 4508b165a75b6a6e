"""An object named plainly: what a workflow passes, or a person who writes into a queue by hand.

``{"bucket": …, "key": …, "region": …}`` with ``version``, ``size`` and ``cloud`` where they are
known, and the caller's own ``reference``; COS's workflow (``{"ObjectInfo": {"BucketId", "Region",
"Object"}}``); an item of an S3 listing (``Key``, ``Etag``, ``Size``) to which the state machine has
added ``Bucket`` and ``Region``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from vindrop.clouds import STORES, cloud_of_region, named_version, store_classes, trimmed
from vindrop.domain.arrivals import Message
from vindrop.domain.upload import BucketCloud, clean_reference
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
from vindrop.triggers.cos import REGIONS, cut

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


def _cloud(value: Loose) -> BucketCloud | None:
    """Return the cloud that is named, by its name or its store's scheme; None: the region tells it.

    :raises FieldError: it is a word for none of them.
    """
    name = trimmed(value).lower() if isinstance(value, str) else ""
    for store in store_classes() if name else ():
        if name in {store.cloud, store.scheme}:
            return store.cloud
    if name:
        raise FieldError(f"cloud: takes {' or '.join(STORES)}")
    return None


def _upload(found: _Object) -> dict[str, Any]:
    said = _cloud(found.cloud)
    where = region(found.region, said)
    cloud = said or cloud_of_region(where)
    if cloud == "tencent":
        where = REGIONS.get(where, where)  # the short code of COS's events
    version = text(found.version).removeprefix("W/").strip('"')
    key = found.key
    if cloud == "tencent" and key.startswith("/"):  # as a field of COS's own event has it
        whole = cut(key, trimmed(found.bucket))
        key = whole if whole != key.removeprefix("/") else key
    return {
        "cloud": cloud,
        "bucket": trimmed(found.bucket),
        "region": where,
        "key": key,
        "version": version,
        "size": size(found.size),
        "reference": clean_reference(text(found.reference)),
        **named_version(cloud, version),
    }
