"""The same promises from every destination: one table, `tests/destinations/kinds.py`."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import replace
from multiprocessing.pool import Pool
from pathlib import Path

import pytest

from tests.destinations.kinds import KINDS, DestinationKind, Place, Received
from tests.library.conftest import a_dead_letter, a_reading, a_review, an_upload
from tests.stores.fixtures import Servers
from vindrop.core.store_errors import StoreError
from vindrop.destinations import open_destination
from vindrop.domain.records import Record, from_cloudevent, to_cloudevent

RECORDS = 200
PROCESSES = 8


@pytest.fixture(params=KINDS, ids=lambda kind: str(kind.name))
def kind(request: pytest.FixtureRequest) -> DestinationKind:
    found = request.param
    assert isinstance(found, DestinationKind)
    return found


@pytest.fixture
def place(kind: DestinationKind, servers: Servers, tmp_path: Path) -> Place:
    return kind.place(servers, tmp_path)


def first_copies(received: list[Received]) -> list[str]:
    """Object keys of what was not marked as a second copy."""
    return sorted(r.event["data"]["upload"]["key"] for r in received if not r.redelivered)


def test_a_record_arrives_whole(place: Place) -> None:
    destination = open_destination(place.url, place.environment)
    reading = a_reading(an_upload("车架号/a b+c.jpg"))
    letter = a_dead_letter(an_upload("b.jpg"))
    destination.put(reading)
    destination.put(letter)
    received = sorted((r.event for r in place.read()), key=lambda event: str(event["type"]))
    assert [from_cloudevent(event) for event in received] == [letter, reading]
    records: list[Record] = [letter, reading]
    for event, record in zip(received, records, strict=True):
        expected = to_cloudevent(record)
        expected.pop("time") if "time" not in event else None
        assert event == expected


def test_a_review_arrives_beside_its_reading(kind: DestinationKind, place: Place) -> None:
    """As a message or line of its own; in a table, in the reading's row (tests/stores/test_reviews.py)."""
    destination = open_destination(place.url, place.environment)
    reading, review = a_reading(), a_review()
    for record in (reading, review, review):
        destination.put(record)
    received = [each for each in place.read() if not each.redelivered]
    found = [from_cloudevent(each.event) for each in received]
    if kind.name == "file":  # whose reader yields what uploads ended as
        lines = Path(place.url.removeprefix("file://")).read_text().splitlines()
        found = [from_cloudevent(json.loads(line)) for line in lines]
    in_table = kind.name.startswith(("sqlite", "postgresql", "mysql", "dynamodb"))
    assert found.count(reading) == 1
    assert found.count(review) == (0 if in_table else 1)
    if kind.filters:
        (told,) = [r.attributes for r in received if r.event["type"] == "vindrop.review.v1"]
        assert set(told.values()) == {"vin", "tencent", "vindrop.review.v1"}


def test_a_record_with_text_that_is_none_arrives(place: Place) -> None:
    """NUL and half a surrogate pair in what a provider said: the VIN beside it is not lost."""
    reading = a_reading(an_upload("a.jpg"))
    reading = replace(reading, vinocr=replace(reading.vinocr, request_id="r\0\ud800 车"))
    letter = replace(a_dead_letter(an_upload("b.jpg")), message="a\0b \udfff 车")
    destination = open_destination(place.url, place.environment)
    destination.put(reading)
    destination.put(letter)
    events = {r.event["data"]["upload"]["key"]: r.event["data"] for r in place.read()}
    assert events["a.jpg"]["vin"] == reading.vin
    assert events["a.jpg"]["vinocr"]["request_id"].endswith("车")
    assert events["b.jpg"]["message"].endswith("车")


def test_what_a_subscriber_filters_by(kind: DestinationKind, place: Place) -> None:
    if not kind.filters:
        pytest.skip("a table or a plain queue: its reader filters by the record")
    open_destination(place.url, place.environment).put(a_dead_letter())
    (received,) = place.read()
    wanted = {"FailedOperation.OcrFailed", "dead_letter", "tencent", "vindrop.dead_letter.v1"}
    assert set(received.attributes.values()) == wanted
    if kind.name != "cmq-topic":  # whose tags have no names
        assert set(received.attributes) == {"code", "disposition", "cloud", "type"}


def test_a_record_that_comes_twice_is_one_or_says_so(kind: DestinationKind, place: Place) -> None:
    """By this process again, and by another one that took over from it."""
    destination = open_destination(place.url, place.environment)
    destination.put(a_reading())
    destination.put(a_reading())
    open_destination(place.url, place.environment).put(a_reading(), redelivered=True)
    received = place.read()
    assert first_copies(received) == [an_upload().key]
    if kind.promise == "once":
        assert len(received) == 1
    else:
        assert {r.event["id"] for r in received} == {an_upload().id}


def _put(url: str, environment: Mapping[str, str], keys: list[str]) -> None:
    destination = open_destination(url, environment)
    for key in keys:
        destination.put(a_reading(an_upload(key)))


def test_eight_processes_at_once_lose_and_double_nothing(
    kind: DestinationKind, place: Place, processes: Pool
) -> None:
    keys = [f"{number:03}.jpg" for number in range(RECORDS)]
    shares = [keys[number::PROCESSES] for number in range(PROCESSES)]
    work = [(place.url, dict(place.environment), share) for share in shares]
    if kind.promise == "once":  # and some bring what others bring too
        work[0][2].extend(shares[1])
    processes.starmap(_put, work)
    assert first_copies(place.read()) == keys


def test_a_server_that_is_stopped_in_the_middle_loses_nothing(
    kind: DestinationKind, servers: Servers, place: Place
) -> None:
    if kind.server is None:
        pytest.skip("a file has no server")
    server = servers[kind.server]
    destination = open_destination(place.url, place.environment)
    keys = [f"{number}.jpg" for number in range(8)]
    for key in keys[:4]:
        destination.put(a_reading(an_upload(key)))
    server.stop()
    try:
        with pytest.raises(StoreError) as error:
            destination.put(a_reading(an_upload(keys[4])))
    finally:
        server.start()
    assert "\n" not in str(error.value)
    assert "planted" not in str(error.value)
    for key in keys[4:]:
        with contextlib.suppress(StoreError):  # the first after a restart may still find it away
            destination.put(a_reading(an_upload(key)))
            continue
        destination.put(a_reading(an_upload(key)))
    received = place.read()
    assert {r.event["data"]["upload"]["key"] for r in received} == set(keys)
    doubled = [key for key in keys if first_copies(received).count(key) > 1]
    assert doubled == []
