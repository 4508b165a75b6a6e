"""SQL databases behind one protocol: connections, transactions, and what their dialects differ in.

Ledger, rate limiter and destinations write plain SQL with ``:name`` placeholders; the differences
between SQLite, PostgreSQL and MySQL are in `Dialect`. A URL is opened once per process, so a ledger
and a destination in one database share its transactions.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from vindrop.core.store_errors import StoreSettingError, clean, scheme_of

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Result:
    """What a statement gave."""

    rows: list[Row]
    rowcount: int
    """Rows inserted, changed or deleted."""
    last_id: int | None = None
    """MySQL's LAST_INSERT_ID: how a statement hands a number back where RETURNING is missing."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the SQL of one database differs from the others'."""

    name: str
    now: str
    """The store's own clock: seconds since 1970, as a double."""
    now_us: str
    """The same in whole microseconds."""
    on_conflict_ignore: str
    """Tail of an INSERT that leaves an existing row alone; ``rowcount`` is then 0."""
    greatest: str
    """Function that returns the larger of its arguments."""
    returning: bool
    """Whether UPDATE … RETURNING works."""
    long_text: str
    table_options: str = ""
    bytewise: str = ""
    """Tail of a text column's definition whose order is that of its characters' codes."""
    skip_locked: str = ""
    """Tail of a SELECT that locks what it finds and passes over what another holds."""


class Database(Protocol):
    """One database, for every thread of this process."""

    @property
    def url(self) -> str:
        """As given; holds a password: never log it."""

    @property
    def dialect(self) -> Dialect:
        """Its SQL."""

    def execute(self, statement: str, **values: object) -> Result:
        """Run one statement, in the open transaction of this thread or in one of its own.

        :raises StoreError: the database refused it or is out of reach.
        """

    def execute_patiently(self, statement: str) -> None:
        """Run a statement that may take minutes, on a connection of its own and in no transaction.

        :raises StoreError: the database refused it or is out of reach.
        """

    def transaction(self) -> AbstractContextManager[None]:
        """All statements of this thread until the end of the block commit together, or none does.

        A block inside a block joins the outer one.
        """

    def relaxed(self) -> AbstractContextManager[None]:
        """Commits of this thread in the block survive a killed process, but need not a power cut.

        They are safe with the next commit outside such a block, whoever makes it. For what only
        matters while its own run lasts. No difference where the server decides what is synced.
        """

    def sync(self) -> None:
        """Return once everything committed so far, by whatever process, would survive a power cut."""

    def ensure(
        self, table: str, *statements: str, columns: Mapping[str, str] | None = None
    ) -> None:
        """Make ``table`` by ``statements`` where it is missing.

        :param columns: name → definition of columns that an older table may lack: they are added.
        """

    def close(self) -> None:
        """Close this thread's connection."""


_PLACEHOLDER: Final = re.compile(r"(?<![:\w]):([a-z_]+[0-9]*)")


def percent_style(statement: str) -> str:
    """Return ``statement`` with ``:name`` written ``%(name)s``, as psycopg and pymysql want it."""
    return _PLACEHOLDER.sub(r"%(\1)s", statement.replace("%", "%%"))


def missing(
    there: Sequence[str], table: str, statements: Sequence[str], columns: Mapping[str, str] | None
) -> list[str]:
    """Return the statements that bring ``table`` up to date, given the columns that it has."""
    if not there:
        return list(statements)
    return [
        f"ALTER TABLE {table} ADD COLUMN {name} {definition}"
        for name, definition in (columns or {}).items()
        if name not in there
    ]


SCHEMES: Final = ("sqlite", "postgresql", "postgres", "mysql", "mariadb")
_open: dict[str, Database] = {}
_lock = threading.Lock()


def is_sql(url: str) -> bool:
    """Whether ``url`` names a SQL database."""
    return scheme_of(url) in SCHEMES


def open_database(url: str) -> Database:
    """Return the database that ``url`` names; the same object for the same URL.

    :raises StoreSettingError: the URL is wrong or its client is not installed.
    """
    url = clean(url)
    with _lock:
        if url not in _open:
            _open[url] = _connect(url)
        return _open[url]


def forget(url: str) -> None:
    """Close and drop what `open_database` keeps for ``url``."""
    with _lock:
        database = _open.pop(clean(url), None)
    if database is not None:
        database.close()


def _connect(url: str) -> Database:
    scheme = scheme_of(url)
    if scheme == "sqlite":
        from vindrop.stores.sql.sqlite import SQLite

        return SQLite(url)
    if scheme in {"postgresql", "postgres"}:
        from vindrop.stores.sql.postgresql import PostgreSQL

        return PostgreSQL(url)
    if scheme in {"mysql", "mariadb"}:
        from vindrop.stores.sql.mysql import MySQL

        return MySQL(url)
    raise StoreSettingError(f"no SQL database: a URL begins with one of {', '.join(SCHEMES)}")
