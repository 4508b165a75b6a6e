"""Readings and dead letters as rows in SQLite, PostgreSQL or MySQL.

The columns are those that the record declares (`vindrop.domain.records`), and the whole event as
JSON. The upload's identity is the key, so a record that comes twice is one row. An existing table
gets the columns that it lacks; rows without them stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from vindrop.core.destination import Kind
from vindrop.domain import records
from vindrop.domain.columns import Column, Value, fields
from vindrop.stores.sql import Database, Dialect, open_database

if TYPE_CHECKING:
    from vindrop.domain.records import End, Record
    from vindrop.domain.review import Review

READINGS: Final = "vindrop_readings"
DEAD_LETTERS: Final = "vindrop_dead_letters"
_TYPES: Final = {READINGS: records.READING, DEAD_LETTERS: records.DEAD_LETTER}
_INDEXED: Final = {READINGS: "vin", DEAD_LETTERS: "code"}
_PAGE: Final = 500


def schema(dialect: Dialect) -> dict[str, list[str]]:
    """Return table → the statements that make it."""
    made: dict[str, list[str]] = {}
    for table, indexed in _INDEXED.items():
        required = {field.name for field in fields(records.TYPES[_TYPES[table]]) if field.required}
        declared = [
            f"{name} {kind}{' NOT NULL' if name in required else ''}"
            for name, kind in _declared(dialect, table).items()
        ]
        body = [
            "id VARCHAR(64) NOT NULL PRIMARY KEY",
            *declared,
            *(f"{name} {kind}" for name, kind in _reviewed(dialect).items()),
            "made_at VARCHAR(40) NOT NULL",
            f"event {dialect.long_text} NOT NULL",
        ]
        index = f"CREATE INDEX IF NOT EXISTS {table}_{indexed} ON {table} ({indexed})"
        if dialect.name == "mysql":
            body.append(f"INDEX {table}_{indexed} ({indexed})")
        made[table] = [
            f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(body)}){dialect.table_options}",
            *([] if dialect.name == "mysql" else [index]),
        ]
    return made


def columns(dialect: Dialect, table: str) -> dict[str, str]:
    """Return the columns of a table beside the first version's, as an existing table gets them."""
    return {**_declared(dialect, table), **_reviewed(dialect)}


def _reviewed(dialect: Dialect) -> dict[str, str]:
    """Return the columns in which a person's word stands beside the machine's."""
    return {
        "reviewed_vin": "CHAR(17)",
        "reviewed_by": "VARCHAR(64)",
        "reviewed_at": "VARCHAR(40)",
        "review": dialect.long_text,
        "review_sequence": "INTEGER NOT NULL DEFAULT 0",
    }


def _declared(dialect: Dialect, table: str) -> dict[str, str]:
    return {
        field.name: _sql(dialect, field.column)
        for field in fields(records.TYPES[_TYPES[table]])
        if field.column
    }


class SQLDestination:
    """See `vindrop.core.destination.Destination`."""

    def __init__(self, database: Database) -> None:
        self.database: Database = database
        for table, statements in schema(database.dialect).items():
            database.ensure(table, *statements, columns=columns(database.dialect, table))

    def put(self, record: Record, *, redelivered: bool = False) -> None:  # noqa: ARG002  # the key tells
        """Write the row, unless one that is as new is there; a failure never beside a success.

        A review is written into the row that it is of, beside the machine's word. A dead letter is written before the search for a reading: of two writers, the later one
        sees the other's row.
        """
        if records.is_review(record):
            self._put_review(record)
            return
        table = READINGS if isinstance(record, records.Reading) else DEAD_LETTERS
        row = _cut(record, table)
        self.database.execute(_upsert(self.database.dialect, table, list(row)), **row)
        if isinstance(record, records.Reading):
            self.withdraw(record.id)
        else:
            self.database.execute(
                f"DELETE FROM {DEAD_LETTERS} WHERE id = :id "
                f"AND EXISTS (SELECT 1 FROM {READINGS} WHERE {READINGS}.id = :id)",
                id=record.id,
            )

    def _put_review(self, review: Review) -> None:
        """Of two reviews the later one stands, whichever comes first."""
        from vindrop.domain.review import reviewed_row

        row = reviewed_row(review)
        sets = ", ".join(f"{name} = :{name}" for name in sorted(row, key="review_sequence".__eq__))
        for table in (READINGS, DEAD_LETTERS):
            self.database.execute(
                f"UPDATE {table} SET {sets} WHERE id = :id AND review_sequence < :review_sequence",
                id=review.upload.id,
                **row,
            )

    def retract(self, upload_id: str) -> None:
        """Delete the reading that a person made of a dead letter."""
        self.database.execute(
            f"DELETE FROM {READINGS} WHERE id = :id AND verdict = 'reviewed'", id=upload_id
        )

    def withdraw(self, record_id: str) -> None:
        """Delete the dead letter of an upload that has ended otherwise."""
        self.database.execute(f"DELETE FROM {DEAD_LETTERS} WHERE id = :id", id=record_id)

    def holds(self, upload_id: str) -> bool:
        """Whether an upload has a reading or dead letter here."""
        return any(
            self.database.execute(f"SELECT 1 FROM {table} WHERE id = :id", id=upload_id).rows
            for table in (READINGS, DEAD_LETTERS)
        )

    def records(self, kind: Kind) -> Iterator[End]:
        """Yield the records, oldest first, in pages: a million rows need no more memory than one."""
        for _, record, _ in self.after(kind, ("", "")):
            yield record

    def reviewed(self, kind: Kind) -> Iterator[tuple[End, Review | None]]:
        """Yield the records, each with what a person said beside it."""
        for _, record, review in self.after(kind, ("", "")):
            yield record, review

    def after(
        self, kind: Kind, at: tuple[str, str]
    ) -> Iterator[tuple[tuple[str, str], End, Review | None]]:
        """Yield what follows ``at`` (when made, identity): place in the order, record, review."""
        from vindrop.domain.in_force import review_of

        while True:
            found = self.database.execute(
                f"SELECT made_at, id, event, review FROM {_table(kind)} "
                "WHERE made_at > :made_at OR (made_at = :made_at AND id > :last) "
                "ORDER BY made_at, id LIMIT :page",
                made_at=at[0],
                last=at[1],
                page=_PAGE,
            )
            for made_at, last, event, review in found.rows:
                at = (made_at, last)
                yield at, records.end_from_json(event), review_of(review)
            if len(found.rows) < _PAGE:
                return

    def last(self, kind: Kind) -> tuple[str, str]:
        """Return the place of the newest record, for `after`."""
        found = self.database.execute(
            f"SELECT made_at, id FROM {_table(kind)} ORDER BY made_at DESC, id DESC LIMIT 1"
        )
        return (found.rows[0][0], found.rows[0][1]) if found.rows else ("", "")


def open_sql(url: str, environment: Mapping[str, str]) -> SQLDestination:  # noqa: ARG001  # as every opener
    """Return the destination in the database that ``url`` names."""
    return SQLDestination(open_database(url))


def _sql(dialect: Dialect, column: Column) -> str:
    if column.sql == "TEXT":
        return dialect.long_text
    return f"{column.sql}({column.length})" if column.length else column.sql


def _cut(record: Record, table: str) -> dict[str, Value | None]:
    """Return the row of ``record``, with texts no longer than their columns."""
    row = records.row_of(record)
    for field in fields(records.TYPES[_TYPES[table]]):
        value = row.get(field.name)
        if field.column and isinstance(value, str):
            row[field.name] = value[: field.column.length]
    return row


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
