"""What every test can ask for."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import thorough
from vindrop.stores import sql

pytest_plugins = [
    "tests.browsers",
    "tests.memory",
    "tests.leaks",  # no output of any test holds a secret
    "tests.pipeline.fixtures",
    "tests.stores.fixtures",
]

# Hundreds of processes are started here: where the machine forbids byte code, each would compile
# its libraries anew, which takes longer than what most of them are started for.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# moto plays a cloud: that its access log names the signed URLs it is asked for is no output of ours.
logging.getLogger("werkzeug").setLevel(logging.ERROR)

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    thorough.mark(items, ROOT)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of captured events and real photos, beside the checkout; skips where it is missing."""
    if not SHARED.is_dir():
        pytest.skip("no shared folder beside this checkout: nothing real to measure on")
    return SHARED


@pytest.fixture(autouse=True)
def _databases_are_closed() -> Iterator[None]:
    """What a test opens it closes: a process of thousands of tests has only so many descriptors.

    Nor so much memory: a client of DynamoDB takes 9 MB.
    """
    before = set(sql._open)
    yield
    for url in set(sql._open) - before:
        with contextlib.suppress(Exception):  # its server may have gone
            sql.forget(url)
    if dynamodb := sys.modules.get("vindrop.stores.dynamodb"):
        dynamodb._open.clear()


@pytest.fixture(autouse=True)
def _logs_where_they_went(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that a test runs in this process logs to standard error, or errors alone: the next does not."""
    monkeypatch.setattr("vindrop.telemetry._to_standard_error", False)
    monkeypatch.setattr("vindrop.telemetry._teller", None)
    monkeypatch.setattr("vindrop.telemetry._least", "info")
