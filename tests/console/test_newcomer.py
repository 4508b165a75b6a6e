"""A newcomer corrects what no engine could read, in a real browser before the whole local stack."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests import needs
from tests.http.browser import TRUTH
from tests.pipeline.conftest import SAMPLES
from tests.stores.fixtures import Servers, fresh_store
from vindrop.destinations import open_destination
from vindrop.domain.records import Reading
from vindrop_local.stack import Place, Stack

PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}
DESKTOP = {"viewport": {"width": 1280, "height": 860}}
SIZES: dict[str, dict[str, Any]] = {"phone": PHONE, "desktop": DESKTOP}
PHOTO, VIN = "peened-01.jpg", TRUTH["peened-01.jpg"]
ANSWER_MS = 60_000
Open = Callable[..., Any]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def stack(
    request: pytest.FixtureRequest, servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("console")
    url = fresh_store(servers, request.param, folder) if request.param != "sqlite" else ""
    place = Place(folder / "state", folder / "bucket", url)
    for size in SIZES:
        (place.folder / size).mkdir(parents=True)
        shutil.copy(SAMPLES / PHOTO, place.folder / size / PHOTO)
    shutil.copy(SAMPLES / "plate-04.jpg", place.folder / "plate-04.jpg")
    shutil.copy(SAMPLES / "label.heic", place.folder / "label.heic")
    # An engine that answers only what it is nearly certain of: it gives this photo up.
    strict = {"VINOCR_THRESHOLD": "0.9999"}
    with Stack(place, vinocr=strict, http_port=0, instances=2) as running:
        while running.unfinished() or sum(running.ledger.counts().values()) < 4:
            time.sleep(0.1)  # the stack needs the processor more than we do
        yield running


@pytest.fixture
def open_console(browser: Any, stack: Stack) -> Iterator[Open]:
    """Opens the console by the printed link; whatever the browser complains of fails the test."""
    contexts: list[Any] = []
    complaints: list[str] = []
    assert stack.front is not None
    ours = {urlsplit(stack.front.url).netloc, urlsplit(stack.bucket_url).netloc}

    def asked(request: Any) -> None:
        split = urlsplit(request.url)
        if split.scheme in {"http", "https"} and split.netloc not in ours:
            complaints.append(f"a request to {split.netloc}")

    def make(**options: Any) -> Any:
        context = browser.new_context(**{"locale": "en-US", **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(ANSWER_MS)
        # A request that was refused is in the console by the browser's own doing.
        page.on(
            "console",
            lambda m: (
                complaints.append(m.text)
                if m.type == "error" and "status of" not in m.text
                else None
            ),
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", asked)
        page.goto(stack.console_link())
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []


def go_to(page: Any, name: str) -> None:
    """Leave what comes before ``name`` in the queue for later."""
    page.wait_for_selector("#review[data-state=item]")
    while page.locator("#what").inner_text() != name:
        before = page.get_attribute("#review", "data-item")
        page.click("#skip")
        page.wait_for_selector(f"#review:not([data-item='{before}'])")


@pytest.mark.parametrize("size", SIZES)
def test_a_newcomer_corrects_a_dead_letter_and_sees_it_as_a_reading(
    open_console: Open, stack: Stack, size: str
) -> None:
    page = open_console(**SIZES[size])
    assert "token" not in page.url
    page.click(".tile.attention")
    page.wait_for_url("**/review")
    go_to(page, PHOTO)
    page.wait_for_selector(".film img")
    seen = page.evaluate("document.querySelector('.film img').naturalWidth")
    assert seen > 100, "the photo is beside it"
    if size == "phone":
        page.tap("#cells input >> nth=0")
        for character in VIN:
            page.tap(f"#keypad button:text-is('{character}')")
    else:
        page.keyboard.type(VIN)
    page.locator("#facts", has_text="Mercedes").wait_for()
    upload = page.get_attribute("#review", "data-item")
    if size == "phone":
        page.tap("#confirm")
        if page.get_attribute("#review", "data-item") == upload:
            page.tap("#confirm")  # Germany asks for no check digit; before that is known, it asks
    else:
        page.keyboard.press("Enter")
    page.wait_for_selector("#review[data-kept='1']", state="attached")

    page.click("nav >> text=Uploads")
    page.fill("#vin", VIN[-8:])
    page.press("#vin", "Enter")
    row = page.locator("tr", has=page.locator(f"a[href$='{upload}']")).last
    assert VIN in row.inner_text()
    assert "reviewed" in row.inner_text()
    page.wait_for_selector(".thumb img[src^='data:image/jpeg']")
    page.click(f".vin-cell a[href$='{upload}']")
    page.wait_for_selector(".film img")
    assert "FailedOperation." in page.locator(".facts").inner_text(), "what it was stays visible"
    life = page.locator(".life").inner_text()
    assert all(step in life for step in ("received", "dead letter", "reviewed"))

    [reading] = [
        record
        for record in open_destination(stack.place.database).records("readings")  # type: ignore[attr-defined]
        if record.id == upload
    ]
    assert isinstance(reading, Reading)
    assert (reading.vin, reading.verdict.value) == (VIN, "reviewed")
    letters = open_destination(stack.place.database).records("dead_letters")  # type: ignore[attr-defined]
    assert upload not in {letter.id for letter in letters}, "it is withdrawn there"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_everything_fits_and_targets_are_large_enough(
    open_console: Open, stack: Stack, size: str, locale: str
) -> None:
    page = open_console(**SIZES[size], locale=locale)
    width = SIZES[size]["viewport"]["width"]
    [entry] = [
        each for each in stack._console.uploads().entries if each.upload.key == "plate-04.jpg"
    ]
    for path in ("/", "/review", "/uploads", f"/uploads/{entry.id}", "/sign-in"):
        if path == "/sign-in":
            page.context.clear_cookies()
        page.goto(stack.front.url + path)  # type: ignore[union-attr]
        page.wait_for_load_state("networkidle") if path != "/" else page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        for target in page.locator("button:visible, a.button:visible, nav a:visible").all():
            box = target.bounding_box()
            assert box["height"] >= 40, f"{path}: {target.inner_text()}"
    lang = page.evaluate("document.documentElement.lang")
    assert lang == ("zh-CN" if locale == "zh-CN" else "en")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barrier_is_found_by_axe(
    open_console: Open, stack: Stack, size: str, scheme: str
) -> None:
    axe = needs.module("axe_playwright_python.sync_playwright", package="axe-playwright-python")
    page = open_console(**SIZES[size], color_scheme=scheme, bypass_csp=True)
    entries = stack._console.uploads().entries

    def check() -> None:
        found = axe.Axe().run(page)
        assert found.violations_count == 0, found.generate_report()

    page.wait_for_selector(".plot, .none")
    check()
    for path in (
        "/review?id=" + entries[0].id,
        "/uploads",
        "/uploads?vin=A",
        *(f"/uploads/{each.id}" for each in entries[:2]),
        "/uploads/" + "0" * 64,
    ):
        page.goto(stack.front.url + path)  # type: ignore[union-attr]
        if path.startswith("/review"):
            page.wait_for_selector("#review[data-state=item]")
            page.focus("#cells input >> nth=3")
        check()
    page.context.clear_cookies()
    page.goto(stack.front.url)  # type: ignore[union-attr]
    page.wait_for_selector("#sign-in")
    check()
