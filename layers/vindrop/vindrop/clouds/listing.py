"""What lies in a bucket, page by page: COS by signed requests, S3 through boto3."""

from __future__ import annotations

import datetime as dt
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from vindrop.clouds.credentials import for_storage
from vindrop.clouds.signing import signed_listing_url
from vindrop.core.store_errors import load_client
from vindrop.domain.failures import (
    OBJECT_FORBIDDEN,
    OBJECT_MISSING,
    STORAGE_UNAVAILABLE,
    FailureError,
)
from vindrop.domain.upload import Cloud, Upload
from vindrop.settings import Settings

PAGE: Final = 1000
"""Objects per request: the most that either cloud gives."""
_TRIES: Final = 4


class PlaceError(ValueError):
    """Not the name of a bucket. ``str()`` says how one is written."""


def parse_place(url: str) -> tuple[Cloud, str, str]:
    """Return cloud, bucket and key prefix of ``cos://bucket/prefix`` or ``s3://bucket/prefix``.

    :raises PlaceError: another form.
    """
    split = urlsplit(url)
    clouds: dict[str, Cloud] = {"cos": "tencent", "s3": "aws"}
    if split.scheme not in clouds or not split.netloc or split.query or split.fragment:
        raise PlaceError(
            f"{url} names no bucket: write cos://name-appid/prefix or s3://name/prefix"
        )
    return clouds[split.scheme], split.netloc, split.path.removeprefix("/")


def pages(
    cloud: Cloud,
    bucket: str,
    region: str,
    prefix: str,
    *,
    settings: Settings,
    environment: Mapping[str, str],
) -> Iterator[list[Upload]]:
    """Yield the objects under ``prefix``, a page at a time, folders left out.

    ``uploaded_at`` is the object's last change and ``version`` its ETag.

    :raises FailureError: no such bucket, not ours to list, or the store is away.
    """
    listed = (
        _cos(bucket, region, prefix, settings, environment)
        if cloud == "tencent"
        else _s3(bucket, region, prefix, settings, environment)
    )
    for page in listed:
        yield [
            Upload(
                cloud=cloud,
                bucket=bucket,
                region=region,
                key=key,
                version=etag.strip('"'),
                size=size,
                uploaded_at=changed,
            )
            for key, etag, size, changed in page
            if not key.endswith("/")
        ]


_Row = tuple[str, str, int, dt.datetime]


def _cos(
    bucket: str, region: str, prefix: str, settings: Settings, environment: Mapping[str, str]
) -> Iterator[list[_Row]]:
    import requests

    session, marker = requests.Session(), ""
    while True:
        root = _cos_page(session, bucket, region, prefix, marker, settings, environment)
        rows = [_cos_row(each) for each in root.findall("{*}Contents")]
        yield rows
        if root.findtext("{*}IsTruncated") != "true":
            return
        following = unquote(root.findtext("{*}NextMarker") or "") or (rows[-1][0] if rows else "")
        if following <= marker:  # never the same page for ever
            raise FailureError(STORAGE_UNAVAILABLE, "the bucket's list does not go on: try again")
        marker = following


def _cos_page(
    session: Any,
    bucket: str,
    region: str,
    prefix: str,
    marker: str,
    settings: Settings,
    environment: Mapping[str, str],
) -> ET.Element:
    import requests

    last = ""
    for _ in range(_TRIES):
        url = signed_listing_url(
            bucket,
            region,
            for_storage("tencent", environment),
            {
                "prefix": prefix,
                "marker": marker,
                "max-keys": str(PAGE),
                "encoding-type": "url",  # a key may hold what XML cannot
            },
            endpoint=settings.storage_endpoint,
        )
        try:
            answer = session.get(url, timeout=settings.storage_timeout, allow_redirects=False)
        except requests.RequestException as error:
            last = type(error).__name__
            continue
        if answer.status_code == 200:
            try:
                # From the bucket's own host, and expat itself bounds what entities expand to.
                return ET.fromstring(answer.content)  # noqa: S314
            except ET.ParseError:
                last = "a list that breaks off"
                continue
        if answer.status_code < 500:
            raise _refused(answer.status_code, f"cos://{bucket}")
        last = f"status {answer.status_code}"
    raise FailureError(STORAGE_UNAVAILABLE, f"the bucket cannot be listed ({last}): try again")


def _cos_row(entry: ET.Element) -> _Row:
    return (
        unquote(entry.findtext("{*}Key") or ""),
        entry.findtext("{*}ETag") or "",
        int(entry.findtext("{*}Size") or 0),
        dt.datetime.fromisoformat((entry.findtext("{*}LastModified") or "").replace("Z", "+00:00")),
    )


def _s3(
    bucket: str, region: str, prefix: str, settings: Settings, environment: Mapping[str, str]
) -> Iterator[list[_Row]]:
    boto3 = load_client("boto3", "a bucket on S3")
    errors = load_client("botocore.exceptions", "a bucket on S3")
    keys = for_storage("aws", environment)
    client = boto3.client(
        "s3",
        region_name=region,
        endpoint_url=settings.storage_endpoint or None,
        aws_access_key_id=keys.id,
        aws_secret_access_key=keys.key,
        aws_session_token=keys.token,
    )
    paginator = client.get_paginator("list_objects_v2")
    try:
        for page in paginator.paginate(
            Bucket=bucket, Prefix=prefix, PaginationConfig={"PageSize": PAGE}
        ):
            yield [
                (each["Key"], each["ETag"], int(each["Size"]), each["LastModified"])
                for each in page.get("Contents", [])
            ]
    except errors.ClientError as error:
        raise _refused(
            int(error.response["ResponseMetadata"]["HTTPStatusCode"]), f"s3://{bucket}"
        ) from None
    except errors.BotoCoreError as error:
        raise FailureError(
            STORAGE_UNAVAILABLE, f"the bucket cannot be listed ({type(error).__name__}): try again"
        ) from None


def _refused(status: int, place: str) -> FailureError:
    if status == 404:
        return FailureError(OBJECT_MISSING, f"there is no bucket {place} in this region")
    if status in {301, 307, 400, 401, 403}:
        return FailureError(
            OBJECT_FORBIDDEN,
            f"{place} may not be listed with these keys (status {status}): let them list the "
            "bucket, and check its region",
        )
    return FailureError(STORAGE_UNAVAILABLE, f"{place} answered with status {status}: try again")
