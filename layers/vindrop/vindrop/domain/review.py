"""A Review: what a person decided of an upload that no engine could finish.

Declared without ``from __future__ import annotations``, as `vindrop.domain.columns` explains.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Literal

from vindrop.domain.columns import Limits, Value
from vindrop.domain.upload import Upload
from vindrop.domain.vin import ALPHABET, LENGTH

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
    """Of the dead letter that the machine ended with, also where an earlier review had given a VIN."""
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


def reviewed_row(review: Review) -> dict[str, Value | None]:
    """Return column → value of what a review writes beside a reading or a dead letter."""
    from vindrop.domain.records import to_json

    made_at = review.decided_at.astimezone(dt.timezone.utc).isoformat(timespec="microseconds")
    return {
        "reviewed_vin": review.vin,
        "reviewed_by": review.reviewer if review.in_force else None,
        "reviewed_at": made_at if review.in_force else None,
        "review": to_json(review),
        "review_sequence": review.sequence,
    }
