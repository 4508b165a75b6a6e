"""Reviews in DynamoDB: an item each beside the upload's, written together with it.

A review that waits for its delivery has the state ``review`` and a ``due_at``, so the ledger's own
index finds it; once delivered it has neither.
"""

from __future__ import annotations

from typing import Any, Final, cast

from vindrop.core.console import Entry
from vindrop.core.review import KeptReview
from vindrop.domain.records import End, Reading, end_from_json, from_json, to_json
from vindrop.domain.review import Review
from vindrop.stores.dynamodb import DynamoDB, Item, Value
from vindrop.stores.dynamodb_batches import typed
from vindrop.stores.dynamodb_tables import CONSOLE
from vindrop.stores.ledger.dynamodb_listing import Listing

TABLE: Final = "uploads"
WAITS: Final = "review"
"""State of the items of reviews that wait for their delivery."""


class DynamoDBReviews:
    """See `vindrop.core.review.ReviewStore`."""

    def __init__(self, tables: DynamoDB, listing: Listing) -> None:
        self._tables = tables
        self._listing = listing

    def keep(self, review: Review, was: Entry, stands: End, moved: End | None) -> bool:
        """One transaction: the upload's item, whose condition decides, and the review's own."""
        now = self._tables.now()
        row: dict[str, Value] = {
            "id": item_id(was.id, review.sequence),
            "state": WAITS,
            "due_at": now,
            "upload_id": was.id,
            "sequence": review.sequence,
            "event": to_json(review),
            "tries": 0,
            **({"moved": to_json(moved)} if moved is not None else {}),
        }
        put = {
            "Item": {name: typed(value) for name, value in row.items()},
            "ConditionExpression": "attribute_not_exists(id)",
        }
        if not self._tables.both(_change(review, was, stands, moved, now), put, TABLE):
            return False
        self._listing.refresh(was.id)
        self._tables.delete(CONSOLE, hour_id(int(was.first_seen.timestamp() // 3600)))
        return True

    def history(self, upload_id: str) -> tuple[Review, ...]:
        """Return all reviews of an upload."""
        items = self._all(upload_id)
        return tuple(cast("Review", from_json(str(item["event"]))) for item in items)

    def pending(self, upload_id: str) -> list[int]:
        """Return the sequences that have not arrived everywhere."""
        return [int(item["sequence"]) for item in self._all(upload_id) if "due_at" in item]

    def due(self, limit: int) -> list[tuple[str, int]]:
        """Return what anyone may deliver now. The index may be a second behind."""
        found = self._tables.by_state(WAITS, until=self._tables.now(), limit=limit)
        names = (str(item["id"]).split("/") for item in found)
        return [(upload_id, int(sequence)) for _, upload_id, sequence in names]

    def undelivered(self) -> int:
        """Return how many have not arrived everywhere. The index may be a second behind."""
        return self._tables.count(WAITS)

    def take(self, upload_id: str, sequence: int, lease: float) -> KeptReview | None:
        """One conditional write; not while an earlier one of the upload waits."""
        if self.pending(upload_id)[:1] != [sequence]:
            return None
        now = self._tables.now()
        refused, item = self._tables.update(
            TABLE,
            item_id(upload_id, sequence),
            "SET #due_at = :until ADD #tries :one",
            "#due_at <= :now",
            until=now + lease,
            now=now,
            one=1,
        )
        if refused is not None:
            return None
        return KeptReview(
            cast("Review", from_json(str(item["event"]))),
            end_from_json(str(item["moved"])) if item.get("moved") else None,
            frozenset(str(item.get("reached", "")).split()),
            int(item["tries"]) + 1,
        )

    def checkpoint(self, upload_id: str, sequence: int, reached: frozenset[str]) -> None:
        """Keep which deliveries are done."""
        names = " ".join(sorted(reached))
        self._change(upload_id, sequence, "SET #reached = :names", names=names)

    def delivered(self, upload_id: str, sequence: int) -> None:
        """It has arrived everywhere: it leaves the index. What was not listed before is now."""
        self._listing.refresh(upload_id)
        self._change(upload_id, sequence, "REMOVE #state, #due_at")

    def postpone(self, upload_id: str, sequence: int, seconds: float) -> None:
        """Let the next delivery begin after ``seconds``."""
        self._tables.update(
            TABLE,
            item_id(upload_id, sequence),
            "SET #due_at = :due_at",
            "attribute_exists(#due_at)",
            due_at=self._tables.now() + seconds,
        )

    def _change(self, upload_id: str, sequence: int, change: str, **values: Value) -> None:
        key = item_id(upload_id, sequence)
        self._tables.update(TABLE, key, change, "attribute_exists(#id)", **values)

    def _all(self, upload_id: str) -> list[Item]:
        upload = self._tables.get(TABLE, upload_id) or {}
        keys = [item_id(upload_id, n + 1) for n in range(int(upload.get("reviews", 0)))]
        found = self._tables.get_many(TABLE, keys)
        return [found[key] for key in keys if key in found]


def item_id(upload_id: str, sequence: int) -> str:
    """Return the identity of a review's item."""
    return f"review/{upload_id}/{sequence}"


def hour_id(hour: int) -> str:
    """Return the identity of the item that keeps an hour's figures."""
    return f"hour/{hour}"


def _change(
    review: Review, was: Entry, stands: End, moved: End | None, now: float
) -> dict[str, Any]:
    """Return the upload's part of the transaction."""
    sets: dict[str, Value] = {
        "record": to_json(stands),
        "reviews": review.sequence,
        "last_seen": now,
        "state": "delivered" if isinstance(stands, Reading) else "dead",
    }
    gone = ["reviewed_vin", "reviewed_maker"]
    if review.in_force:
        sets["review"] = to_json(review)
    else:
        gone.append("review")
    for name, value in (("reviewed_vin", review.vin), ("reviewed_maker", review.maker)):
        if value:
            sets[name] = value
            gone.remove(name)
    earlier = ""
    if isinstance(moved, Reading) and was.state == "dead":
        earlier = "dead_letter = #record, "
    elif moved is not None and not isinstance(moved, Reading):
        gone.append("dead_letter")
    values: dict[str, Value] = {
        **sets,
        "was_state": was.state,
        "was_reviews": was.sequence,
        "was_redriven": was.redriven,
    }
    assigned = earlier + ", ".join(f"#{name} = :{name}" for name in sets)
    removed = f" REMOVE {', '.join(gone)}" if gone else ""
    return {
        "Key": {"id": {"S": was.id}},
        "UpdateExpression": f"SET {assigned}{removed}",
        # Items of earlier versions have no such numbers: they count as 0.
        "ConditionExpression": "#state = :was_state "
        f"AND {_is('reviews', was.sequence)} AND {_is('redriven', was.redriven)}",
        "ExpressionAttributeNames": {f"#{name}": name for name in (*sets, "redriven")},
        "ExpressionAttributeValues": {f":{name}": typed(value) for name, value in values.items()},
    }


def _is(name: str, number: int) -> str:
    same = f"#{name} = :was_{name}"
    return same if number else f"({same} OR attribute_not_exists(#{name}))"
