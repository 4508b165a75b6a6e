"""The console's promises on every ledger: lists that lose and double nothing, filters, figures."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace
from typing import Any

import pytest

from tests.library.conftest import a_dead_letter, a_reading, an_upload
from tests.stores.console_flow import VINS, ConsoleFlow, doubtful, mixed
from vindrop.core.console import (
    BadCursorError,
    Console,
    ConsoleUnavailableError,
    Entry,
    Filter,
    Overview,
)
from vindrop.domain.failures import Failure
from vindrop.domain.upload import Upload
from vindrop.stores import open_console, open_ledger
from vindrop.stores.ledger import dynamodb_search, sql_search
from vindrop.stores.ledger.sql_schema import INDEXES, SEARCHED, UPLOADS

STORES = ["sqlite", "postgresql", "mysql", "dynamodb"]


@pytest.fixture(params=STORES)
def store_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def flow(store_url: str) -> ConsoleFlow:
    found = ConsoleFlow(store_url)
    assert found.console.tidy(10)
    return found


def numbered(n: int) -> Upload:
    bucket = "photos-1250000000" if n % 8 else "archive-1250000000"
    upload = an_upload(f"dealer-{n % 3}/2026/IMG_{n:04d}.jpg", version=f"v{n}")
    return replace(upload, bucket=bucket)


def all_of(console: Console, chosen: Filter | None = None, limit: int = 5) -> list[Entry]:
    """Return a whole list, asked for page by page."""
    chosen, found, cursor = chosen or Filter(), list[Entry](), ""
    for _ in range(200):
        page = console.uploads(chosen, cursor, limit)
        assert len(page.entries) <= limit
        found += page.entries
        if page.next is None:
            return found
        cursor = page.next
    raise AssertionError("the list does not end")


def overview(flow: ConsoleFlow) -> Overview:
    """Return the overview once every hour is counted: a page counts for a tenth of a second."""
    for _ in range(200):
        found = flow.console.overview(3)
        if found.up_to_date:
            return found
    raise AssertionError("the hours are never counted")


def test_a_list_by_pages_holds_each_upload_once_newest_first(flow: ConsoleFlow) -> None:
    ids = list(mixed(flow, numbered))
    found = all_of(flow.console)
    assert sorted(each.id for each in found) == sorted(ids)
    # Two that came within one tick of the store's clock stand in either order, the same every time.
    moments = [(each.first_seen, each.id) for each in found]
    assert moments == sorted(moments, reverse=True)
    newest = flow.console.uploads(limit=3).entries
    assert [each.id for each in newest] == [each.id for each in found[:3]]


def test_what_arrives_while_one_turns_pages_shifts_nothing(flow: ConsoleFlow) -> None:
    ids = [flow.end(a_reading(numbered(n))) for n in range(6)]
    first = flow.console.uploads(limit=3)
    flow.end(a_reading(numbered(99)))
    second = flow.console.uploads(cursor=first.next or "", limit=3)
    assert [each.id for each in (*first.entries, *second.entries)] == ids[::-1]
    assert second.next is None


FILTERS: dict[str, tuple[Filter, Any]] = {
    "a whole VIN": (Filter(vin=VINS[1]), lambda e: e.vin == VINS[1]),
    "how a VIN begins": (Filter(vin="lsgpc"), lambda e: (e.vin or "").startswith("LSGPC")),
    "how a VIN ends": (Filter(vin="042788"), lambda e: (e.vin or "").endswith("042788")),
    "what is inside a VIN": (Filter(vin="ZZ1KZA"), lambda e: "ZZ1KZA" in (e.vin or "")),
    "a VIN that is not there": (Filter(vin="AAAAAA"), lambda _: False),
    "how a key begins": (Filter(photo="dealer-1/"), lambda e: e.upload.key.startswith("dealer-1/")),
    "a photo's name": (Filter(photo="IMG_0007"), lambda e: "IMG_0007" in e.upload.key),
    "a bucket": (Filter(bucket="archive-1250000000"), lambda e: e.upload.bucket[0] == "a"),
    "a bucket that is not there": (Filter(bucket="none"), lambda _: False),
    "a verdict": (Filter(verdict="doubtful"), lambda e: e.verdict == "doubtful"),
    "a code": (Filter(code="Vindrop.NotAnImage"), lambda e: e.code == "Vindrop.NotAnImage"),
    "a family of codes": (
        Filter(code="FailedOperation"),
        lambda e: (e.code or "").startswith("FailedOperation."),
    ),
    "the code for which it waits": (
        Filter(code="InternalError"),
        lambda e: e.code == "InternalError",
    ),
    "a maker": (Filter(maker="BMW"), lambda e: getattr(e.record, "maker", None) == "BMW"),
    "delivered": (Filter(state="delivered"), lambda e: e.state == "delivered"),
    "dead": (Filter(state="dead"), lambda e: e.state == "dead"),
    "parked": (Filter(state="parked"), lambda e: e.state == "parked"),
    "waiting": (Filter(state="waiting"), lambda e: e.state == "parked"),
    "ended": (Filter(state="ended"), lambda e: e.state != "parked"),
    "several parts": (
        Filter(vin="125161", photo="dealer-0", verdict="verified", state="delivered"),
        lambda e: e.vin == VINS[0] and "dealer-0" in e.upload.key and e.verdict == "verified",
    ),
}


@pytest.mark.parametrize("dense", [False, True], ids=["few are selected", "many are selected"])
def test_a_filter_selects_what_it_says_and_no_page_loses_any(
    flow: ConsoleFlow, monkeypatch: pytest.MonkeyPatch, dense: bool
) -> None:
    """Whether an index finds few and they are looked at, or there are many and time is walked."""
    if dense:
        for name, value in (("FEW", 0), ("CHUNK", 3)):
            monkeypatch.setattr(sql_search, name, value)
        monkeypatch.setattr(dynamodb_search, "FEW", 0)
    mixed(flow, numbered)
    every = all_of(flow.console)
    wrong = {
        name: (len(found), len(wanted))
        for name, (chosen, takes) in FILTERS.items()
        if (found := [each.id for each in all_of(flow.console, chosen, limit=2)])
        != (wanted := [each.id for each in every if takes(each)])
    }
    assert wrong == {}
    assert sum(len(all_of(flow.console, chosen)) > 0 for chosen, _ in FILTERS.values()) > 15


def test_a_search_out_of_time_says_how_far_it_came_and_goes_on_from_there(
    flow: ConsoleFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_search, "FEW", 0)
    monkeypatch.setattr(sql_search, "CHUNK", 4)
    monkeypatch.setattr(sql_search, "SECONDS", -1.0)
    monkeypatch.setattr(dynamodb_search, "FEW", 0)
    monkeypatch.setattr(dynamodb_search, "SECONDS", -1.0)
    kinds = mixed(flow, numbered)
    chosen = Filter(photo="dealer-1/", state="ended")
    page = flow.console.uploads(chosen)
    assert page.next is not None
    assert page.searched_to is not None
    wanted = [e.id for e in all_of(flow.console) if e.upload.key.startswith("dealer-1/")]
    wanted = [each for each in wanted if kinds[each] != "parked"]
    assert [each.id for each in all_of(flow.console, chosen)] == wanted


def test_days_bound_a_list_on_both_sides(flow: ConsoleFlow) -> None:
    before = dt.datetime.now(dt.timezone.utc)
    first = flow.end(a_reading(numbered(1)))
    time.sleep(0.05)
    between = flow.console.uploads().entries[0].first_seen + dt.timedelta(milliseconds=25)
    second = flow.end(a_reading(numbered(2)))
    hour = dt.timedelta(hours=1)
    assert [e.id for e in all_of(flow.console, Filter(since=between))] == [second]
    assert [e.id for e in all_of(flow.console, Filter(until=between))] == [first]
    assert [e.id for e in all_of(flow.console, Filter(since=before - hour))] == [second, first]
    assert all_of(flow.console, Filter(since=between, until=between)) == []
    assert all_of(flow.console, Filter(since=before + hour)) == []


@pytest.mark.parametrize(
    "cursor", ["x", "%%%", "W10", "A" * 5000, "bnVsbA", "eyJhIjoxfQ", "WzEsImEiLCJiIl0"]
)
def test_a_cursor_that_is_none_of_ours_is_refused(flow: ConsoleFlow, cursor: str) -> None:
    for ask in (flow.console.uploads, flow.console.review_queue):
        with pytest.raises(BadCursorError):
            ask(cursor=cursor)


def test_a_cursor_of_another_filter_is_refused(flow: ConsoleFlow) -> None:
    for n in range(3):
        flow.end(a_reading(numbered(n)))
    cursor = flow.console.uploads(limit=1).next or ""
    with pytest.raises(BadCursorError):
        flow.console.uploads(Filter(maker="BMW"), cursor)
    with pytest.raises(BadCursorError):
        flow.console.review_queue(cursor=cursor)


@pytest.mark.parametrize(
    "wrong",
    [
        {"vin": "AB"},
        {"vin": "A" * 18},
        {"vin": "AB%"},
        {"vin": "ÄÖÜ"},
        {"since": dt.datetime(2026, 1, 1)},
    ],
)
def test_a_filter_that_cannot_be_meant_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"VIN|time zone"):
        Filter(**wrong)


@pytest.mark.parametrize("text", ["'; DROP TABLE", "100%_\\", "\x00", "\ud800", "é" * 300, ":vin"])
def test_what_is_searched_for_is_a_value_and_never_sql(flow: ConsoleFlow, text: str) -> None:
    flow.end(a_reading(numbered(1)))
    for name in ("photo", "bucket", "reference", "code", "maker", "verdict"):
        chosen: dict[str, Any] = {name: text}
        assert flow.console.uploads(Filter(**chosen)).entries == ()
    assert flow.console.upload(text) is None
    assert flow.console.find(text) == ()


def test_the_queue_holds_doubtful_readings_then_photos_a_person_may_read(flow: ConsoleFlow) -> None:
    letters = [
        flow.end(a_dead_letter(numbered(n), code))
        for n, code in enumerate(
            (
                "FailedOperation.OcrFailed",
                "FailedOperation.ImageBlur",
                "FailedOperation.DetectFailed",
                "FailedOperation.ImageNoText",
                "Vindrop.NotAVin",
            )
        )
    ]
    flow.end(a_dead_letter(numbered(10), "Vindrop.NotAnImage"))
    flow.end(a_reading(numbered(11)))
    flow.end(doubtful(replace(numbered(12), cloud="http", bucket="bytes")))  # nobody has the photo
    flow.park(numbered(13))
    readings = [flow.end(doubtful(numbered(n))) for n in (20, 21)]
    found, cursor = list[Entry](), ""
    while True:
        page = flow.console.review_queue(cursor=cursor, limit=2)
        found += page.entries
        cursor = page.next or ""
        if not cursor:
            break
    assert [each.id for each in found] == readings + letters
    assert [each.waits_for_review for each in found] == ["doubtful"] * 2 + ["dead_letters"] * 5
    narrowed = flow.console.review_queue(Filter(code="FailedOperation.ImageBlur"))
    assert [each.id for each in narrowed.entries] == [letters[1]]
    narrowed = flow.console.review_queue(Filter(verdict="doubtful", photo="dealer-2"))
    assert [each.id for each in narrowed.entries] == [readings[0]]


def test_what_is_redriven_leaves_the_queue_and_comes_back_with_its_end(flow: ConsoleFlow) -> None:
    letter = a_dead_letter(numbered(1))
    flow.end(letter)
    assert flow.ledger.redrive(letter, after=-1) == "redriven"
    assert flow.console.review_queue().entries == ()
    claim = flow.claim(numbered(1))
    assert flow.finish(claim, replace(letter, last_seen=letter.last_seen + dt.timedelta(hours=1)))
    (entry,) = flow.console.review_queue().entries
    assert (entry.id, entry.redriven, entry.sequence) == (letter.id, 1, 0)


def test_a_life_tells_what_the_ledger_knows(flow: ConsoleFlow) -> None:
    upload = numbered(1)
    letter = a_dead_letter(upload)
    flow.end(letter)
    flow.ledger.redrive(letter, after=-1)
    claim = flow.claim(upload)
    failure = Failure("ServiceUnavailable", "busy", "r-7")
    flow.ledger.schedule_retry(
        upload.id, claim, failure, seconds=-1, attempts=1, billed=0, retries=1
    )
    flow.finish(flow.claim(upload), a_reading(upload))
    life = flow.console.upload(upload.id)
    assert life is not None
    assert (life.entry.vin, life.entry.redriven, life.entry.billed) == (VINS[0], 1, 1)
    assert life.dead_letter == letter
    steps = [each.step for each in life.events]
    assert steps == [
        *("uploaded", "received", "called", "dead_letter", "redriven", "claimed"),
        *("retry_scheduled", "called", "answered", "delivered"),
    ]
    ids = [each.detail.get("request_id") for each in life.events if each.step == "called"]
    assert ids == ["r-2", "r-1"]
    assert life.events[-1].at is not None
    assert flow.console.upload("0" * 64) is None


def test_the_overview_counts_what_there_is(flow: ConsoleFlow) -> None:
    mixed(flow, numbered)
    found = overview(flow)
    today = found.days[-1]
    assert [each.uploads for each in found.days] == [0, 0, 24]
    assert today.readings == {"doubtful": 4, "verified": 12}
    assert dict(today.dead_letters) == {"FailedOperation.OcrFailed": 2, "Vindrop.NotAnImage": 2}
    assert (today.waiting, today.billed, today.cost, today.reviewed) == (4, 16, 8.0, 0)
    assert today.median_seconds is not None
    assert today.p95_seconds is not None
    assert today.median_seconds <= today.p95_seconds
    assert found.total == today
    assert found.waiting["parked"].uploads == 4
    assert found.to_review == {"doubtful": 4, "dead_letters": 2}
    assert found.oldest_to_review is not None
    assert (found.circuit, found.up_to_date) == (None, True)
    assert flow.ledger.open_circuit(Failure("FailedOperation.ArrearsError", "pay"), 60)
    circuit = flow.console.overview(3).circuit
    assert circuit is not None
    assert circuit.failure.code == "FailedOperation.ArrearsError"


def test_an_export_yields_the_list_whole(flow: ConsoleFlow) -> None:
    mixed(flow, numbered)
    assert [e.id for e in flow.console.export()] == [e.id for e in all_of(flow.console)]
    chosen = Filter(state="dead")
    assert [e.id for e in flow.console.export(chosen)] == [
        e.id for e in all_of(flow.console, chosen)
    ]


def test_an_upload_is_found_by_how_its_identity_begins(flow: ConsoleFlow) -> None:
    name = flow.end(a_reading(numbered(1)))
    assert flow.console.find(name) == (name,)
    if flow.ledger.database is not None:
        assert flow.console.find(name[:12]) == (name,)
        assert flow.console.find(name[:7]) == ()


def test_without_a_ledger_the_console_says_what_it_needs() -> None:
    with pytest.raises(ConsoleUnavailableError, match="VINDROP_LEDGER"):
        open_console(open_ledger("none", account="test"), None, 0)


@pytest.mark.parametrize("store_kind", ["sqlite", "postgresql", "mysql"], indirect=False)
def test_a_table_of_an_earlier_version_gets_indexes_and_its_rows_are_found(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vindrop.stores.ledger import sql_upkeep

    monkeypatch.setattr(sql_upkeep, "SMALL", -1)  # as large as one that only the sweep completes
    before = ConsoleFlow(store_url)
    ids = mixed(before, numbered)
    database = before.ledger.database
    names = [*SEARCHED, "queue"]
    kind = database.dialect.name
    for name in set(INDEXES) - {"place"}:
        database.execute(
            f"DROP INDEX {UPLOADS}_{name}{f' ON {UPLOADS}' if kind == 'mysql' else ''}"
        )
    database.execute(f"CREATE INDEX {UPLOADS}_due ON {UPLOADS} (due_at)")
    for name in (*names, "took", "ended_at", "review", "reviews", "reviewed"):
        database.execute(f"ALTER TABLE {UPLOADS} DROP COLUMN {name}")
    after = ConsoleFlow(store_url)
    listed = all_of(after.console)
    assert {each.id for each in listed} == set(ids)
    assert not after.console.overview(1).up_to_date
    while not after.console.tidy(5):
        pass
    assert overview(after).total.uploads == len(ids)
    for name, (chosen, takes) in FILTERS.items():
        found = {each.id for each in all_of(after.console, chosen)}
        assert found == {each.id for each in listed if takes(each)}, name
    assert len(after.console.review_queue().entries) == 6


@pytest.mark.parametrize("store_kind", ["dynamodb"], indirect=False)
def test_uploads_that_dynamodb_does_not_list_are_listed_by_the_sweep(store_url: str) -> None:
    flow = ConsoleFlow(store_url)
    ids = mixed(flow, numbered)
    for upload_id in ids:
        flow.ledger.tables.delete("console", upload_id)
    assert flow.console.uploads().entries == ()
    assert flow.console.tidy(10)
    assert {each.id for each in all_of(flow.console)} == set(ids)
    assert len(flow.console.review_queue().entries) == 6


@pytest.mark.parametrize("store_kind", ["dynamodb"], indirect=False)
def test_an_upload_is_not_held_up_for_its_place_in_a_list(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vindrop.core.store_errors import StoreError

    flow = ConsoleFlow(store_url)
    assert flow.console.tidy(10)

    def away(*_: object, **__: object) -> None:
        raise StoreError("no such table")

    with monkeypatch.context() as patch:
        patch.setattr(flow.ledger.listing, "_write", away)
        name = flow.end(a_reading(numbered(1)))
    assert all_of(flow.console) == []
    assert flow.console.tidy(10)
    assert [each.id for each in all_of(flow.console)] == [name]
