"""What goes wrong at a reviewer's desk: each time a sentence, and nothing is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.console import filled
from tests.console.filled import Photo, doubtful, some_vin, unread
from tests.console.served import Served
from tests.pipeline.conftest import SAMPLES
from vindrop.core.console import Console, Entry
from vindrop.domain.recognition import Alternative, RecognizerCall
from vindrop.domain.review import Review
from vindrop.domain.vin import ALPHABET
from vindrop.stores import open_console, open_ledger

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
NAMES = (
    *("lookalike", "short", "digit", "gone", "tabs", "stale", "ended", "undo", "zoom", "paste"),
    *("chinese", "phone", "later", "offline", "held", "held-1", "held-2", "portal"),
    *("typed", "typed-next"),
)
VINS = {name: some_vin(number) for number, name in enumerate(NAMES, start=100)}
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("desk")
    state, bucket = folder / "state", folder / "bucket"
    state.mkdir()
    bucket.mkdir()
    photos = [Photo(f"{name}.jpg", vin, doubtful(f"{name}.jpg", vin)) for name, vin in VINS.items()]
    photos.append(Photo("phone.heic", some_vin(99), unread("phone.heic")))
    photos.append(Photo("unread.jpg", some_vin(97), unread("unread.jpg")))
    said = (
        RecognizerCall(name="own", candidates=(Alternative(vin=some_vin(98), confidence=0.3),)),
        RecognizerCall(name="cloud", vin=some_vin(98), billed=1),
    )
    letter = replace(unread("offered.jpg", "Vindrop.Unconfirmed"), recognizers=said)
    photos.append(Photo("offered.jpg", some_vin(98), letter))
    filled.fill(f"sqlite:///{state}/vindrop.db", bucket, photos)
    (bucket / "gone.jpg").unlink()
    shutil.copy(SAMPLES / "label.heic", bucket / "phone.heic")
    with Served(state, bucket) as running:
        yield running


@pytest.fixture(scope="module")
def ledger(served: Served) -> Console:
    return open_console(
        open_ledger(f"sqlite:///{served.state}/vindrop.db", account="vinocr"), None, 0.0
    )


@pytest.fixture(scope="module")
def session(browser: Any, served: Served) -> list[Any]:
    """The cookies of who has followed the printed link."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(served.link)
    page.wait_for_url(f"{served.origin}/")
    found: list[Any] = context.cookies()
    context.close()
    return found


@pytest.fixture
def open_desk(browser: Any, served: Served, session: list[Any]) -> Iterator[Open]:
    contexts: list[Any] = []
    errors: list[str] = []

    def make(path: str, **options: Any) -> Any:
        context = browser.new_context(**{"locale": "en-US", **options})
        contexts.append(context)
        context.add_cookies(session)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(served.origin + path)
        return page

    yield make
    for context in contexts:
        context.close()
    assert errors == []


def of(ledger: Console, name: str) -> Entry:
    [entry] = [each for each in ledger.export() if each.upload.key == name]
    return entry


def reviews(ledger: Console, name: str) -> tuple[Review, ...]:
    return ledger.reviews(of(ledger, name).id)


def item(open_desk: Open, ledger: Console, name: str, **options: Any) -> Any:
    page = open_desk(f"/review?id={of(ledger, name).id}", **options)
    page.wait_for_selector("#review[data-state=item]")
    return page


def values(page: Any) -> str:
    return "".join(each.input_value() for each in page.locator("#cells input").all())


def is_kept(page: Any) -> None:
    page.wait_for_url("**/uploads/*")


def test_a_letter_that_no_vin_holds_is_refused_and_the_right_one_offered(
    open_desk: Open, ledger: Console
) -> None:
    page = item(open_desk, ledger, "lookalike.jpg")
    before = values(page)
    page.focus("#cells input >> nth=7")
    for letter, digit in (("O", "0"), ("i", "1"), ("Q", "0")):
        page.keyboard.type(letter)
        assert values(page) == before
        said = page.locator("#says").inner_text()
        assert letter.upper() in said
        assert digit in said
        assert page.locator("#offer button >> nth=0").inner_text().startswith(digit)
    for wrong in ("O", "?"):
        page.keyboard.type(wrong)
        page.keyboard.press("Backspace")
        assert values(page) == before, "the letter was never there: no good one goes in its place"
        assert "No VIN holds" not in page.locator("#says").inner_text()
    page.keyboard.press("Backspace")
    assert values(page) == before[:7] + before[8:], "a second one is meant for what stands there"
    page.keyboard.type(before[7])
    page.focus("#cells input >> nth=7")
    page.keyboard.type("O")
    page.keyboard.press("Space")
    assert values(page)[7] == "0"


def test_a_vin_that_nobody_confirmed_is_one_press_away_and_not_filled_in(
    open_desk: Open, ledger: Console
) -> None:
    page = item(open_desk, ledger, "offered.jpg")
    assert values(page) == ""
    button = page.locator("#offer button", has_text=some_vin(98))
    assert "own, cloud 30 %" in button.inner_text()
    button.click()
    assert values(page) == some_vin(98)
    assert button.count() == 0
    page.keyboard.press("Enter")
    is_kept(page)
    assert of(ledger, "offered.jpg").vin == some_vin(98)


def test_16_characters_are_not_sent(open_desk: Open, ledger: Console) -> None:
    page = item(open_desk, ledger, "short.jpg")
    page.focus("#cells input >> nth=16")
    page.keyboard.press("Delete")
    page.keyboard.press("Enter")
    page.get_by_text("1 character is missing").wait_for()
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith(
        "Character 17"
    )
    page.keyboard.type(VINS["short"][-1])
    page.keyboard.press("Enter")
    is_kept(page)
    assert of(ledger, "short.jpg").vin == VINS["short"]


def test_a_wrong_check_digit_is_kept_after_a_second_confirmation(
    open_desk: Open, ledger: Console
) -> None:
    page = item(open_desk, ledger, "digit.jpg")
    page.get_by_text("The check digit is wrong").wait_for()
    wrong = values(page)
    page.keyboard.press("Enter")
    page.get_by_text("law of China requires a check digit").wait_for()
    assert reviews(ledger, "digit.jpg") == ()
    page.keyboard.press("Enter")
    is_kept(page)
    [review] = reviews(ledger, "digit.jpg")
    assert (review.vin, review.check_digit) == (wrong, "invalid")
    assert "wrong check digit, confirmed" in page.locator(".reviews").inner_text()


def test_a_photo_that_is_gone_can_be_decided_as_such(open_desk: Open, ledger: Console) -> None:
    page = item(open_desk, ledger, "gone.jpg")
    page.locator(".viewer .message", has_text="not in its bucket any more").wait_for()
    page.click("#no-photo")
    is_kept(page)
    [review] = reviews(ledger, "gone.jpg")
    assert (review.vin, review.reason) == (None, "no_photo")


def test_a_photo_that_no_browser_shows_is_converted(open_desk: Open, ledger: Console) -> None:
    page = item(open_desk, ledger, "phone.heic")
    image = page.wait_for_selector(".film img")
    assert image.get_attribute("src").startswith("data:image/jpeg;base64,")
    assert image.evaluate("each => each.naturalWidth") > 500


def test_of_two_tabs_the_second_hears_of_the_first(open_desk: Open, ledger: Console) -> None:
    one = item(open_desk, ledger, "tabs.jpg")
    other = item(open_desk, ledger, "tabs.jpg")
    one.keyboard.press("Alt+n")
    is_kept(one)
    other.keyboard.press("Alt+r")
    other.locator("#attention-list", has_text="was first: no VIN on the photo").wait_for()
    [review] = reviews(ledger, "tabs.jpg")
    assert review.reason == "no_vin"


def test_a_page_from_before_a_deployment_still_decides_and_says_so(
    open_desk: Open, ledger: Console
) -> None:
    page = item(open_desk, ledger, "stale.jpg")

    def newer(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, headers={**answer.headers, "x-console-version": "newer"})

    page.route("**/v1/vins/*", newer)
    page.focus("#cells input >> nth=16")
    page.keyboard.type(VINS["stale"][-1])
    page.locator("#notice", has_text="newer version").wait_for()
    page.keyboard.press("Enter")
    is_kept(page)
    assert of(ledger, "stale.jpg").vin == VINS["stale"]


def test_a_session_that_ends_keeps_the_decision_until_somebody_signs_in(
    open_desk: Open, ledger: Console, session: list[Any]
) -> None:
    page = item(open_desk, ledger, "ended.jpg")
    page.context.clear_cookies()
    page.keyboard.press("Alt+n")
    page.locator("#notice", has_text="session has ended").wait_for()
    assert "1 decision is kept in this browser" in page.locator("#notice").inner_text()
    assert reviews(ledger, "ended.jpg") == ()
    page.context.add_cookies(session)
    page.goto(page.url.partition("/review")[0] + "/review")
    page.wait_for_selector("#review[data-kept='1']", state="attached")
    assert [each.reason for each in reviews(ledger, "ended.jpg")] == ["no_vin"]


def test_undo_shows_the_last_one_again_and_all_of_it_stays_in_the_history(
    open_desk: Open, ledger: Console
) -> None:
    page = open_desk("/review?photo=undo.jpg")
    page.wait_for_selector("#review[data-state=item]")
    page.keyboard.press("Alt+n")
    page.wait_for_selector("#review[data-kept='1']", state="attached")
    page.keyboard.press("Alt+u")
    page.wait_for_selector("#review[data-state=item]")
    assert page.locator("#what").inner_text() == "undo.jpg"
    page.focus("#cells input >> nth=16")
    page.keyboard.type(VINS["undo"][-1])
    page.keyboard.press("Enter")
    page.wait_for_selector("#review[data-kept='3']", state="attached")
    assert [each.reason for each in reviews(ledger, "undo.jpg")] == ["no_vin", "undone", None]
    assert of(ledger, "undo.jpg").vin == VINS["undo"]


def test_the_photo_is_zoomed_on_the_vin_and_can_be_moved(open_desk: Open, ledger: Console) -> None:
    page = item(open_desk, ledger, "zoom.jpg")
    page.wait_for_selector(".film polygon", state="attached")
    box, place = (page.locator(each).bounding_box() for each in (".film polygon", "#viewer"))
    assert box["width"] > place["width"] * 0.8
    assert box["x"] >= place["x"]
    assert box["x"] + box["width"] <= place["x"] + place["width"] + 1
    page.mouse.move(place["x"] + 300, place["y"] + 100)
    page.mouse.down()
    page.mouse.move(place["x"] + 360, place["y"] + 120)
    page.mouse.up()
    moved = page.locator(".film polygon").bounding_box()
    assert moved["x"] - box["x"] == pytest.approx(60, abs=2)
    page.mouse.wheel(0, -300)
    page.wait_for_timeout(100)
    assert page.locator(".film polygon").bounding_box()["width"] > box["width"] * 1.3
    page.click("[aria-label='VIN or whole photo']")
    whole = page.locator(".film img").bounding_box()
    assert whole["width"] <= place["width"] + 1


def test_a_vin_that_is_pasted_fills_the_cells(open_desk: Open, ledger: Console) -> None:
    page = item(open_desk, ledger, "paste.jpg", permissions=["clipboard-read", "clipboard-write"])
    spaced = f" *{VINS['paste'][:3].lower()} {VINS['paste'][3:9]}-{VINS['paste'][9:]}* "
    page.evaluate("text => navigator.clipboard.writeText(text)", spaced)
    page.keyboard.press("Control+V")
    page.get_by_text("The check digit fits").wait_for()
    assert values(page) == VINS["paste"]


def test_the_console_speaks_chinese(open_desk: Open, ledger: Console) -> None:
    page = item(open_desk, ledger, "chinese.jpg", locale="zh-CN")
    assert "确认" in page.locator("#confirm").inner_text()
    page.get_by_text("校验位错误").wait_for()
    page.click(".menu summary")
    page.click("[data-act=language]")
    page.get_by_role("button", name="Confirm").wait_for()


def test_one_thumb_is_enough_on_a_phone(open_desk: Open, ledger: Console) -> None:
    page = item(open_desk, ledger, "phone.jpg", **PHONE)
    last = "#cells input >> nth=16"
    assert page.locator(last).get_attribute("inputmode") == "none", "no keyboard over the photo"
    page.tap(last)
    page.tap(f"#keypad button:text-is('{VINS['phone'][-1]}')")
    page.get_by_text("The check digit fits").wait_for()
    confirm = page.locator("#confirm").bounding_box()
    assert confirm["y"] + confirm["height"] <= PHONE["viewport"]["height"] + 1  # type: ignore[index]
    page.tap("#confirm")
    is_kept(page)
    assert of(ledger, "phone.jpg").vin == VINS["phone"]


def test_a_doubtful_character_offers_what_may_be_meant(open_desk: Open, ledger: Console) -> None:
    page = item(open_desk, ledger, "later.jpg")
    page.wait_for_selector(".cell.doubt")
    page.locator("#offer button").first.wait_for()
    assert page.locator(".cell.doubt input").first.get_attribute("aria-label").count(",") >= 1


def test_without_a_connection_work_goes_on_and_is_sent_later(
    open_desk: Open, ledger: Console
) -> None:
    page = open_desk("/review?photo=offline.jpg")
    page.wait_for_selector("#review[data-state=item]")
    page.context.set_offline(True)
    page.keyboard.press("Alt+n")
    page.locator("#notice", has_text="No connection").wait_for()
    assert reviews(ledger, "offline.jpg") == ()
    page.context.set_offline(False)
    page.wait_for_selector("#review[data-kept='1']", state="attached")
    assert [each.reason for each in reviews(ledger, "offline.jpg")] == ["no_vin"]


def test_a_key_that_is_held_down_confirms_nothing_a_second_time(
    open_desk: Open, ledger: Console
) -> None:
    """Neither the wrong check digit of this photo, nor the next photo, which nobody has looked at."""
    page = item(open_desk, ledger, "held.jpg")
    page.get_by_text("The check digit is wrong").wait_for()
    for _ in range(5):
        page.keyboard.down("Enter")  # from the second on, as a key that is held repeats itself
    page.keyboard.up("Enter")
    page.get_by_text("law of China requires a check digit").wait_for()
    assert page.get_attribute("#review", "data-decided") is None
    page.keyboard.press("Enter")
    is_kept(page)
    page = open_desk("/review?photo=held-")
    page.wait_for_selector("#review[data-state=item]")
    page.keyboard.down("Alt")
    for key in ("n", "r"):
        for _ in range(5):
            page.keyboard.down(key)
        page.keyboard.up(key)
    page.keyboard.up("Alt")
    page.wait_for_selector("#review[data-kept='2']", state="attached")
    found = [reviews(ledger, name)[0].reason for name in ("held-1.jpg", "held-2.jpg")]
    assert sorted(map(str, found)) == ["new_photo_wanted", "no_vin"]


@pytest.mark.parametrize("name", ["typed", "unread"])
def test_who_types_a_vin_with_nothing_chosen_before_decides_nothing(
    open_desk: Open, ledger: Console, name: str
) -> None:
    """Whatever it begins with, and whatever stands in the cells: it is the VIN, of this photo."""
    page = open_desk(f"/review?photo={name}")
    page.wait_for_selector("#review[data-state=item]")
    shown = page.locator("#what").inner_text()
    for first in ALPHABET:
        typed = first + "NRUN2222NRU222NR"
        assert page.evaluate("document.activeElement.id") == "stage"
        page.keyboard.type(typed if first < "M" else typed.lower())
        assert values(page) == typed
        page.keyboard.press("Escape")
    assert page.locator("#what").inner_text() == shown
    assert page.get_attribute("#review", "data-decided") is None


def test_a_mac_decides_by_option_and_the_same_letters(open_desk: Open, ledger: Console) -> None:
    """Option makes another character of a letter there: the key's place tells which one it is."""
    page = open_desk("/review?photo=typed")
    page.wait_for_selector("#review[data-state=item]")
    first = page.locator("#what").inner_text()
    for key, code, decided in (("Dead", "KeyN", "1"), ("Dead", "KeyU", "1"), ("®", "KeyR", "2")):
        page.evaluate(
            "([key, code]) => document.activeElement.dispatchEvent("
            "new KeyboardEvent('keydown', {key, code, altKey: true, bubbles: true}))",
            [key, code],
        )
        assert page.get_attribute("#review", "data-decided") == decided
    page.wait_for_selector("#review[data-kept='3']", state="attached")
    assert [each.reason for each in reviews(ledger, first)] == [
        *("no_vin", "undone", "new_photo_wanted")
    ]


def test_what_a_proxy_answers_in_our_place_loses_no_decision(
    open_desk: Open, ledger: Console
) -> None:
    """A sign-in page of a proxy, an answer that was cut off, a gateway that is being deployed."""
    answers = [
        {"status": 200, "content_type": "text/html", "body": "<h1>Sign in to the network</h1>"},
        {"status": 201, "content_type": "application/json", "body": '{"review": {"vin'},
        {"status": 404, "content_type": "application/json", "body": '{"message":"Not Found"}'},
        {"status": 403, "content_type": "text/html", "body": "<h1>Forbidden</h1>"},
        {"status": 409, "content_type": "text/html", "body": ""},
    ]
    page = item(open_desk, ledger, "portal.jpg")

    def answer(route: Any) -> None:
        if route.request.method == "POST" and answers:
            route.fulfill(**answers.pop())
        else:
            route.continue_()

    page.route("**/v1/reviews/*", answer)
    page.evaluate("setInterval(() => dispatchEvent(new Event('online')), 100)")  # no long waits
    page.keyboard.press("Alt+n")
    is_kept(page)
    assert answers == []
    assert [each.reason for each in reviews(ledger, "portal.jpg")] == ["no_vin"]
