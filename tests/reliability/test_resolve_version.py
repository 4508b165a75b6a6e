"""One object, told of by its event and named plainly, by HTTP or in a step: one upload, paid for once."""

from __future__ import annotations

import datetime as dt
import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from tests import secrets
from tests.http.conftest import Service, make_service
from tests.pipeline.conftest import SAMPLES, World, a_call
from vindrop import settings as settings_module
from vindrop.clouds import Stores
from vindrop.core.app import App
from vindrop.core.ledger import Seen
from vindrop.core.resolve_version import same
from vindrop.domain.upload import Upload
from vindrop.triggers import step, upload_function
from vindrop_local import s3 as moto
from vindrop_local.sample_events import build

__all__ = ["make_service"]

PLATE = (SAMPLES / "plate-04.jpg").read_bytes()
OTHER = (SAMPLES / "stamped-04.jpg").read_bytes()
NOW = 1_794_052_800.0


def announce(app: App, upload: Upload, **changes: Any) -> None:
    """The object's event, as its bucket sends it."""
    kind = "cos" if upload.cloud == "tencent" else "s3"
    event = build(
        kind, bucket=upload.bucket, key=upload.key, region=upload.region, size=upload.size or 0
    )
    event["Records"][0].get("s3", {}).get("object", {}).update(changes)
    assert upload_function.process(app, event, a_call())["ended"] == {"reading": 1}


def test_on_cos_what_the_event_brought_is_known_by_name(
    make_service: Callable[..., Service], world: World
) -> None:
    upload = world.photo()
    service = make_service(VINDROP_ALLOWED_BUCKETS=upload.bucket)
    announce(service.app, upload)
    (reading,) = world.readings()
    before = world.calls()
    named = {"bucket": upload.bucket, "key": upload.key, "region": upload.region}
    assert step.process(service.app, named, a_call())["id"] == reading.id
    answer = service.post(json.dumps(named | {"cloud": "tencent"}), kind="application/json")
    assert (answer.json["id"], answer.json["new"]) == (reading.id, False)
    assert (world.calls() - before).received == 0


def test_on_cos_new_content_under_the_same_name_is_read_anew(world: World) -> None:
    app, upload = world.app(VINDROP_VINOCR_TIMEOUT="60"), world.photo()
    announce(app, upload)
    path, later = world.objects / upload.key, time.time() + 30
    path.write_bytes(OTHER)
    os.utime(path, (later, later))
    named = {"bucket": upload.bucket, "key": upload.key, "region": upload.region}
    answer = step.process(app, named, a_call())
    assert answer["vin"] == "LSG77FH75BE263982"
    assert len(world.readings()) == 2


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto.server() as url:
        yield url


@pytest.fixture
def s3(endpoint: str) -> Any:
    requests.post(f"{endpoint}/moto-api/reset", timeout=30)
    made = moto.client(endpoint, secrets.AWS_ID, secrets.AWS_KEY)
    made.create_bucket(Bucket="photos")
    return made


@pytest.mark.parametrize("versioned", [False, True])
@pytest.mark.parametrize("spelt", ["plain", "listing"])
def test_on_s3_what_the_event_brought_is_known_by_name(
    world: World, s3: Any, endpoint: str, versioned: bool, spelt: str
) -> None:
    if versioned:
        s3.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
    app = world.app(VINDROP_STORAGE_ENDPOINT=endpoint, VINDROP_VINOCR_TIMEOUT="60")

    def put(photo: bytes) -> dict[str, Any]:
        put = s3.put_object(Bucket="photos", Key="a b.jpg", Body=photo)
        tag = put["ETag"].strip('"')
        upload = Upload(
            cloud="aws",
            bucket="photos",
            region="us-east-1",
            key="a b.jpg",
            version="",
            size=len(photo),
        )
        more = {"versionId": put["VersionId"]} if versioned else {}
        announce(app, upload, eTag=tag, sequencer=str(len(photo)), **more)
        if spelt == "plain":
            return {"bucket": "photos", "key": "a b.jpg", "region": "us-east-1"}
        (item,) = s3.list_objects_v2(Bucket="photos")["Contents"]
        return {
            "Bucket": "photos",
            "Region": "us-east-1",
            "Key": item["Key"],
            "Etag": item["ETag"],
            "Size": item["Size"],
        }

    for number, (photo, vin) in enumerate(
        [(PLATE, "5NPEVYK97FD841835"), (OTHER, "LSG77FH75BE263982")], start=1
    ):
        named = put(photo)
        before = world.calls()
        answer = step.process(app, named, a_call())
        assert answer["vin"] == vin
        assert answer["id"] in {reading.id for reading in world.readings()}
        assert len(world.readings()) == number
        assert (world.calls() - before).received == 0


def at(cloud: str, version: str, *, size: int | None = 7, changed: float = NOW) -> Upload:
    moment = dt.datetime.fromtimestamp(changed, dt.timezone.utc)
    return Upload(cloud, "b", "r", "k", version, size, moment)  # type: ignore[arg-type]


TAG, OLD = "a" * 32, "b" * 32
SETTINGS = {
    "VINDROP_LEDGER": "none",
    "VINDROP_RESULTS": "file:///dev/null",
    "VINDROP_DEAD_LETTERS": "file:///dev/null",
}


@pytest.mark.parametrize(
    ("there", "etag", "seen", "is_same"),
    [
        # COS: by time and size.
        (at("tencent", TAG), TAG, Seen("request", NOW + 5, 7), True),
        (at("tencent", TAG), TAG, Seen("request", NOW - 1, 7), True),
        (at("tencent", TAG), TAG, Seen("request", NOW - 3, 7), False),
        (at("tencent", TAG), TAG, Seen("request", NOW + 5, 8), False),
        (at("tencent", TAG), TAG, Seen("request", NOW + 5, None), True),
        (at("tencent", "version"), TAG, Seen("version", NOW - 99, 7), True),
        # S3: by ETag or version, whatever the clocks say.
        (at("aws", TAG), TAG, Seen(f"{TAG}+00A1", NOW - 99, 7), True),
        (at("aws", TAG), TAG, Seen(f"{OLD}+00A1", NOW + 5, 7), False),
        (at("aws", f"{TAG}-2"), f"{TAG}-2", Seen(f"{TAG}-2+00A1", NOW - 99, 7), True),
        (at("aws", "v2"), TAG, Seen("v2", NOW - 99, 7), True),
        (at("aws", "v2"), TAG, Seen("v1", NOW + 5, 7), False),
        (at("aws", "v2"), TAG, Seen(f"{TAG}+00A1", NOW - 99, 7), True),
        # OSS, whose ETags are in capitals.
        (at("alibaba", TAG.upper()), TAG.upper(), Seen(f"{TAG.upper()}+5D08", NOW - 99, 7), True),
        (at("alibaba", TAG.upper()), TAG.upper(), Seen(f"{OLD.upper()}+5D08", NOW + 5, 7), False),
        # S3's list says nothing of versions: by time and size again.
        (at("aws", TAG), TAG, Seen("v1", NOW + 5, 7), True),
        (at("aws", TAG), TAG, Seen("v1", NOW - 5, 7), False),
    ],
)
def test_what_is_the_same_object(there: Upload, etag: str, seen: Seen, is_same: bool) -> None:
    store = Stores(settings_module.load(SETTINGS), {}).of(there.cloud)
    assert (same(store, there, etag, [seen]) is not None) == is_same


def test_of_several_it_is_the_latest() -> None:
    first, second = Seen("r1", NOW + 1, 7), Seen("r2", NOW + 2, 7)
    store = Stores(settings_module.load(SETTINGS), {}).of("tencent")
    assert same(store, at("tencent", TAG), TAG, [second, first]) is second
