"""The ledger in DynamoDB: one item per upload, each step one conditional write.

The fencing token is the item's ``owner``, the lease ends at ``due_at``; see `vindrop.core.ledger`.
An item that has ended keeps ``due_at`` as the moment of its end: the index by state and ``due_at``
serves the sweep, the counts and the list of dead letters. Whose clock: `vindrop.stores.dynamodb`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Final, cast

from vindrop.core.ledger import (
    ENDED,
    Claim,
    OpenCircuit,
    Redriven,
    Standing,
    State,
    Waiting,
    next_probe,
)
from vindrop.domain.failures import Failure
from vindrop.domain.records import DeadLetter, Reading, Record, from_json, to_json
from vindrop.domain.upload import Upload
from vindrop.stores.dynamodb import DynamoDB, Item, Value
from vindrop.stores.ledger.dynamodb_catalogue import DynamoDBCatalogue
from vindrop.stores.ledger.dynamodb_items import (
    claim_of,
    failure_of,
    new_item,
    standing_of,
)

_OPEN: Final[tuple[State, ...]] = ("claimed", "parked", "answered", "failed")
_TABLE: Final = "uploads"
_TRIES: Final = 5
_LOOKED_AT: Final = 1_000


class DynamoDBLedger(DynamoDBCatalogue):
    """See `vindrop.core.ledger.Ledger`."""

    durable = True
    database = None

    def __init__(self, tables: DynamoDB, account: str) -> None:
        super().__init__(tables)
        self._account = f"hold/{account}"

    def claim(
        self, upload: Upload, lease: float, *, traceparent: str | None = None
    ) -> Claim | Standing:
        """One write for an upload never seen; one conditional write for one that is due."""
        now, owner = self._tables.now(), uuid.uuid4().hex
        fresh = new_item(upload, "claimed", owner, now, now + lease, 1)
        refused = self._tables.put_new(_TABLE, fresh | {"traceparent": traceparent})
        if refused is None:
            return Claim(owner, 1, 0, first_seen=now, traceparent=traceparent)
        item = refused.item
        for _ in range(_TRIES):
            if item is None:  # deleted between the two writes
                return self.claim(upload, lease, traceparent=traceparent)
            if item["owner"] == owner:  # our write's answer was lost; the SDK asked again
                return claim_of(item)
            state, now = cast("State", item["state"]), self._tables.now()
            if state not in _OPEN or float(item["due_at"]) > now:
                return standing_of(item, now)
            attempts = int(item["attempts"]) + (1 if state in {"claimed", "parked"} else 0)
            taken: State = "claimed" if state == "parked" else state
            refused, _ = self._tables.update(
                _TABLE,
                upload.id,
                "SET #owner = :owner, #attempts = :attempts, #state = :state, #due_at = :due_at, "
                "#last_seen = :now, #place = :place",
                "#owner = :was_owner AND #state = :was_state AND #due_at = :was_due",
                owner=owner,
                attempts=attempts,
                state=taken,
                due_at=now + lease,
                now=now,
                place=upload.object_id,
                was_owner=item["owner"],
                was_state=state,
                was_due=item["due_at"],
            )
            if refused is None:
                return claim_of(item | {"owner": owner, "attempts": attempts})
            item = refused.item
        return Standing("claimed", 1.0, None)

    def keep(
        self,
        upload_id: str,
        claim: Claim,
        record: Record,
        *,
        attempts: int,
        billed: int,
        lease: float,
    ) -> bool:
        """Keep the answer, whoever brings it, if none is kept: an answer was paid for."""
        reading = isinstance(record, Reading)
        now, event = self._tables.now(), to_json(record)
        also = {"also": "failed"} if reading else {}
        refused, _ = self._tables.update(
            _TABLE,
            upload_id,
            "SET #state = :state, #record = :record, #owner = :owner, #attempts = :attempts, "
            "#billed = :billed, #due_at = :due_at, #last_seen = :now",
            f"#state IN (:claimed, :parked{', :also' if reading else ''})",
            state="answered" if reading else "failed",
            record=event,
            owner=claim.owner,
            attempts=attempts,
            billed=billed,
            due_at=now + lease,
            now=now,
            claimed="claimed",
            parked="parked",
            **also,
        )
        if refused is None:
            return True
        there = refused.item or {}
        return there.get("owner") == claim.owner and there.get("record") == event

    def checkpoint(self, upload_id: str, names: frozenset[str]) -> None:
        """Store which of several destinations have the record."""
        self._change(upload_id, "SET #reached = :names", names=" ".join(sorted(names)))

    def delivered(self, upload_id: str, record: Record) -> None:
        """End this upload, if ``record`` is still its answer."""
        reading = isinstance(record, Reading)
        self._change(
            upload_id,
            "SET #state = :end, #due_at = :now, #last_seen = :now",
            "#state = :state",
            state="answered" if reading else "failed",
            end="delivered" if reading else "dead",
            now=self._tables.now(),
        )

    def postpone(self, upload_id: str, claim: Claim, seconds: float) -> None:
        """Let the next delivery begin after ``seconds``."""
        self._change(
            upload_id,
            "SET #due_at = :due_at",
            "#owner = :owner AND #state IN (:answered, :failed)",
            due_at=self._tables.now() + seconds,
            owner=claim.owner,
            answered="answered",
            failed="failed",
        )

    def schedule_retry(
        self,
        upload_id: str,
        claim: Claim,
        failure: Failure,
        *,
        seconds: float,
        attempts: int,
        billed: int,
    ) -> bool:
        """Set its retry time, if the fencing token still holds."""
        now = self._tables.now()
        return self._change(
            upload_id,
            "SET #state = :parked, #due_at = :due_at, #attempts = :attempts, #billed = :billed, "
            "#last_seen = :now, #failure_code = :code, #failure_message = :message, "
            "#failure_request_id = :request_id",
            "#owner = :owner AND #state = :claimed",
            parked="parked",
            due_at=now + seconds,
            attempts=attempts,
            billed=billed,
            now=now,
            code=failure.code,
            message=failure.message,
            request_id=failure.request_id or "",
            owner=claim.owner,
            claimed="claimed",
        )

    def forget(self, upload_id: str, claim: Claim) -> None:
        """Delete the item of a photo that only its caller has."""
        self._tables.delete(
            _TABLE,
            upload_id,
            "#owner = :owner AND #state = :claimed",
            owner=claim.owner,
            claimed="claimed",
        )

    def retryable(self, limit: int) -> list[Upload]:
        """Return what anyone may claim, longest due first. The index may be a second behind."""
        now = self._tables.now()
        found: list[Item] = []
        for state in _OPEN:
            found += self._tables.by_state(state, until=now, limit=limit)
        found.sort(key=lambda item: float(item["due_at"]))
        return [Upload.from_json(str(item["upload"])) for item in found[:limit]]

    def end_leases(self) -> int:
        """Make every claim and delivery under way due now; see `SQLLedger.end_leases`."""
        now, ended = self._tables.now(), 0
        for state in ("claimed", "answered", "failed"):
            for item in list(self._tables.by_state(state)):
                ended += self._change(
                    str(item["id"]),
                    "SET #due_at = :now",
                    "#state = :state AND #due_at > :now",
                    now=now,
                    state=state,
                )
        return ended

    def standing(self, upload_id: str) -> Standing | None:
        """Return the state of an upload."""
        item = self._tables.get(_TABLE, upload_id)
        return None if item is None else standing_of(item, self._tables.now())

    def counts(self) -> dict[State, int]:
        """Return how many are in each state. The index may be a second behind."""
        found = {state: self._tables.count(state) for state in (*_OPEN, *ENDED)}
        return {state: count for state, count in found.items() if count}

    def backlog(self) -> dict[State, Waiting]:
        """Return what has not ended, of each state the `_LOOKED_AT` that are due first at most."""
        now, found = self._tables.now(), dict[State, Waiting]()
        for state in _OPEN:
            items = list(self._tables.by_state(state, limit=_LOOKED_AT))
            if items:
                seen = min(float(item.get("first_seen", item["due_at"])) for item in items)
                found[state] = Waiting(len(items), max(now - seen, 0.0))
        return found

    def redrive(self, letter: DeadLetter, *, after: float) -> Redriven:
        """One conditional write, and one for an upload that this ledger never saw."""
        if letter.upload is None:
            return "unknown"
        now = self._tables.now()
        refused, _ = self._tables.update(
            _TABLE,
            letter.id,
            "SET #state = :parked, #due_at = :due_at, #attempts = :zero, #last_seen = :now, "
            "#dead_letter = #record, #redriven = if_not_exists(#redriven, :zero) + :one, "
            "#failure_code = :code, #failure_message = :message, #failure_request_id = :request_id "
            "REMOVE #record, #reached",
            "#state = :dead",
            parked="parked",
            due_at=now + after,
            zero=0,
            one=1,
            now=now,
            code=letter.code,
            message=letter.message,
            request_id=letter.request_id or "",
            dead="dead",
        )
        if refused is not None and refused.item is None:
            item = new_item(letter.upload, "parked", "", now, now + after, 0) | {
                "first_seen": letter.first_seen.timestamp(),
                "billed": letter.billed,
                "redriven": letter.redriven + 1,
                "dead_letter": to_json(letter),
                "traceparent": letter.traceparent,
            }
            refused = self._tables.put_new(_TABLE, item)
        if refused is None:
            return "redriven"
        return "answered" if (refused.item or {}).get("state") == "delivered" else "under_way"

    def dead_letters(self) -> Iterator[DeadLetter]:
        """Yield them state by state, in no order of time."""
        for state in ("dead", *_OPEN):
            for found in self._tables.by_state(state):
                item = self._tables.get(_TABLE, str(found["id"])) or {}
                event = item.get("record" if item.get("state") == "dead" else "dead_letter")
                record = from_json(str(event)) if event else None
                if isinstance(record, DeadLetter) and item.get("state") != "delivered":
                    yield record

    def open_circuit(self, failure: Failure, probe_after: float) -> bool:
        """Open the circuit; the write tells who was first."""
        now = self._tables.now()
        item: dict[str, Value | None] = {
            "id": self._account,
            "failure_code": failure.code,
            "failure_message": failure.message,
            "failure_request_id": failure.request_id,
            "since": now,
            "probe_at": now + probe_after,
        }
        return self._tables.put_new(_TABLE, item) is None

    def circuit(self, probe_after: float | None) -> OpenCircuit | None:
        """Return the open circuit; the conditional write chooses who probes."""
        item = self._tables.get(_TABLE, self._account)
        failure = failure_of(item or {})
        if item is None or failure is None:
            return None
        now = self._tables.now()
        probe_in = float(item["probe_at"]) - now
        if probe_in <= 0 and probe_after is not None:
            wait = next_probe(probe_after, now - float(item["since"]))
            chosen = self._change(
                self._account,
                "SET #probe_at = :next",
                "#probe_at = :was",
                next=now + wait,
                was=item["probe_at"],
            )
            probe_in = 0.0 if chosen else wait
        return OpenCircuit(failure, max(probe_in, 0.0))

    def close_circuit(self) -> bool:
        """Close the circuit; the deletion tells who did it."""
        return self._tables.delete(_TABLE, self._account)

    def _change(
        self, key: str, change: str, where: str = "attribute_exists(#id)", **values: Value
    ) -> bool:
        refused, _ = self._tables.update(_TABLE, key, change, where, **values)
        return refused is None
