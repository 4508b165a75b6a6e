"""Promises whose breaking no other test would notice: each of these fails when its promise is broken."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.destinations.flow import Flow
from tests.library.conftest import an_upload
from vindrop.core import attempt, invocation
from vindrop.core.attempt import MISSED_PERMITS, Attempt
from vindrop.core.circuit_breaker import Concurrency
from vindrop.core.invocation import Budget
from vindrop.core.rate_limiter import LATE, MARGIN, Permit, Rate
from vindrop.core.store_errors import StoreError
from vindrop.domain.failures import FailureError
from vindrop.domain.records import Reading, Record
from vindrop.settings import Settings
from vindrop.stores.rate_limiter.gcra import SECOND, Rule

SETTINGS = Settings(results=("a",), dead_letters=("a",), ledger="none", interactive_wait=2.0)


class Limiter:
    """Gives permits at once, and notes how far ahead each was asked for."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    def reserve(self, max_wait: float) -> Permit:
        self.asked.append(max_wait)
        return Permit(0.0)

    def refused(self, limit: float | None) -> None:
        raise AssertionError(limit)

    def now(self) -> Rate:
        raise AssertionError("no attempt asks for it")


def an_attempt(limiter: Limiter, *, interactive: bool = False) -> Any:
    nothing = cast("Any", None)
    return cast(
        "Any",
        Attempt(SETTINGS, nothing, limiter, nothing, nothing, interactive=interactive),
    )


def test_a_permit_that_was_missed_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine slept through its moment: the call would be too close to the next ones."""
    limiter = Limiter()
    clock = [0.0]
    overslept = [LATE * 2] * 2

    def sleep(seconds: float) -> None:
        clock[0] += seconds + (overslept.pop() if overslept else 0.0)

    # Not the process's own: the loops of servers in other threads live by that.
    stopped = SimpleNamespace(time=time.time, sleep=sleep, monotonic=lambda: clock[0])
    for module in (attempt, invocation):
        monkeypatch.setattr(module, "time", stopped)
    an_attempt(limiter)._wait_for_permit(Budget(60.0, 0.0))
    assert len(limiter.asked) == 3, "two were missed, the third was met"
    limiter.asked.clear()
    overslept.extend([LATE * 2] * 9)
    an_attempt(limiter)._wait_for_permit(Budget(60.0, 0.0))
    assert len(limiter.asked) == 1 + MISSED_PERMITS, "a slow machine does not starve"


@pytest.mark.parametrize("rate", [0.5, 10.0, 333.0])
def test_the_rate_keeps_its_margin(rate: float) -> None:
    assert pytest.approx(0.03) == MARGIN
    assert Rule.with_margin(rate, 1).spacing == pytest.approx(1.03 * SECOND / rate, abs=1)


def test_uploads_book_two_seconds_ahead_and_callers_as_far_as_they_like() -> None:
    """So that nobody who waits for an answer stands behind a backlog of uploads."""
    upload, caller = Limiter(), Limiter()
    an_attempt(upload)._wait_for_permit(Budget(600.0))
    an_attempt(caller, interactive=True)._wait_for_permit(Budget(600.0))
    # Once, or again where the machine stalled and the permit's second was over.
    assert set(upload.asked) == {SETTINGS.interactive_wait}
    assert min(caller.asked) > 100


class Told:
    """A destination that notes which copies were marked, and takes nothing the first time."""

    database = None

    def __init__(self, refusals: int) -> None:
        self._refusals = refusals
        self.copies: list[bool] = []

    def put(self, record: Record, *, redelivered: bool = False) -> None:
        assert isinstance(record, Reading)
        self.copies.append(redelivered)
        if len(self.copies) <= self._refusals:
            raise StoreError("away")


def test_what_another_run_delivers_is_marked_as_a_possible_second_copy(tmp_path: Any) -> None:
    """The run before may have handed it over and died before it said so."""
    told = Told(refusals=4)
    flow = Flow(f"sqlite:///{tmp_path}/ledger.db", f"file://{tmp_path}/out.jsonl")
    flow.pipeline._delivery._readings = {"queue-1": told}
    flow.pipeline._sleep = lambda _: None
    assert flow.process(an_upload()).end == "undelivered"
    assert told.copies == [False] * 4
    cast("Any", flow.ledger).database.execute("UPDATE vindrop_uploads SET due_at = 0")
    assert flow.process(an_upload()).end == "reading"
    assert told.copies[4:] == [True]


def test_a_busy_service_gets_half_as_many_calls_at_once_and_one_more_per_round() -> None:
    places = Concurrency(8)
    with places.place(0), places.place(0), places.place(0), places.place(0):
        places.congested()
    assert places.limit == 2, "half of those that were under way"
    with (
        places.place(0),
        places.place(0),
        pytest.raises(FailureError, match="busy"),
        places.place(0),
    ):
        pass
    for _ in range(3):
        places.answered()
    assert places.limit == 3
    for _ in range(3):
        places.congested()
    assert places.limit == 1
    with places.place(0):
        assert time.monotonic() > 0
    for _ in range(200):
        places.answered()
    assert places.limit == 8
