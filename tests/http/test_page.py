"""The capture page, driven in a headless browser before the real local stack: one photo at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests import needs
from tests.browsers import FLAGS
from tests.http.browser import PHONE, TRUTH, Open, capture_url, cells, open_page, stack, vin_of
from tests.pipeline.conftest import SAMPLES
from vindrop_local.stack import Stack

__all__ = ["FLAGS", "TRUTH", "open_page", "stack"]


def test_a_chosen_photo_shows_its_vin(open_page: Open) -> None:
    page = open_page()
    assert "key" not in page.url, "the key leaves the address at once"
    page.set_input_files("#choose", SAMPLES / "plate-04.jpg")
    assert vin_of(page) == TRUTH["plate-04.jpg"]
    page.wait_for_selector("#preview:not([hidden])")
    spelled = page.get_attribute("#vin", "aria-label")
    assert " ".join(TRUTH["plate-04.jpg"]) in spelled
    assert page.locator("#verdict").inner_text() in {"Verified", "Plausible"}
    assert page.evaluate("document.activeElement.id") == "verdict"
    assert page.locator("#preview").is_visible()
    assert page.locator("#status").get_attribute("aria-live") == "polite"


def test_the_vin_is_copied(open_page: Open) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.set_input_files("#choose", SAMPLES / "plate-04.jpg")
    vin = vin_of(page)
    page.click("#copy")
    page.locator("#copy-text", has_text="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == vin


def test_a_photo_without_a_vin_says_what_to_do(open_page: Open) -> None:
    page = open_page()
    page.set_input_files("#choose", SAMPLES / "no-vin-shop-front.jpg")
    page.wait_for_selector("#trouble:not([hidden])")
    assert page.locator("#trouble-title").inner_text() == "No VIN found on this photo"
    assert "closer" in page.locator("#trouble-todo").inner_text()
    page.click("summary")
    assert page.locator("#trouble-detail").inner_text()
    assert "FailedOperation.OcrFailed" in page.locator("#trouble-ids").inner_text()


def test_a_file_that_is_no_photo_says_so(open_page: Open) -> None:
    page = open_page()
    page.set_input_files("#choose", SAMPLES / "notes.jpg")
    page.locator("#trouble-title", has_text="This file is not a photo").wait_for()
    page.set_input_files("#choose", SAMPLES / "empty.jpg")
    page.locator("#trouble-title", has_text="The photo is empty").wait_for()


def test_a_refused_key_is_asked_for_again_and_the_photo_is_kept(
    open_page: Open, stack: Stack
) -> None:
    page = open_page(key=False)
    page.set_input_files("#choose", SAMPLES / "plate-04.jpg")
    page.wait_for_selector("#key:not([hidden])")
    page.fill("#key-input", "wrong")
    page.press("#key-input", "Enter")
    page.wait_for_selector("#key-wrong:not([hidden])")
    assert "refused" in page.locator("#key-wrong").inner_text()
    assert page.input_value("#key-input") == ""
    page.fill("#key-input", stack.api_key)
    page.press("#key-input", "Enter")
    assert vin_of(page) == TRUTH["plate-04.jpg"]
    page.wait_for_selector("#key", state="hidden")
    page.reload()
    page.set_input_files("#choose", SAMPLES / "label-01.jpg")
    page.wait_for_selector("#result:not([hidden])")
    assert cells(page) == TRUTH["label-01.jpg"], "the session is still there"
    kept = page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
    assert stack.api_key not in kept, "no script can read the key, nor the cookie"
    other = open_page(key=False, context=page.context)
    other.set_input_files("#choose", SAMPLES / "stamped-04.jpg")
    assert vin_of(other) == TRUTH["stamped-04.jpg"], "another tab asks for no key"


def test_a_photo_of_9_mb_goes_through_the_bucket(
    open_page: Open, stack: Stack, tmp_path: Path
) -> None:
    large = tmp_path / "large.jpg"
    large.write_bytes((SAMPLES / "plate-04.jpg").read_bytes() + bytes(9_000_000))
    page = open_page()
    requests: list[str] = []
    page.on(
        "request", lambda request: requests.append(f"{request.method} {urlsplit(request.url).path}")
    )
    page.set_input_files("#choose", large)
    assert vin_of(page) == TRUTH["plate-04.jpg"]
    assert "POST /v1/uploads" in requests
    assert any(each.startswith("PUT /vindrop-http/") for each in requests)
    [stored] = (stack.place.folder / "vindrop-http").rglob("*.jpg")
    assert stored.stat().st_size == large.stat().st_size
    places = [record.upload.key for record in stack.results.records("readings") if record.upload]
    assert sum("vindrop-http/" in place for place in places) == 1, "its event is not read as well"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            (403, "<Error><Code>AccessDenied</Code><Message>m</Message></Error>"),
            "403: AccessDenied",
        ),
        ((400, "<Error><Code>EntityTooLarge</Code></Error>"), "400: EntityTooLarge"),
        ((503, "a gateway's own page"), "HTTP 503"),
        ((403, "<Error><Code><img src=x></Code></Error>"), "HTTP 403"),
        (None, "CORS rule does not let http://127.0.0.1"),
    ],
)
def test_a_large_photo_that_the_bucket_refuses_says_what_failed(
    open_page: Open, tmp_path: Path, answer: tuple[int, str] | None, says: str
) -> None:
    page = open_page()
    large = tmp_path / "large.jpg"
    large.write_bytes((SAMPLES / "plate-04.jpg").read_bytes() + bytes(9_000_000))

    def bucket(route: Any) -> None:
        if route.request.method != "PUT":
            route.continue_()
        elif answer is None:
            route.abort("failed")  # what a page sees of a preflight that was not let through
        else:
            own = {"Access-Control-Allow-Origin": "*", "Content-Type": "application/xml"}
            route.fulfill(status=answer[0], body=answer[1], headers=own)

    page.route(lambda url: "v1/" not in url, bucket)
    page.set_input_files("#choose", large)
    page.wait_for_selector("#trouble:not([hidden])", timeout=60_000)
    page.locator("#trouble-more summary").click()
    detail = page.locator("#trouble-detail").inner_text()
    assert says in detail
    assert "ignature" not in detail


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_360_pixels_are_wide_enough_and_targets_large_enough(open_page: Open, locale: str) -> None:
    page = open_page(**PHONE, locale=locale)

    def fits() -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        for target in page.locator(
            "button:visible, label.button:visible, #key-input:visible"
        ).all():
            box = target.bounding_box()
            assert box["height"] >= 44, target.inner_text()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 360

    fits()
    assert page.locator("#take-label").is_visible()
    assert page.get_attribute("#take", "capture") == "environment"
    page.set_input_files("#take", SAMPLES / "plate-04.jpg")
    vin_of(page)
    fits()
    letters = page.locator("#vin .letter").all()
    boxes = [letter.bounding_box() for letter in letters]
    assert min(box["height"] for box in boxes) >= 44, "the VIN is large"
    assert min(box["width"] for box in boxes) >= 28
    letters[3].tap()
    page.wait_for_selector("#keypad .keypad-key")
    fits()
    page.set_input_files("#take", SAMPLES / "no-vin-shop-front.jpg")
    page.wait_for_selector("#trouble:not([hidden])")
    page.click("summary")
    fits()


def test_the_keyboard_is_enough(open_page: Open, stack: Stack) -> None:
    page = open_page(ready=False, permissions=["clipboard-read", "clipboard-write"])
    choosers: list[Any] = []
    # Before the page: the browser is told at its start. The API takes no builtin.
    page.on("filechooser", lambda each: choosers.append(each))  # noqa: PLW0108
    page.goto(capture_url(stack, key=False))

    def tab_to(wanted: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == wanted:
                return
        raise AssertionError(f"Tab never came to {wanted}")

    tab_to("choose")
    outline = "getComputedStyle(document.querySelector('#choose-label')).outlineStyle"
    assert page.evaluate(outline) == "solid", "one sees where the focus is"
    page.keyboard.press("Enter")
    while not choosers:  # ends with the test's time limit
        page.wait_for_timeout(50)
    choosers[0].set_files(SAMPLES / "plate-04.jpg")
    page.wait_for_selector("#key-input:focus")
    page.keyboard.type(stack.api_key)
    page.keyboard.press("Enter")
    vin = vin_of(page)
    page.wait_for_selector("#verdict:focus")
    tab_to("copy")
    page.keyboard.press("Enter")
    page.locator("#copy-text", has_text="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == vin


DOUBTFUL = {
    "vin": "LBV2B25G2E5069978",
    "as_read": "LBV2B25G2E5O69978",
    "verdict": "doubtful",
    "check_digit": "invalid",
    "maker": "BMW Brilliance",
    "region": "Asia",
    "model_year": 2014,
    "doubts": [
        {"position": 5, "character": "B", "why": "lookalike", "alternative": "8"},
        {"position": 9, "character": "2", "why": "check_digit"},
        {"position": 12, "character": "0", "why": "corrected", "as_read": "O"},
        {"position": 14, "character": "9", "why": "unclear", "confidence": 0.7},
    ],
}


def test_characters_in_doubt_are_marked_and_explained(open_page: Open) -> None:
    page = open_page()
    page.route("**/v1/vin", lambda route: route.fulfill(json=DOUBTFUL))
    page.set_input_files("#choose", SAMPLES / "plate-04.jpg")
    assert vin_of(page) == DOUBTFUL["vin"]
    marked = page.eval_on_selector_all(
        "#vin .letter",
        "all => all.flatMap((e, at) => e.classList.contains('doubt') ? [at + 1] : [])",
    )
    assert marked == [5, 9, 12, 14]
    lines = page.locator("#doubts li").all_inner_texts()
    assert "may be 8" in lines[0]
    assert "check digit" in lines[1]
    assert "read as O" in lines[2]
    assert "not clear" in lines[3]
    page.click("[data-language=zh]")
    assert page.locator("#verdict").inner_text() == "存疑"
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    page.reload()
    assert page.locator("h1").inner_text() == "拍照识别 VIN", "the language is remembered"


def test_a_lost_connection_keeps_the_photo(open_page: Open) -> None:
    page = open_page()
    page.route("**/v1/vin", lambda route: route.abort())
    page.set_input_files("#choose", SAMPLES / "plate-04.jpg")
    page.locator("#trouble-title", has_text="No connection").wait_for()
    page.unroute("**/v1/vin")
    page.click("#again")
    assert vin_of(page) == TRUTH["plate-04.jpg"]


def test_an_answer_that_never_comes_ends_the_wait(open_page: Open, stack: Stack) -> None:
    page = open_page(ready=False)
    page.clock.install()
    page.goto(capture_url(stack))
    page.route("**/v1/vin", lambda _: None)
    with page.expect_request("**/v1/vin"):
        page.set_input_files("#choose", SAMPLES / "plate-04.jpg")
    page.clock.fast_forward(121_000)
    page.locator("#trouble-title", has_text="It took too long").wait_for()
    page.unroute("**/v1/vin")
    page.click("#again")
    assert vin_of(page) == TRUTH["plate-04.jpg"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barrier_is_found_by_axe(open_page: Open, stack: Stack, scheme: str) -> None:
    axe = needs.module("axe_playwright_python.sync_playwright", package="axe-playwright-python")
    page = open_page(key=False, color_scheme=scheme, bypass_csp=True)

    def check() -> None:
        found = axe.Axe().run(page)
        assert found.violations_count == 0, found.generate_report()

    check()
    page.route("**/v1/vin", lambda route: route.fulfill(json=DOUBTFUL))
    page.set_input_files("#choose", SAMPLES / "plate-04.jpg")
    page.wait_for_selector("#key:not([hidden])")
    check()
    page.fill("#key-input", stack.api_key)
    page.press("#key-input", "Enter")
    vin_of(page)
    check()
    page.unroute("**/v1/vin")
    page.route(
        "**/v1/vin",
        lambda route: route.fulfill(
            status=422, json={"type": "urn:vindrop:problem:no-vin", "detail": "why", "code": "A.B"}
        ),
    )
    page.set_input_files("#choose", SAMPLES / "plate-04.jpg")
    page.wait_for_selector("#trouble:not([hidden])")
    page.click("summary")
    check()
