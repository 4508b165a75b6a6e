"""The console on a SQL ledger; see `vindrop.core.console.Console`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, cast

from vindrop.core import cursors, overview
from vindrop.core.console import (
    COUNTED,
    EVERYTHING,
    LARGEST_PAGE,
    Entry,
    Filter,
    Life,
    Overview,
    Page,
)
from vindrop.core.ledger import State
from vindrop.core.life import life_of
from vindrop.core.outcome import Queue
from vindrop.core.rate_limiter import Rate, RateLimiter
from vindrop.core.store_errors import StoreError
from vindrop.domain import records
from vindrop.domain.failures import Failure
from vindrop.domain.review import Review
from vindrop.domain.upload import Upload
from vindrop.stores.ledger.sql_found import Found, Key, now_of
from vindrop.stores.ledger.sql_hours import Hours
from vindrop.stores.ledger.sql_reviews import SQLReviews
from vindrop.stores.ledger.sql_schema import QUEUES, UPLOADS
from vindrop.stores.ledger.sql_search import Condition, Search, conditions
from vindrop.stores.ledger.sql_upkeep import Upkeep
from vindrop.stores.ledger.sql_vins import Packing
from vindrop.stores.sql import Database, Row

if TYPE_CHECKING:
    from vindrop.stores.ledger.sql import SQLLedger

_COLUMNS: Final = (
    "id, upload, state, first_seen, last_seen, attempts, billed, maybe_billed, redriven, record, "
    "failure_code, failure_message, failure_request_id, due_at, review, reviews, "
    "dead_letter, ended_at"
)
_KEY: Final = (float, str)
_QUEUED: Final = (int, float, str)
_IDS: Final = 10
_DAYS: Final = 30
"""Of the overview, whose hours the sweep counts ahead."""
_SHORTEST_ID: Final = 8


class SQLConsole:
    """Pages, lives, the queue and the overview, out of the ledger's table."""

    def __init__(self, ledger: SQLLedger, rate_limiter: RateLimiter | None, price: float) -> None:
        self._ledger = ledger
        self.database: Database = ledger.database
        self._rate_limiter = rate_limiter
        self._price = price
        self._upkeep = Upkeep(self.database)
        self._hours = Hours(self.database)
        self._packing = Packing(self.database)
        self.review_store = SQLReviews(self.database)

    def uploads(self, chosen: Filter = EVERYTHING, cursor: str = "", limit: int = 50) -> Page:
        """Return uploads, newest first; see `vindrop.stores.ledger.sql_search`."""
        place = cursors.decode("uploads", chosen, cursor, _KEY)
        found = self._search(chosen, limit).run(cast("Key | None", place))
        following = cursors.encode("uploads", chosen, found.next) if found.next else None
        return Page(self._entries(found.keys), following, _moment(found.searched_to))

    def upload(self, upload_id: str) -> Life | None:
        """Return one upload's life."""
        rows = self.database.execute(
            f"SELECT {_COLUMNS} FROM {UPLOADS} WHERE id = :id", id=upload_id
        ).rows
        if not rows:
            return None
        earlier = records.end_from_json(rows[0][16]) if rows[0][16] else None
        return life_of(
            _entry(rows[0]),
            dead_letter=earlier if isinstance(earlier, records.DeadLetter) else None,
            ended_at=_moment(rows[0][17]),
            reviews=self.reviews(upload_id),
            undelivered=len(self.review_store.pending(upload_id)),
        )

    def find(self, beginning: str) -> tuple[str, ...]:
        """Return the ids that begin so."""
        if len(beginning) < _SHORTEST_ID or not beginning.isalnum() or not beginning.isascii():
            return ()
        found = self.database.execute(
            f"SELECT id FROM {UPLOADS} WHERE id >= :first AND id < :last ORDER BY id LIMIT {_IDS}",
            first=beginning,
            last=f"{beginning}~",
        )
        return tuple(str(row[0]) for row in found.rows if str(row[0]).startswith(beginning))

    def review_queue(self, chosen: Filter = EVERYTHING, cursor: str = "", limit: int = 50) -> Page:
        """Return what waits for a person, by the index of the queue."""
        limit = max(1, min(limit, LARGEST_PAGE))
        place = cursors.decode("queue", chosen, cursor, _QUEUED)
        first = int(place[0]) if place else 1
        after = cast("Key", place[1:]) if place else None
        keys: list[Key] = []
        for number in range(max(first, 1), len(QUEUES) + 1):
            search = self._search(
                chosen,
                limit - len(keys),
                Condition(
                    "queue = :queue AND state IN ('delivered', 'dead')", {"queue": number}, "queue"
                ),
            )
            search.descending = False
            found = search.run(after)
            keys += found.keys
            if found.next is not None:
                following = cursors.encode("queue", chosen, (number, *found.next))
                return Page(self._entries(keys), following, _moment(found.searched_to))
            if len(keys) == limit and number < len(QUEUES):
                following = cursors.encode("queue", chosen, (number + 1, 0.0, ""))
                return Page(self._entries(keys), following)
            after = None
        return Page(self._entries(keys), None)

    def overview(self, days: int = 30) -> Overview:
        """Return the figures of the last days."""
        days = max(1, min(days, 366))
        now = now_of(self.database)
        last = dt.datetime.fromtimestamp(now, dt.timezone.utc).date()
        hours, complete = overview.collect(self._hours, now, days)
        each, total = overview.days(hours, last, days, self._price)
        waiting, oldest = self._queued(now)
        return Overview(
            tuple(each),
            total,
            self._ledger.backlog(),
            waiting,
            oldest,
            self._ledger.circuit(None),
            self._rate(),
            up_to_date=complete and self._upkeep.complete,
        )

    def export(self, chosen: Filter = EVERYTHING) -> Iterator[Entry]:
        """Yield all, page by page."""
        place: Key | None = None
        while True:
            found: Found = self._search(chosen, LARGEST_PAGE).run(place)
            yield from self._entries(found.keys)
            if found.next is None:
                return
            place = found.next

    def reviews(self, upload_id: str) -> tuple[Review, ...]:
        """Return the history of an upload."""
        return self.review_store.history(upload_id)

    def tidy(self, seconds: float) -> bool:
        """Work on indexes, rows of earlier versions, hours to count; return whether all is done."""
        done = self._upkeep.run(seconds) and self._pack(seconds / 2)
        before = (
            now_of(self.database) - 2 * overview.HOUR
        )  # the last hours are counted by who looks
        return done and overview.collect(self._hours, before, _DAYS, seconds / 2)[1]

    def _pack(self, seconds: float) -> bool:
        """Pack the VINs of what has not changed for a while, for searches by a part of one."""
        if self._upkeep.filled:  # rows got their VINs without being changed
            self._packing.begin_anew()
            self._upkeep.filled = False
        return self._packing.run(seconds)

    def _search(self, chosen: Filter, limit: int, first: Condition | None = None) -> Search:
        parts = conditions(chosen)
        limit = max(1, min(limit, LARGEST_PAGE))
        every = [first, *parts] if first else parts
        return Search(self.database, every, limit, indexes=self._upkeep.indexes)

    def _entries(self, keys: list[Key]) -> tuple[Entry, ...]:
        if not keys:
            return ()
        named = {f"k{n}": key[1] for n, key in enumerate(keys)}
        found = self.database.execute(
            f"SELECT {_COLUMNS} FROM {UPLOADS} WHERE id IN ({', '.join(f':{n}' for n in named)})",
            **named,
        )
        rows = {str(row[0]): row for row in found.rows}
        return tuple(_entry(rows[key[1]]) for key in keys if key[1] in rows)

    def _queued(self, now: float) -> tuple[dict[Queue, int], float | None]:
        """Return the length of each part of the queue, and how long its oldest upload waits."""
        lengths: dict[Queue, int] = {}
        oldest: list[float] = []
        for number, name in enumerate(QUEUES, 1):
            found = self.database.execute(
                f"SELECT COUNT(*), MIN(first_seen) FROM (SELECT first_seen FROM {UPLOADS} "
                "WHERE queue = :queue ORDER BY first_seen "
                f"LIMIT {COUNTED + 1}) queued",
                queue=number,
            ).rows[0]
            lengths[name] = int(found[0])
            oldest += [float(found[1])] if found[1] is not None else []
        return lengths, max(now - min(oldest), 0.0) if oldest else None

    def _rate(self) -> Rate | None:
        try:
            return self._rate_limiter.now() if self._rate_limiter is not None else None
        except StoreError:
            return None


def _moment(seconds: object) -> dt.datetime | None:
    if not isinstance(seconds, int | float):
        return None
    return dt.datetime.fromtimestamp(seconds, dt.timezone.utc)


def _entry(row: Row) -> Entry:
    review = records.from_json(row[14]) if row[14] else None
    first, last = _moment(float(row[3])), _moment(float(row[4]))
    if first is None or last is None:
        raise AssertionError
    return Entry(
        id=str(row[0]),
        upload=Upload.from_json(row[1]),
        state=cast("State", row[2]),
        first_seen=first,
        last_seen=last,
        attempts=int(row[5]),
        billed=int(row[6]),
        maybe_billed=int(row[7]),
        redriven=int(row[8]),
        record=records.end_from_json(row[9]) if row[9] else None,
        failure=Failure(row[10], row[11] or "", row[12]) if row[10] else None,
        due_at=_moment(row[13]),
        review=review if isinstance(review, Review) else None,
        sequence=int(row[15]),
    )
