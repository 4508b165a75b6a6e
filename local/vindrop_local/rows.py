"""A reading as a row of a table: the VIN in force, or why a person says that there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from vindrop.domain import in_force as rules
from vindrop.domain.recognition import Reviewed
from vindrop.domain.records import DeadLetter, End, Reading, Record
from vindrop.domain.upload import Upload

Row: TypeAlias = "Reading | DeadLetter | NoVin"


@dataclass(frozen=True)
class NoVin:
    """A reading of which a person says that the photo holds no VIN, as a row of a table."""

    upload: Upload
    verdict: str
    """Why there is none, where a verdict would stand."""
    reviewed: Reviewed


def row_of(end: End, counts: Record) -> Row:
    """Return the row of a reading: what counts of it, and whose word that is."""
    if isinstance(counts, Reading | DeadLetter):
        return counts
    if not isinstance(end, Reading):
        return end
    reason = (counts.reason or "").replace("_", " ")
    return NoVin(end.upload, reason, rules.reviewed(end, counts))
