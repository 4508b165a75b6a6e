"""The version that the event names is read, or nothing: never another's content under its name."""

from __future__ import annotations

import base64
import datetime as dt
import time
from typing import Any, get_args

import pytest

from tests.clouds.bucket import FakeBucket, etag
from vindrop.core.object_store import ObjectStores
from vindrop.core.photo import Photographer
from vindrop.domain import error_codes
from vindrop.domain.failures import FailureError
from vindrop.domain.upload import BucketCloud, Upload

CLOUDS = get_args(BucketCloud)
FIRST, SECOND = b"\xff\xd8\xff first", b"\xff\xd8\xff second, longer"


@pytest.fixture(params=CLOUDS)
def bucket(request: pytest.FixtureRequest) -> Any:
    with FakeBucket(request.param) as server:
        yield server


def test_each_event_gets_its_own_version_in_a_bucket_that_keeps_versions(
    bucket: FakeBucket,
) -> None:
    bucket.put("a.jpg", FIRST, "v/1+=")
    bucket.put("a.jpg", SECOND, "v2")
    store = bucket.store()
    for version, data in (("v/1+=", FIRST), ("v2", SECOND)):
        upload = bucket.upload("a.jpg", version_id=version)
        assert store.fetch(upload) == data
        peek = store.peek(upload)
        assert (peek.head, peek.size) == (data, len(data))
        assert store.stat(upload).etag == etag(data)


def test_the_signed_url_opens_the_same_version(bucket: FakeBucket) -> None:
    import requests

    bucket.put("a.jpg", FIRST, "v1")
    bucket.put("a.jpg", SECOND, "v2")
    url = bucket.store().url(bucket.upload("a.jpg", version_id="v1"))
    assert requests.get(url, timeout=10).content == FIRST


def test_a_delete_marker_over_a_version_does_not_hide_it(bucket: FakeBucket) -> None:
    bucket.put("a.jpg", FIRST, "v1")
    bucket.put("a.jpg", None, "marker")
    assert bucket.store().fetch(bucket.upload("a.jpg", version_id="v1")) == FIRST
    with pytest.raises(FailureError) as caught:
        bucket.store().fetch(bucket.upload("a.jpg"))
    assert caught.value.failure.code == error_codes.OBJECT_MISSING


def test_the_null_version_is_one_as_well(bucket: FakeBucket) -> None:
    """Written before the bucket kept versions, or while that was suspended."""
    bucket.put("a.jpg", FIRST, "null")
    bucket.put("a.jpg", SECOND, "v2")
    upload = bucket.upload("a.jpg", version_id="null", etag=etag(FIRST))
    assert bucket.store().fetch(upload) == FIRST
    bucket.put("a.jpg", SECOND, "null")  # overwritten: it keeps no more than one
    with pytest.raises(FailureError) as caught:
        bucket.store().fetch(upload)
    assert caught.value.failure.code == error_codes.SUPERSEDED


@pytest.mark.parametrize("form", ["url", "bytes"])
def test_content_that_changed_before_it_was_read_is_superseded(
    bucket: FakeBucket, form: Any
) -> None:
    """Without versions the ETag of the event decides; for a URL at the first look."""
    ways = ["etag"] if bucket.cloud == "tencent" else ["etag", "version", "version and sequencer"]
    for how in ways:
        _assert_superseded(bucket, how, form)


def _assert_superseded(bucket: FakeBucket, how: str, form: Any) -> None:
    tag = etag(FIRST).upper() if bucket.cloud == "alibaba" else etag(FIRST)
    named = {"etag": tag} if how == "etag" else {"version": tag + ("+0A" if "and" in how else "")}
    bucket.put("a.jpg", SECOND)

    class Only(ObjectStores):
        def of(self, _cloud: object) -> Any:
            return bucket.store()

    photographer = Photographer(bucket.store()._settings, Only())
    with pytest.raises(FailureError, match="the later event reads it") as caught:
        photographer.take(bucket.upload("a.jpg", **named), form)
    assert caught.value.failure.code == error_codes.SUPERSEDED


def test_an_etag_that_is_invented_holds_nothing_up(bucket: FakeBucket) -> None:
    bucket.put("a.jpg", FIRST)
    assert bucket.store().fetch(bucket.upload("a.jpg", etag="sample-0000")) == FIRST


@pytest.mark.parametrize("tag", [None, etag(FIRST)])
def test_a_role_that_may_not_read_versions_reads_the_latest_where_it_is_the_one_that_is_meant(
    bucket: FakeBucket, tag: str | None
) -> None:
    bucket.put("a.jpg", FIRST, "v1")
    bucket.without_versions = True
    upload = bucket.upload("a.jpg", version_id="v1", etag=tag)
    assert bucket.store().fetch(upload) == FIRST
    bucket.put("a.jpg", SECOND, "v2")
    with pytest.raises(FailureError, match="GetObjectVersion"):
        bucket.store().fetch(upload)


def cos_event(bucket: FakeBucket, *, ago: float, size: int | None, **more: Any) -> Upload:
    """As an event of an unversioned bucket: it names the request that wrote the object."""
    at = int(time.time() - ago)
    request = base64.b64encode(f"{at:x}_25b25864_1521_278a".encode()).decode()
    when = dt.datetime.fromtimestamp(at, dt.timezone.utc)
    return bucket.upload("a.jpg", **{"version": request, "uploaded_at": when, "size": size, **more})


@pytest.mark.parametrize(
    ("ago", "size", "superseded"),
    [
        (0, len(FIRST), False),
        (0, len(FIRST) + 1, False),  # the clocks of both may be two seconds apart
        (1800, len(FIRST), False),  # it may have been on its way for so long
        (1800, len(FIRST) + 1, True),
        (1800, None, False),
        (2 * 3600, len(FIRST), True),
        (2 * 3600, None, True),
        (30 * 86400, len(FIRST) + 1, False),  # a sample, or a console's template
    ],
)
def test_without_version_and_etag_cos_tells_by_time_and_size(
    ago: float, size: int | None, superseded: bool
) -> None:
    with FakeBucket("tencent") as bucket:
        bucket.put("a.jpg", FIRST)
        upload = cos_event(bucket, ago=ago, size=size)
        for ask in (bucket.store().peek, bucket.store().fetch):
            if not superseded:
                ask(upload)
                continue
            with pytest.raises(FailureError) as caught:
                ask(upload)
            assert caught.value.failure.code == error_codes.SUPERSEDED


@pytest.mark.parametrize(
    "more",
    [
        {"version": "1795000000-17"},
        {"version": "bm8gdGltZQ=="},
        {"version": base64.b64encode(b"00000001_a_b").decode()},
        {"uploaded_at": None},
        {"etag": etag(FIRST)},
    ],
)
def test_what_is_no_real_event_of_cos_is_held_against_nothing(more: dict[str, Any]) -> None:
    with FakeBucket("tencent") as bucket:
        bucket.put("a.jpg", FIRST)
        upload = cos_event(bucket, ago=2 * 3600, size=1, **more)
        assert bucket.store().fetch(upload) == FIRST
