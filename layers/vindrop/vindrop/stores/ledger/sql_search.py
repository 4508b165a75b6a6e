"""Which uploads a filter selects, and in what order: the console's queries on a SQL ledger.

A filter is answered in one of these ways, so that a page takes the same time whatever is asked for:

- *candidates*: a part of the filter that an index serves has at most `FEW` uploads. Those are
  looked at one by one, and sorted.
- *walk*: there are more, so they are dense. The index by time, which holds whatever a list is
  narrowed by, is walked in the page's order, some thousand entries at a time, until the page is full
  or `SECONDS` are over. Where one equal value is all that is asked for, its own index is in that order.

A part of a VIN has a way of its own: `vindrop.stores.ledger.sql_vins`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from vindrop.core.console import Filter
from vindrop.stores.ledger.sql_found import LAST, SECONDS, Found, Key, hinted, page_of
from vindrop.stores.ledger.sql_schema import INDEXES, SEARCHED, UPLOADS
from vindrop.stores.ledger.sql_vins import Inside
from vindrop.stores.sql import Database

FEW: Final = 1_000
CHUNK: Final = 2_000
"""Entries that are walked first; then more at a time, as fast as they go."""
LARGEST_CHUNK: Final = 20_000
_SLICE: Final = 0.02
"""Seconds that a part of a walk shall take."""
PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Condition:
    """A part of a filter, as SQL."""

    sql: str
    values: dict[str, object]
    index: str = ""
    """That serves it; of one equal value, in the order of time."""
    few: bool = False
    """An index serves it that is in no order of time."""
    probes: tuple[tuple[str, str], ...] = ()
    """The same as parts that an index each finds, (condition, that index's order); only right where
    they find no more than `FEW`. The order makes every database use the index, whatever it expects."""
    part: str = ""
    """Of a VIN."""
    wider: bool = False
    """Its probe finds more than the condition does."""


@dataclass(slots=True)
class Search:
    """One search: what is walked, what is checked on the way."""

    database: Database
    conditions: list[Condition]
    limit: int
    descending: bool = True
    indexes: frozenset[str] = frozenset(INDEXES)
    """Those that the database has."""
    clock: Callable[[], float] = time.monotonic
    values: dict[str, object] = field(default_factory=dict)

    def run(self, place: Key | None) -> Found:
        """Return the rows after ``place``."""
        for condition in self.conditions:
            self.values |= condition.values
        for condition in self.conditions:
            if (condition.few or condition.index) and not self._missing(condition.index):
                keys = self._probe(condition)
                if keys is not None:
                    return self._candidates(condition, keys, place)
        part = next((each.part for each in self.conditions if each.part), "")
        if part and self.descending and not (self._missing("changed") or self._missing("seen")):
            where = " AND ".join(each.sql for each in self.conditions)
            return Inside(self.database, part, where, self.values, self.limit, place).run()
        return self._walk(place)

    def _probe(self, condition: Condition) -> list[Key] | None:
        """Return what the index finds, or None: more than `FEW`. Counted first, without the rows."""
        probes = condition.probes or ((condition.sql, "first_seen, id"),)
        for sql, order in probes:
            counted = self.database.execute(
                f"SELECT COUNT(*) FROM (SELECT 1 FROM {UPLOADS} WHERE {sql} "
                f"ORDER BY {order} LIMIT {FEW + 1}) few",
                **condition.values,
            )
            if int(counted.rows[0][0]) > FEW:
                return None
        keys = set[Key]()
        for sql, order in probes:
            found = self.database.execute(
                f"SELECT first_seen, id FROM {UPLOADS} WHERE {sql} ORDER BY {order} LIMIT {FEW + 1}",
                **condition.values,
            )
            keys |= {(float(row[0]), str(row[1])) for row in found.rows}
        return list(keys) if len(keys) <= FEW else None

    def _candidates(self, probed: Condition, keys: list[Key], place: Key | None) -> Found:
        if place is not None:
            keys = [k for k in keys if (k < place if self.descending else k > place)]
        keys.sort(reverse=self.descending)
        rest = " AND ".join(
            each.sql for each in self.conditions if each is not probed or each.wider
        )
        found: list[Key] = []
        for start in range(0, len(keys), PAGE):
            some = keys[start : start + PAGE]
            found += self._of(some, rest) if rest else some
            if len(found) > self.limit:
                break
        return page_of(found, self.limit)

    def _of(self, keys: list[Key], where: str) -> list[Key]:
        """Return those of ``keys`` for which ``where`` holds."""
        named = {f"k{n}": key[1] for n, key in enumerate(keys)}
        found = self.database.execute(
            f"SELECT id FROM {UPLOADS} WHERE id IN ({', '.join(f':{n}' for n in named)}) AND {where}",
            **named,
            **self.values,
        )
        there = {str(row[0]) for row in found.rows}
        return [key for key in keys if key[1] in there]

    def _walk(self, place: Key | None) -> Found:
        walked = [each for each in self.conditions if each.index == "seen"]
        checked = [each for each in self.conditions if each not in walked]
        index = "seen"
        # The queue is short beside all uploads: its own index is walked, whatever else is asked.
        by_value = [each for each in checked if each.index and not self._missing(each.index)]
        if by_value and (len(checked) == 1 or by_value[0].index == "queue"):
            walked, index = [by_value[0], *walked], by_value[0].index
            checked.remove(by_value[0])
        table = hinted(self.database.dialect, "" if self._missing(index) else index)
        # Another index does not hold what is checked: its rows are looked at.
        chunk = CHUNK if index == "seen" else max(CHUNK // 10, 1)
        largest = chunk * (LARGEST_CHUNK // CHUNK)
        found: list[Key] = []
        deadline = self.clock() + SECONDS
        while True:
            began = self.clock()
            stop = self._boundary(table, walked, place, chunk) if checked else None
            after, values = self._after(place)
            if stop is not None:
                within, more = self._until(stop)
                after.append(within)
                values |= more
            where = " AND ".join(["1 = 1", *(c.sql for c in (*walked, *checked)), *after])
            rows = self.database.execute(
                f"SELECT first_seen, id FROM {table} WHERE {where} {self._order()} "
                f"LIMIT {self.limit + 1 - len(found)}",
                **self.values,
                **values,
            ).rows
            found += [(float(row[0]), str(row[1])) for row in rows]
            if len(found) > self.limit or stop is None:
                return page_of(found, self.limit)
            place = stop
            if self.clock() > deadline:
                return Found(found, stop, stop[0])
            if self.clock() - began < _SLICE / 2:
                chunk = min(chunk * 2, largest)

    def _boundary(
        self, table: str, walked: list[Condition], place: Key | None, chunk: int
    ) -> Key | None:
        after, values = self._after(place)
        where = " AND ".join(["1 = 1", *(each.sql for each in walked), *after])
        given = {name: value for each in walked for name, value in each.values.items()}
        found = self.database.execute(
            f"SELECT first_seen, id FROM {table} WHERE {where} {self._order()} "
            f"LIMIT 1 OFFSET {chunk - 1}",
            **given,
            **values,
        )
        return (float(found.rows[0][0]), str(found.rows[0][1])) if found.rows else None

    def _after(self, place: Key | None) -> tuple[list[str], dict[str, object]]:
        if place is None:
            return [], {}
        sign = "<" if self.descending else ">"
        # Not (first_seen, id) < (…): MySQL reads an index from its beginning for that.
        sql = f"first_seen {sign}= :after AND (first_seen {sign} :after OR id {sign} :after_id)"
        return [f"({sql})"], {"after": place[0], "after_id": place[1]}

    def _until(self, stop: Key) -> tuple[str, dict[str, object]]:
        sign = ">" if self.descending else "<"
        sql = f"first_seen {sign}= :stop AND (first_seen {sign} :stop OR id {sign}= :stop_id)"
        return f"({sql})", {"stop": stop[0], "stop_id": stop[1]}

    def _order(self) -> str:
        way = " DESC" if self.descending else ""
        return f"ORDER BY first_seen{way}, id{way}"

    def _missing(self, index: str) -> bool:
        return bool(index) and index not in self.indexes


def conditions(chosen: Filter) -> list[Condition]:
    """Return the parts of a filter as SQL, those that select the fewest first."""
    found: list[Condition] = []
    if chosen.vin:
        found.append(_vin(chosen.vin))
    if chosen.reference:
        found.append(_prefix("reference", chosen.reference))
    if chosen.photo:
        names = [_prefix(name, chosen.photo) for name in ("object_key", "photo")]
        values = names[0].values | names[1].values
        probes = names[0].probes + names[1].probes
        sql = f"({names[0].sql} OR {names[1].sql})"
        found.append(Condition(sql, values, few=True, probes=probes))
    if chosen.code:
        found.append(_code(chosen.code))
    if chosen.verdict:
        found.append(_equal("outcome", "verdict", chosen.verdict))
    if chosen.maker:
        found.append(_equal("maker", "maker", chosen.maker))
    if chosen.bucket:
        found.append(_equal("bucket", "bucket", chosen.bucket))
    return [*found, *_state(chosen.state), *_days(chosen)]


def _state(state: str) -> list[Condition]:
    if state == "waiting":
        sql = "state IN ('claimed', 'parked', 'answered', 'failed')"
        return [Condition(sql, {}, few=True, probes=(("due_at IS NOT NULL", "due_at"),))]
    if state == "ended":
        return [Condition("state IN ('delivered', 'dead')", {})]
    if state in {"delivered", "dead"}:
        return [Condition("state = :state", {"state": state})]
    if state:
        probes = (("due_at IS NOT NULL", "due_at"),)
        values: dict[str, object] = {"state": state}
        return [Condition("state = :state", values, few=True, probes=probes, wider=True)]
    return []


def _days(chosen: Filter) -> list[Condition]:
    found = []
    if chosen.since is not None:
        values: dict[str, object] = {"since": chosen.since.timestamp()}
        found.append(Condition("first_seen >= :since", values, "seen"))
    if chosen.until is not None:
        values = {"until": chosen.until.timestamp()}
        found.append(Condition("first_seen < :until", values, "seen"))
    return found


def _vin(part: str) -> Condition:
    """A whole VIN, by its index; else what is anywhere in a VIN."""
    if len(part) == SEARCHED["vin"]:
        return Condition("vin = :vin", {"vin": part}, few=True, probes=(("vin = :vin", "vin"),))
    return Condition("vin LIKE :inside", {"inside": f"%{part}%"}, part=part)


def _prefix(column: str, text: str) -> Condition:
    first = text[: SEARCHED[column]]
    values: dict[str, object] = {column: first, f"{column}_end": first + LAST}
    sql = f"({column} >= :{column} AND {column} < :{column}_end)"
    return Condition(sql, values, few=True, probes=((sql, column),))


def _equal(column: str, name: str, value: str) -> Condition:
    return Condition(f"{column} = :{name}", {name: value[: SEARCHED[column]]}, column)


def _code(code: str) -> Condition:
    """A code itself, and those that begin with it and a dot ("/" follows "." in every order)."""
    values: dict[str, object] = {"code": code, "dotted": f"{code}.", "slashed": f"{code}/"}
    family = "(outcome >= :dotted AND outcome < :slashed)"
    probes = (("outcome = :code", "first_seen"), (family, "outcome"))
    return Condition(f"(outcome = :code OR {family})", values, few=True, probes=probes)
