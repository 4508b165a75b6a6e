"""A key that is written twice before its events are worked on: no event gets the other's VIN."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests import secrets
from tests.pipeline.conftest import SAMPLES, World, a_call
from vindrop.core.app import App
from vindrop.domain import error_codes
from vindrop.triggers import upload_function
from vindrop_local import s3 as moto
from vindrop_local.sample_events import build

FIRST = (SAMPLES / "plate-04.jpg").read_bytes()
SECOND = (SAMPLES / "stamped-04.jpg").read_bytes()
VINS = ["5NPEVYK97FD841835", "LSG77FH75BE263982"]


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


@pytest.fixture
def app(world: World, endpoint: str) -> App:
    return world.app(VINDROP_STORAGE_ENDPOINT=endpoint, VINDROP_VINOCR_TIMEOUT="60")


def keep_versions(s3: Any, status: str = "Enabled") -> None:
    s3.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": status})


def put(s3: Any, photo: bytes, kind: str = "s3") -> dict[str, Any]:
    """Write the object and return the event that S3 sends of it."""
    answer = s3.put_object(Bucket="photos", Key="a b.jpg", Body=photo)
    event: dict[str, Any] = build(kind, bucket="photos", key="a b.jpg", size=len(photo))
    version, tag = answer.get("VersionId"), answer["ETag"].strip('"')
    if kind == "s3":
        event["Records"][0]["s3"]["object"] |= {"eTag": tag, "sequencer": f"{len(photo):X}"}
        if version:
            event["Records"][0]["s3"]["object"]["versionId"] = version
    else:
        event["detail"]["object"] |= {"etag": tag, "sequencer": f"{len(photo):X}"}
        if version:
            event["detail"]["object"]["version-id"] = version
    return event


def ended(app: App, *events: Any) -> list[Any]:
    return [upload_function.process(app, event, a_call())["ended"] for event in events]


@pytest.mark.parametrize("kind", ["s3", "eventbridge-aws"])
@pytest.mark.parametrize("order", [1, -1])
def test_with_versions_each_event_gets_its_own(
    world: World, s3: Any, app: App, kind: str, order: int
) -> None:
    keep_versions(s3)
    events = [put(s3, FIRST, kind), put(s3, SECOND, kind)]
    assert ended(app, *events[::order]) == [{"reading": 1}] * 2
    found = {reading.upload.version: reading.vin for reading in world.readings()}
    assert sorted(found.values()) == sorted(VINS)
    listed = s3.list_object_versions(Bucket="photos")["Versions"]
    latest = next(each["VersionId"] for each in listed if each["IsLatest"])
    assert found[latest] == VINS[1]


def test_a_delete_marker_does_not_hide_the_version_below_it(
    world: World, s3: Any, app: App
) -> None:
    keep_versions(s3)
    event = put(s3, FIRST)
    s3.delete_object(Bucket="photos", Key="a b.jpg")
    assert ended(app, event) == [{"reading": 1}]
    assert [reading.vin for reading in world.readings()] == VINS[:1]


def test_the_null_version_is_read_below_later_ones(world: World, s3: Any, app: App) -> None:
    before = put(s3, FIRST)
    before["Records"][0]["s3"]["object"]["versionId"] = "null"
    keep_versions(s3)
    after = put(s3, SECOND)
    assert ended(app, before, after) == [{"reading": 1}] * 2
    assert sorted(reading.vin for reading in world.readings()) == sorted(VINS)


@pytest.mark.parametrize("image", ["bytes", "url"])
@pytest.mark.parametrize("kind", ["s3", "eventbridge-aws"])
def test_without_versions_what_was_overwritten_is_superseded(
    world: World, s3: Any, endpoint: str, kind: str, image: str
) -> None:
    app = world.app(
        VINDROP_STORAGE_ENDPOINT=endpoint, VINDROP_VINOCR_TIMEOUT="60", VINDROP_IMAGE=image
    )
    events = [put(s3, FIRST, kind), put(s3, SECOND, kind)]
    before = world.calls()
    assert ended(app, *events) == [{"dead_letter": 1}, {"reading": 1}]
    assert [reading.vin for reading in world.readings()] == VINS[1:]
    (letter,) = world.dead_letters()
    assert letter.code == error_codes.SUPERSEDED
    assert "the later event reads it" in letter.message
    assert (world.calls() - before).billed == 1
