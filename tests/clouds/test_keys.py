"""A key is read exactly as it is: no part of the way rewrites it, and it reaches no other object."""

from __future__ import annotations

from typing import Any, get_args
from urllib.parse import unquote

import pytest

from tests.clouds.bucket import PLACES, FakeBucket, meant
from vindrop.core.object_store import ObjectStores
from vindrop.core.photo import Photographer
from vindrop.domain import error_codes
from vindrop.domain.failures import FailureError
from vindrop.domain.upload import BucketCloud

CLOUDS = get_args(BucketCloud)
DATA = b"\xff\xd8\xff a photo"
ODD = [
    "x/../y.jpg", "x/./y.jpg", "../up.jpg", "./here.jpg", "x/..", "..", ".", "x/.", "x/...",
    "x//y.jpg", "/lead.jpg", "//lead.jpg", "///", "../../other/a.jpg", "/../photos/a.jpg",
    "%2e%2e/y.jpg", "x/%2E%2E/y.jpg", "a%2Fb.jpg", "100%.jpg", "a%20b.jpg", "%", "a%00.jpg",
]  # fmt: skip
PLAIN = [
    "a b.jpg", "a+b.jpg", "a?b#c.jpg", "a#b", "a&b=c;d,e.jpg", "a@b$.jpg", "a:b|c\\d.jpg",
    "a[1]{2}.jpg", "a'b\"c`.jpg", "trailing.", "x.jpg.", "a\nb.jpg", "a\tb.jpg", "a\rb", "\x01\x7f",
    "車.jpg", "📷.jpg", "é.jpg", "e\u0301.jpg", "\u2028\u202e\ufeff", "~t!*'().jpg", "a\u00a0b",
    "versionId=1?versionId=2", "?list-type=2", "#", "?",
]  # fmt: skip


@pytest.fixture(params=CLOUDS)
def bucket(request: pytest.FixtureRequest) -> Any:
    with FakeBucket(request.param) as server:
        yield server


def test_every_key_gets_its_own_object_and_no_other(bucket: FakeBucket) -> None:
    keys = [*ODD, *PLAIN]
    for number, key in enumerate(keys):
        bucket.put(key, DATA + str(number).encode())
    store = bucket.store()
    for number, key in enumerate(keys):
        upload = bucket.upload(key)
        assert store.fetch(upload) == DATA + str(number).encode(), key
        assert store.peek(upload).size == len(DATA) + len(str(number)), key
        assert store.stat(upload).size == len(DATA) + len(str(number)), key
    name, _ = PLACES[bucket.cloud]
    folder = f"/{name}/" if store.path_style else "/"
    paths = [meant("http://h" + target).partition(folder)[2] for target in bucket.targets]
    assert [unquote(path) for path in paths[::3]] == keys


@pytest.mark.parametrize("key", ODD)
def test_a_key_that_others_would_rewrite_is_sent_as_bytes(bucket: FakeBucket, key: str) -> None:
    """Whoever fetches a URL may take dots and empty parts out of it: the bytes cannot go astray."""
    bucket.put(key, DATA)

    class Only(ObjectStores):
        def of(self, _cloud: object) -> Any:
            return bucket.store()

    photo = Photographer(bucket.store()._settings, Only()).take(bucket.upload(key), "url")
    rewritten = {"", ".", ".."} & set(key.split("/"))
    assert photo.form == ("bytes" if rewritten else "url")
    assert photo.data == (DATA if rewritten else None)


@pytest.mark.parametrize(("cloud", "most"), [("tencent", 850), ("aws", 1024), ("alibaba", 1024)])
def test_a_key_has_the_length_that_its_cloud_allows(cloud: BucketCloud, most: int) -> None:
    with FakeBucket(cloud) as bucket:
        longest = "é" * (most // 2)
        bucket.put(longest, DATA)
        assert bucket.store().fetch(bucket.upload(longest)) == DATA
        for key in (longest + "x", "x" * (most + 1), "é" * 20_000):
            with pytest.raises(FailureError, match=f"longer than the {most} bytes") as caught:
                bucket.store().fetch(bucket.upload(key))
            assert caught.value.failure.code == error_codes.MALFORMED_EVENT
        assert len(bucket.targets) == 1


@pytest.mark.parametrize("key", ["a\0.jpg", "\ud83d.jpg", "a\udc00"])
def test_a_key_that_no_database_takes_is_refused_before_anything_is_asked(
    bucket: FakeBucket, key: str
) -> None:
    with pytest.raises(FailureError, match="NUL or half a character") as caught:
        bucket.store().peek(bucket.upload(key))
    assert caught.value.failure.code == error_codes.MALFORMED_EVENT
    assert bucket.targets == []
