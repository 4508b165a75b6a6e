"""What lies in a bucket, page by page, by the listing that all clouds have in common (ListObjects)."""

from __future__ import annotations

import datetime as dt
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from vindrop.clouds import store_classes
from vindrop.core import retry
from vindrop.core.retry import RetryableError
from vindrop.domain.error_codes import OBJECT_FORBIDDEN, OBJECT_MISSING, STORAGE_UNAVAILABLE
from vindrop.domain.failures import FailureError
from vindrop.domain.upload import BucketCloud, Upload

if TYPE_CHECKING:
    from vindrop.clouds.http_store import HTTPStore

PAGE: Final = 1000
"""Objects per request: the most that a cloud gives."""
TRIES: Final = 4
FIRST_WAIT: Final = 0.2
LONGEST_WAIT: Final = 5.0
"""Seconds between tries at most: exponential backoff with full jitter."""


class PlaceError(ValueError):
    """Not the name of a bucket. ``str()`` says how one is written."""


def parse_place(url: str) -> tuple[BucketCloud, str, str]:
    """Return cloud, bucket and key prefix of ``cos://bucket/prefix``, ``s3://bucket/prefix``, ….

    :raises PlaceError: another form.
    """
    split = urlsplit(url)
    stores = {store.scheme: store for store in store_classes()}
    if split.scheme not in stores or not split.netloc or split.query or split.fragment:
        forms = [f"{store.scheme}://{store.bucket_example}/prefix" for store in stores.values()]
        raise PlaceError(f"{url} names no bucket: write {' or '.join(forms)}")
    return stores[split.scheme].cloud, split.netloc, split.path.removeprefix("/")


def pages(
    store: HTTPStore, bucket: str, region: str, prefix: str, *, timeout: float
) -> Iterator[list[Upload]]:
    """Yield the objects under ``prefix``; see `vindrop.core.object_store.ObjectStore.pages`."""
    import requests

    session, marker = requests.Session(), ""
    while True:
        root = _page(store, session, bucket, region, prefix, marker, timeout)
        encoded = root.findtext("{*}EncodingType") == "url"
        objects = [
            _upload(store, bucket, region, each, encoded=encoded)
            for each in root.findall("{*}Contents")
        ]
        yield [each for each in objects if not each.key.endswith("/")]
        if root.findtext("{*}IsTruncated") != "true":
            return
        following = root.findtext("{*}NextMarker") or ""
        following = store.decode_key(following) if encoded else following
        following = following or (objects[-1].key if objects else "")
        if following <= marker:  # never the same page for ever
            raise FailureError(STORAGE_UNAVAILABLE, "the bucket's list does not go on: try again")
        marker = following


def _page(
    store: HTTPStore,
    session: Any,
    bucket: str,
    region: str,
    prefix: str,
    marker: str,
    timeout: float,
) -> ET.Element:
    import requests

    def ask() -> ET.Element:
        parameters = {
            "prefix": prefix,
            "marker": marker,
            "max-keys": str(PAGE),
            "encoding-type": "url",  # a key may hold what XML cannot
        }
        url = store.listing_url(bucket, region, parameters)
        try:
            answer = session.get(url, timeout=timeout, allow_redirects=False)
        except requests.RequestException as error:
            raise RetryableError(type(error).__name__) from None
        if answer.status_code >= 500:
            raise RetryableError(f"status {answer.status_code}")
        if answer.status_code != 200:
            raise _refused(answer.status_code, f"{store.scheme}://{bucket}")
        try:
            # From the bucket's own host, and expat itself bounds what entities expand to.
            return ET.fromstring(answer.content)  # noqa: S314
        except ET.ParseError:
            raise RetryableError("a list that breaks off") from None

    try:
        return retry.call(ask, tries=TRIES, base=FIRST_WAIT, cap=LONGEST_WAIT)
    except RetryableError as error:
        raise FailureError(
            STORAGE_UNAVAILABLE, f"the bucket cannot be listed ({error}): try again"
        ) from None


def _upload(
    store: HTTPStore, bucket: str, region: str, entry: ET.Element, *, encoded: bool
) -> Upload:
    key = entry.findtext("{*}Key") or ""
    changed = (entry.findtext("{*}LastModified") or "").replace("Z", "+00:00")
    return Upload(
        cloud=store.cloud,
        bucket=bucket,
        region=region,
        key=store.decode_key(key) if encoded else key,
        version=(entry.findtext("{*}ETag") or "").strip('"'),
        size=int(entry.findtext("{*}Size") or 0),
        uploaded_at=dt.datetime.fromisoformat(changed),
    )


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
