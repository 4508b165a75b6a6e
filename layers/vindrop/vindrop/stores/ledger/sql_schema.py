"""The tables of the SQL ledger, and what a row of the uploads says."""

from __future__ import annotations

from typing import Final, cast

from vindrop.core.ledger import Claim, Standing, State
from vindrop.core.outcome import Queue, queue_of
from vindrop.domain import records
from vindrop.domain.failures import Failure
from vindrop.domain.upload import Upload
from vindrop.stores.sql import Dialect, Row

UPLOADS: Final = "vindrop_uploads"
CIRCUITS: Final = "vindrop_holds"
CALLS: Final = "vindrop_calls"
"""Calls per account and UTC day: only where `VINDROP_DAILY_CALLS` caps them."""
_LONGEST_CODE: Final = 128
_LONGEST_REQUEST_ID: Final = 64
"""Characters of the columns: a longer answer of the provider must not make the write fail."""

REVIEWS: Final = "vindrop_reviews"
HOURS: Final = "vindrop_hours"
"""Figures of whole hours, for the overview: `vindrop.stores.ledger.sql_hours`."""
VINS: Final = "vindrop_vins"
"""VINs as lines, in which a part of one is looked for: `vindrop.stores.ledger.sql_vins`."""
INDEXES: Final = {
    # With the columns by which what waits is counted, without a look at its rows.
    "waiting": "due_at, state, first_seen",
    "place": "place",
    # Whatever a list is narrowed by and the overview counts: walked without looking at the rows.
    "seen": "first_seen, id, state, outcome, bucket, maker, vin, reference, photo, object_key, "
    "billed, maybe_billed, took, reviewed",
    "outcome": "outcome, first_seen, id",
    "bucket": "bucket, first_seen, id",
    "maker": "maker, first_seen, id",
    "queue": "queue, first_seen, id",
    "vin": "vin",
    # Where a part of a VIN is looked for that is not yet packed, see `…ledger.sql_vins`.
    "changed": "last_seen, first_seen, vin",
    "object_key": "object_key",
    "photo": "photo",
    "reference": "reference",
}
"""Index of the uploads → its columns. The first two are the ledger's own, the others the console's."""
_SPARSE: Final = {
    **{name: name for name in ("maker", "queue", "vin", "reference")},
    "waiting": "due_at",
    "changed": "vin",
}
"""Index → column: uploads without such a value are left out of it, where the database can."""
NO_MORE: Final = ("vin_backwards", "due")
"""Indexes that an earlier version made, and that others stand in for: they only cost."""

COLUMNS: Final = (
    "state, due_at - {now}, owner, attempts, billed, first_seen, record, "
    "failure_code, failure_message, failure_request_id, reached, redriven, traceparent, "
    "{now} - first_seen, retries, failing_after, maybe_billed, dead_letter IS NOT NULL, "
    "answers, review IS NOT NULL"
)
"""In this order; ``now`` is the dialect's own."""


def schema(dialect: Dialect) -> dict[str, list[str]]:
    """Return table → the statements that make it. What `vindrop schema` prints."""
    index = "".join(f", INDEX {UPLOADS}_{name} ({on})" for name, on in INDEXES.items())
    apart = [index_statement(dialect, name) for name in INDEXES]
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


def console_schema(dialect: Dialect) -> dict[str, list[str]]:
    """Return table → the statements that make it: reviews, the overview's figures, parts of VINs."""
    due = f"{REVIEWS}_due"
    mysql = dialect.name == "mysql"
    return {
        REVIEWS: [
            f"CREATE TABLE IF NOT EXISTS {REVIEWS} ("
            "upload VARCHAR(64) NOT NULL, "
            "sequence INTEGER NOT NULL, "
            f"event {dialect.long_text} NOT NULL, "
            f"record {dialect.long_text}, "
            "due_at DOUBLE PRECISION, "
            "reached VARCHAR(512), "
            "tries INTEGER NOT NULL, "
            f"PRIMARY KEY (upload, sequence){f', INDEX {due} (due_at)' if mysql else ''})"
            f"{dialect.table_options}",
            *([] if mysql else [f"CREATE INDEX IF NOT EXISTS {due} ON {REVIEWS} (due_at)"]),
        ],
        HOURS: [
            f"CREATE TABLE IF NOT EXISTS {HOURS} ("
            "id INTEGER NOT NULL PRIMARY KEY, "
            "made_at DOUBLE PRECISION NOT NULL, "
            f"figures {dialect.long_text} NOT NULL){dialect.table_options}",
        ],
        VINS: [
            f"CREATE TABLE IF NOT EXISTS {VINS} ("
            "id INTEGER NOT NULL PRIMARY KEY, "
            "oldest DOUBLE PRECISION NOT NULL, "
            "until DOUBLE PRECISION NOT NULL, "
            f"vins {dialect.long_text} NOT NULL, "
            f"seen {dialect.long_text} NOT NULL){dialect.table_options}",
        ],
    }


def index_statement(dialect: Dialect, name: str) -> str:
    """Return the statement that adds an index to the uploads where it is missing, of SQLite and PostgreSQL."""
    sparse = ""
    if name in _SPARSE and dialect.name != "mysql":
        sparse = f" WHERE {_SPARSE[name]} IS NOT NULL"
    return f"CREATE INDEX IF NOT EXISTS {UPLOADS}_{name} ON {UPLOADS} ({INDEXES[name]}){sparse}"


def added(dialect: Dialect) -> dict[str, str]:
    """Return name → definition of columns that are newer than the table: an older one gets them too."""
    return {
        "redriven": "INTEGER NOT NULL DEFAULT 0",
        "dead_letter": dialect.long_text,
        "traceparent": "VARCHAR(55)",
        "retries": "INTEGER NOT NULL DEFAULT 0",
        "failing_after": "DOUBLE PRECISION",
        "maybe_billed": "INTEGER NOT NULL DEFAULT 0",
        # What the console finds uploads by, and what people decided.
        **{name: f"VARCHAR({length}){dialect.bytewise}" for name, length in SEARCHED.items()},
        "queue": "SMALLINT",
        "reviewed": "SMALLINT NOT NULL DEFAULT 0",
        "took": "DOUBLE PRECISION",
        "ended_at": "DOUBLE PRECISION",
        "reviews": "INTEGER NOT NULL DEFAULT 0",
        "review": dialect.long_text,
        "answers": dialect.long_text,
    }


SEARCHED: Final = {
    "bucket": 64,
    "object_key": 128,
    "photo": 128,
    "reference": 64,
    "outcome": _LONGEST_CODE,
    "vin": 17,
    "maker": 64,
}
"""Column → characters of it that can be searched for. ``photo``: what follows the key's last slash;
``outcome``: the verdict in force, the dead letter's code, or the last failure's."""
QUEUES: Final[tuple[Queue, ...]] = ("doubtful", "dead_letters")
"""In the order in which column ``queue`` numbers them, from 1."""


def cut(name: str, value: str | None) -> str | None:
    """Return ``value`` as long as the column ``name`` holds it; an empty one is none."""
    return value[: SEARCHED[name]] if value else None


def place_values(upload: Upload) -> dict[str, object]:
    """Return what an upload is found by before anything is known of its VIN."""
    return {
        "bucket": cut("bucket", upload.bucket),
        "object_key": cut("object_key", upload.key),
        "photo": cut("photo", upload.key.rstrip("/").rpartition("/")[2]),
        "reference": cut("reference", getattr(upload, "reference", None)),
    }


def outcome_values(record: records.Reading | records.DeadLetter) -> dict[str, object]:
    """Return what an upload with this answer is found by."""
    queue = queue_of(record)
    found: dict[str, object] = {
        "queue": QUEUES.index(queue) + 1 if queue else None,
        "reference": cut("reference", getattr(record.upload, "reference", None)),
        "vin": None,
        "maker": None,
    }
    if isinstance(record, records.Reading):
        return found | {
            "outcome": record.verdict.value,
            "vin": record.vin,
            "maker": cut("maker", record.maker),
        }
    return found | {"outcome": cut("outcome", record.code)}


FOUND: Final = (
    "outcome = :outcome, vin = :vin, maker = :maker, queue = :queue, "
    "reference = COALESCE(:reference, reference)"
)
"""What an UPDATE sets with `outcome_values`."""


def new_claim(dialect: Dialect) -> str:
    """Return the INSERT that claims an upload never seen."""
    now = dialect.now
    same = "CAST(:id AS VARCHAR)" if dialect.skip_locked else ":id"
    values = (
        f"{same}, 'claimed', {now} + :lease, :owner, 1, 0, :place, :upload, "
        f":bucket, :object_key, :photo, :reference, :traceparent, {now}, {now}"
    )
    # PostgreSQL's INSERT waits for whoever is just writing the row that is there; a look does not.
    row = (
        f"SELECT {values} WHERE NOT EXISTS (SELECT 1 FROM {UPLOADS} WHERE id = {same})"
        if dialect.skip_locked
        else f"VALUES ({values})"
    )
    return (
        f"INSERT INTO {UPLOADS} (id, state, due_at, owner, attempts, billed, place, upload, "
        "bucket, object_key, photo, reference, "
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
    return Standing(cast("State", row[0]), row[1], _record(row), _failure(row), bool(row[19]))


def _record(row: Row) -> records.End | None:
    return records.end_from_json(row[6]) if row[6] else None


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
