"""PostgreSQL (TencentDB for PostgreSQL, Aurora, any other), through psycopg 3."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

from vindrop.core.store_errors import StoreError, load_client
from vindrop.stores.sql import Dialect, Result, missing, percent_style

CONNECT_SECONDS: Final = 5

DIALECT: Final = Dialect(
    name="postgresql",
    now="extract(epoch from clock_timestamp())::float8",
    now_us="(extract(epoch from clock_timestamp()) * 1000000)::bigint",
    on_conflict_ignore="ON CONFLICT DO NOTHING",
    greatest="GREATEST",
    returning=True,
    long_text="TEXT",
)


class PostgreSQL:
    """A database that ``postgresql://user:password@host:port/name?sslmode=…`` names."""

    dialect = DIALECT

    def __init__(self, url: str) -> None:
        self.url = url
        self._psycopg: Any = load_client("psycopg", "postgresql://…")
        self._threads = threading.local()

    def execute(self, statement: str, **values: object) -> Result:
        """Run one statement; see `vindrop.stores.sql.Database`.

        A connection that died while idle (a frozen function, a restarted server) is replaced
        once. The statement may then run twice: ours are conditional writes, which bear that.
        """
        written = percent_style(statement)
        in_transaction = getattr(self._threads, "depth", 0)
        for last in (bool(in_transaction), True):
            try:
                with self._connection().cursor() as cursor:
                    cursor.execute(written, values)
                    rows = cursor.fetchall() if cursor.description else []
                    return Result(rows, cursor.rowcount)
            except self._psycopg.OperationalError as error:
                if last or not self._is_dead():
                    raise StoreError(f"PostgreSQL said: {error}") from error
                self.close()
            except self._psycopg.Error as error:
                raise StoreError(f"PostgreSQL said: {error}") from error
        raise AssertionError  # pragma: no cover

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Join or open a transaction."""
        if getattr(self._threads, "depth", 0):
            yield
            return
        self.execute("SELECT 1")  # replaces a connection that died while idle
        self._threads.depth = 1
        try:
            with self._connection().transaction():
                yield
        except self._psycopg.Error as error:
            raise StoreError(f"PostgreSQL said: {error}") from error
        finally:
            self._threads.depth = 0

    def relaxed(self) -> AbstractContextManager[None]:
        """Change nothing: what the server syncs, and when, is its own affair."""
        return nullcontext()

    def sync(self) -> None:
        """Do nothing: what was committed is as safe as this server makes it."""

    def ensure(
        self, table: str, *statements: str, columns: Mapping[str, str] | None = None
    ) -> None:
        """Make or complete the table; two that do so at once do not hurt each other."""
        try:
            wanted = missing(self._columns(table), table, statements, columns)
            with self.transaction() if wanted else nullcontext():
                for statement in wanted:
                    self.execute(statement)
        except StoreError:
            if missing(self._columns(table), table, statements, columns):
                raise

    def close(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._threads, "connection", None)
        if connection is not None:
            connection.close()
            self._threads.connection = None

    def _columns(self, table: str) -> list[str]:
        found = self.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(:name) "
            "AND attnum > 0 AND NOT attisdropped",
            name=table,
        )
        return [row[0] for row in found.rows]

    def _is_dead(self) -> bool:
        connection = getattr(self._threads, "connection", None)
        return connection is not None and bool(connection.closed or connection.broken)

    def _connection(self) -> Any:
        connection = getattr(self._threads, "connection", None)
        if connection is None:
            try:
                connection = self._psycopg.connect(
                    self.url, autocommit=True, connect_timeout=CONNECT_SECONDS
                )
            except self._psycopg.Error as error:
                raise StoreError(f"PostgreSQL is out of reach: {error}") from error
            self._threads.connection = connection
        return connection
