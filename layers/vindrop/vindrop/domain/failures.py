"""A failure: an error code and its sentence. What a code means is in `vindrop.domain.error_codes`."""

from __future__ import annotations

from dataclasses import dataclass

from vindrop.domain.error_codes import Disposition, Rule, rule
from vindrop.domain.recognition import Alternative
from vindrop.domain.redaction import printable, redact

__all__ = ["Disposition", "Failure", "FailureError"]

LONGEST_CODE = 128
LONGEST_ID = 256
"""Characters that are kept of a code and of a RequestId that others give."""
_READ = 2_000
"""Characters that are looked at of another's sentence."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error code, its sentence, and its line of the error table."""

    code: str
    message: str
    request_id: str | None = None
    candidates: tuple[Alternative, ...] | None = None
    """VINs that a recognizer which gave none thinks possible, likeliest first; None: it tells none."""

    @property
    def rule(self) -> Rule:
        """The line of the error table for this code."""
        return rule(self.code)

    @property
    def disposition(self) -> Disposition:
        """What becomes of the upload."""
        return self.rule.disposition


class FailureError(Exception):
    """Carries a `Failure` up to the pipeline, which alone decides what becomes of it."""

    of_photo = False
    """Whether the photo could not be had or sent: no recognizer is at fault."""

    def __init__(
        self,
        code: str,
        message: str,
        request_id: str | None = None,
        candidates: tuple[Alternative, ...] | None = None,
    ) -> None:
        # What VinOCR and the clouds say comes in here: cleaned, for whatever it is written to.
        self.failure = Failure(
            printable(code[:LONGEST_CODE]),
            printable(redact(message[:_READ])),  # of which far less is kept
            printable(request_id[:LONGEST_ID]) if request_id else None,
            candidates,
        )
        super().__init__(f"{code}: {self.failure.message}")
