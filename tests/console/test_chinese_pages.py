"""The console in Chinese: no English is left on its pages, figures and durations included."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.console.conftest import ADMIN, Desk
from tests.console.filled import Photo, doubtful, some_vin, unread
from vindrop.http.console import plots, templates
from vinocr.api.codes import ApiError, Language

MakeDesk = Callable[..., Desk]
ENGLISH = re.compile(r"[a-z]{3,} [a-z]{2,}")


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (None, "–", "–"),
        (0.84, "0.8 s", "0.8 秒"),
        (74, "74 s", "74 秒"),
        (600, "10 min", "10 分钟"),
        (20_000, "6 h", "6 小时"),
        (400_000, "5 d", "5 天"),
    ],
)
def test_durations(seconds: float | None, english: str, chinese: str) -> None:
    assert templates.age("en", seconds) == english
    assert templates.age("zh", seconds) == chinese


@pytest.mark.parametrize(
    ("count", "english", "chinese"),
    [
        (0, "<b>0</b> uploads", "上传 <b>0</b> 张"),
        (1, "<b>1</b> upload", "上传 <b>1</b> 张"),
        (2, "<b>2</b> uploads", "上传 <b>2</b> 张"),
    ],
)
def test_counts_are_natural(count: int, english: str, chinese: str) -> None:
    assert templates.counted("en", "overview.uploads", count) == english
    assert templates.counted("zh", "overview.uploads", count) == chinese
    assert "0" in templates.counted("zh", "overview.reviewed", 0)


def test_a_figure_is_no_markup_whatever_it_is() -> None:
    assert "<script>" not in str(templates.counted("en", "overview.uploads", 3))


def test_a_plots_days_are_told_in_the_readers_words() -> None:
    days: Any = [_Day()]
    named = {"verified": "已验证", "doubtful": "存疑", "median": "中位数"}.__getitem__
    bars = plots.stacked(days, [("verified", [3]), ("doubtful", [1])], named, "，")
    assert bars.columns[0].title == "2026-11-26: 已验证 3，存疑 1"
    lines = plots.lines(days, [("median", [0.5])], named, "，", " 秒")
    assert lines.columns[0].title == "2026-11-26: 中位数 0.5 秒"


class _Day:
    class day:  # noqa: N801  # what a plot asks of a day
        @staticmethod
        def isoformat() -> str:
            return "2026-11-26"


def test_what_a_person_reads_of_an_upload_has_chinese_words() -> None:
    reading = doubtful("a.jpg", some_vin(1))
    assert reading.verdict.value == "doubtful"
    for name, (english, chinese) in templates._words().items():
        if name.startswith(("detail.", "step.", "state.", "kind.", "age.", "js.redrive.")):
            assert not ENGLISH.search(chinese), (name, english)


STORED = re.compile(r"<dd>(?:[a-z]+_[a-z_]+|verified|plausible|doubtful|reviewed|undone)</dd>")
SCRIPTS = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL)
FOREIGN = re.compile(r"[\w.-]+\.(?:jpg|example)|English")
"""What the machine or a stranger wrote, and the name of the other language."""


@pytest.mark.parametrize("path", ["/", "/uploads", "/uploads?vin=x", "/uploads/{id}", "/review"])
def test_no_english_is_left_on_a_page(make_desk: MakeDesk, path: str) -> None:
    photos = [
        Photo("a.jpg", some_vin(0), unread("a.jpg")),
        Photo("b.jpg", some_vin(1), doubtful("b.jpg", some_vin(1))),
    ]
    desk = make_desk(photos)
    desk.decide(desk.queue()[0], vin=some_vin(1))
    desk.decide(desk.queue()[0], reason="no_vin")
    chinese = {"accept-language": "zh-CN,zh;q=0.9"}
    bare, _, query = path.partition("?")
    for entry in desk.app.console()[0].uploads().entries:
        where = bare.replace("{id}", entry.id)
        asked = dict(each.split("=") for each in query.split("&") if each)
        page = desk.ask("GET", where, key=ADMIN, headers=chinese, query=asked)
        assert page.status in {200, 400}
        text = FOREIGN.sub("", html.unescape(SCRIPTS.sub(" | ", page.text)))
        assert re.search(r"[一-鿿]", text)
        assert ENGLISH.findall(text) == [], text
        assert re.findall(r"\d (?:s|min|h|d)\b", text) == []
        assert not STORED.search(page.text), "a stored word in the place of one that people read"


def test_why_a_photo_was_not_read_is_told_in_chinese(make_desk: MakeDesk) -> None:
    """On the upload's page and beside the photo that is reviewed; for programs as VinOCR said it."""
    said = ApiError(
        "FailedOperation.ImageDecodeFailed", why="the file is damaged or incomplete"
    ).text(Language.ENGLISH)
    desk = make_desk([Photo("a.jpg", some_vin(0), replace(unread("a.jpg"), message=said))])
    chinese = {"accept-language": "zh-CN"}
    (item,) = desk.ask("GET", "/v1/reviews", key=ADMIN, headers=chinese).json["items"]
    assert item["message"] == said
    assert item["told"] == "图片解码失败：文件已损坏或不完整。请上传完整的 PNG、JPG 或 JPEG 图片。"
    page = desk.ask("GET", f"/uploads/{item['id']}", key=ADMIN, headers=chinese).text
    assert (page.count(item["told"]), page.count(said)) == (page.count("图片解码失败"), 0)
    (english,) = desk.ask("GET", "/v1/reviews", key=ADMIN).json["items"]
    assert english["told"] == said


def test_trouble_is_told_in_chinese(make_desk: MakeDesk) -> None:
    desk = make_desk()
    chinese = {"accept-language": "zh-CN,zh;q=0.9"}
    page = desk.ask("GET", f"/uploads/{'f' * 64}", key=ADMIN, headers=chinese)
    assert page.status == 404
    assert "台账中没有这个上传" in page.text
    problem = desk.ask("GET", f"/v1/reviews/{'f' * 64}", key=ADMIN, headers=chinese)
    assert problem.json["detail"].startswith("台账中没有这个上传")
    # Who has chosen a language on a page is answered in it, whatever the browser prefers.
    chosen = {"accept-language": "en", "cookie": f"{desk.session(ADMIN)[0]}; vindrop-language=zh"}
    refused = desk.ask("GET", "/v1/reviews", headers=chosen, query={"limit": "many"})
    assert "limit：应为" in refused.json["detail"]
