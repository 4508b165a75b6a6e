"""Where a part of a VIN stands, found among a million within tenths of a second.

No index of a SQL database that is there without an extension finds what is inside a text. So the
sweep *packs* VINs as lines of small rows (`PER_ROW` of them, 18 bytes each), in the order in which
uploads last changed; looking through all of them is looking through 18 MB. An upload writes nothing
for that: what has changed since the last packing is read from the index ``changed``.

Both are read newest first. Whatever has not been read was last changed, and so first seen, before a
known moment: what was first seen after it is complete, and a page is answered as soon as it is
full. A search that runs out of its time says how far back it came, and the next page goes on there.

A line may be out of date (the VIN was corrected, its upload is gone): rows are asked before they
are shown. A changed row gets another line with the next packing.
"""

from __future__ import annotations

import bisect
import heapq
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from vindrop.core.store_errors import StoreError
from vindrop.stores.ledger.sql_found import LAST, SECONDS, Found, Key, hinted, now_of, page_of
from vindrop.stores.ledger.sql_schema import VINS, console_schema
from vindrop.stores.sql import Database, Row

PER_ROW: Final = 50
"""VINs of one row. A row of PostgreSQL up to 2,000 bytes stays in its table, uncompressed."""
MARGIN: Final = 900.0
"""Seconds for which a changed row is left to the index: its transaction may commit that late."""
STEP: Final = 5_000
"""VINs that are looked through first; then more at a time, as fast as they go."""
_SLICE: Final = 0.02
"""Seconds that a statement shall take."""
_SLACK: Final = 3_600.0
"""By which a clock that was set back may have a row change before it was first seen, in seconds."""
_LOOKED_UP: Final = 200
_PACKED: Final = 5_000
"""Uploads that are packed in one transaction."""


@dataclass(frozen=True, slots=True)
class Head:
    """How far the packing has come."""

    rows: int = 0
    until: float = 0.0
    """When the last packed upload had changed."""


def head(database: Database, now: float) -> Head | None:
    """Return how far the packing has come; None: it is to be begun anew.

    Rows are numbered from 1 without a gap, and end before now. Else a packing went on while
    another process began anew, or the store's clock was set back.
    """
    # Apart, else SQLite reads the whole table for them.
    ends = f"SELECT (SELECT MIN(id) FROM {VINS}), (SELECT MAX(id) FROM {VINS})"
    first, last = database.execute(ends).rows[0]
    if last is None:
        return Head()
    found = database.execute(f"SELECT until FROM {VINS} WHERE id = :last", last=last).rows
    if first != 1 or not found or float(found[0][0]) > now:
        return None
    return Head(int(last), float(found[0][0]))


class Packing:
    """Packs the VINs of uploads that have not changed for a while."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.ensure(VINS, *console_schema(database.dialect)[VINS])

    def run(self, seconds: float) -> bool:
        """Work for about ``seconds``; return whether all is packed.

        :raises StoreError: the store is away.
        """
        deadline = time.monotonic() + seconds
        while True:
            if not self._some():
                return True
            if time.monotonic() > deadline:
                return False

    def begin_anew(self) -> None:
        """Forget what is packed: rows have got VINs that did not change since."""
        self._database.execute(f"DELETE FROM {VINS}")

    def _some(self) -> bool:
        """Pack some; return whether there may be more."""
        now = now_of(self._database)
        known = head(self._database, now)
        if known is None:
            self.begin_anew()
            known = Head()
        rows = self._changed(known.until, now - MARGIN)
        groups = list(_groups(rows))
        if not groups:
            return False
        try:
            with self._database.relaxed(), self._database.transaction():
                for number, group in enumerate(groups, known.rows + 1):
                    self._keep(number, group)
        except StoreError:
            if head(self._database, now) == known:
                raise
            return True  # another process has packed these
        return len(rows) >= PER_ROW

    def _changed(self, after: float, until: float) -> list[Row]:
        """Return (changed, first seen, VIN) in the order of change; of one moment all or none."""
        table = hinted(self._database.dialect, "changed")
        chosen = f"SELECT last_seen, first_seen, vin FROM {table} WHERE vin IS NOT NULL"
        order = "ORDER BY last_seen, first_seen, vin"
        rows = self._database.execute(
            f"{chosen} AND last_seen > :after AND last_seen <= :until {order} LIMIT {_PACKED}",
            after=after,
            until=until,
        ).rows
        if len(rows) < _PACKED:
            return rows
        last = rows[-1][0]
        cut = bisect.bisect_left(rows, last, key=lambda row: row[0])
        if cut:
            return rows[:cut]
        return self._database.execute(f"{chosen} AND last_seen = :last {order}", last=last).rows

    def _keep(self, number: int, group: list[Row]) -> None:
        self._database.execute(
            f"INSERT INTO {VINS} (id, oldest, until, vins, seen) "
            "VALUES (:id, :oldest, :until, :vins, :seen)",
            id=number,
            oldest=min(float(row[1]) for row in group),
            until=float(group[-1][0]),
            vins="\n".join(str(row[2]) for row in group),
            seen="\n".join(repr(float(row[1])) for row in group),
        )


def _groups(rows: list[Row]) -> Iterator[list[Row]]:
    """Yield rows in whole groups, none of which ends within one moment; what is left waits."""
    begin = 0
    while begin + PER_ROW <= len(rows):
        end = begin + PER_ROW
        while end < len(rows) and rows[end][0] == rows[end - 1][0]:
            end += 1
        yield list(rows[begin:end])
        begin = end


@dataclass(slots=True)
class Inside:
    """A search for VINs that hold ``part``, newest first."""

    database: Database
    part: str
    where: str
    """The whole filter, as SQL."""
    values: dict[str, object]
    limit: int
    place: Key | None = None
    """The page begins behind it."""
    clock: Callable[[], float] = time.monotonic
    _step: int = field(default_factory=lambda: STEP)
    _waiting: list[float] = field(default_factory=list)
    """A heap of moments at which an upload was first seen that may have the part; negative."""
    _found: list[Key] = field(default_factory=list)
    _done: float = float("inf")
    """All that was first seen after it has been asked for."""

    def run(self) -> Found:
        """Return one page."""
        deadline = self.clock() + SECONDS
        for bound in self._read():
            while self._waiting and -self._waiting[0] > bound:
                last = self._look_up(bound)
                if len(self._found) > self.limit:
                    return page_of(self._found, self.limit)
                if self.clock() > deadline and self._waiting:
                    return Found(self._found, (last, ""), last)
            self._done = bound
            passed = self.place is None or bound < self.place[0]
            if self.clock() > deadline and passed and bound > float("-inf"):
                return Found(self._found, (bound, LAST), bound)
        return page_of(self._found, self.limit)

    def _read(self) -> Iterator[float]:
        """Yield a moment again and again: all that was first seen after it is in `_waiting`."""
        known = head(self.database, now_of(self.database)) or Head()
        yield from self._changed(known.until)
        high = known.rows
        while high > 0:
            low = max(high - max(self._step // PER_ROW, 1), 0)
            self._packed(low, high)
            high = low
            if low:
                ended = self.database.execute(f"SELECT until FROM {VINS} WHERE id = :low", low=low)
                if not ended.rows:  # another process has begun to pack anew
                    yield from self._changed(0.0)
                    break
                yield float(ended.rows[0][0]) + _SLACK
        yield float("-inf")

    def _changed(self, after: float) -> Iterator[float]:
        """Look through what has changed after a moment, by the index."""
        table = hinted(self.database.dialect, "changed")
        of_time = f"FROM {table} WHERE vin IS NOT NULL AND last_seen > :since"
        before, values = "", dict[str, object]()
        while True:
            stop = self.database.execute(
                f"SELECT last_seen {of_time}{before} ORDER BY last_seen DESC "
                f"LIMIT 1 OFFSET {self._step - 1}",
                since=after,
                **values,
            ).rows
            lowest = float(stop[0][0]) if stop else None
            within = "" if lowest is None else " AND last_seen >= :lowest"
            self._take(
                f"SELECT first_seen {of_time}{before}{within} AND vin LIKE :inside",
                since=after,
                **values,
                **({} if lowest is None else {"lowest": lowest}),
            )
            if lowest is None:
                if after:
                    yield after + _SLACK
                return
            yield lowest + _SLACK
            before, values = " AND last_seen < :before", {"before": lowest}

    def _take(self, statement: str, **values: object) -> None:
        for row in self._timed(statement, **values):
            self._wait_for(float(row[0]))

    def _packed(self, low: int, high: int) -> None:
        """Look through some packed rows."""
        old = "" if self.place is None else " AND oldest <= :place"
        for vins, seen in self._timed(
            f"SELECT vins, seen FROM {VINS} WHERE id > :low AND id <= :high{old} "
            "AND vins LIKE :inside",
            low=low,
            high=high,
            **({} if self.place is None else {"place": self.place[0]}),
        ):
            moments = str(seen).split("\n")
            for vin, moment in zip(str(vins).split("\n"), moments, strict=True):
                if self.part in vin:
                    self._wait_for(float(moment))

    def _timed(self, statement: str, **values: object) -> list[Row]:
        began = self.clock()
        rows = self.database.execute(statement, inside=f"%{self.part}%", **values).rows
        taken = self.clock() - began
        if taken < _SLICE / 2:
            self._step *= 2
        elif taken > _SLICE * 2:
            self._step = max(self._step // 2, STEP // 5)
        return rows

    def _wait_for(self, moment: float) -> None:
        if moment <= self._done and (self.place is None or (moment, "") < self.place):
            heapq.heappush(self._waiting, -moment)

    def _look_up(self, bound: float) -> float:
        """Ask for the uploads of the newest moments after ``bound``; return the oldest of these."""
        moments: dict[str, object] = {}
        last = float("inf")
        while self._waiting and -self._waiting[0] > bound:
            moment = -self._waiting[0]
            if moment != last:
                if len(moments) >= _LOOKED_UP:
                    break
                last = moment
                moments[f"m{len(moments)}"] = moment
            heapq.heappop(self._waiting)
        behind, values = "", dict[str, object]()
        if self.place is not None:
            behind = " AND (first_seen < :after OR id < :after_id)"
            values = {"after": self.place[0], "after_id": self.place[1]}
        found = self.database.execute(
            f"SELECT first_seen, id FROM {hinted(self.database.dialect, 'seen')} "
            f"WHERE first_seen IN ({', '.join(f':{name}' for name in moments)}){behind} "
            f"AND {self.where} ORDER BY first_seen DESC, id DESC LIMIT {self.limit + 1}",
            **moments,
            **values,
            **self.values,
        )
        self._found += [(float(row[0]), str(row[1])) for row in found.rows]
        return last
