"""What the console finds uploads by, in a DynamoDB table of its own: one small item per upload.

It is written after the ledger's own item: when an upload is first seen, before it is marked as
ended, and after a redrive or a review. It says what the ledger's item said at ``seen_at``, and an
older write never replaces a newer one. Were it not to be written, an upload is not held up: the
mark of completeness is taken back, and the sweep lists what is missing.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import Any, Final

from vindrop.core.outcome import queue_of
from vindrop.core.store_errors import StoreError
from vindrop.domain.records import DeadLetter, Reading, end_from_json
from vindrop.domain.upload import Upload
from vindrop.stores.dynamodb import DynamoDB, Item, Value
from vindrop.stores.dynamodb_tables import CONSOLE
from vindrop.telemetry import log

COMPLETE: Final = "console/complete"
"""Identity of the ledger's item that says: every upload is listed. It also says from when on."""
HEAD: Final = 4
VIN_HEAD: Final = 3
_LONGEST: Final = 255
Listed = dict[str, Value | None]


def day_of(moment: float) -> str:
    """Return the day (UTC) of a moment (seconds since 1970), as ``2026-11-26``."""
    return dt.datetime.fromtimestamp(moment, dt.timezone.utc).date().isoformat()


def of_upload(upload: Upload, first_seen: float, now: float) -> Listed:
    """Return the item of an upload of which nothing else is known."""
    name = upload.key.rstrip("/").rpartition("/")[2]
    reference = getattr(upload, "reference", None)
    return {
        "id": upload.id,
        "day": day_of(first_seen),
        "first_seen": first_seen,
        "seen_at": now,
        "kind": "waiting",
        "bucket": upload.bucket,
        "object_key": upload.key[:_LONGEST],
        "key_head": upload.key[:HEAD],
        "photo": name[:_LONGEST] or None,
        "photo_head": name[:HEAD] or None,
        "reference": reference[:_LONGEST] if reference else None,
        "reference_head": reference[:VIN_HEAD] if reference else None,
    }


def of_item(item: Item, now: float) -> Listed:
    """Return what the ledger's item comes to."""
    record = end_from_json(str(item["record"])) if item.get("record") else None
    upload = record.upload if record is not None else None
    listed = of_upload(
        upload or Upload.from_json(str(item["upload"])), float(item["first_seen"]), now
    )
    listed |= {
        "billed": int(item.get("billed", 0)),
        "maybe_billed": int(item.get("maybe_billed", 0)),
        "outcome": str(item["failure_code"]) if item.get("failure_code") else None,
    }
    if record is None:
        return listed
    in_force = bool(item.get("review"))
    listed |= of_record(record)
    if isinstance(record, Reading) and not item.get("redriven"):
        listed["took"] = max(record.read_at.timestamp() - float(item["first_seen"]), 0.0)
    if in_force:
        vin, maker = item.get("reviewed_vin"), item.get("reviewed_maker")
        listed |= {"reviewed": 1, "queue": None, **_vin(str(vin) if vin else None)}
        if vin:
            listed |= {"outcome": "reviewed", "maker": maker}
    return listed


def of_record(record: Reading | DeadLetter) -> Listed:
    """Return what an answer adds."""
    if isinstance(record, Reading):
        return {
            "kind": "reading",
            "outcome": record.verdict.value,
            "maker": record.maker,
            "queue": queue_of(record),
            **_vin(record.vin),
        }
    return {"kind": "dead_letter", "outcome": record.code, "queue": queue_of(record), **_vin(None)}


def _vin(vin: str | None) -> Listed:
    backwards = vin[::-1] if vin else None
    return {
        "vin": vin,
        "vin_head": vin[:VIN_HEAD] if vin else None,
        "vin_backwards": backwards,
        "vin_end": backwards[:VIN_HEAD] if backwards else None,
    }


class Listing:
    """Writes the console's items."""

    def __init__(self, tables: DynamoDB) -> None:
        self._tables = tables

    def seen(self, upload: Upload, now: float) -> None:
        """List an upload that has just been seen for the first time."""
        if upload.cloud != "http":  # one that is forgotten leaves no trace
            self._put(of_upload(upload, now, now))

    def refresh(self, upload_id: str) -> None:
        """List what the ledger's item says now."""
        with self._spared():
            now = self._tables.now()
            item = self._tables.get("uploads", upload_id)
            if item is not None:
                self._write(of_item(item, now))

    def _put(self, listed: Listed) -> None:
        with self._spared():
            self._write(listed)

    def _write(self, listed: Listed) -> None:
        self._tables.put_if(
            CONSOLE,
            listed,
            "attribute_not_exists(#id) OR #seen_at <= :seen_at",
            seen_at=float(listed["seen_at"] or 0),
        )

    def write(self, listed: Listed) -> None:
        """Write an item, unless a newer one is there.

        :raises StoreError: the table is away, or may not be written.
        """
        self._write(listed)

    @contextlib.contextmanager
    def _spared(self) -> Any:
        """Let no upload fail for its place in a list; have the sweep list it instead."""
        try:
            yield
        except StoreError as error:
            log("not_listed", level="warning", reason=str(error))
            with contextlib.suppress(StoreError):
                self._tables.delete("uploads", COMPLETE)
