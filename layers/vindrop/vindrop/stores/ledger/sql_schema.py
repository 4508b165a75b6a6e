"""The tables of the SQL ledger."""

from __future__ import annotations

from typing import Final

from vindrop.stores.sql import Dialect

UPLOADS: Final = "vindrop_uploads"
CIRCUITS: Final = "vindrop_holds"


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
            "failure_code VARCHAR(128), "
            f"failure_message {dialect.long_text}, "
            "failure_request_id VARCHAR(64), "
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
            "failure_code VARCHAR(128) NOT NULL, "
            f"failure_message {dialect.long_text} NOT NULL, "
            "failure_request_id VARCHAR(64), "
            "since DOUBLE PRECISION NOT NULL, "
            f"probe_at DOUBLE PRECISION NOT NULL){dialect.table_options}",
        ],
    }


def added(dialect: Dialect) -> dict[str, str]:
    """Return columns of `UPLOADS` that its first version had not: an older table gets them too."""
    return {
        "redriven": "INTEGER NOT NULL DEFAULT 0",
        "dead_letter": dialect.long_text,
        "traceparent": "VARCHAR(55)",
    }
