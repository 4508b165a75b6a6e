"""What a search of the console finds on a SQL ledger, and how its table is named to the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vindrop.stores.ledger.sql_schema import UPLOADS
from vindrop.stores.sql import Database, Dialect

SECONDS: Final = 0.1
"""For which a page is searched: what is not found by then is on the next pages."""
LAST: Final = "\U0010ffff"
"""Behind every text."""
Key = tuple[float, str]
"""When first seen, and identity: a row's place in the order."""


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of one page."""

    keys: list[Key]
    next: Key | None
    """Where the next page begins; None: there is none."""
    searched_to: float | None = None
    """Where the search stopped before the page was full; None: it did not."""


def page_of(keys: list[Key], limit: int) -> Found:
    """Return a page of ``keys``, which are in order and all there are up to one more than ``limit``."""
    more = len(keys) > limit
    return Found(keys[:limit], keys[limit - 1] if more else None)


def hinted(dialect: Dialect, index: str) -> str:
    """Return the table of uploads with the index that is to be used; PostgreSQL knows by itself."""
    if index and dialect.name == "sqlite":
        return f"{UPLOADS} INDEXED BY {UPLOADS}_{index}"
    if index and dialect.name == "mysql":
        return f"{UPLOADS} FORCE INDEX ({UPLOADS}_{index})"
    return UPLOADS


def now_of(database: Database) -> float:
    """Return the store's own time, in seconds since 1970."""
    return float(database.execute(f"SELECT {database.dialect.now}").rows[0][0])
