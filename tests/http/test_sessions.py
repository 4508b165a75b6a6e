"""Sessions: who is signed in, with which role, for how long, and what another site can do with it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
from msgspec import structs

from tests import secrets
from tests.http import events
from tests.http.conftest import Answer, ask
from vindrop import settings
from vindrop.domain.access_keys import ROLES, parse_all
from vindrop.domain.redaction import Secret
from vindrop.http import sessions
from vindrop.settings import Settings, SettingsError

REVIEWER, ADMIN, OLD = (f"{secrets.API_KEY}-{name}" for name in ("reviewer", "admin", "old"))
GIVEN = {
    "VINDROP_RESULTS": "sqlite:////nonexistent/x.db",
    "VINDROP_DEAD_LETTERS": "sqlite:////nonexistent/x.db",
    "VINDROP_LEDGER": "none",
    "VINDROP_API_KEYS": f"{OLD} lee:review:{REVIEWER} kim:admin:{ADMIN}",
}
OPEN = settings.load(GIVEN)
HOST = {"host": "vindrop.example", "sec-fetch-site": "same-origin"}
SECRET = "0123456789abcdef" * 2 + secrets.MARK


def sign_in(
    key: str = REVIEWER, *, given: Settings = OPEN, headers: Mapping[str, str] = HOST
) -> Answer:
    return ask("POST", "/v1/session", headers, json.dumps({"key": key}), key=None, given=given)


def cookie(answer: Answer) -> str:
    return str(answer.headers["Set-Cookie"]).partition(";")[0]


def asked(
    cookie: str,
    method: str = "GET",
    path: str = "/v1/session",
    *,
    given: Settings = OPEN,
    token: str = "",
) -> Answer:
    sent = {**HOST, "cookie": cookie, "x-csrf-token": token}
    return ask(method, path, sent, "", key=None, given=given)


def test_a_key_opens_a_session_that_says_who_it_is() -> None:
    answer = sign_in()
    assert answer.status == 201
    assert (answer.json["name"], answer.json["role"]) == ("lee", "review")
    found = asked(cookie(answer))
    assert found.status == 200
    assert found.json == answer.json
    assert REVIEWER not in answer.text + str(answer.headers)


def test_the_cookie_is_for_this_host_its_pages_and_tls_only() -> None:
    value = sign_in().headers["Set-Cookie"]
    assert value.startswith("__Host-vindrop-session=")
    assert {part.strip() for part in value.split(";")[1:]} == {
        "Path=/",
        "HttpOnly",
        "SameSite=Strict",
        "Secure",
        "Max-Age=43200",
    }


@pytest.mark.parametrize(
    ("headers", "secure"),
    [
        ({"host": "127.0.0.1:8000"}, False),
        ({"host": "localhost:8000"}, False),
        ({"host": "vindrop.example", "x-forwarded-proto": "http"}, False),
        ({"host": "vindrop.example", "x-forwarded-proto": "http, https"}, True),
        ({"host": "127.0.0.1.vindrop.example", "x-forwarded-proto": "https"}, True),
    ],
)
def test_without_tls_the_cookie_says_so(headers: dict[str, str], secure: bool) -> None:
    value = sign_in(headers=HOST | headers).headers["Set-Cookie"]
    assert ("Secure" in value, value.startswith("__Host-")) == (secure, secure)


@pytest.mark.parametrize("gateway", sorted(events.GATEWAYS))
def test_every_gateway_brings_the_cookie(gateway: str) -> None:
    event = events.GATEWAYS[gateway]
    opened = event("POST", "/v1/session", HOST, json.dumps({"key": ADMIN}))
    answer = answered(opened)
    value = answer.headers["Set-Cookie"].partition(";")[0]
    found = event("GET", "/v1/session", {**HOST, "cookie": value}, "")
    if "rawPath" in found:  # payload 2.0: API Gateway takes cookies out of the headers
        found["cookies"] = found["headers"].pop("cookie").split("; ")
    assert answered(found).json["name"] == "kim"


def answered(event: Mapping[str, Any]) -> Answer:
    from tests.http.conftest import never, understand
    from vindrop import http
    from vindrop.core.invocation import Invocation

    call = Invocation("local", "request-1", "http_api", 200.0)
    return understand(http.process(event, call, settings=lambda: OPEN, app=never))


def test_a_wrong_key_opens_nothing() -> None:
    answer = sign_in("wrong-key-of-somebody")
    assert (answer.status, answer.problem) == (401, "key-refused")
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text.partition(".")[0],
        lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
        lambda text: "A" + text[1:],
        lambda text: text + "x",
        lambda text: "." + text.partition(".")[2],
        lambda text: "bnVsbA." + text.partition(".")[2],
        lambda text: "é" * 2000,
        lambda text: "[]",
    ],
)
def test_a_cookie_that_was_changed_is_none(change: Any) -> None:
    name, _, value = cookie(sign_in()).partition("=")
    assert asked(f"{name}={change(value)}").problem == "signed-out"


@pytest.mark.parametrize("path", ["/v1/session", "/sign-in", "/review", "/v1/reviews"])
@pytest.mark.parametrize(
    "said",
    [
        b'{"name":"lee","end":Infinity}',
        b'{"name":"lee","end":1e999}',
        b'{"name":"lee","end":NaN}',
        b'{"name":"lee","end":' + b"9" * 700 + b"}",
        b'{"name":"lee","end":"\xd9\xa3"}',
        b'{"name":["lee"],"end":[]}',
        b"[" * 740,
        b'{"name":"lee","end":9999999999}',
    ],
)
@pytest.mark.parametrize("signature", ["x", "\u00fc", "\ud800", "x.y"])
def test_a_cookie_that_a_stranger_makes_up_is_no_failure_of_ours(
    path: str, said: bytes, signature: str
) -> None:
    value = base64.urlsafe_b64encode(said).decode().rstrip("=")
    answer = asked(f"__Host-vindrop-session={value}.{signature}", path=path)
    assert answer.status in {200, 303, 401}, answer.text


def test_a_session_ends() -> None:
    [key] = [key for key in parse_all(OPEN.api_keys) if key.name == "lee"]
    late = sessions.open_session(key, secret="", hours=1, now=time.time() - 3601)
    fresh = sessions.open_session(key, secret="", hours=1, now=time.time())
    name = "__Host-vindrop-session"
    assert asked(f"{name}={late.value}").problem == "signed-out"
    assert asked(f"{name}={fresh.value}").status == 200


@pytest.mark.parametrize("secret", ["", SECRET])
def test_a_key_that_is_removed_or_changed_ends_its_sessions_and_no_others(secret: str) -> None:
    def with_keys(text: str) -> Settings:
        more = {"VINDROP_SESSION_SECRET": secret} if secret else {}
        return settings.load({**GIVEN, **more, "VINDROP_API_KEYS": text})

    before = with_keys(f"lee:review:{REVIEWER} kim:admin:{ADMIN}")
    lee, kim = (cookie(sign_in(key, given=before)) for key in (REVIEWER, ADMIN))
    removed = with_keys(f"kim:admin:{ADMIN}")
    assert asked(lee, given=removed).problem == "signed-out"
    assert asked(kim, given=removed).json["role"] == "admin"
    changed = with_keys(f"lee:review:{REVIEWER}-2 kim:admin:{ADMIN}")
    assert asked(lee, given=changed).problem == "signed-out"
    lowered = with_keys(f"lee:capture:{REVIEWER} kim:admin:{ADMIN}")
    assert asked(lee, given=lowered).json["role"] == "capture", "what the settings say now counts"


def test_another_session_secret_ends_every_session() -> None:
    one, other = (structs.replace(OPEN, session_secret=Secret(SECRET + end)) for end in "ab")
    assert asked(cookie(sign_in(given=one)), given=one).status == 200
    assert asked(cookie(sign_in(given=one)), given=other).problem == "signed-out"


FORGED = {
    "another site's page": {"sec-fetch-site": "cross-site"},
    "a neighbouring host's page": {"sec-fetch-site": "same-site"},
    "a link or a typed address": {"sec-fetch-site": "none"},
    "an old browser on another site": {"sec-fetch-site": "", "origin": "https://evil.example"},
    "an old browser in a sandbox": {"sec-fetch-site": "", "origin": "null"},
}


@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED)
def test_another_site_can_change_nothing_and_sign_nobody_in(headers: dict[str, str]) -> None:
    opened = sign_in()
    sent = {name: value for name, value in headers.items() if value}
    hosted = {"host": HOST["host"], **sent}
    known = {**hosted, "cookie": cookie(opened), "x-csrf-token": opened.json["csrf"]}
    for method, path in (("POST", "/v1/vin"), ("POST", "/v1/uploads"), ("DELETE", "/v1/session")):
        answer = ask(method, path, known, "{}", key=None, given=OPEN)
        assert (answer.status, answer.problem) == (403, "cross-site"), path
    forged = ask("POST", "/v1/session", hosted, json.dumps({"key": ADMIN}), key=None, given=OPEN)
    assert forged.problem == "cross-site"
    assert "Set-Cookie" not in forged.headers


def test_a_change_needs_the_token_of_this_very_session() -> None:
    one, other = sign_in(), sign_in()
    assert one.json["csrf"] != other.json["csrf"]
    for token in ("", other.json["csrf"], one.json["csrf"][:-1]):
        answer = asked(cookie(one), "POST", "/v1/vin", token=token)
        assert answer.problem == "cross-site"
    answer = asked(cookie(one), "POST", "/v1/vin", token=one.json["csrf"])
    assert answer.problem == "empty-photo", "it is let through"


def test_an_old_browser_without_fetch_metadata_is_let_through_by_its_origin() -> None:
    hosted = {"host": HOST["host"], "origin": f"https://{HOST['host']}"}
    body = json.dumps({"key": OLD})
    answer = ask("POST", "/v1/session", hosted, body, key=None, given=OPEN)
    assert (answer.json["name"], answer.json["role"]) == ("key-1", "capture")


def test_signing_out_takes_the_cookie_back() -> None:
    opened = sign_in()
    answer = asked(cookie(opened), "DELETE", token=opened.json["csrf"])
    assert answer.status == 204
    assert "Max-Age=0" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        (f":admin:{ADMIN}", "name"),
        (f"an/na:admin:{ADMIN}", "name"),
        ("lee:review:short", "fewer than 8"),
        (f"lee:review:{REVIEWER} lee:admin:{ADMIN}", "two keys called lee"),
        (f"{OLD} key-1:admin:{ADMIN}", "two keys called key-1"),
        (f"lee:review:{REVIEWER} kim:admin:{REVIEWER}", "twice"),
        (f"{REVIEWER} kim:admin:{REVIEWER}", "twice"),
    ],
)
def test_keys_that_cannot_be_told_apart_are_refused(keys: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as refused:
        settings.load({**GIVEN, "VINDROP_API_KEYS": keys})
    assert secrets.MARK not in str(refused.value)


@pytest.mark.parametrize("key", [f"{OLD}:with:colons", f"admin:{OLD}", f"a:boss:{OLD}"])
def test_a_key_of_before_may_hold_colons(key: str) -> None:
    [found] = parse_all((Secret(key),))
    assert (found.name, found.role, found.secret) == ("key-1", "capture", key)


def test_a_short_session_secret_is_refused() -> None:
    with pytest.raises(SettingsError, match="VINDROP_SESSION_SECRET has fewer than 32"):
        settings.load({**GIVEN, "VINDROP_SESSION_SECRET": "short"})


def test_each_role_may_do_what_those_below_it_may() -> None:
    assert ROLES == ("capture", "review", "admin")
