"""The tables of the SQL ledger, and what a row of the uploads says."""

from __future__ import annotations

from typing import Final, cast

from vindrop.core.ledger import Claim, Standing, State
from vindrop.domain import records
from vindrop.domain.failures import Failure
from vindrop.stores.sql import Dialect, Row

UPLOADS: Final = "vindrop_uploads"
CIRCUITS: Final = "vindrop_holds"
CALLS: Final = "vindrop_calls"
"""Calls per account and UTC day: only where `VINDROP_DAILY_CALLS` caps them."""
_LONGEST_CODE: Final = 128
_LONGEST_REQUEST_ID: Final = 64
"""Characters of the columns: a longer answer of the provider must not make the write fail."""

COLUMNS: Final = (
    "state, due_at - {now}, owner, attempts, billed, first_seen, record, "
    "failure_code, failure_message, failure_request_id, reached, redriven, traceparent, "
    "{now} - first_seen, retries, failing_after, maybe_billed, dead_letter IS NOT NULL, "
    "answers"
)
"""In this order; ``now`` is the dialect's own."""


def schema(dialect: Dialect) -> dict[str, list[str]]:
    """Return table → the statements that make it. What `vindrop schema` prints."""
    index = ", INDEX vindrop_uploads_due (due_at), INDEX vindrop_uploads_place (place)"
    apart = [
        f"CREATE INDEX IF NOT EXISTS vindrop_uploads_due ON {UPLOADS} (due_at)",
        f"CREATE INDEX IF NOT EXISTS vindrop_uploads_place ON {UPLOADS} (place)",
    ]
    mysql = dialect.name == "mysql"
    return {
        UPLOADS: [
            f"CREATE TABLE IF NOT EXISTS {UPLOADS} ("
            "id VARCHAR(64) NOT NULL PRIMARY KEY, "
            "state VARCHAR(16) NOT NULL, "
            "due_at DOUBLE PRECISION, "
            "owner VARCHAR(32) NOT NULL, "
            "attempts INTEGER NOT NULL, "
            "billed INTEGER NOT NULL, "
            "place VARCHAR(64) NOT NULL, "
            f"upload {dialect.long_text} NOT NULL, "
            f"record {dialect.long_text}, "
            f"failure_code VARCHAR({_LONGEST_CODE}), "
            f"failure_message {dialect.long_text}, "
            f"failure_request_id VARCHAR({_LONGEST_REQUEST_ID}), "
            "reached VARCHAR(512), "
            f"{', '.join(f'{name} {kind}' for name, kind in added(dialect).items())}, "
            "first_seen DOUBLE PRECISION NOT NULL, "
            "last_seen DOUBLE PRECISION NOT NULL"
            f"{index if mysql else ''}){dialect.table_options}",
            *([] if mysql else apart),
        ],
        CIRCUITS: [
            f"CREATE TABLE IF NOT EXISTS {CIRCUITS} ("
            "id VARCHAR(64) NOT NULL PRIMARY KEY, "
            f"failure_code VARCHAR({_LONGEST_CODE}) NOT NULL, "
            f"failure_message {dialect.long_text} NOT NULL, "
            f"failure_request_id VARCHAR({_LONGEST_REQUEST_ID}), "
            "since DOUBLE PRECISION NOT NULL, "
            f"probe_at DOUBLE PRECISION NOT NULL){dialect.table_options}",
        ],
        CALLS: [
            f"CREATE TABLE IF NOT EXISTS {CALLS} ("
            "id VARCHAR(80) NOT NULL PRIMARY KEY, "
            "calls INTEGER NOT NULL, "
            f"alarmed INTEGER NOT NULL){dialect.table_options}",
        ],
    }


def added(dialect: Dialect) -> dict[str, str]:
    """Return name → definition of columns that are newer than the table: an older one gets them too."""
    return {
        "redriven": "INTEGER NOT NULL DEFAULT 0",
        "dead_letter": dialect.long_text,
        "traceparent": "VARCHAR(55)",
        "retries": "INTEGER NOT NULL DEFAULT 0",
        "failing_after": "DOUBLE PRECISION",
        "maybe_billed": "INTEGER NOT NULL DEFAULT 0",
        "answers": dialect.long_text,
    }


def new_claim(dialect: Dialect) -> str:
    """Return the INSERT that claims an upload never seen."""
    now = dialect.now
    same = "CAST(:id AS VARCHAR)" if dialect.skip_locked else ":id"
    values = f"{same}, 'claimed', {now} + :lease, :owner, 1, 0, :place, :upload, :traceparent, {now}, {now}"
    # PostgreSQL's INSERT waits for whoever is just writing the row that is there; a look does not.
    row = (
        f"SELECT {values} WHERE NOT EXISTS (SELECT 1 FROM {UPLOADS} WHERE id = {same})"
        if dialect.skip_locked
        else f"VALUES ({values})"
    )
    return (
        f"INSERT INTO {UPLOADS} (id, state, due_at, owner, attempts, billed, place, upload, "
        f"traceparent, first_seen, last_seen) {row} {dialect.on_conflict_ignore}"
    )


def due_claim(dialect: Dialect) -> str:
    """Return the UPDATE that claims an upload that is due, unless another is just writing it.

    ``attempts`` stands before ``state``: MySQL reads a changed column's new value.
    """
    now = dialect.now
    due = f"id = :id AND due_at <= {now}"
    if dialect.skip_locked:
        due = f"id = (SELECT id FROM {UPLOADS} WHERE {due}{dialect.skip_locked})"
    return (
        f"UPDATE {UPLOADS} SET owner = :owner, last_seen = {now}, "
        "attempts = attempts + CASE WHEN state IN ('claimed', 'parked') THEN 1 ELSE 0 END, "
        "state = CASE WHEN state = 'parked' THEN 'claimed' ELSE state END, "
        f"due_at = {now} + :lease WHERE {due}"
    )


def claimed(row: Row) -> Claim:
    """Return the claim of the row's owner."""
    return Claim(
        row[2],
        row[3],
        row[4],
        row[5],
        record=_record(row),
        failure=_failure(row),
        delivered_to=_delivered_to(row),
        redriven=row[11],
        traceparent=row[12],
        age=max(float(row[13]), 0.0),
        retries=row[14],
        failing_after=row[15],
        maybe_billed=row[16],
        was_dead=bool(row[17]),
        answers=row[18],
    )


def standing_of(row: Row) -> Standing:
    """Return the state of an upload that cannot be claimed now."""
    return Standing(cast("State", row[0]), row[1], _record(row), _failure(row))


def _record(row: Row) -> records.Record | None:
    return records.from_json(row[6]) if row[6] else None


def _failure(row: Row) -> Failure | None:
    return Failure(row[7], row[8] or "", row[9]) if row[7] else None


def _delivered_to(row: Row) -> frozenset[str]:
    return frozenset((row[10] or "").split())


def failure_values(failure: Failure | records.DeadLetter) -> dict[str, object]:
    """Return the values of ``failure_code``, ``failure_message`` and ``failure_request_id``."""
    return {
        "code": failure.code[:_LONGEST_CODE],
        "message": failure.message,
        "request_id": (failure.request_id or "")[:_LONGEST_REQUEST_ID] or None,
    }
