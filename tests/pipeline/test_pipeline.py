"""The one way through, on real parts: what a user relies on when things go well and when they do not."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests import secrets
from tests.pipeline.conftest import World, a_call, make_due, process
from vindrop import tracing
from vindrop.core import sweep
from vindrop.core.ledger import Claim
from vindrop.core.recognizer import Answer
from vindrop.domain.failures import Failure
from vindrop.domain.records import Reading
from vindrop.domain.vin import Verdict
from vindrop.stores.ledger.sql import SQLLedger
from vindrop.triggers import upload_function

VIN = "5NPEVYK97FD841835"  # of plate-04.jpg


def test_a_photo_becomes_one_reading_for_one_billed_call(world: World) -> None:
    app, before = world.app(), world.calls()
    upload = world.photo()
    outcome = process(app, upload)
    assert (outcome.end, outcome.new) == ("reading", True)
    (reading,) = world.readings()
    assert (reading.vin, reading.verdict, reading.upload) == (VIN, Verdict.VERIFIED, upload)
    assert (reading.maker, reading.model_year, reading.attempts) == ("Hyundai", 2015, 1)
    assert reading.vinocr.request_id
    assert (world.calls() - before).billed == 1
    assert app.ledger.counts() == {"delivered": 1}


def test_each_billed_call_of_an_upload_is_counted_once_over_all_its_runs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, upload = world.app(), world.photo()
    claim = app.ledger.claim(upload, 60)
    assert isinstance(claim, Claim)
    failed = Failure("InternalError", "an earlier run, whose only call was billed")
    app.ledger.schedule_retry(upload.id, claim, failed, seconds=0, attempts=1, billed=1)
    process(app, upload)
    assert [(each.vinocr.billed, each.attempts) for each in world.readings()] == [(2, 2)]

    world.faults.set({"code": "FailedOperation.EmptyImageError"})
    process(app, world.photo())
    monkeypatch.setattr(app.recognizer, "recognize", lambda *_, **__: Answer("HELLO", "r-1", 0.1))
    process(app, world.photo())
    assert [(each.code, each.billed, each.attempts) for each in world.dead_letters()] == [
        ("FailedOperation.EmptyImageError", 1, 1),
        ("Vindrop.NotAVin", 1, 1),
    ]


def test_the_same_upload_again_makes_no_call(world: World) -> None:
    app, upload = world.app(), world.photo()
    process(app, upload)
    before = world.calls()
    again = process(app, upload)
    assert (again.end, again.new) == ("reading", False)
    assert isinstance(again.record, Reading)
    assert (world.calls() - before).received == 0
    assert len(world.readings()) == 1


@pytest.mark.parametrize(
    "code",
    [
        "InternalError",
        "FailedOperation.EngineRecognizeTimeout",
        "ResourceInsufficient",
        "ResourceInsufficient.ServerBusy",
        "RequestLimitExceeded",
        "RequestLimitExceeded.UinLimitExceeded",
    ],
)
def test_what_passes_is_tried_again_in_the_same_run_and_is_no_attempt(
    world: World, code: str
) -> None:
    world.faults.set({"first": 1, "code": code})
    before = world.calls()
    outcome = process(world.app(), world.photo())
    assert outcome.end == "reading", outcome
    (reading,) = world.readings()
    assert (reading.vin, reading.attempts) == (VIN, 1)
    assert (reading.vinocr.billed, reading.vinocr.maybe_billed) == (1, 0)
    assert (world.calls() - before).billed == 1


@pytest.mark.parametrize(
    ("fault", "attempts", "billed"),
    [
        ({"code": "Nobody.HasHeardOfThis"}, 2, 1),
        ({"status": 502}, 1, 1),
        ({"cut": "before"}, 1, 1),
        ({"cut": "after"}, 1, 2),
        ({"cut": "middle"}, 1, 2),
        ({"body": "not_json"}, 1, 2),
        ({"body": "no_request_id"}, 1, 2),
        ({"body": "html"}, 1, 2),
    ],
)
def test_what_may_have_been_billed_is_asked_for_once_per_run(
    world: World, fault: dict[str, object], attempts: int, billed: int
) -> None:
    world.faults.set({"first": 1, **fault})
    app, photo, before = world.app(), world.photo(), world.calls()
    assert process(app, photo).end == "retry_scheduled"
    assert (world.calls() - before).received <= 1
    make_due(app)
    assert process(app, photo).end == "reading"
    (reading,) = world.readings()
    assert (reading.vin, reading.attempts) == (VIN, attempts)
    assert (reading.vinocr.billed, reading.vinocr.maybe_billed) == (1, 1)
    if "status" not in fault:
        assert (world.calls() - before).billed == billed


def test_a_code_that_nobody_knows_ends_as_a_dead_letter_word_for_word(world: World) -> None:
    world.faults.set({"code": "Nobody.HasHeardOfThis", "message": "hm"})
    app, photo, before = world.app(VINDROP_MAX_ATTEMPTS="2"), world.photo(), world.calls()
    assert process(app, photo).end == "retry_scheduled"
    make_due(app)
    assert process(app, photo).end == "dead_letter"
    (letter,) = world.dead_letters()
    assert (letter.code, letter.message, letter.attempts) == ("Nobody.HasHeardOfThis", "hm", 2)
    assert (letter.billed, letter.maybe_billed) == (0, 2)
    assert (world.calls() - before).received == 2
    assert world.readings() == []


@pytest.mark.parametrize(
    ("sample", "code", "calls"),
    [
        ("no-vin-shop-front.jpg", "FailedOperation.OcrFailed", 1),
        ("truncated.jpg", "FailedOperation.ImageDecodeFailed", 1),
        ("animation.gif", "Vindrop.UnsupportedFormat", 0),
        ("notes.jpg", "Vindrop.NotAnImage", 0),
        ("empty.jpg", "Vindrop.EmptyPhoto", 0),
    ],
)
def test_a_photo_at_fault_is_a_dead_letter_at_once(
    world: World, sample: str, code: str, calls: int
) -> None:
    app, before = world.app(), world.calls()
    assert process(app, world.upload(sample=sample)).end == "dead_letter"
    (letter,) = world.dead_letters()
    assert (letter.code, letter.attempts) == (code, 1)
    assert (world.calls() - before).received == calls
    assert app.ledger.counts() == {"dead": 1}


def test_an_empty_object_is_found_out_for_free_even_if_the_event_lies(world: World) -> None:
    before = world.calls()
    process(world.app(), world.upload(b"", size=1000))
    (letter,) = world.dead_letters()
    assert letter.code == "Vindrop.EmptyPhoto"
    assert (world.calls() - before).received == 0


def test_a_bomb_is_refused_by_its_header(world: World) -> None:
    png = bytes.fromhex("89504e470d0a1a0a0000000d494844520001000000010000080200000000000000")
    before = world.calls()
    process(world.app(), world.upload(png))
    assert [letter.code for letter in world.dead_letters()] == ["Vindrop.TooManyPixels"]
    assert (world.calls() - before).received == 0


@pytest.mark.parametrize("image", ["url", "bytes"])
def test_a_photo_over_the_limit_is_shrunk_and_read(world: World, image: str) -> None:
    app = world.app(VINDROP_MAX_BASE64_MB="0.1", VINDROP_IMAGE=image)
    outcome = process(app, world.photo())
    assert isinstance(outcome.record, Reading)
    assert outcome.record.vin == VIN


@pytest.mark.parametrize("sample", ["stamped.webp", "label.heic"])
def test_formats_that_the_api_does_not_take_are_converted(world: World, sample: str) -> None:
    assert process(world.app(), world.upload(sample=sample)).end == "reading"


@pytest.mark.parametrize(
    "code", ["FailedOperation.DownLoadError", "LimitExceeded.TooLargeFileError"]
)
def test_what_cannot_go_one_way_goes_another_once(world: World, code: str) -> None:
    world.faults.set({"nth": [1], "code": code})
    before = world.calls()
    assert process(world.app(), world.photo()).end == "reading"
    assert (world.calls() - before).received == 2
    world.faults.set({"code": code})
    before = world.calls()
    assert process(world.app(), world.photo()).end == "dead_letter"
    assert (world.calls() - before).received <= 3
    (letter,) = world.dead_letters()
    assert letter.code == code


def test_what_was_parked_is_read_in_the_trace_of_its_event(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    world.faults.set({"code": "ResourceUnavailable.InArrears", "message": "pay"})
    app = world.app(VINDROP_PROBE_SECONDS="0.1")
    with tracing.follow(f"00-{trace_id}-00f067aa0ba902b7-01"):
        assert process(app, world.photo()).end == "retry_scheduled"
    assert process(app, world.photo()).end == "retry_scheduled"  # this one's event had no trace
    world.faults.set()
    capsys.readouterr()
    deadline = time.monotonic() + 60
    while len(world.readings()) < 2:
        assert time.monotonic() < deadline
        sweep.process(app, a_call())
        time.sleep(0.1)
    traced, plain = sorted(world.readings(), key=lambda each: each.traceparent is None)
    assert (traced.traceparent or "").split("-")[1] == trace_id
    assert plain.traceparent is None
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    ids = {line["upload"]: line.get("trace_id") for line in lines if line["event"] == "reading"}
    assert ids == {traced.id[:16]: trace_id, plain.id[:16]: None}


def test_a_blocked_account_stops_all_calls_loses_nothing_and_drains_afterwards(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.faults.set({"code": "ResourceUnavailable.InArrears", "message": "pay"})
    app = world.app(VINDROP_PROBE_SECONDS="0.6")
    before = world.calls()
    photos = [world.photo() for _ in range(4)]
    outcomes = [process(app, photo) for photo in photos]
    assert [outcome.end for outcome in outcomes] == ["retry_scheduled"] * 4
    assert (world.calls() - before).received == 1
    assert capsys.readouterr().out.count('"circuit_opened"') == 1
    assert world.dead_letters() == []

    world.faults.set()
    deadline = time.monotonic() + 30
    while len(world.readings()) < 4:
        assert time.monotonic() < deadline
        sweep.process(app, a_call())
        time.sleep(0.1)
    assert [reading.attempts for reading in world.readings()] == [1] * 4
    assert app.ledger.circuit(60) is None


def test_an_answer_that_cannot_be_delivered_is_kept_and_never_asked_for_again(
    world: World, tmp_path: Path
) -> None:
    blocked = tmp_path / "results"
    blocked.write_text("a file where a folder must be")
    app = world.app(VINDROP_RESULTS=f"file://{blocked}/out.jsonl")
    upload, before = world.photo(), world.calls()
    outcome = process(app, upload, seconds=20)
    assert outcome.end == "undelivered"
    blocked.unlink()
    assert isinstance(app.ledger, SQLLedger)
    app.ledger.database.execute("UPDATE vindrop_uploads SET due_at = 0")
    assert sweep.process(app, a_call())["ended"] == {"reading": 1}
    assert VIN in (blocked / "out.jsonl").read_text()
    assert (world.calls() - before).received == 1


def test_what_a_destination_never_takes_is_brought_less_and_less_often(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "results").write_text("a file where a folder must be")
    app = world.app(VINDROP_RESULTS=f"file://{tmp_path}/results/out.jsonl")
    upload = world.photo()
    waits = [process(app, upload, seconds=20).retry_in]
    assert isinstance(app.ledger, SQLLedger)
    for hours in (0.1, 24):
        app.ledger.database.execute(
            "UPDATE vindrop_uploads SET due_at = 0, first_seen = :then",
            then=time.time() - 3600 * hours,
        )
        waits.append(process(app, upload, seconds=20).retry_in)
    assert waits == [60, pytest.approx(90, abs=5), 900]


def test_with_too_little_time_the_upload_is_handed_back_unharmed(world: World) -> None:
    app, before = world.app(VINDROP_RATE_LIMITER="memory", VINDROP_RATE="0.1"), world.calls()
    process(app, world.photo())
    outcome = process(app, world.photo(), seconds=5)  # the next slot is ten seconds away
    assert outcome.end == "retry_scheduled"
    assert outcome.failure is not None
    assert outcome.failure.code == "Vindrop.WaitingForQuota"
    assert (world.calls() - before).received == 1
    standing = app.ledger.claim(outcome.upload, 1)
    assert getattr(standing, "state", "parked") == "parked"


def test_a_function_that_dies_every_time_ends_in_a_dead_letter_that_says_so(world: World) -> None:
    app, upload = world.app(VINDROP_MAX_ATTEMPTS="3"), world.photo()
    for _ in range(3):
        app.ledger.claim(upload, -1.0)  # a worker that dies with the claim in its hands
    assert process(app, upload).end == "dead_letter"
    (letter,) = world.dead_letters()
    assert letter.code == "Vindrop.Abandoned"
    assert "3 times" in letter.message


def test_buckets_that_are_not_allowed_and_objects_that_are_gone(world: World) -> None:
    process(world.app(VINDROP_ALLOWED_BUCKETS="other-125"), world.photo())
    process(world.app(), world.upload(None))
    assert [letter.code for letter in world.dead_letters()] == [
        "Vindrop.BucketNotAllowed",
        "Vindrop.ObjectMissing",
    ]


def test_wrong_keys_hold_the_account_and_lose_nothing(world: World) -> None:
    app = world.app(
        VINDROP_VINOCR_SECRET_ID=secrets.WRONG_ID, VINDROP_VINOCR_SECRET_KEY=secrets.WRONG_KEY
    )
    outcome = process(app, world.photo())
    assert outcome.end == "retry_scheduled"
    assert outcome.failure is not None
    assert outcome.failure.code == "AuthFailure.SecretIdNotFound"
    assert app.ledger.circuit(60) is not None


def test_one_instance_with_a_wrong_clock_blocks_nobody_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, upload, before = world.app(VINDROP_RETRY_SECONDS="0.2"), world.photo(), world.calls()
    true_time = time.time
    with monkeypatch.context() as here:
        here.setattr(time, "time", lambda: true_time() - 3600)
        outcome = process(app, upload)
    assert outcome.end == "retry_scheduled"
    assert outcome.failure is not None
    assert outcome.failure.code == "AuthFailure.SignatureExpire"
    assert (world.calls() - before).received == 1, "the clock stays wrong: no second try here"
    assert app.ledger.circuit(60) is None
    time.sleep(1.3)
    sweep.process(app, a_call())  # as another instance
    assert [reading.attempts for reading in world.readings()] == [1]


def test_without_a_ledger_what_must_wait_is_raised_to_the_platform(world: World) -> None:
    world.faults.set({"code": "ResourceUnavailable.InArrears"})
    app = world.app(VINDROP_LEDGER="none", VINDROP_RATE_LIMITER="memory")
    upload = world.photo()
    event = {
        "Records": [
            {
                "cos": {
                    "cosObject": {
                        "key": f"/1250000000/photos/{upload.key}",
                        "size": 10,
                        "meta": {},
                    },
                    "cosBucket": {"name": "photos", "appid": "1250000000", "region": "gz"},
                },
                "event": {"eventName": "cos:ObjectCreated:Put", "eventTime": 1545205770},
            }
        ]
    }
    with pytest.raises(upload_function.RedeliverError, match="InArrears"):
        upload_function.process(app, event, a_call())
    world.faults.set()
    app = world.app(VINDROP_LEDGER="none", VINDROP_RATE_LIMITER="memory")
    assert upload_function.process(app, event, a_call())["ended"] == {"reading": 1}


def test_a_malformed_record_is_a_dead_letter_once_and_does_not_harm_its_neighbours(
    world: World,
) -> None:
    upload = world.photo()
    good = {
        "cos": {
            "cosObject": {
                "key": f"/1250000000/photos/{upload.key}",
                "meta": {"x-cos-request-id": "a"},
            },
            "cosBucket": {"name": "photos", "appid": "1250000000", "region": "gz"},
        },
        "event": {"eventName": "cos:ObjectCreated:Put", "eventTime": 1545205770},
    }
    bad = {
        "cos": {"cosObject": {}, "cosBucket": {}},
        "event": {"eventName": "cos:ObjectCreated:Put"},
    }
    app = world.app()
    for _ in range(2):
        upload_function.process(app, {"Records": [bad, good]}, a_call())
    (letter,) = world.dead_letters()
    assert letter.code == "Vindrop.MalformedEvent"
    assert letter.upload is None
    assert len(world.readings()) == 1
