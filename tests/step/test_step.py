"""The workflow step on real parts: plain JSON in and out, failures under names that Retry and Catch match."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.pipeline.conftest import BUCKET, World, a_call
from vindrop.domain.upload import Upload
from vindrop.triggers import step

VIN = "5NPEVYK97FD841835"  # of plate-04.jpg


def named(upload: Upload, **more: Any) -> dict[str, Any]:
    return {"bucket": upload.bucket, "key": upload.key, "region": upload.region, **more}


def run(world: World, event: Any, seconds: float = 600.0, **changes: str) -> dict[str, Any]:
    """With time for a busy machine, so that no call is made twice for it."""
    settings = {"VINDROP_VINOCR_TIMEOUT": "60", **changes}
    return step.process(world.app(**settings), event, a_call(seconds))


@pytest.mark.parametrize("spelt", ["plain", "objectinfo", "listing"])
def test_an_object_named_plainly_gives_its_reading(world: World, spelt: str) -> None:
    upload = world.photo()
    event = {
        "plain": named(upload),
        "objectinfo": {
            "ObjectInfo": {"BucketId": BUCKET, "Region": upload.region, "Object": upload.key}
        },
        "listing": {"Bucket": BUCKET, "Region": upload.region, "Key": upload.key, "Size": 7},
    }[spelt]
    answer = run(world, event)
    assert (answer["vin"], answer["verdict"]) == (VIN, "verified")
    (reading,) = world.readings()
    assert answer["id"] == reading.id


def test_the_same_object_again_is_answered_from_the_ledger(world: World) -> None:
    upload = world.photo()
    first, before = run(world, named(upload)), world.calls()
    assert run(world, named(upload)) == first
    assert (world.calls() - before).received == 0


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ({"code": "RequestLimitExceeded"}, "VinThrottled"),
        ({"code": "InternalError"}, "VinUnavailable"),
        ({"code": "FailedOperation.ArrearsError"}, "AccountBlocked"),
        ({"code": "AuthFailure.SignatureFailure"}, "AccountBlocked"),
        ({"code": "FailedOperation.OcrFailed"}, "PhotoRejected"),
    ],
)
def test_a_failure_is_raised_under_its_name_or_answered(
    world: World, fault: dict[str, Any], name: str
) -> None:
    world.faults.set(fault)
    settings = {"VINDROP_VINOCR_TIMEOUT": "1", "VINDROP_VINOCR_CONNECT_TIMEOUT": "1"}
    raised = world.photo()
    # A refusal narrows the quota: on a busy machine the time is up before VinOCR is asked again.
    codes = (
        {fault["code"], "Vindrop.WaitingForQuota"} if name == "VinThrottled" else {fault["code"]}
    )
    with pytest.raises(step.StepError, match="|".join(map(re.escape, codes))) as caught:
        run(world, named(raised), 4.0, **settings)
    assert type(caught.value).__name__ == name
    answer = run(world, named(world.photo(), failures="return"), 4.0, **settings)
    assert answer["error"] == name
    assert answer["code"] in codes
    assert (answer["retry_in"] is None) == (name == "PhotoRejected")
    assert len(world.dead_letters()) == (2 if name == "PhotoRejected" else 0)


def test_a_retry_after_the_trouble_is_over_reads_it(world: World) -> None:
    upload = world.photo()
    world.faults.set({"code": "RequestLimitExceeded"})
    with pytest.raises(step.VinThrottled):
        run(world, named(upload), 3.0, VINDROP_VINOCR_TIMEOUT="1")
    world.faults.set()
    answer: dict[str, Any] = {"error": "VinThrottled"}
    for _ in range(200):  # the ledger lets it be claimed once its wait is over
        answer = run(world, named(upload, failures="return"))
        if "vin" in answer:
            break
    assert answer["vin"] == VIN


def test_a_missing_object_is_rejected(world: World) -> None:
    with pytest.raises(step.PhotoRejected, match=r"Vindrop\.ObjectMissing"):
        run(world, {"bucket": BUCKET, "key": "not/there.jpg", "region": "ap-guangzhou"})


@pytest.mark.parametrize("event", [None, [], "x", {}, {"bucket": "b"}, {"Records": []}])
def test_an_input_that_names_no_object_says_what_it_takes(world: World, event: Any) -> None:
    with pytest.raises(step.StepInputError, match="names no object"):
        run(world, event)


def test_what_is_no_photo_of_ours_is_ignored(world: World) -> None:
    folder = {"bucket": BUCKET, "key": "folder/", "region": "ap-guangzhou"}
    assert run(world, folder) == {"ignored": "a folder marker"}


def test_answers_instead_of_errors_always_have_the_two_fields_that_a_choice_looks_at(
    world: World,
) -> None:
    answer = run(world, named(world.photo(), failures="return"))
    assert (answer["error"], answer["verdict"], answer["vin"]) == ("", "verified", VIN)
    folder = {"bucket": BUCKET, "key": "folder/", "region": "ap-guangzhou", "failures": "return"}
    assert run(world, folder) == {"error": "", "verdict": "", "ignored": "a folder marker"}
    answer = run(world, {"failures": "return"})
    assert (answer["error"], answer["verdict"]) == ("StepInputError", "")
