"""The API's description is valid and true; the page's words are complete; doubts point right."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from msgspec import structs
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.http.conftest import OPEN, Service, ask
from tests.pipeline.conftest import SAMPLES
from vindrop.domain.recognition import Character
from vindrop.domain.records import Reading, VinOCRCall
from vindrop.domain.upload import Upload
from vindrop.domain.vin import check_digit, parse
from vindrop.http import ROUTES, doubts, openapi
from vindrop.http import page as page_module
from vindrop.http.console.queue import cells
from vindrop.http.page import inline_bytes
from vindrop.http.problems import KINDS

FOLDER = Path(doubts.__file__).parent / "page"
WORDS = json.loads(
    (Path(doubts.__file__).parent / "page" / "words.json").read_text(encoding="utf-8")
)


def conforms(value: Any, name: str) -> None:
    document = openapi.document()
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    errors = list(Draft202012Validator(schema).iter_errors(value))
    assert errors == []


def test_the_description_is_valid_openapi_3_1() -> None:
    document = json.loads(ask("GET", "/openapi.json").text)
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


def test_the_description_names_exactly_the_routes_that_there_are() -> None:
    described = {
        (path, method.upper())
        for path, item in openapi.document()["paths"].items()
        for method in item
    }
    served = {(p, m) for p, methods in ROUTES.items() for m in methods if m != "HEAD"}
    assert described == served


def test_real_answers_are_as_described(service: Service) -> None:
    reading = service.post((SAMPLES / "plate-04.jpg").read_bytes())
    conforms(reading.json, "Reading")
    conforms(service.post(b"nothing").json, "Problem")
    conforms(service.post((SAMPLES / "no-vin-shop-front.jpg").read_bytes()).json, "Problem")


def test_the_page_says_everything_in_both_languages() -> None:
    plain = {name: both for name, both in WORDS.items() if isinstance(both, list)}
    for name, both in WORDS["problems"].items():
        titles, todos = zip(*both, strict=True)
        plain |= {f"{name}/title": [*titles], f"{name}/todo": [*todos]}
    for name, (english, chinese) in {**plain, **WORDS["regions"]}.items():
        assert english.strip()
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", chinese))
        assert re.search(r"[一-鿿]", chinese), name


def test_the_page_has_words_for_every_kind_of_problem() -> None:
    assert KINDS.keys() <= WORDS["problems"].keys()


def test_the_page_uses_no_word_that_is_not_there() -> None:
    page = ask("GET", "/capture").text
    used = set(re.findall(r'data-(?:text|label)="(\w+)"', page)) | set(
        re.findall(r'say\("(\w+)"', page)
    )
    assert len(used) > 20
    assert used <= WORDS.keys()


@pytest.mark.parametrize("names", [page_module._PAGE, page_module._WORKER], ids=["page", "worker"])
def test_the_modules_of_the_page_fit_into_one_scope(names: tuple[str, ...]) -> None:
    exported: dict[str, set[str]] = {}
    defined: list[str] = []
    for name in names:
        text = page_module._read(name)
        for what, source in re.findall(r'(?m)^import \{([^}]*)\} from "\./([a-z]+\.js)";$', text):
            wanted = {each.strip() for each in what.split(",") if each.strip()}
            assert source in exported, f"{name} imports {source}, which comes later or not at all"
            assert wanted <= exported[source], f"{name} imports what {source} does not export"
        own = re.findall(r"(?m)^(?:export )?(?:async )?(?:function|class|const|let) (\w+)", text)
        defined += own
        exported[name] = set(
            re.findall(r"(?m)^export (?:async )?(?:function|class|const) (\w+)", text)
        )
        assert text.count("\n") <= 350
        for word in exported[name]:
            assert re.search(rf"\b{word}\b", text)
    assert len(defined) == len(set(defined)), "a name is taken twice in one scope"
    assert not re.search(r"(?m)^(?:import|export)\b", page_module.joined(names))


def test_a_browser_that_has_the_page_is_told_that_it_is_the_same() -> None:
    for path in ("/capture", "/capture-worker.js"):
        first = ask("GET", path)
        assert first.headers["Cache-Control"] == "no-cache"
        again = ask("GET", path, {"If-None-Match": f'"x", W/{first.headers["ETag"]}'})
        assert (again.status, again.text) == (304, "")
        other = ask("GET", path, given=structs.replace(OPEN, max_download_mb=1.0))
        assert other.headers["ETag"] != first.headers["ETag"]
    assert ask("HEAD", "/capture").headers["X-Page-Version"] in ask("GET", "/capture").text
    worker = ask("GET", "/capture-worker.js")
    assert worker.headers["Content-Type"].startswith("text/javascript")
    assert worker.headers["Content-Security-Policy"] == "default-src 'none'; connect-src 'self'"


def test_the_page_runs_only_what_its_policy_names_and_asks_no_other_host() -> None:
    answer = ask("GET", "/capture")
    policy = answer.headers["Content-Security-Policy"]
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        [inline] = re.findall(rf"<{tag}>(.*?)</{tag}>", answer.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    hosts = set(re.findall(r"https?://([^/'\"\s]+)", answer.text))
    assert hosts <= {"www.w3.org"}, "the namespace of the icon is no request"


def test_the_policy_lets_large_photos_go_to_their_bucket_and_nowhere_else() -> None:
    given = structs.replace(OPEN, upload_bucket="photos-1250000000", upload_region="ap-guangzhou")
    answer = ask("GET", "/capture", given=given)
    assert (
        "connect-src 'self' https://photos-1250000000.cos.ap-guangzhou.myqcloud.com;"
        in answer.headers["Content-Security-Policy"]
    )
    assert '"uploads": true' in answer.text
    assert '"uploads": false' in ask("GET", "/capture").text


@pytest.mark.parametrize("shape", ["tencent_url", "tencent_api", "aws_rest", "aws_http", "aws_alb"])
def test_a_photo_at_the_inline_limit_fits_the_gateway(shape: Any) -> None:
    body = json.dumps({"ImageBase64": "A" * (inline_bytes(shape) * 4 // 3)})
    limit = 1_000_000 if shape == "aws_alb" else 6 * 1024 * 1024
    assert len(json.dumps({"body": body, "headers": {"x": "y" * 16_000}})) < limit


def reading_of(text: str) -> Reading:
    vin = parse(text)
    return Reading(
        vin=vin.value,
        as_read=text,
        verdict=vin.verdict,
        check_digit=vin.check_digit,
        maker=None,
        region=None,
        model_year=None,
        upload=Upload(cloud="http", bucket="bytes", region="local", key="k", version=""),
        vinocr=VinOCRCall(request_id="r", endpoint="e", seconds=1, billed=1),
        attempts=1,
        read_at=dt.datetime.now(dt.timezone.utc),
    )


GOOD = "LBV2B25G2E5069977"


def test_a_verified_vin_leaves_no_doubt() -> None:
    assert GOOD[8] == check_digit(GOOD)
    assert doubts.of(reading_of(GOOD)) == []
    assert doubts.of(reading_of("*LBV 2B25G2E 5069977*")) == []


def test_a_corrected_character_is_named_with_what_was_read() -> None:
    [doubt] = doubts.of(reading_of("LBV2B25G2E5O69977"))
    assert doubt == {"position": 12, "character": "0", "why": "corrected", "as_read": "O"}


def test_a_look_alike_that_mends_the_check_digit_is_pointed_at() -> None:
    misread = GOOD.replace("B25", "825")
    found = doubts.of(reading_of(misread))
    assert {"position": 5, "character": "8", "why": "lookalike", "alternative": "B"} in found
    assert found[-1]["position"] >= 5
    for doubt in found:
        if doubt["why"] == "lookalike":
            at = doubt["position"] - 1
            mended = misread[:at] + doubt["alternative"] + misread[at + 1 :]
            assert mended[8] == check_digit(mended)


def test_a_wrong_check_digit_is_always_pointed_at() -> None:
    for digit in "0134567X":
        vin = GOOD[:8] + digit + GOOD[9:]
        assert 9 in {doubt["position"] for doubt in doubts.of(reading_of(vin))}


def told(*confidences: float, other: str = "8") -> tuple[Character, ...]:
    """Confidences of the characters of `GOOD`, the last one repeated to the end."""
    return tuple(
        Character(character=c, confidence=p, alternatives=((other, 0.02),) if p < 0.9 else ())
        for c, p in zip(GOOD, (*confidences, *[confidences[-1]] * 17), strict=False)
    )


def test_what_a_recognizer_is_less_sure_of_is_pointed_at_with_the_likeliest_other() -> None:
    reading = replace(reading_of(GOOD), characters=told(0.98, 0.98, 0.98, 0.98, 0.7, 0.98))
    assert doubts.of(reading) == [
        {"position": 5, "character": "B", "why": "unclear", "confidence": 0.7, "alternative": "8"}
    ]


def test_a_recognizer_that_is_as_sure_of_all_points_at_none() -> None:
    """A photo that may show no VIN at all has all characters alike."""
    assert doubts.of(replace(reading_of(GOOD), characters=told(0.6))) == []


def test_a_reviewer_sees_the_characters_that_are_less_sure_than_the_others_marked() -> None:
    small = replace(reading_of(GOOD), characters=told(0.87))
    assert [cell["why"] for cell in cells(small)] == [None] * 17
    one = replace(reading_of(GOOD), characters=told(0.87, 0.87, 0.87, 0.6, 0.87))
    assert [at for at, cell in enumerate(cells(one)) if cell["why"]] == [3]


def test_real_confidences_take_the_place_of_guessed_look_alikes() -> None:
    misread = GOOD.replace("B25", "825")
    clear = tuple(
        Character(character=c, confidence=0.5 if at == 13 else 0.99) for at, c in enumerate(misread)
    )
    found = doubts.of(replace(reading_of(misread), characters=clear))
    assert [(doubt["position"], doubt["why"]) for doubt in found] == [
        (9, "check_digit"), (14, "unclear"),
    ]  # fmt: skip
    everywhere = tuple(replace(each, confidence=0.99) for each in clear)
    assert "lookalike" in {
        doubt["why"] for doubt in doubts.of(replace(reading_of(misread), characters=everywhere))
    }, "the recognizer is sure, and the check digit does not hold: guess as before"


def test_confidences_of_another_vin_say_nothing() -> None:
    other = tuple(replace(each, character="A") for each in told(0.99, 0.2))
    assert doubts.of(replace(reading_of(GOOD), characters=other)) == []


def test_the_page_of_the_docs_lists_every_problem(root: Path) -> None:
    text = (root / "docs" / "http.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (\d+) \| `([a-z-]+)` \|", text, re.MULTILINE)
    assert listed == [(str(kind.status), name) for name, kind in KINDS.items()]
