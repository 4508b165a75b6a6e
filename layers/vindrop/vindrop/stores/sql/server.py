"""What databases on a server have in common: a connection per thread, transactions, tables.

No wait is without end: clients give up after the URL's ``timeout_seconds`` (default 10), whatever
the server or the network does. A connection on which something went wrong is not used again, and
the next one resolves the server's name anew: after a failover it finds the new primary.
"""

from __future__ import annotations

import contextlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import Enum
from typing import Any, ClassVar

from vindrop.core.store_errors import LockedError, StoreError
from vindrop.core.store_url import StoreURL
from vindrop.stores import storable
from vindrop.stores.sql import Dialect, Result, missing, percent_style


class Fate(Enum):
    """What an error says of the connection on which it came."""

    KEPT = "as good as before: the statement was wrong"
    LOCKED = "as good as before: another worker holds the row"
    LOST = "dead, or to a server that takes no writes: the statement may be run on a new one"
    SILENT = "no answer in time: to be dropped, and the statement not run again"


class ServerDatabase(ABC):
    """See `vindrop.stores.sql.Database`."""

    dialect: ClassVar[Dialect]
    product: ClassVar[str]
    """Its name in error messages."""
    columns: ClassVar[str]
    """The statement that selects the names of the columns of table ``:name``."""
    begin = "START TRANSACTION"

    def __init__(self, url: str, where: StoreURL, client: Any) -> None:
        self.url = url
        self._where = where
        self._client = client
        self._threads = threading.local()

    @abstractmethod
    def _connect(self) -> Any:
        """Return a new connection that commits each statement."""

    @abstractmethod
    def _connect_patiently(self) -> Any:
        """Return the same without a limit on how long a statement takes."""

    @abstractmethod
    def _fate(self, connection: Any, error: Exception) -> Fate:
        """Return what ``error`` says of the connection."""

    def execute(self, statement: str, **values: object) -> Result:
        """Run one statement; see `vindrop.stores.sql.Database`.

        A connection that died while idle (a frozen function, a restarted server) or leads to a
        demoted primary is replaced once. The statement may then run twice: ours are conditional
        writes, which allow that.
        """
        written = percent_style(statement) if values else statement
        given = {name: storable(value) for name, value in values.items()} or None
        in_transaction = bool(getattr(self._threads, "depth", 0))
        for last in (in_transaction, True):
            connection = self._connection()
            try:
                with connection.cursor() as cursor:
                    cursor.execute(written, given)
                    rows = list(cursor.fetchall()) if cursor.description else []
                    return Result(rows, cursor.rowcount, getattr(cursor, "lastrowid", None))
            except (self._client.Error, OSError) as error:
                fate = self._fate(connection, error)
                if fate is Fate.SILENT:
                    self._abandon(connection)
                if fate in {Fate.LOST, Fate.SILENT}:
                    self.close()
                if last or fate is not Fate.LOST:
                    kind = LockedError if fate is Fate.LOCKED else StoreError
                    raise kind(f"{self.product} said: {self._told(error)}") from None
        raise AssertionError  # pragma: no cover

    def execute_patiently(self, statement: str) -> None:
        """Run it without the limits that hold for other statements."""
        try:
            with (
                contextlib.closing(self._connect_patiently()) as connection,
                connection.cursor() as cursor,
            ):
                cursor.execute(statement)
        except (self._client.Error, OSError, RuntimeError, ValueError) as error:
            raise StoreError(f"{self.product} said: {self._told(error)}") from None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Join or open a transaction."""
        if getattr(self._threads, "depth", 0):
            yield
            return
        self.execute(self.begin)
        self._threads.depth = 1
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            connection = getattr(self._threads, "connection", None)
            if connection is not None:  # one that was dropped is rolled back by the server
                try:
                    connection.rollback()
                except (self._client.Error, OSError):
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
            # gone already is as good as closed
            with contextlib.suppress(self._client.Error, OSError):
                connection.close()

    def _abandon(self, connection: Any) -> None:  # noqa: B027  # not every client can
        """Ask the server to stop what this connection waits for."""

    def _columns(self, table: str) -> list[str]:
        return [row[0] for row in self.execute(self.columns, name=table).rows]

    def _connection(self) -> Any:
        connection = getattr(self._threads, "connection", None)
        if connection is None:
            if getattr(self._threads, "depth", 0):
                raise StoreError(f"{self.product}: the connection was lost inside a transaction")
            try:
                connection = self._connect()
            # PyMySQL lets RuntimeError and ValueError through, for logins that it cannot make
            except (self._client.Error, OSError, RuntimeError, ValueError) as error:
                raise StoreError(f"{self.product} is out of reach: {self._told(error)}") from None
            self._threads.connection = connection
        return connection

    def _told(self, error: Exception) -> str:
        """Return what the client says, without the password, should it quote that."""
        said, password = str(error) or type(error).__name__, self._where.password
        return said.replace(password, "…") if len(password) > 2 else said
