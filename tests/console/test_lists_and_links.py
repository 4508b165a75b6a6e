"""Lists that go on by themselves, exports that are whole or say so, links that sign nobody in unasked."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.console import filled
from tests.console.conftest import REVIEWER, Desk
from tests.console.filled import Photo, doubtful, some_vin, unread
from tests.console.served import Served
from vindrop.core.export import to_csv
from vindrop.http.console import export
from vindrop.stores.ledger import sql_vins

COUNT = 8
NO_PHOTOS = ("notes.jpg", "empty.jpg", "gone.jpg", "broken.jpg")
MakeDesk = Callable[..., Desk]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("lists")
    state, bucket = folder / "state", folder / "bucket"
    state.mkdir()
    bucket.mkdir()
    strange = [Photo(each, some_vin(90), unread(each, "Vindrop.NotAnImage")) for each in NO_PHOTOS]
    long = Photo("long.jpg", some_vin(91), doubtful("long.jpg", some_vin(91)))
    filled.fill(
        f"sqlite:///{state}/vindrop.db", bucket, [*filled.photos(COUNT - 5), long, *strange]
    )
    (bucket / "notes.jpg").write_bytes(b"not a photo at all")
    (bucket / "empty.jpg").write_bytes(b"")
    (bucket / "gone.jpg").unlink()
    (bucket / "broken.jpg").write_bytes((bucket / "broken.jpg").read_bytes()[:200])
    with Served(state, bucket) as running:
        yield running


@pytest.fixture(scope="module")
def session(browser: Any, served: Served) -> list[Any]:
    context = browser.new_context()
    page = context.new_page()
    page.goto(served.link)
    page.wait_for_url(f"{served.origin}/")
    found: list[Any] = context.cookies()
    context.close()
    return found


@pytest.fixture
def page(browser: Any, session: list[Any]) -> Iterator[Any]:
    context = browser.new_context(locale="en-US", accept_downloads=True)
    context.add_cookies(session)
    made = context.new_page()
    made.set_default_timeout(60_000)
    yield made
    context.close()


def test_what_is_no_photo_has_no_picture_and_troubles_nobody(page: Any, served: Served) -> None:
    """Neither the browser's console nor the function's log tells of an error."""
    told: list[str] = []
    page.on("console", lambda message: told.append(f"{message.type}: {message.text}"))
    log = next((served.state / "logs").glob("http_api*"))
    before = len(log.read_text(errors="replace"))
    page.goto(f"{served.origin}/uploads")
    page.wait_for_function(
        "count => document.querySelectorAll('img.missing').length === count", arg=len(NO_PHOTOS)
    )
    page.wait_for_function(
        "count => document.querySelectorAll('img[src^=data]').length === count",
        arg=COUNT - len(NO_PHOTOS),
    )
    assert told == []
    assert page.locator("img.missing").first.get_attribute("title")
    news = log.read_text(errors="replace")[before:]
    assert '"level": "error"' not in news
    assert '"level": "warning"' not in news


def values(page: Any) -> str:
    return "".join(each.input_value() for each in page.locator("#cells input").all())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("LSGPC52H9GF1251611", "The text has 18 characters, a VIN has 17"),
        ("https://example.com/a/long/address", "a VIN has 17"),
    ],
)
def test_a_text_that_is_too_long_is_put_in_nowhere_and_it_is_said(
    page: Any, served: Served, text: str, said: str
) -> None:
    page.goto(f"{served.origin}/review?photo=long.jpg")
    page.wait_for_selector("#review[data-state=item]")
    page.wait_for_function("document.getElementById('facts').textContent !== ''")
    before = values(page)
    page.focus("#cells input >> nth=3")
    page.evaluate(PASTE, text)
    assert said in page.locator("#says").inner_text()
    assert "nothing was put in" in page.locator("#says").inner_text()
    assert values(page) == before
    page.evaluate(PASTE, f"VIN: {some_vin(91)}, silver, 2 keys")
    assert values(page) == some_vin(91), "the one VIN in a text is what was meant"
    page.focus("#cells input >> nth=15")
    page.evaluate(PASTE, "ABCDE")
    assert "from place 16 on" in page.locator("#says").inner_text()


PASTE = """text => {
  const data = new DataTransfer();
  data.setData("text", text);
  document.activeElement.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
}"""


def test_a_link_with_a_key_says_whose_it_is_and_replaces_no_session_unasked(
    page: Any, served: Served
) -> None:
    key = (served.state / "api-key").read_text().strip()
    name = page.request.get(f"{served.origin}/v1/session").json()["name"]
    link = f"{served.origin}/sign-in#key={key}"
    page.goto(link)
    page.locator("#offer-says", has_text="key-1").wait_for()
    assert "send photos" in page.locator("#offer-says").inner_text(), "the role"
    assert f"signed in as {name}" in page.locator("#offer-says").inner_text()
    assert key not in page.url
    page.get_by_role("button", name=f"Stay {name}").click()
    page.wait_for_url(f"{served.origin}/")
    assert page.request.get(f"{served.origin}/v1/session").json()["name"] == name
    page.goto("about:blank")
    page.goto(link)
    page.get_by_role("button", name="Sign in as key-1").click()
    page.wait_for_url(f"{served.origin}/capture")
    assert page.request.get(f"{served.origin}/v1/session").json()["name"] == "key-1"


def test_nobody_is_signed_in_by_a_link_alone(browser: Any, served: Served) -> None:
    key = (served.state / "api-key").read_text().strip()
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    page.goto(f"{served.origin}/sign-in#key={key}")
    page.locator("#offer-says", has_text="key-1").wait_for()
    assert context.cookies() == []
    page.get_by_role("button", name="No, use another key").click()
    assert page.locator("#key").is_visible()
    page.goto("about:blank")
    page.goto(f"{served.origin}/sign-in#key=wrong")
    page.locator("#wrong", has_text="key").wait_for()
    assert context.cookies() == []
    context.close()


def test_the_capture_page_leaves_a_session_as_it_is_where_a_link_brings_another_key(
    page: Any, served: Served
) -> None:
    key = (served.state / "api-key").read_text().strip()
    name = page.request.get(f"{served.origin}/v1/session").json()["name"]
    page.goto(f"{served.origin}/capture#key={key}")
    page.locator("#notice-other", has_text="would sign you in as key-1").wait_for()
    assert name in page.locator("#notice-other").inner_text()
    assert page.request.get(f"{served.origin}/v1/session").json()["name"] == name
    page.click("#sign-in-as")
    page.locator("#who-name", has_text="key-1").wait_for()


def test_an_export_is_one_whole_file_however_many_parts_it_came_in(
    page: Any, served: Served
) -> None:
    """A part that fails is asked for again; what does not come leaves no file that looks whole."""
    asked: list[str] = []
    whole = page.request.get(f"{served.origin}/v1/export?format=csv&part=1").json()
    lines = whole["csv"].splitlines(keepends=True)
    parts = [lines[:3], lines[3:5], lines[5:]]
    broken = {"left": True}

    def answer(route: Any) -> None:
        cursor = route.request.url.partition("cursor=")[2].partition("&")[0]
        at = int(cursor or 0)
        asked.append(cursor)
        if at == 2 and broken["left"]:
            problem = {"type": "urn:vindrop:problem:forbidden", "title": "no", "detail": "not now"}
            route.fulfill(status=403, json=problem)
            return
        route.fulfill(
            json={
                "csv": "".join(parts[at]),
                "rows": len(parts[at]) - (at == 0),
                "next": str(at + 1) if at < 2 else None,
                "back_to": "2026-11-01T00:00:00+00:00",
            }
        )

    page.route("**/v1/export*", answer)
    page.goto(f"{served.origin}/uploads")
    saved: list[Any] = []
    page.on("download", lambda each: saved.append(each))  # noqa: PLW0108  # Playwright wants a function
    page.click("[data-export=csv]")
    page.locator("#export-says", has_text="No file yet: 4 uploads").wait_for()
    assert "2026" in page.locator("#export-says").inner_text()
    assert saved == []
    broken["left"] = False
    with page.expect_download() as download:
        page.get_by_role("button", name="Go on").click()
    page.locator("#export-says", has_text=f"all {COUNT} uploads").wait_for()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert len(list(csv.DictReader(io.StringIO(text)))) == COUNT
    assert asked == ["", "1", "2", "2"]


def test_a_workbook_that_takes_too_long_says_what_to_do(page: Any, served: Served) -> None:
    problem = {
        "type": "urn:vindrop:problem:export-too-large",
        "detail": "5 uploads were written in its time, back to 2026-11-01",
    }
    page.route("**/v1/export*", lambda route: route.fulfill(status=413, json=problem))
    page.goto(f"{served.origin}/uploads")
    page.click("[data-export=xlsx]")
    page.locator("#export-says", has_text="5 uploads were written").wait_for()


def test_a_search_that_ran_out_of_time_goes_on_by_itself(page: Any, served: Served) -> None:
    vin = some_vin(91)[4:10]
    address = f"{served.origin}/uploads?vin={vin}"
    stopped = (
        '<p class="card none" id="none">Nothing so far.</p><p class="actions pages"></p>'
        '<p id="searched" data-next="/uploads?vin={vin}&amp;cursor={n}">Searched back to '
        '<time datetime="2026-11-01T00:00:00+00:00">x</time></p>'
    )
    asked: list[str] = []

    def answer(route: Any) -> None:
        cursor = route.request.url.partition("cursor=")[2]
        asked.append(cursor)
        real = route.fetch(url=address)
        text = real.text()
        if cursor != "2":
            begin, end = text.index("<table"), text.index("</table>")
            rest = text[end + len("</table>") :].replace('<p class="actions pages">', "<p hidden>")
            more = stopped.format(vin=vin, n=int(cursor or 0) + 1)
            table = '<table class="list" hidden><tbody></tbody></table>'
            text = text[:begin] + table + more + rest
        route.fulfill(response=real, body=text)

    page.route("**/uploads?*", answer)
    page.goto(address)
    page.locator("table.list .vin-text", has_text=vin).wait_for()
    page.locator("#searched", has_text="Everything was searched").wait_for()
    assert asked == ["", "1", "2"]
    assert page.locator("#none").count() == 0


def test_a_page_of_a_search_out_of_time_names_where_it_goes_on(
    make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = make_desk(list(filled.photos(9)))
    for name, value in (("SECONDS", -1.0), ("STEP", 2), ("_SLACK", 0.0)):
        monkeypatch.setattr(sql_vins, name, value)
    text = desk.ask("GET", "/uploads", key=REVIEWER, query={"vin": "AAAAAA"}).text
    assert 'id="searched"' in text
    assert "data-next=" in text
    assert "The search goes on" in text


@pytest.mark.parametrize("gateway", ["tencent_url", "aws_http", "aws_alb"])
def test_an_export_of_any_size_comes_in_parts_and_none_is_left_out(
    make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch, gateway: str
) -> None:
    desk = make_desk(list(filled.photos(7)))
    desk.gateway = gateway
    for name, value in (("_ROWS", 2), ("LARGEST_ANSWER", 1), ("LARGEST_ANSWER_ALB", 1)):
        monkeypatch.setattr(export, name, value)
    whole = b"".join(to_csv(desk.app.console()[0].export())).decode()
    text, cursor, parts = "", "", 0
    while cursor is not None:
        query = {"part": "1", "cursor": cursor}
        part = desk.ask("GET", "/v1/export", key=REVIEWER, query=query).json
        assert part["back_to"]
        text += part["csv"]
        cursor = part["next"]
        parts += 1
    assert parts == 4
    assert text == whole


def test_what_a_request_cannot_hold_says_how_far_it_came(make_desk: MakeDesk) -> None:
    desk = make_desk(list(filled.photos(3)), VINDROP_HTTP_SECONDS="0.001")
    answer = desk.ask("GET", "/v1/export", key=REVIEWER)
    assert (answer.status, answer.problem) == (413, "export-too-large")
    assert "0 uploads were written" in json.loads(answer.text)["detail"]
    assert "vindrop export" in json.loads(answer.text)["detail"]
