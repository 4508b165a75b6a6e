"""Readings and dead letters as items in DynamoDB: ``dynamodb://region/prefix``.

Tables ``prefix_readings`` and ``prefix_dead_letters``; the upload's identity is the key. What
people ask for are attributes of their own, and the whole record stands beside them as JSON.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Final

from vindrop.core.destination import Kind
from vindrop.core.store_errors import StoreError
from vindrop.domain.records import Reading, Record, from_json, to_json
from vindrop.stores.dynamodb import Item, Value, open_dynamodb

LARGEST_ITEM: Final = 400 * 1024
"""Bytes, DynamoDB's own limit; the record is most of the item."""


class DynamoDBDestination:
    """See `vindrop.core.destination.Destination` and `vindrop.core.destination.Readable`."""

    database = None

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        self._tables = open_dynamodb(url, environment)

    def put(self, record: Record, *, again: bool = False) -> None:  # noqa: ARG002  # the key tells
        """Write the item, unless one that is as new is there; a failure never beside a success.

        A dead letter first, the look for a reading after: whichever of two writers is later sees
        the other's.
        """
        item = _columns(record)
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


def _columns(record: Record) -> dict[str, Value | None]:
    upload = record.upload
    found: dict[str, Value | None] = {
        "id": record.id,
        "cloud": upload.cloud if upload else None,
        "bucket": upload.bucket if upload else None,
        "object_key": upload.key if upload else None,
        "made_at": record.time.astimezone(dt.timezone.utc).isoformat(timespec="microseconds"),
        "event": to_json(record),
    }
    if isinstance(record, Reading):
        return found | {
            "vin": record.vin,
            "verdict": record.verdict.value,
            "maker": record.maker,
            "model_year": record.model_year,
        }
    return found | {
        "code": record.code,
        "message": record.message,
        "disposition": record.disposition.value,
        "attempts": record.attempts,
    }
