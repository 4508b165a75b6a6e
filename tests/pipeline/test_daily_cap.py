"""The cap of billed calls per day: never passed, one alarm, and nothing lost."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.pipeline.conftest import World, a_call, make_due, process
from vindrop.core import daily_cap, sweep
from vindrop.core.store_errors import StoreError


@pytest.fixture(autouse=True)
def _far_from_midnight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daily_cap, "today", lambda: "2026-11-26")


def test_what_comes_after_the_cap_waits_for_tomorrow_with_one_alarm(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app, before = world.app(VINDROP_DAILY_CALLS="3"), world.calls()
    photos = [world.photo() for _ in range(7)]
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda photo: process(app, photo), photos))
    ends = sorted(outcome.end for outcome in outcomes)
    assert ends == ["reading"] * 3 + ["retry_scheduled"] * 4
    assert (world.calls() - before).received == 3
    until_tomorrow = 86_400 - time.time() % 86_400
    for outcome in outcomes:
        if outcome.failure is not None:
            assert outcome.failure.code == "Vindrop.DailyCap"
            assert outcome.retry_in is not None
            assert -60 < outcome.retry_in - until_tomorrow < 360 or until_tomorrow > 86_300
    out = capsys.readouterr().out
    assert out.count('"daily_cap_reached":') == 1, "one metric, and so one alarm"
    assert world.dead_letters() == []

    make_due(app)
    assert sweep.process(app, a_call())["ended"] == {"retry_scheduled": 4}
    assert (world.calls() - before).received == 3, "the cap holds for retries too"
    monkeypatch.setattr(daily_cap, "today", lambda: "2026-11-27")
    for ended in (3, 0):
        make_due(app)
        assert sweep.process(app, a_call())["ended"].get("reading", 0) == ended
    assert [reading.attempts for reading in world.readings()] == [1] * 6


def test_a_call_that_is_not_billed_leaves_its_place(world: World) -> None:
    world.faults.set({"first": 2, "code": "InternalError"})
    app = world.app(VINDROP_DAILY_CALLS="1")
    assert process(app, world.photo()).end == "reading"
    assert app.ledger.calls_of("2026-11-26") == 1
    assert process(app, world.photo()).end == "retry_scheduled"


@pytest.mark.parametrize("step", ["circuit", "holds"])
def test_a_ledger_that_fails_before_the_call_leaves_its_place(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A short fault of the store must not make the photos of a day wait for tomorrow."""
    app, before = world.app(VINDROP_DAILY_CALLS="1"), world.calls()
    asked = getattr(app.ledger, step)

    def away(*given: object) -> object:
        if given == (None,):  # the first look at the circuit, before the photo is fetched
            return asked(*given)
        raise StoreError("away")

    with monkeypatch.context() as patch:
        patch.setattr(app.ledger, step, away)
        with pytest.raises(StoreError):
            process(app, world.photo())
    assert (world.calls() - before).received == 0
    assert app.ledger.calls_of("2026-11-26") == 0
    assert process(app, world.photo()).end == "reading"


def test_a_store_that_fails_after_the_call_does_not_take_its_count_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = world.app(VINDROP_DAILY_CALLS="1")
    answered = app.recognizer.recognize

    def then_away(*given: Any, **how: Any) -> Any:
        answered(*given, **how)
        raise StoreError("away")

    monkeypatch.setattr(app.recognizer, "recognize", then_away)
    with pytest.raises(StoreError):
        process(app, world.photo())
    assert app.ledger.calls_of("2026-11-26") == 1


def test_a_call_that_may_have_been_billed_counts(world: World) -> None:
    world.faults.set({"first": 1, "cut": "after"})
    app = world.app(VINDROP_DAILY_CALLS="1")
    photo = world.photo()
    assert process(app, photo).end == "retry_scheduled"
    make_due(app)
    outcome = process(app, photo)
    assert outcome.failure is not None
    assert outcome.failure.code == "Vindrop.DailyCap"


def test_without_a_cap_nothing_is_counted(world: World) -> None:
    app = world.app()
    assert process(app, world.photo()).end == "reading"
    assert app.ledger.calls_of("2026") == 0
