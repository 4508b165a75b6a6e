"""The ledger in DynamoDB: one item per upload, each step one conditional write.

The fencing token is the item's ``owner``, the lease ends at ``due_at``; see `vindrop.core.ledger`.
An item that has ended keeps ``due_at`` as the moment of its end: the index by state and ``due_at``
serves the sweep, the counts and the list of dead letters. Whose clock: `vindrop.stores.dynamodb`.
"""

from __future__ import annotations

import uuid
from typing import Final, cast

from vindrop.core.ledger import (
    Claim,
    OpenCircuit,
    Standing,
    State,
    next_probe,
)
from vindrop.domain.failures import Failure
from vindrop.domain.records import Reading, Record, to_json
from vindrop.domain.upload import Upload
from vindrop.stores.dynamodb import DynamoDB, Item, Value
from vindrop.stores.ledger.dynamodb_catalogue import DynamoDBCatalogue
from vindrop.stores.ledger.dynamodb_items import claim_of, failure_of, new_item, standing_of
from vindrop.stores.ledger.dynamodb_operations import HOLD, OPEN, TABLE, DynamoDBOperations

_TRIES: Final = 5


class DynamoDBLedger(DynamoDBOperations, DynamoDBCatalogue):
    """See `vindrop.core.ledger.Ledger`."""

    durable = True
    database = None

    def __init__(self, tables: DynamoDB, account: str) -> None:
        super().__init__(tables)
        self._account = f"{HOLD}{account}"

    def claim(
        self, upload: Upload, lease: float, *, traceparent: str | None = None
    ) -> Claim | Standing:
        """One write for an upload never seen; one conditional write for one that is due."""
        now, owner = self._tables.now(), uuid.uuid4().hex
        fresh = new_item(upload, "claimed", owner, now, now + lease, 1)
        refused = self._tables.put_new(TABLE, fresh | {"traceparent": traceparent})
        if refused is None:
            return Claim(owner, 1, 0, first_seen=now, traceparent=traceparent)
        item = refused.item
        for _ in range(_TRIES):
            if item is None:  # deleted between the two writes
                return self.claim(upload, lease, traceparent=traceparent)
            if item["owner"] == owner:  # our write's answer was lost; the SDK asked again
                return claim_of(item, self._tables.now())
            state, now = cast("State", item["state"]), self._tables.now()
            if state not in OPEN or float(item["due_at"]) > now:
                return standing_of(item, now)
            attempts = int(item["attempts"]) + (1 if state in {"claimed", "parked"} else 0)
            taken: State = "claimed" if state == "parked" else state
            refused, _ = self._tables.update(
                TABLE,
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
                return claim_of(item | {"owner": owner, "attempts": attempts}, now)
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
        maybe_billed: int = 0,
    ) -> Claim | None:
        """Keep the answer; a reading also from a late worker, and in place of a dead letter."""
        reading = isinstance(record, Reading)
        now, event = self._tables.now(), to_json(record)
        kept = (
            "SET #state = :state, #record = :record, #owner = :owner, #attempts = :attempts, "
            "#due_at = :due_at, #last_seen = :now"
        )
        cost = " ADD #billed :billed, #maybe_billed :maybe_billed"
        values: dict[str, Value] = {
            "state": "answered" if reading else "failed",
            "record": event,
            "owner": claim.owner,
            "attempts": attempts,
            "due_at": now + lease,
            "now": now,
            "claimed": "claimed",
            "billed": billed - claim.billed,
            "maybe_billed": max(maybe_billed - claim.maybe_billed, 0),
        }
        held = "#owner = :owner AND #state = :claimed"
        refused, _ = self._tables.update(TABLE, upload_id, kept + cost, held, **values)
        if refused is None:
            return claim
        there = refused.item or {}
        if there.get("owner") == claim.owner and there.get("record") == event:
            return claim_of(there)
        # (change, condition) of what a reading may follow: another's claim, another's dead letter.
        late: tuple[tuple[str, str, dict[str, Value]], ...] = (
            (kept + cost, "#state IN (:claimed, :parked)", {"parked": "parked"}),
            (
                f"{kept.replace('SET', 'SET #dead_letter = #record,')} REMOVE #reached{cost}",
                "#state IN (:failed, :dead)",
                {"failed": "failed", "dead": "dead"},
            ),
        )
        for change, where, states in late if reading else ():
            given = (
                values
                if "claimed" in where
                else {k: v for k, v in values.items() if k != "claimed"}
            )
            refused, _ = self._tables.update(TABLE, upload_id, change, where, **given, **states)
            if refused is None:
                return claim_of(self._tables.get(TABLE, upload_id) or there)
        self._add_cost(upload_id, values["billed"], values["maybe_billed"])
        return None

    def holds(self, upload_id: str, claim: Claim, seconds: float) -> bool:
        """One consistent read; one conditional write where the lease is nearly over."""
        item, now = self._tables.get(TABLE, upload_id), self._tables.now()
        if item is None or item["owner"] != claim.owner or item["state"] != "claimed":
            return False
        return float(item["due_at"]) - now >= seconds or self._change(
            upload_id,
            "SET #due_at = :due_at",
            "#owner = :owner AND #state = :claimed",
            due_at=now + seconds,
            owner=claim.owner,
            claimed="claimed",
        )

    def checkpoint(self, upload_id: str, names: frozenset[str], claim: Claim | None = None) -> None:
        """Store which of several destinations have the record."""
        where, owner = _held_by(claim)
        self._change(
            upload_id,
            "SET #reached = :names",
            f"attribute_exists(#id){where}",
            names=" ".join(sorted(names)),
            **owner,
        )

    def delivered(self, upload_id: str, record: Record, claim: Claim | None = None) -> bool:
        """End this upload, if ``record`` is still its answer."""
        reading = isinstance(record, Reading)
        where, owner = _held_by(claim)
        return self._change(
            upload_id,
            "SET #state = :end, #due_at = :now, #last_seen = :now",
            f"#state = :state{where}",
            state="answered" if reading else "failed",
            end="delivered" if reading else "dead",
            now=self._tables.now(),
            **owner,
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
        maybe_billed: int = 0,
        retries: int = 0,
        failing_after: float | None = None,
    ) -> bool:
        """Set its retry time, if the fencing token still holds."""
        now = self._tables.now()
        since: dict[str, Value] = {} if failing_after is None else {"failing_after": failing_after}
        scheduled = self._change(
            upload_id,
            "SET #state = :parked, #due_at = :due_at, #attempts = :attempts, #last_seen = :now, "
            "#retries = :retries, #failure_code = :code, #failure_message = :message, "
            f"#failure_request_id = :request_id{', #failing_after = :failing_after' if since else ''} "
            f"ADD #billed :billed, #maybe_billed :maybe_billed"
            f"{'' if since else ' REMOVE #failing_after'}",
            "#owner = :owner AND #state = :claimed",
            parked="parked",
            due_at=now + seconds,
            attempts=attempts,
            billed=billed - claim.billed,
            maybe_billed=max(maybe_billed - claim.maybe_billed, 0),
            retries=retries,
            now=now,
            code=failure.code,
            message=failure.message,
            request_id=failure.request_id or "",
            owner=claim.owner,
            claimed="claimed",
            **since,
        )
        if not scheduled and (self._tables.get(TABLE, upload_id) or {}).get("owner") != claim.owner:
            self._add_cost(upload_id, billed - claim.billed, maybe_billed - claim.maybe_billed)
        return scheduled

    def forget(self, upload_id: str, claim: Claim) -> None:
        """Delete the item of a photo that only its caller has."""
        self._tables.delete(
            TABLE,
            upload_id,
            "#owner = :owner AND #state = :claimed",
            owner=claim.owner,
            claimed="claimed",
        )

    def retryable(self, limit: int, *, answered: bool | None = None) -> list[Upload]:
        """Return what anyone may claim, longest due first. The index may be a second behind."""
        now = self._tables.now()
        kept: tuple[State, ...] = ("answered", "failed")
        states = {None: OPEN, True: kept, False: ("claimed", "parked")}[answered]
        found: list[Item] = []
        for state in states:
            found += self._tables.by_state(state, until=now, limit=limit)
        found.sort(key=lambda item: float(item["due_at"]))
        return [Upload.from_json(str(item["upload"])) for item in found[:limit]]

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
        return self._tables.put_new(TABLE, item) is None

    def circuit(self, probe_after: float | None) -> OpenCircuit | None:
        """Return the open circuit; the conditional write chooses who probes."""
        item = self._tables.get(TABLE, self._account)
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
        return self._tables.delete(TABLE, self._account)


def _held_by(claim: Claim | None) -> tuple[str, dict[str, Value]]:
    return ("", {}) if claim is None else (" AND #owner = :owner", {"owner": claim.owner})
