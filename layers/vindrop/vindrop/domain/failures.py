"""A failure: an error code and its sentence. What a code means is in `vindrop.domain.error_codes`."""

from __future__ import annotations

from dataclasses import dataclass

from vindrop.domain.error_codes import Disposition, Rule, rule
from vindrop.domain.redaction import redact

__all__ = ["Disposition", "Failure", "FailureError"]


@dataclass(frozen=True, slots=True)
class Failure:
    """An error code, its sentence, and its line of the error table."""

    code: str
    message: str
    request_id: str | None = None

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

    def __init__(self, code: str, message: str, request_id: str | None = None) -> None:
        self.failure = Failure(code, redact(message), request_id)
        super().__init__(f"{code}: {self.failure.message}")
