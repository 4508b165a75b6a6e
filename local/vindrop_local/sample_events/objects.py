"""Events that name an object: the samples, told of another one.

Shapes as documented and captured: Tencent 583/9707, 1108/42275; Amazon's developer guides;
Alibaba's Function Compute, OSS trigger.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, quote_plus

from vindrop_local.bucket.events import Sent, created
from vindrop_local.bucket.spec import Bucket
from vindrop_local.sample_events.template import Place, load

_MOMENT: Final = 1_794_052_800  # 2026-11-07


def _cos(place: Place) -> Any:
    """Just as our own bucket sends it."""
    return created(
        Bucket(place.bucket, place.region, Path()),
        place.key,
        size=place.size,
        mtime_ns=_MOMENT * 1_000_000_000,
        event_time=_MOMENT,
        etag=place.etag,
        headers={"Content-Type": "image/jpeg"}
        | ({"x-cos-meta-reference": quote(place.reference)} if place.reference else {}),
        sent=Sent(),
        function="vindrop-upload",
    )


def _eventbridge_tencent(place: Place) -> Any:
    return load("eventbridge-tencent") | {
        "subject": f"qcs::cos:{place.region}:uid/1250000000:{place.bucket}",
        "region": place.region,
        "data": _cos(place)["Records"][0],
    }


def _s3(place: Place) -> Any:
    event = load("s3")
    record = event["Records"][0]
    record["awsRegion"] = place.region
    record["s3"]["bucket"] |= {"name": place.bucket, "arn": f"arn:aws:s3:::{place.bucket}"}
    key = quote_plus(place.key, safe="/")
    record["s3"]["object"] |= {"key": key, "size": place.size, "eTag": place.etag}
    return event


def _oss(place: Place) -> Any:
    """As Function Compute delivers it; its key is not encoded, its ETag in capitals."""
    event = load("oss")
    found = event["events"][0]
    found["region"] = place.region
    arn = f"acs:oss:{place.region}:{found['oss']['bucket']['ownerIdentity']}:{place.bucket}"
    found["oss"]["bucket"] |= {"name": place.bucket, "arn": arn}
    size = {"size": place.size, "deltaSize": place.size}
    found["oss"]["object"] |= {"key": place.key, "eTag": place.etag.upper(), **size}
    return event


def _eventbridge_aws(place: Place) -> Any:
    """Its key is not encoded."""
    event = load("eventbridge-aws")
    event |= {"region": place.region, "resources": [f"arn:aws:s3:::{place.bucket}"]}
    event["detail"]["bucket"]["name"] = place.bucket
    event["detail"]["object"] |= {"key": place.key, "size": place.size, "etag": place.etag}
    return event


BASES: Final[dict[str, Callable[[Place], Any]]] = {
    "cos": _cos,
    "cos-workflow": lambda place: {
        "ObjectInfo": {"BucketId": place.bucket, "Region": place.region, "Object": place.key}
    },
    "eventbridge-tencent": _eventbridge_tencent,
    "s3": _s3,
    "eventbridge-aws": _eventbridge_aws,
    "oss": _oss,
    "s3-listing-item": lambda place: {
        "Bucket": place.bucket,
        "Region": place.region,
        "Key": place.key,
        "Etag": f'"{place.etag}"',
        "Size": place.size,
    },
    "plain": lambda place: {
        "bucket": place.bucket,
        "key": place.key,
        "region": place.region,
        **({"reference": place.reference} if place.reference else {}),
    },
}
"""Name → the event for an object."""
REFERENCED: Final = ("cos", "eventbridge-tencent", "plain")
"""Events that carry the object's metadata or a reference; others leave both in the bucket."""
