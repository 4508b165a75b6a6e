"""The whole way of a request: what is read, what is paid, what is kept, what is given back."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.http import events
from tests.http.conftest import KEY, Answer, Service
from tests.pipeline.conftest import BUCKET, SAMPLES, a_call
from vindrop.core import sweep
from vindrop.core.invocation import Budget
from vindrop.core.photo import Sent
from vindrop.domain.failures import Failure
from vindrop.http import identity

PLATE = (SAMPLES / "plate-04.jpg").read_bytes()
TRUTH = {
    line.split(",")[0]: line
    for line in (SAMPLES / "truth.csv").read_text(encoding="utf-8").splitlines()
}


def post_json(service: Service, document: dict[str, Any], **more: Any) -> Answer:
    return service.post(json.dumps(document), "application/json", **more)


def counts(service: Service) -> dict[str, int]:
    return {str(state): number for state, number in service.app.ledger.counts().items()}


@pytest.mark.parametrize("gateway", events.GATEWAYS)
def test_a_photo_is_answered_with_its_vin_through_every_gateway(
    service: Service, gateway: str
) -> None:
    answer = service.post(PLATE, gateway=gateway)
    assert answer.status == 200, answer.text
    found = answer.json
    assert found["vin"] in TRUTH["plate-04.jpg"]
    assert found["id"] == identity.of(Sent(data=PLATE)).id
    assert found["upload"]["key"] == hashlib.sha256(PLATE).hexdigest()
    assert found["new"] is True
    [reading] = service.world.readings()
    assert reading.vin == found["vin"]
    assert counts(service) == {"delivered": 1}


def test_the_same_photo_is_paid_once_however_it_comes(service: Service) -> None:
    before = service.world.calls()
    first = service.post(PLATE)
    again = service.post(PLATE, gateway="aws_http")
    form = (
        b"--x\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\n"
        + PLATE
        + b"\r\n--x--\r\n"
    )
    third = service.post(form, "multipart/form-data; boundary=x")
    assert [a.json["new"] for a in (first, again, third)] == [True, False, False]
    assert len({a.json["id"] for a in (first, again, third)}) == 1
    assert (service.world.calls() - before).billed == 1
    assert len(service.world.readings()) == 1


def test_two_requests_at_once_with_one_photo_pay_once_and_both_hear_the_vin(
    service: Service,
) -> None:
    service.world.faults.set({"nth": [1], "wait": 1.5})
    before = service.world.calls()
    answers: list[Answer] = []
    threads = [
        threading.Thread(target=lambda: answers.append(service.post(PLATE))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [a.status for a in answers] == [200] * 3
    assert sorted(a.json["new"] for a in answers) == [False, False, True]
    assert (service.world.calls() - before).received == 1


def test_a_photo_without_a_vin_is_refused_once_and_is_no_dead_letter(service: Service) -> None:
    before = service.world.calls()
    data = (SAMPLES / "no-vin-shop-front.jpg").read_bytes()
    first, again = service.post(data), service.post(data)
    for answer in (first, again):
        assert (answer.status, answer.problem) == (422, "no-vin")
        assert answer.json["code"] == "FailedOperation.OcrFailed"
        assert len(answer.json["request_id"]) == 36
    assert first.json == again.json
    assert (service.world.calls() - before).received == 1
    assert service.world.dead_letters() == []
    assert counts(service) == {"dead": 1}


def test_a_refusal_of_our_own_is_not_kept_since_settings_may_change(
    make_service: Callable[..., Service],
) -> None:
    strict, mild = make_service(VINDROP_MAX_MEGAPIXELS="0.1"), make_service()
    answer = strict.post(PLATE)
    assert (answer.status, answer.problem) == (413, "photo-too-large")
    assert answer.json["code"] == "Vindrop.TooManyPixels"
    assert counts(strict) == {}
    assert mild.post(PLATE).status == 200


@pytest.mark.parametrize(
    ("code", "status", "problem"),
    [
        ("RequestLimitExceeded.UinLimitExceeded", 429, "too-many-requests"),
        ("InternalError", 502, "vinocr-failed"),
        ("FailedOperation.UnKnowError", 502, "vinocr-failed"),
        ("FailedOperation.EngineRecognizeTimeout", 504, "timeout"),
        ("ServiceUnavailable", 503, "vinocr-unavailable"),
        ("ResourceUnavailable.InArrears", 503, "account-blocked"),
        ("AuthFailure.SignatureFailure", 503, "account-blocked"),
        ("NobodyHas.HeardOfThis", 502, "vinocr-failed"),
    ],
)
def test_what_passes_is_given_back_and_works_when_sent_again(
    make_service: Callable[..., Service], code: str, status: int, problem: str
) -> None:
    service = make_service(VINDROP_MAX_ATTEMPTS="1", VINDROP_PROBE_SECONDS="0.05")
    service.world.faults.set({"code": code, "message": "because of https://a/b?sign=PLANTED"})
    answer = service.post(PLATE, seconds=20.0)
    assert (answer.status, answer.problem) == (status, problem), answer.text
    # Refused for the rate, the function asks its own quota again, which may say no first.
    assert answer.json["code"] in ({code, "Vindrop.WaitingForQuota"} if status == 429 else {code})
    assert "PLANTED" not in answer.text
    assert int(answer.headers["Retry-After"]) >= 1
    assert counts(service) == {}, "nothing may be parked that nobody comes back for"
    service.world.faults.set()
    time.sleep(0.1)
    assert service.post(PLATE).status == 200
    assert service.world.dead_letters() == []


def test_a_retry_comes_through_however_often_it_failed_before(
    make_service: Callable[..., Service],
) -> None:
    service = make_service(VINDROP_MAX_ATTEMPTS="2")
    service.world.faults.set({"code": "InternalError"})
    for _ in range(3):
        assert service.post(PLATE).status in {502, 504}
    service.world.faults.set()
    assert service.post(PLATE).status == 200


def test_a_photo_whose_worker_died_is_cleared_by_the_sweep_and_read_when_sent_again(
    service: Service,
) -> None:
    service.app.ledger.claim(identity.of(Sent(data=PLATE)), 0.01)
    time.sleep(0.05)
    assert sweep.process(service.app, a_call())["ended"] == {"not_retained": 1}
    assert counts(service) == {}
    assert service.post(PLATE).json["new"] is True


def test_an_answer_kept_by_a_worker_that_died_is_delivered_and_not_paid_again(
    service: Service,
) -> None:
    first = service.post(PLATE).json
    reading = service.world.readings()[0]
    other = service.app
    upload = dataclasses.replace(reading.upload, key="0" * 64)
    claim = other.ledger.claim(upload, 0.01)
    kept = replace(reading, upload=upload)
    assert other.ledger.keep(upload.id, claim, kept, attempts=1, billed=1, lease=0.01)  # type: ignore[arg-type]
    time.sleep(0.05)
    before = service.world.calls()
    assert sweep.process(service.app, a_call())["ended"] == {"reading": 1}
    assert service.world.calls() == before
    assert {r.id for r in service.world.readings()} == {first["id"], upload.id}


def test_a_photo_that_another_request_has_for_too_long_ends_in_504(service: Service) -> None:
    service.app.ledger.claim(identity.of(Sent(data=PLATE)), 30)
    answer = service.post(PLATE, seconds=1.5)
    assert (answer.status, answer.problem) == (504, "timeout")


def test_an_answer_that_comes_after_its_callers_time_is_kept(
    make_service: Callable[..., Service],
) -> None:
    """A call may outlast the caller; the sweep must not clear the claim under it."""
    service = make_service(VINDROP_HTTP_SECONDS="20")
    leases: list[float] = []
    claim = service.app.ledger.claim

    def spy(upload: Any, lease: float, **more: Any) -> Any:
        leases.append(lease)
        return claim(upload, lease, **more)

    service.app.ledger.claim = spy  # type: ignore[method-assign]
    assert service.post(PLATE).status == 200
    assert leases[0] > 20 + service.app.settings.vinocr_timeout / 2


def test_a_url_goes_to_vinocr_and_its_query_nowhere_else(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    upload = service.world.photo()
    url = f"{service.world.storage_endpoint}/{upload.key}?sign=PLANTED"
    from tests import secrets
    from vindrop.clouds import Credentials
    from vindrop.clouds.cos import COS

    signed = COS.signed_url(
        upload,
        Credentials(secrets.TENCENT_ID, secrets.TENCENT_KEY, secrets.TENCENT_TOKEN),
        seconds=60,
        endpoint=service.world.storage_endpoint,
    )
    good = post_json(service, {"ImageUrl": signed})
    assert good.status == 200, good.text
    assert good.json["vin"] in TRUTH["plate-04.jpg"]
    bad = post_json(service, {"ImageUrl": url})
    assert bad.problem == "url-unreadable"
    signature = signed.rpartition("q-signature=")[2][:40]
    everything = good.text + bad.text + capsys.readouterr().out
    stored = (service.world.folder / "vindrop.db").read_bytes()
    for secret in ("PLANTED", signature):
        assert secret not in everything
        assert secret.encode() not in stored


def test_a_url_is_read_anew_unless_its_caller_says_it_is_the_same_request(service: Service) -> None:
    url = f"{service.world.storage_endpoint}/nothing.jpg"
    before = service.world.calls()
    for headers in ({}, {}, {"Idempotency-Key": "a"}, {"Idempotency-Key": "a"}):
        assert post_json(service, {"ImageUrl": url}, headers=headers).status == 422
    assert (service.world.calls() - before).received == 3


def test_an_object_is_read_only_from_a_bucket_that_is_named_in_the_settings(
    make_service: Callable[..., Service],
) -> None:
    closed = make_service()
    upload = closed.world.photo()
    named = {"bucket": BUCKET, "key": upload.key, "region": "ap-guangzhou"}
    before = closed.world.calls()
    assert post_json(closed, named).problem == "bucket-not-allowed"
    assert closed.world.calls() == before
    for change in ({"VINDROP_ALLOWED_BUCKETS": BUCKET}, {"VINDROP_UPLOAD_BUCKET": BUCKET}):
        answer = post_json(make_service(**change), named)
        assert answer.status == 200, answer.text
        assert answer.json["upload"]["size"] == upload.size


def test_an_object_named_with_its_events_version_is_the_same_upload(
    make_service: Callable[..., Service],
) -> None:
    service = make_service(VINDROP_ALLOWED_BUCKETS=BUCKET)
    upload = service.world.photo()
    assert service.app.pipeline.process(upload, Budget(60)).end == "reading"
    named = {
        "bucket": BUCKET,
        "key": upload.key,
        "region": "ap-guangzhou",
        "version": upload.version,
    }
    answer = post_json(service, named)
    assert (answer.json["id"], answer.json["new"]) == (upload.id, False)


def test_an_object_that_is_not_there_is_404_and_no_dead_letter(
    make_service: Callable[..., Service],
) -> None:
    service = make_service(VINDROP_ALLOWED_BUCKETS=BUCKET)
    answer = post_json(service, {"bucket": BUCKET, "key": "no/such.jpg", "region": "ap-guangzhou"})
    assert (answer.status, answer.problem) == (404, "object-missing")
    assert counts(service) == {}
    assert service.world.dead_letters() == []


def test_an_object_that_has_to_wait_is_parked_and_said_to_be(
    make_service: Callable[..., Service],
) -> None:
    service = make_service(VINDROP_ALLOWED_BUCKETS=BUCKET, VINDROP_PROBE_SECONDS="0.05")
    upload = service.world.photo()
    service.world.faults.set({"code": "ResourceUnavailable.InArrears"})
    named = {"bucket": BUCKET, "key": upload.key, "region": "ap-guangzhou"}
    answer = post_json(service, named)
    assert (answer.status, answer.problem) == (503, "account-blocked")
    assert "stays in the bucket" in answer.json["detail"]
    assert counts(service) == {"parked": 1}
    service.world.faults.set()
    time.sleep(0.1)
    assert sweep.process(service.app, a_call())["ended"] == {"reading": 1}
    assert post_json(service, named).json["new"] is False


def test_a_large_photo_goes_to_the_bucket_and_is_read_once(
    make_service: Callable[..., Service],
) -> None:
    import requests

    from vindrop.core.batch import ignored
    from vindrop.domain.upload import Upload

    # Neither list names it: what a caller was given a place for is read all the same.
    service = make_service(
        VINDROP_UPLOAD_BUCKET=BUCKET,
        VINDROP_ALLOWED_BUCKETS="others-1250000000@ap-guangzhou",
        VINDROP_KEY_PREFIXES="elsewhere/",
    )
    big = PLATE + bytes(9_000_000)
    wanted = {"size": len(big), "type": "image/jpeg"}
    answer = post_json(service, wanted, path="/v1/uploads")
    assert answer.status == 201
    place = answer.json
    larger = requests.put(place["url"], data=big + b"x", headers=place["headers"], timeout=30)
    other = requests.put(place["url"], data=big, headers={"Content-Type": "text/html"}, timeout=30)
    assert (larger.status_code, other.status_code) == (403, 403)
    put = requests.put(place["url"], data=big, headers=place["headers"], timeout=30)
    assert put.status_code == 200
    assert ignored(Upload(version="x", **place["object"]), service.app.settings)
    before = service.world.calls()
    first, again = post_json(service, place["object"]), post_json(service, place["object"])
    assert first.status == 200, first.text
    assert first.json["vin"] in TRUTH["plate-04.jpg"]
    assert again.json["new"] is False
    assert (service.world.calls() - before).billed == 1


def test_a_named_object_lies_where_the_settings_allow_it(
    make_service: Callable[..., Service],
) -> None:
    def ask(key: str, region: str | None = None, **settings: str) -> str:
        named = {"bucket": BUCKET, "key": key} | ({"region": region} if region else {})
        answer = post_json(make_service(**settings), named)
        return answer.problem if answer.status >= 400 else ""

    there = f"{BUCKET}@ap-guangzhou"
    assert ask("in/a.jpg", "ap-guangzhou", VINDROP_ALLOWED_BUCKETS=there) == "object-missing"
    assert ask("in/a.jpg", "ap-beijing", VINDROP_ALLOWED_BUCKETS=there) == "bucket-not-allowed"
    assert ask("in/a.jpg", "ap-beijing", VINDROP_ALLOWED_BUCKETS=BUCKET) != "bucket-not-allowed"
    assert ask("in/a.jpg", "ap-guangzhou") == "bucket-not-allowed"
    both = {"VINDROP_ALLOWED_BUCKETS": BUCKET, "VINDROP_KEY_PREFIXES": "in/"}
    assert ask("in/a.jpg", "ap-guangzhou", **both) == "object-missing"
    assert ask("out/a.jpg", "ap-guangzhou", **both) == "bucket-not-allowed"
    assert ask("x" * 851, "ap-guangzhou", VINDROP_ALLOWED_BUCKETS=BUCKET) == "bad-request"
    assert ask("a\0.jpg", "ap-guangzhou", VINDROP_ALLOWED_BUCKETS=BUCKET) == "bad-request"


def test_a_place_for_a_large_photo_needs_a_bucket_a_sane_size_and_a_key(
    make_service: Callable[..., Service],
) -> None:
    service = make_service(VINDROP_UPLOAD_BUCKET=BUCKET)

    def ask(document: object, of: Service = service, **more: Any) -> Answer:
        return post_json(of, document, path="/v1/uploads", **more)  # type: ignore[arg-type]

    assert ask({"size": 10**9}).problem == "photo-too-large"
    assert ask({"size": -1}).problem == "bad-request"
    for kind in ("text/html", "image/jpeg\r\nx: y", "image/", "é"):
        assert ask({"size": 1, "type": kind}).problem == "not-a-photo"
    assert ask([]).problem == "bad-request"
    assert ask({}, key="wrong").problem == "key-refused"
    nowhere = ask({}, make_service())
    assert nowhere.problem == "not-found"
    assert "VINDROP_UPLOAD_BUCKET" in nowhere.json["detail"]
    urls = {ask({}).json["url"] for _ in range(3)}
    assert len(urls) == 3, "each photo has a place of its own"


def test_a_ledger_that_is_away_is_503_and_nothing_is_paid(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vindrop.core.store_errors import StoreError

    def away(*_: object, **__: object) -> None:
        raise StoreError("postgresql://user:PLANTED@db/x is away")

    monkeypatch.setattr(service.app.ledger, "claim", away)
    before = service.world.calls()
    answer = service.post(PLATE)
    assert (answer.status, answer.problem) == (503, "store-unavailable")
    assert "PLANTED" not in answer.text
    assert service.world.calls() == before


def test_without_a_ledger_photos_are_read_and_failures_given_back(
    make_service: Callable[..., Service],
) -> None:
    service = make_service(VINDROP_LEDGER="none")
    assert service.post(PLATE).status == 200
    data = (SAMPLES / "no-vin-shop-front.jpg").read_bytes()
    assert service.post(data).problem == "no-vin"
    assert service.world.dead_letters() == []


def test_nothing_of_a_request_but_ids_and_outcomes_is_logged(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    service.post(
        PLATE, headers={"X-Custom": "PLANTED", "Cookie": "PLANTED", "User-Agent": "PLANTED"}
    )
    service.post(PLATE, path="/PLANTED/v1/vin")
    service.post(b"", key="PLANTED")
    out = capsys.readouterr().out
    assert out.count('"event": "http"') == 3
    assert "PLANTED" not in out
    assert KEY not in out


def test_an_unknown_failure_code_maps_to_a_kind() -> None:
    from vindrop.domain.error_codes import TABLE
    from vindrop.http.problems import KINDS, of_failure

    for code in [*TABLE, "Never.Heard.Of", "FailedOperation.New", ""]:
        assert Failure(code, "why").rule.http_problem in KINDS
        problem = of_failure(Failure(code, "why"))
        assert problem.kind.status >= 400
        assert problem.detail.startswith("Why.")


def test_the_callers_trace_goes_with_the_record(service: Service) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    sent = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    photo = (SAMPLES / "plate-02.jpg").read_bytes()
    assert service.post(photo, headers=sent).status == 200
    (reading,) = service.world.readings()
    assert reading.traceparent is not None
    assert reading.traceparent.split("-")[1] == trace_id


@pytest.mark.parametrize(
    ("decision", "status"), [({"vin": "1M8GDM9AXKP042788"}, 200), ({"reason": "no_vin"}, 422)]
)
def test_a_photo_that_a_person_has_decided_is_answered_with_what_is_in_force(
    service: Service, decision: dict[str, Any], status: int
) -> None:
    from vindrop.core.review import Decided, Decision

    first = service.post(PLATE).json
    _, desk = service.app.console()
    outcome = desk.decide(Decision(upload_id=first["id"], reviewer="ann", **decision))
    assert isinstance(outcome, Decided)
    before = service.world.calls()
    again = service.post(PLATE)
    assert again.status == status, again.text
    assert (service.world.calls() - before).received == 0
    if status == 422:
        assert again.json["type"].endswith(":no-vin")
        assert "ann" in again.json["detail"]
        return
    assert (again.json["vin"], again.json["verdict"]) == (decision["vin"], "reviewed")
    assert again.json["as_read"] == first["as_read"]
    assert again.json["reviewed"]["machine_vin"] == first["vin"]
    assert (again.json["doubts"], again.json["new"]) == ([], False)
    assert isinstance(desk.undo(first["id"], "ann", 1), Decided)
    assert service.post(PLATE).json["vin"] == first["vin"]
