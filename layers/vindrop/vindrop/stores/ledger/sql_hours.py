"""The overview's hours on a SQL ledger: counted when asked for, and kept; see `vindrop.core.overview`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from vindrop.core.overview import Figures, decoded, hour_of
from vindrop.stores.ledger.sql_schema import HOURS, UPLOADS, console_schema
from vindrop.stores.sql import Database

_HOUR: Final = {
    "sqlite": "CAST(first_seen / 3600 AS INTEGER)",
    "postgresql": "CAST(FLOOR(first_seen / 3600) AS INTEGER)",
    "mysql": "CAST(FLOOR(first_seen / 3600) AS SIGNED)",
}


class Hours:
    """See `vindrop.core.overview.HourStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.ensure(HOURS, *console_schema(database.dialect)[HOURS])
        self._hour = _HOUR[database.dialect.name]

    def kept(self, first: int, last: int) -> Iterator[tuple[int, float, Figures]]:
        """Yield the hours that are kept."""
        found = self._database.execute(
            f"SELECT id, made_at, figures FROM {HOURS} WHERE id >= :first AND id <= :last",
            first=first,
            last=last,
        )
        for hour, made_at, figures in found.rows:
            yield int(hour), float(made_at), decoded(figures)

    def count(self, first: int, last: int, now: float) -> dict[int, Figures]:
        """Count hours, in two statements whatever their number, and keep them in one commit."""
        found = {hour: Figures() for hour in range(first, last + 1)}
        since, until = first * 3600.0, (last + 1) * 3600.0
        for row in self._database.execute(
            f"SELECT {self._hour} AS hour, state, outcome, COUNT(*), SUM(billed), "
            "SUM(maybe_billed), SUM(reviewed) "
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
            "WHERE first_seen >= :since AND first_seen < :until AND took IS NOT NULL",
            since=since,
            until=until,
        ).rows:
            found[int(hour)].add_seconds(float(took))
        with self._database.relaxed(), self._database.transaction():
            for hour, figures in found.items():
                self._keep(hour, figures, now)
        return found

    def _keep(self, hour: int, figures: Figures, now: float) -> None:
        insert = f"INSERT INTO {HOURS} (id, made_at, figures) VALUES (:id, :made_at, :figures) "
        names = ("made_at", "figures")
        tail = (
            "ON DUPLICATE KEY UPDATE " + ", ".join(f"{name} = VALUES({name})" for name in names)
            if self._database.dialect.name == "mysql"
            else "ON CONFLICT (id) DO UPDATE SET "
            + ", ".join(f"{name} = excluded.{name}" for name in names)
        )
        self._database.execute(
            insert + tail,
            id=hour,
            made_at=now,
            figures=figures.encoded(),
        )


def forget(database: Database, first_seen: float) -> None:
    """Have an hour counted again, some upload of which has changed: a redrive, a review."""
    database.ensure(HOURS, *console_schema(database.dialect)[HOURS])
    database.execute(f"DELETE FROM {HOURS} WHERE id = :id", id=hour_of(first_seen))
