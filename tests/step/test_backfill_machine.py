"""The backfill's distributed Map over a bucket of S3, executed by moto's Step Functions on real parts.

moto's own reading of a list gives items as boto3 names them; they are put here as Step Functions
documents them (Etag, LastModified in seconds), and all pages are read, as it does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.eval.resource_eval_s3 as reader
import pytest

from tests.pipeline.conftest import SAMPLES, World
from tests.step.machines import States, running
from vindrop.triggers import step
from vindrop_local import s3 as moto

BUCKET = {"bucket": "photos", "region": "us-east-1", "prefix": "in/"}
PLATE, STAMPED = "5NPEVYK97FD841835", "LSG77FH75BE263982"


def list_objects(env: Any, resource_runtime_part: Any, state_credentials: Any) -> None:
    client = reader.ResourceEvalS3._get_s3_client(resource_runtime_part, state_credentials)
    pages = client.get_paginator("list_objects_v2").paginate(**env.stack.pop())
    env.stack.append(
        [
            {
                "Etag": each["ETag"],
                "Key": each["Key"],
                "LastModified": int(each["LastModified"].timestamp()),
                "Size": each["Size"],
                "StorageClass": each["StorageClass"],
            }
            for page in pages
            for each in page.get("Contents", [])
        ]
    )


@pytest.fixture
def states(world: World, root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[States]:
    monkeypatch.setattr(
        reader.ResourceEvalS3, "_handle_list_objects_v2", staticmethod(list_objects)
    )
    with moto.server() as endpoint:
        app = world.app(VINDROP_STORAGE_ENDPOINT=endpoint, VINDROP_VINOCR_TIMEOUT="60")
        with running(root, "backfill.asl", app, monkeypatch) as found:
            s3 = boto3.client("s3")  # of this process, as the server is: one bucket by both ways
            s3.create_bucket(Bucket="photos")
            for key, sample in {
                "in/plate.jpg": "plate-04.jpg",
                "in/a b+c%.jpg": "stamped-04.jpg",
                "in/notes.jpg": "notes.jpg",
                "elsewhere/label.jpg": "label-01.jpg",
            }.items():
                s3.put_object(Bucket="photos", Key=key, Body=(SAMPLES / sample).read_bytes())
            s3.put_object(Bucket="photos", Key="in/folder/", Body=b"")
            yield found


def test_every_object_below_the_prefix_is_read_once(world: World, states: States) -> None:
    names = iter([step.VinThrottled, step.VinUnavailable])
    states.before = lambda: next(names, None)  # two of them need another try
    before = world.calls()
    for run in ("first", "second"):
        found = states.wait(states.start(BUCKET, run))
        assert found["status"] == "SUCCEEDED", found
        assert json.loads(found["output"]) == {"objects": 4}
    assert {each.upload.key: each.vin for each in world.readings()} == {
        "in/plate.jpg": PLATE,
        "in/a b+c%.jpg": STAMPED,
    }
    (letter,) = world.dead_letters()
    assert letter.upload is not None
    assert (letter.upload.key, letter.code) == ("in/notes.jpg", "Vindrop.NotAnImage")
    assert (world.calls() - before).received == 2, "the second run pays for nothing"
    assert next(names, None) is None
