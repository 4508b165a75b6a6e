"""Several recognizers, one answer: who is asked next, and what their answers come to.

    policy       the next one is asked                          it is decided by
    first_sure   while no answer is sure, or one is denied       a sure answer, or two that agree
    agree        until two agree                                 two that agree
    fallback     where one gives no VIN                          the first VIN

What a recognizer *said* (a VIN, or that there is none) is final for this upload: it is kept in the
ledger before the next one is called (write-ahead), so that a worker that dies there has nobody paid
twice. A recognizer that *cannot be asked* (out of reach, account blocked, cap reached) is passed over;
where its word is missing, the upload is retried. Meanwhile an answer that is not sure is held: it
goes out as doubtful after ``VINDROP_CASCADE_WAIT``, or where the upload would become a dead letter.
A recognizer that is merely *busy*, or whose rate limit is full, is waited for: a burst must not turn
into calls to the dear one.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from vindrop.core.answers import Book, Said, denied, nobody, recognized, stands, unconfirmed, weight
from vindrop.core.attempt import Attempt, Recognized, Result
from vindrop.core.circuit_breaker import CircuitBreaker
from vindrop.core.ledger import Claim, Ledger
from vindrop.domain import error_codes, sureness
from vindrop.domain.failures import Disposition, Failure
from vindrop.domain.upload import Upload
from vindrop.domain.vin import Verdict, Vin
from vindrop.settings import Settings
from vindrop.telemetry import bind, log

TRIES: Final = 2
"""Tries of one recognizer in a run, where another one can be asked instead."""
_LONGEST: Final = 300
"""Characters that are kept of a recognizer's own sentence."""
Ask = Callable[[Attempt, Claim, int | None], Result]
"""Makes one recognizer's attempts in this run; the third argument is how many at most."""


@dataclass(frozen=True, slots=True)
class Member:
    """One recognizer of the cascade."""

    name: str
    attempt: Attempt
    breaker: CircuitBreaker
    unconfirmed: bool = False
    """Its answers go out as doubtful even where one that tells how sure it is denies them."""


class Cascade:
    """The recognizers of ``VINDROP_RECOGNIZERS``, in their order; threads share it."""

    def __init__(self, settings: Settings, ledger: Ledger, members: Sequence[Member]) -> None:
        self._settings = settings
        self._ledger = ledger
        self._members = members

    def recognize(self, upload: Upload, claim: Claim, ask: Ask) -> Result:
        """Ask until the answer is decided, or nobody is left who can be asked.

        :raises StoreError: the ledger is away.
        """
        run = _Run(self._ledger, upload, claim)
        missing: dict[str, Result] = {}
        while (decided := self._decided(run.book)) is None:
            waiting = [m for m in self._members if not run.said(m.name) and m.name not in missing]
            if not waiting:
                break
            if not run.keep():
                return run.lost()
            member = waiting[0]
            instead = len(waiting) > 1 or run.book.answers()
            with bind(recognizer=member.name):
                result = ask(member.attempt, run.claim, TRIES if instead else None)
                run.note(member.name, result)
                if not result.of_photo:
                    self._log(run.book.about(member.name), result)
            if isinstance(result.outcome, Failure) and not run.said(member.name):
                missing[member.name] = result
                if result.of_photo or _is_waited_for(result.outcome):
                    break
        if decided is not None:
            return run.result(decided)
        return self._undecided(run, missing)

    def held(self, claim: Claim, failure: Failure) -> Result:
        """Return the end of an upload that no recognizer is asked for any more."""
        book = Book.of(claim)
        best = self._best(book) if book.answers() else None
        return Result(
            failure,
            claim.billed,
            claim.maybe_billed,
            held=best if isinstance(best, Recognized) else None,
            recognizers=book.calls(),
        )

    def _decided(self, book: Book) -> Recognized | None:
        """Return the answer that the policy goes by, or None: somebody else must be asked."""
        answers, policy = book.answers(), self._settings.cascade
        if policy == "fallback":
            return recognized(book, *answers[0]) if answers else None
        for number, (said, vin) in enumerate(answers):
            sure = policy == "first_sure" and self._is_sure(said, vin)
            sure = sure and (said.confidence is not None or not denied(book, said, vin))
            if sure or any(vin.value == other.value for _, other in answers[:number]):
                return recognized(book, said, vin)
        return None

    def _is_sure(self, said: Said, vin: Vin) -> bool:
        return sureness.is_sure(vin, said.confidence, self._settings.sure)

    def _best(self, book: Book) -> Recognized | Failure:
        """Return the answer that goes out where none was decided; or that none does.

        No recognizer was sure of it and no other one confirms it, so it is doubtful; unless there is
        only one recognizer at all, whose word then counts as it would without a cascade. Under
        ``first_sure`` none goes out that a recognizer which tells its sureness looked for and did not
        find: `answers.stands`.
        """
        answers = book.answers()
        if self._settings.cascade == "first_sure":
            trusted = {each.name for each in self._members if each.unconfirmed}
            answers = [e for e in answers if e[0].name in trusted or stands(book, *e)]
            if not answers:
                return unconfirmed(book)
        said, vin = max(reversed(answers), key=weight)
        if len(self._members) > 1:
            vin = dataclasses.replace(vin, verdict=Verdict.DOUBTFUL)
        return recognized(book, said, vin)

    def _undecided(self, run: _Run, missing: dict[str, Result]) -> Result:
        """Return what it comes to when nobody is left who can be asked now."""
        answers = run.book.answers()
        if not missing:
            return run.result(self._best(run.book) if answers else nobody(run.book))
        name, result = min(missing.items(), key=lambda each: _patience(each[1]))
        failure = result.outcome
        if not answers:
            if not run.keep():
                return run.lost()
            return run.result(failure, least=self._least(name, failure))
        best = self._best(run.book)
        age = run.claim.age
        run.book.since = age if run.book.since is None else run.book.since
        left = self._settings.cascade_wait - (age - run.book.since)
        if left <= 0:
            return run.result(best)
        if not run.keep():
            return run.lost()
        held = best if isinstance(best, Recognized) else None
        return run.result(failure, held=held, least=self._least(name, failure), most=left)

    def _least(self, name: str, failure: Recognized | Failure) -> float:
        """Return the seconds before which a retry is in vain: until the next probe of its circuit."""
        if not isinstance(failure, Failure) or failure.disposition is not Disposition.OPEN_CIRCUIT:
            return 0.0
        breaker = next(each.breaker for each in self._members if each.name == name)
        circuit = breaker.ledger.circuit(None)
        return circuit.probe_in if circuit else 0.0

    def _log(self, said: Said, result: Result) -> None:
        vin = said.vin
        failed = result.outcome if isinstance(result.outcome, Failure) else None
        log(
            "recognizer_asked",
            metrics=None if failed else {"recognizer_seconds": round(said.seconds, 3)},
            by="recognizer",
            code=failed and failed.code,
            sure=self._is_sure(said, vin) if vin else None,
            billed=said.billed,
            maybe_billed=said.maybe_billed,
            vinocr_request_id=said.request_id,
        )


class _Run:
    """One run of a cascade over one upload: its claim, and what has been spent."""

    def __init__(self, ledger: Ledger, upload: Upload, claim: Claim) -> None:
        self._ledger, self._upload = ledger, upload
        self.claim = claim
        self.book = Book.of(claim)
        self._kept = claim.answers
        self._billed, self._maybe_billed = claim.billed, claim.maybe_billed
        self._passed = set[str]()
        self._reference: str | None = None

    def said(self, name: str) -> bool:
        """Whether a recognizer has had its say."""
        return any(each.name == name and each.final for each in self.book.said)

    def note(self, name: str, result: Result) -> None:
        """Enter what a recognizer said, and cost."""
        self._passed |= result.passed
        self._reference = result.reference or self._reference
        billed = result.billed - self.claim.billed
        maybe_billed = result.maybe_billed - self.claim.maybe_billed
        if result.of_photo and not (billed or maybe_billed):
            return  # nobody was asked
        said, outcome = self.book.about(name), result.outcome
        said.billed += billed
        said.maybe_billed += maybe_billed
        self._billed += billed
        self._maybe_billed += maybe_billed
        if isinstance(outcome, Failure):
            said.code, said.message = outcome.code, outcome.message[:_LONGEST]
            said.request_id, said.alternatives = outcome.request_id, outcome.candidates
            said.final = outcome.disposition.is_final and not result.of_photo
            return
        answer = outcome.answer
        said.final, said.code, said.message = True, None, ""
        said.text, said.request_id = answer.vin, answer.request_id
        said.endpoint, said.seconds = outcome.endpoint, answer.seconds
        said.confidence, said.vin_box = answer.confidence, answer.vin_box
        said.characters, said.alternatives = answer.characters, answer.alternatives

    def keep(self) -> bool:
        """Write ahead what is worth it. False: the claim has passed to another worker."""
        worth = self.book.since is not None or any(
            each.final or each.billed or each.maybe_billed for each in self.book.said
        )
        text = msgspec.json.encode(self.book).decode()
        if not worth or text == self._kept:
            return True
        held = self._ledger.keep_answers(
            self._upload.id,
            self.claim,
            text,
            billed=self._billed,
            maybe_billed=self._maybe_billed,
        )
        self._kept = text
        self.claim = msgspec.structs.replace(
            self.claim, billed=self._billed, maybe_billed=self._maybe_billed, answers=text
        )
        return held

    def lost(self) -> Result:
        """Return the end of a worker whose claim another one has."""
        return self.result(
            Failure(error_codes.LEASE_LOST, "another worker has taken this photo over")
        )

    def result(
        self,
        outcome: Recognized | Failure,
        *,
        held: Recognized | None = None,
        least: float = 0.0,
        most: float = math.inf,
    ) -> Result:
        """Return what the run comes to."""
        return Result(
            outcome,
            self._billed,
            self._maybe_billed,
            frozenset(self._passed),
            claim=self.claim,
            held=held,
            recognizers=self.book.calls(),
            retry_within=(least, most),
            reference=self._reference,
        )


def _is_waited_for(failure: Failure) -> bool:
    """Whether the recognizer could be asked, only not just now: for its rate, or for ours."""
    rule = failure.rule
    waits = (
        failure.disposition is Disposition.RETRY and not rule.passing and not rule.until_tomorrow
    )
    return waits or rule.busy


def _patience(result: Result) -> int:
    """Return the order in which failures say what becomes of an upload: the soonest first.

    A photo that is gone, or is none, ends it whoever else is missing.
    """
    failure = result.outcome
    if not isinstance(failure, Failure) or _is_waited_for(failure):
        return 0
    if result.of_photo and failure.disposition.is_final:
        return -1
    if failure.rule.passing:
        return 1
    return 3 if failure.disposition is Disposition.UNKNOWN else 2
