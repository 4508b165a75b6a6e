"""SQLite, the default on one machine: one file, a write-ahead log, many processes."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from vindrop.core.store_errors import StoreError, StoreSettingError
from vindrop.stores import storable
from vindrop.stores.sql import Dialect, Result, missing

BUSY_SECONDS: Final = 30.0
"""How long a writer waits for another process's transaction; ours last milliseconds."""

DIALECT: Final = Dialect(
    name="sqlite",
    now="((julianday('now') - 2440587.5) * 86400.0)",
    now_us="CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)",
    on_conflict_ignore="ON CONFLICT DO NOTHING",
    greatest="MAX",
    returning=True,
    long_text="TEXT",
)


class SQLite:
    """A file that several processes may hold open. ``sqlite:///relative`` or ``sqlite:////absolute``."""

    dialect = DIALECT

    def __init__(self, url: str) -> None:
        try:
            split = urlsplit(url)
        except ValueError:  # a bracket where a host would stand
            split = urlsplit("sqlite:")
        path = unquote(split.path).removeprefix("/")
        if split.netloc or not path:
            raise StoreSettingError(
                "sqlite://… does not name a file: write sqlite:///relative/path.db or "
                "sqlite:////absolute/path.db"
            )
        self.url = url
        self._path = Path(path)
        self._threads = threading.local()

    def execute(self, statement: str, **values: object) -> Result:
        """Run one statement; see `vindrop.stores.sql.Database`."""
        try:
            given = {name: storable(value) for name, value in values.items()}
            cursor = self._connection().execute(statement, given)
            rows = cursor.fetchall()
            return Result(rows, cursor.rowcount)
        except sqlite3.Error as error:
            raise StoreError(f"the database {self._path.name} said: {error}") from error

    def execute_patiently(self, statement: str) -> None:
        """Run it like any other: nothing limits how long a statement takes here."""
        self.execute(statement)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Join or open a transaction; the write lock is taken at once, so it cannot fail later."""
        if getattr(self._threads, "depth", 0):
            yield
            return
        self.execute("BEGIN IMMEDIATE")
        self._threads.depth = 1
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            self._connection().rollback()  # a COMMIT that failed (disk full) leaves it open too
            raise
        finally:
            self._threads.depth = 0

    @contextmanager
    def relaxed(self) -> Iterator[None]:
        """Leave out the sync of commits in the block; see `vindrop.stores.sql.Database`.

        The log is one file, written in order: the next commit that is synced takes these along.
        So does the checkpoint that moves them into the database.
        """
        if getattr(self._threads, "depth", 0) or getattr(self._threads, "relaxed", False):
            yield
            return
        self.execute("PRAGMA synchronous = NORMAL")
        self._threads.relaxed = True
        try:
            yield
        finally:
            self._threads.relaxed = False
            try:
                self.execute("PRAGMA synchronous = FULL")
            except StoreError:
                self.close()  # the next connection syncs again

    def sync(self) -> None:
        """Make an empty write, synced: the log before it goes to the disk with it."""
        self.execute("PRAGMA user_version = 0")

    def ensure(
        self, table: str, *statements: str, columns: Mapping[str, str] | None = None
    ) -> None:
        """Make the table where it is missing, and add the columns that an older one lacks."""
        if missing(self._columns(table), table, statements, columns):
            # The transaction holds the write lock: what is missing now stays so.
            with self.relaxed(), self.transaction():
                for statement in missing(self._columns(table), table, statements, columns):
                    self.execute(statement)

    def close(self) -> None:
        """Close this thread's connection."""
        connection: sqlite3.Connection | None = getattr(self._threads, "connection", None)
        if connection is not None:
            connection.close()
            self._threads.connection = None

    def _columns(self, table: str) -> list[str]:
        found = self.execute("SELECT name FROM pragma_table_info(:name)", name=table)
        return [row[0] for row in found.rows]

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._threads, "connection", None)
        if connection is None:
            connection = self._open()
            self._threads.connection = connection
        return connection

    def _open(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot make the folder of {self._path}: {error.strerror}") from error
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
                # The change to a write-ahead log takes no busy handler: two first-comers collide.
                connection.execute("PRAGMA journal_mode = WAL")
                # An answer that was paid for must survive a power cut: commits are synced, but
                # for those inside `relaxed`.
                connection.execute("PRAGMA synchronous = FULL")
            except sqlite3.OperationalError as error:
                if "locked" in str(error) and time.monotonic() < deadline:
                    time.sleep(0.02)
                    continue
                raise StoreError(f"cannot open the database {self._path}: {error}") from error
            else:
                return connection
