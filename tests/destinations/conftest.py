"""The servers of `tests/stores`, and eight processes that hand records over."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from multiprocessing.pool import Pool

import pytest


@pytest.fixture(scope="session")
def processes() -> Iterator[Pool]:
    with multiprocessing.get_context("spawn").Pool(8) as pool:
        yield pool
