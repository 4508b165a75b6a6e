"""A worker of thousands of tests gives back what they held: networks, photos, whole databases.

A pytest plugin. What a test leaves in cycles (an application with its reader, 200 MB) waits for
Python's oldest generation, and what is freed in a thread stays with malloc.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest

_GROWN: Final = 150_000_000
"""Bytes more than after the last time."""
_STATM: Final = Path("/proc/self/statm")
_KNOWN: Final = pytest.StashKey[int]()


def resident() -> int:
    """Return the bytes of this process that are in memory; 0 where the system does not say."""
    return int(_STATM.read_text().split()[1]) * 4096 if _STATM.exists() else 0


def give_back() -> None:
    """Free what nothing refers to any more."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Look after each test."""
    done = yield
    stash = item.session.stash
    if resident() > stash.get(_KNOWN, 0) + _GROWN:
        give_back()
        stash[_KNOWN] = resident()
    return done
