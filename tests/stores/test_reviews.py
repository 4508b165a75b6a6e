"""What a person decides: kept once, delivered everywhere, undone by nobody but a person."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.library.conftest import a_dead_letter, a_reading, an_upload
from tests.stores.console_flow import VINS, ConsoleFlow, doubtful
from vindrop.core import redrive as redriving
from vindrop.core.ledger import Standing
from vindrop.core.review import (
    AlreadyDecided,
    Decided,
    Decision,
    RefusedDecisionError,
    Undecidable,
)
from vindrop.core.store_errors import StoreError
from vindrop.domain.recognition import RecognizerCall
from vindrop.domain.records import DeadLetter, Reading
from vindrop.domain.review import Review
from vindrop.domain.vin import Verdict

RIGHT = VINS[0]


@pytest.fixture(params=["sqlite", "postgresql", "mysql", "dynamodb"])
def store_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def flow(store_url: str) -> ConsoleFlow:
    return ConsoleFlow(store_url)


def decided(outcome: object) -> Review:
    assert isinstance(outcome, Decided), outcome
    assert outcome.delivered
    return outcome.review


def says(upload_id: str, who: str = "ann", **more: Any) -> Decision:
    return Decision(upload_id=upload_id, reviewer=who, **{"vin": RIGHT, **more})


def entry(flow: ConsoleFlow, upload_id: str) -> Any:
    life = flow.console.upload(upload_id)
    assert life is not None
    return life.entry


def test_a_confirmed_vin_stands_beside_the_machines(flow: ConsoleFlow) -> None:
    name = flow.end(doubtful(an_upload(), VINS[1]))
    review = decided(flow.desk.decide(says(name, seconds=4.23)))
    assert (review.vin, review.reviewer, review.seconds, review.sequence) == (RIGHT, "ann", 4.2, 1)
    assert (review.before.vin, review.before.verdict) == (VINS[1], "doubtful")
    assert flow.results.taken[-1] == review
    (reading,) = flow.rows("readings").values()
    assert isinstance(reading, Reading)
    assert (reading.vin, reading.verdict) == (VINS[1], Verdict.DOUBTFUL)
    columns = flow.reviewed_columns(name)
    assert (columns["reviewed_vin"], columns["reviewed_by"]) == (RIGHT, "ann")
    assert columns["reviewed_at"]
    now = entry(flow, name)
    assert (now.vin, now.verdict, now.waits_for_review) == (RIGHT, "reviewed", None)
    assert flow.console.review_queue().entries == ()


def test_a_dead_letter_that_a_person_reads_becomes_a_reading(flow: ConsoleFlow) -> None:
    asked = (RecognizerCall(name="own", billed=1), RecognizerCall(name="cloud", billed=1))
    letter = replace(a_dead_letter(an_upload()), billed=2, recognizers=asked)
    name = flow.end(letter)
    review = decided(flow.desk.decide(says(name)))
    assert review.before.code == letter.code
    assert flow.rows("dead_letters") == {}
    (reading,) = flow.rows("readings").values()
    assert isinstance(reading, Reading)
    assert (reading.recognizers, reading.vinocr.billed) == (asked, 2), "what it has cost, and whose"
    assert (reading.vin, reading.verdict, reading.vinocr.request_id) == (
        RIGHT,
        Verdict.REVIEWED,
        letter.request_id,
    )
    assert flow.reviewed_columns(name)["reviewed_vin"] == RIGHT
    assert flow.ledger.counts() == {"delivered": 1}
    assert list(flow.ledger.dead_letters()) == []
    standing = flow.ledger.claim(an_upload(), 60)
    assert isinstance(standing, Standing)
    assert standing.record == reading


def test_a_reason_stands_beside_a_dead_letter(flow: ConsoleFlow) -> None:
    name = flow.end(a_dead_letter(an_upload()))
    decided(flow.desk.decide(says(name, vin="", reason="new_photo_wanted")))
    assert set(flow.rows("dead_letters")) == {name}
    columns = flow.reviewed_columns(name, "dead_letters")
    assert (columns["reviewed_vin"], columns["reviewed_by"]) == (None, "ann")
    assert flow.console.review_queue().entries == ()


def test_of_two_people_the_second_is_told_who_was_first_and_what_they_decided(
    flow: ConsoleFlow,
) -> None:
    name = flow.end(doubtful(an_upload()))
    first = decided(flow.desk.decide(says(name)))
    second = flow.desk.decide(says(name, "bob", vin=VINS[1]))
    assert second == AlreadyDecided(first)
    assert len(flow.console.reviews(name)) == 1


def test_who_looked_before_another_decided_is_told_at_the_write(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race at its narrowest: the second has read the upload, and the first decides before it writes."""
    one, two = ConsoleFlow(store_url), ConsoleFlow(store_url)
    name = one.end(doubtful(an_upload()))
    keep, first = two.console.review_store.keep, list[Review]()

    def overtaken(*given: Any) -> bool:
        if not first:
            first.append(decided(one.desk.decide(says(name))))
        return keep(*given)

    monkeypatch.setattr(two.console.review_store, "keep", overtaken)
    second = two.desk.decide(says(name, "bob", vin=VINS[1]))
    assert second == AlreadyDecided(first[0])
    assert one.console.reviews(name) == (first[0],)
    assert one.reviewed_columns(name)["reviewed_vin"] == RIGHT


@pytest.mark.parametrize("store_kind", ["sqlite", "postgresql", "mysql"], indirect=False)
def test_of_many_at_once_exactly_one_decides(store_url: str) -> None:
    """Not on moto, whose transactions are not isolated from each other as DynamoDB's are."""
    first = ConsoleFlow(store_url)
    names = [first.end(doubtful(an_upload(f"{n}.jpg"))) for n in range(3)]
    people, start = 6, threading.Barrier(6)

    def person(number: int) -> list[object]:
        flow = ConsoleFlow(store_url)
        start.wait(30)
        return [flow.desk.decide(says(name, f"p{number}")) for name in names]

    with ThreadPoolExecutor(people) as pool:
        found = list(pool.map(person, range(people)))
    for number, name in enumerate(names):
        outcomes = [each[number] for each in found]
        winners = [each for each in outcomes if isinstance(each, Decided)]
        assert len(winners) == 1
        told = [each.review for each in outcomes if isinstance(each, AlreadyDecided)]
        assert told == [winners[0].review] * (people - 1)
        assert first.console.reviews(name) == (winners[0].review,)


def test_the_same_decision_sent_again_is_the_same_decision(flow: ConsoleFlow) -> None:
    name = flow.end(doubtful(an_upload()))
    first = flow.desk.decide(says(name))
    again = flow.desk.decide(says(name))
    assert isinstance(again, Decided)
    assert (again.review, again.repeated) == (decided(first), True)
    assert len(flow.console.reviews(name)) == 1


def test_a_correction_replaces_and_both_stay_in_the_history(flow: ConsoleFlow) -> None:
    name = flow.end(a_dead_letter(an_upload()))
    first = decided(flow.desk.decide(says(name)))
    second = decided(flow.desk.decide(says(name, "bob", vin=VINS[1], after=1)))
    assert (second.sequence, second.correction_of, second.before.vin) == (2, 1, RIGHT)
    assert flow.console.reviews(name) == (first, second)
    (reading,) = flow.rows("readings").values()
    assert isinstance(reading, Reading)
    assert reading.vin == VINS[1]
    assert flow.reviewed_columns(name)["reviewed_by"] == "bob"
    third = flow.desk.decide(says(name, "eve", after=1))  # she had looked at the first
    assert third == AlreadyDecided(second)


def test_an_undo_leaves_the_upload_as_the_machine_left_it(flow: ConsoleFlow) -> None:
    letter = a_dead_letter(an_upload("dead.jpg"))
    dead, read = flow.end(letter), flow.end(doubtful(an_upload("read.jpg"), VINS[1]))
    for name in (dead, read):
        decided(flow.desk.decide(says(name)))
        undone = decided(flow.desk.undo(name, "ann", 1))
        assert (undone.reason, undone.sequence, undone.correction_of) == ("undone", 2, 1)
    assert flow.rows("dead_letters") == {dead: letter}
    assert set(flow.rows("readings")) == {read}
    columns = flow.reviewed_columns(read)
    assert (columns["reviewed_vin"], columns["reviewed_by"]) == (None, None)
    assert {each.id for each in flow.console.review_queue().entries} == {dead, read}
    now = entry(flow, dead)
    assert (now.state, now.record, now.review, now.sequence) == ("dead", letter, None, 2)
    with pytest.raises(RefusedDecisionError, match="undo"):
        flow.desk.undo(dead, "ann", 2)
    decided(flow.desk.decide(says(dead, after=2)))
    assert len(flow.console.reviews(dead)) == 3
    assert flow.rows("dead_letters") == {}
    assert flow.ledger.counts() == {"delivered": 2}


def test_a_vin_corrected_to_none_takes_the_reading_back(flow: ConsoleFlow) -> None:
    letter = a_dead_letter(an_upload())
    name = flow.end(letter)
    decided(flow.desk.decide(says(name)))
    decided(flow.desk.decide(says(name, vin="", reason="no_vin", after=1)))
    assert flow.rows("readings") == {}
    assert flow.rows("dead_letters") == {name: letter}
    assert flow.reviewed_columns(name, "dead_letters")["reviewed_by"] == "ann"
    assert flow.console.review_queue().entries == ()
    decided(flow.desk.decide(says(name, vin=VINS[1], after=2)))
    assert [each.vin for each in flow.rows("readings").values() if isinstance(each, Reading)] == [
        VINS[1]
    ]
    assert flow.rows("dead_letters") == {}


def test_no_late_worker_undoes_a_review(flow: ConsoleFlow) -> None:
    """Neither its reading nor its dead letter: what it paid is counted all the same."""
    for n, decision in enumerate(({"vin": RIGHT}, {"vin": "", "reason": "no_vin"})):
        upload = an_upload(f"{n}.jpg")
        late = flow.claim(upload, lease=-1.0)
        flow.finish(flow.claim(upload), a_dead_letter(upload))
        decided(flow.desk.decide(says(upload.id, **decision)))
        before = flow.rows("readings"), flow.rows("dead_letters"), entry(flow, upload.id)
        assert not flow.finish(late, a_reading(upload, VINS[1]))
        assert not flow.finish(late, a_dead_letter(upload, "FailedOperation.ImageBlur"))
        assert not flow.ledger.delivered(upload.id, a_dead_letter(upload), late)
        after = entry(flow, upload.id)
        assert after.billed == before[2].billed + 1
        assert replace(after, billed=before[2].billed, last_seen=before[2].last_seen) == before[2]
        assert (flow.rows("readings"), flow.rows("dead_letters")) == before[:2]
        assert flow.ledger.retryable(10) == []


def test_a_redrive_says_that_a_person_has_decided(flow: ConsoleFlow) -> None:
    letter = a_dead_letter(an_upload())
    name = flow.end(letter)
    decided(flow.desk.decide(says(name, vin="", reason="no_vin")))
    for dry in (True, False):
        (found,) = redriving.redrive([letter], flow.ledger, dry_run=dry)
        assert found.result == "reviewed"
    assert flow.ledger.retryable(10) == []
    decided(flow.desk.undo(name, "ann", 1))
    (found,) = redriving.redrive([letter], flow.ledger)
    assert found.result == "redriven"


def test_what_has_not_ended_cannot_be_decided(flow: ConsoleFlow) -> None:
    name = flow.park(an_upload())
    found = flow.desk.decide(says(name))
    assert isinstance(found, Undecidable)
    assert (found.why, found.entry and found.entry.state) == ("in_progress", "parked")
    assert flow.desk.decide(says("0" * 64)) == Undecidable("unknown", None)


def test_a_destination_that_is_away_gets_every_review_later_and_in_order(flow: ConsoleFlow) -> None:
    name = flow.end(a_dead_letter(an_upload()))
    flow.results.away = True
    for after, vin in enumerate((VINS[1], VINS[2], RIGHT)):
        found = flow.desk.decide(says(name, vin=vin, after=after))
        assert isinstance(found, Decided)
        assert not found.delivered
    life = flow.console.upload(name)
    assert life is not None
    assert life.undelivered_reviews == 3
    assert entry(flow, name).vin == RIGHT
    flow.results.away = False
    for sequence in (1, 2, 3):  # their time has come
        flow.console.review_store.postpone(name, sequence, -1.0)
    for _ in range(3):
        flow.desk.deliver_due()
    given = [each.sequence for each in flow.results.taken if isinstance(each, Review)]
    assert given == [1, 2, 3]
    (reading,) = flow.rows("readings").values()
    assert isinstance(reading, Reading)
    assert reading.vin == RIGHT
    assert flow.rows("dead_letters") == {}
    assert flow.console.review_store.due(10) == []


@pytest.mark.parametrize("place", ["put", "withdraw", "delivered"])
def test_a_process_that_dies_on_the_way_loses_and_doubles_nothing(
    store_url: str, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: object, **__: object) -> None:
        raise Killed

    flow = ConsoleFlow(store_url)
    letter = a_dead_letter(an_upload())
    name = flow.end(letter)
    with monkeypatch.context() as patch:
        victim = flow.console.review_store if place == "delivered" else flow.results
        patch.setattr(victim, place, kill)
        if place == "withdraw":  # one whose dead letters are elsewhere
            patch.setattr(flow.delivery, "_dead_letters", {"letters": flow.results})
        with pytest.raises(Killed):
            flow.desk.decide(says(name))
    after = ConsoleFlow(store_url)
    assert entry(after, name).vin == RIGHT
    assert isinstance(after.desk.decide(says(name, "bob")), AlreadyDecided)
    after.console.review_store.postpone(name, 1, -1.0)
    assert after.desk.deliver_due() == 1
    assert len(after.rows("readings")) == 1
    assert after.rows("dead_letters") == {}
    assert after.reviewed_columns(name)["reviewed_vin"] == RIGHT
    again = after.desk.decide(says(name))
    assert isinstance(again, Decided)
    assert again.repeated


def test_what_is_due_later_than_there_is_time_stays_due(flow: ConsoleFlow) -> None:
    """Each may wait for a destination that drips: a sweep has photos to read as well."""
    name = flow.end(doubtful(an_upload()))
    decided(flow.desk.decide(says(name)))
    flow.console.review_store.postpone(name, 1, -1.0)
    due = flow.console.review_store.due(10)
    assert flow.desk.deliver_due(seconds=0.0) == 0
    assert flow.console.review_store.due(10) == due


def test_of_two_reviews_the_later_stands_whichever_arrives_first(flow: ConsoleFlow) -> None:
    name = flow.end(doubtful(an_upload()))
    first = decided(flow.desk.decide(says(name)))
    second = decided(flow.desk.decide(says(name, "bob", vin=VINS[1], after=1)))
    flow.results.put(first, redelivered=True)
    assert flow.reviewed_columns(name)["reviewed_vin"] == VINS[1]
    assert second.sequence == 2


def test_a_person_counts_in_the_overview(flow: ConsoleFlow) -> None:
    flow.console.tidy(5)
    name = flow.end(a_dead_letter(an_upload()))
    assert dict(flow.console.overview(1).total.dead_letters) == {"FailedOperation.OcrFailed": 1}
    decided(flow.desk.decide(says(name)))
    total = flow.console.overview(1).total
    assert (dict(total.readings), dict(total.dead_letters)) == ({"reviewed": 1}, {})
    assert total.reviewed == 1


@pytest.mark.parametrize("store_kind", ["sqlite"], indirect=False)
@pytest.mark.parametrize(
    ("typed", "kind", "position", "suggestion"),
    [
        ("LSGPC52H9GF12516", "length", None, None),
        ("LSGPC52H9GF1251611", "length", None, None),
        ("LSGPC52H9GFI25161", "characters", 11, "1"),
        ("LSGPC52H9GF12516O", "characters", 16, "0"),
        ("qSGPC52H9GF125161", "characters", 0, "0"),
        ("LSGPC52H9GF12516*", "characters", 16, None),
        ("LSGPC52H8GF125161", "check_digit", 8, "9"),
    ],
)
def test_a_vin_that_cannot_be_is_refused_with_what_may_be_meant(
    flow: ConsoleFlow, typed: str, kind: str, position: int | None, suggestion: str | None
) -> None:
    name = flow.end(doubtful(an_upload()))
    with pytest.raises(RefusedDecisionError) as refused:
        flow.desk.decide(says(name, vin=typed))
    found = refused.value
    assert (found.kind, found.position, found.suggestion) == (kind, position, suggestion)
    assert flow.console.reviews(name) == ()


@pytest.mark.parametrize("store_kind", ["sqlite"], indirect=False)
def test_a_wrong_check_digit_is_kept_as_such_once_it_is_confirmed(flow: ConsoleFlow) -> None:
    name = flow.end(doubtful(an_upload()))
    review = decided(flow.desk.decide(says(name, vin="lsgpc52h8 gf125161", wrong_check_digit=True)))
    assert (review.vin, review.check_digit) == ("LSGPC52H8GF125161", "invalid")


@pytest.mark.parametrize("store_kind", ["sqlite"], indirect=False)
@pytest.mark.parametrize(
    "more", [{"vin": ""}, {"reason": "no_vin"}, {"vin": "", "reason": "undone"}]
)
def test_a_decision_is_a_vin_or_a_reason(flow: ConsoleFlow, more: dict[str, Any]) -> None:
    name = flow.end(doubtful(an_upload()))
    with pytest.raises(RefusedDecisionError):
        flow.desk.decide(says(name, **more))


@pytest.mark.parametrize("store_kind", ["sqlite"], indirect=False)
@pytest.mark.parametrize("apart", [False, True], ids=["one file", "dead letters apart"])
def test_a_file_of_records_follows_decisions(store_url: str, tmp_path: Path, apart: bool) -> None:
    results = f"file://{tmp_path}/results.jsonl"
    letters = f"file://{tmp_path}/letters.jsonl" if apart else results
    flow = ConsoleFlow(store_url, results, letters)
    letter = a_dead_letter(an_upload())
    name = flow.end(letter)

    def stands() -> tuple[list[str], list[str]]:
        read = [each.vin for each in flow.results.records("readings") if isinstance(each, Reading)]
        return read, [each.id for each in flow.letters.records("dead_letters")]

    assert stands() == ([], [name])
    decided(flow.desk.decide(says(name)))
    assert stands() == ([RIGHT], [])
    decided(flow.desk.decide(says(name, vin=VINS[1], after=1)))
    assert stands() == ([VINS[1]], [])
    decided(flow.desk.undo(name, "ann", 2))
    assert stands() == ([], [name])
    decided(flow.desk.decide(says(name, after=3)))
    assert stands() == ([RIGHT], [])
    again = ConsoleFlow(store_url, results, letters)  # another process reads the same files
    assert [each.id for each in again.results.records("readings")] == [name]
    assert list(again.letters.records("dead_letters")) == []


@pytest.mark.parametrize("store_kind", ["sqlite"], indirect=False)
def test_a_ledger_that_is_away_keeps_nothing_and_says_so(
    flow: ConsoleFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = flow.end(doubtful(an_upload()))

    def away(*_: object) -> None:
        raise StoreError("the ledger is away")

    with monkeypatch.context() as patch:
        patch.setattr(flow.console.review_store, "keep", away)
        with pytest.raises(StoreError):
            flow.desk.decide(says(name))
    assert flow.console.reviews(name) == ()
    assert isinstance(flow.desk.decide(says(name)), Decided)


def test_what_a_dead_letter_says_is_not_lost_by_a_redrive_and_a_review(flow: ConsoleFlow) -> None:
    letter = a_dead_letter(an_upload())
    name = flow.end(letter)
    flow.ledger.redrive(letter, after=-1)
    second = replace(letter, code="Vindrop.NotAVin", last_seen=letter.last_seen + dt.timedelta(1))
    flow.finish(flow.claim(an_upload()), second)
    decided(flow.desk.decide(says(name)))
    life = flow.console.upload(name)
    assert life is not None
    assert isinstance(life.dead_letter, DeadLetter)
    assert life.dead_letter.code == "Vindrop.NotAVin"


@pytest.mark.parametrize("late", [False, True], ids=["redriven", "a late worker"])
@pytest.mark.parametrize(
    "undone", [True, False], ids=["before the outage ended", "never delivered"]
)
def test_a_review_that_was_kept_back_takes_no_later_readings_place(
    flow: ConsoleFlow, late: bool, undone: bool
) -> None:
    """A destination is away, a person decides and undoes; then the upload is read after all."""
    upload = an_upload()
    frozen = flow.claim(upload, lease=-1.0)
    name = flow.end(a_dead_letter(upload))
    if undone:
        flow.results.away = True
    flow.desk.decide(says(name))
    flow.results.away = True
    flow.desk.undo(name, "ann", 1)
    flow.results.away = False
    letter = entry(flow, name).record
    assert isinstance(letter, DeadLetter)
    claim = frozen
    if not late:
        (done,) = redriving.redrive([letter], flow.ledger)
        assert done.result == "redriven"
        claim = flow.claim(upload)
    assert flow.finish(claim, a_reading(upload, VINS[1]))
    for sequence in (1, 2):
        flow.console.review_store.postpone(name, sequence, -1.0)
    for _ in range(3):
        flow.desk.deliver_due()
    assert flow.console.review_store.due(10) == []
    assert entry(flow, name).vin == VINS[1]
    (reading,) = flow.rows("readings").values()
    assert isinstance(reading, Reading)
    assert (reading.vin, reading.verdict) == (VINS[1], a_reading(upload, VINS[1]).verdict)
    assert flow.rows("dead_letters") == {}
    assert flow.reviewed_columns(name)["reviewed_vin"] is None


def test_a_reading_that_arrives_while_a_review_is_handed_over_stands(
    flow: ConsoleFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = an_upload()
    frozen = flow.claim(upload, lease=-1.0)
    name = flow.end(a_dead_letter(upload))
    decided(flow.desk.decide(says(name)))
    looked = flow.desk._now_moved
    arrived: list[bool] = []

    def look(upload_id: str, kept: Any) -> Any:
        found = looked(upload_id, kept)
        if not arrived:
            arrived.append(flow.finish(frozen, a_reading(upload, VINS[1])))
        return found

    monkeypatch.setattr(flow.desk, "_now_moved", look)
    decided(flow.desk.undo(name, "ann", 1))
    assert arrived == [True]
    (reading,) = flow.rows("readings").values()
    assert isinstance(reading, Reading)
    assert reading.vin == VINS[1]
    assert flow.rows("dead_letters") == {}
