"""What lands in the database of a stack on this machine, as it lands: readings, dead letters, reviews."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from vindrop.core.destination import Kind
from vindrop.destinations.sql import READINGS, SQLDestination
from vindrop.domain.in_force import in_force, review_of
from vindrop.domain.records import Record, end_from_json
from vindrop.domain.review import Review
from vindrop.stores.ledger.sql_schema import REVIEWS, console_schema
from vindrop.stores.sql import open_database

KINDS: Final[tuple[Kind, ...]] = ("readings", "dead_letters")


class Follower:
    """Records since it was made."""

    def __init__(self, url: str) -> None:
        """Open it.

        :param url: of an SQLite file: its reviews are followed by their `rowid`.
        """
        self._destination = SQLDestination(open_database(url))
        database = self._destination.database
        database.ensure(REVIEWS, *console_schema(database.dialect)[REVIEWS])
        self._seen = {kind: self._destination.last(kind) for kind in KINDS}
        last = database.execute(f"SELECT MAX(rowid) FROM {REVIEWS}").rows[0][0]  # noqa: S608  # our names
        self._reviews = int(last or 0)

    def new(self) -> list[Record]:
        """Return what has landed since the last call."""
        found: list[Record] = []
        for kind in KINDS:
            for at, record, _ in self._destination.after(kind, self._seen[kind]):
                self._seen[kind] = at
                found.append(record)
        return [*found, *self._decided()]

    def _decided(self) -> Iterator[Record]:
        rows = self._destination.database.execute(
            f"SELECT rowid, event FROM {REVIEWS} WHERE rowid > :seen ORDER BY rowid",  # noqa: S608  # our names
            seen=self._reviews,
        ).rows
        for at, event in rows:
            self._reviews = int(at)
            review = review_of(event)
            # The VIN that a person gives to a dead letter lands as a reading of its own.
            if review is not None and (review.vin is None or review.before.code is None):
                yield self._made_of(review)

    def _made_of(self, review: Review) -> Record:
        """Return the reading with the VIN that a person gave it, or the review that gives none."""
        if review.vin is None:
            return review
        rows = self._destination.database.execute(
            f"SELECT event FROM {READINGS} WHERE id = :id",  # noqa: S608  # our names
            id=review.upload.id,
        ).rows
        return in_force(end_from_json(rows[0][0]), review) if rows else review
