"""The console on a DynamoDB ledger; see `vindrop.core.console.Console`."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Iterator
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
from vindrop.core.overview import HOUR, Figures
from vindrop.core.rate_limiter import Rate, RateLimiter
from vindrop.core.store_errors import StoreError
from vindrop.domain.records import DeadLetter, end_from_json, from_json
from vindrop.domain.review import Review
from vindrop.domain.upload import Upload
from vindrop.stores.dynamodb import Item, Value
from vindrop.stores.dynamodb_tables import CONSOLE
from vindrop.stores.ledger.dynamodb_items import failure_of
from vindrop.stores.ledger.dynamodb_listing import COMPLETE, day_of, of_item
from vindrop.stores.ledger.dynamodb_operations import TABLE
from vindrop.stores.ledger.dynamodb_reviews import DynamoDBReviews, hour_id
from vindrop.stores.ledger.dynamodb_search import Found, Key, Search

if TYPE_CHECKING:
    from vindrop.stores.ledger.dynamodb import DynamoDBLedger

_KEY: Final = (float, str)
_QUEUED: Final = (int, float, str)
_QUEUES: Final[tuple[Queue, ...]] = ("doubtful", "dead_letters")
_OLDEST: Final = 400 * 86400.0
"""Seconds before now that lists go back to until it is known since when uploads are listed."""
_STATES: Final = {"reading": "delivered", "dead_letter": "dead", "waiting": "claimed"}
_SCANNED: Final = 200


class DynamoDBConsole:
    """Pages, lives, the queue and the overview, out of the ledger's tables."""

    database = None

    def __init__(
        self, ledger: DynamoDBLedger, rate_limiter: RateLimiter | None, price: float
    ) -> None:
        self._ledger = ledger
        self._tables = ledger.tables
        self._rate_limiter = rate_limiter
        self._price = price
        self.review_store = DynamoDBReviews(self._tables, ledger.listing)

    def uploads(self, chosen: Filter = EVERYTHING, cursor: str = "", limit: int = 50) -> Page:
        """Return uploads, newest first; see `vindrop.stores.ledger.dynamodb_search`."""
        place = cast("Key | None", cursors.decode("uploads", chosen, cursor, _KEY))
        found = self._search(chosen).newest(place, max(1, min(limit, LARGEST_PAGE)))
        following = cursors.encode("uploads", chosen, found.next) if found.next else None
        return Page(self._entries(found.keys), following, _moment(found.searched_to))

    def upload(self, upload_id: str) -> Life | None:
        """Return one upload's life."""
        item = self._tables.get(TABLE, upload_id)
        if item is None or "upload" not in item:
            return None
        earlier = end_from_json(str(item["dead_letter"])) if item.get("dead_letter") else None
        return life_of(
            _entry(item),
            dead_letter=earlier if isinstance(earlier, DeadLetter) else None,
            ended_at=_moment(item.get("ended_at")),
            reviews=self.reviews(upload_id),
            undelivered=len(self.review_store.pending(upload_id)),
        )

    def find(self, beginning: str) -> tuple[str, ...]:
        """Return an id that is given in full: DynamoDB cannot search for how one begins."""
        found = self._tables.get(TABLE, beginning) if len(beginning) == 64 else None
        return (beginning,) if found is not None else ()

    def review_queue(self, chosen: Filter = EVERYTHING, cursor: str = "", limit: int = 50) -> Page:
        """Return what waits for a person, by the index of the queue."""
        limit = max(1, min(limit, LARGEST_PAGE))
        place = cursors.decode("queue", chosen, cursor, _QUEUED)
        first, after = (int(place[0]), cast("Key", place[1:])) if place else (0, None)
        keys: list[Key] = []
        for number in range(max(first, 0), len(_QUEUES)):
            if len(keys) == limit:
                following = cursors.encode("queue", chosen, (number, 0.0, ""))
                return Page(self._entries(keys), following)
            found = self._search(chosen).queued(_QUEUES[number], after, limit - len(keys))
            keys += found.keys
            if found.next is not None:
                following = cursors.encode("queue", chosen, (number, *found.next))
                return Page(self._entries(keys), following, _moment(found.searched_to))
            after = None
        return Page(self._entries(keys), None)

    def overview(self, days: int = 30) -> Overview:
        """Return the figures of the last days."""
        days = max(1, min(days, 366))
        now = self._tables.now()
        last = dt.datetime.fromtimestamp(now, dt.timezone.utc).date()
        hours, complete = overview.collect(self, now, days, budget=1.0)
        lengths, oldest = self._queued(now)
        each, total = overview.days(hours, last, days, self._price)
        return Overview(
            tuple(each),
            total,
            self._ledger.backlog(),
            lengths,
            oldest,
            self._ledger.circuit(None),
            self._rate(),
            up_to_date=complete and self._tables.get(TABLE, COMPLETE) is not None,
        )

    def export(self, chosen: Filter = EVERYTHING) -> Iterator[Entry]:
        """Yield all, page by page."""
        place: Key | None = None
        while True:
            found: Found = self._search(chosen).newest(place, LARGEST_PAGE)
            yield from self._entries(found.keys)
            if found.next is None:
                return
            place = found.next

    def reviews(self, upload_id: str) -> tuple[Review, ...]:
        """Return the history of an upload."""
        return self.review_store.history(upload_id)

    def tidy(self, seconds: float) -> bool:
        """List the uploads that are not listed: those of earlier versions. For the sweep."""
        if self._tables.get(TABLE, COMPLETE) is not None:
            return True
        deadline = time.monotonic() + seconds
        progress = self._tables.get(CONSOLE, COMPLETE) or {}
        place, now = str(progress.get("place", "")), self._tables.now()
        first = float(progress.get("first_seen", now))
        while True:
            items, place = self._tables.scan_from(TABLE, place, _SCANNED)
            for item in items:
                if "upload" in item and "first_seen" in item:
                    first = min(first, float(item["first_seen"]))
                    self._ledger.listing.write(of_item(item, min(now, float(item["last_seen"]))))
            if not place:
                self._tables.put_new(TABLE, {"id": COMPLETE, "since": first})
                self._tables.delete(CONSOLE, COMPLETE)
                return True
            if time.monotonic() > deadline:
                self._tables.put_if(
                    CONSOLE,
                    {"id": COMPLETE, "place": place, "first_seen": first},
                    "attribute_not_exists(#id) OR attribute_exists(#place)",
                )
                return False

    def kept(self, first: int, last: int) -> Iterable[tuple[int, float, Figures]]:
        """Yield the hours that are kept; see `vindrop.core.overview.HourStore`."""
        keys = {hour_id(hour): hour for hour in range(first, last + 1)}
        for name, item in self._tables.get_many(CONSOLE, list(keys)).items():
            yield keys[name], float(item["made_at"]), overview.decoded(str(item["figures"]))

    def count(self, first: int, last: int, now: float) -> dict[int, Figures]:
        """Count hours by the index of days, and keep them."""
        found = {hour: Figures() for hour in range(first, last + 1)}
        since, until = first * float(HOUR), (last + 1) * float(HOUR) - 1e-6
        for day in dict.fromkeys(day_of(hour * float(HOUR)) for hour in found):
            for item in self._tables.query(
                CONSOLE, "by_day", ("day", day), between=("first_seen", since, until)
            ):
                hour = overview.hour_of(float(item["first_seen"]))
                if hour in found:
                    _add(found[hour], item)
        for hour, figures in found.items():
            kept: dict[str, Value | None] = {
                "id": hour_id(hour),
                "made_at": now,
                "figures": figures.encoded(),
            }
            self._tables.put_if(
                CONSOLE, kept, "attribute_not_exists(#id) OR #made_at <= :now", now=now
            )
        return found

    def _search(self, chosen: Filter) -> Search:
        now = self._tables.now()
        complete = self._tables.get(TABLE, COMPLETE)
        first = float(complete["since"]) if complete else now - _OLDEST
        return Search(self._tables, chosen, first - 60.0, now + 60.0)

    def _entries(self, keys: list[Key]) -> tuple[Entry, ...]:
        ids = [key[1] for key in keys]
        items = self._tables.get_many(TABLE, ids)
        return tuple(_entry(items[each]) for each in ids if each in items)

    def _queued(self, now: float) -> tuple[dict[Queue, int], float | None]:
        lengths: dict[Queue, int] = {}
        oldest: list[float] = []
        for name in _QUEUES:
            lengths[name] = 0
            for item in self._tables.query(CONSOLE, "by_queue", ("queue", name)):
                if not lengths[name]:
                    oldest.append(float(item["first_seen"]))
                lengths[name] += 1
                if lengths[name] > COUNTED:
                    break
        return lengths, max(now - min(oldest), 0.0) if oldest else None

    def _rate(self) -> Rate | None:
        try:
            return self._rate_limiter.now() if self._rate_limiter is not None else None
        except StoreError:
            return None


def _add(figures: Figures, item: Item) -> None:
    state = _STATES.get(str(item.get("kind")), "claimed")
    outcome = str(item["outcome"]) if item.get("outcome") else None
    figures.add(
        state,
        outcome,
        1,
        billed=int(item.get("billed", 0)),
        maybe_billed=int(item.get("maybe_billed", 0)),
        reviewed=int(item.get("reviewed", 0)),
    )
    if item.get("took") is not None:
        figures.add_seconds(float(item["took"]))


def _moment(seconds: object) -> dt.datetime | None:
    if not isinstance(seconds, int | float):
        return None
    return dt.datetime.fromtimestamp(seconds, dt.timezone.utc)


def _entry(item: Item) -> Entry:
    state = cast("State", item["state"])
    return Entry(
        id=str(item["id"]),
        upload=Upload.from_json(str(item["upload"])),
        state=state,
        first_seen=dt.datetime.fromtimestamp(float(item["first_seen"]), dt.timezone.utc),
        last_seen=dt.datetime.fromtimestamp(float(item["last_seen"]), dt.timezone.utc),
        attempts=int(item["attempts"]),
        billed=int(item["billed"]),
        maybe_billed=int(item.get("maybe_billed", 0)),
        redriven=int(item.get("redriven", 0)),
        record=end_from_json(str(item["record"])) if item.get("record") else None,
        failure=failure_of(item),
        due_at=None if state in {"delivered", "dead"} else _moment(float(item["due_at"])),
        review=cast("Review", from_json(str(item["review"]))) if item.get("review") else None,
        sequence=int(item.get("reviews", 0)),
    )
