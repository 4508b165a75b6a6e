"""A Review: what a person decided of an upload that no engine could finish. And who needs one.

Declared without ``from __future__ import annotations``, as `vindrop.domain.columns` explains.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from vindrop.domain.columns import Limits
from vindrop.domain.upload import Upload
from vindrop.domain.vin import ALPHABET, LENGTH

REVIEW: Final = "vindrop.review.v1"
Reason = Literal["no_vin", "no_photo", "new_photo_wanted", "undone"]
"""Why there is no VIN: the photo shows none; the photo is gone from its bucket; nobody can read it,
so another photo is asked for; the review before was undone, and none is in force."""


@dataclass(frozen=True, kw_only=True)
class Before:
    """What stood before the decision: the machine's word, or an earlier review's."""

    vin: str | None = None
    verdict: str | None = None
    """``reviewed`` where an earlier review had given the VIN."""
    code: str | None = None
    """Of the dead letter."""
    reason: str | None = None
    """Of an earlier review without a VIN."""


@dataclass(frozen=True, kw_only=True)
class Review:
    """What a person decided of one upload."""

    upload: Upload
    vin: Annotated[str | None, Limits(pattern=f"^[{ALPHABET}]{{{LENGTH}}}$")]
    """Null with a ``reason``."""
    reason: Reason | None
    reviewer: str
    """Name of the key with which the person signed in, never the key."""
    decided_at: dt.datetime
    seconds: Annotated[float | None, Limits(ge=0)]
    """That the decision took, where it is known."""
    sequence: Annotated[int, Limits(ge=1)]
    """1 for the first review of an upload, one more for each that corrects or undoes it."""
    before: Before
    correction_of: int | None = None
    """``sequence`` of the review that this one replaces; null for a first decision."""
    check_digit: Literal["valid", "invalid", "not_required"] | None = None
    """``invalid``: required by law and wrong, confirmed a second time by the person. Null without a VIN."""
    maker: str | None = None
    model_year: int | None = None
    traceparent: str | None = None
    """W3C trace context, where the upload's trigger carried one: an extension of the event."""

    @property
    def id(self) -> str:
        """The upload's identity and the sequence: every review is an event of its own."""
        return f"{self.upload.id}/{self.sequence}"

    @property
    def time(self) -> dt.datetime:
        """When the record was made."""
        return self.decided_at

    @property
    def in_force(self) -> bool:
        """Whether it says anything of the upload; an undo says that nothing is decided."""
        return self.reason != "undone"


def queue_of(record: Any) -> Literal["doubtful", "dead_letters"] | None:
    """Return in which part of the review queue the upload of a reading or dead letter stands.

    None: nothing is left to decide, or no person could, since there is no photo to look at.
    """
    from vindrop.domain.error_codes import rule

    upload = getattr(record, "upload", None)
    if upload is None or upload.cloud == "http":
        return None
    verdict = getattr(record, "verdict", None)
    if verdict is not None:
        return "doubtful" if verdict.value == "doubtful" else None
    return "dead_letters" if rule(record.code).readable_by_person else None
