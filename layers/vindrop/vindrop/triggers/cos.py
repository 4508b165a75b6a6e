"""Tencent COS: object-created events as SCF delivers them.

The key comes as ``/<appid>/<bucket>/<key>`` and the bucket without its appid; the URL carries the
full bucket name, the region and the percent-encoded key, in the new form
(``<bucket-appid>.cos.<region>.myqcloud.com``) or the old (``<bucket-appid>.cos<code>.myqcloud.com``).
So the URL is read first, and the fields only where it fails. Percent signs are decoded once, and a
plus sign stays one.

``requestParameters.requestHeaders.Authorization`` is the uploader's signature: it is never read.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from vindrop.domain.arrivals import Ignored, Message
from vindrop.domain.redaction import printable
from vindrop.domain.upload import reference_in
from vindrop.tracing import first
from vindrop.triggers.common import (
    FieldError,
    Fields,
    Filled,
    Loose,
    arrival,
    compact,
    mapping,
    moment,
    records_of,
    region,
    region_said,
    size,
    text,
)

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
_FOLDER: Final = r"/?(?P<appid>\d{5,12})/(?P<name>[a-z0-9-]{1,60})/"
"""Before a key, where no other field says the account."""
_OLD_HOST: Final = r"^(?P<bucket>.+)\.cos(?P<code>[a-z]+)\.myqcloud\.com$"
_CREATED: Final = r"(cos:)?objectcreated(:|$)|$"
_ACCELERATED: Final = "accelerate"
"""What begins the place of a region in the host of COS's global acceleration."""


class _Object(Fields, frozen=True):
    key: Filled
    url: Loose = None
    size: Loose = None
    meta: Loose = None
    vid: Loose = None
    """The version's id, in a bucket that keeps versions."""


class _Bucket(Fields, frozen=True):
    name: Filled
    appid: Loose = None
    region: Loose = None


class _Cos(Fields, frozen=True):
    cosObject: _Object
    cosBucket: _Bucket


class _Record(Fields, frozen=True):
    cos: _Cos
    event: Loose = None


def cos(payload: Mapping[str, Any]) -> list[Message]:
    """Return what arrived. A trace comes with the object, as ``x-cos-meta-traceparent``."""
    return [
        Message(arrival(record, _Record, _upload), trace=_trace(record))
        for record in records_of(payload)
    ]


def _upload(record: _Record) -> Ignored | dict[str, Any]:
    event = mapping(record.event)
    name, when = event.get("eventName"), event.get("eventTime")
    if not re.match(_CREATED, compact(name)):
        return Ignored(what=printable(text(name)[:80]), why="no object was created")
    bucket, where, key = _place(record.cos)
    if not key:
        raise FieldError("cos.cosObject.key: names no object")
    found = record.cos.cosObject
    meta = {str(name).lower(): text(value) for name, value in mapping(found.meta).items()}
    return {
        "cloud": "tencent",
        "bucket": bucket,
        "region": where,
        "key": key,
        "version": _version(when, found.size, meta),
        "size": size(found.size),
        "uploaded_at": moment(when),
        "version_id": text(found.vid) or meta.get("x-cos-version-id") or None,
        "etag": meta.get("etag", "").strip('"') or None,
        "reference": reference_in(meta),
    }


def _trace(raw: Any) -> str | None:
    meta = mapping(mapping(mapping(mapping(raw).get("cos")).get("cosObject")).get("meta"))
    return first(meta.get("x-cos-meta-traceparent"))


def _version(when: Loose, bytes_: Loose, meta: Mapping[str, str]) -> str:
    for name in ("x-cos-version-id", "x-cos-request-id", "etag"):
        if value := meta.get(name):
            return value.strip('"')
    # Neither is promised. Time and size tell two uploads apart unless both fall into one second.
    return f"{_written(when) or None}-{size(bytes_)}"


def _written(value: Loose) -> str:
    """Return a text or a number as text, in one writing whether it is whole or ends in ``.0``."""
    whole = isinstance(value, float) and value.is_integer()
    return text(int(value)) if whole else text(value) or (str(value) if _fraction(value) else "")


def _fraction(value: Loose) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _place(cos: _Cos) -> tuple[str, str, str]:
    """Return bucket with appid, region and decoded key."""
    name = cos.cosBucket.name
    appid = _written(cos.cosBucket.appid).strip() or os.environ.get("TENCENTCLOUD_APPID", "")
    before = None if appid else re.match(_FOLDER, cos.cosObject.key)
    if before and before["name"] in {name, f"{name}-{before['appid']}"}:
        appid = before["appid"]
    bucket = name if not appid or name.endswith(f"-{appid}") else f"{name}-{appid}"
    written = region_said(cos.cosBucket.region)
    url = cos.cosObject.url if isinstance(cos.cosObject.url, str) else ""
    try:
        split = urlsplit(url)
        host = split.hostname or ""
    except ValueError:
        split, host = urlsplit(""), ""
    path = split.path
    if split.query or split.fragment:  # a key with ? or # that was not encoded
        path = url.partition(split.netloc)[2]
    found = re.match(_NEW_HOST, host) or re.match(_OLD_HOST, host)
    if found and len(path) > 1:
        there = found.groupdict()
        code, said = there.get("code") or "", there.get("region") or ""
        known = REGIONS.get(code, REGIONS.get(written, written))
        where = known if said.startswith(_ACCELERATED) else said or known
        return found["bucket"], region(where, "tencent"), unquote(path[1:])
    return bucket, region(REGIONS.get(written, written), "tencent"), cut(cos.cosObject.key, bucket)


def cut(key: str, bucket: str) -> str:
    """Return a key without what COS's events put before it: ``/<appid>/<bucket>/``, or a slash.

    :param bucket: with its appid.
    """
    name, _, appid = bucket.rpartition("-")
    for folder in (f"{appid}/{name}/", f"{appid}/{bucket}/"):
        if key.removeprefix("/").startswith(folder):
            return key.removeprefix("/").removeprefix(folder)
    return key.removeprefix("/")
