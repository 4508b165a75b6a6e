"""The ledger's promises: one holder at a time, an answer kept is never asked for again."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from tests.library.conftest import a_dead_letter, a_reading, an_upload
from vindrop.core.ledger import LONGEST_PROBE, Claim, Standing, next_probe
from vindrop.core.store_errors import StoreSettingError
from vindrop.domain.failures import Failure
from vindrop.domain.records import DeadLetter, Reading
from vindrop.domain.upload import Upload
from vindrop.stores import open_ledger
from vindrop.stores.ledger.dynamodb import DynamoDBLedger
from vindrop.stores.ledger.sql import SQLLedger
from vindrop.stores.ledger.sql_schema import INDEXES
from vindrop.stores.sql import open_database

REFUSED = Failure("InternalError", "try again", "r-3")
PAST = -1.0
"""A lease or wait that ended before it began."""


@pytest.fixture(params=["sqlite", "postgresql", "mysql", "dynamodb"])
def store_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def ledger(store_url: str) -> SQLLedger | DynamoDBLedger:
    found = open_ledger(store_url, account="test")
    assert isinstance(found, SQLLedger | DynamoDBLedger)
    return found


def claimed(
    ledger: SQLLedger | DynamoDBLedger, lease: float = 60.0, upload: object = None
) -> Claim:
    found = ledger.claim(upload or an_upload(), lease)  # type: ignore[arg-type]
    assert isinstance(found, Claim)
    return found


def test_a_claim_keeps_everyone_else_away_until_its_lease_ends(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    first = claimed(ledger)
    assert (first.attempts, first.record) == (1, None)
    other = ledger.claim(an_upload(), 60.0)
    assert isinstance(other, Standing)
    assert other.state == "claimed"
    assert other.retry_in is not None
    assert 55 < other.retry_in <= 60


def test_a_claim_whose_worker_died_passes_on_and_counts_as_an_attempt(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    dead = claimed(ledger, lease=PAST)
    assert [upload.id for upload in ledger.retryable(10)] == [an_upload().id]
    second = claimed(ledger)
    assert second.attempts == 2
    assert second.owner != dead.owner


def test_the_trace_of_the_first_claim_is_kept(ledger: SQLLedger | DynamoDBLedger) -> None:
    trace, other = f"00-{'a' * 32}-{'b' * 16}-01", f"00-{'c' * 32}-{'d' * 16}-01"
    first = ledger.claim(an_upload(), PAST, traceparent=trace)
    assert isinstance(first, Claim)
    assert first.traceparent == trace
    second = ledger.claim(an_upload(), PAST, traceparent=other)
    assert isinstance(second, Claim)
    assert second.traceparent == trace
    assert claimed(ledger).traceparent == trace


def test_a_kept_answer_is_delivered_by_whoever_comes_next_and_never_asked_for_again(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    claim = claimed(ledger)
    assert ledger.keep(an_upload().id, claim, a_reading(), attempts=1, billed=1, lease=PAST)
    again = claimed(ledger)
    assert again.record == a_reading()
    assert again.attempts == 1  # a delivery is no attempt
    ledger.delivered(an_upload().id, a_reading())
    ended = ledger.claim(an_upload(), 60.0)
    assert isinstance(ended, Standing)
    assert (ended.state, ended.record, ended.retry_in) == ("delivered", a_reading(), None)
    assert ledger.retryable(10) == []


def test_the_first_answer_wins_even_from_a_worker_that_was_given_up(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    slow = claimed(ledger, lease=PAST)
    quick = claimed(ledger)
    assert ledger.keep(an_upload().id, slow, a_reading(), attempts=1, billed=1, lease=60)
    other = a_reading(vin="LBV2B25G2E5069977")
    assert not ledger.keep(an_upload().id, quick, other, attempts=2, billed=1, lease=60)
    standing = ledger.standing(an_upload().id)
    assert standing is not None
    assert standing.record == a_reading()


def test_a_failure_never_replaces_a_success_but_a_success_an_undelivered_failure(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    slow, quick = claimed(ledger, lease=PAST), claimed(ledger)
    assert ledger.keep(an_upload().id, quick, a_dead_letter(), attempts=2, billed=0, lease=60)
    assert ledger.keep(an_upload().id, slow, a_reading(), attempts=1, billed=1, lease=60)
    assert not ledger.keep(an_upload().id, quick, a_dead_letter(), attempts=2, billed=0, lease=60)
    ledger.delivered(an_upload().id, a_dead_letter())  # it was on its way when the reading came
    assert ledger.counts() == {"answered": 1}
    ledger.delivered(an_upload().id, a_reading())
    assert ledger.counts() == {"delivered": 1}


def test_a_dead_letter_ends_as_dead(ledger: SQLLedger | DynamoDBLedger) -> None:
    claim = claimed(ledger)
    ledger.keep(an_upload().id, claim, a_dead_letter(), attempts=1, billed=0, lease=60)
    ledger.delivered(an_upload().id, a_dead_letter())
    assert ledger.counts() == {"dead": 1}
    ended = ledger.claim(an_upload(), 60)
    assert isinstance(ended, Standing)
    assert ended.record == a_dead_letter()


def test_a_parked_upload_rests_until_it_is_due(ledger: SQLLedger | DynamoDBLedger) -> None:
    claim = claimed(ledger)
    assert ledger.schedule_retry(an_upload().id, claim, REFUSED, seconds=30, attempts=1, billed=0)
    resting = ledger.claim(an_upload(), 60)
    assert isinstance(resting, Standing)
    assert (resting.state, resting.failure) == ("parked", REFUSED)
    assert ledger.retryable(10) == []


def test_the_backlog_is_what_has_not_ended(ledger: SQLLedger | DynamoDBLedger) -> None:
    assert ledger.backlog() == {}
    claim = claimed(ledger)
    assert ledger.backlog()["claimed"].uploads == 1
    assert ledger.schedule_retry(an_upload().id, claim, REFUSED, seconds=-1, attempts=1, billed=0)
    found = ledger.backlog()
    assert list(found) == ["parked"]
    assert found["parked"].oldest >= 0
    claim = claimed(ledger)
    letter = a_dead_letter()
    assert ledger.keep(letter.id, claim, letter, attempts=1, billed=0, lease=60)
    assert list(ledger.backlog()) == ["failed"]
    ledger.delivered(letter.id, letter)
    assert ledger.backlog() == {}


def test_a_failure_of_any_length_can_be_parked(ledger: SQLLedger | DynamoDBLedger) -> None:
    claim = claimed(ledger)
    endless = Failure("Strange." + "x" * 500, "y" * 5000, "r" * 300)
    assert ledger.schedule_retry(an_upload().id, claim, endless, seconds=30, attempts=1, billed=0)
    assert ledger.open_circuit(endless, 60)
    standing = ledger.standing(an_upload().id)
    assert standing is not None
    assert standing.failure is not None
    assert standing.failure.code.startswith("Strange.xxx")


def test_a_parked_upload_that_is_due_comes_back_with_its_history(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    claim = claimed(ledger)
    ledger.schedule_retry(an_upload().id, claim, REFUSED, seconds=PAST, attempts=3, billed=1)
    again = claimed(ledger)
    assert (again.attempts, again.billed, again.failure) == (4, 1, REFUSED)


def test_only_the_holder_can_park(ledger: SQLLedger | DynamoDBLedger) -> None:
    dead = claimed(ledger, lease=PAST)
    claimed(ledger)
    assert not ledger.schedule_retry(
        an_upload().id, dead, REFUSED, seconds=PAST, attempts=1, billed=0
    )


def test_due_comes_longest_due_first_and_no_more_than_asked(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    for number, lease in enumerate((-1.0, -3.0, -2.0, 60.0)):
        claimed(ledger, lease, an_upload(f"{number}.jpg"))
    assert [upload.key for upload in ledger.retryable(10)] == ["1.jpg", "2.jpg", "0.jpg"]
    assert [upload.key for upload in ledger.retryable(1)] == ["1.jpg"]


def test_of_several_destinations_those_that_have_it_are_remembered(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    claim = claimed(ledger)
    ledger.keep(an_upload().id, claim, a_reading(), attempts=1, billed=1, lease=60)
    ledger.checkpoint(an_upload().id, frozenset({"kafka-1", "sqlite-2"}))
    ledger.postpone(an_upload().id, claim, PAST)
    assert claimed(ledger).delivered_to == {"kafka-1", "sqlite-2"}


def test_many_at_once_and_exactly_one_holds_each(ledger: SQLLedger | DynamoDBLedger) -> None:
    uploads = [an_upload(f"{n}.jpg") for n in range(20)]

    def claim_all(_: int) -> int:
        return sum(isinstance(ledger.claim(upload, 60), Claim) for upload in uploads)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim_all, range(8))) == len(uploads)


def _claim_in_process(url: str, keys: list[str]) -> int:
    ledger = open_ledger(url, account="test")
    return sum(isinstance(ledger.claim(an_upload(key), 60), Claim) for key in keys)


def test_processes_that_open_a_fresh_store_at_once_do_not_hurt_each_other(store_url: str) -> None:
    keys = [f"{n}.jpg" for n in range(25)]
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        counts = pool.starmap(_claim_in_process, [(store_url, keys)] * 4)
    assert sum(counts) == len(keys)


def test_a_blocked_account_is_known_to_all_and_tried_by_one(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    arrears = Failure("ResourceUnavailable.InArrears", "pay", "r-4")
    assert ledger.circuit(60) is None
    assert ledger.open_circuit(arrears, 60)
    assert not ledger.open_circuit(arrears, 60)  # one alarm
    circuit = ledger.circuit(60)
    assert circuit is not None
    assert (circuit.failure, circuit.probe_in > 0) == (arrears, True)
    assert ledger.close_circuit()
    assert not ledger.close_circuit()
    assert ledger.circuit(60) is None

    ledger.open_circuit(arrears, PAST)
    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda _: ledger.circuit(60), range(8)))
    assert sum(circuit is not None and circuit.probe_in == 0 for circuit in seen) == 1


def test_what_lies_in_one_place_is_found_there(ledger: SQLLedger | DynamoDBLedger) -> None:
    versions = [an_upload(version="v1"), an_upload(version="v2")]
    for upload in (*versions, an_upload("other.jpg")):
        claimed(ledger, 60, upload)
    here, nowhere = versions[0].object_id, replace(versions[0], cloud="aws").object_id
    found = ledger.seen([here, nowhere])
    assert {name: sorted(each.version for each in all_) for name, all_ in found.items()} == {
        here: ["v1", "v2"]
    }
    assert {each.size for each in found[here]} == {versions[0].size}


def test_text_that_no_database_holds_is_kept_as_far_as_it_goes(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    """NUL and half a surrogate pair, in a provider's message and in a paid answer's RequestId."""
    claim = claimed(ledger)
    foreign = Failure("Strange.Code", "a\0b \ud800 c \U0001f697", "r\0\udfff")
    ledger.schedule_retry(an_upload().id, claim, foreign, seconds=PAST, attempts=1, billed=1)
    found = claimed(ledger).failure
    assert found is not None
    assert found.message.endswith("b \ufffd c \U0001f697")
    assert found.request_id is not None
    reading = a_reading()
    call = replace(reading.vinocr, request_id="r\0\ud800x")
    claim = claimed(ledger, 60, an_upload("paid.jpg"))
    paid = replace(reading, upload=an_upload("paid.jpg"), vinocr=call)
    assert ledger.keep(paid.id, claim, paid, attempts=1, billed=1, lease=PAST)
    again = claimed(ledger, 60, an_upload("paid.jpg")).record
    assert isinstance(again, Reading)
    assert again.vin == paid.vin


def test_a_restart_on_one_machine_need_not_wait_for_the_leases_of_the_dead(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    claimed(ledger)
    parked = an_upload("parked.jpg")
    ledger.schedule_retry(
        parked.id, claimed(ledger, 60, parked), REFUSED, seconds=60, attempts=1, billed=0
    )
    assert ledger.end_leases() == 1
    assert [upload.key for upload in ledger.retryable(10)] == [an_upload().key]


def dead(ledger: SQLLedger | DynamoDBLedger, upload: Upload | None = None) -> DeadLetter:
    upload = upload or an_upload()
    letter = a_dead_letter(upload)
    assert ledger.keep(
        upload.id, claimed(ledger, 60, upload), letter, attempts=3, billed=2, lease=60
    )
    ledger.delivered(upload.id, letter)
    return letter


def test_a_redriven_upload_begins_anew_and_keeps_its_history(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    letter = dead(ledger)
    first_seen = ledger.dead_letters()
    assert list(first_seen) == [letter]
    assert ledger.redrive(letter, after=0) == "redriven"
    assert ledger.redrive(letter, after=0) == "under_way"  # twice is once
    assert list(ledger.dead_letters()) == [letter]  # until it has ended otherwise
    assert [upload.id for upload in ledger.retryable(10)] == [letter.id]
    claim = claimed(ledger)
    assert (claim.attempts, claim.billed, claim.redriven) == (1, 2, 1)
    assert claim.record is None  # so that it is read again
    assert claim.failure == Failure(letter.code, letter.message, letter.request_id)
    assert ledger.keep(letter.id, claim, a_reading(), attempts=1, billed=3, lease=60)
    ledger.delivered(letter.id, a_reading())
    assert ledger.counts() == {"delivered": 1}  # counted once
    assert list(ledger.dead_letters()) == []
    assert ledger.redrive(letter, after=0) == "answered"


def test_a_redriven_upload_that_dies_again_can_be_redriven_again(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    letter = dead(ledger)
    ledger.redrive(letter, after=0)
    second = replace(letter, code="FailedOperation.ImageBlur", redriven=1)
    claim = claimed(ledger)
    assert ledger.keep(letter.id, claim, second, attempts=1, billed=2, lease=60)
    ledger.delivered(letter.id, second)
    assert list(ledger.dead_letters()) == [second]
    assert ledger.redrive(second, after=0) == "redriven"
    assert claimed(ledger).redriven == 2


def test_a_redrive_may_be_due_later(ledger: SQLLedger | DynamoDBLedger) -> None:
    letter = dead(ledger)
    ledger.redrive(letter, after=60)
    assert ledger.retryable(10) == []
    standing = ledger.standing(letter.id)
    assert standing is not None
    assert standing.state == "parked"
    assert standing.retry_in is not None
    assert 50 < standing.retry_in <= 60


def test_a_dead_letter_of_a_lost_ledger_can_be_redriven(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    letter = a_dead_letter()
    assert ledger.redrive(letter, after=0) == "redriven"
    assert ledger.redrive(letter, after=0) == "under_way"
    claim = claimed(ledger)
    assert (claim.attempts, claim.redriven) == (1, 1)
    assert claim.first_seen == pytest.approx(letter.first_seen.timestamp(), abs=0.01)


def test_many_dead_letters_come_page_by_page(ledger: SQLLedger | DynamoDBLedger) -> None:
    keys = {f"{n}.jpg" for n in range(12)}
    for key in keys:
        dead(ledger, an_upload(key))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vindrop.stores.ledger.sql._PAGE", 5)
        found = [letter.upload.key for letter in ledger.dead_letters() if letter.upload]
    assert sorted(found) == sorted(keys)


def test_a_photo_that_only_its_caller_has_leaves_no_trace(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    claim = claimed(ledger)
    ledger.forget(an_upload().id, Claim("another", 1, 0, 0.0))
    assert ledger.standing(an_upload().id) is not None
    ledger.forget(an_upload().id, claim)
    assert ledger.standing(an_upload().id) is None
    assert claimed(ledger).attempts == 1


def test_an_older_ledger_gets_the_columns_it_lacks(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    dead(cast("SQLLedger", open_ledger(url, account="test")))
    newer = [name for name in INDEXES if name != "place"]
    for name in newer:  # no older version had them
        open_database(url).execute(f"DROP INDEX vindrop_uploads_{name}")
    for column in (
        "redriven",
        "dead_letter",
        "traceparent",
        "retries",
        "failing_after",
        "maybe_billed",
        "answers",
    ):
        open_database(url).execute(f"ALTER TABLE vindrop_uploads DROP COLUMN {column}")
    ledger = cast("SQLLedger", open_ledger(url, account="test"))
    (letter,) = ledger.dead_letters()
    assert ledger.redrive(letter, after=0) == "redriven"
    again = ledger.claim(an_upload(), 60)
    assert isinstance(again, Claim)
    assert again.traceparent is None


def test_an_unknown_kind_is_one_sentence() -> None:
    with pytest.raises(StoreSettingError, match="sqlite"):
        open_ledger("redis://localhost", account="test")


def test_to_look_at_a_block_does_not_use_up_its_probe(ledger: SQLLedger | DynamoDBLedger) -> None:
    ledger.open_circuit(Failure("FailedOperation.ArrearsError", "arrears"), PAST)
    for _ in range(2):
        looked = ledger.circuit(None)
        assert looked is not None
        assert looked.probe_in == 0
    chosen, other = ledger.circuit(60), ledger.circuit(60)
    assert chosen is not None
    assert other is not None
    assert chosen.probe_in == 0
    assert 50 < other.probe_in <= 70


def test_a_blocked_account_is_tried_less_and_less_often() -> None:
    """Ten minutes of arrears cost three probes, and a day of them one each quarter of an hour."""
    at, probes = 60.0, []
    while at < 86_400:
        probes.append(at)
        at += next_probe(60, at)
    assert sum(moment < 600 for moment in probes) == 3
    assert probes[-1] - probes[-2] == LONGEST_PROBE


# Workers whose lease is over


def test_a_worker_whose_claim_has_passed_on_keeps_no_dead_letter(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    stale, live = claimed(ledger, lease=PAST), claimed(ledger)
    letter = a_dead_letter()
    assert not ledger.keep(letter.id, stale, letter, attempts=1, billed=1, lease=60)
    assert ledger.counts() == {"claimed": 1}
    assert ledger.keep(letter.id, live, a_reading(), attempts=2, billed=1, lease=PAST)
    assert claimed(ledger).billed == 2, "what the stale worker's call cost is counted too"


def test_a_stale_worker_does_not_undo_a_redrive(ledger: SQLLedger | DynamoDBLedger) -> None:
    stale = claimed(ledger, lease=PAST)
    letter = dead(ledger)
    ledger.redrive(letter, after=0)
    assert not ledger.keep(letter.id, stale, letter, attempts=1, billed=0, lease=60)
    assert ledger.counts() == {"parked": 1}
    live = claimed(ledger)
    second = replace(letter, code="FailedOperation.ImageBlur", redriven=1)
    assert ledger.keep(letter.id, live, second, attempts=1, billed=0, lease=PAST)
    ledger.checkpoint(letter.id, frozenset({"kafka-1"}), stale)
    ledger.postpone(letter.id, stale, 600)
    assert not ledger.delivered(letter.id, letter, stale)
    assert ledger.counts() == {"failed": 1}
    assert [upload.id for upload in ledger.retryable(10)] == [letter.id], "nobody postponed it"
    assert claimed(ledger).delivered_to == frozenset()


def test_a_lease_is_not_renewed_between_another_s_claim_and_ours(
    ledger: SQLLedger | DynamoDBLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DynamoDB reads first: what was read may be over when the lease is written."""
    stale = claimed(ledger, lease=PAST)
    with monkeypatch.context() as patch:
        if isinstance(ledger, DynamoDBLedger):
            read = ledger._tables.get("uploads", an_upload().id)
            patch.setattr(ledger._tables, "get", lambda *_: read)
        claimed(ledger, lease=PAST)
        assert not ledger.holds(an_upload().id, stale, 600)
    assert [upload.id for upload in ledger.retryable(10)] == [an_upload().id], "nobody renewed it"


def test_a_delivery_is_postponed_by_its_holder_alone(ledger: SQLLedger | DynamoDBLedger) -> None:
    first = claimed(ledger)
    ledger.keep(an_upload().id, first, a_reading(), attempts=1, billed=1, lease=PAST)
    second = ledger.claim(an_upload(), PAST)
    assert isinstance(second, Claim)
    ledger.postpone(an_upload().id, first, 600)
    assert [upload.id for upload in ledger.retryable(10)] == [an_upload().id]
    ledger.postpone(an_upload().id, second, 600)
    assert ledger.retryable(10) == []


@pytest.mark.parametrize("delivered", [False, True])
def test_a_reading_that_was_paid_for_replaces_a_dead_letter(
    ledger: SQLLedger | DynamoDBLedger, delivered: bool
) -> None:
    late, live = claimed(ledger, lease=PAST), claimed(ledger)
    letter = a_dead_letter()
    ledger.keep(letter.id, live, letter, attempts=2, billed=1, lease=PAST)
    if delivered:
        ledger.checkpoint(letter.id, frozenset({"kafka-1"}), live)
        assert ledger.delivered(letter.id, letter, live)
    kept = ledger.keep(letter.id, late, a_reading(), attempts=1, billed=1, lease=PAST)
    assert kept is not None
    assert (kept.was_dead, kept.delivered_to, kept.record) == (True, frozenset(), a_reading())
    assert not ledger.delivered(letter.id, letter, live), "the dead letter is the answer no more"
    again = claimed(ledger)  # whoever delivers it, also after the late worker's death
    assert (again.was_dead, again.record, again.billed) == (True, a_reading(), 2)
    assert ledger.delivered(letter.id, a_reading(), again)
    assert ledger.counts() == {"delivered": 1}
    assert list(ledger.dead_letters()) == []
    assert ledger.redrive(letter, after=0) == "answered"


def test_a_claim_holds_until_another_worker_has_the_upload(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    claim = claimed(ledger, lease=PAST)
    assert ledger.holds(an_upload().id, claim, 60), "nobody came: the lease is renewed"
    other = ledger.claim(an_upload(), 60)
    assert isinstance(other, Standing), "renewed for everyone to see"
    assert 50 < (other.retry_in or 0) <= 60
    assert ledger.holds(an_upload().id, claim, PAST)
    assert not ledger.holds(an_upload().id, replace_owner(claim), 60)
    ledger.end_leases()
    second = claimed(ledger)
    assert not ledger.holds(an_upload().id, claim, 60)
    assert ledger.holds(an_upload().id, second, 1)
    ledger.schedule_retry(an_upload().id, second, REFUSED, seconds=0, attempts=1, billed=0)
    assert not ledger.holds(an_upload().id, second, 1)


def replace_owner(claim: Claim) -> Claim:
    return Claim("another", claim.attempts, claim.billed, claim.first_seen)


def test_retries_of_a_passing_failure_are_counted_until_a_redrive(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    claim = claimed(ledger)
    ledger.schedule_retry(
        an_upload().id,
        claim,
        REFUSED,
        seconds=PAST,
        attempts=0,
        billed=0,
        maybe_billed=1,
        retries=1,
        failing_after=0.25,
    )
    again = claimed(ledger)
    assert (again.retries, again.failing_after, again.maybe_billed) == (1, 0.25, 1)
    assert 0 <= again.age < 600
    ledger.keep(an_upload().id, again, a_dead_letter(), attempts=1, billed=0, lease=60)
    ledger.delivered(an_upload().id, a_dead_letter())
    ledger.redrive(a_dead_letter(), after=0)
    anew = claimed(ledger)
    assert (anew.retries, anew.failing_after, anew.maybe_billed) == (0, None, 1)


def test_what_waits_for_an_outage_that_is_over_is_due_at_once(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    """Others are left alone: another code, no outage, and too short a part of its wait."""
    other = Failure("Vindrop.StorageUnavailable", "away")
    for key, failure, retries in (("a", REFUSED, 7), ("b", other, 1), ("c", REFUSED, 0)):
        upload = an_upload(key)
        ledger.schedule_retry(
            upload.id,
            claimed(ledger, 60, upload),
            failure,
            seconds=3000,
            attempts=0,
            billed=0,
            retries=retries,
            failing_after=0.0,
        )
    assert ledger.hasten(REFUSED.code, 0.5) == 0
    assert ledger.hasten(REFUSED.code, 0.0) == 1
    assert [upload.key for upload in ledger.retryable(10)] == ["a"]
    assert claimed(ledger, 60, an_upload("a")).retries == 1, "its waits begin anew"


def test_answers_that_wait_for_delivery_can_be_asked_for_alone(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    claimed(ledger, PAST, an_upload("a"))
    ledger.schedule_retry(
        an_upload("b").id,
        claimed(ledger, 60, an_upload("b")),
        REFUSED,
        seconds=PAST,
        attempts=1,
        billed=0,
    )
    for key, record in (("c", a_reading), ("d", a_dead_letter)):
        upload = an_upload(key)
        claim = claimed(ledger, 60, upload)
        ledger.keep(upload.id, claim, record(upload), attempts=1, billed=0, lease=PAST)
    assert {upload.key for upload in ledger.retryable(10, answered=True)} == {"c", "d"}
    assert {upload.key for upload in ledger.retryable(10, answered=False)} == {"a", "b"}
    assert len(ledger.retryable(10)) == 4


def test_what_a_recognizer_said_is_kept_for_whoever_claims_next(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    claim = claimed(ledger, PAST)
    assert claim.answers is None
    assert ledger.keep_answers(an_upload().id, claim, '{"said": 1}', billed=1, maybe_billed=2)
    again = claimed(ledger)
    assert (again.answers, again.billed, again.maybe_billed) == ('{"said": 1}', 1, 2)
    scheduled = ledger.schedule_retry(
        an_upload().id, again, REFUSED, seconds=PAST, attempts=1, billed=2, maybe_billed=2
    )
    assert scheduled
    third = claimed(ledger)
    assert (third.answers, third.billed, third.maybe_billed) == ('{"said": 1}', 2, 2)


def test_answers_that_are_written_twice_are_counted_once(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    """A connection that breaks after the commit has the write repeated."""
    claim = claimed(ledger, PAST)
    for _ in range(2):
        assert ledger.keep_answers(an_upload().id, claim, "said", billed=1, maybe_billed=0)
    assert claimed(ledger).billed == 1


def test_answers_of_a_worker_whose_claim_has_passed_are_counted_and_not_kept(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    late = claimed(ledger, PAST)
    holder = claimed(ledger, PAST)
    assert not ledger.keep_answers(an_upload().id, late, "late", billed=1, maybe_billed=1)
    assert ledger.keep_answers(an_upload().id, holder, "held", billed=1, maybe_billed=0)
    found = claimed(ledger)
    assert (found.answers, found.billed, found.maybe_billed) == ("held", 2, 1)


def test_a_redrive_forgets_what_recognizers_said(ledger: SQLLedger | DynamoDBLedger) -> None:
    claim = claimed(ledger)
    ledger.keep_answers(an_upload().id, claim, "said", billed=1, maybe_billed=0)
    letter = a_dead_letter()
    kept = ledger.keep(an_upload().id, claim, letter, attempts=1, billed=1, lease=60)
    assert kept is not None
    assert ledger.delivered(an_upload().id, letter, kept)
    assert ledger.redrive(letter, after=PAST) == "redriven"
    assert claimed(ledger).answers is None


def test_each_recognizer_has_a_circuit_and_calls_of_its_own(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    own, cloud = ledger.for_account("test.own"), ledger.for_account("test.cloud")
    assert own.open_circuit(REFUSED, 60)
    for other in (ledger, cloud):
        assert other.circuit(None) is None
        assert other.count_call("2026-11-26", 1, 1)
    assert own.circuit(None) is not None
    assert ledger.for_account("test.own").circuit(None) is not None, "of every instance"
    assert own.calls_of("2026-11-26") == 0
    assert not cloud.count_call("2026-11-26", 1, 1)
    upload = an_upload()
    assert isinstance(own.claim(upload, 60), Claim)
    assert isinstance(cloud.claim(upload, 60), Standing), "the uploads are the same"
    assert own.close_circuit()
    assert ledger.for_account("test").open_circuit(REFUSED, 60), "the account of before"
    assert ledger.circuit(None) is not None


def test_the_calls_of_a_day_are_counted_up_to_the_cap_by_all_together(
    ledger: SQLLedger | DynamoDBLedger,
) -> None:
    day, most = "2026-11-26", 10
    assert ledger.count_call(day, 0, most)
    with ThreadPoolExecutor(8) as pool:
        counted = list(pool.map(lambda _: ledger.count_call(day, 1, most), range(30)))
    assert sum(counted) == most
    assert not ledger.count_call(day, 0, most)
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: ledger.cap_alarm(day), range(8))) == 1, "one alarm"
    assert ledger.count_call(day, -1, most), "one was not billed after all"
    assert ledger.count_call(day, 1, most)
    assert ledger.count_call("2026-11-27", 1, most), "a new day"
    assert (ledger.calls_of(day), ledger.calls_of("2026-11")) == (10, 11)
    assert ledger.calls_of("2026-12") == 0
