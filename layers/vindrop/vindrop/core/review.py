"""Decisions of people: checked, kept in the ledger exactly once, delivered like any record.

A decision names the `Entry.sequence` that its page showed. The ledger keeps it by one conditional
write whose condition is that sequence, so of two reviewers at once exactly one succeeds; the other
is told who was first and what they decided. It is written ahead: kept, then delivered; what a
destination that is away did not take, the sweep delivers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

from vindrop.core.console import Console, Entry
from vindrop.core.ledger import Transactional
from vindrop.domain.records import End
from vindrop.domain.review import Reason, Review


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person says of one upload."""

    upload_id: str
    vin: str = ""
    """As typed; look-alikes (I, O, Q) are refused, not mended. Empty with a ``reason``."""
    reason: Reason | None = None
    reviewer: str
    """Name of the person's key."""
    seconds: float | None = None
    """From showing the photo to the decision."""
    after: int = 0
    """`Entry.sequence` of what was looked at: 0 for a first decision, more to correct or undo one."""
    wrong_check_digit: bool = False
    """The person was told that the check digit is wrong, and confirmed the VIN all the same."""


@dataclass(frozen=True, slots=True)
class Decided:
    """It is kept."""

    review: Review
    delivered: bool
    """False: a destination is away; the sweep delivers it."""
    repeated: bool = False
    """The same decision of the same reviewer was there already (a second click, a retry after a crash)."""


@dataclass(frozen=True, slots=True)
class AlreadyDecided:
    """Another was first: nothing was changed."""

    review: Review
    """Theirs: ``reviewer``, ``decided_at``, ``vin`` or ``reason``; look at it and correct it if it is wrong."""


@dataclass(frozen=True, slots=True)
class Undecidable:
    """Nothing was changed."""

    why: Literal["unknown", "in_progress", "changed"]
    """The ledger never saw the upload; it has not ended yet (a redrive is under way); it ended
    otherwise meanwhile, look again."""
    entry: Entry | None


Outcome = Decided | AlreadyDecided | Undecidable


class RefusedDecisionError(ValueError):
    """The decision says nothing that could be kept; ``str()`` tells the person what to do."""

    def __init__(
        self,
        kind: Literal["length", "characters", "check_digit", "reason", "nothing_to_undo"],
        sentence: str,
        *,
        position: int | None = None,
        suggestion: str | None = None,
    ) -> None:
        super().__init__(sentence)
        self.kind = kind
        """``check_digit``: may be confirmed with `Decision.wrong_check_digit`."""
        self.position = position
        """Index (from 0) of the first character that no VIN holds."""
        self.suggestion = suggestion
        """The character of the same shape that a VIN can hold."""


@dataclass(frozen=True, slots=True)
class KeptReview:
    """A review that is kept and has not arrived everywhere."""

    review: Review
    moved: End | None
    """What goes along: the reading made of a dead letter, or the dead letter that stands again."""
    reached: frozenset[str]
    """Deliveries that are done."""
    tries: int
    """How often its delivery was begun, this time included."""


class ReviewStore(Protocol):
    """What a ledger does for reviews. All methods raise `StoreError` when the store is away."""

    def keep(self, review: Review, was: Entry, stands: End, moved: End | None) -> bool:
        """Keep ``review``, and let ``stands`` be the upload's end, in one conditional write.

        The condition: the upload stands as ``was`` says, by state, redrives and last review.

        :param moved: what goes to destinations along with the review.
        :returns: False: it does not; nothing was changed.
        """

    def history(self, upload_id: str) -> tuple[Review, ...]:
        """Return all reviews of an upload, first to last."""

    def pending(self, upload_id: str) -> list[int]:
        """Return the sequences of those that have not arrived everywhere, first to last."""

    def due(self, limit: int) -> list[tuple[str, int]]:
        """Return (upload id, sequence) of what anyone may deliver now, longest due first."""

    def undelivered(self) -> int:
        """Return how many have not arrived everywhere, of all uploads."""

    def take(self, upload_id: str, sequence: int, lease: float) -> KeptReview | None:
        """Take one for delivery for ``lease`` seconds; None: another has it, or it has arrived."""

    def checkpoint(self, upload_id: str, sequence: int, reached: frozenset[str]) -> None:
        """Keep which deliveries are done."""

    def delivered(self, upload_id: str, sequence: int) -> None:
        """It has arrived everywhere."""

    def postpone(self, upload_id: str, sequence: int, seconds: float) -> None:
        """Its delivery failed: let the next one try after ``seconds``."""


class StoredConsole(Console, Protocol):
    """A console with what keeps its reviews: what a kind of ledger brings."""

    @property
    def database(self) -> Transactional | None:
        """The ledger's SQL database, so that a destination in the same one commits with it."""

    @property
    def review_store(self) -> ReviewStore:
        """Where decisions are kept."""

    def tidy(self, seconds: float) -> bool:
        """Bring what an earlier version wrote up to date, for about ``seconds``; return whether all is.

        :raises StoreError: an index may not be made here, or the store is away.
        """


class Reviewer(Protocol):
    """Takes decisions; `vindrop.wiring.open_reviewer` makes one. Safe to share between threads."""

    def decide(self, decision: Decision) -> Outcome:
        """Keep a first decision (``after`` 0) or a correction (``after`` the review it corrects).

        :raises RefusedDecisionError: wrong length or characters, an unconfirmed wrong check digit,
            neither VIN nor reason, or both.
        :raises StoreError: the ledger is away: nothing was kept, or the same decision may be sent again.
        """

    def undo(self, upload_id: str, reviewer: str, after: int) -> Outcome:
        """Take the review ``after`` back: the upload stands as the machine left it, and waits again.

        :raises RefusedDecisionError: there is nothing to undo.
        :raises StoreError: as `decide`.
        """

    def deliver_due(self, limit: int = 100, seconds: float = math.inf) -> int:
        """Deliver kept reviews that destinations have not got, oldest first; return how many.

        For the sweep. None is begun after ``seconds``.
        """
