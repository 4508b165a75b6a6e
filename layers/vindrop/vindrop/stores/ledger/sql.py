"""The ledger in SQLite, PostgreSQL or MySQL: one row per upload, each step one conditional write.

The fencing token is the row's ``owner``, the lease ends at ``due_at``; see `vindrop.core.ledger`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Final

from vindrop.core.ledger import Claim, OpenCircuit, Standing, next_probe
from vindrop.core.store_errors import LockedError
from vindrop.domain import records
from vindrop.domain.failures import Failure
from vindrop.domain.upload import Upload
from vindrop.stores import storable
from vindrop.stores.ledger.sql_operations import SQLOperations
from vindrop.stores.ledger.sql_schema import (
    CALLS,
    CIRCUITS,
    FOUND,
    UPLOADS,
    added,
    claimed,
    due_claim,
    failure_values,
    new_claim,
    outcome_values,
    place_values,
    schema,
    standing_of,
)
from vindrop.stores.sql import Database

_PAGE: Final = 500
LOCKED_SECONDS: Final = 1.0
"""After which an upload is worth another try whose row another worker has locked."""
_DEAD: Final = "'failed', 'dead'"
_KEPT: Final = "'answered', 'failed'"


class SQLLedger(SQLOperations):
    """See `vindrop.core.ledger.Ledger`."""

    durable = True

    def __init__(self, database: Database, account: str) -> None:
        self.database: Database = database
        self._account = account
        self._now = database.dialect.now
        for table, statements in schema(database.dialect).items():
            if table == CALLS:  # made when a cap first counts
                continue
            columns = added(database.dialect) if table == UPLOADS else {}
            database.ensure(table, *statements, columns=columns)

    def claim(
        self, upload: Upload, lease: float, *, traceparent: str | None = None
    ) -> Claim | Standing:
        """One INSERT for an upload never seen; one conditional UPDATE for one that is due.

        A power cut may undo the INSERT, while its own event is under way and is redelivered:
        nobody is told of another's claim before that is on the disk.
        """
        try:
            return self._claim(upload, lease, traceparent)
        except LockedError:  # by a worker that hangs in its transaction
            return Standing("claimed", LOCKED_SECONDS, None)

    def _claim(self, upload: Upload, lease: float, traceparent: str | None) -> Claim | Standing:
        owner = uuid.uuid4().hex
        with self.database.relaxed():
            inserted = self.database.execute(
                new_claim(self.database.dialect),
                id=upload.id,
                lease=lease,
                owner=owner,
                place=upload.object_id,
                upload=upload.to_json(),
                traceparent=traceparent,
                **place_values(upload),
            )
        if inserted.rowcount == 1:
            return Claim(owner, 1, 0, first_seen=time.time(), traceparent=traceparent)
        self.database.execute(
            due_claim(self.database.dialect), id=upload.id, owner=owner, lease=lease
        )
        row = self._row(upload.id)
        if row is None:  # deleted by hand between the two statements
            return self._claim(upload, lease, traceparent)
        if row[2] == owner:
            return claimed(row)
        if row[0] in {"claimed", "answered", "failed"}:
            self.database.sync()
        return standing_of(row)

    def keep(
        self,
        upload_id: str,
        claim: Claim,
        record: records.End,
        *,
        attempts: int,
        billed: int,
        lease: float,
        maybe_billed: int = 0,
    ) -> Claim | None:
        """Keep the answer; a reading also from a late worker, and in place of a dead letter."""
        event = storable(records.to_json(record))
        reading = isinstance(record, records.Reading)
        values: dict[str, object] = {
            "id": upload_id,
            "state": "answered" if reading else "failed",
            "record": event,
            "owner": claim.owner,
            "attempts": attempts,
            "billed": billed - claim.billed,
            "maybe_billed": max(maybe_billed - claim.maybe_billed, 0),
            "lease": lease,
            **outcome_values(record),
        }
        took = f", took = CASE WHEN redriven = 0 THEN {self._now} - first_seen END"
        kept = (
            "state = :state, record = :record, owner = :owner, attempts = :attempts, "
            "billed = billed + :billed, maybe_billed = maybe_billed + :maybe_billed, "
            f"due_at = {self._now} + :lease, last_seen = {self._now}, {FOUND}"
            f"{took if reading else ''}"
        )
        if self.database.execute(
            f"UPDATE {UPLOADS} SET {kept} WHERE id = :id AND owner = :owner AND state = 'claimed'",
            **values,
        ).rowcount:
            return claim
        row = self._row(upload_id)
        # The connection may have broken after the commit: the repeated write finds its own answer.
        if row is not None and row[2] == claim.owner and row[6] == event:
            return claimed(row)
        # `dead_letter` and `reached` stand before `state`: MySQL reads a changed column's new value.
        replaced = (
            f"dead_letter = CASE WHEN state IN ({_DEAD}) THEN record ELSE dead_letter END, "
            f"reached = CASE WHEN state IN ({_DEAD}) THEN NULL ELSE reached END, "
        )
        if (
            reading
            and self.database.execute(
                f"UPDATE {UPLOADS} SET {replaced}{kept} "
                f"WHERE id = :id AND state IN ('claimed', 'parked', {_DEAD}) AND review IS NULL",
                **values,
            ).rowcount
        ):
            row = self._row(upload_id)
            return None if row is None else claimed(row)
        self._add_cost(upload_id, values["billed"], values["maybe_billed"])
        return None

    def _add_cost(self, upload_id: str, billed: object, maybe_billed: object) -> None:
        """Count the calls of an answer that came too late: they were paid for all the same."""
        if billed or maybe_billed:
            self.database.execute(
                f"UPDATE {UPLOADS} SET billed = billed + :billed, "
                "maybe_billed = maybe_billed + :maybe_billed WHERE id = :id",
                id=upload_id,
                billed=billed,
                maybe_billed=maybe_billed,
            )

    def holds(self, upload_id: str, claim: Claim, seconds: float) -> bool:
        """One SELECT; one conditional UPDATE where the lease is nearly over."""
        found = self.database.execute(
            f"SELECT due_at - {self._now} FROM {UPLOADS} "
            "WHERE id = :id AND owner = :owner AND state = 'claimed'",
            id=upload_id,
            owner=claim.owner,
        )
        if not found.rows or float(found.rows[0][0]) >= seconds:
            return bool(found.rows)
        renewed = self.database.execute(
            f"UPDATE {UPLOADS} SET due_at = {self._now} + :seconds "
            "WHERE id = :id AND owner = :owner AND state = 'claimed'",
            id=upload_id,
            owner=claim.owner,
            seconds=seconds,
        )
        return renewed.rowcount == 1

    def checkpoint(self, upload_id: str, names: frozenset[str], claim: Claim | None = None) -> None:
        """Store which of several destinations have the record."""
        self.database.execute(
            f"UPDATE {UPLOADS} SET reached = :names WHERE id = :id{_held_by(claim)}",
            id=upload_id,
            names=" ".join(sorted(names)),
            **({"owner": claim.owner} if claim else {}),
        )

    def delivered(self, upload_id: str, record: records.End, claim: Claim | None = None) -> bool:
        """End this upload, if ``record`` is still its answer."""
        reading = isinstance(record, records.Reading)
        ended = self.database.execute(
            f"UPDATE {UPLOADS} SET due_at = NULL, last_seen = {self._now}, "
            f"ended_at = {self._now}, state = :end "
            f"WHERE id = :id AND state = :state{_held_by(claim)}",
            id=upload_id,
            state="answered" if reading else "failed",
            end="delivered" if reading else "dead",
            **({"owner": claim.owner} if claim else {}),
        )
        return ended.rowcount == 1

    def postpone(self, upload_id: str, claim: Claim, seconds: float) -> None:
        """Let the next delivery begin after ``seconds``."""
        self.database.execute(
            f"UPDATE {UPLOADS} SET due_at = {self._now} + :seconds "
            "WHERE id = :id AND owner = :owner AND state IN ('answered', 'failed')",
            id=upload_id,
            owner=claim.owner,
            seconds=seconds,
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
        scheduled = self.database.execute(
            f"UPDATE {UPLOADS} SET state = 'parked', due_at = {self._now} + :seconds, "
            "attempts = :attempts, billed = billed + :billed, "
            "maybe_billed = maybe_billed + :maybe_billed, retries = :retries, "
            f"failing_after = :failing_after, last_seen = {self._now}, outcome = :code, "
            "failure_code = :code, failure_message = :message, failure_request_id = :request_id "
            "WHERE id = :id AND owner = :owner AND state = 'claimed'",
            id=upload_id,
            owner=claim.owner,
            seconds=seconds,
            attempts=attempts,
            billed=billed - claim.billed,
            maybe_billed=max(maybe_billed - claim.maybe_billed, 0),
            retries=retries,
            failing_after=failing_after,
            **failure_values(failure),
        )
        if scheduled.rowcount == 1:
            return True
        row = self._row(upload_id)
        if (
            row is None or row[2] != claim.owner
        ):  # else the write was repeated, or the lease is fine
            self._add_cost(upload_id, billed - claim.billed, maybe_billed - claim.maybe_billed)
        return False

    def forget(self, upload_id: str, claim: Claim) -> None:
        """Delete the row of a photo that only its caller has."""
        self.database.execute(
            f"DELETE FROM {UPLOADS} WHERE id = :id AND owner = :owner AND state = 'claimed'",
            id=upload_id,
            owner=claim.owner,
        )

    def retryable(self, limit: int, *, answered: bool | None = None) -> list[Upload]:
        """Return what anyone may claim, longest due first."""
        which = {None: "", True: f"AND state IN ({_KEPT}) ", False: f"AND state NOT IN ({_KEPT}) "}
        found = self.database.execute(
            f"SELECT upload FROM {UPLOADS} WHERE due_at <= {self._now} {which[answered]}"
            "ORDER BY due_at LIMIT :limit",
            limit=limit,
        )
        return [Upload.from_json(row[0]) for row in found.rows]

    def dead_letters(self) -> Iterator[records.DeadLetter]:
        """Yield them in pages, in no order of time."""
        last = ""
        while True:
            found = self.database.execute(
                "SELECT id, CASE WHEN state = 'dead' THEN record ELSE dead_letter END "
                f"FROM {UPLOADS} WHERE id > :last AND (state = 'dead' OR "
                "(dead_letter IS NOT NULL AND state <> 'delivered')) ORDER BY id LIMIT :page",
                last=last,
                page=_PAGE,
            )
            for last, event in found.rows:  # noqa: B007  # where the next page begins
                record = records.from_json(event)
                if isinstance(record, records.DeadLetter):
                    yield record
            if len(found.rows) < _PAGE:
                return

    def open_circuit(self, failure: Failure, probe_after: float) -> bool:
        """Open the circuit; the INSERT tells who was first."""
        opened = self.database.execute(
            f"INSERT INTO {CIRCUITS} (id, failure_code, failure_message, failure_request_id, since, "
            f"probe_at) VALUES (:id, :code, :message, :request_id, {self._now}, "
            f"{self._now} + :probe_after) {self.database.dialect.on_conflict_ignore}",
            id=self._account,
            **failure_values(failure),
            probe_after=probe_after,
        )
        return opened.rowcount == 1

    def circuit(self, probe_after: float | None) -> OpenCircuit | None:
        """Return the open circuit; the UPDATE chooses who probes."""
        found = self.database.execute(
            f"SELECT failure_code, failure_message, failure_request_id, probe_at - {self._now}, "
            f"{self._now} - since FROM {CIRCUITS} WHERE id = :id",
            id=self._account,
        )
        if not found.rows:
            return None
        code, message, request_id, probe_in, blocked = found.rows[0]
        if probe_in <= 0 and probe_after is not None:
            wait = next_probe(probe_after, float(blocked))
            chosen = self.database.execute(
                f"UPDATE {CIRCUITS} SET probe_at = {self._now} + :wait "
                f"WHERE id = :id AND probe_at <= {self._now}",
                id=self._account,
                wait=wait,
            )
            probe_in = 0.0 if chosen.rowcount == 1 else wait
        return OpenCircuit(Failure(code, message, request_id), max(float(probe_in), 0.0))

    def close_circuit(self) -> bool:
        """Close the circuit; the DELETE tells who did it."""
        closed = self.database.execute(f"DELETE FROM {CIRCUITS} WHERE id = :id", id=self._account)
        return closed.rowcount == 1


def _held_by(claim: Claim | None) -> str:
    return "" if claim is None else " AND owner = :owner"
