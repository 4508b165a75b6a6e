from __future__ import annotations

import pytest

from vinocr.reader import Reader


@pytest.fixture(scope="session")
def reader() -> Reader:
    return Reader(threads=2)
