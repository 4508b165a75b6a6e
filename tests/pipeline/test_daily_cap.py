"""The cap of billed calls per day: never passed, one alarm, and nothing lost."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.pipeline.conftest import World, a_call, make_due, process
from vindrop.core import daily_cap, sweep


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
