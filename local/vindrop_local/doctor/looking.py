"""Stores that are only looked into: nothing is made, no row is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import unquote, urlsplit

from vindrop.core.store_errors import StoreError
from vindrop.stores.dynamodb import DynamoDB
from vindrop.stores.sql import Database, open_database

_READING: Final = ("SELECT",)


class MissingError(Exception):
    """What is asked for is not there yet. ``str()`` is one sentence."""


class Looking:
    """A database as ledger and destinations see it, whose tables are looked for instead of made."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.missing: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def execute(self, statement: str, **values: object) -> Any:
        """Run a statement that reads.

        :raises StoreError: the database refused it or is out of reach.
        """
        if not statement.startswith(_READING):
            raise AssertionError(f"a look must not write: {statement[:20]}")
        return self._database.execute(statement, **values)

    def ensure(
        self,
        table: str,
        *_statements: str,
        columns: Mapping[str, str] | None = None,
    ) -> None:
        """Note the table where it, or one of its columns, is not there."""
        wanted = ", ".join(columns or {}) or "1"
        try:
            self._database.execute(f"SELECT {wanted} FROM {table} WHERE 1 = 0")  # noqa: S608  # our names
        except StoreError:
            self._database.execute("SELECT 1")  # out of reach is another finding
            self.missing.append(table)


def database(url: str) -> Looking:
    """Return the database that ``url`` names.

    :raises MissingError: it is a file that is not there yet.
    :raises StoreError: it is a file in a folder that is not there.
    """
    split = urlsplit(url)
    if split.scheme == "sqlite" and not split.netloc:
        path = Path(unquote(split.path).removeprefix("/"))
        if not path.parent.is_dir():
            raise StoreError(f"there is no folder {path.parent}: make it, or correct the URL")
        if not path.is_file():
            raise MissingError(f"{path} is not there yet: the first start makes it")
    return Looking(open_database(url))


def as_database(looking: Looking) -> Database:
    """Return it as what ledger and destinations take."""
    return cast("Database", looking)


class LookingDynamoDB(DynamoDB):
    """DynamoDB's tables, none of which is made."""

    def _make(self, definition: Mapping[str, Any]) -> None:
        raise MissingError(
            f"the table {definition['TableName']} is not there yet: the first start makes it where "
            "the role may, else deploy what `vindrop schema dynamodb` prints"
        )
