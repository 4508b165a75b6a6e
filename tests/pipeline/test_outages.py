"""Outages: of a minute, an hour, a day. They end in readings, cost no attempt, and no call twice for nothing."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.pipeline.conftest import World, a_call, impatient, make_due, process
from vindrop.core import retry_schedule, sweep
from vindrop.core.app import App
from vindrop.core.ledger import Claim
from vindrop.domain import error_codes
from vindrop.domain.failures import Failure
from vindrop.domain.upload import Upload
from vindrop.settings import Settings

DAY = 86_400.0
PASSING = [
    "InternalError",
    "ServiceUnavailable",
    "ResourceInsufficient",
    "ResourceInUse",
    "LimitExceeded",
    "FailedOperation.UnKnowError",
    "FailedOperation.EngineRecognizeTimeout",
]


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address that refuses connections, for as long as the test lasts."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound, and not listening
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


class Silent:
    """A server that takes connections and answers byte by byte, or not at all."""

    def __init__(self, every: float, answer: bytes = b"") -> None:
        self._every, self._answer = every, answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.connections = 0
        self._stop = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def close(self) -> None:
        self._stop.set()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._drip, args=(connection,), daemon=True).start()

    def _drip(self, connection: socket.socket) -> None:
        with connection:
            at = 0
            while not self._stop.wait(self._every):
                try:
                    connection.sendall(self._answer[at : at + 1])
                except OSError:
                    return
                at += 1


@pytest.fixture
def silent() -> Iterator[Any]:
    made: list[Silent] = []

    def make(every: float, answer: bytes = b"") -> Silent:
        made.append(Silent(every, answer))
        return made[-1]

    yield make
    for each in made:
        each.close()


def outage(world: World, app: App, upload: Upload, seconds: float) -> None:
    """Retry ``upload`` whenever it is due, until the outage has lasted ``seconds``."""
    at = 0.0
    while at < seconds:
        outcome = process(app, upload)
        assert outcome.end == "retry_scheduled", outcome
        assert outcome.retry_in is not None
        wait = max(outcome.retry_in, 60.0)
        at += wait
        make_due(app, later=wait)
    assert world.dead_letters() == []


@pytest.mark.parametrize("away", ["VINDROP_VINOCR_ENDPOINT", "VINDROP_STORAGE_ENDPOINT"])
@pytest.mark.parametrize("seconds", [10.0, 600.0, 6 * 3600.0])
def test_who_cannot_be_reached_is_waited_for(
    world: World, nobody: str, away: str, seconds: float
) -> None:
    upload, before = world.photo(), world.calls()
    app = impatient(world.app(**{away: nobody, "VINDROP_RETRY_SECONDS": "30"}))
    outage(world, app, upload, seconds)
    assert sweep.process(world.app(), a_call())["ended"] == {"reading": 1}
    (reading,) = world.readings()
    assert (reading.attempts, reading.vinocr.billed, reading.vinocr.maybe_billed) == (1, 1, 0)
    assert (world.calls() - before).received == 1


@pytest.mark.parametrize(
    ("code", "seconds"), [(PASSING[0], DAY), *((code, 1800.0) for code in PASSING[1:])]
)
def test_a_service_that_fails_for_a_day_is_waited_for(
    world: World, code: str, seconds: float
) -> None:
    world.faults.set({"code": code})
    upload = world.photo()
    app = impatient(world.app(VINDROP_RETRY_SECONDS="900", VINDROP_MAX_ATTEMPTS="1"))
    outage(world, app, upload, seconds)
    world.faults.set()
    assert process(app, upload).end == "reading"
    assert [(each.attempts, each.vinocr.billed) for each in world.readings()] == [(1, 1)]


def test_after_three_days_it_is_a_dead_letter_that_says_so_and_a_redrive_begins_anew(
    world: World, nobody: str
) -> None:
    upload = world.photo()
    app = impatient(world.app(VINDROP_VINOCR_ENDPOINT=nobody))
    assert process(app, upload).end == "retry_scheduled"
    make_due(app, later=2.9 * DAY)
    assert process(app, upload).end == "retry_scheduled"
    make_due(app, later=0.2 * DAY)
    assert process(app, upload).end == "dead_letter"
    (letter,) = world.dead_letters()
    assert letter.code == "ClientNetworkError.NotConnected"
    assert "for three days" in letter.message
    assert "VINDROP_MAX_AGE" in letter.message
    assert letter.attempts == 1
    assert app.ledger.redrive(letter, after=0) == "redriven"
    assert process(app, upload).end == "retry_scheduled"
    make_due(app, later=2.9 * DAY)
    assert process(app, upload).end == "retry_scheduled"
    make_due(app)
    assert process(world.app(), upload).end == "reading"
    assert world.dead_letters() == []


def test_a_blocked_account_does_not_make_an_upload_too_old(world: World, nobody: str) -> None:
    """It waited four days for a person; what fails once after that is at its beginning."""
    world.faults.set({"code": "ResourceUnavailable.InArrears"})
    upload, app = world.photo(), impatient(world.app())
    assert process(app, upload).end == "retry_scheduled"
    app.ledger.close_circuit()
    make_due(app, later=4 * DAY)
    away = impatient(world.app(VINDROP_VINOCR_ENDPOINT=nobody))
    assert process(away, upload).end == "retry_scheduled"
    make_due(app)
    assert process(away, upload).end == "retry_scheduled"


def test_one_run_tries_a_few_times_and_what_may_be_billed_once(world: World, nobody: str) -> None:
    before = world.calls()
    world.faults.set({"code": "InternalError"})
    process(impatient(world.app()), world.photo())
    assert (world.calls() - before).received == retry_schedule.TRIES_IN_RUN
    before = world.calls()
    world.faults.set({"cut": "after"})
    app, photo = impatient(world.app()), world.photo()
    for runs in (1, 2, 3):
        process(app, photo)
        assert (world.calls() - before).received == runs
        make_due(app)


def test_waits_double_up_to_an_hour_and_those_that_may_cost_are_never_short() -> None:
    settings = Settings(results=("a",), dead_letters=("a",), ledger="none")
    for code, least in (("InternalError", 0.0), ("ClientNetworkError", 0.5)):
        for retries, limit in ((0, 30), (1, 60), (4, 480), (7, 3600), (99, 3600)):
            claim = Claim("o", 1, 0, 0.0, retries=retries)
            waits = [
                retry_schedule.schedule(
                    Failure(code, ""), claim, settings, random.Random(n)
                ).seconds
                for n in range(300)
            ]
            assert limit * least <= min(waits) <= limit * (least + 0.05)
            assert limit * 0.95 <= max(waits) <= limit


def test_a_busy_service_is_waited_for_as_long_as_it_says() -> None:
    settings = Settings(results=("a",), dead_letters=("a",), ledger="none")
    busy = Failure("ResourceInsufficient.ServerBusy", "busy: try again in `40` seconds")
    dice, claim = random.Random(1), Claim("o", 1, 0, 0.0)
    assert retry_schedule.wait_in_run(busy, 1, dice) == 40
    assert retry_schedule.schedule(busy, claim, settings, dice).seconds >= 40
    silent_about_it = Failure("ResourceInsufficient", "busy")
    assert (retry_schedule.wait_in_run(silent_about_it, 1, dice) or 0) <= 1
    endless = Failure("ResourceInsufficient", "`99999` seconds")
    assert retry_schedule.schedule(endless, claim, settings, dice).seconds <= 3600


def test_the_first_reading_after_an_outage_makes_the_others_due(world: World, nobody: str) -> None:
    away = impatient(world.app(VINDROP_VINOCR_ENDPOINT=nobody, VINDROP_RETRY_SECONDS="1800"))
    photos = [world.photo() for _ in range(5)]
    for photo in photos:
        assert process(away, photo).end == "retry_scheduled"
    app = world.app(VINDROP_RETRY_SECONDS="1800")
    assert sweep.process(app, a_call())["ended"] == {}, "none is due yet"
    make_due_one(app, photos[0])
    sweep.process(app, a_call())
    sweep.process(app, a_call())
    assert len(world.readings()) == 5


def test_a_reading_does_not_hasten_what_waits_for_something_else(world: World, nobody: str) -> None:
    app = impatient(world.app(VINDROP_STORAGE_ENDPOINT=nobody, VINDROP_RETRY_SECONDS="1800"))
    other = world.photo()
    assert process(app, other).end == "retry_scheduled"
    world.faults.set({"first": 1, "code": "InternalError"})
    assert process(impatient(world.app()), world.photo()).end == "reading"
    standing = app.ledger.standing(other.id)
    assert standing is not None
    assert (standing.state, (standing.retry_in or 0) > 0) == ("parked", True)


def test_a_connection_that_never_opened_is_not_billed_and_one_that_was_cut_may_be(
    world: World, nobody: str, silent: Any
) -> None:
    refused = process(impatient(world.app(VINDROP_VINOCR_ENDPOINT=nobody)), world.photo())
    mute = silent(60.0)
    waited = process(
        impatient(world.app(VINDROP_VINOCR_ENDPOINT=mute.url, VINDROP_VINOCR_TIMEOUT="0.5")),
        world.photo(),
    )
    codes = [each.failure.code for each in (refused, waited) if each.failure]
    assert codes == ["ClientNetworkError.NotConnected", "ClientNetworkError"]
    assert [error_codes.rule(code).billed for code in codes] == [False, None]
    assert mute.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(90)),
        b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n{"Re'
        + b" " * 4000,
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"1\r\n \r\n" * 900,
    ],
    ids=["headers", "body", "chunks"],
)
def test_an_answer_that_drips_does_not_outlive_its_time(
    world: World, silent: Any, answer: bytes
) -> None:
    """Each byte comes within the time-out of a read; the whole of it would take minutes."""
    drip = silent(0.05, answer)
    app = impatient(world.app(VINDROP_VINOCR_ENDPOINT=drip.url, VINDROP_VINOCR_TIMEOUT="1"))
    outcome = process(app, world.photo(), seconds=600)
    assert outcome.end == "retry_scheduled"
    assert drip.connections == 1
    sent = drip.connections and outcome.failure is not None
    assert sent


def test_a_bucket_that_drips_does_not_outlive_the_function(world: World, silent: Any) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n" + b"\xff\xd8\xff" + b"x" * 40000
    drip = silent(0.02, head)
    app = impatient(world.app(VINDROP_STORAGE_ENDPOINT=drip.url))
    started = time.monotonic()
    outcome = process(app, world.photo(), seconds=3)
    assert outcome.end == "retry_scheduled"
    assert outcome.failure is not None
    assert outcome.failure.code == "Vindrop.StorageUnavailable"
    assert time.monotonic() - started < 300, "the whole answer would take ten minutes and more"


def test_destinations_get_the_time_that_the_function_has_left(world: World) -> None:
    app, told = world.app(), list[float]()
    deliver = app.delivery.deliver

    def noting(*given: Any, seconds: float, **how: Any) -> None:
        told.append(seconds)
        deliver(*given, seconds=seconds, **how)

    app.delivery.deliver = noting  # type: ignore[method-assign,assignment]
    assert process(app, world.photo(), seconds=600).end == "reading"
    assert len(told) == 1
    assert 0 < told[0] < 600


def make_due_one(app: App, upload: Upload) -> None:
    from typing import cast

    from vindrop.stores.sql import Database

    cast("Database", app.ledger.database).execute(
        "UPDATE vindrop_uploads SET due_at = 0 WHERE id = :id", id=upload.id
    )
