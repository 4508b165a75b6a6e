"""Several recognizers, one answer: who is asked, what is paid, and what becomes of an upload in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from tests.pipeline.conftest import World, a_call, impatient, make_due, process
from vindrop.core import sweep
from vindrop.core.app import App
from vindrop.core.invocation import Budget
from vindrop.core.outcome import queue_of
from vindrop.core.photo import Photo, Sent
from vindrop.core.recognizer import Answer
from vindrop.domain.failures import FailureError
from vindrop.domain.recognition import Alternative, Character
from vindrop.domain.records import DeadLetter, Reading
from vindrop.domain.upload import Upload
from vindrop.domain.vin import Verdict
from vindrop.stores.sql import Database

LAW = "1M8GDM9AXKP042788"
"""Its check digit is required by law, and holds."""
MISREAD = "1M8GDM9AXKP042738"
"""One character of it misread: the check digit does not hold."""
EUROPEAN = "WDD2131426L004848"
"""No check digit is required, and none holds."""
ANOTHER = "WDD2131426L004843"
NO_VIN = "FailedOperation.OcrFailed"
ARREARS = "ResourceUnavailable.InArrears"
AWAY = "ClientNetworkError.NotConnected"
UNKNOWN_COST = "ClientNetworkError"


@dataclass
class Scripted:
    """A recognizer that says what it is told to say, in order; the last of it for ever."""

    name: str
    script: list[Any]
    """Text, and confidence; or code, and candidates."""
    bills: bool = True
    endpoint: str = "scripted"
    asked: int = 0
    answered: int = 0
    at_call: list[Callable[[], object]] = field(default_factory=list)

    def prepare(self) -> None:
        """Nothing to load."""

    def recognize(
        self, photo: Photo, *, trace_id: str | None = None, seconds: float | None = None
    ) -> Answer:
        del photo, trace_id, seconds
        self.asked += 1
        if self.at_call:
            self.at_call.pop(0)()
        text, confidence = self.script[min(self.asked, len(self.script)) - 1]
        if any(c.islower() for c in text):
            candidates = confidence if isinstance(confidence, tuple) else None
            raise FailureError(
                text, f"{self.name} says {text}", f"{self.name}-{self.asked}", candidates
            )
        self.answered += 1
        told: dict[str, Any] = {}
        if confidence is not None:
            told = {
                "confidence": confidence,
                "characters": tuple(Character(character=c, confidence=confidence) for c in text),
                "alternatives": (Alternative(vin=ANOTHER, confidence=0.01),),
            }
        return Answer(text, f"{self.name}-{self.asked}", 0.01, **told)


def says(text: str, confidence: float | None = None) -> tuple[str, float | None]:
    return text, confidence


class Two:
    """An app with two scripted recognizers, ``own`` and ``cloud``."""

    def __init__(self, world: World, own: list[Any], cloud: list[Any], **changes: str) -> None:
        self.option = (
            f"&unconfirmed={changes.pop('unconfirmed')}" if "unconfirmed" in changes else ""
        )
        self.world, self.changes = world, changes
        self.own, self.cloud = Scripted("own", own), Scripted("cloud", cloud)
        self.app = self.another()

    def another(self) -> App:
        """Another instance of the function, with the same stores and the same recognizers."""
        there = self.world.vinocr.endpoint
        other = there.replace("127.0.0.1", "localhost")  # a recognizer may not agree with itself
        app = self.world.app(
            VINDROP_RECOGNIZERS=f"own={there}?rate=0&price=0 cloud={other}?rate=500&price=0.02{self.option}",
            VINDROP_PROBE_SECONDS="60",
            **self.changes,
        )
        for pipeline in (app.pipeline, app.interactive):
            cascade = cast("Any", pipeline)._cascade
            for member, scripted in zip(cascade._members, (self.own, self.cloud), strict=True):
                member.attempt._recognizer = scripted
        return impatient(app)

    def read(self, upload: Upload | None = None) -> Any:  # an Outcome, whose parts tests know
        return process(self.app, upload or self.world.photo())

    def reading(self) -> Reading:
        (found,) = self.world.readings()
        return found


@pytest.fixture
def two(world: World) -> Callable[..., Two]:
    def make(own: list[Any], cloud: list[Any], **changes: str) -> Two:
        return Two(world, own, cloud, **changes)

    return make


Make = Callable[..., Two]


@pytest.mark.parametrize(
    ("own", "asked"),
    [
        (says(LAW, 0.99), False),
        (says(EUROPEAN, 0.97), False),
        (says(LAW, None), False),
        (says(LAW, 0.9), True),  # its confidence has the check digit in it
        (says(EUROPEAN, None), True),
        (says(MISREAD, 0.999), True),
        (says(NO_VIN), True),
        (says("HELLO", 0.99), True),
    ],
)
def test_first_sure_asks_the_second_only_where_the_first_is_not_sure(
    two: Make, own: Any, asked: bool
) -> None:
    both = two([own], [says(own[0] if own[0] != NO_VIN else LAW)])
    both.read()
    assert (both.own.asked, both.cloud.asked) == (1, int(asked))


def test_the_record_says_how_it_came_about(two: Make) -> None:
    both = two([says(EUROPEAN, 0.9)], [says(EUROPEAN)])
    both.read()
    reading = both.reading()
    assert (reading.vin, reading.verdict) == (EUROPEAN, Verdict.PLAUSIBLE), "two agree"
    assert [
        (c.name, c.vin, c.confidence, c.request_id, c.billed, c.code) for c in reading.recognizers
    ] == [("own", EUROPEAN, 0.9, "own-1", 1, None), ("cloud", EUROPEAN, None, "cloud-1", 1, None)]
    assert (reading.vinocr.request_id, reading.vinocr.billed) == ("cloud-1", 1), "the deciding call"
    assert reading.confidence == 0.9
    assert reading.characters is not None
    assert len(reading.characters) == 17


def test_two_that_disagree_make_a_doubtful_reading_with_both_answers(two: Make) -> None:
    for policy in ("first_sure", "agree"):
        both = two([says(EUROPEAN, 0.9)], [says(ANOTHER)], VINDROP_CASCADE=policy)
        outcome = both.read()
        assert isinstance(outcome.record, Reading)
        assert outcome.record.verdict is Verdict.DOUBTFUL
        assert [call.vin for call in outcome.record.recognizers] == [EUROPEAN, ANOTHER]
        assert outcome.record.vin == EUROPEAN, (
            "of the one that tells its confidence, and stands by it"
        )
        assert outcome.record.confidence == 0.9


def test_a_check_digit_of_the_second_counts_more_than_what_the_first_doubts(two: Make) -> None:
    """It goes out; and since our reader looked and thinks otherwise, a person should look, too."""
    for own in (says(EUROPEAN, 0.93), denies(), denies((MISREAD, 0.8))):
        record = two([own], [says(LAW)]).read().record
        assert (record.vin, record.verdict) == (LAW, Verdict.DOUBTFUL)
    for own in (denies((LAW, 0.8)), says(NO_VIN), says(AWAY)):
        record = two([own], [says(LAW)]).read().record
        assert (record.vin, record.verdict) == (LAW, Verdict.VERIFIED), "nobody denies it"


def test_an_answer_that_its_own_recognizer_calls_unsure_is_doubtful_alone(two: Make) -> None:
    both = two([says(EUROPEAN, 0.9)], [says(NO_VIN)])
    both.read()
    assert (both.reading().vin, both.reading().verdict) == (EUROPEAN, Verdict.DOUBTFUL)
    assert [call.code for call in both.reading().recognizers] == [None, NO_VIN]


def test_an_answer_that_nobody_is_sure_of_and_nobody_confirms_is_doubtful(two: Make) -> None:
    both = two([says(NO_VIN)], [says(EUROPEAN)])
    both.read()
    assert (both.reading().vin, both.reading().verdict) == (EUROPEAN, Verdict.DOUBTFUL)


def test_agree_verifies_nothing_that_only_one_has_read(two: Make) -> None:
    for own, cloud in (
        (says(LAW, 0.999), says(NO_VIN)),
        (says(LAW, 0.999), says(MISREAD)),
        (says(NO_VIN), says(LAW)),
    ):
        both = two([own], [cloud], VINDROP_CASCADE="agree")
        outcome = both.read()
        assert isinstance(outcome.record, Reading)
        assert outcome.record.verdict is Verdict.DOUBTFUL
        assert (both.own.asked, both.cloud.asked) == (1, 1)
    both = two([says(LAW, 0.999)], [says(LAW)], VINDROP_CASCADE="agree")
    assert both.read().record.verdict is Verdict.VERIFIED


def test_fallback_asks_the_next_one_only_where_one_gives_no_vin(two: Make) -> None:
    both = two([says(EUROPEAN, 0.5)], [says(LAW)], VINDROP_CASCADE="fallback")
    both.read()
    assert (both.own.asked, both.cloud.asked) == (1, 0)
    for first in (says(NO_VIN), says(AWAY), says(ARREARS), says(UNKNOWN_COST)):
        both = two([first], [says(LAW)], VINDROP_CASCADE="fallback")
        assert both.read().record.vin == LAW
        assert both.cloud.asked == 1


def test_a_photo_on_which_nobody_finds_a_vin_is_a_dead_letter_that_says_who_was_asked(
    two: Make,
) -> None:
    both = two([says(NO_VIN)], [says("FailedOperation.ImageBlur")])
    outcome = both.read()
    assert isinstance(outcome.record, DeadLetter)
    assert outcome.record.code == "FailedOperation.ImageBlur"
    assert "own: FailedOperation.OcrFailed" in outcome.record.message
    assert [call.name for call in outcome.record.recognizers] == ["own", "cloud"]
    assert both.world.dead_letters() == [outcome.record]


@pytest.mark.parametrize("blocked", [ARREARS, AWAY, "AuthFailure.SecretIdNotFound"])
def test_one_that_is_blocked_or_away_does_not_stop_the_other(two: Make, blocked: str) -> None:
    both = two([says(blocked)], [says(LAW)])
    for _ in range(3):
        assert both.read().end == "reading"
    assert both.cloud.answered == 3
    if blocked != AWAY:
        assert both.own.asked == 1, "its circuit is open"
        own, cloud = (engine.ledger.circuit(None) for engine in both.app.engines)
        assert own is not None
        assert cloud is None
    assert both.app.blocked() is None


def test_an_answer_that_was_paid_for_is_not_asked_for_again_where_the_other_is_away(
    two: Make,
) -> None:
    both = two([says(EUROPEAN, 0.9)], [says(AWAY)])
    upload = both.world.photo()
    outcome = both.read(upload)
    assert (outcome.end, both.world.readings()) == ("retry_scheduled", [])
    assert both.cloud.asked == 2, "a blip is tried twice in a run"
    both.cloud.script = [says(EUROPEAN)]
    make_due(both.app)
    assert process(both.another(), upload).end == "reading"
    assert both.own.asked == 1
    reading = both.reading()
    assert (reading.verdict, [c.billed for c in reading.recognizers]) == (Verdict.PLAUSIBLE, [1, 1])
    assert cost(both) == (2, 0)


def test_what_nobody_confirms_goes_out_as_doubtful_after_the_wait(two: Make) -> None:
    both = two([says(EUROPEAN, 0.9)], [says(ARREARS)], VINDROP_CASCADE_WAIT="600")
    upload = both.world.photo()
    outcome = both.read(upload)
    assert outcome.end == "retry_scheduled"
    assert outcome.retry_in <= 600
    make_due(both.app, later=599)
    outcome = process(both.app, upload)
    assert outcome.end == "retry_scheduled"
    assert outcome.retry_in is not None
    assert outcome.retry_in <= 2, "not beyond the end of the wait"
    make_due(both.app, later=2)
    assert process(both.app, upload).end == "reading"
    assert both.reading().verdict is Verdict.DOUBTFUL
    assert (both.own.asked, both.cloud.asked) == (1, 1)
    assert both.reading().recognizers[1].code == ARREARS


def test_without_a_wait_a_doubtful_answer_goes_out_at_once(two: Make) -> None:
    both = two([says(EUROPEAN, 0.9)], [says(AWAY)], VINDROP_CASCADE_WAIT="0")
    assert both.read().record.verdict is Verdict.DOUBTFUL


def test_a_callers_photo_is_answered_with_what_is_there(two: Make) -> None:
    both = two([says(EUROPEAN, 0.9)], [says(AWAY)])
    photo = both.world.photo()
    data = (both.world.objects / photo.key).read_bytes()
    sent = Upload("http", "bytes", "local", "k", "v")
    outcome = both.app.interactive.process(sent, Budget(60), Sent(data=data))
    assert isinstance(outcome.record, Reading)
    assert outcome.record.verdict is Verdict.DOUBTFUL


@pytest.mark.parametrize("busy", ["ResourceInsufficient", "RequestLimitExceeded"])
def test_a_busy_recognizer_is_waited_for_and_costs_no_call_to_the_dear_one(
    two: Make, busy: str
) -> None:
    both = two([says(busy), says(busy), says(LAW, 0.99)], [says(LAW)])
    assert both.read().end == "reading"
    assert (both.own.asked, both.cloud.asked) == (3, 0)
    both = two([says(busy)], [says(LAW)])
    assert process(both.app, both.world.photo(), seconds=22).end == "retry_scheduled"
    assert both.cloud.asked == 0


def test_a_worker_that_dies_at_the_second_call_has_nobody_paid_twice(two: Make) -> None:
    class Killed(BaseException):
        """As the platform's: nothing catches it."""

    def die() -> None:
        raise Killed

    both = two([says(EUROPEAN, 0.9)], [says(EUROPEAN)])
    both.cloud.at_call.append(die)
    upload = both.world.photo()
    with pytest.raises(Killed):
        both.read(upload)
    make_due(both.app)
    assert sweep.process(both.another(), a_call())["ended"] == {"reading": 1}
    assert (both.own.asked, both.cloud.asked) == (1, 2), (
        "the call in which it died may be paid twice"
    )
    assert both.reading().attempts == 2


def test_a_worker_that_keeps_dying_at_the_second_ends_with_the_first_ones_answer(
    two: Make,
) -> None:
    class Killed(BaseException):
        """As the platform's: nothing catches it."""

    def die() -> None:
        raise Killed

    both = two([says(EUROPEAN, 0.9)], [says(EUROPEAN)], VINDROP_MAX_ATTEMPTS="2")
    both.cloud.at_call += [die] * 9
    upload = both.world.photo()
    for _ in range(2):
        with pytest.raises(Killed):
            process(both.another(), upload)
        make_due(both.app)
    assert process(both.another(), upload).end == "reading"
    assert both.reading().verdict is Verdict.DOUBTFUL


def test_a_worker_that_was_frozen_before_the_second_call_makes_none(two: Make) -> None:
    both = two([says(EUROPEAN, 0.9)], [says(EUROPEAN)])
    upload = both.world.photo()

    def meanwhile() -> None:
        make_due(both.app)
        assert process(both.another(), upload).end == "reading"

    both.own.at_call.append(meanwhile)
    outcome = both.read(upload)
    assert (outcome.end, outcome.new) == ("reading", False)
    assert (both.own.asked, both.cloud.asked) == (2, 1), "frozen in its call: both are counted"
    assert cost(both) == (3, 0)


def test_what_may_have_been_billed_is_counted_by_recognizer(two: Make) -> None:
    both = two([says(UNKNOWN_COST), says(EUROPEAN, 0.9)], [says(EUROPEAN, None)])
    upload = both.world.photo()
    assert both.read(upload).end == "retry_scheduled"
    make_due(both.app)
    assert process(both.app, upload).end == "reading"
    own, cloud = both.reading().recognizers
    assert (own.billed, own.maybe_billed, cloud.billed, cloud.maybe_billed) == (1, 1, 1, 0)
    assert cost(both) == (2, 1)


def test_a_redrive_asks_everybody_anew(two: Make) -> None:
    both = two([says(NO_VIN), says(LAW, 0.99)], [says(NO_VIN)])
    upload = both.world.photo()
    letter = both.read(upload).record
    assert isinstance(letter, DeadLetter)
    assert both.app.ledger.redrive(letter, after=0) == "redriven"
    assert process(both.app, upload).end == "reading"
    assert (both.own.asked, both.cloud.asked) == (2, 1)


def test_a_photo_that_is_none_is_shown_to_nobody(two: Make) -> None:
    both = two([says(LAW, 0.99)], [says(LAW)])
    outcome = both.read(both.world.upload(b"no image at all"))
    assert isinstance(outcome.record, DeadLetter)
    assert outcome.record.code == "Vindrop.NotAnImage"
    assert (both.own.asked, both.cloud.asked) == (0, 0)
    assert outcome.record.recognizers == ()


def test_a_photo_that_has_gone_while_it_was_held_leaves_its_first_answer(two: Make) -> None:
    both = two([says(EUROPEAN, 0.9)], [says(AWAY), says(AWAY), says(EUROPEAN)])
    upload = both.world.photo()
    assert both.read(upload).end == "retry_scheduled"
    (both.world.objects / upload.key).unlink()
    make_due(both.app)
    assert process(both.app, upload).end == "reading"
    assert both.reading().verdict is Verdict.DOUBTFUL
    assert both.cloud.asked == 2


def test_a_cap_of_one_recognizer_is_its_own(two: Make, world: World) -> None:
    there = world.vinocr.endpoint
    both = two([says(NO_VIN)], [says(LAW)])
    both.changes = {}
    app = world.app(
        VINDROP_RECOGNIZERS=f"own={there}?rate=0 cloud={there}?rate=500&daily_calls=1",
    )
    for member, scripted in zip(
        cast("Any", app.pipeline)._cascade._members, (both.own, both.cloud), strict=True
    ):
        member.attempt._recognizer = scripted
    assert process(app, world.photo()).end == "reading"
    outcome = process(app, world.photo())
    assert outcome.end == "retry_scheduled"
    assert outcome.failure is not None
    assert outcome.failure.code == "Vindrop.DailyCap"
    assert (both.own.asked, both.cloud.asked) == (2, 1)


def test_log_lines_name_the_recognizer(two: Make, capsys: pytest.CaptureFixture[str]) -> None:
    both = two([says(ARREARS)], [says(LAW)])
    both.read()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (alarm,) = [line for line in lines if line["event"] == "circuit_opened"]
    assert (alarm["recognizer"], alarm["alarm"]) == ("own", True)
    asked = [line for line in lines if line["event"] == "recognizer_asked"]
    assert [(line["recognizer"], line["billed"], line.get("sure")) for line in asked] == [
        ("own", 0, None),
        ("cloud", 1, True),
    ]
    assert "recognizer_seconds" in asked[1]["metric"]


def cost(both: Two) -> tuple[int, int]:
    """What the ledger counts: billed, and perhaps billed."""
    database = cast("Database", both.app.ledger.database)
    ((billed, maybe),) = database.execute("SELECT billed, maybe_billed FROM vindrop_uploads").rows
    return billed, maybe


def denies(*candidates: tuple[str, float]) -> tuple[str, tuple[Alternative, ...]]:
    """A recognizer that gives no VIN, and tells which it thinks possible."""
    return NO_VIN, tuple(Alternative(vin=vin, confidence=p) for vin, p in candidates)


def test_what_our_reader_looked_for_and_did_not_find_goes_out_as_no_vin(two: Make) -> None:
    """The other one tells no confidence: nobody stands by its answer."""
    for said in (denies(), denies((ANOTHER, 0.6)), denies((EUROPEAN, 0.01))):
        both = two([said], [says(EUROPEAN)])
        outcome = both.read()
        assert isinstance(outcome.record, DeadLetter)
        assert outcome.record.code == "Vindrop.Unconfirmed"
        assert EUROPEAN not in outcome.record.message, "messages are logged"
        assert outcome.record.request_id == "cloud-1"
        own, cloud = outcome.record.recognizers
        assert (own.vin, [(c.vin, c.confidence) for c in own.candidates]) == (
            None,
            [(c.vin, c.confidence) for c in said[1]],
        )
        assert (cloud.vin, cloud.candidates, cloud.billed) == (EUROPEAN, (), 1)
        assert outcome.record.billed == 1
        assert outcome.record in both.world.dead_letters()
        assert queue_of(outcome.record) == "dead_letters", "a person may read it"


def test_what_our_reader_thought_possible_and_the_other_one_read_is_doubtful(two: Make) -> None:
    likely = denies((EUROPEAN, 0.5), (ANOTHER, 0.3))
    both = two([likely], [says(EUROPEAN)])
    both.read()
    assert (both.reading().vin, both.reading().verdict) == (EUROPEAN, Verdict.DOUBTFUL)
    assert both.reading().recognizers[0].candidates == likely[1]
    unlikely = two([denies((EUROPEAN, 0.49), (ANOTHER, 0.3))], [says(EUROPEAN)])
    assert isinstance(unlikely.read().record, DeadLetter)


def test_what_our_reader_gave_goes_out_whatever_one_says_that_tells_no_confidence(
    two: Make,
) -> None:
    """`first_sure` never reads less than the first alone."""
    for own, expected in ((says(EUROPEAN, 0.93), EUROPEAN), (says(MISREAD, 0.999), MISREAD)):
        for other in (says(NO_VIN), says(ANOTHER), says("HELLO")):
            record = two([own], [other]).read().record
            assert (record.vin, record.verdict) == (expected, Verdict.DOUBTFUL)


def test_who_is_told_to_goes_out_unconfirmed_and_doubtful(two: Make) -> None:
    both = two([denies()], [says(EUROPEAN)], unconfirmed="doubtful")
    record = both.read().record
    assert (record.vin, record.verdict) == (EUROPEAN, Verdict.DOUBTFUL)
    record = two([says(ANOTHER, 0.93)], [says(EUROPEAN)], unconfirmed="doubtful").read().record
    assert record.vin == ANOTHER, "what ours gives goes first"


def test_the_other_order_comes_to_the_same(two: Make) -> None:
    both = two([says(EUROPEAN)], [denies((ANOTHER, 0.6))])
    assert both.read().record.code == "Vindrop.Unconfirmed"
    both = two([says(EUROPEAN)], [denies((EUROPEAN, 0.6))])
    assert both.read().record.verdict is Verdict.DOUBTFUL


def test_agree_gives_both_answers_to_a_person_as_ever(two: Make) -> None:
    both = two([denies((ANOTHER, 0.6))], [says(EUROPEAN)], VINDROP_CASCADE="agree")
    both.read()
    assert (both.reading().vin, both.reading().verdict) == (EUROPEAN, Verdict.DOUBTFUL)


def test_a_denial_is_kept_while_the_other_one_is_away(two: Make) -> None:
    """What our reader thought possible is in the ledger: nobody is asked again for it."""
    both = two([denies((EUROPEAN, 0.6))], [says(AWAY)])
    upload = both.world.photo()
    assert both.read(upload).end == "retry_scheduled"
    both.cloud.script = [says(EUROPEAN)]
    make_due(both.app)
    assert process(both.another(), upload).end == "reading"
    assert both.own.asked == 1
    assert both.reading().vin == EUROPEAN
