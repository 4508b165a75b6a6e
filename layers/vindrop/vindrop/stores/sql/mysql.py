"""MySQL and MariaDB (TencentDB for MySQL, Aurora, any other), through PyMySQL."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from vindrop.core.store_errors import StoreError, StoreSettingError, load_client
from vindrop.stores.sql import Dialect, Result, missing, percent_style

CONNECT_SECONDS: Final = 5
STATEMENT_SECONDS: Final = 30

DIALECT: Final = Dialect(
    name="mysql",
    now="(UNIX_TIMESTAMP(NOW(6)) + 0e0)",
    now_us="CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)",
    # Not INSERT IGNORE: that would swallow wrong data as well as the existing row.
    on_conflict_ignore="ON DUPLICATE KEY UPDATE id = id",
    greatest="GREATEST",
    returning=False,
    long_text="LONGTEXT",
    table_options=" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
)

_LOST: Final = frozenset({2006, 2013, 2055, 4031})
"""Client errors of a connection that went away while idle."""


class MySQL:
    """A database that ``mysql://user:password@host:port/name?ssl_ca=/path`` names."""

    dialect = DIALECT

    def __init__(self, url: str) -> None:
        split = urlsplit(url)
        if not split.hostname or not split.path.strip("/"):
            raise StoreSettingError(
                f"{url} names no database: mysql://user:password@host:3306/name"
            )
        self.url = url
        self._pymysql: Any = load_client("pymysql", "mysql://…")
        self._arguments: dict[str, Any] = {
            "host": split.hostname,
            "port": split.port or 3306,
            "user": unquote(split.username or ""),
            "password": unquote(split.password or ""),
            "database": unquote(split.path.strip("/")),
            "charset": "utf8mb4",
            "autocommit": True,
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": STATEMENT_SECONDS,
            "write_timeout": STATEMENT_SECONDS,
        }
        for name, given in parse_qs(split.query).items():
            if name not in {"ssl_ca", "ssl_cert", "ssl_key", "unix_socket"}:
                raise StoreSettingError(f"mysql://… takes no parameter {name!r}")
            self._arguments[name] = given[-1]
        self._threads = threading.local()

    def execute(self, statement: str, **values: object) -> Result:
        """Run one statement; see `vindrop.stores.sql.Database` and `PostgreSQL.execute` on replacing."""
        written = percent_style(statement)
        in_transaction = getattr(self._threads, "depth", 0)
        for last in (bool(in_transaction), True):
            try:
                with self._connection().cursor() as cursor:
                    cursor.execute(written, values)
                    rows = list(cursor.fetchall()) if cursor.description else []
                    return Result(rows, cursor.rowcount, cursor.lastrowid)
            except (self._pymysql.OperationalError, self._pymysql.InterfaceError) as error:
                lost = not error.args or error.args[0] in _LOST or error.args[0] == 0
                if last or not lost:
                    raise StoreError(f"MySQL said: {error}") from error
                self.close()
            except self._pymysql.Error as error:
                raise StoreError(f"MySQL said: {error}") from error
        raise AssertionError  # pragma: no cover

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Join or open a transaction."""
        if getattr(self._threads, "depth", 0):
            yield
            return
        self.execute("SELECT 1")  # replaces a connection that died while idle
        self.execute("START TRANSACTION")
        self._threads.depth = 1
        try:
            yield
        except BaseException:
            self._threads.depth = 0
            try:
                self._connection().rollback()
            except self._pymysql.Error:
                self.close()  # a connection that cannot roll back has done so by dying
            raise
        self._threads.depth = 0
        try:
            self._connection().commit()
        except self._pymysql.Error as error:
            raise StoreError(f"MySQL said: {error}") from error

    def relaxed(self) -> AbstractContextManager[None]:
        """Change nothing: what the server syncs, and when, is its own affair."""
        return nullcontext()

    def sync(self) -> None:
        """Do nothing: what was committed is as safe as this server makes it."""

    def ensure(
        self, table: str, *statements: str, columns: Mapping[str, str] | None = None
    ) -> None:
        """Make or complete the table (MySQL commits each definition at once)."""
        try:
            for statement in missing(self._columns(table), table, statements, columns):
                self.execute(statement)
        except StoreError:
            if missing(self._columns(table), table, statements, columns):
                raise  # else another added the column at the same moment

    def _columns(self, table: str) -> list[str]:
        found = self.execute(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_schema = DATABASE() AND table_name = :name",
            name=table,
        )
        return [row[0] for row in found.rows]

    def close(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._threads, "connection", None)
        if connection is not None:
            self._threads.connection = None
            with contextlib.suppress(self._pymysql.Error):  # gone already is as good as closed
                connection.close()

    def _connection(self) -> Any:
        connection = getattr(self._threads, "connection", None)
        if connection is None:
            try:
                connection = self._pymysql.connect(**self._arguments)
            except self._pymysql.Error as error:
                raise StoreError(f"MySQL is out of reach: {error}") from error
            self._threads.connection = connection
        return connection
