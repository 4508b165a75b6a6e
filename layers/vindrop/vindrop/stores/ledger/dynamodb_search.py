"""Which uploads a filter selects on DynamoDB: an index that serves a part of it, the rest looked at here.

As on SQL (`vindrop.stores.ledger.sql_search`): *candidates* where an index finds few, else a *walk*
by time that reads for `SECONDS` at most, so a page may hold fewer than asked for and still have a
next one. A part of a VIN is found by an index at its beginning or its end; in the middle by a walk.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from typing import Final, NamedTuple

from vindrop.core.console import Filter
from vindrop.stores.dynamodb import DynamoDB, Item
from vindrop.stores.dynamodb_tables import CONSOLE
from vindrop.stores.ledger.dynamodb_listing import HEAD, VIN_HEAD, day_of
from vindrop.stores.ledger.dynamodb_operations import OPEN

FEW: Final = 2_000
SECONDS: Final = 1.0
_PAGE: Final = 200
_MOMENT: Final = 1e-6
"""Seconds."""
_LAST: Final = "\U0010ffff"
Key = tuple[float, str]


class Found(NamedTuple):
    """Uploads of one page."""

    keys: list[Key]
    next: Key | None
    searched_to: float | None = None


def key_of(item: Item) -> Key:
    """Return an item's place in the order of time."""
    return float(item["first_seen"]), str(item["id"])


class Search:
    """One search in the console's table."""

    def __init__(self, tables: DynamoDB, chosen: Filter, first: float, now: float) -> None:
        self._tables = tables
        self._chosen = chosen
        self._since = max(chosen.since.timestamp() if chosen.since else first, first)
        self._are_open = False
        """The ledger's own index has said so of all items that are looked at."""
        self._until = min(chosen.until.timestamp() if chosen.until else now, now)

    def newest(self, place: Key | None, limit: int) -> Found:
        """Return uploads before ``place``, newest first."""
        few = self._candidates()
        if few is not None:
            keys = sorted((key_of(item) for item in few if self.takes(item)), reverse=True)
            keys = [key for key in keys if place is None or key < place]
            more = len(keys) > limit
            return Found(keys[:limit], keys[limit - 1] if more else None)
        return self._walk(self._by_time(place), place, limit, descending=True)

    def queued(self, queue: str, place: Key | None, limit: int) -> Found:
        """Return uploads after ``place`` in a part of the review queue, oldest first."""
        since = place[0] if place else self._since
        items = self._tables.query(
            CONSOLE,
            "by_queue",
            ("queue", queue),
            between=("first_seen", since, max(self._until, since)),
            page=_PAGE,
        )
        return self._walk(items, place, limit, descending=False)

    def takes(self, item: Item) -> bool:
        """Whether the filter selects an item of the console's table."""
        chosen = self._chosen
        seen = float(item["first_seen"])
        if not self._since <= seen <= self._until or (
            chosen.until is not None and seen >= chosen.until.timestamp()
        ):
            return False
        equal = (("bucket", chosen.bucket), ("maker", chosen.maker), ("outcome", chosen.verdict))
        if any(value and item.get(name) != value for name, value in equal):
            return False
        outcome = str(item.get("outcome", ""))
        if chosen.code and outcome != chosen.code and not outcome.startswith(f"{chosen.code}."):
            return False
        photo = (str(item.get("object_key", "")), str(item.get("photo", "")))
        if chosen.photo and not any(each.startswith(chosen.photo[:255]) for each in photo):
            return False
        if not str(item.get("reference", "")).startswith(chosen.reference):
            return False
        if chosen.vin not in str(item.get("vin", "")):
            return False
        return not chosen.state or self._in_state(item)

    def _in_state(self, item: Item) -> bool:
        kinds = {
            "ended": ("reading", "dead_letter"),
            "delivered": ("reading",),
            "dead": ("dead_letter",),
        }
        return self._are_open or item.get("kind") in kinds.get(self._chosen.state, ("waiting",))

    def _candidates(self) -> list[Item] | None:
        """Return what an index finds for a part of the filter, if that is little."""
        chosen = self._chosen
        if chosen.state and chosen.state not in {"ended", "delivered", "dead"}:
            return self._open()
        sources: list[list[Iterator[Item]]] = []
        if chosen.vin:
            sources.append(self._by_vin(chosen.vin))
        if len(chosen.reference) >= VIN_HEAD:
            head = ("reference_head", chosen.reference[:VIN_HEAD])
            sources.append([self._begins("by_reference", head, "reference", chosen.reference)])
        if len(chosen.photo) >= HEAD:
            sources.append(
                [
                    self._begins(
                        "by_key", ("key_head", chosen.photo[:HEAD]), "object_key", chosen.photo
                    ),
                    self._begins(
                        "by_photo", ("photo_head", chosen.photo[:HEAD]), "photo", chosen.photo
                    ),
                ]
            )
        for each in sources:
            found: dict[str, Item] = {}
            for items in each:
                for item in items:
                    found[str(item["id"])] = item
                    if len(found) > FEW:
                        break
            if len(found) <= FEW and (found or not self._may_be_inside()):
                return list(found.values())
        return None

    def _may_be_inside(self) -> bool:
        return bool(self._chosen.vin) and len(self._chosen.vin) < 17

    def _open(self) -> list[Item] | None:
        wanted = OPEN if self._chosen.state == "waiting" else (self._chosen.state,)
        ids: list[str] = []
        for state in wanted:
            ids += [str(each["id"]) for each in self._tables.by_state(state, limit=FEW + 1)]
        if len(ids) > FEW:
            return None
        self._are_open = True
        return list(self._tables.get_many(CONSOLE, ids).values())

    def _by_vin(self, part: str) -> list[Iterator[Item]]:
        backwards = part[::-1]
        begins = self._begins("by_vin", ("vin_head", part[:VIN_HEAD]), "vin", part)
        if len(part) == 17:
            return [begins]
        ends = self._begins(
            "by_vin_end", ("vin_end", backwards[:VIN_HEAD]), "vin_backwards", backwards
        )
        return [begins, ends]

    def _begins(self, index: str, equal: tuple[str, str], order: str, text: str) -> Iterator[Item]:
        return self._tables.query(CONSOLE, index, equal, begins=(order, text[:255]))

    def _by_time(self, place: Key | None) -> Iterator[Item | float]:
        """Yield items newest first: of one verdict, code or maker where the filter names one.

        A number between them is a moment: all that was first seen later has been yielded.
        """
        until = min(place[0], self._until) if place else self._until
        if until < self._since:
            return
        for index, name, value in (
            ("by_outcome", "outcome", self._chosen.verdict),
            ("by_maker", "maker", self._chosen.maker),
        ):
            if value:
                yield from self._tables.query(
                    CONSOLE,
                    index,
                    (name, value),
                    between=("first_seen", self._since, until),
                    descending=True,
                    page=_PAGE,
                )
                return
        day, last = day_of(until), day_of(self._since)
        while day >= last:
            yield from self._tables.query(
                CONSOLE,
                "by_day",
                ("day", day),
                between=("first_seen", self._since, until),
                descending=True,
                page=_PAGE,
            )
            begin = dt.datetime.fromisoformat(f"{day}T00:00:00+00:00")
            yield begin.timestamp() - _MOMENT  # of the day before, so that a next page begins there
            day = (begin.date() - dt.timedelta(days=1)).isoformat()

    def _walk(
        self,
        items: Iterator[Item | float] | Iterator[Item],
        place: Key | None,
        limit: int,
        *,
        descending: bool,
    ) -> Found:
        """Go on until the page is full; those first seen at the same moment stand by their ids."""
        found: list[Key] = []
        deadline = time.monotonic() + SECONDS
        for moment, group in _groups(items):
            keys = sorted((key_of(item) for item in group if self.takes(item)), reverse=descending)
            found += [
                key for key in keys if place is None or (key < place if descending else key > place)
            ]
            if len(found) > limit:
                return Found(found[:limit], found[limit - 1])
            passed = place is None or (moment < place[0] if descending else moment > place[0])
            if passed and time.monotonic() > deadline:
                return Found(found, (moment, "" if descending else _LAST), moment)
        return Found(found, None)


def _groups(
    items: Iterator[Item | float] | Iterator[Item],
) -> Iterator[tuple[float, list[Item]]]:
    """Yield moment → what was first seen then; nothing, for a moment that is only passed."""
    group: list[Item] = []
    for item in items:
        moment = item if isinstance(item, float) else float(item["first_seen"])
        if group and moment != float(group[-1]["first_seen"]):
            yield float(group[-1]["first_seen"]), group
            group = []
        if isinstance(item, float):
            yield item, []
        else:
            group.append(item)
    if group:
        yield float(group[-1]["first_seen"]), group
