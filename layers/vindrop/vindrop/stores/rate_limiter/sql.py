"""The quota in SQLite, PostgreSQL or MySQL: one row, one conditional UPDATE per slot.

Moments are whole microseconds of the store's clock; the caller learns only how long to wait, so
its own clock may be wrong.
"""

from __future__ import annotations

from typing import Final

from vindrop.core.rate_limiter import Permit, RateLimited
from vindrop.stores.rate_limiter.gcra import NARROW, WIDEST, after_refusal
from vindrop.stores.sql import Database, Dialect

TABLE: Final = "vindrop_quota"
_SECOND: Final = 1_000_000


def schema(dialect: Dialect) -> dict[str, list[str]]:
    """Return table → the statements that make it."""
    return {
        TABLE: [
            f"CREATE TABLE IF NOT EXISTS {TABLE} ("
            "id VARCHAR(64) NOT NULL PRIMARY KEY, "
            "next_us BIGINT NOT NULL, "
            "spacing_us BIGINT NOT NULL, "
            f"wait_us BIGINT NOT NULL){dialect.table_options}"
        ]
    }


class SQLRateLimiter:
    """See `vindrop.core.rate_limiter.RateLimiter`."""

    def __init__(self, database: Database, account: str, rate: float) -> None:
        self._database = database
        self._account = account
        self._base = round(_SECOND / rate)
        for table, statements in schema(database.dialect).items():
            database.ensure(table, *statements)
        database.execute(
            f"INSERT INTO {TABLE} (id, next_us, spacing_us, wait_us) VALUES (:id, 0, :base, 0) "
            f"{database.dialect.on_conflict_ignore}",
            id=account,
            base=self._base,
        )

    def reserve(self, max_wait: float) -> Permit | RateLimited:
        """Book the next free slot in one statement."""
        dialect = self._database.dialect
        now, greatest = dialect.now_us, dialect.greatest
        waits = f"{greatest}(next_us - {now}, 0)"
        # MySQL has no RETURNING; LAST_INSERT_ID(x) hands x back with the statement's answer.
        # It also reads assignments from left to right: the wait stands before what it reads.
        set_wait = waits if dialect.returning else f"LAST_INSERT_ID({waits})"
        # A rate that was configured anew reaches the row here: below base is pulled up to it.
        # A power cut may take a booking back: it ends all who booked, and lasts longer than a second.
        with self._database.relaxed():
            booked = self._database.execute(
                f"UPDATE {TABLE} SET wait_us = {set_wait}, "
                f"next_us = {greatest}(next_us, {now}) + {greatest}(spacing_us, :base), "
                f"spacing_us = {greatest}(spacing_us, :base) "
                f"- CAST(({greatest}(spacing_us, :base) - :base) * {NARROW} AS {self._integer}) "
                f"WHERE id = :id AND next_us <= {now} + :max_wait"
                f"{' RETURNING wait_us' if dialect.returning else ''}",
                id=self._account,
                base=self._base,
                max_wait=round(max_wait * _SECOND),
            )
        if booked.rowcount == 1 or booked.rows:
            wait = booked.rows[0][0] if dialect.returning else booked.last_id
            return Permit(int(wait or 0) / _SECOND)
        found = self._database.execute(
            f"SELECT next_us - {now} FROM {TABLE} WHERE id = :id", id=self._account
        )
        ahead = int(found.rows[0][0]) / _SECOND if found.rows else 0.0
        return RateLimited(max(ahead - max_wait, self._base / _SECOND))

    def refused(self, limit: float | None) -> None:
        """Widen the spacing and stay quiet for a moment, for everyone."""
        dialect = self._database.dialect
        response = after_refusal(limit, self._base / _SECOND)
        widened = (
            f"{dialect.greatest}(CAST(spacing_us * {response.factor} AS {self._integer}), :least)"
        )
        self._database.execute(
            f"UPDATE {TABLE} SET next_us = {dialect.greatest}(next_us, {dialect.now_us}) + :back_off, "
            f"spacing_us = CASE WHEN {widened} > :widest THEN :widest ELSE {widened} END "
            "WHERE id = :id",
            id=self._account,
            back_off=round(response.quiet * _SECOND),
            least=round(response.least * _SECOND),
            widest=round(self._base * WIDEST),
        )

    @property
    def _integer(self) -> str:
        return "SIGNED" if self._database.dialect.name == "mysql" else "BIGINT"
