"""Who may do what, over every route; what a page may load; and where nobody can lead a person."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from msgspec import structs

from tests.console import filled
from tests.console.conftest import ADMIN, CAPTURE, KEYS, REVIEWER, Desk
from tests.console.filled import Photo, doubtful, some_vin, unread
from vindrop.domain.access_keys import ROLES, may
from vindrop.domain.redaction import Secret
from vindrop.http import console
from vindrop.http.console import assets

MakeDesk = Callable[..., Desk]
BY_ROLE = {"capture": CAPTURE, "review": REVIEWER, "admin": ADMIN}
BODIES: dict[str, Any] = {
    "/v1/reviews/{id}": {"reason": "no_vin"},
    "/v1/reviews/{id}/undo": {"after": 1},
    "/v1/redrives": {"filter": {}, "dry_run": True},
}
CALLS = [
    (method, route)
    for route, found in console.ROUTES.items()
    for method in found.methods
    if method != "HEAD"
]


def some() -> list[Photo]:
    return [
        Photo("a.jpg", some_vin(0), unread("a.jpg")),
        Photo("b.jpg", some_vin(1), doubtful("b.jpg", some_vin(1))),
    ]


def address(desk: Desk, route: str) -> str:
    given = {
        "{id}": desk.app.console()[0].uploads().entries[0].id,
        "{version}": assets.version(),
        "{name}": "common.js",
        "{vin}": some_vin(1),
    }
    return "/".join(given.get(part, part) for part in route.split("/"))


@pytest.mark.parametrize("role", ["nobody", *ROLES])
@pytest.mark.parametrize(("method", "route"), CALLS)
def test_every_route_is_open_to_its_roles_and_to_no_others(
    make_desk: MakeDesk, method: str, route: str, role: str
) -> None:
    desk = make_desk(some())
    least = console.ROUTES[route].least
    allowed = least is None or (role in ROLES and may(role, least))
    answer = desk.ask(
        method,
        address(desk, route),
        BODIES.get(route) if method == "POST" else None,
        key=BY_ROLE.get(role),
    )
    if allowed:
        assert answer.status not in {401, 403, 500, 303}, answer.text
    elif console.ROUTES[route].is_page:
        if role == "capture" and route != "/":
            assert answer.status == 403
            assert "<h1" in answer.text
        else:
            where = answer.headers["Location"]
            assert answer.status == 303
            assert where == "/capture" if role == "capture" else where.startswith("/sign-in")
    else:
        assert answer.status == (401 if role == "nobody" else 403)


@pytest.mark.parametrize(("method", "route"), [each for each in CALLS if each[0] != "GET"])
def test_every_change_under_a_session_needs_its_token_and_a_page_of_ours(
    make_desk: MakeDesk, method: str, route: str
) -> None:
    desk = make_desk(some())
    path, body = address(desk, route), BODIES[route]
    for headers in (
        {"x-csrf-token": ""},
        {"x-csrf-token": desk.session(REVIEWER)[1]},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        answer = desk.ask(method, path, body, key=ADMIN, headers=headers)
        assert (answer.status, answer.problem) == (403, "cross-site"), headers
    assert len(desk.queue()) == 2, "nothing was decided"


def test_the_roles_of_before_may_still_send_photos_by_key_alone(make_desk: MakeDesk) -> None:
    desk = make_desk(some())
    for key in BY_ROLE.values():
        answer = desk.ask("POST", "/v1/vin", headers={"x-api-key": key})
        assert answer.problem == "empty-photo"


@pytest.mark.parametrize("path", ["/review", "/uploads"])
def test_a_key_that_is_removed_or_lowered_loses_its_pages_at_once(
    make_desk: MakeDesk, path: str
) -> None:
    desk = make_desk(some())
    item = desk.queue()[0]
    for keys, status in (
        (KEYS.replace("lee:review", "lee:capture"), 403),
        (KEYS.replace(f"lee:review:{REVIEWER} ", ""), 401),
    ):
        desk.given = structs.replace(desk.given, api_keys=tuple(map(Secret, keys.split())))
        decision = desk.decide(item, vin=some_vin(1))
        assert decision.status == status
        assert decision.json["detail"]
        page = desk.ask("GET", path, key=REVIEWER)
        assert page.status == (403 if status == 403 else 303)


def test_pages_load_and_send_to_nothing_but_this_host_and_the_buckets(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(some(), VINDROP_ALLOWED_BUCKETS=filled.BUCKET)
    for route, found in console.ROUTES.items():
        if not found.is_page:
            continue
        answer = desk.ask("GET", address(desk, route), key=ADMIN)
        policy = dict(
            part.strip().split(" ", 1)
            for part in answer.headers["Content-Security-Policy"].split(";")
        )
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert set(policy["img-src"].split()) == {
            "'self'",
            "data:",
            "blob:",
            f"https://{filled.BUCKET}.cos.{filled.REGION}.myqcloud.com",
        }
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert not re.findall(r"\son\w+=|\sstyle=|javascript:", answer.text), route
        scripts = re.findall(r"<script(?![^>]*application/json)[^>]*>([^<]*)</script>", answer.text)
        assert scripts
        assert not any(scripts), "no script stands in a page"
        for link in re.findall(r"(?:src|href)=\"([^\"]*)\"", answer.text):
            assert not urlsplit(link).netloc, link


def test_what_an_uploader_names_a_photo_is_never_markup(make_desk: MakeDesk) -> None:
    evil = "\"><img src=x onerror=alert(1)></script><script>alert(2)</script>'.jpg"
    desk = make_desk([Photo(evil.replace("/", "_"), some_vin(1), unread(evil))])
    [entry] = desk.app.console()[0].uploads().entries
    for path in ("/uploads", f"/uploads/{entry.id}", f"/review?id={entry.id}", "/review", "/"):
        text = desk.ask("GET", path.partition("?")[0], key=ADMIN, query={"photo": evil[:9]}).text
        assert "<img src=x" not in text
        assert "<script>alert" not in text


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/review",
        "/\\evil.example/uploads",
        "///evil.example//sign-in",
        "/..//evil.example/review",
    ],
)
def test_no_address_leads_a_person_to_another_host(make_desk: MakeDesk, path: str) -> None:
    desk = make_desk(some())
    answer = desk.ask("GET", path)
    where = answer.headers.get("Location", "")
    assert not urlsplit(where.replace("\\", "/")).netloc
    for link in re.findall(r"(?:src|href|action)=\"([^\"]*)\"", answer.text):
        assert not urlsplit(link.replace("\\", "/")).netloc, link


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "/\\evil.example", "https://evil.example", "x"]
)
def test_signing_in_leads_to_pages_of_ours_only(make_desk: MakeDesk, wanted: str) -> None:
    page = make_desk().ask("GET", "/sign-in", query={"next": wanted})
    assert 'data-next="/"' in page.text


def test_who_is_not_signed_in_comes_back_to_where_they_were(make_desk: MakeDesk) -> None:
    desk = make_desk(some())
    where = desk.ask("GET", "/uploads", query={"vin": "LSG", "verdict": "doubtful"}).headers
    assert where["Location"] == "/sign-in?next=/uploads%3Fvin%3DLSG%26verdict%3Ddoubtful"


@pytest.mark.parametrize("gateway", ["aws_http", "aws_rest", "tencent_api"])
def test_below_a_gateways_stage_every_link_stays_below_it(
    make_desk: MakeDesk, gateway: str
) -> None:
    desk = make_desk(some())
    desk.gateway = gateway
    mount = {"aws_http": "/prod", "aws_rest": "/prod", "tencent_api": "/vin"}[gateway]
    for path in ("/review", "/uploads", f"/uploads/{desk.queue()[0]['id']}"):
        text = desk.ask("GET", path, key=REVIEWER).text
        links = re.findall(r"(?:src|href|action)=\"(/[^\"]*)\"", text)
        assert len(links) > 5
        assert all(link.startswith(f"{mount}/") for link in links), links
    assert desk.ask("GET", "/review").headers["Location"].startswith(f"{mount}/sign-in")


def test_assets_are_kept_for_good_only_under_their_own_version(make_desk: MakeDesk) -> None:
    desk = make_desk()
    for name in sorted(path.name for folder in assets.FOLDERS for path in folder.iterdir()):
        mine = desk.ask("GET", f"/assets/{assets.version()}/{name}")
        old = desk.ask("GET", f"/assets/0123456789ab/{name}")
        assert mine.status == old.status == 200
        assert "immutable" in mine.headers["Cache-Control"]
        assert old.headers["Cache-Control"] == "no-cache"
    for name in ("words.json", "..", "pages.py", "%2e%2e"):
        assert desk.ask("GET", f"/assets/{assets.version()}/{name}").status == 404


def test_without_the_extra_the_rest_works_and_says_what_is_missing(
    make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vindrop.http.console import respond

    monkeypatch.setattr(respond, "_installed", lambda: False)
    desk = make_desk(some())
    assert desk.ask("GET", "/").headers["Location"] == "/capture"
    assert desk.ask("GET", "/review", key=REVIEWER).problem == "no-console"
    assert desk.ask("GET", "/capture").status == 200


def test_neither_an_upload_nor_a_reading_loads_the_console() -> None:
    """Only the table of its routes; templates, pages and queries come with the first of them."""
    script = (
        "import sys; from vindrop import http, wiring; from vindrop.http import reading, page; "
        "print(*[m for m in sys.modules if m.startswith(('jinja2', 'markupsafe', 'xlsxwriter'))"
        " or m.startswith('vindrop.http.console.') or m == 'vindrop.core.console'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
