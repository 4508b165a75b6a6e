"""Workers that were frozen for longer than their lease: no second call, no answer undone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from bench.rig.world import World
from tests.reliability.test_sweep import a_call, an_app, uploads
from vindrop.core import attempt as attempt_module
from vindrop.core import daily_cap, sweep
from vindrop.core.app import App
from vindrop.core.invocation import Budget
from vindrop.core.outcome import Outcome
from vindrop.destinations import open_destination
from vindrop.domain.failures import FailureError
from vindrop.domain.records import DeadLetter, Reading, Record
from vindrop.domain.upload import Upload
from vindrop.stores import sql
from vindrop.stores.sql import Database


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, rate=500, speed=5) as world:
        yield world
        sql.forget(f"sqlite:///{tmp_path}/vindrop.db")


def lease_over(app: App, upload: Upload) -> None:
    cast("Database", app.ledger.database).execute(
        "UPDATE vindrop_uploads SET due_at = 0 WHERE id = :id AND due_at IS NOT NULL", id=upload.id
    )


def frozen_at(part: Any, name: str, meanwhile: Callable[[], object], *, after: bool) -> None:
    """Let ``meanwhile`` happen once while a worker is frozen before, or after, a step."""
    step = getattr(part, name)
    once = [meanwhile]

    def slow(*arguments: Any, **options: Any) -> Any:
        if after:
            result = step(*arguments, **options)
            if once:
                once.pop()()
            return result
        if once:
            once.pop()()
        return step(*arguments, **options)

    setattr(part, name, slow)


def another_worker(world: World, app: App, upload: Upload) -> Callable[[], Outcome]:
    """What happens while the first is frozen: its lease ends, and another one takes the upload."""
    other = an_app(world)

    def work() -> Outcome:
        lease_over(app, upload)
        return other.pipeline.process(upload, Budget(30))

    return work


def records(world: World, kind: str) -> list[Any]:
    destination = cast("Any", open_destination(f"sqlite:///{world.folder}/vindrop.db"))
    return list(destination.records(kind))


class Queue:
    """A destination that takes nothing back."""

    database = None

    def put(self, record: Record, *, redelivered: bool = False) -> None:
        assert isinstance(record, DeadLetter)
        assert not redelivered


class Slow:
    """Delegates to a part, so that one worker's can be frozen and another's not."""

    def __init__(self, part: Any) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Any:
        return getattr(self._part, name)


@pytest.mark.parametrize("step", ["take", "prepare", "reserve"])
def test_a_worker_that_was_frozen_before_its_call_makes_none(world: World, step: str) -> None:
    app = an_app(world)
    (upload,) = uploads(world, 1)
    attempt = cast("Any", app.pipeline)._attempt
    name = {"take": "_photographer", "prepare": "_recognizer", "reserve": "_rate_limiter"}[step]
    part = Slow(getattr(attempt, name))
    setattr(attempt, name, part)
    frozen_at(part, step, another_worker(world, app, upload), after=True)
    outcome = app.pipeline.process(upload, Budget(30))
    assert (outcome.end, outcome.new) == ("reading", False), "the other worker's"
    assert world.vinocr.calls().billed == 1
    (reading,) = records(world, "readings")
    assert reading.vinocr.billed == 1


@pytest.mark.parametrize("step", ["count_call", "circuit", "holds"])
def test_a_worker_whose_ledger_stalls_right_before_its_call_makes_none(
    world: World, step: str
) -> None:
    """Whatever it asks last: by the time the answer is there, another worker has called."""
    app = an_app(world, VINDROP_DAILY_CALLS="50")
    (upload,) = uploads(world, 1)
    attempt, budget = cast("Any", app.pipeline)._attempt, Budget(300)
    work = another_worker(world, app, upload)

    def meanwhile() -> None:
        work()
        object.__setattr__(budget, "started", budget.started - 60.0)

    ledger = Slow(app.ledger)
    reserve = attempt._rate_limiter.reserve

    def reserved(seconds: float) -> Any:
        frozen_at(ledger, step, meanwhile, after=True)
        return reserve(seconds)

    attempt._rate_limiter = Slow(attempt._rate_limiter)
    attempt._rate_limiter.reserve = reserved
    attempt._breaker._ledger = attempt._cap._ledger = cast("Any", app.pipeline)._ledger = ledger
    outcome = app.pipeline.process(upload, budget)
    assert (outcome.end, outcome.new) == ("reading", False), "the other worker's"
    assert world.vinocr.calls().billed == 1
    assert app.ledger.calls_of(daily_cap.today()) == 0, "what was not called is not counted"


@pytest.mark.parametrize("separate", [False, True], ids=["one database", "two destinations"])
def test_a_paid_reading_replaces_a_late_workers_dead_letter(world: World, separate: bool) -> None:
    """Two calls: the one that was blurred came first, and was delivered; the VIN must not vanish."""
    letters = f"sqlite:///{world.folder}/letters.db"
    changes = {"VINDROP_DEAD_LETTERS": letters} if separate else {}
    app, other = an_app(world, **changes), an_app(world, **changes)
    (upload,) = uploads(world, 1)

    other.recognizer.recognize = _blurred  # type: ignore[method-assign]

    def meanwhile() -> None:
        lease_over(app, upload)
        assert other.pipeline.process(upload, Budget(30)).end == "dead_letter"

    frozen_at(app.recognizer, "recognize", meanwhile, after=True)
    outcome = app.pipeline.process(upload, Budget(30))
    assert outcome.end == "reading"
    assert isinstance(outcome.record, Reading)
    assert app.ledger.counts() == {"delivered": 1}
    where = letters if separate else f"sqlite:///{world.folder}/vindrop.db"
    assert list(cast("Any", open_destination(where)).records("dead_letters")) == [], "withdrawn"
    assert [each.id for each in records(world, "readings")] == [upload.id]
    sql.forget(letters)


def test_where_a_dead_letter_cannot_be_withdrawn_the_log_says_so(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    app, other = an_app(world), an_app(world)
    (upload,) = uploads(world, 1)
    for each in (app, other):
        each.delivery._dead_letters = {"queue-1": Queue()}

    other.recognizer.recognize = _blurred  # type: ignore[method-assign]

    def meanwhile() -> None:
        lease_over(app, upload)
        other.pipeline.process(upload, Budget(30))

    frozen_at(app.recognizer, "recognize", meanwhile, after=True)
    assert app.pipeline.process(upload, Budget(30)).end == "reading"
    assert '"dead_letter_stands"' in capsys.readouterr().out


def test_a_stale_dead_letter_does_not_undo_a_redrive(world: World) -> None:
    """Frozen between its answer and the ledger: meanwhile dead, redriven, and waiting to be read."""
    app, other = an_app(world), an_app(world)
    (upload,) = uploads(world, 1)

    for each in (app, other):
        each.recognizer.recognize = _blurred  # type: ignore[method-assign]

    def meanwhile() -> None:
        lease_over(app, upload)
        outcome = other.pipeline.process(upload, Budget(30))
        assert isinstance(outcome.record, DeadLetter)
        assert other.ledger.redrive(outcome.record, after=0) == "redriven"

    ledger = Slow(app.ledger)
    cast("Any", app.pipeline)._ledger = ledger
    frozen_at(ledger, "keep", meanwhile, after=False)
    assert app.pipeline.process(upload, Budget(30)).end == "retry_scheduled"
    assert app.ledger.counts() == {"parked": 1}
    assert sweep.process(an_app(world), a_call())["ended"] == {"reading": 1}
    assert records(world, "dead_letters") == []


def test_a_dead_letter_that_is_delivered_late_is_not_left_beside_the_reading(world: World) -> None:
    """Frozen at the delivery: meanwhile the upload was redriven and read."""
    letters = f"sqlite:///{world.folder}/letters.db"
    app = an_app(world, VINDROP_DEAD_LETTERS=letters)
    other = an_app(world, VINDROP_DEAD_LETTERS=letters)
    (upload,) = uploads(world, 1)
    app.recognizer.recognize = _blurred  # type: ignore[method-assign]

    def meanwhile() -> None:
        lease_over(app, upload)
        outcome = other.pipeline.process(upload, Budget(30))  # delivers the kept dead letter
        assert isinstance(outcome.record, DeadLetter)
        assert other.ledger.redrive(outcome.record, after=0) == "redriven"
        assert other.pipeline.process(upload, Budget(30)).end == "reading"

    delivery = Slow(cast("Any", app.pipeline)._delivery)
    cast("Any", app.pipeline)._delivery = delivery
    frozen_at(delivery, "deliver", meanwhile, after=False)
    assert app.pipeline.process(upload, Budget(30)).end == "reading"
    assert list(cast("Any", open_destination(letters)).records("dead_letters")) == []
    sql.forget(letters)


def _blurred(*_: Any, **__: Any) -> Any:
    raise FailureError("FailedOperation.ImageBlur", "blurred", "r-1")


def test_a_worker_that_wakes_up_after_its_time_makes_no_call(world: World) -> None:
    """Nobody has taken the upload over, and yet the time of the function is over."""
    app = an_app(world)
    (upload,) = uploads(world, 1)
    limiter = Slow(app.rate_limiter)
    cast("Any", app.pipeline)._attempt._rate_limiter = limiter
    budget = Budget(30.0)

    def meanwhile() -> None:
        object.__setattr__(budget, "started", budget.started - 60.0)

    frozen_at(limiter, "reserve", meanwhile, after=True)
    outcome = app.pipeline.process(upload, budget)
    assert outcome.end == "retry_scheduled"
    assert outcome.failure is not None
    assert outcome.failure.code == "Vindrop.OutOfTime", "and not one that may have been billed"
    assert world.vinocr.calls().received == 0


@pytest.mark.parametrize("stalls", [1, 2])
def test_a_ledger_that_stalls_after_the_permit_costs_the_permit(world: World, stalls: int) -> None:
    """Everybody waits for the same store: with old permits all would call in the same moment."""
    app = an_app(world)
    (upload,) = uploads(world, 1)
    limiter, ledger, recognizer = Slow(app.rate_limiter), Slow(app.ledger), Slow(app.recognizer)
    attempt = cast("Any", app.pipeline)._attempt
    attempt._rate_limiter, attempt._recognizer = limiter, recognizer
    cast("Any", app.pipeline)._ledger = ledger
    steps: list[str] = []

    def noted(part: Slow, name: str) -> None:
        step = getattr(part, name)

        def call(*arguments: Any, **options: Any) -> Any:
            steps.append(name)
            if name == "holds" and steps.count(name) <= stalls:
                time.sleep(attempt_module.STALLED)
                steps.append("stalled")
            return step(*arguments, **options)

        setattr(part, name, call)

    noted(limiter, "reserve")
    noted(ledger, "holds")
    noted(recognizer, "recognize")
    assert app.pipeline.process(upload, Budget(60)).end == "reading"
    assert steps.count("stalled") == stalls
    assert steps[-3:] == ["reserve", "holds", "recognize"]
