"""What the SQL ledger does for those who look after it: counts, redrives, an outage that is over, caps.

None of it is on the way of an upload that is read at its first attempt.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Final, TypeVar, cast

from vindrop.core.ledger import Claim, OpenCircuit, Redriven, Seen, Standing, State, Waiting
from vindrop.domain import records
from vindrop.domain.failures import Failure
from vindrop.domain.upload import Upload
from vindrop.stores import storable
from vindrop.stores.ledger.sql_schema import (
    CALLS,
    CIRCUITS,
    COLUMNS,
    UPLOADS,
    failure_values,
    place_values,
    schema,
    standing_of,
)
from vindrop.stores.sql import Database, Row

_PAGE: Final = 500

Same = TypeVar("Same", bound="SQLOperations")


class SQLOperations:
    """The part of `vindrop.stores.ledger.sql.SQLLedger` that uploads do not pass through."""

    database: Database
    _account: str
    _now: str

    def standing(self, upload_id: str) -> Standing | None:
        """Return the state of an upload."""
        row = self._row(upload_id)
        return None if row is None else standing_of(row)

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

    def for_account(self: Same, account: str) -> Same:  # noqa: PYI019 - Self is of 3.11
        """Return the same ledger with the circuit and the calls of another account."""
        other = copy.copy(self)
        other._account = account  # noqa: SLF001  # its own class
        return other

    def keep_answers(
        self, upload_id: str, claim: Claim, answers: str, *, billed: int, maybe_billed: int
    ) -> bool:
        """One conditional UPDATE, which does nothing where it is repeated."""
        more: dict[str, object] = {
            "billed": billed - claim.billed,
            "maybe_billed": maybe_billed - claim.maybe_billed,
        }
        text = storable(answers)
        kept = self.database.execute(
            f"UPDATE {UPLOADS} SET answers = :answers, billed = billed + :billed, "
            f"maybe_billed = maybe_billed + :maybe_billed, last_seen = {self._now} "
            "WHERE id = :id AND owner = :owner AND state = 'claimed' "
            "AND (answers IS NULL OR answers <> :answers)",
            id=upload_id,
            owner=claim.owner,
            answers=text,
            **more,
        )
        if kept.rowcount == 1:
            return True
        row = self._row(upload_id)
        if row is not None and row[2] == claim.owner and row[0] == "claimed" and row[18] == text:
            return True
        self._add_cost(upload_id, more["billed"], more["maybe_billed"])
        return False

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

    def open_circuits(self) -> dict[str, OpenCircuit]:
        """Return account → its open circuit, of every account that shares this ledger."""
        found = self.database.execute(
            "SELECT id, failure_code, failure_message, failure_request_id, "
            f"probe_at - {self._now} FROM {CIRCUITS} ORDER BY id"
        )
        return {
            str(account): OpenCircuit(Failure(code, said, request_id), max(float(probe_in), 0.0))
            for account, code, said, request_id, probe_in in found.rows
        }

    def end_leases(self) -> int:
        """Make every claim and delivery under way due now; return how many.

        Only for a stack on one machine that starts and knows that no earlier worker is left: it
        need not wait for their leases to end.
        """
        return self.database.execute(
            f"UPDATE {UPLOADS} SET due_at = {self._now} "
            f"WHERE state IN ('claimed', 'answered', 'failed') AND due_at > {self._now}"
        ).rowcount

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
            "redriven = redriven + 1, attempts = 0, retries = 0, failing_after = NULL, "
            f"answers = NULL, due_at = {now} + :after, last_seen = {now}, "
            "failure_code = :code, failure_message = :message, failure_request_id = :request_id, "
            "outcome = :code, queue = NULL, ended_at = NULL, "
            "state = 'parked' WHERE id = :id AND state = 'dead' AND review IS NULL",
            **failed,
        )
        if taken.rowcount == 1:
            return "redriven"
        inserted = self.database.execute(
            f"INSERT INTO {UPLOADS} (id, state, due_at, owner, attempts, billed, place, upload, "
            "redriven, dead_letter, traceparent, failure_code, failure_message, "
            "failure_request_id, outcome, bucket, object_key, photo, reference, "
            "first_seen, last_seen) "
            f"VALUES (:id, 'parked', {now} + :after, '', 0, :billed, :place, :upload, "
            ":redriven, :dead_letter, :traceparent, :code, :message, :request_id, "
            ":code, :bucket, :object_key, :photo, :reference, "
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
            **place_values(upload),
        )
        if inserted.rowcount == 1:
            return "redriven"
        standing = self.standing(letter.id)
        if standing and standing.reviewed:
            return "reviewed"
        return "answered" if standing and standing.state == "delivered" else "under_way"

    def hasten(self, code: str, share: float) -> int:
        """Make retries due that wait for a passing failure which is over."""
        waited = f"{self._now} - last_seen"
        return self.database.execute(
            f"UPDATE {UPLOADS} SET due_at = {self._now}, "
            "retries = CASE WHEN :share > 0 THEN retries ELSE 1 END "
            "WHERE state = 'parked' AND retries > 0 "
            f"AND due_at > {self._now} AND failure_code = :code "
            f"AND {waited} >= :share * (due_at - last_seen)",
            code=code,
            share=share,
        ).rowcount

    def count_call(self, day: str, calls: int, most: int) -> bool:
        """Add to the calls of a day in one statement, which also compares with the cap."""
        self._make_calls()
        name = f"{self._account}/{day}"
        self.database.execute(
            f"INSERT INTO {CALLS} (id, calls, alarmed) VALUES (:id, 0, 0) "
            f"{self.database.dialect.on_conflict_ignore}",
            id=name,
        )
        if not calls:
            return self.calls_of(day) < most
        counted = self.database.execute(
            f"UPDATE {CALLS} SET calls = calls + :calls WHERE id = :id "
            "AND (:calls < 0 OR calls + :calls <= :most)",
            id=name,
            calls=calls,
            most=most,
        )
        return counted.rowcount == 1

    def cap_alarm(self, day: str) -> bool:
        """Mark the day; the UPDATE tells who was first."""
        marked = self.database.execute(
            f"UPDATE {CALLS} SET alarmed = 1 WHERE id = :id AND alarmed = 0",
            id=f"{self._account}/{day}",
        )
        return marked.rowcount == 1

    def calls_of(self, days: str) -> int:
        """Return the calls counted for a day or a month."""
        self._make_calls()
        found = self.database.execute(
            f"SELECT COALESCE(SUM(calls), 0) FROM {CALLS} WHERE id >= :first AND id < :after",
            first=f"{self._account}/{days}",
            after=f"{self._account}/{days}~",
        )
        return int(found.rows[0][0])

    def _make_calls(self) -> None:
        for statement in schema(self.database.dialect)[CALLS]:
            self.database.execute(statement)

    def _row(self, upload_id: str) -> Row | None:
        found = self.database.execute(
            f"SELECT {COLUMNS.format(now=self._now)} FROM {UPLOADS} WHERE id = :id", id=upload_id
        )
        return found.rows[0] if found.rows else None
