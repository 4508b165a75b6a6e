"""Slots: spaced, shared, learned from refusals, and never without a limit."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from vindrop.quota import Full, Slot, limit_named, open_quota
from vindrop.quota.local import Fallback, LocalQuota
from vindrop.quota.sql import SQLQuota
from vindrop.sql import open_database
from vindrop.stores import StoreError


def test_local_slots_are_one_spacing_apart() -> None:
    now = 100.0
    quota = LocalQuota(10, clock=lambda: now)
    waits = [quota.reserve(10) for _ in range(4)]
    assert [round(slot.wait, 6) for slot in waits if isinstance(slot, Slot)] == [0, 0.1, 0.2, 0.3]


def test_an_idle_quota_saves_nothing_up() -> None:
    """Burst of one: after a pause the next slot is now, and the one after that a spacing later."""
    now = 0.0
    quota = LocalQuota(10, clock=lambda: now)
    quota.reserve(10)
    now = 50.0
    assert quota.reserve(10) == Slot(0)
    second = quota.reserve(10)
    assert isinstance(second, Slot)
    assert second.wait == pytest.approx(0.1)


def test_a_wait_beyond_what_is_allowed_books_nothing() -> None:
    quota = LocalQuota(10, clock=lambda: 0.0)
    for _ in range(11):
        quota.reserve(10)
    full = quota.reserve(1.0)
    assert isinstance(full, Full)
    assert full.retry_after == pytest.approx(0.1)
    assert quota.reserve(1.2) == Slot(pytest.approx(1.1))


def test_a_refusal_slows_down_and_success_recovers() -> None:
    now = 0.0
    quota = LocalQuota(10, clock=lambda: now)

    def spacing() -> float:
        nonlocal now
        now += 1000
        quota.reserve(0)
        slot = quota.reserve(1000)
        assert isinstance(slot, Slot)
        return slot.wait

    assert spacing() == pytest.approx(0.1)
    quota.refused(limit=4)
    assert spacing() == pytest.approx(0.25, rel=0.05)
    for _ in range(300):
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


@pytest.fixture
def shared_quota(sql_url: str) -> SQLQuota:
    return SQLQuota(open_database(sql_url), "test", 10)


def test_shared_slots_never_come_closer_than_the_rate(shared_quota: SQLQuota) -> None:
    """Forty slots booked by eight at once end no sooner than forty spacings after the first."""
    started = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        slots = list(pool.map(lambda _: shared_quota.reserve(1000), range(40)))
    assert all(isinstance(slot, Slot) for slot in slots)
    last = shared_quota.reserve(1000)
    assert isinstance(last, Slot)
    assert time.monotonic() - started + last.wait >= 4.0 - 0.001


def test_shared_quota_says_full_and_learns(shared_quota: SQLQuota) -> None:
    for _ in range(30):
        shared_quota.reserve(1000)
    full = shared_quota.reserve(0.5)
    assert isinstance(full, Full)
    assert 0 < full.retry_after < 3
    shared_quota.refused(limit=2)
    first, second = shared_quota.reserve(1000), shared_quota.reserve(1000)
    assert isinstance(first, Slot)
    assert isinstance(second, Slot)
    assert second.wait - first.wait == pytest.approx(0.5, abs=0.05)


def test_two_accounts_do_not_share(sql_url: str) -> None:
    database = open_database(sql_url)
    one, two = SQLQuota(database, "one", 1), SQLQuota(database, "two", 1)
    one.reserve(1000)
    assert two.reserve(0.1) == Slot(0)


def test_while_the_store_is_away_a_local_share_is_the_limit() -> None:
    class Away:
        def reserve(self, max_wait: float) -> Slot | Full:
            raise StoreError("away")

        def refused(self, limit: float | None) -> None:
            raise StoreError("away")

    quota = Fallback(Away(), rate=10)
    assert quota.reserve(0) == Slot(0)
    full = quota.reserve(0.5)
    assert isinstance(full, Full)
    assert full.retry_after == pytest.approx(0.5, abs=0.1)  # one a second: a tenth of the rate
    quota.refused(None)


def test_the_ledger_store_is_the_default(sql_url: str) -> None:
    assert isinstance(open_quota(sql_url, account="a", rate=10), Fallback)
    assert isinstance(open_quota("memory", account="a", rate=10), LocalQuota)
