"""Takes people's decisions: checks them, keeps them write-ahead, delivers them in their order."""

from __future__ import annotations

import contextlib
import datetime as dt
import math
import time
from dataclasses import replace
from typing import Final

from vindrop.core.console import Console, Entry
from vindrop.core.delivery import Delivery
from vindrop.core.ledger import Transactional
from vindrop.core.retry_schedule import delivery_wait
from vindrop.core.review import (
    AlreadyDecided,
    Decided,
    Decision,
    KeptReview,
    Outcome,
    RefusedDecisionError,
    ReviewStore,
    Undecidable,
)
from vindrop.core.store_errors import StoreError
from vindrop.domain import vin as rules
from vindrop.domain.recognition import Reviewed
from vindrop.domain.records import DeadLetter, End, Reading, VinOCRCall
from vindrop.domain.review import Before, Reason, Review
from vindrop.domain.vin import LOOKALIKES, VALUES, Verdict, Vin
from vindrop.telemetry import log

LEASE: Final = 60.0
"""Seconds that one delivery of a review may take."""
_LONGEST_NAME: Final = 64
_BETWEEN: Final = dict.fromkeys(map(ord, " \t-–—"))
_BY_CALLER: Final[tuple[Reason, ...]] = ("no_vin", "no_photo", "new_photo_wanted")


class ReviewDesk:
    """See `vindrop.core.review.Reviewer`."""

    def __init__(
        self,
        console: Console,
        store: ReviewStore,
        delivery: Delivery | None,
        database: Transactional | None,
    ) -> None:
        """Take what it works with.

        :param delivery: None: decisions are only kept, and the sweep delivers them.
        """
        self._console = console
        self._store = store
        self._delivery = delivery
        self._database = database

    def decide(self, decision: Decision) -> Outcome:
        """Check, keep and deliver a decision."""
        if decision.vin and decision.reason:
            raise RefusedDecisionError("reason", "a decision is a VIN or a reason, not both")
        if decision.vin:
            found = checked(decision.vin, wrong_check_digit=decision.wrong_check_digit)
            return self._decide(decision, found, None)
        if decision.reason not in _BY_CALLER:
            raise RefusedDecisionError(
                "reason", f"type the VIN, or say why there is none: one of {', '.join(_BY_CALLER)}"
            )
        return self._decide(decision, None, decision.reason)

    def undo(self, upload_id: str, reviewer: str, after: int) -> Outcome:
        """Keep and deliver that a review is undone."""
        history = self._console.reviews(upload_id)
        undone = next((each for each in history if each.sequence == after), None)
        if undone is None or not undone.in_force:
            raise RefusedDecisionError("nothing_to_undo", "there is no such review to undo")
        decision = Decision(upload_id=upload_id, reviewer=reviewer, after=after)
        return self._decide(decision, None, "undone")

    def deliver_due(self, limit: int = 100, seconds: float = math.inf) -> int:
        """Deliver what is due; one that fails keeps only its own upload's later ones waiting."""
        until, delivered = time.monotonic() + seconds, 0
        for upload_id, sequence in self._store.due(limit):
            if time.monotonic() >= until:
                break
            delivered += self._deliver(upload_id, sequence)
        return delivered

    def _decide(self, decision: Decision, vin: Vin | None, reason: Reason | None) -> Outcome:
        life = self._console.upload(decision.upload_id)
        if life is None:
            return Undecidable("unknown", None)
        entry = life.entry
        refusal = _refusal(decision, entry, life.reviews, vin, reason)
        if refusal is not None:
            if isinstance(refusal, Decided):
                return Decided(refusal.review, self._deliver_all(entry.id), repeated=True)
            return refusal
        original = life.dead_letter if _by_person(entry.record) else entry.record
        if original is None:
            return Undecidable("changed", entry)
        review = _review(decision, entry, original, vin, reason)
        stands: End = original
        moved: End | None = None
        if isinstance(original, DeadLetter) and vin is not None:
            stands = moved = reviewed_reading(original, review, vin)
        elif _by_person(entry.record):
            moved = original
        if not self._store.keep(review, entry, stands, moved):
            return self._overtaken(decision, vin, reason)
        log(
            "reviewed",
            metrics={"reviews": 1},
            upload=entry.id[:16],
            reviewer=review.reviewer,
            decision=reason or "vin",
            sequence=review.sequence,
            queue=entry.waits_for_review,
        )
        return Decided(review, self._deliver_all(entry.id))

    def _overtaken(self, decision: Decision, vin: Vin | None, reason: Reason | None) -> Outcome:
        """Return what another did between the look and the write."""
        life = self._console.upload(decision.upload_id)
        if life is None:
            return Undecidable("unknown", None)
        refusal = _refusal(decision, life.entry, life.reviews, vin, reason)
        if isinstance(refusal, Decided):
            return Decided(refusal.review, self._deliver_all(decision.upload_id), repeated=True)
        return refusal or Undecidable("changed", life.entry)

    def _deliver_all(self, upload_id: str) -> bool:
        """Deliver what an upload's reviews still wait for; False: the sweep has to go on with it."""
        if self._delivery is None:
            return False
        try:
            done = all(self._deliver(upload_id, n) for n in self._store.pending(upload_id))
            return done or not self._store.pending(upload_id)
        except StoreError as error:  # it is kept, and that is what counts
            log("review_undelivered", level="warning", upload=upload_id[:16], reason=str(error))
            return False

    def _deliver(self, upload_id: str, sequence: int) -> bool:
        kept = self._store.take(upload_id, sequence, LEASE)
        if kept is None:
            return False
        try:
            kept = self._now_moved(upload_id, kept)
            with self._together(kept):
                self._hand_over(upload_id, sequence, kept)
                kept = self._mend(upload_id, kept)
                self._store.delivered(upload_id, sequence)
            self._mend(upload_id, kept)  # what another transaction has written meanwhile
        except StoreError as error:
            age = (dt.datetime.now(dt.timezone.utc) - kept.review.decided_at).total_seconds()
            log("review_undelivered", level="warning", upload=upload_id[:16], reason=str(error))
            self._store.postpone(upload_id, sequence, delivery_wait(max(age, 0.0)))
            return False
        return True

    def _now_moved(self, upload_id: str, kept: KeptReview) -> KeptReview:
        """Let what stands in the ledger now go along, where a redrive or a late worker came between.

        A review may wait for days, for a destination that is away. Meanwhile it may have been undone,
        and the upload read after all: its old dead letter must not take that reading's place.
        """
        if kept.moved is None:
            return kept
        life = self._console.upload(upload_id)
        standing = life.entry.record if life is not None else None
        if standing is None or _by_person(standing):  # of this review, or of a later one: in order
            return kept
        return replace(kept, moved=standing)

    def _mend(self, upload_id: str, kept: KeptReview) -> KeptReview:
        """Deliver once more what stands now, where it came to stand while this was handed over."""
        now = self._now_moved(upload_id, kept)
        if now.moved != kept.moved and self._delivery is not None:
            self._delivery.deliver_review(
                now.review, now.moved, frozenset(), lambda _: None, redelivered=True
            )
        return now

    def _together(self, kept: KeptReview) -> contextlib.AbstractContextManager[None]:
        """One commit, where all of it goes to the ledger's own database."""
        if self._delivery is None:
            return contextlib.nullcontext()
        if kept.moved is not None and not self._delivery.is_in(self._database, kept.moved):
            return contextlib.nullcontext()
        return self._delivery.together(self._database, kept.review)

    def _hand_over(self, upload_id: str, sequence: int, kept: KeptReview) -> None:
        reached = kept.reached

        def checkpoint(names: frozenset[str]) -> None:
            self._store.checkpoint(upload_id, sequence, names)

        if self._delivery is None:
            raise StoreError("where decisions go is not known here")
        self._delivery.deliver_review(
            kept.review, kept.moved, reached, checkpoint, redelivered=kept.tries > 1
        )


def checked(text: str, *, wrong_check_digit: bool = False) -> Vin:
    """Return the VIN that a person typed; spaces and dashes are dropped, small letters are capitals.

    :param wrong_check_digit: the person has confirmed that it is as typed.
    :raises RefusedDecisionError: what is wrong, where, and what may be meant.
    """
    value = text.translate(_BETWEEN).upper()
    for position, character in enumerate(value):
        if character not in VALUES:
            meant = LOOKALIKES.get(character)
            hint = f": do you mean {meant}?" if meant else ""
            raise RefusedDecisionError(
                "characters",
                f"no VIN holds the character at place {position + 1}{hint}",
                position=position,
                suggestion=meant,
            )
    if len(value) != rules.LENGTH:
        raise RefusedDecisionError(
            "length", f"a VIN has {rules.LENGTH} characters, and this has {len(value)}"
        )
    found = rules.parse(value)
    if found.check_digit == "invalid" and not wrong_check_digit:
        raise RefusedDecisionError(
            "check_digit",
            "the check digit, which the law of its maker's country asks for, is wrong at place 9: look "
            "again, and confirm it if the vehicle really carries this number",
            position=rules.CHECK_POSITION,
            suggestion=rules.check_digit(value),
        )
    return found


def reviewed_reading(letter: DeadLetter, review: Review, vin: Vin) -> Reading:
    """Return the reading that a person makes of a dead letter."""
    return Reading(
        vin=vin.value,
        as_read=vin.value,
        verdict=Verdict.REVIEWED,
        check_digit=vin.check_digit,
        maker=vin.maker,
        region=vin.region,
        model_year=vin.model_year,
        upload=review.upload,
        vinocr=VinOCRCall(
            request_id=letter.request_id or "",
            endpoint="",
            seconds=0.0,
            billed=letter.billed,
            maybe_billed=letter.maybe_billed,
        ),
        attempts=max(letter.attempts, 1),
        recognizers=letter.recognizers,
        read_at=review.decided_at,
        manufacturer=vin.manufacturer,
        country=vin.country,
        reviewed=Reviewed(
            reviewer=review.reviewer,
            decided_at=review.decided_at,
            sequence=review.sequence,
            machine_code=letter.code,
        ),
        traceparent=review.traceparent,
    )


def _by_person(record: End | None) -> bool:
    return isinstance(record, Reading) and record.verdict is Verdict.REVIEWED


def _refusal(
    decision: Decision,
    entry: Entry,
    history: tuple[Review, ...],
    vin: Vin | None,
    reason: Reason | None,
) -> Outcome | None:
    """Return why the decision cannot be kept, or None: it can."""
    if entry.sequence != decision.after:
        last = history[-1] if history else None
        value = vin.value if vin else None
        if last is not None and last.sequence == decision.after + 1:
            same = (last.vin, last.reason, last.reviewer) == (value, reason, _name(decision))
            if same:
                return Decided(last, delivered=False, repeated=True)
        if entry.review is not None:
            return AlreadyDecided(entry.review)
        return Undecidable("changed", entry)
    if entry.state not in {"delivered", "dead"}:
        return Undecidable("in_progress", entry)
    return None


def _name(decision: Decision) -> str:
    return decision.reviewer[:_LONGEST_NAME]


def _review(
    decision: Decision, entry: Entry, original: End, vin: Vin | None, reason: Reason | None
) -> Review:
    earlier = entry.review
    return Review(
        upload=original.upload or entry.upload,
        vin=vin.value if vin else None,
        reason=reason,
        reviewer=_name(decision),
        decided_at=dt.datetime.now(dt.timezone.utc),
        seconds=None if decision.seconds is None else round(max(decision.seconds, 0.0), 1),
        sequence=entry.sequence + 1,
        before=Before(
            vin=entry.vin,
            verdict=entry.verdict,
            code=original.code if isinstance(original, DeadLetter) else None,
            reason=earlier.reason if earlier else None,
        ),
        correction_of=earlier.sequence if earlier else None,
        check_digit=vin.check_digit if vin else None,
        maker=vin.maker if vin else None,
        model_year=vin.model_year if vin else None,
        traceparent=original.traceparent,
    )
