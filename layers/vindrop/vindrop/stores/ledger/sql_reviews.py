"""Reviews on a SQL ledger: one row each, and what is in force in the upload's own row."""

from __future__ import annotations

from typing import Final, cast

from vindrop.core.console import Entry
from vindrop.core.review import KeptReview
from vindrop.domain import records
from vindrop.domain.records import End, Reading
from vindrop.domain.review import Review
from vindrop.stores import storable
from vindrop.stores.ledger.sql_hours import forget
from vindrop.stores.ledger.sql_schema import (
    FOUND,
    REVIEWS,
    UPLOADS,
    console_schema,
    cut,
    outcome_values,
)
from vindrop.stores.sql import Database

_ONE: Final = "WHERE upload = :id AND sequence = :sequence"


class SQLReviews:
    """See `vindrop.core.review.ReviewStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._now = database.dialect.now
        database.ensure(REVIEWS, *console_schema(database.dialect)[REVIEWS])

    def keep(self, review: Review, was: Entry, stands: End, moved: End | None) -> bool:
        """One transaction: the upload's row, whose condition decides, and the review's own."""
        event = storable(records.to_json(review))
        # `dead_letter` stands before `record`: MySQL reads a changed column's new value.
        earlier = ""
        if moved is not None:
            earlier = "dead_letter = " + ("record, " if _was_dead(was) else "dead_letter, ")
            if not isinstance(moved, Reading):
                earlier = "dead_letter = NULL, "
        values: dict[str, object] = {
            **outcome_values(stands),
            **({"queue": None} if review.in_force else {}),
        }
        if review.vin is not None:
            values |= {
                "outcome": "reviewed",
                "vin": review.vin,
                "maker": cut("maker", review.maker),
            }
        elif review.in_force:
            values |= {"vin": None}
        with self._database.transaction():
            changed = self._database.execute(
                f"UPDATE {UPLOADS} SET {earlier}record = :record, review = :review, "
                f"reviews = :sequence, reviewed = :reviewed, last_seen = {self._now}, {FOUND}, state = :state "
                "WHERE id = :id AND state = :was_state AND reviews = :was_reviews "
                "AND redriven = :was_redriven",
                id=was.id,
                record=storable(records.to_json(stands)),
                review=event if review.in_force else None,
                sequence=review.sequence,
                reviewed=int(review.in_force),
                state="delivered" if isinstance(stands, Reading) else "dead",
                was_state=was.state,
                was_reviews=was.sequence,
                was_redriven=was.redriven,
                **values,
            )
            if changed.rowcount != 1:
                return False
            self._database.execute(
                f"INSERT INTO {REVIEWS} (upload, sequence, event, record, due_at, tries) "
                f"VALUES (:id, :sequence, :event, :moved, {self._now}, 0)",
                id=was.id,
                sequence=review.sequence,
                event=event,
                moved=None if moved is None else storable(records.to_json(moved)),
            )
        forget(self._database, was.first_seen.timestamp())
        return True

    def history(self, upload_id: str) -> tuple[Review, ...]:
        """Return all reviews of an upload."""
        found = self._database.execute(
            f"SELECT event FROM {REVIEWS} WHERE upload = :id ORDER BY sequence", id=upload_id
        )
        each = (records.from_json(row[0]) for row in found.rows)
        return tuple(review for review in each if isinstance(review, Review))

    def pending(self, upload_id: str) -> list[int]:
        """Return the sequences that have not arrived everywhere."""
        found = self._database.execute(
            f"SELECT sequence FROM {REVIEWS} WHERE upload = :id AND due_at IS NOT NULL "
            "ORDER BY sequence",
            id=upload_id,
        )
        return [int(row[0]) for row in found.rows]

    def due(self, limit: int) -> list[tuple[str, int]]:
        """Return what anyone may deliver now."""
        found = self._database.execute(
            f"SELECT upload, sequence FROM {REVIEWS} WHERE due_at <= {self._now} "
            "ORDER BY due_at, sequence LIMIT :limit",
            limit=limit,
        )
        return [(str(row[0]), int(row[1])) for row in found.rows]

    def undelivered(self) -> int:
        """Return how many have not arrived everywhere; the index of what is due has them alone."""
        found = self._database.execute(f"SELECT COUNT(*) FROM {REVIEWS} WHERE due_at IS NOT NULL")
        return int(found.rows[0][0])

    def take(self, upload_id: str, sequence: int, lease: float) -> KeptReview | None:
        """One conditional UPDATE; not while an earlier one of the upload waits."""
        if self.pending(upload_id)[:1] != [sequence]:
            return None
        taken = self._database.execute(
            f"UPDATE {REVIEWS} SET due_at = {self._now} + :lease, tries = tries + 1 "
            f"{_ONE} AND due_at <= {self._now}",
            id=upload_id,
            sequence=sequence,
            lease=lease,
        )
        if taken.rowcount != 1:
            return None
        event, moved, reached, tries = self._database.execute(
            f"SELECT event, record, reached, tries FROM {REVIEWS} {_ONE}",
            id=upload_id,
            sequence=sequence,
        ).rows[0]
        return KeptReview(
            cast("Review", records.from_json(event)),
            records.end_from_json(moved) if moved else None,
            frozenset((reached or "").split()),
            int(tries),
        )

    def checkpoint(self, upload_id: str, sequence: int, reached: frozenset[str]) -> None:
        """Keep which deliveries are done."""
        self._database.execute(
            f"UPDATE {REVIEWS} SET reached = :reached {_ONE}",
            id=upload_id,
            sequence=sequence,
            reached=" ".join(sorted(reached)),
        )

    def delivered(self, upload_id: str, sequence: int) -> None:
        """It has arrived everywhere."""
        self._database.execute(
            f"UPDATE {REVIEWS} SET due_at = NULL {_ONE}", id=upload_id, sequence=sequence
        )

    def postpone(self, upload_id: str, sequence: int, seconds: float) -> None:
        """Let the next delivery begin after ``seconds``."""
        self._database.execute(
            f"UPDATE {REVIEWS} SET due_at = {self._now} + :seconds {_ONE} AND due_at IS NOT NULL",
            id=upload_id,
            sequence=sequence,
            seconds=seconds,
        )


def _was_dead(was: Entry) -> bool:
    return was.state == "dead"
