"""The policies of bench/burst.py in simulated time: a million uploads in a minute.

    python -m bench.simulate --uploads 1000000
    python -m bench.simulate --uploads 300 --check    # beside a real burst of the same size

All uploads are there at once, as after an outage or a bulk import. VinOCR's sliding window, the
delays of its answers and the platform's retries are those of the real bench; what a call takes on
its way to VinOCR is a normal spread (`--jitter`, seconds, as measured).
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import sys
from collections import deque
from typing import Any, Final

from bench.rig import report
from bench.rig.lookup import delay
from vindrop.stores.rate_limiter.gcra import NARROW, WIDEST, after_refusal, paced

WAYS: Final = ("vindrop", "naive", "sdk-retryer")
PLATFORM_RETRIES: Final = 2
SDK_TRIES: Final = 3
OVERHEAD: Final = 0.03
"""Seconds of an invocation beside call and waits."""
REFUSAL: Final = 0.19
"""Seconds that a refused call takes: measured, 50 processes at once on two cores."""


class Window:
    """VinOCR's sliding second, as in `vinocr.api.rate_limiter`."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._accepted: deque[float] = deque()

    def accepts(self, now: float) -> bool:
        """Whether a call at ``now`` is within the rate; it then counts."""
        while self._accepted and self._accepted[0] <= now - 1.0:
            self._accepted.popleft()
        if len(self._accepted) >= self._rate:
            return False
        self._accepted.append(now)
        return True


class Pace:
    """Our slots: `vindrop.stores.rate_limiter.local.LocalRateLimiter` over a simulated clock."""

    def __init__(self, rate: int) -> None:
        self._base = self._spacing = 1 / paced(rate)
        self._next = 0.0

    def reserve(self, now: float) -> float:
        """Return the moment of the next slot."""
        at = max(self._next, now)
        self._next = at + self._spacing
        self._spacing -= (self._spacing - self._base) * NARROW
        return at

    def refused(self, now: float, limit: int) -> None:
        """Learn from a refusal."""
        response = after_refusal(float(limit), self._base)
        widened = max(self._spacing * response.factor, response.least)
        self._spacing = min(widened, self._base * WIDEST)
        self._next = max(self._next, now) + response.quiet


def run(
    way: str, *, uploads: int, instances: int, rate: int, platform_retry: float, jitter: float,
    seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Play one policy to its end.

    :param jitter: standard deviation (seconds) of a call's way to VinOCR.
    """
    dice = random.Random(seed)
    window, pace = Window(rate), Pace(rate)
    free = [0.0] * instances
    waiting: deque[tuple[float, int]] = deque((0.0, 0) for _ in range(uploads))
    again: list[tuple[float, int]] = []
    calls: list[tuple[float, int, float, int, int]] = []  # at, order, began, retries, tries
    order = read = billed = refused = lost = 0
    first = last = busy = 0.0
    while waiting or again or calls:
        # An instance takes the next event when it is free; what comes first happens first.
        while free and (waiting or again):
            if waiting and (not again or waiting[0][0] <= again[0][0]):
                due, retries = waiting[0]
            else:
                due, retries = again[0]
            start = max(free[0], due)
            if calls and calls[0][0] < start:
                break
            heapq.heappop(free)
            if waiting and (due, retries) == waiting[0]:
                waiting.popleft()
            else:
                heapq.heappop(again)
            at = pace.reserve(start) if way == "vindrop" else start
            order += 1
            heapq.heappush(calls, (_sent(at, jitter, dice), order, start, retries, 1))
        now, _, start, retries, tries = heapq.heappop(calls)
        accepted = window.accepts(now)
        if accepted:
            billed += 1
            first, last = first or now, now
        if accepted and (way != "sdk-retryer" or tries == 1):
            read += 1
            end = now + delay(dice) + OVERHEAD
        else:
            # Once refused, the SDK's retryer keeps its error: it throws a success away and calls on.
            refused += not accepted
            end = now + (delay(dice) if accepted else REFUSAL)
            if way == "vindrop":
                pace.refused(now, rate)
                order += 1
                at = pace.reserve(end + dice.uniform(0, 1))
                heapq.heappush(calls, (_sent(at, jitter, dice), order, start, retries, tries))
                continue
            if way == "sdk-retryer":
                end += 2 ** (tries - 1)  # it sleeps after its last try too
                if tries < SDK_TRIES:
                    order += 1
                    heapq.heappush(calls, (end, order, start, retries, tries + 1))
                    continue
            if retries < PLATFORM_RETRIES:
                heapq.heappush(again, (end + platform_retry, retries + 1))
            else:
                lost += 1
        busy += end - start
        heapq.heappush(free, end)
    span = last - first
    return {
        "way": way,
        "uploads": uploads,
        "quota_used": round((billed - 1) / (rate * span), 4) if span else 0.0,
        "refused_calls": refused,
        "refused_per_success": round(refused / max(read, 1), 4),
        "lost": lost,
        "billed_calls": billed,
        "function_seconds": round(busy),
        "simulated_seconds": round(last, 1),
    }


def _sent(at: float, jitter: float, dice: random.Random) -> float:
    return at + abs(dice.gauss(0.004, jitter))


def main(argv: list[str] | None = None) -> int:
    """Play every policy."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--uploads", type=int, default=1_000_000)
    parser.add_argument("--instances", type=int, default=50)
    parser.add_argument("--rate", type=int, default=10)
    parser.add_argument("--platform-retry", type=float, default=60.0)
    parser.add_argument("--jitter", type=float, default=0.005, help="seconds")
    parser.add_argument("--check", action="store_true", help="run the real burst beside it")
    options = parser.parse_args(argv)
    results: list[dict[str, Any]] = []
    for way in WAYS:
        same = {
            "uploads": options.uploads,
            "instances": options.instances,
            "rate": options.rate,
            "platform_retry": options.platform_retry,
        }
        results.append(run(way, **same, jitter=options.jitter))
        if options.check:
            from bench import burst

            results.append({**burst.run(way, **same), "way": f"{way}, real"})
    report.table(results)
    for result in results:
        print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
