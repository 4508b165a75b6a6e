"""What an item of the DynamoDB ledger says."""

from __future__ import annotations

from typing import cast

from vindrop.core.ledger import ENDED, Claim, Seen, Standing, State
from vindrop.domain.failures import Failure
from vindrop.domain.records import Record, from_json
from vindrop.domain.upload import Upload
from vindrop.stores.dynamodb import Item, Value


def new_item(
    upload: Upload, state: State, owner: str, now: float, due_at: float, attempts: int
) -> dict[str, Value | None]:
    """Return the item of an upload that is seen for the first time."""
    return {
        "id": upload.id,
        "state": state,
        "due_at": due_at,
        "owner": owner,
        "attempts": attempts,
        "billed": 0,
        "redriven": 0,
        "place": upload.object_id,
        "upload": upload.to_json(),
        "first_seen": now,
        "last_seen": now,
    }


def claim_of(item: Item, now: float | None = None) -> Claim:
    """Return the claim of the item's owner.

    :param now: seconds since 1970, by the store's clock; None: the age is not asked for.
    """
    first_seen, failing_after = float(item["first_seen"]), item.get("failing_after")
    return Claim(
        str(item["owner"]),
        int(item["attempts"]),
        int(item["billed"]),
        first_seen,
        _record(item),
        failure_of(item),
        frozenset(str(item.get("reached", "")).split()),
        int(item.get("redriven", 0)),
        str(item["traceparent"]) if item.get("traceparent") else None,
        0.0 if now is None else max(now - first_seen, 0.0),
        int(item.get("retries", 0)),
        None if failing_after is None else float(failing_after),
        int(item.get("maybe_billed", 0)),
        "dead_letter" in item,
        str(item["answers"]) if item.get("answers") else None,
    )


def seen_of(item: Item) -> Seen:
    """Return the upload as it is known by its place."""
    upload = Upload.from_json(str(item["upload"]))
    written = upload.uploaded_at.timestamp() if upload.uploaded_at else 0.0
    return Seen(upload.version, max(written, float(item["first_seen"])), upload.size)


def standing_of(item: Item, now: float) -> Standing:
    """Return the state of an upload that cannot be claimed now."""
    state = cast("State", item["state"])
    retry_in = None if state in ENDED else float(item["due_at"]) - now
    return Standing(state, retry_in, _record(item), failure_of(item))


def _record(item: Item) -> Record | None:
    event = item.get("record")
    return from_json(str(event)) if event else None


def failure_of(item: Item) -> Failure | None:
    """Return why a retry was scheduled or the circuit opened, if so."""
    code = item.get("failure_code")
    if not code:
        return None
    request_id = item.get("failure_request_id")
    return Failure(
        str(code), str(item.get("failure_message", "")), str(request_id) if request_id else None
    )
