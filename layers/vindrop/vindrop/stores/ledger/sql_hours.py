"""The overview's hours on a SQL ledger: counted when asked for, and kept; see `vindrop.core.overview`."""

from __future__ import annotations

import time
from typing import Final

from vindrop.core.overview import Figures, decoded, hour_of, is_stale
from vindrop.stores.ledger.sql_schema import HOURS, UPLOADS, console_schema
from vindrop.stores.sql import Database

BUDGET: Final = 0.1
"""Seconds per page that hours are counted for; what is left is counted with the next pages."""
_QUICK: Final = 0.02
_WIDEST: Final = 168
_HOUR: Final = {
    "sqlite": "CAST(first_seen / 3600 AS INTEGER)",
    "postgresql": "CAST(FLOOR(first_seen / 3600) AS INTEGER)",
    "mysql": "CAST(FLOOR(first_seen / 3600) AS SIGNED)",
}


class Hours:
    """The figures of whole hours."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.ensure(HOURS, *console_schema(database.dialect)[HOURS])
        self._hour = _HOUR[database.dialect.name]

    def figures(
        self, now: float, days: int, budget: float = BUDGET
    ) -> tuple[dict[int, Figures], bool]:
        """Return hour → its figures, those of ``days`` days up to ``now``, and whether none is missing."""
        last = hour_of(now)
        first = last - last % 24 - 24 * (days - 1)
        found = self._database.execute(
            f"SELECT id, made_at, waiting, figures FROM {HOURS} WHERE id >= :first AND id <= :last",
            first=first,
            last=last,
        )
        kept = {int(row[0]): decoded(row[3]) for row in found.rows}
        stale = {
            int(row[0])
            for row in found.rows
            if is_stale(int(row[0]), now, float(row[1]), int(row[2]))
        }
        wanted = [hour for hour in range(last, first - 1, -1) if hour not in kept or hour in stale]
        wanted.sort(key=lambda hour: (hour < last - 1, hour in kept, -hour))
        missing = set(range(first, last + 1)) - set(kept)
        deadline, width = time.monotonic() + budget, 1
        while wanted and time.monotonic() < deadline:
            run = _run(wanted, width)
            began = time.monotonic()
            kept |= self._count(run[-1], run[0], now)
            width = min(width * 2, _WIDEST) if time.monotonic() - began < _QUICK else 1
            wanted = wanted[len(run) :]
            missing.difference_update(run)
        return kept, not missing

    def _count(self, first: int, last: int, now: float) -> dict[int, Figures]:
        found = {hour: Figures() for hour in range(first, last + 1)}
        since, until = first * 3600.0, (last + 1) * 3600.0
        for row in self._database.execute(
            f"SELECT {self._hour} AS hour, state, outcome, COUNT(*), SUM(billed), "
            "SUM(maybe_billed), SUM(CASE WHEN review IS NULL THEN 0 ELSE 1 END) "
            f"FROM {UPLOADS} WHERE first_seen >= :since AND first_seen < :until "
            "GROUP BY hour, state, outcome",
            since=since,
            until=until,
        ).rows:
            found[int(row[0])].add(
                str(row[1]),
                row[2],
                int(row[3]),
                billed=int(row[4]),
                maybe_billed=int(row[5]),
                reviewed=int(row[6]),
            )
        for hour, took in self._database.execute(
            f"SELECT {self._hour} AS hour, took FROM {UPLOADS} "
            "WHERE first_seen >= :since AND first_seen < :until AND took IS NOT NULL "
            "AND redriven = 0",
            since=since,
            until=until,
        ).rows:
            found[int(hour)].add_seconds(float(took))
        for hour, figures in found.items():
            self._keep(hour, figures, now)
        return found

    def _keep(self, hour: int, figures: Figures, now: float) -> None:
        insert = (
            f"INSERT INTO {HOURS} (id, made_at, waiting, figures) "
            "VALUES (:id, :made_at, :waiting, :figures) "
        )
        names = ("made_at", "waiting", "figures")
        tail = (
            "ON DUPLICATE KEY UPDATE " + ", ".join(f"{name} = VALUES({name})" for name in names)
            if self._database.dialect.name == "mysql"
            else "ON CONFLICT (id) DO UPDATE SET "
            + ", ".join(f"{name} = excluded.{name}" for name in names)
        )
        with self._database.relaxed():
            self._database.execute(
                insert + tail,
                id=hour,
                made_at=now,
                waiting=figures.waiting,
                figures=figures.encoded(),
            )


def _run(hours: list[int], most: int) -> list[int]:
    """Return the hours at the list's head that follow each other backwards."""
    run = hours[:1]
    for hour in hours[1:most]:
        if hour != run[-1] - 1:
            break
        run.append(hour)
    return run


def forget(database: Database, first_seen: float) -> None:
    """Have an hour counted again, some upload of which has changed: a redrive, a review."""
    database.ensure(HOURS, *console_schema(database.dialect)[HOURS])
    database.execute(f"DELETE FROM {HOURS} WHERE id = :id", id=hour_of(first_seen))
