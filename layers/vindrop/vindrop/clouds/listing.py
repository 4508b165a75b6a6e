"""What lies in a bucket, page by page, by the listing that all clouds have in common (ListObjects)."""

from __future__ import annotations

import datetime as dt
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from vindrop.clouds import UnansweredError, refusals, store_classes
from vindrop.clouds.http_store import Request
from vindrop.core import retry
from vindrop.core.object_store import Stat
from vindrop.core.retry import RetryableError
from vindrop.domain.error_codes import STORAGE_UNAVAILABLE
from vindrop.domain.failures import FailureError
from vindrop.domain.upload import BucketCloud, Upload, reference_in

if TYPE_CHECKING:
    from vindrop.clouds.http_store import HTTPStore

PAGE: Final = 1000
"""Objects per request: the most that a cloud gives."""
PAGE_BYTES: Final = 16_000_000
"""Of one page, the most that is read: keys of full length in their longest writing take less."""
SECONDS: Final = 60
"""Seconds that the signed URL of a listing lives."""
TRIES: Final = 4
FIRST_WAIT: Final = 0.2
LONGEST_WAIT: Final = 5.0
"""Seconds between tries at most: exponential backoff with full jitter."""

_SENSELESS: Final = (
    "the bucket's list has an entry without a key, or whose size or time make no sense: look at it "
    "with the store's own tool"
)


class PlaceError(ValueError):
    """Not the name of a bucket. ``str()`` says how one is written."""


def parse_place(url: str) -> tuple[BucketCloud, str, str]:
    """Return cloud, bucket and key prefix of ``cos://bucket/prefix``, ``s3://bucket/prefix``, ….

    :raises PlaceError: another form.
    """
    try:
        split = urlsplit(url)
    except ValueError:  # a bracket where a bucket would stand
        split = urlsplit("")
    stores = {store.scheme: store for store in store_classes()}
    if split.scheme not in stores or not split.netloc or split.query or split.fragment:
        forms = [f"{store.scheme}://{store.bucket_example}/prefix" for store in stores.values()]
        raise PlaceError(f"{url} names no bucket: write {' or '.join(forms)}")
    return stores[split.scheme].cloud, split.netloc, split.path.removeprefix("/")


def pages(store: HTTPStore, bucket: str, region: str, prefix: str) -> Iterator[list[Upload]]:
    """Yield the objects under ``prefix``; see `vindrop.core.object_store.ObjectStore.pages`."""
    marker = ""
    while True:
        root = _page(store, bucket, region, prefix, marker)
        encoded = root.findtext("{*}EncodingType") == "url"
        try:
            objects = [
                _upload(store, bucket, region, each, encoded=encoded)
                for each in root.findall("{*}Contents")
            ]
        except (ValueError, OverflowError):
            raise FailureError(STORAGE_UNAVAILABLE, _SENSELESS) from None
        yield [each for each in objects if not each.key.endswith("/")]
        if root.findtext("{*}IsTruncated") != "true":
            return
        following = root.findtext("{*}NextMarker") or ""
        following = store.decode_key(following) if encoded else following
        following = following or (objects[-1].key if objects else "")
        if following <= marker:  # never the same page for ever
            raise FailureError(STORAGE_UNAVAILABLE, "the bucket's list does not go on: try again")
        marker = following


def url(store: HTTPStore, bucket: str, region: str, parameters: Mapping[str, str]) -> str:
    """Return a signed URL that lists a bucket.

    :param parameters: of the request (prefix, marker, …); those that are empty are left out.
    """
    unsigned = store.object_url(bucket, region, "", store.endpoint)
    given = {name: value for name, value in parameters.items() if value}
    request = Request("GET", unsigned, bucket, region, "", given, {})
    return store.sign(request, store.credentials(), SECONDS)


def stat(store: HTTPStore, upload: Upload) -> Stat:
    """Ask what is there; see `vindrop.core.object_store.ObjectStore.stat`."""
    asked = replace(upload, etag=None, version="")
    try:
        answer = store.ask(asked, {}, method="HEAD")
    except UnansweredError:
        raise
    except FailureError:
        # An answer to HEAD has no body, so that it says no reason: GET does.
        answer = store.ask(asked, {"Range": "bytes=0-0"})
    with answer:
        given = answer.headers.get
        length = given("Content-Range", "").rpartition("/")[2] or given("Content-Length", "")
        etag = (given("ETag") or "").strip('"')
        version = given(store.version_header) or etag
        return Stat(
            int(length) if length.isdigit() else None,
            etag if version == "null" else version,
            etag,
            _moment(given("Last-Modified")),
            reference_in(answer.headers),
        )


def _moment(text: str | None) -> dt.datetime | None:
    try:
        found = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=dt.timezone.utc)  # asctime's form


def _page(store: HTTPStore, bucket: str, region: str, prefix: str, marker: str) -> ET.Element:
    parameters = {
        "prefix": prefix,
        "marker": marker,
        "max-keys": str(PAGE),
        "encoding-type": "url",  # a key may hold what XML cannot
    }

    def ask() -> ET.Element:
        try:
            with store.send("GET", url(store, bucket, region, parameters), {}) as answer:
                if answer.status_code >= 500:
                    raise RetryableError(f"status {answer.status_code}")
                if answer.status_code != 200:
                    refused = refusals.read(store, answer)
                    raise refusals.failure(store, refused, bucket, region)
                text = store.read(answer, PAGE_BYTES, cut=False)
            # From the bucket's own host, and expat itself bounds what entities expand to.
            return ET.fromstring(text)  # noqa: S314
        except UnansweredError as error:
            raise RetryableError(error.failure.message) from None
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
    etag = (entry.findtext("{*}ETag") or "").strip('"')
    # Compatible stores write any number of digits behind the seconds; Python 3.10 reads 3 or 6.
    changed = (entry.findtext("{*}LastModified") or "").partition(".")[0].removesuffix("Z")
    return Upload(
        cloud=store.cloud,
        bucket=bucket,
        region=region,
        key=store.decode_key(key) if encoded else key,
        version=etag,
        size=int(entry.findtext("{*}Size") or 0),
        uploaded_at=dt.datetime.fromisoformat(changed).replace(tzinfo=dt.timezone.utc),
        etag=etag or None,
    )
