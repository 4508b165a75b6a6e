"""Readings and dead letters as items in DynamoDB: ``dynamodb://region/prefix``.

Tables ``prefix_readings`` and ``prefix_dead_letters``; the upload's identity is the key. The
attributes are the columns that the record declares (`vindrop.domain.records`) and the whole event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from vindrop.core.destination import Kind
from vindrop.core.store_errors import StoreError
from vindrop.domain.records import Reading, Record, from_json, row_of
from vindrop.stores.dynamodb import Item, open_dynamodb

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
        item = row_of(record)
        if len(str(item["event"]).encode()) > LARGEST_ITEM - 4096:
            raise StoreError("the record is larger than an item of DynamoDB may be (400 KB)")
        table = "readings" if isinstance(record, Reading) else "dead_letters"
        self._tables.put_if(
            table,
            item,
            "attribute_not_exists(#id) OR #made_at < :made_at",
            made_at=str(item["made_at"]),
        )
        if isinstance(record, Reading) or self._tables.get("readings", record.id) is not None:
            self._tables.delete("dead_letters", record.id)

    def withdraw(self, record_id: str) -> None:
        """Delete the dead letter of an upload that has ended otherwise."""
        self._tables.delete("dead_letters", record_id)

    def records(self, kind: Kind) -> Iterator[Record]:
        """Yield the records, oldest first; a scan, so all of them are held in memory."""
        found: list[Item] = sorted(
            self._tables.scan(kind), key=lambda item: (str(item["made_at"]), str(item["id"]))
        )
        for item in found:
            yield from_json(str(item["event"]))
