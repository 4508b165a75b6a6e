"""Ten requests per second: a sliding window that no second, wherever it begins, exceeds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vinocr.api.rate_limiter import RateLimiter

steps = st.lists(st.floats(min_value=0, max_value=0.7), min_size=1, max_size=80)


@given(steps, st.integers(min_value=1, max_value=12))
def test_no_second_holds_more_than_the_limit(pauses: list[float], limit: int) -> None:
    limiter, now = RateLimiter(), 1000.0
    accepted: list[float] = []
    asked: list[float] = []
    for pause in pauses:
        now += pause
        asked.append(now)
        current = limiter.admit("", "account", limit, now)
        if current is None:
            accepted.append(now)
        else:
            assert current > limit, "the first number of the message exceeds the second"
            assert current == max(len([t for t in asked if t > now - 1]), limit + 1)
    for end in accepted:
        assert len([t for t in accepted if end - 1 < t <= end]) <= limit


def test_a_steady_client_below_the_limit_is_never_refused() -> None:
    limiter = RateLimiter()
    assert all(limiter.admit("", "account", 10, n / 9.5) is None for n in range(1000))


def test_a_refused_call_uses_nothing_up() -> None:
    limiter = RateLimiter()
    for n in range(10):
        assert limiter.admit("", "a", 10, n * 0.01) is None
    assert [limiter.admit("", "a", 10, 0.5) for _ in range(3)] == [11, 12, 13]
    assert limiter.admit("", "a", 10, 1.0) is None


def test_accounts_and_kinds_are_counted_apart() -> None:
    limiter = RateLimiter()
    for kind, name in (("", "a"), ("", "b"), ("IPLimitExceeded", "a")):
        assert limiter.admit(kind, name, 1, 0.0) is None
    assert limiter.admit("", "a", 1, 0.5) == 2


def test_the_silent_are_forgotten() -> None:
    limiter = RateLimiter()
    for n in range(1000):
        limiter.admit("IPLimitExceeded", f"192.0.2.{n}", 10, n * 0.001)
    limiter.evict(1.5)
    assert len(limiter._windows) < 501


def test_a_flood_costs_no_memory() -> None:
    limiter = RateLimiter()
    for n in range(20_000):
        limiter.admit("", "a", 10, n * 1e-6)
    assert all(len(w.requested) < 2000 for w in limiter._windows.values())
