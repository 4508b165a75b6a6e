"""Fuzz targets: a few seconds each among the tests, and an hour of all of them by ``make fuzz``."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

FUZZ_SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
"""How long all targets together are tried; 0: each a fixed number of times."""
_AT_A_TIME = 500

Target = Callable[..., None]
_times: dict[str, int] = {}


@pytest.fixture
def targets(request: pytest.FixtureRequest) -> int:
    """How many fuzz targets were collected."""
    found = [item for item in request.session.items if "tests/fuzz/" in item.nodeid]
    return max(1, len(found))


@pytest.fixture
def fuzz(targets: int) -> Callable[[Target], None]:
    """Run a target made by ``hypothesis.given``: shortly, or for its share of FUZZ_SECONDS."""

    def run(target: Target) -> None:
        checks: Any = list(HealthCheck)
        common: dict[str, Any] = {"deadline": None, "suppress_health_check": checks}
        if not FUZZ_SECONDS:
            settings(max_examples=100, **common)(target)()
            return
        end = time.monotonic() + FUZZ_SECONDS / targets
        rounds = 0
        # No database and no fixed seed: every round tries something new.
        how = common | {"database": None, "derandomize": False, "phases": list(Phase)}
        tried = settings(max_examples=_AT_A_TIME, **how)(target)
        while time.monotonic() < end:
            tried()
            rounds += 1
        print(f"{target.__name__}: {rounds * _AT_A_TIME} examples")

    return run


@pytest.fixture
def loop() -> Iterator[Any]:
    """An event loop for targets that are coroutines."""
    import asyncio

    made = asyncio.new_event_loop()
    yield made
    made.close()
