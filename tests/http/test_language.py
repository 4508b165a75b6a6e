"""Who reads Chinese is told in Chinese what went wrong, by the API, the console and the server before it."""

from __future__ import annotations

import json
import re

import pytest

from tests.http.conftest import KEY, OPEN, ask, never
from vindrop.core.invocation import Invocation
from vindrop.http import ROUTES, process
from vindrop.http.language import event_reads_chinese, reads_chinese
from vindrop_local.sample_events.http import GATEWAYS

CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}
HAN = re.compile(r"[一-鿿]")
ENGLISH = re.compile(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}")


def is_chinese(text: str) -> bool:
    return bool(HAN.search(text)) and not ENGLISH.search(text)


@pytest.mark.parametrize("path", [path for path in ROUTES if path.startswith("/v1/")])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_no_route_refuses_in_another_language(path: str, method: str) -> None:
    """Without a key, with a wrong method, with a body that nobody reads."""
    where = path.replace("{id}", "f" * 64).replace("{vin}", "1M8GDM9AXKP042788")
    for key in (None, KEY):
        answer = ask(method, where, CHINESE, "{", key=key)
        if answer.status < 400:
            continue
        assert answer.headers["Content-Language"] == "zh-CN", answer
        assert is_chinese(answer.json["title"]), answer.json
        assert not ENGLISH.search(answer.json["detail"]), answer.json


@pytest.mark.parametrize("shape", GATEWAYS)
def test_a_request_that_is_not_understood_is_refused_in_its_language(shape: str) -> None:
    event: dict[str, object] = GATEWAYS[shape]("POST", "/v1/vin", CHINESE, "x")
    event |= {"body": {"no": "text"}}
    answer = ask_event(event)
    assert answer["type"].endswith("bad-request")
    assert is_chinese(answer["detail"]), answer


def ask_event(event: object) -> dict[str, str]:
    said = process(
        event, Invocation("local", "request-1", "http_api", 200.0), settings=lambda: OPEN, app=never
    )
    found: dict[str, str] = json.loads(said["body"])
    return found


@pytest.mark.parametrize(
    "body",
    [
        {"bucket": "b" * 300, "key": "a.jpg"},
        {"bucket": "", "key": "a.jpg"},
        {"bucket": "b-1", "key": 5},
        {"bucket": "b-1"},
        {"bucket": "b-1", "key": "k", "region": "Über"},
        {"bucket": "b-1", "key": "k", "cloud": "moon"},
        {"bucket": "b-1", "key": "k", "more": 1},
        {"ImageUrl": 5},
        {"ImageUrl": "x"},
        {"ImageBase64": "", "reference": "r"},
        {"ImageBase64": "%"},
        {"ImageUrl": "http://x", "ImageBase64": "x"},
        {},
    ],
)
def test_a_body_that_no_model_takes(body: object) -> None:
    answer = ask("POST", "/v1/vin", CHINESE, json.dumps(body))
    assert answer.status == 400
    assert is_chinese(answer.json["detail"]), answer.json


def test_a_choice_on_a_page_goes_before_the_browsers_language() -> None:
    assert reads_chinese({"cookie": "a=b; vindrop-language=zh", "accept-language": "en"})
    assert not reads_chinese({"cookie": "vindrop-language=en", "accept-language": "zh"})
    assert reads_chinese({"cookie": "vindrop-language=xx", "accept-language": "zh"})
    assert event_reads_chinese({"cookies": ["vindrop-language=zh"], "headers": None})
    odds: tuple[object, ...] = (None, [], {"headers": 5}, "text")
    for odd in odds:
        assert not event_reads_chinese(odd)
    assert event_reads_chinese({"multiValueHeaders": {"Accept-Language": ["de", "zh"]}})
