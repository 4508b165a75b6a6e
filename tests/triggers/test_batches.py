"""Batches on real parts: each message to its own end, and back come exactly those that must."""

from __future__ import annotations

import json
import threading
from typing import Any, cast

import pytest

from bench.rig.steps import observe
from tests import secrets
from tests.pipeline.conftest import World, a_call
from tests.triggers import payloads as p
from vindrop.core.app import App
from vindrop.core.invocation import Invocation
from vindrop.domain.upload import Upload
from vindrop.stores.sql import Database
from vindrop.triggers import upload_function
from vindrop.wiring import build


def named(upload: Upload) -> dict[str, Any]:
    return p.cos(
        upload.key,
        cos__cosObject__meta={"x-cos-request-id": upload.version},
        cos__cosObject__size=upload.size,
    )


def patient(world: World, **changes: str) -> App:
    """An app that waits for VinOCR as long as a busy machine makes it: no call is made twice for it."""
    return world.app(**{"VINDROP_VINOCR_TIMEOUT": "60", **changes})


def run(app: App, event: Any, seconds: float = 600.0) -> dict[str, Any]:
    return upload_function.process(app, event, a_call(seconds))


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def failed(answer: dict[str, Any]) -> list[str]:
    assert set(answer) == {"batchItemFailures"}
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def test_a_batch_of_good_and_bad_ends_and_nothing_comes_again(world: World) -> None:
    photos = [world.photo() for _ in range(3)]
    bodies = [
        named(photos[0]),
        "no JSON",
        named(photos[1]),
        named(world.upload(b"")),
        named(photos[2]),
    ]
    before = world.calls()
    assert failed(run(patient(world), p.sqs(*bodies))) == []
    assert {r.upload.key for r in world.readings()} == {u.key for u in photos}
    assert sorted(letter.code for letter in world.dead_letters()) == [
        "Vindrop.EmptyPhoto",
        "Vindrop.MalformedEvent",
    ]
    assert (world.calls() - before).billed == 3


def test_the_same_message_again_changes_nothing(world: World) -> None:
    batch = p.sqs(named(world.photo()), "no JSON")
    run(patient(world), batch)
    before = world.calls()
    assert failed(run(patient(world), batch)) == []
    assert (world.calls() - before).received == 0
    assert (len(world.readings()), len(world.dead_letters())) == (1, 1)


def test_without_a_ledger_exactly_the_messages_that_have_to_wait_come_again(world: World) -> None:
    good, missing = world.photo(), world.upload(b"", size=0)
    app = patient(world, VINDROP_LEDGER="none", VINDROP_CONCURRENCY="1")
    world.faults.set({"nth": [2], "code": "FailedOperation.ArrearsError"})
    answer = run(app, p.sqs(named(good), named(missing), named(world.photo())))
    assert failed(answer) == ["m2"]
    assert [r.upload.key for r in world.readings()] == [good.key]


def test_with_a_ledger_what_has_to_wait_is_parked_and_no_message_comes_again(world: World) -> None:
    world.faults.set({"code": "FailedOperation.ArrearsError"})
    app = patient(world)
    assert failed(run(app, p.sqs(named(world.photo()), named(world.photo())))) == []
    assert app.ledger.counts() == {"parked": 2}


@pytest.mark.parametrize("ledger", [True, False])
def test_what_cannot_be_started_in_time_goes_back_unharmed(world: World, ledger: bool) -> None:
    app = patient(world, **({} if ledger else {"VINDROP_LEDGER": "none"}))
    before = world.calls()
    call = a_call(60.0)
    late = Invocation("local", "r", "f", 60.0, call.started - 59.0)
    answer = upload_function.process(app, p.sqs(named(world.photo()), named(world.photo())), late)
    assert failed(answer) == ([] if ledger else ["m0", "m1"])
    assert (world.calls() - before).received == 0
    assert (world.readings(), world.dead_letters()) == ([], [])
    if ledger:
        assert app.ledger.counts() == {"parked": 2}
        for upload in app.ledger.retryable(10):
            assert app.pipeline.process(upload, a_call().budget).end == "reading"
        assert all(r.attempts == 1 for r in world.readings())


def test_an_event_that_nobody_knows_is_a_dead_letter_that_names_its_fields_only(
    world: World,
) -> None:
    answer = run(patient(world), {"hello": "PLANTED", "headers": {"Authorization": "PLANTED"}})
    (letter,) = world.dead_letters()
    assert letter.code == "Vindrop.UnknownEvent"
    assert "headers, hello" in letter.message
    assert "PLANTED" not in letter.message + answer["error"]
    run(patient(world), {"hello": "PLANTED", "headers": {"Authorization": "PLANTED"}})
    assert len(world.dead_letters()) == 1


@pytest.mark.parametrize("stream", [p.ckafka, p.msk])
def test_one_bad_photo_never_blocks_a_partition(world: World, stream: Any) -> None:
    """Without a ledger it has nowhere to wait, so what keeps failing by itself ends at once."""
    world.faults.set({"code": "InternalError"})
    app = patient(world, VINDROP_LEDGER="none", VINDROP_VINOCR_TIMEOUT="1")
    answer = run(app, stream(named(world.photo()), "no JSON"), 4.0)
    assert answer["malformed"] == 1
    assert answer["ended"] == {"dead_letter": 1}
    assert sorted(letter.code for letter in world.dead_letters()) == [
        "InternalError",
        "Vindrop.MalformedEvent",
    ]


def test_a_blocked_account_is_no_fault_of_a_photo_so_the_stream_waits(world: World) -> None:
    world.faults.set({"code": "FailedOperation.ArrearsError"})
    with pytest.raises(upload_function.RedeliverError, match="ArrearsError"):
        run(patient(world, VINDROP_LEDGER="none"), p.ckafka(named(world.photo())))
    assert world.dead_letters() == []


def test_a_ledger_that_is_away_brings_everything_again(world: World) -> None:
    app = patient(world)
    database = cast("Database", app.ledger.database)
    database.execute("ALTER TABLE vindrop_uploads RENAME TO away")
    photos = [named(world.photo()), named(world.photo())]
    assert failed(run(app, p.sqs(*photos))) == ["m0", "m1"]
    with pytest.raises(upload_function.RedeliverError, match="2 of 2"):
        run(app, p.ckafka(*photos))
    database.execute("ALTER TABLE away RENAME TO vindrop_uploads")
    assert failed(run(app, p.sqs(*photos))) == []
    assert len(world.readings()) == 2


def test_uploads_of_one_batch_run_at_the_same_time(world: World) -> None:
    """Each waits, just before its call, for the three others: one by one none would get there."""
    together = threading.Barrier(4, timeout=60)

    def meet(step: str) -> None:
        if step == "called":
            together.wait()

    meeting = build(patient(world).settings, secrets.TENCENT_ROLE)
    observe(meeting, meet)
    assert failed(run(meeting, p.sqs(*(named(world.photo()) for _ in range(4))))) == []
    assert len(world.readings()) == 4


def test_one_line_per_upload_joins_the_ids_and_counts(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = world.photo()
    event = named(upload)
    event["Records"][0]["cos"]["cosObject"]["meta"]["x-cos-meta-traceparent"] = p.TRACE
    world.faults.set({"first": 1, "code": "RequestLimitExceeded"})
    run(patient(world), event)
    (line,) = [x for x in lines(capsys.readouterr().out) if x["event"] == "reading"]
    (reading,) = world.readings()
    assert line["vinocr_request_id"] == reading.vinocr.request_id
    assert line["upload"] == upload.id[:16]
    assert line["trace_id"] == p.TRACE.split("-")[1]
    assert reading.traceparent is not None
    assert reading.traceparent.split("-")[1] == line["trace_id"]
    assert {name: line[name] for name in ("readings", "calls", "billed", "refusals")} == {
        "readings": 1,
        "calls": 2,
        "billed": 1,
        "refusals": 1,
    }
    assert set(line["metric"]) == {"readings", "calls", "billed", "refusals", "seconds"}

    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "vindrop-upload")
    run(patient(world), p.sqs(named(world.upload(b""))))
    (line,) = [x for x in lines(capsys.readouterr().out) if x["event"] == "dead_letter"]
    embedded = line["_aws"]
    assert isinstance(embedded["Timestamp"], int)
    for directive in embedded["CloudWatchMetrics"]:
        assert directive["Namespace"] == "vindrop"
        for dimensions in directive["Dimensions"]:
            assert all(isinstance(line[name], str) for name in dimensions)
        for metric in directive["Metrics"]:
            assert isinstance(line[metric["Name"]], (int, float))
    assert embedded["CloudWatchMetrics"][1]["Dimensions"] == [["function", "code"]]
