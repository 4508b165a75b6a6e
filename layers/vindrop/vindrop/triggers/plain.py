"""An object named plainly: what a workflow passes, or a person who writes into a queue by hand.

``{"bucket": …, "key": …, "region": …}`` with ``version``, ``size`` and ``cloud`` where they are
known; COS's workflow (``{"ObjectInfo": {"BucketId", "Region", "Object"}}``); an item of an S3
listing (``Key``, ``Etag``, ``Size``) to which the state machine has added ``Bucket`` and ``Region``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import AliasChoices, Field, ValidationError

from vindrop.trace import first
from vindrop.triggers.common import (
    MOST_BYTES,
    Arrival,
    Envelope,
    Fields,
    Message,
    malformed,
    mapping,
    upload,
)
from vindrop.upload import Cloud

_AWS_REGION: Final = re.compile(
    r"[a-z]{2}(?:-[a-z]+)?-(?:north|south|east|west|central)(?:east|west)?-\d"
)
_SPELT: Final = ({"bucket", "key"}, {"Bucket", "Key"})


def _either(*names: str) -> AliasChoices:
    return AliasChoices(*names)


class _Object(Fields):
    bucket: str = Field(min_length=1, validation_alias=_either("bucket", "Bucket", "BucketId"))
    key: str = Field(min_length=1, validation_alias=_either("key", "Key", "Object"))
    region: str = Field(min_length=1, validation_alias=_either("region", "Region"))
    version: str = Field(
        default="", validation_alias=_either("version", "VersionId", "Etag", "ETag")
    )
    size: int | None = Field(
        default=None, ge=0, le=MOST_BYTES, validation_alias=_either("size", "Size")
    )
    cloud: Cloud | None = None


def infer(payload: Mapping[str, Any]) -> bool:
    """Whether a bucket and a key stand side by side, and nothing that platforms' events have."""
    if isinstance(payload.get("ObjectInfo"), Mapping):
        return True
    return any(names <= payload.keys() for names in _SPELT) and not (
        {"Records", "Event", "detail", "specversion"} & payload.keys()
    )


def messages(payload: Mapping[str, Any]) -> list[Message | Envelope]:
    """Return the object. Without a version its bucket is asked which one is there."""
    return [Message(_arrival(payload), trace=first(payload.get("traceparent")))]


def _arrival(payload: Mapping[str, Any]) -> Arrival:
    try:
        found = _Object.model_validate(mapping(payload.get("ObjectInfo")) or payload)
    except ValidationError as error:
        return malformed(payload, error)
    cloud = found.cloud or ("aws" if _AWS_REGION.fullmatch(found.region) else "tencent")
    if cloud == "http":
        return malformed(payload, "cloud: takes tencent or aws")
    return upload(
        payload,
        cloud=cloud,
        bucket=found.bucket,
        region=found.region,
        key=found.key,
        version=found.version.strip('"'),
        size=found.size,
    )
