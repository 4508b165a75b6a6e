"""What every test can ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of captured events and real photos, beside the checkout; skips where it is missing."""
    if not SHARED.is_dir():
        pytest.skip("no shared folder beside this checkout: nothing real to measure on")
    return SHARED
