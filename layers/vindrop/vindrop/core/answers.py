"""What the recognizers of a cascade said of an upload so far, as the ledger keeps it, and what it comes to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from vindrop.core.attempt import Recognized
from vindrop.core.ledger import Claim
from vindrop.core.recognizer import Answer
from vindrop.domain import error_codes, records, sureness
from vindrop.domain.failures import Failure
from vindrop.domain.recognition import Alternative, Box, Character, RecognizerCall
from vindrop.domain.vin import NotAVinError, Verdict, Vin, parse
from vindrop.telemetry import log

_RANKS: Final = {Verdict.DOUBTFUL: 0, Verdict.PLAUSIBLE: 1, Verdict.VERIFIED: 2}


class Said(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What one recognizer said, and cost so far, as the ledger keeps it."""

    name: str
    final: bool = False
    """It gave a VIN, or said that there is none: it is not asked again."""
    text: str | None = None
    """Its answer, word for word."""
    request_id: str | None = None
    endpoint: str = ""
    seconds: float = 0.0
    confidence: float | None = None
    vin_box: Box | None = None
    characters: tuple[Character, ...] | None = None
    alternatives: tuple[Alternative, ...] | None = None
    """Other VINs, or the candidates where it gave none; None: it tells none."""
    code: str | None = None
    message: str = ""
    billed: int = 0
    maybe_billed: int = 0

    @property
    def vin(self) -> Vin | None:
        """Its VIN, judged; None where it gave none."""
        try:
            return parse(self.text) if self.text is not None else None
        except NotAVinError:  # written by another version
            return None

    def call(self) -> RecognizerCall:
        """Return what the record says of it."""
        vin = self.vin
        return RecognizerCall(
            name=self.name,
            vin=vin.value if vin else None,
            confidence=self.confidence if vin else None,
            request_id=self.request_id,
            seconds=round(self.seconds, 3),
            billed=self.billed,
            maybe_billed=self.maybe_billed,
            code=self.code,
            candidates=() if vin else self.alternatives or (),
        )

    @property
    def tells(self) -> bool:
        """Whether it says how sure it is: of its VIN, or of what it did not give."""
        return self.confidence is not None if self.vin else self.alternatives is not None

    def belief(self, vin: str) -> float:
        """Return the probability that it gives ``vin``."""
        if self.confidence is not None and (own := self.vin) and own.value == vin:
            return self.confidence
        return max((a.confidence for a in self.alternatives or () if a.vin == vin), default=0.0)


class Book(msgspec.Struct, omit_defaults=True):
    """All that the cascade knows of an upload."""

    said: list[Said] = []
    since: float | None = None
    """Age of the upload, in seconds, at which an answer was first held."""

    @classmethod
    def of(cls, claim: Claim) -> Book:
        """Return what earlier runs have kept."""
        if not claim.answers:
            return cls()
        try:
            return msgspec.json.decode(claim.answers, type=cls)
        except msgspec.MsgspecError:
            log("answers_unreadable", level="error", todo="recognizers are asked anew")
            return cls()

    def about(self, name: str) -> Said:
        """Return the entry of a recognizer, made where it has none."""
        found = next((each for each in self.said if each.name == name), None)
        if found is None:
            found = Said(name=name)
            self.said.append(found)
        return found

    def answers(self) -> list[tuple[Said, Vin]]:
        """Return who gave which VIN, in order."""
        return [(each, vin) for each in self.said if (vin := each.vin) is not None]

    def calls(self) -> tuple[RecognizerCall, ...]:
        """Return what the record says of all of them."""
        return tuple(each.call() for each in self.said)


def recognized(book: Book, said: Said, vin: Vin) -> Recognized:
    """Return an answer, with what others tell of the same VIN and this one does not."""
    same = [said, *(each for each, other in book.answers() if other.value == vin.value)]

    def told(name: str, among: Sequence[Said]) -> Any:
        return next((v for each in among if (v := getattr(each, name)) is not None), None)

    answer = Answer(
        said.text or "",
        said.request_id or "",
        said.seconds,
        vin_box=told("vin_box", [*same, *book.said]),
        confidence=told("confidence", same),
        characters=told("characters", same),
        alternatives=told("alternatives", same),
    )
    call = records.VinOCRCall(
        request_id=said.request_id or "",
        endpoint=said.endpoint,
        seconds=round(said.seconds, 3),
        billed=said.billed,
        maybe_billed=said.maybe_billed,
    )
    return Recognized(vin, answer, said.endpoint, call, book.calls())


def denied(book: Book, said: Said, vin: Vin) -> bool:
    """Whether a recognizer that tells how sure it is has looked, and does not think a VIN likely."""
    others = [each for each in book.said if each is not said and each.final and each.tells]
    return bool(others) and all(each.belief(vin.value) < sureness.SUPPORT for each in others)


def stands(book: Book, said: Said, vin: Vin) -> bool:
    """Whether an answer that nobody is sure of, and no other one confirms, may go out.

    A recognizer that tells its confidence stands by what it gives: what it doubts too much it does not
    give. One that tells none has no such standard. Its answer needs the law's check digit, or the
    support of one that has, among whose candidates it is; or that there is none to ask.
    """
    return said.confidence is not None or by_law(said, vin) or not denied(book, said, vin)


def by_law(said: Said, vin: Vin) -> bool:
    """Whether the check digit alone speaks for an answer."""
    return said.confidence is None and sureness.is_sure(vin, None, 1.0)


def weight(answer: tuple[Said, Vin]) -> tuple[float, int]:
    """Return what makes one answer of several the best.

    One whose check digit is required and holds; then who tells its confidence, by that; then the rest.
    """
    said, vin = answer
    if by_law(said, vin):
        return 1.0, _RANKS[vin.verdict]
    return -1.0 if said.confidence is None else said.confidence, _RANKS[vin.verdict]


def unconfirmed(book: Book) -> Failure:
    """Return the failure of a photo whose only answers are such as no recognizer stands by."""
    answers = book.answers()
    given = ", ".join(said.name for said, _ in answers)
    others = "; ".join(f"{each.name}: {each.code}" for each in book.said if not each.vin)
    return Failure(
        error_codes.UNCONFIRMED,
        f"a VIN was read by {given} alone, and nobody confirms it ({others})",
        answers[-1][0].request_id,
    )


def nobody(book: Book) -> Failure:
    """Return the failure of a photo on which no recognizer found a VIN: the last one's."""
    last = book.said[-1]
    others = "; ".join(f"{each.name}: {each.code}" for each in book.said[:-1])
    message = f"{last.message} ({others})" if others else last.message
    return Failure(last.code or error_codes.NO_VIN, message, last.request_id)
