"""Large photos on AWS: a signed PUT to S3, the object read once, by version where there is one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests import secrets
from tests.http import events
from tests.http.conftest import KEY, Answer, understand
from tests.pipeline.conftest import SAMPLES, World
from vindrop import http, settings
from vindrop.core.app import App
from vindrop.core.invocation import Invocation
from vindrop.wiring import build
from vindrop_local import s3 as moto

BUCKET = "photos"
PLATE = (SAMPLES / "plate-04.jpg").read_bytes()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto.server() as url:
        yield url


@pytest.fixture
def s3(endpoint: str) -> Any:
    requests.post(f"{endpoint}/moto-api/reset", timeout=30)
    client = moto.client(endpoint, secrets.AWS_ID, secrets.AWS_KEY)
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def app(world: World, endpoint: str) -> App:
    store = f"sqlite:///{world.folder}/vindrop.db"
    given = {
        "VINDROP_RESULTS": store,
        "VINDROP_DEAD_LETTERS": store,
        "VINDROP_LEDGER": store,
        "VINDROP_VINOCR_ENDPOINT": world.vinocr.endpoint,
        **secrets.VINOCR,
        "VINDROP_VINOCR_TIMEOUT": "60",
        "VINDROP_HTTP_SECONDS": "200",
        "VINDROP_STORAGE_ENDPOINT": endpoint,
        "VINDROP_UPLOAD_BUCKET": BUCKET,
        "VINDROP_UPLOAD_REGION": "us-east-1",
        "VINDROP_RATE": "500",
        "VINDROP_API_KEYS": KEY,
    }
    return build(settings.load(given), secrets.AWS | {"AWS_SESSION_TOKEN": secrets.AWS_TOKEN})


def post(app: App, path: str, document: Any) -> Answer:
    headers = {"Content-Type": "application/json", "X-Api-Key": KEY}
    event = events.GATEWAYS["aws_url"]("POST", path, headers, json.dumps(document))
    call = Invocation("lambda", "request-1", "http_api", 200.0)
    return understand(http.process(event, call, settings=lambda: app.settings, app=lambda: app))


@pytest.mark.parametrize("versioned", [False, True])
def test_a_large_photo_goes_to_s3_and_is_read_once(
    world: World, app: App, s3: Any, versioned: bool
) -> None:
    if versioned:
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    photo = PLATE + bytes(9_000_000)
    place = post(app, "/v1/uploads", {"size": len(photo), "type": "image/jpeg"}).json
    assert place["object"]["cloud"] == "aws"
    assert "SignedHeaders=content-length%3Bcontent-type%3Bhost" in place["url"]
    put = requests.put(place["url"], data=photo, headers=place["headers"], timeout=60)
    assert put.status_code == 200
    before = world.calls()
    first, again = (post(app, "/v1/vin", place["object"]) for _ in range(2))
    assert first.status == 200, first.text
    assert again.json["new"] is False
    assert (world.calls() - before).billed == 1
    version = first.json["upload"]["version"]
    head = s3.head_object(Bucket=BUCKET, Key=place["object"]["key"])
    assert version == (head["VersionId"] if versioned else head["ETag"].strip('"'))
    assert "PLANTED" not in first.text


def test_new_content_under_the_same_key_is_read_anew(world: World, app: App, s3: Any) -> None:
    vins = []
    for sample in ("plate-04.jpg", "label-01.jpg"):
        s3.put_object(Bucket=BUCKET, Key="a+b %.jpg", Body=(SAMPLES / sample).read_bytes())
        vins.append(post(app, "/v1/vin", {"bucket": BUCKET, "key": "a+b %.jpg"}).json["vin"])
    assert len(set(vins)) == 2
    assert len(world.readings()) == 2
