"""The sweep: many at once, none at another's expense, and what is paid for arrives even while the account is blocked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench.rig.world import World
from vindrop import settings as settings_module
from vindrop.core import sweep
from vindrop.core.app import App
from vindrop.core.invocation import Budget, Invocation
from vindrop.core.ledger import Claim
from vindrop.domain.failures import Failure
from vindrop.domain.records import Reading
from vindrop.domain.upload import Upload
from vindrop.stores import sql
from vindrop.stores.sql import Database
from vindrop.triggers import read
from vindrop.wiring import build

ARREARS = Failure("FailedOperation.ArrearsError", "arrears")
PAST = -100.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, rate=500, speed=5) as world:
        yield world
        sql.forget(f"sqlite:///{tmp_path}/vindrop.db")


def an_app(world: World, **changes: str) -> App:
    store = f"sqlite:///{world.folder}/vindrop.db"
    given = {name: v for name, v in world.environment.items() if name.startswith("VINDROP_")}
    given |= {"VINDROP_LEDGER": store, "VINDROP_RESULTS": store, "VINDROP_DEAD_LETTERS": store}
    return build(settings_module.load({**given, **changes}), world.environment)


def uploads(world: World, count: int) -> list[Upload]:
    found: list[Any] = [read(event).messages[0].arrival for event in world.uploads(count)]
    return found


def park(app: App, upload: Upload, seconds: float = PAST) -> None:
    claim = app.ledger.claim(upload, 60)
    assert isinstance(claim, Claim)
    app.ledger.schedule_retry(upload.id, claim, ARREARS, seconds=seconds, attempts=0, billed=0)


def a_call(seconds: float = 30.0) -> Invocation:
    return Invocation("local", "", "sweep", seconds)


def test_everything_due_is_read_and_what_is_not_due_waits(world: World) -> None:
    app = an_app(world)
    *due, later = uploads(world, 61)
    for upload in due:
        park(app, upload)
    park(app, later, seconds=600)
    assert sweep.process(app, a_call())["ended"] == {"reading": 60}
    assert app.ledger.counts() == {"delivered": 60, "parked": 1}
    assert world.vinocr.calls().billed == 60


def test_one_that_breaks_our_own_code_does_not_keep_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = an_app(world)
    many = uploads(world, 5)
    for upload in many:
        park(app, upload)
    process = app.pipeline.process

    def defective(upload: Upload, budget: Budget) -> Any:
        if upload.id == many[0].id:
            raise KeyError("a defect")
        return process(upload, budget)

    monkeypatch.setattr(app.pipeline, "process", defective)
    assert sweep.process(app, a_call())["ended"] == {"reading": 4}


def test_a_blocked_account_is_not_called_and_kept_answers_still_arrive(world: World) -> None:
    (world.folder / "out").mkdir()
    app = an_app(world, VINDROP_RESULTS=f"file://{world.folder}/out/readings.jsonl")
    (world.folder / "out").rmdir()
    (world.folder / "out").touch()  # no folder any more, and none can be made
    *waiting, answered = uploads(world, 9)
    assert app.pipeline.process(answered, Budget(5)).end == "undelivered"
    app.ledger.end_leases()  # type: ignore[attr-defined]
    for upload in waiting:
        park(app, upload)
    app.ledger.open_circuit(ARREARS, 600)
    (world.folder / "out").unlink()
    (world.folder / "out").mkdir()
    before = world.vinocr.calls().received
    assert sweep.process(app, a_call())["ended"] == {"reading": 1}
    assert world.vinocr.calls().received == before
    assert (world.folder / "out" / "readings.jsonl").read_text().count(answered.id) == 1


def test_a_due_probe_is_made_by_one_call_and_opens_the_account(world: World) -> None:
    world.account("in_arrears")
    app = an_app(world, VINDROP_PROBE_SECONDS="300")
    many = uploads(world, 8)
    assert app.pipeline.process(many[0], Budget(30)).end == "retry_scheduled"  # blocks the account
    calls = world.vinocr.calls().received
    assert calls == 1
    for upload in many[1:]:
        assert app.pipeline.process(upload, Budget(30)).end == "retry_scheduled"
    assert world.vinocr.calls().received == calls
    app.ledger.close_circuit()
    app.ledger.open_circuit(ARREARS, PAST)  # a probe is due, and the account is still in arrears
    for upload in many:
        park_again(app, upload)
    sweep.process(app, a_call())
    assert world.vinocr.calls().received == calls + 1
    world.account("active")
    app.ledger.close_circuit()
    app.ledger.open_circuit(ARREARS, PAST)
    for upload in many:
        park_again(app, upload)
    assert sweep.process(app, a_call())["ended"] == {"reading": 8}
    assert app.ledger.circuit(None) is None
    assert app.ledger.counts() == {"delivered": 8}


def test_a_photo_refused_here_does_not_use_up_the_probe(world: World) -> None:
    app = an_app(world)
    empty, good = uploads(world, 2)
    app.ledger.open_circuit(ARREARS, PAST)
    nothing = dataclasses.replace(empty, size=0)
    assert app.pipeline.process(nothing, Budget(30)).end == "dead_letter"
    outcome = app.pipeline.process(good, Budget(30))
    assert isinstance(outcome.record, Reading)
    assert app.ledger.circuit(None) is None


def park_again(app: App, upload: Upload) -> None:
    """Make a parked upload due."""
    database = cast("Database", app.ledger.database)
    database.execute("UPDATE vindrop_uploads SET due_at = 0 WHERE id = :id", id=upload.id)


class Counting:
    """A database that counts what is asked of it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.statements: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def execute(self, statement: str, **values: object) -> Any:
        self.statements.append(statement)
        return self._database.execute(statement, **values)


def test_under_an_open_circuit_a_long_backlog_costs_nothing_and_what_is_paid_for_is_delivered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers are behind 3,000 uploads that have been due for longer."""
    monkeypatch.setattr(sweep, "TIDY_SECONDS", 0.0)  # the overview's hours are not the backlog's
    (world.folder / "out").mkdir()
    app = an_app(world, VINDROP_RESULTS=f"file://{world.folder}/out/readings.jsonl")
    (world.folder / "out").rmdir()
    (world.folder / "out").touch()  # no folder any more, and none can be made
    *waiting, answered = uploads(world, 3)
    assert app.pipeline.process(answered, Budget(5)).end == "undelivered"
    for upload in waiting:
        park(app, upload)
    database = cast("Database", app.ledger.database)
    database.execute("UPDATE vindrop_uploads SET due_at = 2 WHERE state = 'answered'")
    for n in range(3000):
        database.execute(
            "INSERT INTO vindrop_uploads (id, state, due_at, owner, attempts, billed, place, "
            "upload, bucket, first_seen, last_seen) SELECT 'copy' || :n, state, 1, owner, attempts, "
            "billed, place, upload, bucket, first_seen, last_seen FROM vindrop_uploads WHERE id = :id",
            n=str(n),
            id=waiting[0].id,
        )
    app.ledger.open_circuit(ARREARS, 600)
    (world.folder / "out").unlink()
    (world.folder / "out").mkdir()
    counting = Counting(database)
    app.ledger.database = counting  # type: ignore[misc]
    assert sweep.process(app, a_call())["ended"] == {"reading": 1}
    assert len(counting.statements) < 30, "not one per row, nor one per page"


def test_what_is_due_is_read_once_and_not_once_per_page(world: World) -> None:
    app = an_app(world)
    many = uploads(world, 120)
    for upload in many:
        park(app, upload)
    counting = Counting(cast("Database", app.ledger.database))
    app.ledger.database = counting  # type: ignore[misc]
    assert sweep.process(app, a_call(120.0))["ended"] == {"reading": 120}
    reads = [s for s in counting.statements if "ORDER BY due_at" in s]
    assert len(reads) <= 4, "twice for answers, twice for retries: the second finds nothing"


def test_uploads_that_are_stuck_at_the_head_keep_nobody_behind_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than a page of them: whatever it is that keeps them due."""
    monkeypatch.setattr(sweep, "PAGE", 4)
    app = an_app(world)
    many = uploads(world, 12)
    for n, upload in enumerate(many):
        park(app, upload, seconds=-1000.0 + n)
    stuck = {upload.id for upload in many[:9]}
    process = app.pipeline.process

    def defective(upload: Upload, budget: Budget) -> Any:
        if upload.id in stuck:
            raise KeyError("a defect before the claim: it stays due")
        return process(upload, budget)

    monkeypatch.setattr(app.pipeline, "process", defective)
    assert sweep.process(app, a_call())["ended"] == {"reading": 3}


def test_reviews_get_half_of_the_time_at_most(world: World) -> None:
    """A destination that is away holds each of them: a hundred held the sweep for a thousand seconds."""
    app, told = an_app(world), list[float]()
    (upload,) = uploads(world, 1)
    park(app, upload)

    def deliver_due(*, seconds: float) -> int:
        told.append(seconds)
        return 0

    parts = SimpleNamespace(tidy=lambda _: True), SimpleNamespace(deliver_due=deliver_due)
    with_reviews = dataclasses.replace(app, console=lambda: cast("Any", parts))
    assert sweep.process(with_reviews, a_call(300.0))["ended"] == {"reading": 1}
    (seconds,) = told
    assert 0 < seconds < 150
