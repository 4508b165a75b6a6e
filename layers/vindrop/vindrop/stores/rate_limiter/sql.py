"""The rate limiter in SQLite, PostgreSQL or MySQL: one row, one conditional UPDATE per permit.

The UPDATE is the rule of `vindrop.stores.rate_limiter.gcra`; ``next_us`` is its theoretical arrival
time. Moments are whole microseconds of the store's clock; the caller learns only how long to
wait, so its own clock may be wrong.
"""

from __future__ import annotations

from typing import Final

from vindrop.core.rate_limiter import Permit, Rate, RateLimited
from vindrop.stores.rate_limiter.gcra import NARROW, SECOND, Rule, after_refusal
from vindrop.stores.sql import Database, Dialect

TABLE: Final = "vindrop_quota"


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

    def __init__(self, database: Database, account: str, rule: Rule) -> None:
        self._database = database
        self._account = account
        self._rule = rule
        self._integer = "SIGNED" if database.dialect.name == "mysql" else "BIGINT"
        # A rate that was lowered reaches the row here: a narrower spacing is pulled up to it.
        self._spacing = f"{database.dialect.greatest}(spacing_us, :base)"
        for table, statements in schema(database.dialect).items():
            database.ensure(table, *statements)
        database.execute(
            f"INSERT INTO {TABLE} (id, next_us, spacing_us, wait_us) VALUES (:id, 0, :base, 0) "
            f"{database.dialect.on_conflict_ignore}",
            id=account,
            base=rule.spacing,
        )

    def reserve(self, max_wait: float) -> Permit | RateLimited:
        """Reserve the next permit in one statement."""
        dialect = self._database.dialect
        now, greatest = dialect.now_us, dialect.greatest
        wait = f"{greatest}(next_us - :tolerance - {now}, 0)"
        # MySQL has no RETURNING; LAST_INSERT_ID(x) hands x back with the statement's answer.
        # It also evaluates assignments from left to right: the wait stands before what it reads.
        set_wait = wait if dialect.returning else f"LAST_INSERT_ID({wait})"
        # A power cut may undo the reservation: it also ends everyone who holds a permit, and
        # lasts longer than the provider's second.
        with self._database.relaxed():
            reserved = self._database.execute(
                f"UPDATE {TABLE} SET wait_us = {set_wait}, "
                f"next_us = {greatest}(next_us, {now}) + {self._spacing}, "
                f"spacing_us = {self._spacing} "
                f"- CAST(({self._spacing} - :base) * {NARROW} AS {self._integer}) "
                f"WHERE id = :id AND next_us - :tolerance <= {now} + :max_wait"
                f"{' RETURNING wait_us' if dialect.returning else ''}",
                id=self._account,
                base=self._rule.spacing,
                tolerance=self._rule.tolerance,
                max_wait=round(max_wait * SECOND),
            )
        if reserved.rowcount == 1 or reserved.rows:
            waits = reserved.rows[0][0] if dialect.returning else reserved.last_id
            return Permit(int(waits or 0) / SECOND)
        found = self._database.execute(
            f"SELECT next_us - :tolerance - {now} FROM {TABLE} WHERE id = :id",
            id=self._account,
            tolerance=self._rule.tolerance,
        )
        ahead = int(found.rows[0][0]) / SECOND if found.rows else 0.0
        return RateLimited(max(ahead - max_wait, self._rule.spacing / SECOND))

    def refused(self, limit: float | None) -> None:
        """Widen the spacing and pause for a moment, for everyone."""
        dialect = self._database.dialect
        refusal = after_refusal(self._rule, limit)
        widened = (
            f"{dialect.greatest}"
            f"(CAST({self._spacing} * {refusal.factor} AS {self._integer}), :least)"
        )
        self._database.execute(
            f"UPDATE {TABLE} SET "
            f"next_us = {dialect.greatest}(next_us, {dialect.now_us} + :tolerance) + :pause, "
            f"spacing_us = CASE WHEN {widened} > :widest THEN :widest ELSE {widened} END "
            "WHERE id = :id",
            id=self._account,
            base=self._rule.spacing,
            tolerance=self._rule.tolerance,
            pause=refusal.pause,
            least=refusal.least,
            widest=refusal.widest,
        )

    def now(self) -> Rate:
        """Return what it allows now, from one SELECT."""
        found = self._database.execute(
            f"SELECT next_us - :tolerance - {self._database.dialect.now_us}, spacing_us "
            f"FROM {TABLE} WHERE id = :id",
            id=self._account,
            tolerance=self._rule.tolerance,
        )
        ahead, spacing = found.rows[0] if found.rows else (0, 0)
        return Rate(SECOND / max(int(spacing), self._rule.spacing), max(int(ahead), 0) / SECOND)
