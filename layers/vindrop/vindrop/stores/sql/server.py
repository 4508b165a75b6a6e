"""What databases on a server have in common: a connection per thread, transactions, tables."""

from __future__ import annotations

import contextlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, ClassVar

from vindrop.core.store_errors import StoreError
from vindrop.stores.sql import Dialect, Result, missing, percent_style


class ServerDatabase(ABC):
    """See `vindrop.stores.sql.Database`."""

    dialect: ClassVar[Dialect]
    product: ClassVar[str]
    """Its name in error messages."""
    columns: ClassVar[str]
    """The statement that selects the names of the columns of table ``:name``."""

    def __init__(self, url: str, client: Any) -> None:
        self.url = url
        self._client = client
        self._threads = threading.local()

    @abstractmethod
    def _connect(self) -> Any:
        """Return a new connection that commits each statement."""

    @abstractmethod
    def _is_lost(self, connection: Any, error: Exception) -> bool:
        """Whether ``error`` says that the connection died."""

    def execute(self, statement: str, **values: object) -> Result:
        """Run one statement; see `vindrop.stores.sql.Database`.

        A connection that died while idle (a frozen function, a restarted server) is replaced
        once. The statement may then run twice: ours are conditional writes, which allow that.
        """
        written = percent_style(statement)
        in_transaction = bool(getattr(self._threads, "depth", 0))
        for last in (in_transaction, True):
            connection = self._connection()
            try:
                with connection.cursor() as cursor:
                    cursor.execute(written, values)
                    rows = list(cursor.fetchall()) if cursor.description else []
                    return Result(rows, cursor.rowcount, getattr(cursor, "lastrowid", None))
            except self._client.Error as error:
                if last or not self._is_lost(connection, error):
                    raise StoreError(f"{self.product} said: {error}") from error
                self.close()
        raise AssertionError  # pragma: no cover

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Join or open a transaction."""
        if getattr(self._threads, "depth", 0):
            yield
            return
        self.execute("START TRANSACTION")
        self._threads.depth = 1
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            try:
                self._connection().rollback()
            except self._client.Error:
                self.close()  # a connection that cannot roll back has done so by dying
            raise
        finally:
            self._threads.depth = 0

    def relaxed(self) -> AbstractContextManager[None]:
        """Change nothing: the server decides what is synced, and when."""
        return nullcontext()

    def sync(self) -> None:  # noqa: B027  # rightly empty
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
                raise  # else another process did the same at the same moment

    def close(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._threads, "connection", None)
        if connection is not None:
            self._threads.connection = None
            with contextlib.suppress(self._client.Error):  # gone already is as good as closed
                connection.close()

    def _columns(self, table: str) -> list[str]:
        return [row[0] for row in self.execute(self.columns, name=table).rows]

    def _connection(self) -> Any:
        connection = getattr(self._threads, "connection", None)
        if connection is None:
            try:
                connection = self._connect()
            except self._client.Error as error:
                raise StoreError(f"{self.product} is out of reach: {error}") from error
            self._threads.connection = connection
        return connection
