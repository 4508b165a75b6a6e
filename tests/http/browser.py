"""A headless browser before the real local stack: what the tests of the pages share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.pipeline.conftest import SAMPLES
from vindrop_local.stack import Place, Stack

TRUTH = {
    row[0]: next((cell for cell in row if re.fullmatch(r"[A-HJ-NPR-Z0-9]{17}", cell)), "")
    for row in (
        line.split(",") for line in (SAMPLES / "truth.csv").read_text(encoding="utf-8").splitlines()
    )
}
PHONE = {
    "viewport": {"width": 360, "height": 740},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}
ANSWER_MS = 45_000
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("page")
    place = Place(folder / "state", folder / "bucket")
    with Stack(place, http_port=0, instances=1) as running:
        yield running


@pytest.fixture
def open_page(browser: Any, stack: Stack) -> Iterator[Open]:
    """Opens the page; at the end, whatever the browser complained of fails the test."""
    contexts: list[Any] = []
    complaints: list[str] = []
    assert stack.front is not None
    ours = {urlsplit(stack.front.url).netloc, urlsplit(stack.bucket_url).netloc}

    def complain(message: Any) -> None:
        # A request that was refused or cut is in the console by the browser's own doing.
        own = any(each in message.text for each in ("status of", "net::ERR_"))
        if message.type in {"error", "warning"} and not own:
            complaints.append(message.text)

    def asked(request: Any) -> None:
        split = urlsplit(request.url)
        if split.scheme in {"http", "https"} and split.netloc not in ours:
            complaints.append(f"a request to {split.netloc}")

    def make(*, key: bool = True, ready: bool = True, context: Any = None, **options: Any) -> Any:
        if context is None:
            context = browser.new_context(**{"locale": "en-US", **options})
            contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(ANSWER_MS)
        page.on("console", complain)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", asked)
        if ready:
            page.goto(capture_url(stack, key=key))
            page.wait_for_selector("body.ready")
        return page

    yield make
    for context in contexts:
        context.close()
    assert not complaints, complaints


def capture_url(stack: Stack, *, key: bool = True) -> str:
    assert stack.front is not None
    return f"{stack.front.url}/capture" + (f"#key={stack.api_key}" if key else "")


def vin_of(page: Any) -> str:
    page.wait_for_selector("#result:not([hidden])")
    return cells(page)


def cells(page: Any) -> str:
    """Return what stands in the 17 cells."""
    found = page.eval_on_selector_all(
        "#vin .letter", "cells => cells.map(cell => cell.value).join('')"
    )
    return str(found)
