"""Who may call: API keys, methods, other origins; and what a caller sees when the set-up is wrong."""

from __future__ import annotations

import hmac
import json
import time
from types import SimpleNamespace

import pytest
from msgspec import structs

from tests.http import events
from tests.http.conftest import KEY, OPEN, ask
from vindrop import http
from vindrop.core.app import App
from vindrop.domain.wrong_keys import WrongKeys
from vindrop.http import auth
from vindrop.settings import Settings, SettingsError
from vindrop.wiring import from_environment

NO_KEYS = structs.replace(OPEN, api_keys=())


@pytest.mark.parametrize("path", ["/", "/v1/vin", "/v1/uploads"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Api-Key": "wrong"},
        {"X-Api-Key": KEY[:-1]},
        {"X-Api-Key": f"{KEY}x"},
        {"X-Api-Key": "schlüssel"},
        {"Authorization": KEY},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": "Bearer"},
    ],
)
def test_without_one_of_the_keys_nothing_is_read(path: str, headers: dict[str, str]) -> None:
    answer = ask("POST", path, headers, b"\xff\xd8\xff", key=None)
    assert answer.status == 401
    assert answer.problem == "key-refused"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert KEY not in answer.text


@pytest.mark.parametrize(
    "headers",
    [{"x-api-key": KEY}, {"X-API-KEY": "another-key"}, {"authorization": f"bearer {KEY}"}],
)
def test_each_key_opens_in_either_header(headers: dict[str, str]) -> None:
    assert ask("POST", "/v1/vin", headers, "", key=None).problem == "empty-photo"


@pytest.mark.parametrize("says", [True, False])
def test_compare_digest_alone_decides_about_api_keys(
    monkeypatch: pytest.MonkeyPatch, says: bool
) -> None:
    """In constant time, and with every key: how long an answer takes tells nothing of them."""
    compared: list[bytes] = []

    def compare(_: bytes, key: bytes) -> bool:
        compared.append(key)
        return says

    monkeypatch.setattr(hmac, "compare_digest", compare)
    sent = {"X-Api-Key": KEY if not says else "another one"}
    answer = ask("POST", "/v1/vin", sent, "", key=None)
    assert answer.problem == ("empty-photo" if says else "key-refused")
    assert compared == [key.get_secret_value().encode() for key in OPEN.api_keys]


def test_a_function_without_keys_refuses_and_says_what_to_set() -> None:
    answer = ask("POST", "/v1/vin", {}, b"\xff\xd8\xff", given=NO_KEYS)
    assert (answer.status, answer.problem) == (503, "no-keys")
    assert "VINDROP_API_KEYS" in answer.json["detail"]


@pytest.mark.parametrize("path", ["/capture", "/sign-in", "/healthz", "/openapi.json"])
def test_page_description_and_health_need_no_key_and_no_ledger(path: str) -> None:
    assert ask("GET", path, key=None, given=NO_KEYS).status == 200
    head = ask("HEAD", path, key=None)
    assert (head.status, head.text) == (200, "")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/vin", "POST, OPTIONS"),
        ("PUT", "/", "GET, HEAD, POST, OPTIONS"),
        ("DELETE", "/healthz", "GET, HEAD, OPTIONS"),
    ],
)
def test_other_methods_hear_which_are_allowed(method: str, path: str, allow: str) -> None:
    answer = ask(method, path)
    assert (answer.status, answer.problem) == (405, "method-not-allowed")
    assert answer.headers["Allow"] == allow


ORIGIN = "https://shop.example"


def test_another_origin_is_let_in_only_where_it_is_named() -> None:
    def origin_of(origins: tuple[str, ...], origin: str, method: str = "POST") -> str | None:
        given = structs.replace(OPEN, cors_origins=origins)
        answer = ask(method, "/v1/vin", {"Origin": origin}, "", given=given)
        return answer.headers.get("Access-Control-Allow-Origin")

    for method in ("OPTIONS", "POST"):
        assert origin_of((), ORIGIN, method) is None
        assert origin_of((ORIGIN,), ORIGIN, method) == ORIGIN
        assert origin_of((ORIGIN,), "https://evil.example", method) is None
        assert origin_of((ORIGIN,), f"{ORIGIN}.evil.example", method) is None
        assert origin_of(("*",), ORIGIN, method) == "*"


def test_a_preflight_needs_no_key_and_names_methods_and_headers() -> None:
    given = structs.replace(OPEN, cors_origins=(ORIGIN,))
    answer = ask("OPTIONS", "/v1/vin", {"Origin": ORIGIN}, given=given, key=None)
    assert (answer.status, answer.text) == (204, "")
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "X-Api-Key" in answer.headers["Access-Control-Allow-Headers"]
    assert answer.headers["Vary"] == "Origin"


def test_a_refusal_is_readable_for_an_allowed_origin() -> None:
    given = structs.replace(OPEN, cors_origins=(ORIGIN,))
    answer = ask("POST", "/v1/vin", {"Origin": ORIGIN}, given=given, key="wrong")
    assert answer.status == 401
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]


def test_wrong_settings_are_named_in_the_log_and_not_to_the_caller(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken() -> Settings:
        raise SettingsError("VINDROP_RATE is 'seven': takes a number")

    from tests.http.events import tencent_url
    from tests.http.test_gateways import CALL

    answer = http.process(
        tencent_url("GET", "/", {}, ""), CALL, settings=broken, app=from_environment
    )
    assert answer["statusCode"] == 500
    assert "seven" not in answer["body"]
    assert "VINDROP_RATE" in capsys.readouterr().out


def test_a_defect_of_ours_is_a_problem_document_and_a_line_in_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken() -> App:
        raise ZeroDivisionError("PLANTED")

    answer = ask("POST", "/v1/vin", {"Content-Type": "image/png"}, b"\x89PNG\r\n\x1a\n", app=broken)
    assert (answer.status, answer.problem) == (500, "internal")
    assert answer.headers["X-Request-Id"] == "request-1"
    logged = capsys.readouterr().out
    assert "ZeroDivisionError" in logged
    assert "PLANTED" not in logged + answer.text


def test_every_answer_forbids_caching_of_results_and_sniffing() -> None:
    answer = ask("POST", "/v1/vin", {}, "")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("gateway", sorted(events.GATEWAYS))
def test_wrong_keys_are_slowed_by_address_and_logged_with_it(
    gateway: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(auth, "_WRONG", WrongKeys())
    clock = SimpleNamespace(time=time.time, sleep=waits.append, monotonic=lambda: 1000.0)
    monkeypatch.setattr(auth, "time", clock)  # the process's own would stop every server's loop
    headers = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}
    for number in range(12):
        answer = ask("POST", "/v1/vin", headers, key=f"guess-{number}", gateway=gateway)
        assert answer.problem == "key-refused"
    assert waits[:9] == [0.0] * 9
    assert all(0 < wait <= 1.0 for wait in waits[9:]), "a function's own time costs money, too"
    assert ask("POST", "/v1/vin", headers, "", gateway=gateway).problem == "empty-photo"
    assert len(waits) == 12, "a right key waits for nothing"
    said = capsys.readouterr()
    lines = [
        json.loads(line) for line in (said.out + said.err).splitlines() if line.startswith("{")
    ]
    noted = [line for line in lines if "wrong_api_key" in line.values()]
    assert [line["count"] for line in noted] == list(range(1, 13))
    assert {line["client"] for line in noted} == {"198.51.100.7"}
    assert "guess-" not in said.out + said.err


def test_addresses_are_counted_apart_and_forgotten() -> None:
    seen = WrongKeys()
    for number in range(30):
        assert seen.note("192.0.2.1", 100.0) == number + 1
        seen.note(f"2001:db8::{number:x}", 100.0)
    assert 0 < seen.wait("192.0.2.1", 100.0) <= 30
    assert seen.wait("::ffff:192.0.2.1", 100.0) > 0, "one client, however it is written"
    assert seen.wait("2001:db8::ffff", 100.0) > 0, "a network of one customer"
    assert seen.wait("192.0.2.2", 100.0) == 0
    assert seen.wait("192.0.2.1", 131.0) == 0
    assert seen.note("192.0.2.1", 1000.0) == 1
    for number in range(20_000):
        seen.note(f"address {number}", 2000.0)
    assert len(seen._seen) <= 10_000, "memory is bounded"
