"""What the laptop's server adds to the function: a link that signs in once, and live figures."""

from __future__ import annotations

import csv
import io
import itertools
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from tests.console import filled
from tests.console.conftest import REVIEWER, Desk
from tests.console.filled import Photo, doubtful, some_vin
from tests.console.served import Served

COUNT = 12
FORMULA = "=HYPERLINK(1).jpg"
WAIT = 60
MakeDesk = Callable[..., Desk]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("laptop")
    state, bucket = folder / "state", folder / "bucket"
    state.mkdir()
    bucket.mkdir()
    photos = [
        *filled.photos(COUNT - 1),
        Photo(FORMULA, some_vin(50), doubtful(FORMULA, some_vin(50))),
    ]
    filled.fill(f"sqlite:///{state}/vindrop.db", bucket, photos)
    with Served(state, bucket) as running:
        yield running


@pytest.fixture(scope="module")
def opened(served: Served) -> tuple[requests.Session, requests.Response]:
    """Who has followed the printed link, and what it answered."""
    session = requests.Session()
    answer = session.get(served.link, allow_redirects=False, timeout=WAIT)
    return session, answer


def test_the_printed_link_signs_in_once(
    served: Served, opened: tuple[requests.Session, requests.Response]
) -> None:
    session, answer = opened
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    cookie = answer.headers["Set-Cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", "Path=/"))
    assert "to_review" in session.get(f"{served.origin}/v1/overview", timeout=WAIT).text
    again = requests.get(served.link, allow_redirects=False, timeout=WAIT)
    assert again.headers["Location"] == "/sign-in?used=1"
    assert "Set-Cookie" not in again.headers
    other = requests.get(served.link + "x", allow_redirects=False, timeout=WAIT)
    assert "Set-Cookie" not in other.headers
    assert "has been used" in requests.get(f"{served.origin}/sign-in?used=1", timeout=WAIT).text


def test_the_link_is_in_no_log_and_answers_to_this_machine_only(
    served: Served, opened: tuple[requests.Session, requests.Response]
) -> None:
    token = served.link.partition("token=")[2]
    cookie = opened[1].headers["Set-Cookie"].partition("=")[2].partition(";")[0]
    for path in (served.state / "logs").iterdir():
        text = path.read_text(errors="replace")
        assert token not in text
        assert cookie not in text
    answer = requests.get(served.link, headers={"Host": "evil.example"}, timeout=WAIT)
    assert answer.status_code == 403


def test_figures_are_told_as_they_change(
    served: Served, opened: tuple[requests.Session, requests.Response]
) -> None:
    session, _ = opened
    url = f"{served.origin}/v1/overview/events"
    assert requests.get(url, timeout=WAIT).status_code == 401
    with session.get(url, stream=True, timeout=WAIT) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        lines = (line for line in stream.iter_lines(chunk_size=1) if line.startswith(b"event"))
        assert next(lines) == b"event: changed"
        page = session.get(f"{served.origin}/v1/reviews?limit=1", timeout=WAIT).json()
        token = session.get(f"{served.origin}/v1/session", timeout=WAIT).json()["csrf"]
        decided = session.post(
            f"{served.origin}/v1/reviews/{page['items'][0]['id']}",
            json={"reason": "no_vin"},
            headers={"X-CSRF-Token": token, "Sec-Fetch-Site": "same-origin"},
            timeout=WAIT,
        )
        assert decided.status_code == 201
        assert next(lines) == b"event: changed"


def test_the_list_is_exported(
    served: Served, opened: tuple[requests.Session, requests.Response]
) -> None:
    session, _ = opened
    url = f"{served.origin}/v1/export"
    answer = session.get(url, params={"format": "csv"}, timeout=WAIT)
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == COUNT
    assert not any(row["photo"].startswith("=") for row in rows), "no spreadsheet calculates it"
    some = session.get(url, params={"format": "csv", "vin": some_vin(1)[-5:]}, timeout=WAIT)
    assert len(some.text.splitlines()) <= 2
    book = session.get(url, params={"format": "xlsx"}, timeout=WAIT)
    assert book.url.startswith("http://127.0.0.1:"), "from the bucket"
    assert served.origin not in book.url
    with zipfile.ZipFile(io.BytesIO(book.content)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert sheet.count("<row ") == COUNT + 1
    assert "<f>" not in sheet


@pytest.mark.parametrize("gateway", ["tencent_url", "aws_http", "aws_alb"])
def test_a_list_too_long_for_a_request_says_what_to_do(make_desk: MakeDesk, gateway: str) -> None:
    desk = make_desk(list(filled.photos(3)), VINDROP_HTTP_SECONDS="0.001")
    desk.gateway = gateway
    answer = desk.ask("GET", "/v1/export", key=REVIEWER)
    assert (answer.status, answer.problem) == (413, "export-too-large")
    assert "vindrop export" in answer.json["detail"]


def test_a_workbook_without_a_place_for_it_says_what_to_set(make_desk: MakeDesk) -> None:
    answer = make_desk().ask("GET", "/v1/export", key=REVIEWER, query={"format": "xlsx"})
    assert "VINDROP_UPLOAD_BUCKET" in answer.json["detail"]


def test_a_long_csv_goes_through_the_bucket_too(
    make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vindrop.clouds import putting
    from vindrop.http.console import export

    put: list[Any] = []

    def keep(store: Any, upload: Any, file: Any, size: int, kind: str) -> None:
        put.append((upload, file.read(), size, kind))

    monkeypatch.setattr(putting, "put", keep)
    monkeypatch.setattr(export, "LARGEST_ANSWER", 100)
    desk = make_desk(list(filled.photos(3)), VINDROP_UPLOAD_BUCKET=filled.BUCKET)
    answer = desk.ask("GET", "/v1/export", key=REVIEWER)
    [(upload, data, size, kind)] = put
    assert answer.status == 303
    assert upload.key.startswith("vindrop-http/exports/")
    assert upload.key.rpartition("/")[2] in answer.headers["Location"]
    assert (len(data), kind.partition(";")[0]) == (size, "text/csv")
    assert sum(1 for _ in itertools.islice(data.splitlines(), 100)) == 4
