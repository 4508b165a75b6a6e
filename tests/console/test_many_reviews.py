"""Two hundred reviews by keyboard, the server killed twice on the way: none is lost, none counts twice."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.console import filled
from tests.console.served import Served
from tests.console.test_newcomer import ANSWER_MS
from vindrop.core.console import Entry
from vindrop.stores import open_console, open_ledger

COUNT = 200
KILLED_AFTER = (60, 130)


def work(page: Any, photo: filled.Photo, number: int) -> tuple[str | None, str | None]:
    """Decide one photo by keyboard, as who sees it would; return the VIN, or the reason."""
    if number % 20 == 7:
        page.keyboard.press("Alt+n")
        return None, "no_vin"
    if number % 20 == 13:
        page.keyboard.press("Alt+r")
        return None, "new_photo_wanted"
    if photo.record.upload and hasattr(photo.record, "code"):
        page.keyboard.press("ArrowRight")
        page.keyboard.type(photo.vin)
    else:  # its last character is misread: go there, type over it
        page.keyboard.press("ArrowRight")
        page.keyboard.press("End")
        page.keyboard.type(photo.vin[-1])
    page.keyboard.press("Enter")
    return photo.vin, None


@pytest.mark.timeout(600)
def test_two_hundred_reviews_outlast_a_server_that_is_killed_twice(
    browser: Any, tmp_path: Path
) -> None:
    state, bucket = tmp_path / "state", tmp_path / "bucket"
    for folder in (state, bucket):
        folder.mkdir()
    url = f"sqlite:///{state}/vindrop.db"
    photos = {photo.name.rpartition("/")[2]: photo for photo in filled.photos(COUNT)}
    filled.fill(url, bucket, list(photos.values()))
    decided: dict[str, tuple[str | None, str | None]] = {}
    with Served(state, bucket) as served:
        page = browser.new_context(locale="en-US").new_page()
        page.set_default_timeout(ANSWER_MS * 3)
        page.goto(served.link)
        page.goto(f"{served.origin}/review")
        restarts: list[threading.Thread] = []
        for number in range(COUNT):
            page.wait_for_selector("#review[data-state=item]")
            item = page.get_attribute("#review", "data-item")
            photo = photos[page.locator("#what").inner_text()]
            if number in KILLED_AFTER:
                served.kill()
                restarts.append(threading.Thread(target=served.start))
                restarts[-1].start()
            assert photo.record.id not in decided, "it was shown again"
            decided[photo.record.id] = work(page, photo, number)
            page.wait_for_selector(f"#review:not([data-item='{item}']), [data-state=empty]")
            if number == KILLED_AFTER[1] + 20:  # what waits outlasts a page, too
                for thread in restarts:
                    thread.join()
                page.reload()
        page.wait_for_selector("#review[data-waiting='0']", state="attached")
        page.context.close()
    assert set(decided) == {photo.record.id for photo in photos.values()}
    kept = entries(url)
    assert {each.id: outcome(each) for each in kept} == decided
    console = open_console(open_ledger(url, account="vinocr"), None, 0.0)
    for each in kept:
        assert len(console.reviews(each.id)) == 1, "a review counts once"


def entries(url: str) -> list[Entry]:
    return list(open_console(open_ledger(url, account="vinocr"), None, 0.0).export())


def outcome(entry: Entry) -> tuple[str | None, str | None]:
    assert entry.review is not None, f"{entry.upload.key} was lost"
    return entry.review.vin, entry.review.reason
