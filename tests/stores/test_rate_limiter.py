"""The rate limiter: one admission rule (GCRA), and every store that applies it.

Time passes in a store when its state is moved into the past: whose clock it asks then does not
matter. Spacings are minutes long, so that the running time of a test is a rounding error.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.stores.fixtures import Servers
from vindrop.core.rate_limiter import MARGIN, Permit, Rate, RateLimited, RateLimiter, limit_named
from vindrop.core.store_errors import StoreError, StoreSettingError
from vindrop.stores import Fallback, open_rate_limiter
from vindrop.stores.dynamodb import open_dynamodb
from vindrop.stores.rate_limiter.gcra import SECOND, Rule, admit, narrowed, refuse
from vindrop.stores.rate_limiter.local import LocalRateLimiter
from vindrop.stores.sql import is_sql, open_database

SHARED = ["sqlite", "postgresql", "mysql", "dynamodb", "redis"]
ALL = ["memory", *SHARED]
RATE = 0.01
SPACING = 103.0
"""Seconds between two permits at `RATE`, with its margin."""
SLACK = 30.0
"""Seconds that a test may take without changing what it finds."""


@pytest.fixture(params=SHARED)
def store_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def opened(url: str, account: str = "test", rate: float = RATE, burst: int = 1) -> RateLimiter:
    """The limiter itself, without the fallback that would hide a store that is away."""
    found = open_rate_limiter(url, account=account, rate=rate, burst=burst)
    return found._shared if isinstance(found, Fallback) else found


class State:
    """The two numbers that a store keeps for the account ``test``: (next_us, spacing_us)."""

    def __init__(self, url: str, limiter: RateLimiter | None, servers: Servers) -> None:
        self._url, self._limiter, self._servers = url, limiter, servers

    def read(self) -> tuple[int, int]:
        if isinstance(self._limiter, LocalRateLimiter):
            return self._limiter._tat, self._limiter._spacing
        found: Any
        if is_sql(self._url):
            statement = "SELECT next_us, spacing_us FROM vindrop_quota WHERE id = 'test'"
            found = open_database(self._url).execute(statement).rows[0]
        elif self._url.startswith("redis"):
            client = self._servers["redis"].client()
            found = client.hmget("vindrop:quota:test", "next_us", "spacing_us")
        else:
            item = open_dynamodb(self._url, os.environ).get("uploads", "quota/test") or {}
            found = item["next_us"], item["spacing_us"]
        return int(found[0]), int(found[1])

    def write(self, next_us: int, spacing_us: int) -> None:
        if isinstance(self._limiter, LocalRateLimiter):
            self._limiter._tat, self._limiter._spacing = next_us, spacing_us
        elif is_sql(self._url):
            open_database(self._url).execute(
                "UPDATE vindrop_quota SET next_us = :next, spacing_us = :spacing WHERE id = 'test'",
                next=next_us,
                spacing=spacing_us,
            )
        elif self._url.startswith("redis"):
            self._servers["redis"].client().hset(
                "vindrop:quota:test", mapping={"next_us": next_us, "spacing_us": spacing_us}
            )
        else:
            open_dynamodb(self._url, os.environ).put_if(
                "uploads",
                {"id": "quota/test", "next_us": next_us, "spacing_us": spacing_us},
                "attribute_not_exists(#id) OR attribute_exists(#id)",
            )

    def pass_time(self, seconds: float) -> None:
        """Let ``seconds`` go by: seen from now, the schedule lies further back."""
        tat, spacing = self.read()
        self.write(tat - round(seconds * SECOND), spacing)


def waits(limiter: RateLimiter, count: int, max_wait: float = 100_000.0) -> list[int]:
    """Reserve ``count`` permits and return their waits in spacings, rounded."""
    found = [limiter.reserve(max_wait) for _ in range(count)]
    return [round(permit.wait / SPACING) for permit in found if isinstance(permit, Permit)]


# The rule


def test_no_window_holds_more_than_the_rate_and_one_burst() -> None:
    """Whoever asks whenever: at most rate * T / 1.03 + burst permits start in any T seconds."""
    for rate, burst in ((10.0, 1), (10.0, 4), (3.0, 20), (400.0, 50)):
        rule, dice = Rule.with_margin(rate, burst), random.Random(f"{rate} {burst}")
        now, tat, starts = 0, 0, list[int]()
        for _ in range(1500):
            idle = dice.choices((0.0, 0.5, 1.5, 4.0 * burst), (80, 10, 8, 2))[0]
            now += round(idle * dice.random() * SECOND / rate)
            found, tat = admit(rule, now, tat, rule.spacing, round(dice.choice((0, 5)) * SECOND))
            if isinstance(found, Permit):
                starts.append(now + round(found.wait * SECOND))
        assert starts == sorted(starts)  # who asks first starts first
        for first, start in enumerate(starts):
            for last in range(first, min(first + 3 * burst + 10, len(starts))):
                window = (starts[last] - start) / SECOND
                allowed = rate * window / (1 + MARGIN) + burst
                assert last - first + 1 <= allowed + 0.01
        # … and the bound is reached: a rule that gave less would waste the rate.
        at_once = 0
        for _ in range(2 * burst):
            found, tat = admit(rule, now + 1000 * SECOND, tat, rule.spacing, 0)
            at_once += isinstance(found, Permit)
        assert at_once == burst


def test_ten_calls_per_second_are_kept_in_any_second_with_a_burst_that_fits() -> None:
    """The operator's rule: rate + burst - 1 within the provider's limit."""
    for rate, burst in ((10, 1), (8, 3), (5, 6)):
        rule, tat, starts = Rule.with_margin(rate, burst), 0, list[float]()
        for _ in range(60):
            found, tat = admit(rule, 0, tat, rule.spacing, 100 * SECOND)
            assert isinstance(found, Permit)
            starts.append(found.wait)
        assert max(sum(at <= s < at + 1 for s in starts) for at in starts) == 10


def test_local_permits_are_one_spacing_apart() -> None:
    limiter = LocalRateLimiter(10, clock=lambda: 100.0)
    found = [limiter.reserve(10) for _ in range(4)]
    assert [permit.wait for permit in found if isinstance(permit, Permit)] == [0, 0.1, 0.2, 0.3]


def test_a_wait_beyond_what_is_allowed_reserves_nothing() -> None:
    limiter = LocalRateLimiter(10, clock=lambda: 0.0)
    for _ in range(11):
        limiter.reserve(10)
    refused, given = limiter.reserve(1.0), limiter.reserve(1.2)
    assert isinstance(refused, RateLimited)
    assert refused.retry_after == pytest.approx(0.1)
    assert isinstance(given, Permit)
    assert given.wait == pytest.approx(1.1)


def test_any_wait_may_be_allowed() -> None:
    limiter = LocalRateLimiter(10, clock=lambda: 0.0)
    for _ in range(1000):
        limiter.reserve(math.inf)
    assert limiter.reserve(math.inf) == Permit(100.0)


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


# Every store


@pytest.mark.parametrize("burst", [1, 4])
@pytest.mark.parametrize("store_kind", ALL)
def test_every_store_applies_the_rule(store_url: str, servers: Servers, burst: int) -> None:
    """Sixty random steps, each with the outcome and the state that the pure functions give."""
    limiter, rule = opened(store_url, burst=burst), Rule.with_margin(RATE, burst)
    state, dice = State(store_url, limiter, servers), random.Random(burst)
    now, tat, spacing = 0, -(10**12), rule.spacing
    outcomes = Counter[str]()
    for _ in range(60):
        step = dice.choices(("reserve", "pass", "refuse"), (60, 25, 15))[0]
        if step == "pass":
            seconds = dice.uniform(0, 600)
            now += round(seconds * SECOND)
            state.pass_time(seconds)
        elif step == "refuse":
            limit = dice.choice((None, RATE, RATE / 2.5))
            tat, spacing = refuse(rule, now, tat, spacing, limit)
            limiter.refused(limit)
        else:
            max_wait = dice.choice((0.0, 300.0, 2000.0))
            wait = max(tat - rule.tolerance - now, 0) / SECOND
            if wait and abs(wait - max_wait) < SLACK:
                continue  # too close to tell apart with a clock that goes on
            expected, tat = admit(rule, now, tat, spacing, round(max_wait * SECOND))
            found = limiter.reserve(max_wait)
            assert type(found) is type(expected)
            if isinstance(found, Permit) and isinstance(expected, Permit):
                assert expected.wait - SLACK <= found.wait <= expected.wait + 0.001
                spacing = narrowed(rule, spacing)
            elif isinstance(found, RateLimited) and isinstance(expected, RateLimited):
                # A shared store need not be asked again before one more permit has come free.
                assert found.retry_after >= expected.retry_after - SLACK
                assert found.retry_after <= max(expected.retry_after, SPACING) + 0.001
            step = type(found).__name__ + (" at once" if wait == 0 else "")
        outcomes[step] += 1
        assert abs(state.read()[1] - spacing) <= 100  # microseconds: how each store rounds
    assert min(outcomes[step] for step in ("Permit", "Permit at once", "RateLimited", "refuse")) > 2


@pytest.mark.parametrize("store_kind", ALL)
def test_permits_are_evenly_spaced_and_an_idle_time_saves_nothing_up(
    store_url: str, servers: Servers
) -> None:
    """A burst of 1: after a pause the next permit is now, and the one after that a spacing later."""
    limiter = opened(store_url)
    assert waits(limiter, 4) == [0, 1, 2, 3]
    State(store_url, limiter, servers).pass_time(50 * SPACING)
    assert limiter.reserve(0) == Permit(0)
    assert waits(limiter, 2) == [1, 2]


@pytest.mark.parametrize("store_kind", ALL)
def test_after_an_idle_time_a_burst_starts_at_once_and_no_more(
    store_url: str, servers: Servers
) -> None:
    limiter = opened(store_url, burst=3)
    state = State(store_url, limiter, servers)
    assert waits(limiter, 5) == [0, 0, 0, 1, 2]
    state.pass_time(4.5 * SPACING)  # two permits were reserved ahead: two and a half are free
    assert waits(limiter, 3, max_wait=0) == [0, 0]
    state.pass_time(1000 * SPACING)
    assert waits(limiter, 5, max_wait=0) == [0, 0, 0]
    full = limiter.reserve(0)
    assert isinstance(full, RateLimited)
    assert SPACING - SLACK <= full.retry_after <= SPACING + 0.001


@pytest.mark.parametrize("burst", [1, 3])
@pytest.mark.parametrize("store_kind", ALL)
def test_a_refusal_pauses_everyone_and_uses_up_the_burst(
    store_url: str, servers: Servers, burst: int
) -> None:
    limiter = opened(store_url, burst=burst)
    state = State(store_url, limiter, servers)
    ahead = round((time.time() + 1e6) * SECOND)  # later than what any store's clock says
    state.write(ahead, round(SPACING * SECOND))
    limiter.refused(None)
    assert state.read() == (ahead + 500_000, round(1.25 * SPACING * SECOND))
    limiter.refused(RATE)  # the configured limit: only the network jittered
    assert state.read() == (ahead + 550_000, round(1.25 * 1.01 * SPACING * SECOND))
    limiter.refused(RATE / 4)
    assert state.read() == (ahead + 1_050_000, round(4 * SPACING * SECOND))
    for _ in range(20):
        limiter.refused(None)
    assert state.read()[1] == round(8 * SPACING * SECOND)

    state.write(0, round(SPACING * SECOND))
    limiter.refused(RATE / 2)
    # The next permit is half a second away and no burst with it, whatever is configured.
    assert waits(limiter, 3) == [0, 2, 4]


@pytest.mark.parametrize("store_kind", ALL)
def test_permits_that_are_used_bring_the_rate_back(store_url: str, servers: Servers) -> None:
    limiter = opened(store_url, rate=1000)
    limiter.refused(limit=500)
    assert State(store_url, limiter, servers).read()[1] == 2060
    for _ in range(300):
        limiter.reserve(1000)
    first, second = limiter.reserve(1000), limiter.reserve(1000)
    assert isinstance(first, Permit)
    assert isinstance(second, Permit)
    assert second.wait - first.wait <= 0.0012


@pytest.mark.parametrize("store_kind", ALL)
def test_limited_callers_learn_when_to_ask_again(store_url: str) -> None:
    limiter = opened(store_url)
    assert waits(limiter, 10) == list(range(10))
    limited = limiter.reserve(7 * SPACING)
    assert isinstance(limited, RateLimited)
    assert round(limited.retry_after / SPACING) == 3
    assert waits(limiter, 1) == [10]  # nothing was reserved by the one that was limited


@pytest.mark.parametrize("burst", [1, 5])
@pytest.mark.parametrize("store_kind", ALL)
def test_concurrent_callers_share_one_schedule(store_url: str, burst: int) -> None:
    """Forty permits reserved by eight at once: one burst, then one at a time."""
    limiter = opened(store_url, burst=burst)
    with ThreadPoolExecutor(8) as pool:
        found = list(chain(*pool.map(lambda _: waits(limiter, 1), range(40))))
    assert sorted(found) == [0] * burst + list(range(1, 41 - burst))


def _waits_in_process(url: str, count: int) -> list[int]:
    return waits(opened(url, burst=3), count)


def test_processes_share_one_schedule(store_url: str) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        found = chain(*pool.starmap(_waits_in_process, [(store_url, 15)] * 4))
    assert sorted(found) == [0] * 3 + list(range(1, 58))


def test_state_of_version_0_1_goes_on(store_url: str, servers: Servers) -> None:
    """A store that 0.1 wrote needs no migration, and what is written is what 0.1 reads."""
    next_us = round((time.time() + 500) * SECOND)
    if is_sql(store_url):
        database = open_database(store_url)
        database.execute(
            "CREATE TABLE vindrop_quota (id VARCHAR(64) NOT NULL PRIMARY KEY, next_us BIGINT NOT "
            "NULL, spacing_us BIGINT NOT NULL, wait_us BIGINT NOT NULL)"
        )
        database.execute("INSERT INTO vindrop_quota VALUES ('test', 0, 1, 0)")
    state = State(store_url, None, servers)
    state.write(next_us, 206_000_000)
    limiter = opened(store_url)
    assert state.read() == (next_us, 206_000_000)
    first, second = limiter.reserve(1000), limiter.reserve(1000)
    assert isinstance(first, Permit)
    assert isinstance(second, Permit)
    assert 500 - SLACK <= first.wait <= 500
    assert 706 - 2 * SLACK <= second.wait <= 706
    later, spacing = state.read()
    # After two permits: two spacings on, of which the second took back a hundredth of the excess.
    assert later == next_us + 206_000_000 + 204_970_000
    assert 0 <= spacing - 203_950_300 <= 1


def test_a_rate_that_was_lowered_reaches_what_is_stored(store_url: str) -> None:
    opened(store_url, rate=10).reserve(0)
    assert waits(opened(store_url), 3) == [0, 1, 2]


@pytest.mark.parametrize("store_kind", ALL, indirect=False)
def test_who_looks_is_told_the_rate_and_the_queue_and_reserves_nothing(store_url: str) -> None:
    limiter = opened(store_url)
    assert limiter.now().ahead == 0
    full = limiter.now().per_second
    for _ in range(3):
        limiter.reserve(100_000)
    before = [limiter.now() for _ in range(5)]
    assert {round(each.ahead / SPACING) for each in before} == {3}
    assert {round(each.per_second / full, 3) for each in before} == {1.0}
    limiter.refused(None)
    assert limiter.now().per_second == pytest.approx(full / 1.25, rel=0.01)


def test_two_accounts_do_not_share(store_url: str) -> None:
    one, two = opened(store_url, "one"), opened(store_url, "two")
    one.reserve(1000)
    assert two.reserve(0.1) == Permit(0)
    assert isinstance(one.reserve(0.1), RateLimited)


def test_while_the_store_is_away_a_local_share_is_the_limit() -> None:
    class Away:
        def reserve(self, max_wait: float) -> Permit | RateLimited:
            raise StoreError("away")

        def refused(self, limit: float | None) -> None:
            raise StoreError("away")

        def now(self) -> Rate:
            raise StoreError("away")

    limiter = Fallback(Away(), rate=10)
    assert limiter.reserve(0) == Permit(0)
    full = limiter.reserve(0.5)
    assert isinstance(full, RateLimited)
    assert full.retry_after == pytest.approx(0.5, abs=0.1)  # one a second: a tenth of the rate
    limiter.refused(None)


def test_without_a_store_the_limit_is_this_process_s(tmp_path: Path) -> None:
    assert isinstance(open_rate_limiter("memory", account="a", rate=10), LocalRateLimiter)
    with pytest.raises(StoreSettingError, match="redis"):
        open_rate_limiter("kafka://x/y", account="a", rate=10)
