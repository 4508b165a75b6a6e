"""Whether a database is one of ours, before anything is opened that would make its tables there."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from vindrop.core.store_errors import StoreError, StoreSettingError, scheme_of
from vindrop.destinations import sql as results
from vindrop.stores.ledger.sql_schema import UPLOADS
from vindrop.stores.sql import is_sql, open_database
from vindrop_local.errors import UserError

LEDGER: Final = (UPLOADS,)
"""Tables of a ledger."""
RECORDS: Final = (results.READINGS, results.DEAD_LETTERS)
"""Tables of a destination."""
_FIRST_BYTES: Final = b"SQLite format 3\0"
_THERE: Final = {
    "postgresql": "SELECT relname FROM pg_class "
    "WHERE oid IN (to_regclass(:a), to_regclass(:b), to_regclass(:c))",
    "mysql": "SELECT table_name FROM information_schema.tables "
    "WHERE table_schema = DATABASE() AND table_name IN (:a, :b, :c)",
}


def refuse_foreign(url: str, wanted: Collection[str]) -> None:
    """Look for tables of ours in what ``url`` names, and change nothing there.

    A database in which only records are, or only a ledger, is ours: the other's tables come with the
    first upload.

    :param wanted: tables that the caller reads, for the message.
    :raises UserError: there are none.
    """
    if not is_sql(url):
        return
    path = file_of(url)
    if scheme_of(url) == "sqlite":
        if path is None or not path.is_file():  # its opener says what is wrong
            return
        there, name = _tables(path), str(path)
    else:
        there, name = _on_server(url), "the database"
    if not there & {*LEDGER, *RECORDS}:
        raise UserError(
            f"{name} holds nothing of vindrop's (no table {' or '.join(wanted)}): name what the "
            "functions write. Nothing was changed there"
        )


def holds_ledger(url: str) -> bool:
    """Whether a SQL database holds a ledger of ours; nothing is changed there."""
    if not is_sql(url):
        return False
    path = file_of(url)
    if scheme_of(url) != "sqlite":
        return bool(_on_server(url) & {*LEDGER})
    return path is not None and path.is_file() and bool(_tables(path) & {*LEDGER})


def refuse_others_file(path: Path) -> None:
    """Look whether a file, where there is one, is another program's database, and change nothing there.

    :raises UserError: it is. A file in which nothing is yet is nobody's.
    """
    if not path.is_file():
        return
    there = _tables(path)
    if there and not any(name.startswith("vindrop_") for name in there):
        raise UserError(
            f"{path} is the database of another program (tables {', '.join(sorted(there)[:3])}): name "
            "another folder with --state. Nothing was changed there"
        )


def file_of(url: str) -> Path | None:
    """Return the file that a URL of SQLite or of a file destination names; None for any other."""
    try:
        split = urlsplit(url)
    except ValueError:  # its opener says what is wrong
        return None
    if split.scheme not in {"sqlite", "file"} or split.netloc or not split.path.strip("/"):
        return None
    path = unquote(split.path)
    return Path(path.removeprefix("/") if split.scheme == "sqlite" else path)


def _tables(path: Path) -> set[str]:
    """Return the tables of a file, which is only read.

    :raises UserError: it is no database of SQLite.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(_FIRST_BYTES))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from None
    if not head:
        return set()
    # Without a log beside it the file is all there is, and no helper file is made next to it.
    log = path.with_name(f"{path.name}-wal")
    mode = "mode=ro" if log.exists() else "immutable=1"
    try:
        if head != _FIRST_BYTES:
            raise sqlite3.DatabaseError("file is not a database")
        address = f"file:{quote(str(path.resolve()))}?{mode}"
        with closing(sqlite3.connect(address, uri=True, timeout=5)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            return {str(row[0]) for row in rows}
    except sqlite3.Error as error:
        raise UserError(
            f"{path} cannot be read as a database of SQLite: {error}. Nothing was changed there"
        ) from None


def _on_server(url: str) -> set[str]:
    try:
        database = open_database(url)
        names = dict(zip("abc", (*LEDGER, *RECORDS), strict=True))
        rows = database.execute(_THERE[database.dialect.name], **names).rows
    except (StoreError, StoreSettingError) as error:
        raise UserError(str(error)) from None
    return {str(row[0]) for row in rows}
