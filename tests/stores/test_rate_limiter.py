"""Slots: spaced, shared, learned from refusals, and never without a limit."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import pytest

from vindrop.core.rate_limiter import Permit, RateLimited, RateLimiter, limit_named
from vindrop.core.store_errors import StoreError, StoreSettingError
from vindrop.stores.rate_limiter import open_rate_limiter
from vindrop.stores.rate_limiter.local import Fallback, LocalRateLimiter


def test_local_slots_are_one_spacing_apart() -> None:
    now = 100.0
    quota = LocalRateLimiter(10, clock=lambda: now)
    waits = [quota.reserve(10) for _ in range(4)]
    assert [round(slot.wait, 6) for slot in waits if isinstance(slot, Permit)] == [0, 0.1, 0.2, 0.3]


def test_an_idle_quota_saves_nothing_up() -> None:
    """Burst of one: after a pause the next slot is now, and the one after that a spacing later."""
    now = 0.0
    quota = LocalRateLimiter(10, clock=lambda: now)
    quota.reserve(10)
    now = 50.0
    assert quota.reserve(10) == Permit(0)
    second = quota.reserve(10)
    assert isinstance(second, Permit)
    assert second.wait == pytest.approx(0.1)


def test_a_wait_beyond_what_is_allowed_books_nothing() -> None:
    quota = LocalRateLimiter(10, clock=lambda: 0.0)
    for _ in range(11):
        quota.reserve(10)
    full = quota.reserve(1.0)
    assert isinstance(full, RateLimited)
    assert full.retry_after == pytest.approx(0.1)
    slot = quota.reserve(1.2)
    assert isinstance(slot, Permit)
    assert slot.wait == pytest.approx(1.1)


def test_a_refusal_slows_down_and_success_recovers() -> None:
    now = 0.0
    quota = LocalRateLimiter(10, clock=lambda: now)

    def spacing() -> float:
        nonlocal now
        now += 1000
        quota.reserve(0)
        slot = quota.reserve(1000)
        assert isinstance(slot, Permit)
        return slot.wait

    assert spacing() == pytest.approx(0.1)
    quota.refused(limit=4)
    assert spacing() == pytest.approx(0.25, rel=0.05)
    for _ in range(1200):
        quota.reserve(1e9)
    assert spacing() == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize(
    ("message", "limit"),
    [
        (
            "Your current request times equals to `12` in a second, which exceeds the frequency limit `10` for a second.",
            10,
        ),
        ("too fast", None),
        ("`0`", None),
    ],
)
def test_the_limit_that_a_refusal_names(message: str, limit: float | None) -> None:
    assert limit_named(message) == limit


@pytest.fixture(params=["sqlite", "postgresql", "mysql", "dynamodb", "redis"])
def store_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def opened(url: str, account: str = "test", rate: float = 10) -> RateLimiter:
    """The quota itself, without the fallback that would hide a store that is away."""
    found = open_rate_limiter(url, account=account, rate=rate)
    assert isinstance(found, Fallback)
    return found._shared


def test_shared_slots_never_come_closer_than_the_rate(store_url: str) -> None:
    """Forty slots booked by eight at once end no sooner than forty spacings after the first."""
    quota = opened(store_url)
    started = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        slots = list(pool.map(lambda _: quota.reserve(1000), range(40)))
    assert all(isinstance(slot, Permit) for slot in slots)
    last = quota.reserve(1000)
    assert isinstance(last, Permit)
    assert time.monotonic() - started + last.wait >= 4.0 - 0.001


def _reserve_in_process(url: str, count: int) -> list[float]:
    quota = opened(url, rate=20)
    taken = []
    for _ in range(count):
        slot = quota.reserve(1000)
        assert isinstance(slot, Permit)
        taken.append(time.time() + slot.wait)
    return taken


def test_processes_share_one_row_of_slots(store_url: str) -> None:
    """No two of 60 slots are the same, and no second holds more than the rate."""
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        taken = sorted(chain(*pool.starmap(_reserve_in_process, [(store_url, 15)] * 4)))
    assert len(taken) == 60
    # From the first to the last there are 59 spacings of 0.05 s; starts are read a little late.
    assert taken[-1] - taken[0] >= 59 * 0.05 - 0.5


def test_shared_quota_says_full_and_learns(store_url: str) -> None:
    quota = opened(store_url)
    for _ in range(100):
        quota.reserve(1000)
    full = quota.reserve(0.1)
    assert isinstance(full, RateLimited)
    assert 0 < full.retry_after < 11
    quota.refused(limit=2)
    started = time.monotonic()
    first, second = quota.reserve(1000), quota.reserve(1000)
    passed = time.monotonic() - started
    assert isinstance(first, Permit)
    assert isinstance(second, Permit)
    assert 0.49 - passed <= second.wait - first.wait <= 0.516


def test_shared_quota_finds_back_to_its_rate(store_url: str) -> None:
    quota = opened(store_url, rate=1000)
    quota.refused(limit=500)
    for _ in range(300):
        quota.reserve(1000)
    first, second = quota.reserve(1000), quota.reserve(1000)
    assert isinstance(first, Permit)
    assert isinstance(second, Permit)
    assert second.wait - first.wait <= 0.0012


def test_an_idle_shared_quota_saves_nothing_up(store_url: str) -> None:
    quota = opened(store_url, rate=2)
    quota.reserve(10)
    time.sleep(1.2)  # more than two slots long
    assert quota.reserve(10) == Permit(0)
    second = quota.reserve(10)
    assert isinstance(second, Permit)
    assert second.wait > 0


def test_two_accounts_do_not_share(store_url: str) -> None:
    one, two = opened(store_url, "one", 0.01), opened(store_url, "two", 0.01)
    one.reserve(1000)
    assert two.reserve(0.1) == Permit(0)
    assert isinstance(one.reserve(0.1), RateLimited)


def test_while_the_store_is_away_a_local_share_is_the_limit() -> None:
    class Away:
        def reserve(self, max_wait: float) -> Permit | RateLimited:
            raise StoreError("away")

        def refused(self, limit: float | None) -> None:
            raise StoreError("away")

    quota = Fallback(Away(), rate=10)
    assert quota.reserve(0) == Permit(0)
    full = quota.reserve(0.5)
    assert isinstance(full, RateLimited)
    assert full.retry_after == pytest.approx(0.5, abs=0.1)  # one a second: a tenth of the rate
    quota.refused(None)


def test_without_a_store_the_quota_is_this_process(tmp_path: Path) -> None:
    assert isinstance(open_rate_limiter("memory", account="a", rate=10), LocalRateLimiter)
    with pytest.raises(StoreSettingError, match="redis"):
        open_rate_limiter("kafka://x/y", account="a", rate=10)
