"""Programs that a test needs: skipped where missing, failed in CI, where all of them must be there."""

from __future__ import annotations

import importlib
import os
import shutil
from types import ModuleType
from typing import NoReturn

import pytest


def program(name: str, *, package: str) -> str:
    """Return the path of a program, or end the test; ``package`` is Debian's."""
    return shutil.which(name) or missing(f"{name} is missing: apt-get install {package}")


def module(name: str, *, package: str) -> ModuleType:
    """Return a Python module, or end the test; ``package`` is the distribution to install."""
    try:
        return importlib.import_module(name)
    except ImportError:
        missing(f"the module {name} is missing: uv pip install {package}")


def missing(sentence: str) -> NoReturn:
    """End the test, or whatever runs its code: ``sentence`` says what to install."""
    if os.environ.get("CI"):
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)
