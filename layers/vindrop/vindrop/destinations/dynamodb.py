"""Readings and dead letters as items in DynamoDB: ``dynamodb://region/prefix``.

Tables ``prefix_readings`` and ``prefix_dead_letters``; the upload's identity is the key. The
attributes are the columns that the record declares (`vindrop.domain.records`) and the whole event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from vindrop.core.destination import Kind
from vindrop.core.store_errors import StoreError
from vindrop.domain.records import End, Reading, Record, end_from_json, is_review, row_of
from vindrop.stores.dynamodb import Item, Value, open_dynamodb

if TYPE_CHECKING:
    from vindrop.domain.review import Review

LARGEST_ITEM: Final = 400 * 1024
"""Bytes, DynamoDB's own limit; the record is most of the item."""


class DynamoDBDestination:
    """See `vindrop.core.destination.Destination` and `vindrop.core.destination.Readable`."""

    database = None

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        self._tables = open_dynamodb(url, environment)

    def put(self, record: Record, *, redelivered: bool = False) -> None:  # noqa: ARG002  # the key tells
        """Write the item, unless one that is as new is there; a failure never beside a success.

        A dead letter first, the look for a reading after: whichever of two writers is later sees
        the other's.
        """
        if is_review(record):
            self._put_review(record)
            return
        item = row_of(record)
        if len(str(item["event"]).encode()) > LARGEST_ITEM - 4096:
            raise StoreError("the record is larger than an item of DynamoDB may be (400 KB)")
        table = "readings" if isinstance(record, Reading) else "dead_letters"
        self._write(table, item)
        if isinstance(record, Reading) or self._tables.get("readings", record.id) is not None:
            self._tables.delete("dead_letters", record.id)

    def _write(self, table: str, item: dict[str, Value | None]) -> None:
        """Put or change the item: what a person wrote beside the machine's word stays."""
        kept = {name: value for name, value in item.items() if value is not None and name != "id"}
        gone = [name for name, value in item.items() if value is None]
        self._tables.update(
            table,
            str(item["id"]),
            f"SET {', '.join(f'#{name} = :{name}' for name in kept)}"
            f"{' REMOVE ' + ', '.join(f'#{name}' for name in gone) if gone else ''}",
            "attribute_not_exists(#id) OR #made_at < :made_at",
            **kept,
        )

    def _put_review(self, review: Review) -> None:
        """Write it beside the machine's word; of two reviews the later one stands."""
        from vindrop.domain.review import reviewed_row

        row = reviewed_row(review)
        kept = {name: value for name, value in row.items() if value is not None}
        gone = [name for name, value in row.items() if value is None]
        for table in ("readings", "dead_letters"):
            self._tables.update(
                table,
                review.upload.id,
                f"SET {', '.join(f'#{name} = :{name}' for name in kept)}"
                f"{' REMOVE ' + ', '.join(f'#{name}' for name in gone) if gone else ''}",
                "attribute_exists(#id) AND (attribute_not_exists(#review_sequence) "
                "OR #review_sequence < :review_sequence)",
                **kept,
            )

    def retract(self, upload_id: str) -> None:
        """Delete the reading that a person made of a dead letter."""
        self._tables.delete("readings", upload_id, "#verdict = :reviewed", reviewed="reviewed")

    def withdraw(self, record_id: str) -> None:
        """Delete the dead letter of an upload that has ended otherwise."""
        self._tables.delete("dead_letters", record_id)

    def records(self, kind: Kind) -> Iterator[End]:
        """Yield the records, oldest first; a scan, so all of them are held in memory."""
        for item in self._items(kind):
            yield end_from_json(str(item["event"]))

    def reviewed(self, kind: Kind) -> Iterator[tuple[End, Review | None]]:
        """Yield the records, each with what a person said beside it."""
        from vindrop.domain.in_force import review_of

        for item in self._items(kind):
            yield end_from_json(str(item["event"])), review_of(item.get("review"))

    def _items(self, kind: Kind) -> list[Item]:
        return sorted(
            self._tables.scan(kind), key=lambda item: (str(item["made_at"]), str(item["id"]))
        )
