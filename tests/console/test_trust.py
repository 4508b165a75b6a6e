"""The page of one upload says how far its VIN can be trusted, and whose word it is."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.console.conftest import REVIEWER, Desk
from tests.console.filled import Photo, doubtful, some_vin, unread, upload_of
from tests.console.test_chinese_pages import SCRIPTS
from vindrop.domain.recognition import RecognizerCall
from vindrop.domain.records import Reading, VinOCRCall, reading_of
from vindrop.domain.vin import Verdict, parse
from vindrop.http.console import known

MakeDesk = Callable[..., Desk]
CALL = VinOCRCall(request_id="r", endpoint="vinocr.example", seconds=0.5, billed=1)


def shown(desk: Desk, upload_id: str, language: str = "en") -> str:
    headers = {"accept-language": language}
    page = desk.ask("GET", f"/uploads/{upload_id}", key=REVIEWER, headers=headers)
    assert page.status == 200
    return " ".join(html.unescape(SCRIPTS.sub(" ", page.text)).split())


def read(text: str, **more: Any) -> Reading:
    return reading_of(parse(text), upload_of("a.jpg"), CALL, attempts=1, **more)


@pytest.mark.parametrize(
    ("reading", "says"),
    [
        (read(some_vin(1)), "The check digit holds."),
        (read("WVWZZZ1JZXW000001"), "asks for no check digit"),
        (doubtful("a.jpg", "1HGCM82633A004352"), "The check digit is wrong: 3 is there"),
        (read("1HGCM82633AOO4352"), "Characters were corrected: 1HGCM82633AOO4352 was read."),
        (read("11111111111111111"), "it is a placeholder"),
        (replace(read(some_vin(1)), verdict=Verdict.DOUBTFUL), "no two agreed"),
    ],
)
def test_a_verdict_has_its_reason(make_desk: MakeDesk, reading: Reading, says: str) -> None:
    desk = make_desk([Photo("a.jpg", reading.vin, reading)])
    assert says in shown(desk, reading.id)


def test_confidence_and_every_recognizers_word_are_shown(make_desk: MakeDesk) -> None:
    said = (
        RecognizerCall(name="own", code="FailedOperation.OcrFailed", billed=1, confidence=0.4),
        RecognizerCall(name="cloud", vin=some_vin(1), billed=1, maybe_billed=2),
    )
    reading = read(some_vin(1), confidence=0.98765, recognizers=said)
    desk = make_desk(
        [Photo("a.jpg", reading.vin, reading)],
        VINDROP_RECOGNIZERS="own=http://one.example?price=0 cloud=http://two.example?price=0.02",
        VINDROP_RECOGNIZER_KEYS="own=id:key cloud=id:key",
    )
    page = shown(desk, reading.id)
    assert "Confidence 98.7 %" in page
    assert "own , FailedOperation.OcrFailed, confidence 40 %, 1 call answered, not billed" in page
    assert f"cloud , {some_vin(1)} , 1 call billed (2 more may be billed)" in page
    chinese = shown(desk, reading.id, "zh-CN")
    assert "置信度 98.7 %" in chinese


def test_what_a_person_typed_is_not_what_was_read(make_desk: MakeDesk) -> None:
    letter = unread("a.jpg")
    desk = make_desk([Photo("a.jpg", some_vin(1), letter)])
    (item,) = desk.queue()
    assert "As read" not in shown(desk, item["id"])
    assert desk.decide(item, vin=some_vin(1)).status == 201
    page = shown(desk, item["id"])
    assert some_vin(1) in page
    assert "As read" not in page
    assert "Machine's VIN" not in page


def test_what_the_machine_read_stays_beside_what_a_person_made_of_it(make_desk: MakeDesk) -> None:
    machine = doubtful("a.jpg", some_vin(2))
    desk = make_desk([Photo("a.jpg", some_vin(2), machine)])
    (item,) = desk.queue()
    assert desk.decide(item, vin=some_vin(2)).status == 201
    page = shown(desk, item["id"])
    assert f"As read {machine.as_read}" in page
    assert f"Machine's VIN {machine.vin}" in page


@pytest.mark.parametrize(
    ("share", "said"),
    [(None, None), (0.0, "0 %"), (0.29, "29 %"), (0.99999, "99.9 %"), (1.0, "100 %")],
)
def test_what_is_not_certain_never_says_so(share: float | None, said: str | None) -> None:
    assert known.percent(share) == said
