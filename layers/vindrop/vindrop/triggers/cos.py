"""Tencent COS: object-created events as SCF delivers them.

The key comes as ``/<appid>/<bucket>/<key>`` and the bucket without its appid; the URL carries the
full bucket name, the region and the percent-encoded key, in the new form
(``<bucket-appid>.cos.<region>.myqcloud.com``) or the old (``<bucket-appid>.cos<code>.myqcloud.com``).
So the URL is read first, and the fields only where it fails. Percent signs are decoded once, and a
plus sign stays one.

``requestParameters.requestHeaders.Authorization`` is the uploader's signature: it is never read.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import msgspec

from vindrop.domain.arrivals import Ignored, Message
from vindrop.tracing import first
from vindrop.triggers.common import FieldError, Fields, Filled, Size, arrival, mapping, records_of

REGIONS: Final = {
    "gz": "ap-guangzhou",
    "sh": "ap-shanghai",
    "bj": "ap-beijing",
    "tj": "ap-beijing-1",
    "cd": "ap-chengdu",
    "cq": "ap-chongqing",
    "nj": "ap-nanjing",
    "hk": "ap-hongkong",
    "sgp": "ap-singapore",
    "sg": "ap-singapore",
    "jkt": "ap-jakarta",
    "kr": "ap-seoul",
    "th": "ap-bangkok",
    "jp": "ap-tokyo",
    "in": "ap-mumbai",
    "usw": "na-siliconvalley",
    "use": "na-ashburn",
    "ca": "na-toronto",
    "sao": "sa-saopaulo",
    "de": "eu-frankfurt",
    "szfsi": "ap-shenzhen-fsi",
    "shfsi": "ap-shanghai-fsi",
    "bjfsi": "ap-beijing-fsi",
}
"""Short code → region, as the events use them."""

_NEW_HOST: Final = r"^(?P<bucket>.+)\.cos(?:-internal)?\.(?P<region>[a-z0-9-]+)\.(?:myqcloud|tencentcos)\.(?:com|cn)$"
_OLD_HOST: Final = r"^(?P<bucket>.+)\.cos(?P<code>[a-z]+)\.myqcloud\.com$"
_CREATED: Final = "cos:ObjectCreated:"


class _Object(Fields, frozen=True):
    key: Filled
    url: str = ""
    size: Size | None = None
    meta: dict[str, Any] = msgspec.field(default_factory=dict)


class _Bucket(Fields, frozen=True):
    name: Filled
    appid: Filled
    region: Filled


class _Cos(Fields, frozen=True):
    cosObject: _Object
    cosBucket: _Bucket


class _Event(Fields, frozen=True):
    eventName: str
    eventTime: int | None = None


class _Record(Fields, frozen=True):
    cos: _Cos
    event: _Event


def cos(payload: Mapping[str, Any]) -> list[Message]:
    """Return what arrived. A trace comes with the object, as ``x-cos-meta-traceparent``."""
    return [
        Message(arrival(record, _Record, _upload), trace=_trace(record))
        for record in records_of(payload)
    ]


def _upload(record: _Record) -> Ignored | dict[str, Any]:
    name = record.event.eventName
    if not name.lower().startswith(_CREATED.lower()):
        return Ignored(what=name[:80], why="no object was created")
    bucket, region, key = _place(record.cos)
    if not key:
        raise FieldError("cos.cosObject.key: names no object")
    when = record.event.eventTime
    try:
        uploaded_at = dt.datetime.fromtimestamp(when, dt.timezone.utc) if when else None
    except (OverflowError, OSError, ValueError):
        raise FieldError("event.eventTime: is not a time") from None
    return {
        "cloud": "tencent",
        "bucket": bucket,
        "region": region,
        "key": key,
        "version": _version(record),
        "size": record.cos.cosObject.size,
        "uploaded_at": uploaded_at,
    }


def _trace(raw: Any) -> str | None:
    meta = mapping(mapping(mapping(mapping(raw).get("cos")).get("cosObject")).get("meta"))
    return first(meta.get("x-cos-meta-traceparent"))


def _version(record: _Record) -> str:
    meta = {str(name).lower(): value for name, value in record.cos.cosObject.meta.items()}
    for name in ("x-cos-version-id", "x-cos-request-id", "etag"):
        value = meta.get(name)
        if isinstance(value, str) and value:
            return value.strip('"')
    # Neither is promised. Time and size tell two uploads apart unless both fall into one second.
    return f"{record.event.eventTime}-{record.cos.cosObject.size}"


def _place(cos: _Cos) -> tuple[str, str, str]:
    """Return bucket with appid, region and decoded key."""
    name, appid = cos.cosBucket.name, cos.cosBucket.appid
    bucket = name if name.endswith(f"-{appid}") else f"{name}-{appid}"
    region = REGIONS.get(cos.cosBucket.region, cos.cosBucket.region)
    try:
        split = urlsplit(cos.cosObject.url)
        host = split.hostname or ""
    except ValueError:
        split, host = urlsplit(""), ""
    path = split.path
    if split.query or split.fragment:  # a key with ? or # that was not encoded
        path = cos.cosObject.url.partition(split.netloc)[2]
    found = re.match(_NEW_HOST, host)
    if found and len(path) > 1:
        return found["bucket"], found["region"], unquote(path[1:])
    found = re.match(_OLD_HOST, host)
    if found and len(path) > 1:
        return found["bucket"], REGIONS.get(found["code"], region), unquote(path[1:])
    key = cos.cosObject.key
    prefix = f"/{appid}/{name.removesuffix(f'-{appid}')}/"
    if key.startswith(prefix):
        return bucket, region, key.removeprefix(prefix)
    return bucket, region, key.removeprefix("/")
