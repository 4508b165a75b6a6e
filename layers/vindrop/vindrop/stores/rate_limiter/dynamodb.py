"""The rate limiter in DynamoDB: one item, one conditional write per permit.

The rule is that of `vindrop.stores.rate_limiter.gcra`; ``next_us`` is its theoretical arrival time.
An UpdateExpression has no maximum, so there are two writes to choose from: the theoretical arrival
time is past (count from now) or ahead (count from it). The condition accepts the right one only,
and a wrong guess costs one more call. Moments are the callers' (see `vindrop.stores.dynamodb`): a
clock that is behind makes its owner wait longer, one that is ahead makes the others wait; two
callers never get the same place in the schedule.
"""

from __future__ import annotations

from typing import Final

from vindrop.core.rate_limiter import Permit, Rate, RateLimited
from vindrop.core.store_errors import StoreError
from vindrop.stores.dynamodb import DynamoDB
from vindrop.stores.rate_limiter.gcra import SECOND, Rule, admit, narrowed, refuse

_TABLE: Final = "uploads"
_TRIES: Final = 20
"""Of a write that others overtook; at the default rate two are seldom needed."""


class DynamoDBRateLimiter:
    """See `vindrop.core.rate_limiter.RateLimiter`."""

    def __init__(self, tables: DynamoDB, account: str, rule: Rule) -> None:
        self._tables = tables
        self._id = f"quota/{account}"
        self._rule = rule
        tables.put_new(_TABLE, {"id": self._id, "next_us": 0, "spacing_us": rule.spacing})
        # A rate that was lowered since: the spacing is never below it.
        tables.update(
            _TABLE, self._id, "SET #spacing_us = :base", "#spacing_us < :base", base=rule.spacing
        )

    def reserve(self, max_wait: float) -> Permit | RateLimited:
        """Reserve the next permit."""
        rule, longest = self._rule, round(max_wait * SECOND)
        ahead = False
        for _ in range(_TRIES):
            now = self._now()
            if ahead:
                refused, old = self._tables.update(
                    _TABLE,
                    self._id,
                    "SET #next_us = #next_us + #spacing_us",
                    "#next_us > :now AND #next_us <= :latest",
                    now=now,
                    latest=now + longest + rule.tolerance,
                )
            else:
                refused, old = self._tables.update(
                    _TABLE,
                    self._id,
                    "SET #next_us = :now + #spacing_us",
                    "#next_us <= :now",
                    now=now,
                )
            there = old if refused is None else refused.item
            if there is None:
                raise StoreError(
                    "the rate limiter's item was deleted: it is made again at the next start"
                )
            tat, spacing = int(there["next_us"]), int(there["spacing_us"])
            found, _tat = admit(rule, now, tat, spacing, longest)
            if isinstance(found, RateLimited):
                return RateLimited(max(found.retry_after, rule.spacing / SECOND))
            if refused is None:
                self._narrow(spacing)
                return found
            ahead = tat > now
        return RateLimited(rule.spacing / SECOND)

    def refused(self, limit: float | None) -> None:
        """Widen the spacing and pause for a moment, for everyone."""
        for _ in range(_TRIES):
            item = self._tables.get(_TABLE, self._id)
            if item is None:
                return
            tat, spacing = int(item["next_us"]), int(item["spacing_us"])
            later, widened = refuse(self._rule, self._now(), tat, spacing, limit)
            refused, _ = self._tables.update(
                _TABLE,
                self._id,
                "SET #next_us = :later, #spacing_us = :widened",
                "#next_us = :next_us AND #spacing_us = :spacing",
                later=later,
                widened=widened,
                next_us=tat,
                spacing=spacing,
            )
            if refused is None:
                return
        raise StoreError("the rate limiter in DynamoDB is written too often at once: try again")

    def now(self) -> Rate:
        """Return what it allows now, from one read."""
        item = self._tables.get(_TABLE, self._id) or {}
        ahead = int(item.get("next_us", 0)) - self._rule.tolerance - self._now()
        spacing = max(int(item.get("spacing_us", 0)), self._rule.spacing)
        return Rate(SECOND / spacing, max(ahead, 0) / SECOND)

    def _narrow(self, spacing: int) -> None:
        """Take back a share of what a refusal added, in a write of its own.

        Where another caller changed the spacing in between, that one has taken the share.
        """
        less = narrowed(self._rule, spacing)
        if less < spacing:
            self._tables.update(
                _TABLE,
                self._id,
                "SET #spacing_us = :less",
                "#spacing_us = :spacing",
                less=less,
                spacing=spacing,
            )

    def _now(self) -> int:
        return round(self._tables.now() * SECOND)
