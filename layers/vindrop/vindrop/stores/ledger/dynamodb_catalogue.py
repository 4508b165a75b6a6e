"""The DynamoDB ledger asked by place: for a backfill, and for an object named without a version."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Final

from vindrop.core.ledger import Seen
from vindrop.core.store_errors import StoreError
from vindrop.domain.upload import Upload
from vindrop.stores.dynamodb import DynamoDB
from vindrop.stores.dynamodb_tables import BY_PLACE
from vindrop.stores.ledger.dynamodb_items import seen_of
from vindrop.telemetry import log

_TABLE: Final = "uploads"
_PLACED: Final = "catalogue/complete"
"""Identity of the item that says: every upload of an earlier version has its place."""


class DynamoDBCatalogue:
    """See `vindrop.core.ledger.Catalogue`."""

    def __init__(self, tables: DynamoDB) -> None:
        self._tables = tables
        self.tables = tables
        self._index_asked_for = False

    def seen(self, places: Sequence[str]) -> dict[str, list[Seen]]:
        """Return place → its uploads. The index may be a second behind.

        A table of an earlier version gets the index here, where the function may add one; until
        it serves, nothing is found by place, as in that version.
        """
        if len(places) <= 1:
            found = [self._tables.by_place(name) for name in places]
        else:
            from concurrent.futures import ThreadPoolExecutor  # only a backfill asks for many

            with ThreadPoolExecutor(min(8, len(places))) as pool:
                found = list(pool.map(self._tables.by_place, places))
        if any(items is None for items in found) and not self._index_asked_for:
            self._index_asked_for = True
            log("index_missing", level="warning", index=BY_PLACE)
            with contextlib.suppress(StoreError):
                self._tables.add_index(_TABLE, BY_PLACE, wait=False)
        pairs = zip(places, found, strict=True)
        return {name: [seen_of(item) for item in items] for name, items in pairs if items}

    def complete_catalogue(self) -> None:
        """Return once every upload is found by its place: those of earlier versions get theirs.

        :raises StoreError: the index is not ready, or may not be added.
        """
        if self._tables.get(_TABLE, _PLACED) is not None:
            return
        self._tables.add_index(_TABLE, BY_PLACE)
        without = "attribute_exists(#upload) AND attribute_not_exists(#place)"
        for item in self._tables.scan(_TABLE, without):
            upload = Upload.from_json(str(item["upload"]))
            self._tables.update(
                _TABLE,
                str(item["id"]),
                "SET #place = :place",
                "attribute_exists(#id)",
                place=upload.object_id,
            )
        self._tables.put_new(_TABLE, {"id": _PLACED})
