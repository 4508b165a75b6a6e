"""Readings and dead letters as rows in SQLite, PostgreSQL or MySQL.

The columns are what people ask for in SQL; the whole record stands beside them as JSON. The
upload's identity is the key, so a record that comes twice is one row.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from vindrop.core.destination import Kind
from vindrop.domain import records
from vindrop.stores.sql import Database, Dialect

if TYPE_CHECKING:
    from vindrop.domain.records import Record

READINGS: Final = "vindrop_readings"
DEAD_LETTERS: Final = "vindrop_dead_letters"
_PAGE: Final = 500
_LONGEST_KEY: Final = 1024
"""Characters: COS and S3 allow fewer; the address of a photo that came with a request may be longer."""


def schema(dialect: Dialect) -> dict[str, list[str]]:
    """Return table → the statements that make it."""
    common = (
        f"cloud VARCHAR(16), bucket VARCHAR(255), object_key VARCHAR({_LONGEST_KEY}), "
        "made_at VARCHAR(40) NOT NULL, "
        f"event {dialect.long_text} NOT NULL"
    )
    tables = {
        READINGS: "vin CHAR(17) NOT NULL, verdict VARCHAR(16) NOT NULL, maker VARCHAR(255), "
        "model_year INTEGER, ",
        DEAD_LETTERS: f"code VARCHAR(128) NOT NULL, message {dialect.long_text} NOT NULL, "
        "disposition VARCHAR(16) NOT NULL, attempts INTEGER NOT NULL, ",
    }
    made: dict[str, list[str]] = {}
    for table, own in tables.items():
        searched = "vin" if table == READINGS else "code"
        index = f", INDEX {table}_{searched} ({searched})" if dialect.name == "mysql" else ""
        made[table] = [
            f"CREATE TABLE IF NOT EXISTS {table} (id VARCHAR(64) NOT NULL PRIMARY KEY, {own}{common}"
            f"{index}){dialect.table_options}"
        ]
        if not index:
            made[table].append(
                f"CREATE INDEX IF NOT EXISTS {table}_{searched} ON {table} ({searched})"
            )
    return made


class SQLDestination:
    """See `vindrop.core.destination.Destination`."""

    def __init__(self, database: Database) -> None:
        self.database: Database = database
        for table, statements in schema(database.dialect).items():
            database.ensure(table, *statements)

    def put(self, record: Record, *, again: bool = False) -> None:  # noqa: ARG002  # the key tells
        """Write the row, unless one that is as new is there; a failure never beside a success.

        A dead letter first, the look for a reading after: whichever of two writers is later sees
        the other's row.
        """
        upload = record.upload
        values: dict[str, object] = {
            "id": record.id,
            "cloud": upload.cloud if upload else None,
            "bucket": upload.bucket if upload else None,
            "object_key": upload.key[:_LONGEST_KEY] if upload else None,
            "made_at": record.time.astimezone(dt.timezone.utc).isoformat(timespec="microseconds"),
            "event": records.to_json(record),
        }
        if isinstance(record, records.Reading):
            table = READINGS
            values |= {
                "vin": record.vin,
                "verdict": record.verdict.value,
                "maker": record.maker,
                "model_year": record.model_year,
            }
        else:
            table = DEAD_LETTERS
            values |= {
                "code": record.code[:128],
                "message": record.message,
                "disposition": record.disposition.value,
                "attempts": record.attempts,
            }
        self.database.execute(_upsert(self.database.dialect, table, list(values)), **values)
        if isinstance(record, records.Reading):
            self.withdraw(record.id)
        else:
            self.database.execute(
                f"DELETE FROM {DEAD_LETTERS} WHERE id = :id "
                f"AND EXISTS (SELECT 1 FROM {READINGS} WHERE {READINGS}.id = :id)",
                id=record.id,
            )

    def withdraw(self, record_id: str) -> None:
        """Delete the dead letter of an upload that has ended otherwise."""
        self.database.execute(f"DELETE FROM {DEAD_LETTERS} WHERE id = :id", id=record_id)

    def records(self, kind: Kind) -> Iterator[Record]:
        """Yield the records, oldest first, in pages: a million rows need no more memory than one."""
        for _, record in self.after(kind, ("", "")):
            yield record

    def after(self, kind: Kind, at: tuple[str, str]) -> Iterator[tuple[tuple[str, str], Record]]:
        """Yield what follows ``at`` (when made, identity), each with its own place in the order."""
        while True:
            found = self.database.execute(
                f"SELECT made_at, id, event FROM {_table(kind)} "
                "WHERE made_at > :made_at OR (made_at = :made_at AND id > :last) "
                "ORDER BY made_at, id LIMIT :page",
                made_at=at[0],
                last=at[1],
                page=_PAGE,
            )
            for made_at, last, event in found.rows:
                at = (made_at, last)
                yield at, records.from_json(event)
            if len(found.rows) < _PAGE:
                return

    def last(self, kind: Kind) -> tuple[str, str]:
        """Return the place of the newest record, for `after`."""
        found = self.database.execute(
            f"SELECT made_at, id FROM {_table(kind)} ORDER BY made_at DESC, id DESC LIMIT 1"
        )
        return (found.rows[0][0], found.rows[0][1]) if found.rows else ("", "")


def _table(kind: Kind) -> str:
    return READINGS if kind == "readings" else DEAD_LETTERS


def _upsert(dialect: Dialect, table: str, columns: list[str]) -> str:
    """Return the statement that writes a row, unless one is there that was made no earlier."""
    insert = (
        f"INSERT INTO {table} ({', '.join(columns)}) "
        f"VALUES ({', '.join(f':{name}' for name in columns)}) "
    )
    # `made_at` last: MySQL reads a changed column's new value.
    changed = sorted((name for name in columns if name != "id"), key="made_at".__eq__)
    if dialect.name == "mysql":
        newer = "VALUES(made_at) > made_at"
        sets = (f"{name} = IF({newer}, VALUES({name}), {name})" for name in changed)
        return f"{insert}ON DUPLICATE KEY UPDATE {', '.join(sets)}"
    sets = (f"{name} = excluded.{name}" for name in changed)
    return (
        f"{insert}ON CONFLICT (id) DO UPDATE SET {', '.join(sets)} "
        f"WHERE {table}.made_at < excluded.made_at"
    )
