"""What a row of the SQL ledger's table of uploads says."""

from __future__ import annotations

from typing import Final, cast

from vindrop.core.ledger import Claim, Standing, State
from vindrop.domain import records
from vindrop.domain.failures import Failure
from vindrop.stores.sql import Row

COLUMNS: Final = (
    "state, due_at - {now}, owner, attempts, billed, first_seen, record, "
    "failure_code, failure_message, failure_request_id, reached, redriven, traceparent"
)
"""In this order; ``now`` is the dialect's own."""


def claimed(row: Row) -> Claim:
    """Return the claim of the row's owner."""
    return Claim(
        row[2], row[3], row[4], row[5], _record(row), _failure(row), _reached(row), *row[11:13]
    )


def standing_of(row: Row) -> Standing:
    """Return where the upload stands."""
    return Standing(cast("State", row[0]), row[1], _record(row), _failure(row))


def _record(row: Row) -> records.Record | None:
    return records.from_json(row[6]) if row[6] else None


def _failure(row: Row) -> Failure | None:
    return Failure(row[7], row[8] or "", row[9]) if row[7] else None


def _reached(row: Row) -> frozenset[str]:
    return frozenset((row[10] or "").split())
