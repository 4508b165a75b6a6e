"""A SQL ledger copied into another, of whatever dialect: rows as they are, in pages.

Times are seconds since 1970 in every dialect, so leases, retries and ages go on as they were. Rows
that are there already are left alone: a copy may be interrupted and run again, and a ledger that
has gone on meanwhile is not set back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from vindrop.stores.ledger.sql_schema import (
    CALLS,
    CIRCUITS,
    REVIEWS,
    UPLOADS,
    VINS,
    added,
    console_schema,
    schema,
)
from vindrop.stores.sql import Database, Row

_KEYS: Final = {
    UPLOADS: ("id",),
    REVIEWS: ("upload", "sequence"),
    CIRCUITS: ("id",),
    CALLS: ("id",),
}
"""Table → its primary key. The overview's figures and packed VINs are not copied: they are made anew."""
_COLUMN: Final = re.compile(r"(?:\(|, )([a-z_]+) (?:VARCHAR|DOUBLE|INTEGER|SMALLINT|TEXT|LONGTEXT)")
_PAGE: Final = 500


def copy(
    source: Database, target: Database, progress: Callable[[int], None] | None = None
) -> dict[str, tuple[int, int]]:
    """Copy every table; return table → rows read, rows that were new in ``target``.

    :param progress: told how many rows more were copied, after every page.
    :raises StoreError: a database refused, or is out of reach. What was copied so far stays.
    """
    done = {}
    for table, key in _KEYS.items():
        for database in (source, target):
            _ensure(database, table)
        names = columns(source, table)
        read = new = 0
        for page in _pages(source, table, names, key):
            new += _write(target, table, names, page)
            read += len(page)
            if progress is not None:
                progress(len(page))
        done[table] = (read, new)
    # What came changed before what is packed there: the sweep packs it all again.
    target.ensure(VINS, *console_schema(target.dialect)[VINS])
    target.execute(f"DELETE FROM {VINS}")
    return done


def rows(source: Database) -> int:
    """Return how many rows `copy` reads, as far as the tables are there."""
    found = 0
    for table in _KEYS:
        _ensure(source, table)
        found += int(source.execute(f"SELECT COUNT(*) FROM {table}").rows[0][0])  # our names
    return found


def _ensure(database: Database, table: str) -> None:
    statements = {**schema(database.dialect), **console_schema(database.dialect)}[table]
    newer = added(database.dialect) if table == UPLOADS else {}
    database.ensure(table, *statements, columns=newer)


def columns(database: Database, table: str) -> list[str]:
    """Return the columns of a table of the ledger, as its own statement declares them."""
    statements = {**schema(database.dialect), **console_schema(database.dialect)}[table]
    return _COLUMN.findall(statements[0])


def _pages(
    source: Database, table: str, names: Sequence[str], key: Sequence[str]
) -> Iterator[list[Row]]:
    """Yield the rows in the order of their key; each page begins behind the last row of the one before."""
    chosen = f"SELECT {', '.join(names)} FROM {table}"
    order = f"ORDER BY {', '.join(key)} LIMIT {_PAGE}"
    where = ""
    values: dict[str, object] = {}
    at = [names.index(name) for name in key]
    while True:
        page = source.execute(f"{chosen} {where} {order}", **values).rows
        if page:
            yield page
        if len(page) < _PAGE:
            return
        values = {f"k{n}": page[-1][place] for n, place in enumerate(at)}
        first, *rest = key
        where = f"WHERE {first} > :k0" + "".join(
            f" OR ({first} = :k0 AND {name} > :k{n})" for n, name in enumerate(rest, start=1)
        )


def _write(target: Database, table: str, names: Sequence[str], page: Sequence[Row]) -> int:
    places = ", ".join(f":c{n}" for n in range(len(names)))
    ignore = target.dialect.on_conflict_ignore
    if target.dialect.name == "mysql":  # its tail names a column, and not every table has an id
        ignore = f"ON DUPLICATE KEY UPDATE {_KEYS[table][0]} = {_KEYS[table][0]}"
    statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places}) {ignore}"
    with target.transaction():
        return sum(
            max(target.execute(statement, **{f"c{n}": v for n, v in enumerate(row)}).rowcount, 0)
            for row in page
        )
