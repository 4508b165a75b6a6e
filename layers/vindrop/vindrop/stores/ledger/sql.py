"""The ledger in SQLite, PostgreSQL or MySQL: one row per upload, each step one conditional write.

The fencing token is the row's ``owner``, the lease ends at ``due_at``; see `vindrop.core.ledger`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Final, cast

from vindrop.core.ledger import (
    Claim,
    OpenCircuit,
    Redriven,
    Seen,
    Standing,
    State,
    Waiting,
    next_probe,
)
from vindrop.core.store_errors import LockedError
from vindrop.domain import records
from vindrop.domain.failures import Failure
from vindrop.domain.upload import Upload
from vindrop.stores.ledger.sql_schema import (
    CIRCUITS,
    COLUMNS,
    UPLOADS,
    added,
    claimed,
    due_claim,
    failure_values,
    new_claim,
    schema,
    standing_of,
)
from vindrop.stores.sql import Database, Row
from vindrop.stores.text import storable

_PAGE: Final = 500
LOCKED_SECONDS: Final = 1.0
"""After which an upload is worth another try whose row another worker has locked."""
_OPEN: Final = "'claimed', 'parked'"
_REPLACEABLE_BY_READING: Final = "'claimed', 'parked', 'failed'"


class SQLLedger:
    """See `vindrop.core.ledger.Ledger`."""

    durable = True

    def __init__(self, database: Database, account: str) -> None:
        self.database: Database = database
        self._account = account
        self._now = database.dialect.now
        for table, statements in schema(database.dialect).items():
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
        record: records.Record,
        *,
        attempts: int,
        billed: int,
        lease: float,
    ) -> bool:
        """Keep the answer, whoever brings it, if none is kept: an answer was paid for."""
        reading = isinstance(record, records.Reading)
        kept = self.database.execute(
            f"UPDATE {UPLOADS} SET state = :state, record = :record, owner = :owner, "
            f"attempts = :attempts, billed = :billed, due_at = {self._now} + :lease, "
            f"last_seen = {self._now} "
            f"WHERE id = :id AND state IN ({_REPLACEABLE_BY_READING if reading else _OPEN})",
            id=upload_id,
            state="answered" if reading else "failed",
            record=records.to_json(record),
            owner=claim.owner,
            attempts=attempts,
            billed=billed,
            lease=lease,
        )
        if kept.rowcount == 1:
            return True
        # The connection may have broken after the commit: the repeated write then finds its own answer.
        row = self._row(upload_id)
        kept_text = storable(records.to_json(record))
        return row is not None and row[2] == claim.owner and row[6] == kept_text

    def checkpoint(self, upload_id: str, names: frozenset[str]) -> None:
        """Store which of several destinations have the record."""
        self.database.execute(
            f"UPDATE {UPLOADS} SET reached = :names WHERE id = :id",
            id=upload_id,
            names=" ".join(sorted(names)),
        )

    def delivered(self, upload_id: str, record: records.Record) -> None:
        """End this upload, if ``record`` is still its answer."""
        reading = isinstance(record, records.Reading)
        self.database.execute(
            f"UPDATE {UPLOADS} SET due_at = NULL, last_seen = {self._now}, state = :end "
            "WHERE id = :id AND state = :state",
            id=upload_id,
            state="answered" if reading else "failed",
            end="delivered" if reading else "dead",
        )

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
    ) -> bool:
        """Set its retry time, if the fencing token still holds."""
        scheduled = self.database.execute(
            f"UPDATE {UPLOADS} SET state = 'parked', due_at = {self._now} + :seconds, "
            f"attempts = :attempts, billed = :billed, last_seen = {self._now}, "
            "failure_code = :code, failure_message = :message, failure_request_id = :request_id "
            "WHERE id = :id AND owner = :owner AND state = 'claimed'",
            id=upload_id,
            owner=claim.owner,
            seconds=seconds,
            attempts=attempts,
            billed=billed,
            **failure_values(failure),
        )
        return scheduled.rowcount == 1

    def forget(self, upload_id: str, claim: Claim) -> None:
        """Delete the row of a photo that only its caller has."""
        self.database.execute(
            f"DELETE FROM {UPLOADS} WHERE id = :id AND owner = :owner AND state = 'claimed'",
            id=upload_id,
            owner=claim.owner,
        )

    def retryable(self, limit: int) -> list[Upload]:
        """Return what anyone may claim, longest due first."""
        found = self.database.execute(
            f"SELECT upload FROM {UPLOADS} WHERE due_at <= {self._now} ORDER BY due_at LIMIT :limit",
            limit=limit,
        )
        return [Upload.from_json(row[0]) for row in found.rows]

    def seen(self, places: Sequence[str]) -> dict[str, list[Seen]]:
        """Return place → its uploads; see `vindrop.domain.upload.Upload.object_id`."""
        found: dict[str, list[Seen]] = {}
        for start in range(0, len(places), _PAGE):
            some = {f"p{n}": name for n, name in enumerate(places[start : start + _PAGE])}
            rows = self.database.execute(
                f"SELECT place, upload, first_seen FROM {UPLOADS} "
                f"WHERE place IN ({', '.join(f':{name}' for name in some)})",
                **some,
            ).rows
            for name, event, first_seen in rows:
                upload = Upload.from_json(event)
                written = upload.uploaded_at.timestamp() if upload.uploaded_at else 0.0
                found.setdefault(name, []).append(
                    Seen(upload.version, max(written, float(first_seen)), upload.size)
                )
        return found

    def end_leases(self) -> int:
        """Make every claim and delivery under way due now; return how many.

        Only for a stack on one machine that starts and knows that no earlier worker is left: it
        need not wait for their leases to end.
        """
        return self.database.execute(
            f"UPDATE {UPLOADS} SET due_at = {self._now} "
            f"WHERE state IN ('claimed', 'answered', 'failed') AND due_at > {self._now}"
        ).rowcount

    def standing(self, upload_id: str) -> Standing | None:
        """Return the state of an upload."""
        row = self._row(upload_id)
        return None if row is None else standing_of(row)

    def counts(self) -> dict[State, int]:
        """Return how many are in each state."""
        found = self.database.execute(f"SELECT state, COUNT(*) FROM {UPLOADS} GROUP BY state")
        return {cast("State", row[0]): int(row[1]) for row in found.rows}

    def backlog(self) -> dict[State, Waiting]:
        """Return what has not ended, by state."""
        found = self.database.execute(
            f"SELECT state, COUNT(*), {self._now} - MIN(first_seen) FROM {UPLOADS} "
            "WHERE due_at IS NOT NULL GROUP BY state"
        )
        return {cast("State", s): Waiting(int(n), max(float(age), 0.0)) for s, n, age in found.rows}

    def redrive(self, letter: records.DeadLetter, *, after: float) -> Redriven:
        """One conditional UPDATE; an INSERT for an upload that this ledger never saw."""
        if letter.upload is None:
            return "unknown"
        now, upload = self._now, letter.upload
        failed = {"id": letter.id, "after": after, **failure_values(letter)}
        # `dead_letter` stands before `record`: MySQL reads a changed column's new value.
        taken = self.database.execute(
            f"UPDATE {UPLOADS} SET dead_letter = record, record = NULL, reached = NULL, "
            f"redriven = redriven + 1, attempts = 0, due_at = {now} + :after, last_seen = {now}, "
            "failure_code = :code, failure_message = :message, failure_request_id = :request_id, "
            "state = 'parked' WHERE id = :id AND state = 'dead'",
            **failed,
        )
        if taken.rowcount == 1:
            return "redriven"
        inserted = self.database.execute(
            f"INSERT INTO {UPLOADS} (id, state, due_at, owner, attempts, billed, place, upload, "
            "redriven, dead_letter, traceparent, failure_code, failure_message, "
            "failure_request_id, first_seen, last_seen) "
            f"VALUES (:id, 'parked', {now} + :after, '', 0, :billed, :place, :upload, "
            ":redriven, :dead_letter, :traceparent, :code, :message, :request_id, "
            f":first_seen, {now}) "
            f"{self.database.dialect.on_conflict_ignore}",
            **failed,
            billed=letter.billed,
            place=upload.object_id,
            upload=upload.to_json(),
            redriven=letter.redriven + 1,
            dead_letter=records.to_json(letter),
            traceparent=letter.traceparent,
            first_seen=letter.first_seen.timestamp(),
        )
        if inserted.rowcount == 1:
            return "redriven"
        standing = self.standing(letter.id)
        return "answered" if standing and standing.state == "delivered" else "under_way"

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

    def _row(self, upload_id: str) -> Row | None:
        found = self.database.execute(
            f"SELECT {COLUMNS.format(now=self._now)} FROM {UPLOADS} WHERE id = :id", id=upload_id
        )
        return found.rows[0] if found.rows else None
