"""The headless Chromium of all tests of pages: Playwright takes no second one in a process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests import needs

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Of a module: while it runs, this thread has an event loop, and other tests start their own."""
    api = needs.module("playwright.sync_api", package="playwright")
    # Without windows a page costs a fifth of the processor's time.
    chromium = shutil.which("chromium-headless-shell") or needs.program(
        "chromium", package="chromium-headless-shell"
    )
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()
