"""The capture page over a day's work: many photos, no line, a reload, a server that dies, a person who corrects."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

import pytest

from tests import needs
from tests.http.browser import TRUTH, Open, capture_url, cells, open_page, stack, vin_of
from tests.pipeline.conftest import SAMPLES
from vindrop.domain.records import Reading
from vindrop_local.stack import Stack

__all__ = ["open_page", "stack"]

PLATE = SAMPLES / "plate-04.jpg"
SMALL = SAMPLES / "stamped-04.jpg"
ROOMY = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
DOUBTFUL: dict[str, Any] = {
    "id": "0" * 64,
    "vin": "LBV2825G4E5069978",
    "as_read": "LBV2825G4E5069978",
    "verdict": "doubtful",
    "check_digit": "invalid",
    "maker": "BMW Brilliance",
    "region": "Asia",
    "model_year": 2014,
    "vin_box": [[0.2, 0.4], [0.8, 0.45], [0.79, 0.55], [0.19, 0.5]],
    "characters": [
        {"character": c, "confidence": 0.5 if at == 4 else 0.99, "alternatives": [["P", 0.3]] if at == 4 else []}
        for at, c in enumerate("LBV2825G4E5069978")
    ],
    "doubts": [
        {"position": 5, "character": "8", "why": "lookalike", "alternative": "B"},
        {"position": 9, "character": "4", "why": "check_digit"},
    ],
}  # fmt: skip


def another(folder: Path, name: str, sample: Path = SMALL, size: int = 0) -> Path:
    """Return a photo like ``sample`` that is another one, of ``size`` bytes at least."""
    data = sample.read_bytes() + name.encode()
    path = folder / name
    path.write_bytes(data + bytes(max(0, size - len(data))))
    return path


def readings(stack: Stack, *references: str) -> list[Reading]:
    found = cast("list[Reading]", list(stack.results.records("readings")))
    return [each for each in found if each.upload.reference in references]


def all_read(page: Any, count: int, within: int = 240_000) -> None:
    page.wait_for_function(
        "count => document.querySelectorAll('.sent.done').length === count",
        arg=count,
        timeout=within,
    )


def drop(page: Any, *files: tuple[str, str, Path]) -> None:
    """Drop files on the page, as (name, type, where)."""
    given = [[name, kind, list(path.read_bytes())] for name, kind, path in files]
    page.evaluate(
        """files => {
          const transfer = new DataTransfer();
          for (const [name, type, bytes] of files)
            transfer.items.add(new File([new Uint8Array(bytes)], name, {type}));
          document.dispatchEvent(new DragEvent("drop", {dataTransfer: transfer, cancelable: true}));
        }""",
        given,
    )


def test_two_photos_dropped_are_both_taken_and_what_is_no_photo_is_named(open_page: Open) -> None:
    page = open_page()
    drop(
        page,
        ("one.jpg", "image/jpeg", PLATE),
        ("terms <b>.pdf", "application/pdf", SAMPLES / "notes.jpg"),
        ("two.jpg", "image/jpeg", SMALL),
    )
    all_read(page, 2)
    vins = set(page.locator(".sent-vin").all_inner_texts())
    assert vins == {TRUTH["plate-04.jpg"], TRUTH["stamped-04.jpg"]}
    notice = page.locator("#notice-skipped")
    assert "terms <b>.pdf" in notice.inner_text()
    notice.get_by_role("button").click()
    assert not notice.is_visible()


@pytest.mark.parametrize("way", ["dropped", "chosen"])
def test_a_whole_folder_is_taken(open_page: Open, tmp_path: Path, way: str) -> None:
    inner = tmp_path / "lot" / "row 7"
    inner.mkdir(parents=True)
    for at in range(3):
        another(inner, f"{way}-{at}.jpg")
    another(tmp_path / "lot", f"{way}-top.jpg")
    (inner / "notes.txt").write_text("not a photo")
    page = open_page()
    if way == "chosen":
        page.set_input_files("#folder", tmp_path / "lot")
    else:
        session = page.context.new_cdp_session(page)
        data = {"items": [], "files": [str(tmp_path / "lot")], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            session.send(
                "Input.dispatchDragEvent", {"type": kind, "x": 200, "y": 200, "data": data}
            )
    all_read(page, 4)
    names = page.locator(".sent-name").all_inner_texts()
    assert f"lot/row 7/{way}-2.jpg" in names
    assert "lot/row 7/notes.txt" in page.locator("#notice-skipped").inner_text()


def test_thirty_photos_in_a_row_lose_none_and_double_none(
    open_page: Open, stack: Stack, tmp_path: Path
) -> None:
    page = open_page()
    before = stack.vinocr.calls()
    page.fill("#reference", "thirty")
    page.set_input_files("#choose", [another(tmp_path, f"{at}.jpg") for at in range(30)])
    assert page.input_value("#reference") == "", "it is not the next vehicle's"
    all_read(page, 30)
    assert page.locator(".sent").count() == 30
    found = readings(stack, "thirty")
    assert len({each.id for each in found}) == len(found) == 30
    assert {each.vin for each in found} == {TRUTH["stamped-04.jpg"]}
    assert (stack.vinocr.calls() - before).billed == 30


def test_without_a_line_photos_are_kept_over_a_reload_and_sent_when_it_is_back(
    open_page: Open, stack: Stack, tmp_path: Path
) -> None:
    page = open_page()
    page.set_input_files("#choose", another(tmp_path, "first.jpg"))
    vin_of(page)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.wait_for_function(
        "async () => (await Promise.all((await caches.keys()).map(async name =>"
        " (await (await caches.open(name)).keys()).length))).some(count => count > 0)"
    )
    page.context.set_offline(True)
    page.fill("#reference", "no-line")
    page.set_input_files("#choose", [another(tmp_path, f"kept-{at}.jpg") for at in range(3)])
    page.locator("#notice-offline", has_text="3 waiting").wait_for()
    page.reload()
    page.locator("#notice-offline", has_text="3 waiting").wait_for()
    page.locator(".sent").nth(3).wait_for()  # the page opens without a line, with all its photos
    assert readings(stack, "no-line") == []
    page.context.set_offline(False)
    all_read(page, 4)
    assert page.locator("#notice-offline").is_hidden()
    assert len(readings(stack, "no-line")) == 3


def test_the_service_worker_sends_what_a_closed_page_has_left(
    open_page: Open, stack: Stack, tmp_path: Path
) -> None:
    """Background Sync: the browser wakes the worker when the line is back."""
    assert stack.front is not None
    page = open_page()
    page.set_input_files("#choose", another(tmp_path, "open.jpg"))
    vin_of(page)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.context.set_offline(True)
    page.fill("#reference", "closed")
    page.set_input_files("#choose", [another(tmp_path, f"closed-{at}.jpg") for at in range(2)])
    page.locator(".sent.waiting").nth(1).wait_for()
    watcher = page.context.new_page()
    page.close()
    page.context.set_offline(False)
    watcher.goto(f"{stack.front.url}/healthz")
    session = page.context.new_cdp_session(watcher)
    registered: list[str] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda told: registered.extend(each["registrationId"] for each in told["registrations"]),
    )
    session.send("ServiceWorker.enable")
    while not registered:  # ends with the test's time limit
        watcher.wait_for_timeout(50)
    session.send(
        "ServiceWorker.dispatchSyncEvent",
        {
            "origin": stack.front.url,
            "registrationId": registered[0],
            "tag": "vindrop-send",
            "lastChance": False,
        },
    )
    while len(readings(stack, "closed")) < 2:  # ends with the test's time limit
        watcher.wait_for_timeout(100)
    again = open_page(key=False, context=watcher.context)
    all_read(again, 3)


def test_a_reload_in_the_middle_loses_nothing_and_pays_nothing_twice(
    open_page: Open, stack: Stack, tmp_path: Path
) -> None:
    page = open_page()
    before = stack.vinocr.calls()
    page.fill("#reference", "reload")
    page.set_input_files("#choose", [another(tmp_path, f"reload-{at}.jpg") for at in range(4)])
    page.wait_for_selector(".sent.sending")
    page.wait_for_function("() => document.querySelectorAll('.sent').length === 4")
    for _ in range(3):
        page.reload()
        page.wait_for_selector("body.ready")
    all_read(page, 4)
    assert len({each.id for each in readings(stack, "reload")}) == 4
    assert (stack.vinocr.calls() - before).billed == 4


def test_a_server_that_dies_and_comes_back_loses_nothing(
    open_page: Open, stack: Stack, tmp_path: Path
) -> None:
    assert stack.front is not None
    page = open_page()
    page.set_input_files("#choose", another(tmp_path, "warm.jpg"))
    vin_of(page)
    page.fill("#reference", "died")
    # The first is under way when the server dies; the others wait until it has.
    sent: list[Any] = []
    held: list[Any] = []

    def hold(route: Any) -> None:
        sent.append(route)
        if len(sent) == 1 or stack.front is dead:
            route.continue_()
        else:
            held.append(route)

    dead: Any = None
    page.route("**/v1/vin", hold)
    page.set_input_files("#choose", [another(tmp_path, f"died-{at}.jpg") for at in range(4)])
    page.wait_for_selector(".sent.sending")
    stack.front.stop()
    dead = stack.front
    for route in held:
        route.continue_()
    try:
        page.locator(".sent-state", has_text="No connection").first.wait_for()
    finally:
        stack.front.start()
    all_read(page, 5)
    assert len({each.id for each in readings(stack, "died")}) == 4


def test_what_a_proxy_answers_in_our_place_is_no_reading(
    open_page: Open, stack: Stack, tmp_path: Path
) -> None:
    """A sign-in page of a proxy, an answer that was cut off, a gateway that is being deployed."""
    page = open_page()
    answers = [
        {"status": 200, "content_type": "text/html", "body": "<h1>Sign in to the network</h1>"},
        {"status": 200, "content_type": "application/json", "body": '{"vin": "LSG'},
        {"status": 404, "content_type": "application/json", "body": '{"message":"Not Found"}'},
    ]

    def answer(route: Any) -> None:
        if answers:
            route.fulfill(**answers.pop(0))
        else:
            route.continue_()

    page.route("**/v1/vin", answer)
    page.fill("#reference", "portal")
    page.set_input_files("#choose", [another(tmp_path, f"portal-{at}.jpg") for at in range(3)])
    all_read(page, 3)
    assert answers == []
    assert len({each.id for each in readings(stack, "portal")}) == 3


def test_a_large_photo_whose_upload_fails_is_put_to_the_same_object_again(
    open_page: Open, stack: Stack, tmp_path: Path
) -> None:
    page = open_page()
    page.clock.install()
    refused: list[str] = []
    puts: list[str] = []

    def bucket(route: Any) -> None:
        if route.request.method != "PUT":
            route.continue_()
            return
        puts.append(route.request.url.partition("?")[0])
        if len(refused) < 2:
            refused.append(route.request.url)
            route.abort("failed")
        else:
            route.continue_()

    page.route(lambda url: "v1/" not in url, bucket)
    page.fill("#reference", "large")
    page.set_input_files("#choose", another(tmp_path, "large.jpg", size=9_000_000))
    for _ in range(2):
        page.locator("#trouble-title", has_text="could not be uploaded").wait_for()
        page.locator("#trouble-detail", has_text="CORS").wait_for(state="attached")
        page.click("#again")
        page.wait_for_selector("#trouble", state="hidden")
    page.clock.run_for(1000)
    assert vin_of(page) == TRUTH["stamped-04.jpg"]
    assert len(puts) == 3
    assert len(set(puts)) == 1, "the same object: one upload, whatever breaks off"
    assert len(readings(stack, "large")) == 1


def test_a_large_photo_whose_answer_was_lost_is_not_put_or_paid_again(
    open_page: Open, stack: Stack, tmp_path: Path
) -> None:
    page = open_page()
    before = stack.vinocr.calls()
    lost: list[int] = []

    def answer(route: Any) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().status)  # the function has read it, and nobody hears of it
        route.abort("failed")

    page.route("**/v1/vin", answer)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.method))
    page.fill("#reference", "lost")
    page.set_input_files("#choose", another(tmp_path, "lost.jpg", size=9_000_000))
    page.locator("#trouble-title", has_text="No connection").wait_for()
    page.reload()
    assert vin_of(page) if page.locator("#result").is_visible() else True
    all_read(page, 1)
    assert lost == [200]
    assert requests.count("PUT") == 1
    assert (stack.vinocr.calls() - before).billed == 1
    assert len(readings(stack, "lost")) == 1


def test_a_wait_that_the_service_asks_for_is_kept(open_page: Open, stack: Stack) -> None:
    page = open_page(ready=False)
    page.clock.install()
    page.goto(capture_url(stack))
    asked: list[str] = []

    def busy(route: Any) -> None:
        asked.append(route.request.method)
        route.fulfill(
            status=429,
            headers={"Retry-After": "90"},
            json={"type": "urn:vindrop:problem:too-many-requests", "detail": "busy"},
        )

    page.route("**/v1/vin", busy)
    page.set_input_files("#choose", SMALL)
    page.locator("#trouble-title", has_text="Very busy").wait_for()
    page.clock.run_for(80_000)
    page.set_input_files("#choose", PLATE)
    page.locator(".sent").nth(1).wait_for()
    page.clock.run_for(5_000)
    assert asked == ["POST"], "neither this photo nor the next one asks before the time"
    page.unroute("**/v1/vin")
    page.clock.run_for(30_000)
    all_read(page, 2)


def test_a_person_corrects_a_doubtful_vin_beside_the_photo(open_page: Open) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.route("**/v1/vin", lambda route: route.fulfill(json=DOUBTFUL))
    page.set_input_files("#choose", PLATE)
    assert vin_of(page) == DOUBTFUL["vin"]
    page.wait_for_selector("#outline polygon", state="attached")
    assert page.get_attribute("#to-vin", "aria-pressed") == "true", "zoomed on the VIN"
    page.evaluate("navigator.clipboard.writeText('before')")
    page.click("#copy")
    assert "unconfirmed" in page.locator("#copy-text").inner_text()
    assert page.evaluate("navigator.clipboard.readText()") == "before", "a warning comes first"

    letters = page.locator("#vin .letter")
    letters.nth(4).click()
    assert page.locator("#fix-others button").all_inner_texts()[:2] == ["P", "B"]
    page.keyboard.type("O")
    assert cells(page) == DOUBTFUL["vin"], "no VIN holds an O: nothing is changed unasked"
    assert page.locator("#fix-others button").all_inner_texts() == ["0"]
    assert "No VIN holds the letter O" in page.locator("#fix-note").inner_text()
    letters.nth(4).click()
    page.locator("#fix-others button", has_text="B").click()
    assert cells(page) == "LBV2B25G4E5069978"
    assert "holds" in page.locator("#check").inner_text()
    assert page.locator("#verdict").inner_text() == "Corrected, not confirmed"
    page.click("#confirm")
    page.locator("#verdict", has_text="Confirmed").wait_for()
    page.click("#copy")
    page.locator("#copy-text", has_text="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "LBV2B25G4E5069978"
    page.locator("#decision", has_text="kept on this device alone").wait_for()
    page.reload()
    page.locator(".sent.confirmed .sent-vin", has_text="LBV2B25G4E5069978").wait_for()
    page.locator(".sent-open").click()
    assert vin_of(page) == "LBV2B25G4E5069978"


def test_a_reviewers_correction_becomes_a_review(
    open_page: Open, stack: Stack, tmp_path: Path
) -> None:
    page = open_page(key=False)
    page.set_input_files("#choose", another(tmp_path, "reviewed.jpg"))
    page.fill("#key-input", stack.admin.secret)
    page.press("#key-input", "Enter")
    read = vin_of(page)
    page.locator("#vin .letter").nth(16).click()
    page.keyboard.type("9" if read[16] != "9" else "8")
    typed = cells(page)
    assert "does not hold" in page.locator("#check").inner_text()
    page.click("#confirm")
    assert page.locator("#confirm").inner_text() == "Confirm it all the same", "a slip is likelier"
    page.click("#confirm")
    page.locator("#decision", has_text="Kept as a review").wait_for()

    def reviews() -> list[Any]:
        found = stack.ledger.database.execute(
            "SELECT event FROM vindrop_reviews ORDER BY sequence"
        ).rows
        return [json.loads(row[0])["data"] for row in found]

    [review] = [each for each in reviews() if each["vin"] == typed]
    assert (review["vin"], review["before"]["vin"]) == (typed, read)
    assert (review["reviewer"], review["check_digit"]) == (stack.admin.name, "invalid")
    page.click("#restore")
    page.click("#confirm")
    page.locator("#verdict", has_text="Confirmed").wait_for()
    page.locator("#decision", has_text="Kept as a review").wait_for()
    assert reviews()[-1]["vin"] == read, "the correction of a correction is one more review"
    assert reviews()[-1]["sequence"] == review["sequence"] + 1


def test_a_decision_waits_for_the_line_and_another_persons_is_told(
    open_page: Open, stack: Stack, tmp_path: Path
) -> None:
    page = open_page(key=False)
    page.set_input_files("#choose", another(tmp_path, "waits.jpg"))
    page.fill("#key-input", stack.admin.secret)
    page.press("#key-input", "Enter")
    vin_of(page)
    page.route("**/v1/reviews/*", lambda route: route.abort())
    page.locator("#vin .letter").nth(10).click()
    page.keyboard.type("X")
    page.click("#confirm")
    page.click("#confirm")
    page.locator("#decision", has_text="on its way").wait_for()
    page.unroute("**/v1/reviews/*")
    first = {"reviewer": "kim", "vin": TRUTH["plate-04.jpg"], "sequence": 1}
    page.route(
        "**/v1/reviews/*",
        lambda route: route.fulfill(
            status=409, json={"type": "urn:vindrop:problem:already-decided", "review": first}
        ),
    )
    page.reload()
    page.locator(".sent.done").wait_for()
    page.locator(".sent-open").click()
    page.locator("#decision", has_text="kim has decided this first").wait_for()


def test_on_a_phone_photo_cells_and_characters_are_seen_together(open_page: Open) -> None:
    page = open_page(**ROOMY)
    page.route("**/v1/vin", lambda route: route.fulfill(json=DOUBTFUL))
    page.set_input_files("#choose", PLATE)
    vin_of(page)
    page.wait_for_selector("#preview:not([hidden])")
    page.locator("#vin .letter").nth(4).tap()
    page.wait_for_selector("#keypad .keypad-key")
    page.wait_for_timeout(300)  # the browser scrolls
    for part in ("#photo", "#vin", "#check", "#fix-others", "#keypad"):
        box = page.locator(part).bounding_box()
        assert box["y"] >= 0, part
        assert box["y"] + box["height"] <= 844, part
        assert box["width"] <= 390
    keys = page.locator("#keypad .keypad-key").all()
    assert "".join(key.inner_text() for key in keys) == "1234567890ABCDEFGHJKLMNPRSTUVWXYZ"
    for key in keys:
        box = key.bounding_box()
        assert min(box["width"], box["height"]) >= 28
        assert box["height"] >= 44
    page.locator("#keypad .keypad-key", has_text="B").tap()
    assert cells(page) == "LBV2B25G4E5069978"
    assert page.evaluate("document.activeElement === document.querySelectorAll('.letter')[5]")


def test_the_cells_take_typing_keys_and_a_pasted_vin(open_page: Open) -> None:
    page = open_page()
    page.route("**/v1/vin", lambda route: route.fulfill(json=DOUBTFUL))
    page.set_input_files("#choose", PLATE)
    vin_of(page)
    page.locator("#vin .letter").first.click()
    page.keyboard.type("wvw")
    assert cells(page) == "WVW2825G4E5069978"
    page.keyboard.press("End")
    page.keyboard.type("1")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.insert_text("LBV2B25G4E5069978")
    assert cells(page) == "LBV2B25G4E5069978"
    page.locator("#restore").click()
    assert cells(page) == DOUBTFUL["vin"]
    for wrong, right in (("I", "1"), ("q", "0")):
        page.locator("#vin .letter").nth(16).click()
        page.keyboard.type(wrong)
        page.keyboard.press("Enter")
        assert cells(page)[16] == right


def test_the_photo_is_panned_and_zoomed_by_keys_and_wheel(open_page: Open) -> None:
    page = open_page()
    page.route("**/v1/vin", lambda route: route.fulfill(json=DOUBTFUL))
    page.set_input_files("#choose", PLATE)
    vin_of(page)
    page.wait_for_selector("#preview:not([hidden])")

    def look() -> str:
        return str(page.eval_on_selector("#stage", "stage => stage.style.transform"))

    seen = [look()]
    page.focus("#photo")
    for key in ("+", "ArrowLeft", "ArrowUp", "-", "0"):
        page.keyboard.press(key)
        seen.append(look())
    page.hover("#photo")
    page.mouse.wheel(0, -300)
    page.wait_for_function(
        "was => document.getElementById('stage').style.transform !== was", arg=seen[-1]
    )
    seen.append(look())
    page.click("#to-vin")
    assert look() == seen[0]
    assert len(set(seen)) == len(seen)
    box = page.locator("#photo").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 130)
    page.mouse.up()
    assert look() != seen[0]


def test_a_reference_comes_out_with_the_reading(
    open_page: Open, stack: Stack, tmp_path: Path
) -> None:
    page = open_page()
    page.fill("#reference", " 订单 7/№1 ")
    page.set_input_files("#choose", another(tmp_path, "reference.jpg"))
    vin_of(page)
    assert "订单 7/№1" in page.locator("#facts").inner_text()
    [reading] = readings(stack, "订单 7/№1")
    assert reading.upload.cloud == "http"
    page.fill("#reference", "another")
    page.set_input_files("#choose", tmp_path / "reference.jpg")
    page.locator("#other-reference", has_text="订单 7/№1").wait_for()


def test_a_session_that_ends_asks_for_the_key_and_keeps_the_photos(
    open_page: Open, stack: Stack, tmp_path: Path
) -> None:
    page = open_page()
    page.set_input_files("#choose", another(tmp_path, "signed-in.jpg"))
    vin_of(page)
    page.context.clear_cookies()
    page.set_input_files("#choose", [another(tmp_path, f"ended-{at}.jpg") for at in range(3)])
    page.wait_for_selector("#key-input:focus")
    page.locator(".sent-state", has_text="Waiting for your key").nth(2).wait_for()
    page.keyboard.type(stack.api_key)
    page.keyboard.press("Enter")
    all_read(page, 4)


def test_a_page_that_is_out_of_date_says_so_and_a_reload_keeps_the_photos(open_page: Open) -> None:
    page = open_page()
    page.set_input_files("#choose", SMALL)
    vin_of(page)

    def newer(route: Any) -> None:
        if route.request.method == "HEAD":
            route.fulfill(status=200, headers={"X-Page-Version": "another"})
        else:
            route.continue_()

    page.route("**/capture", newer)
    page.evaluate("() => { document.dispatchEvent(new Event('visibilitychange')); }")
    page.locator("#notice-stale").wait_for()
    page.unroute("**/capture")
    page.click("#reload")
    page.locator(".sent.done").wait_for()
    assert page.locator("#notice-stale").is_hidden()


def test_a_device_that_is_full_says_so_and_the_photo_is_sent_all_the_same(
    open_page: Open, stack: Stack
) -> None:
    page = open_page(ready=False)
    page.add_init_script(
        "IDBObjectStore.prototype.put = () => { throw new DOMException('', 'QuotaExceededError'); }"
    )
    page.goto(capture_url(stack))
    page.set_input_files("#choose", SMALL)
    page.locator("#notice-full").wait_for()
    assert vin_of(page) == TRUTH["stamped-04.jpg"]


def test_a_browser_that_keeps_nothing_says_so_and_works(open_page: Open, stack: Stack) -> None:
    page = open_page(ready=False)
    page.add_init_script(
        "IDBFactory.prototype.open = () => { throw new DOMException('', 'SecurityError'); }"
    )
    page.goto(capture_url(stack))
    page.set_input_files("#choose", SMALL)
    page.locator("#notice-forgets").wait_for()
    assert vin_of(page) == TRUTH["stamped-04.jpg"]


def test_two_tabs_send_each_photo_once(open_page: Open, stack: Stack, tmp_path: Path) -> None:
    page = open_page()
    other = open_page(key=False, context=page.context)
    before = stack.vinocr.calls()
    page.fill("#reference", "tabs")
    other.fill("#reference", "tabs")
    page.set_input_files("#choose", [another(tmp_path, f"tab-1-{at}.jpg") for at in range(3)])
    other.set_input_files("#choose", [another(tmp_path, f"tab-2-{at}.jpg") for at in range(3)])
    for each in (page, other):  # each shows what the other has done, too
        all_read(each, 6)
    assert len({each.id for each in readings(stack, "tabs")}) == 6
    assert (stack.vinocr.calls() - before).billed == 6


def test_below_a_prefix_of_the_gateway_everything_is_found(open_page: Open, stack: Stack) -> None:
    assert stack.front is not None
    page = open_page(ready=False)
    page.goto(f"{stack.front.url}/stage/capture#key={stack.api_key}")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_input_files("#choose", SMALL)
    assert vin_of(page) == TRUTH["stamped-04.jpg"]
    ours = [url for url in asked if url.startswith(stack.front.url)]
    assert ours
    assert all("/stage/" in url for url in ours), ours


ENGLISH = re.compile(r"[A-Za-z]{3,}")
NAMES = re.compile(
    r"vindrop|[0-9a-f-]{36}|LSV·AA49J7·H2204817|English|VIN\w*|JPEG|PNG|HEIC|WebP|API|[A-Z0-9]{17}|[\w/-]+\.\w+|urn\S*|no-vin|key-1|kim"
)


def test_the_chinese_page_is_chinese_throughout(open_page: Open) -> None:
    page = open_page(locale="zh-CN", **ROOMY)

    def check() -> None:
        said = page.evaluate(
            "() => [document.body.innerText, ...[...document.querySelectorAll('[aria-label], [alt], [title]')]"
            ".map(e => e.getAttribute('aria-label') || e.alt || e.title)].join('\\n')"
        )
        left = [line for line in said.splitlines() if ENGLISH.search(NAMES.sub("", line))]
        assert left in ([], ["Language / 语言"]), left

    check()
    page.set_input_files("#choose", SAMPLES / "no-vin-shop-front.jpg")
    page.wait_for_selector("#trouble:not([hidden])")
    page.click("summary")
    check()
    without_maker = {**DOUBTFUL, "maker": "宝马", "region": "Asia"}
    page.route("**/v1/vin", lambda route: route.fulfill(json=without_maker))
    page.set_input_files("#choose", PLATE)
    vin_of(page)
    page.locator("#vin .letter").nth(4).click()
    check()
    page.click("#copy")
    page.click("#confirm")
    check()
    drop(page, ("合同.pdf", "application/pdf", SAMPLES / "notes.jpg"))
    page.wait_for_selector("#notice-skipped")
    check()


@pytest.mark.parametrize("size", [ROOMY, {"viewport": {"width": 1280, "height": 900}}])
def test_axe_finds_no_barrier_with_a_full_list(open_page: Open, size: dict[str, Any]) -> None:
    axe = needs.module("axe_playwright_python.sync_playwright", package="axe-playwright-python")
    page = open_page(bypass_csp=True, **size)
    drop(
        page,
        ("no.pdf", "application/pdf", PLATE),
        ("shop.jpg", "image/jpeg", SAMPLES / "no-vin-shop-front.jpg"),
    )
    page.wait_for_selector(".sent.refused")
    page.route("**/v1/vin", lambda route: route.fulfill(json=DOUBTFUL))
    page.set_input_files("#choose", [PLATE, SMALL])
    all_read(page, 2)
    page.locator(".sent-open").first.click()
    vin_of(page)
    page.wait_for_selector("#preview:not([hidden])")
    page.locator("#vin .letter").nth(4).click()
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= size["viewport"]["width"]


def test_a_text_that_is_no_vin_is_put_in_nowhere_and_it_is_said(open_page: Open) -> None:
    page = open_page()
    page.route("**/v1/vin", lambda route: route.fulfill(json=DOUBTFUL))
    page.set_input_files("#choose", PLATE)
    vin_of(page)
    for text, says in (
        ("LBV2B25G4E50699781", "18 characters, a VIN has 17"),
        ("LBV2B25G4E506997O", "No VIN holds O"),
        ("ABCDEF", "from position 14 on"),
    ):
        page.locator("#vin .letter").nth(13).click()
        page.keyboard.insert_text(text)
        assert cells(page) == DOUBTFUL["vin"], "all of it or nothing"
        note = page.locator("#fix-note").inner_text()
        assert says in note
        assert "nothing was put in" in note


def test_our_vinocr_says_where_the_vin_stands_and_the_page_outlines_it(
    open_page: Open, stack: Stack
) -> None:
    """On a laptop: nothing is played, VinOCR reads the photo and tells the polygon."""
    page = open_page()
    page.set_input_files("#choose", SAMPLES / "plate-04.jpg")
    assert vin_of(page) == TRUTH["plate-04.jpg"]
    page.wait_for_selector("#outline polygon", state="attached")
    assert page.get_attribute("#to-vin", "aria-pressed") == "true"
    outline = page.locator("#outline polygon").bounding_box()
    frame = page.locator("#photo").bounding_box()
    assert outline["width"] > frame["width"] * 0.6, "the VIN fills the frame"
    assert frame["x"] - 1 <= outline["x"]
    assert outline["x"] + outline["width"] <= frame["x"] + frame["width"] + 1
    page.click("#to-whole")
    assert page.locator("#outline polygon").bounding_box()["width"] < outline["width"]
    page.reload()
    page.locator(".sent-open").first.click()
    page.wait_for_selector("#outline polygon", state="attached")
