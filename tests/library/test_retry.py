"""Backoff with full jitter: never longer than it may be, spread over all of it, and bounded in tries."""

from __future__ import annotations

from random import Random

import pytest

from vindrop.core.retry import RetryableError, call, full_jitter


@pytest.mark.parametrize(
    ("attempt", "most"), [(0, 0.5), (1, 1.0), (3, 4.0), (4, 5.0), (10_000, 5.0)]
)
def test_a_wait_is_anywhere_between_none_and_its_bound(attempt: int, most: float) -> None:
    waits = [full_jitter(attempt, base=0.5, cap=5.0, random=Random(seed)) for seed in range(1000)]
    assert min(waits) >= 0.0
    assert max(waits) <= most
    assert min(waits) < most / 20
    assert max(waits) > most * 19 / 20


def test_what_succeeds_at_last_is_returned_and_each_wait_is_bounded() -> None:
    left: list[int] = [2]
    waits: list[float] = []

    def operation() -> str:
        if left[0]:
            left[0] -= 1
            raise RetryableError("not yet")
        return "done"

    made = call(operation, tries=3, base=1.0, cap=9.0, random=Random(1), sleep=waits.append)
    assert made == "done"
    assert [wait <= most for wait, most in zip(waits, (1.0, 2.0), strict=True)] == [True, True]


def test_the_last_failure_is_raised_without_another_wait() -> None:
    tried: list[int] = []
    waits: list[float] = []

    def operation() -> None:
        tried.append(1)
        raise RetryableError(f"try {len(tried)}")

    with pytest.raises(RetryableError, match="try 3"):
        call(operation, tries=3, base=1.0, cap=1.0, sleep=waits.append)
    assert (len(tried), len(waits)) == (3, 2)


def test_another_exception_ends_it_at_once() -> None:
    tried: list[int] = []

    def operation() -> None:
        tried.append(1)
        raise KeyError("defect")

    with pytest.raises(KeyError):
        call(operation, tries=5, base=1.0, cap=1.0, sleep=lambda _: None)
    assert len(tried) == 1
