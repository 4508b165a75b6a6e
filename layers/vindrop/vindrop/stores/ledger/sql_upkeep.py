"""What an older SQL ledger lacks for the console: its indexes, and the columns of rows written before.

Columns come when a ledger is opened (no database rewrites rows for that). An index on a large table
takes its time, so the sweep adds one after another, without keeping writers away where the database
can do that: PostgreSQL and MySQL can; SQLite writers wait for a few seconds per million rows. Rows
of earlier versions are completed some hundred at a time. Until then lists hold the newer ones.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any, Final

from vindrop.core.store_errors import StoreError
from vindrop.domain import records
from vindrop.domain.upload import Upload
from vindrop.stores.ledger.sql_schema import (
    FOUND,
    INDEXES,
    NO_MORE,
    UPLOADS,
    cut,
    index_statement,
    outcome_values,
    place_values,
)
from vindrop.stores.sql import Database, Row
from vindrop.telemetry import log

SMALL: Final = 50_000
"""Rows of a table whose indexes are made at once, when the console is opened."""
_PAGE: Final = 200
_THERE: Final = {
    "sqlite": "SELECT name FROM pragma_index_list(:name)",
    "postgresql": "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
    "WHERE i.indrelid = to_regclass(:name) AND i.indisvalid",
    "mysql": "SELECT DISTINCT index_name FROM information_schema.statistics "
    "WHERE table_schema = DATABASE() AND table_name = :name",
}
_LACKING: Final = (
    f"SELECT id, upload, record, state, last_seen, first_seen, redriven, failure_code FROM {UPLOADS} "
    "WHERE {which} LIMIT {page}"
)
_WHICH: Final = ("bucket IS NULL", "outcome IS NULL AND record IS NOT NULL")
"""Rows that an earlier version wrote, and those that it ended."""


class Upkeep:
    """Brings the table of uploads up to date."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.filled = False
        """It has completed rows, which may have got a VIN."""
        self.indexes = self._there()
        self.complete = not self._lacking(1)
        if (self.missing or not self.complete) and self._is_small():
            self.run(1.0)

    @property
    def missing(self) -> list[str]:
        """Indexes that are still to be made."""
        return [name for name in INDEXES if name not in self.indexes]

    def run(self, seconds: float) -> bool:
        """Work for about ``seconds``, or as long as one index takes; return whether all is done.

        :raises StoreError: an index may not be made here, or the store is away.
        """
        deadline = time.monotonic() + seconds
        if self.missing:
            self.indexes = self._there()
        for name in self.missing:
            if not self._make(name):
                return False
            self.indexes = self._there()
            if time.monotonic() > deadline:
                break
        if not self.missing:
            self._drop()
        while not self.complete and time.monotonic() < deadline:
            self.complete = not self._back_fill()
        return self.complete and not self.missing

    def _make(self, name: str) -> bool:
        """Make one index; False: another process is making one."""
        dialect, whole = self._database.dialect, f"{UPLOADS}_{name}"
        log("index_missing", index=whole)
        if dialect.name == "sqlite":
            self._database.execute(index_statement(dialect, name))
        elif dialect.name == "postgresql":
            if self._database.execute(
                "SELECT 1 FROM pg_stat_progress_create_index WHERE relid = to_regclass(:name)",
                name=UPLOADS,
            ).rows:
                return False
            # One whose making was cut off is there, and is not used.
            self._database.execute_patiently(f"DROP INDEX CONCURRENTLY IF EXISTS {whole}")
            statement = index_statement(dialect, name)
            self._database.execute_patiently(
                statement.replace("CREATE INDEX IF NOT EXISTS", "CREATE INDEX CONCURRENTLY")
            )
        else:
            with contextlib.suppress(StoreError):  # another process has just made it
                self._database.execute_patiently(
                    f"ALTER TABLE {UPLOADS} ADD INDEX {whole} ({INDEXES[name]}), "
                    "ALGORITHM=INPLACE, LOCK=NONE"
                )
            return name in self._there()
        return True

    def _drop(self) -> None:
        """Drop the indexes of an earlier version that nothing is asked of."""
        kind = self._database.dialect.name
        for name in self._names() & set(NO_MORE):
            whole = f"{UPLOADS}_{name}"
            log("index_dropped", index=whole)
            with contextlib.suppress(StoreError):  # another process has just dropped it
                if kind == "mysql":
                    self._database.execute_patiently(f"ALTER TABLE {UPLOADS} DROP INDEX {whole}")
                else:
                    patiently = " CONCURRENTLY" if kind == "postgresql" else ""
                    self._database.execute_patiently(f"DROP INDEX{patiently} IF EXISTS {whole}")

    def _there(self) -> frozenset[str]:
        return frozenset(INDEXES) & self._names()

    def _names(self) -> frozenset[str]:
        found = self._database.execute(_THERE[self._database.dialect.name], name=UPLOADS)
        return frozenset(str(row[0]).removeprefix(f"{UPLOADS}_") for row in found.rows)

    def _is_small(self) -> bool:
        found = self._database.execute(
            f"SELECT COUNT(*) FROM (SELECT 1 FROM {UPLOADS} LIMIT {SMALL + 1}) small"
        )
        return int(found.rows[0][0]) <= SMALL

    def _lacking(self, page: int) -> list[Row]:
        if not {"bucket", "outcome"} <= self.indexes:
            return self._database.execute(_LACKING.format(which=_WHICH[0], page=page)).rows
        for which in _WHICH:
            rows = self._database.execute(_LACKING.format(which=which, page=page)).rows
            if rows:
                return rows
        return []

    def _back_fill(self) -> int:
        """Complete some rows; return how many there were."""
        rows = self._lacking(_PAGE)
        self.filled = self.filled or bool(rows)
        with self._database.transaction():
            for row in rows:
                self._complete(row)
        return len(rows)

    def _complete(self, row: Row) -> None:
        upload = Upload.from_json(row[1])
        record = records.end_from_json(row[2]) if row[2] else None
        values: dict[str, Any] = place_values(upload)
        sets = [f"{name} = :{name}" for name in values]
        if record is None and row[7]:
            values["outcome"] = cut("outcome", row[7])
            sets.append("outcome = :outcome")
        if record is not None:
            found = outcome_values(record)
            values |= {**found, "reference": found["reference"] or values["reference"]}
            sets = [each for each in sets if not each.startswith("reference")] + [FOUND]
            if isinstance(record, records.Reading) and not row[6]:
                values["took"] = max(record.read_at.timestamp() - float(row[5]), 0.0)
                sets.append("took = :took")
        # Whoever has changed the row in between has written its columns as well.
        self._database.execute(
            f"UPDATE {UPLOADS} SET {', '.join(sets)} WHERE id = :id AND state = :was_state "
            "AND last_seen = :was_seen AND review IS NULL",
            id=row[0],
            was_state=row[3],
            was_seen=row[4],
            **values,
        )
