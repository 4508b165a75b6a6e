"""The review queue and its decisions, over HTTP: nothing twice, nothing over another's head."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.console import filled
from tests.console.conftest import ADMIN, OTHER, REVIEWER, Desk
from tests.console.filled import Photo, doubtful, some_vin, unread
from vindrop.domain.failures import Failure
from vindrop.domain.recognition import Alternative, RecognizerCall
from vindrop_local.sample_events.http import GATEWAYS

MakeDesk = Callable[..., Desk]
VIN = some_vin(1)


def two() -> list[Photo]:
    return [
        Photo("a.jpg", some_vin(0), unread("a.jpg")),
        Photo("b.jpg", VIN, doubtful("b.jpg", VIN)),
    ]


def test_doubtful_readings_come_first_with_what_a_person_should_look_at(
    make_desk: MakeDesk,
) -> None:
    first, second = make_desk(two()).queue()
    assert (first["name"], first["queue"]) == ("b.jpg", "doubtful")
    assert len(first["cells"]) == 17
    assert first["box"] == [list(point) for point in filled.BOX]
    assert any(cell["why"] for cell in first["cells"])
    assert first["judged"]["check_digit"] == "invalid"
    assert "q-signature" in first["photo"]["src"]
    assert (second["name"], second["code"]) == ("a.jpg", "FailedOperation.OcrFailed")


def test_what_recognizers_read_and_nobody_confirmed_is_offered_to_the_person(
    make_desk: MakeDesk,
) -> None:
    said = (
        RecognizerCall(
            name="own",
            code="FailedOperation.OcrFailed",
            candidates=(
                Alternative(vin=some_vin(7), confidence=0.6),
                Alternative(vin=some_vin(8), confidence=0.25),
                Alternative(vin=some_vin(9), confidence=0.001),
            ),
        ),
        RecognizerCall(name="cloud", vin=some_vin(8), billed=1),
    )
    letter = replace(unread("a.jpg", "Vindrop.Unconfirmed"), recognizers=said)
    desk = make_desk([Photo("a.jpg", some_vin(8), letter)])
    (item,) = desk.queue()
    assert item["candidates"] == [
        {"vin": some_vin(7), "of": ["own"], "confidence": 0.6},
        {"vin": some_vin(8), "of": ["own", "cloud"], "confidence": 0.25},
    ]
    assert item["vin"] is None, "offered, and not filled in"
    assert desk.decide(item, vin=some_vin(8)).status == 201


@pytest.mark.parametrize("gateway", sorted(GATEWAYS))
def test_every_gateway_serves_the_queue_page_by_page(make_desk: MakeDesk, gateway: str) -> None:
    desk = make_desk(list(filled.photos(5)))
    desk.gateway = gateway
    names, cursor = [], ""
    while cursor is not None:
        page = desk.ask(
            "GET", "/v1/reviews", key=REVIEWER, query={"limit": "2", "cursor": cursor}
        ).json
        names += [item["name"] for item in page["items"]]
        cursor = page["next"]
    assert sorted(names) == [f"{n:04}.jpg" for n in range(5)]


def test_a_dead_letter_that_a_person_reads_is_a_reading(make_desk: MakeDesk) -> None:
    desk = make_desk(two())
    [item] = [each for each in desk.queue() if each["name"] == "a.jpg"]
    answer = desk.decide(item, vin=some_vin(0), seconds=3.5)
    assert answer.status == 201
    assert answer.json["review"]["reviewer"] == "lee"
    assert answer.json["delivered"]
    assert [each["name"] for each in desk.queue()] == ["b.jpg"]
    page = desk.ask("GET", f"/uploads/{item['id']}", key=REVIEWER)
    assert some_vin(0) in page.text
    found = desk.ask("GET", "/uploads", key=REVIEWER, query={"vin": some_vin(0)[-6:]})
    assert some_vin(0) in found.text


def test_the_same_decision_again_counts_once(make_desk: MakeDesk) -> None:
    desk = make_desk(two())
    item = desk.queue()[0]
    first = desk.decide(item, vin=VIN)
    again = desk.decide(item, vin=VIN)
    assert (first.status, again.status) == (201, 200)
    assert again.json["repeated"]
    assert again.json["review"] == first.json["review"]


def test_the_second_of_two_reviewers_hears_who_was_first(make_desk: MakeDesk) -> None:
    desk = make_desk(two())
    item = desk.queue()[0]
    assert desk.decide(item, vin=VIN).status == 201
    second = desk.decide(item, key=OTHER, reason="no_vin")
    assert (second.status, second.problem) == (409, "already-decided")
    assert second.json["review"]["reviewer"] == "lee"
    assert "lee" in second.json["detail"]
    seen = desk.ask("GET", f"/v1/reviews/{item['id']}", key=OTHER).json
    assert seen["review"]["vin"] == VIN
    corrected = desk.decide(seen, key=OTHER, reason="no_vin")
    assert corrected.status == 201
    history = desk.ask("GET", f"/uploads/{item['id']}", key=OTHER).text
    assert history.count("lee</b>") == 1
    assert history.count("ming</b>") == 1


def test_an_undo_lets_it_wait_again(make_desk: MakeDesk) -> None:
    desk = make_desk(two())
    item = desk.queue()[0]
    kept = desk.decide(item, vin=VIN).json["review"]
    answer = desk.ask(
        "POST", f"/v1/reviews/{item['id']}/undo", {"after": kept["sequence"]}, key=REVIEWER
    )
    assert answer.status == 201
    assert answer.json["review"]["reason"] == "undone"
    [again] = [each for each in desk.queue() if each["id"] == item["id"]]
    assert desk.decide(again, vin=VIN).status == 201


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"vin": VIN[:16]}, "length"),
        ({"vin": VIN[:11] + "O" + VIN[12:]}, "characters"),
        ({"vin": ""}, "reason"),
        ({"vin": VIN, "reason": "no_vin"}, "reason"),
        ({"vin": VIN[:8] + ("1" if VIN[8] != "1" else "2") + VIN[9:]}, "check_digit"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_a_sentence(
    make_desk: MakeDesk, said: dict[str, Any], kind: str
) -> None:
    desk = make_desk(two())
    item = desk.queue()[0]
    answer = desk.decide(item, **said)
    assert (answer.status, answer.problem) == (422, "decision-refused")
    assert answer.json["kind"] == kind
    assert len(answer.json["detail"]) > 20
    assert len(desk.queue()) == 2, "nothing was kept"


def test_a_wrong_check_digit_is_kept_once_it_is_confirmed(make_desk: MakeDesk) -> None:
    desk = make_desk(two())
    item = desk.queue()[0]
    wrong = VIN[:8] + ("1" if VIN[8] != "1" else "2") + VIN[9:]
    assert desk.decide(item, vin=wrong).json["kind"] == "check_digit"
    kept = desk.decide(item, vin=wrong, wrong_check_digit=True)
    assert kept.status == 201
    assert kept.json["review"]["check_digit"] == "invalid"


def test_a_photo_that_is_gone_is_said_so_and_can_be_decided(make_desk: MakeDesk) -> None:
    photo = Photo("a.jpg", VIN, unread("a.jpg"))
    desk = make_desk([photo])
    [item] = desk.queue()
    answer = desk.decide(item, reason="no_photo")
    assert answer.json["review"]["reason"] == "no_photo"
    assert desk.queue() == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/reviews/{id}", {"vin": VIN, "after": -1}),
        ("POST", "/v1/reviews/{id}", {"vin": VIN, "reviewer": "somebody"}),
        ("POST", "/v1/reviews/{id}", {"reason": "undone"}),
        ("POST", "/v1/reviews/{id}", {"vin": "X" * 100}),
        ("POST", "/v1/reviews/{id}", [1]),
        ("POST", "/v1/reviews/{id}", None),
        ("POST", "/v1/reviews/{id}/undo", {"after": 0}),
        ("POST", "/v1/redrives", {}),
        ("POST", "/v1/redrives", {"ids": ["a"], "filter": {}}),
        ("POST", "/v1/redrives", {"filter": {"colour": "red"}}),
        ("POST", "/v1/redrives", {"filter": {"vin": "A"}}),
    ],
)
def test_a_body_that_means_nothing_is_refused(
    make_desk: MakeDesk, method: str, path: str, body: Any
) -> None:
    desk = make_desk(two())
    item = desk.queue()[0]
    answer = desk.ask(method, path.replace("{id}", item["id"]), body, key=ADMIN)
    assert (answer.status, answer.problem) == (400, "bad-request")
    assert len(desk.queue()) == 2


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "nonsense"},
        {"cursor": "ee" * 900},
        {"limit": "many"},
        {"limit": "-1"},
        {"vin": "AB"},
        {"vin": "A'B\"C"},
        {"since": "yesterday"},
        {"until": "9999-12-31"},
        {"verdict": "wonderful"},
        {"state": "asleep"},
        {"photo": "x" * 300},
    ],
)
def test_a_search_that_means_nothing_gets_a_sentence(
    make_desk: MakeDesk, query: dict[str, str]
) -> None:
    desk = make_desk(two())
    api = desk.ask("GET", "/v1/reviews", key=REVIEWER, query=query)
    assert (api.status, api.problem) == (400, "bad-request")
    if "limit" not in query:
        page = desk.ask("GET", "/uploads", key=REVIEWER, query=query)
        assert page.status == 400
        assert page.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(("part", "digit"), [("43o2", "0"), (" 4 3Q2 ", "0"), ("A0I4", "1")])
def test_a_letter_that_no_vin_holds_is_named_with_the_digit_that_is_meant(
    make_desk: MakeDesk, part: str, digit: str
) -> None:
    desk = make_desk(two())
    page = desk.ask("GET", "/uploads", key=REVIEWER, query={"vin": part})
    assert page.status == 400
    assert f"search for the digit {digit}" in page.text
    chinese = {"accept-language": "zh-CN"}
    page = desk.ask("GET", "/uploads", key=REVIEWER, query={"vin": part}, headers=chinese)
    assert f"请改用数字 {digit} 搜索" in page.text


def test_blanks_in_a_part_of_a_vin_do_not_matter(make_desk: MakeDesk) -> None:
    desk = make_desk(two())
    vin = doubtful("b.jpg", VIN).vin
    spaced = f" {vin[:6]}  {vin[6:]}\u3000"
    assert vin in desk.ask("GET", "/uploads", key=REVIEWER, query={"vin": spaced}).text


@pytest.mark.parametrize("upload_id", ["a" * 64, "A" * 64, "..", "a" * 63, "%2e%2e"])
def test_an_upload_that_nobody_knows_is_not_found(make_desk: MakeDesk, upload_id: str) -> None:
    desk = make_desk(two())
    for path in (f"/v1/reviews/{upload_id}", f"/v1/photos/{upload_id}"):
        assert desk.ask("GET", path, key=REVIEWER).status == 404
    page = desk.ask("GET", f"/uploads/{upload_id}", key=REVIEWER)
    assert page.status == 404
    assert "<h1" in page.text


def test_a_redrive_tells_its_price_and_does_what_it_said(
    make_desk: MakeDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = make_desk(list(filled.photos(7)), VINDROP_PRICE_PER_CALL="0.5")
    said = desk.ask("POST", "/v1/redrives", {"filter": {}, "dry_run": True}, key=ADMIN).json
    assert said == {"counts": {"would_redrive": 3}, "calls": 3, "price": 1.5, "next": None}
    assert len(desk.queue()) == 7, "only asked"
    done = desk.ask("POST", "/v1/redrives", {"filter": {}, "dry_run": False}, key=ADMIN).json
    assert done["counts"] == {"redriven": 3}
    again = desk.ask("POST", "/v1/redrives", {"filter": {}, "dry_run": True}, key=ADMIN).json
    assert again["counts"] == {}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    redriven = [line for line in lines if line["event"] == "redriven"]
    assert {line["who"] for line in redriven} == {"kim"}
    assert len(redriven) == 3


@pytest.mark.parametrize(
    ("recognizers", "calls", "price"),
    [
        ("own={}?price=0 cloud={}?price=0.02", 6, 0.06),
        ("own={}?price=0 cloud={}", 6, 1.5),
        ("own={}?price=0.01 cloud={}?price=0.02", 6, 0.09),
        ("own={}?price=0 free={}?price=0", 6, None),
    ],
)
def test_a_redrive_of_several_recognizers_tells_the_price_of_all_of_them(
    make_desk: MakeDesk, recognizers: str, calls: int, price: float | None
) -> None:
    desk = make_desk(
        list(filled.photos(7)),
        VINDROP_RECOGNIZERS=recognizers.format("http://one.example", "http://two.example"),
        VINDROP_RECOGNIZER_KEYS=" ".join(
            f"{word.partition('=')[0]}=id:key" for word in recognizers.split()
        ),
        VINDROP_PRICE_PER_CALL="0.5",
    )
    said = desk.ask("POST", "/v1/redrives", {"filter": {}, "dry_run": True}, key=ADMIN).json
    assert said["calls"] == calls
    assert said["price"] == (None if price is None else pytest.approx(price))


def test_every_decision_is_in_the_log_with_its_name(
    make_desk: MakeDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = make_desk(two())
    item = desk.queue()[0]
    desk.decide(item, vin=VIN)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [line] = [line for line in lines if line["event"] == "reviewed"]
    assert line["reviewer"] == "lee"
    assert item["id"].startswith(line["upload"])
    assert VIN not in json.dumps(lines)


def test_without_a_ledger_the_console_says_what_to_set(make_desk: MakeDesk) -> None:
    desk = make_desk(VINDROP_LEDGER="none")
    page = desk.ask("GET", "/uploads", key=REVIEWER)
    assert page.status == 503
    assert "VINDROP_LEDGER" in page.text
    assert desk.ask("GET", "/v1/reviews", key=REVIEWER).problem == "no-ledger"


def test_the_overview_shows_each_recognizers_own_circuit_rate_and_price(
    make_desk: MakeDesk,
) -> None:
    """The general account's circuit never opens where there are several, and 0 is no limit of JSON."""
    desk = make_desk(
        list(filled.photos(3)),
        VINDROP_RECOGNIZERS="own=http://one.example?price=0&rate=0 cloud=http://two.example?price=0.02&rate=7",
        VINDROP_RECOGNIZER_KEYS="own=id:key cloud=id:key",
        VINDROP_PRICE_PER_CALL="0.5",
    )

    def figures() -> Any:
        text = desk.ask("GET", "/v1/overview", key=REVIEWER).text
        return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))

    found = figures()
    assert found["circuit"] == "closed"
    assert [each["name"] for each in found["recognizers"]] == ["own", "cloud"]
    assert [each["rate"]["per_second"] for each in found["recognizers"]] == [
        None,
        pytest.approx(7, rel=0.05),
    ]
    assert found["total"]["billed"] == 3
    assert found["total"]["cost"] is None, "whose calls they were is not counted by the hour"
    blocked = Failure("ResourceUnavailable.InArrears", "the account is in arrears")
    desk.app.engines[1].ledger.open_circuit(blocked, 60)
    found = figures()
    assert (found["circuit"], found["circuit_code"]) == ("open", blocked.code)
    assert [each["circuit"] for each in found["recognizers"]] == ["closed", "open"]
    page = desk.ask("GET", "/", key=REVIEWER).text
    assert "circuit breaker · cloud" in page
    assert "<b>3</b> answered calls · those to own are not billed" in page
    assert "</b> billed call" not in page, "the ledger counts answers; own's cost nothing"
    assert blocked.code in page
    assert "inf" not in re.sub(r"<[^>]*>", " ", page).split()


@pytest.mark.parametrize(
    ("recognizers", "cost"),
    [
        ("own=http://one.example?price=0.1 cloud=http://two.example?price=0.1", 0.3),
        ("own=http://one.example cloud=http://two.example", 1.5),
    ],
)
def test_recognizers_of_one_price_have_a_sum(
    make_desk: MakeDesk, recognizers: str, cost: float
) -> None:
    desk = make_desk(
        list(filled.photos(3)),
        VINDROP_RECOGNIZERS=recognizers,
        VINDROP_RECOGNIZER_KEYS="own=id:key cloud=id:key",
        VINDROP_PRICE_PER_CALL="0.5",
    )
    assert desk.ask("GET", "/v1/overview", key=REVIEWER).json["total"]["cost"] == cost


@pytest.mark.parametrize(
    ("endpoint", "price", "is_own"),
    [
        ("127.0.0.1:8000", "0", True),
        ("ocr.tencentcloudapi.com", "0", False),
        ("vinocr.depot.example", "0.1", False),
    ],
)
def test_the_pages_say_nobody_bills_the_calls_of_ones_own_vinocr(
    make_desk: MakeDesk, endpoint: str, price: str, is_own: bool
) -> None:
    desk = make_desk(
        list(filled.photos(3)), VINDROP_VINOCR_ENDPOINT=endpoint, VINDROP_PRICE_PER_CALL=price
    )
    overview = desk.ask("GET", "/", key=REVIEWER).text
    entry = desk.queue()[0]
    upload = desk.ask("GET", f"/uploads/{entry['id']}", key=REVIEWER).text
    for whole in (overview, upload):
        page = whole.partition("<body")[2]  # before it stand the words that scripts may say
        assert page
        assert ("your own VinOCR bills none" in page) is is_own
        assert bool(re.search(r"[0-9](?:</b>)? billed", page)) is not is_own
