"""What the recognizers of a cascade said of an upload so far, as the ledger keeps it."""

from __future__ import annotations

import msgspec

from vindrop.core.ledger import Claim
from vindrop.domain.recognition import Alternative, Box, Character, RecognizerCall
from vindrop.domain.vin import NotAVinError, Vin, parse
from vindrop.telemetry import log


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
        )


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
