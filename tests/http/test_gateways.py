"""Every gateway's request is understood, and answered as that gateway wants it."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.http import events
from tests.http.conftest import OPEN, ask, understand
from vindrop import http
from vindrop.core.invocation import Invocation
from vindrop.http.problems import ProblemError
from vindrop.http.request import UnknownRequestError, parse
from vindrop.wiring import from_environment

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256))
CALL = Invocation("local", "request-1", "http_api", 60.0)


@pytest.mark.parametrize("gateway", events.GATEWAYS)
def test_a_request_is_the_same_through_every_gateway(gateway: str) -> None:
    event = events.GATEWAYS[gateway]("POST", "/v1/vin", {"Content-Type": "image/jpeg"}, JPEG)
    request = parse(event)
    assert (request.method, request.path, request.body) == ("POST", "/v1/vin", JPEG)
    assert request.content_type == "image/jpeg"
    text = events.GATEWAYS[gateway]("POST", "/", {"Content-Type": "application/json"}, '{"é": 1}')
    assert parse(text).body == '{"é": 1}'.encode()
    assert parse(text).path == "/"


@pytest.mark.parametrize("gateway", events.GATEWAYS)
def test_an_answer_has_the_form_that_the_gateway_documents(gateway: str) -> None:
    raw = ask("GET", "/healthz", gateway=gateway).raw
    assert raw["statusCode"] == 200
    assert json.loads(raw["body"]) == {"status": "ok"}
    assert json.loads(json.dumps(raw)) == raw
    if gateway == "tencent_url":
        assert set(raw) == {"statusCode", "headers", "body"}
    else:
        assert raw["isBase64Encoded"] is False
    assert ("statusDescription" in raw) == gateway.startswith("aws_alb")
    if gateway == "aws_alb":
        assert raw["statusDescription"] == "200 OK"
    if gateway == "aws_alb_multi":
        assert raw["multiValueHeaders"]["Content-Type"] == ["application/json"]
        assert "headers" not in raw
    else:
        assert raw["headers"]["Content-Type"] == "application/json"
        assert "multiValueHeaders" not in raw


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("apigw_integrated_request_doc.json", "tencent_api"),
        ("apigw_request_captured_2021.json", "tencent_api"),
        ("apigw_request_captured_golib.json", "tencent_api"),
        ("function_url_request_doc.json", "tencent_url"),
    ],
)
def test_captured_and_documented_requests_are_understood(
    shared: Path, name: str, shape: str
) -> None:
    event = json.loads((shared / "events" / name).read_text())
    request = parse(event)
    assert request.shape == shape
    assert request.method == event["httpMethod"]
    answer = understand(http.process(event, CALL, settings=lambda: OPEN, app=from_environment))
    assert answer.status in ({303} if request.method == "GET" else {401, 404})  # to sign in


def test_no_other_payload_of_the_shared_folder_is_taken_for_a_request(shared: Path) -> None:
    others = [
        path
        for path in (shared / "events").glob("*.json")
        if not path.name.startswith(("apigw_", "function_url_"))
    ]
    assert len(others) > 10
    for path in others:
        with pytest.raises(UnknownRequestError):
            parse(json.loads(path.read_text()))


@pytest.mark.parametrize("event", [None, [], "text", {}, {"httpMethod": 1, "path": "/"}, {"a": 1}])
def test_what_is_no_request_gets_a_clear_answer_and_no_exception(event: object) -> None:
    answer = understand(http.process(event, CALL, settings=lambda: OPEN, app=from_environment))
    assert answer.status == 400
    assert answer.problem == "bad-request"


@pytest.mark.parametrize(
    "path", ["/v1/vin", "/v1/vin/", "/any/prefix/v1/vin", "/healthz", "/", "/x/openapi.json"]
)
def test_routes_are_found_below_any_mount(path: str) -> None:
    assert http.route_of(path) is not None


@pytest.mark.parametrize("path", ["/v1", "/v2/vin", "/v1/vin/x", "/favicon.ico", "/v1/vinn"])
def test_other_paths_are_not_found_and_say_what_is(path: str) -> None:
    answer = ask("GET", path)
    assert answer.problem == "not-found"
    assert "/v1/vin" in answer.json["detail"]


def test_a_binary_body_that_came_as_text_is_taken_if_nothing_is_lost() -> None:
    headers = {"content-type": "image/jpeg"}
    event = {"httpMethod": "POST", "path": "/", "headers": headers}
    assert parse({**event, "body": JPEG.decode("latin-1")}).body == JPEG
    encoded = base64.b64encode(JPEG).decode()
    assert parse({**event, "body": encoded}).body == encoded.encode()  # told apart by photos.read


def test_a_binary_body_that_a_gateway_destroyed_says_so() -> None:
    event = {
        "httpMethod": "POST",
        "path": "/",
        "headers": {"content-type": "image/jpeg"},
        "body": JPEG.decode("utf-8", "replace"),
    }
    with pytest.raises(ProblemError, match="ImageBase64"):
        parse(event)


def test_a_body_that_is_called_base64_and_is_not_is_a_bad_request() -> None:
    event = events.tencent_api("POST", "/", {}, "%%%") | {"isBase64Encoded": True}
    with pytest.raises(ProblemError, match="Base64"):
        parse(event)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "httpMethod",
                    "path",
                    "headers",
                    "body",
                    "requestContext",
                    "http",
                    "method",
                    "version",
                    "rawPath",
                    "resource",
                    "elb",
                    "serviceId",
                    "isBase64Encoded",
                    "multiValueHeaders",
                    "stage",
                    "content-type",
                    "x-api-key",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@settings(deadline=None)  # a clock says nothing on a busy machine
@given(JSON)
def test_any_payload_ends_in_an_answer(event: object) -> None:
    answer = http.process(event, CALL, settings=lambda: OPEN, app=from_environment)
    assert answer["statusCode"] < 500 or json.loads(answer["body"])["type"].endswith("no-keys")


@settings(deadline=None)
@given(st.sampled_from(sorted(events.GATEWAYS)), st.data())
def test_a_request_with_one_field_replaced_ends_in_an_answer(
    gateway: str, data: st.DataObject
) -> None:
    event = events.GATEWAYS[gateway]("POST", "/v1/vin", {"Content-Type": "image/jpeg"}, JPEG)
    name = data.draw(st.sampled_from(sorted(event)))
    event[name] = data.draw(JSON)
    assert (
        200
        <= http.process(event, CALL, settings=lambda: OPEN, app=from_environment)["statusCode"]
        < 500
    )
